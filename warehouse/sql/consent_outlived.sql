-- Denials that the versions which arrived tell no more: withdrawn silently, gone with their record, or said of another address now. They
-- stay until the same signal is given for the same purpose, channel and identifier, or its source lifts what was its own denial. What
-- was read from the very version that is read again is no denial that outlived it, but a mapping that reads otherwise. Signals that
-- were turned down leave what was there.
CREATE OR REPLACE TEMP TABLE outlived AS
SELECT s.* REPLACE (
         CASE WHEN s.is_kept THEN s.consent_key
              ELSE s.consent_key || ':kept:' || md5(concat_ws('|', s.purpose, s.channel, coalesce(s.identifier, ''))) END AS consent_key,
         true AS is_kept)
FROM staging.consent AS s JOIN arrived AS a USING (source_record_id)
WHERE s.source_system = $source AND s.stream = $stream AND s.status = 'denied' AND (s.is_kept OR s.payload_hash <> a.payload_hash)
  AND NOT EXISTS (
    FROM candidate AS c
    WHERE c.source_record_id = s.source_record_id AND c.signal IS NOT DISTINCT FROM s.signal
      AND (c.status = 'lifted'
           OR (c.purpose = s.purpose AND c.channel = s.channel AND c.identifier IS NOT DISTINCT FROM s.identifier
               AND (c.status = 'denied' OR (c.status = 'granted' AND coalesce(c.captured_at >= s.captured_at, true)))))
  )
QUALIFY row_number() OVER (PARTITION BY s.source_record_id, s.signal, s.purpose, s.channel, s.identifier ORDER BY s.is_kept) = 1
