-- Ranks the candidates of one attribute, or of a group whose members win together. What stands in braces is put together in
-- survivorship.py; greater terms win.
CREATE OR REPLACE TEMP TABLE ranked AS
WITH record AS (
  SELECT x.customer_id, p.record_key, p.source_system, p.source_updated_at, {columns},
         {value} AS value, {key} AS value_key, {keys}, {quality} AS quality, {status} AS validation_status, {verified} AS is_verified,
         {fallback} AS is_fallback
  FROM staging.party_record p JOIN owner_current x USING (record_key)
  WHERE {eligible}
), candidate AS (
  SELECT r.*, o.action, o.override_id, o.nth, r.record_key AS about
  FROM record r LEFT JOIN (FROM ruling WHERE attribute = '{name}') o USING (record_key)
  UNION ALL BY NAME
  SELECT s.customer_id, 'steward:override:' || s.override_id AS record_key, 'steward' AS source_system,
         s.created_at AS source_updated_at, {set_columns}, {set_value} AS value, lower({set_value}) AS value_key, {set_keys},
         'valid' AS validation_status, false AS is_fallback, 'set' AS action, s.override_id, s.nth, f.anchor_record_key AS about
  FROM setting s JOIN override_in_force f USING (override_id)
  WHERE s.attribute = '{name}'
), {support}termed AS (
  SELECT customer_id, record_key, source_system, source_updated_at, {members}, validation_status, is_verified, action, override_id,
         about, {trust}, value, CASE action WHEN 'ignore' THEN -1 WHEN 'pin' THEN nth WHEN 'set' THEN nth ELSE 0 END AS ruling,
         {terms}
  FROM candidate c {joins}
), placed AS (
  SELECT * EXCLUDE (value), row_number() OVER w AS rank_no, count(*) OVER (PARTITION BY customer_id) AS candidates,
         first_value(action) OVER w AS best_action, {neighbours}
  FROM termed
  WINDOW w AS (PARTITION BY customer_id ORDER BY ruling DESC, {order}, source_updated_at DESC NULLS LAST, value, record_key)
)
SELECT customer_id, record_key, source_system, source_updated_at, {judged}, validation_status, is_verified, trust_score, trust_floor,
       trust_half_life_days, override_id, about, rank_no, rank_no = 1 AND ruling >= 0 AS is_winner,
       CASE
         WHEN action = 'ignore' THEN 'override_ignore'
         WHEN ruling > 0 AND rank_no = 1 THEN 'override_' || action
         WHEN candidates = 1 THEN 'only_candidate'
         -- the winner is compared with the runner-up, every other candidate with the winner
         WHEN rank_no = 1 AND next_ruling < 0 THEN 'override_ignore'
         WHEN rank_no > 1 AND best_ruling > 0 THEN 'override_' || best_action
         {decided}
         ELSE 'tie_break'
       END AS rule
FROM placed;
