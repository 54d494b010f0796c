-- The customers in whose values trust, which decays by the day, puts the candidates of an attribute in another order than on the day of
-- the published load. $before and $day are the two days; `decided` says which attribute or group decides a column.
INSERT INTO touched_person
WITH candidate AS (
  SELECT DISTINCT a.customer_id, d.decided_by, a.record_key, a.trust_score, a.trust_floor, a.trust_half_life_days, a.source_updated_at
  FROM golden.customer_attribute AS a
  JOIN (SELECT unnest($columns) AS attribute, unnest($deciders) AS decided_by) AS d USING (attribute)
  WHERE a.trust_score IS NOT NULL
), trusted AS (
  SELECT customer_id, decided_by, trust_then, trust_now FROM (
    SELECT *, {then} AS trust_then, {now} AS trust_now, count(*) OVER (PARTITION BY customer_id, decided_by) AS candidates,
           bool_or(trust_half_life_days IS NOT NULL) OVER (PARTITION BY customer_id, decided_by) AS decays
    FROM candidate
  ) WHERE candidates > 1 AND decays
)
SELECT DISTINCT customer_id FROM (
  SELECT customer_id, dense_rank() OVER (PARTITION BY customer_id, decided_by ORDER BY trust_then) AS place_then,
         dense_rank() OVER (PARTITION BY customer_id, decided_by ORDER BY trust_now) AS place_now
  FROM trusted
) WHERE place_then <> place_now;
