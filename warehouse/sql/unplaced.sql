-- Per source: live parties that the published crosswalk lacks, and records of the crosswalk that staging does not know as live.
WITH current AS (SELECT record_key, source_system FROM {live}.identity.customer_xref WHERE is_current),
     living AS (SELECT record_key, source_system FROM staging.party_record WHERE NOT is_deleted)
SELECT coalesce(l.source_system, c.source_system) AS source_system,
       count(*) FILTER (c.record_key IS NULL) AS unplaced,
       count(*) FILTER (l.record_key IS NULL) AS stray
FROM living AS l FULL JOIN current AS c USING (record_key)
GROUP BY 1 HAVING count(*) FILTER (c.record_key IS NULL OR l.record_key IS NULL) > 0
ORDER BY 1
