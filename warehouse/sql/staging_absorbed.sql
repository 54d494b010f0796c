-- A merged record is as alive as the one it leads to, through however many merges; one that leads nowhere, or in a circle, is gone.
UPDATE staging.party_record AS p SET is_deleted = e.is_gone
FROM (
  WITH RECURSIVE lead AS (
    SELECT record_key, merged_into AS leads_to
    FROM staging.party_record WHERE source_system = $1 AND stream = $2 AND merged_into IS NOT NULL
    UNION
    SELECT l.record_key, n.merged_into FROM lead AS l JOIN staging.party_record AS n ON n.record_key = l.leads_to
    WHERE n.merged_into IS NOT NULL
  )
  SELECT l.record_key, coalesce(bool_and(n.is_deleted) FILTER (n.merged_into IS NULL AND n.record_key IS NOT NULL), true) AS is_gone
  FROM lead AS l LEFT JOIN staging.party_record AS n ON n.record_key = l.leads_to
  GROUP BY l.record_key
) AS e
WHERE p.record_key = e.record_key AND p.is_deleted <> e.is_gone
