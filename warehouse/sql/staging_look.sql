-- Which of the steps that follow have anything to do.
SELECT count(*) FILTER (op <> 'upsert'), count(*) FILTER (op = 'merge'),
       EXISTS (FROM ops.writeback_echo WHERE source_system = $source AND stream = $stream),
       EXISTS (FROM staging.rejected WHERE source_system = $source AND stream = $stream)
FROM arrived
