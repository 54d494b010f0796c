-- What people said of being contacted, and what of it is in force: a denial, until a newer explicit grant for the same purpose, channel
-- and identifier; a grant, as long as nothing denies it. What is unclear is a denial until it is mended. A grant without a time is
-- newer than nothing, and a denial without one is older than nothing.
CREATE OR REPLACE TABLE golden.consent AS
WITH living AS (
  SELECT f.*, o.customer_id,
         -- on its last day a denial holds still and a grant no more
         NOT coalesce(f.expires_at::DATE < s.as_of_date + (CASE WHEN f.status = 'granted' THEN 1 ELSE 0 END)::INTEGER, false) AS is_live,
         -- a time that is yet to come is a clock that is wrong, and newer than nothing
         CASE WHEN f.captured_at < s.as_of_date + 2 THEN f.captured_at END AS granted_at
  FROM consent_told f
  CROSS JOIN golden.reporting s
  LEFT JOIN owner o ON o.record_key = f.party_record_key
), newest AS (
  SELECT purpose, channel, identifier, max(granted_at) AS newest_at
  FROM living WHERE is_live AND status = 'granted' AND identifier IS NOT NULL GROUP BY purpose, channel, identifier
), judged AS (
  SELECT f.*, f.is_live AND f.status IN ('denied', 'unclear') AND NOT coalesce(f.captured_at < n.newest_at, false) AS is_against
  FROM living f LEFT JOIN newest n USING (purpose, channel, identifier)
), against AS (
  SELECT DISTINCT identifier, purpose, channel FROM judged WHERE is_against AND identifier IS NOT NULL
), opposed AS (
  SELECT DISTINCT g.consent_key
  FROM judged g JOIN against a ON a.identifier = g.identifier
    AND (a.purpose IN (g.purpose, 'any') OR g.purpose = 'any') AND (a.channel IN (g.channel, 'all') OR g.channel = 'all')
  WHERE g.status = 'granted'
), ruled AS (
  SELECT f.*, f.is_live AND f.status = 'granted' AND x.consent_key IS NULL AS is_for
  FROM judged f LEFT JOIN opposed x USING (consent_key)
)
SELECT f.consent_key, f.customer_id, f.party_record_key, f.source_system, f.stream, f.source_record_id, f.signal, f.purpose, f.channel,
       f.identifier, f.status, f.legal_basis, f.captured_at, f.expires_at, f.evidence, f.is_kept,
       f.is_against OR f.is_for AS is_effective,
       -- of the purposes that contact is for
       f.is_against AND (f.purpose = 'any' OR f.purpose IN (FROM contact_purpose)) AS is_denial,
       f.is_for AND f.purpose IN (FROM contact_purpose) AS is_grant,
       f.is_test, f.source_updated_at
FROM ruled f;

-- A denial outlives its record, and whose it was is a customer as long as it is told.
CREATE OR REPLACE TEMP VIEW consent_owner AS SELECT DISTINCT customer_id FROM golden.consent;
