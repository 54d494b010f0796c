-- The customers whose records changed, came, went or moved, or of whose values a steward said something else. touched_person may have some
-- already.
INSERT INTO touched_person
SELECT customer_id FROM (
  SELECT customer_id FROM owner SEMI JOIN (FROM came_party_record UNION ALL FROM went_party_record) ON key = record_key
  UNION
  SELECT about FROM came_owner
  UNION
  SELECT about FROM went_owner
  UNION
  SELECT customer_id FROM owner SEMI JOIN (FROM came_override UNION ALL FROM went_override) ON about = record_key
)
ANTI JOIN touched_person USING (customer_id);

CREATE OR REPLACE TEMP TABLE person_owner AS FROM owner_current SEMI JOIN touched_person USING (customer_id);
CREATE OR REPLACE TEMP TABLE person_record AS FROM staging.party_record SEMI JOIN person_owner USING (record_key);
CREATE OR REPLACE TEMP TABLE person_setting AS FROM setting SEMI JOIN touched_person USING (customer_id);
