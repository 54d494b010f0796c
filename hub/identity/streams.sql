-- one bit a stream; beyond 62 streams two may share a bit, which only blurs the evidence "both in one stream"
CREATE OR REPLACE TEMP TABLE id_stream AS
SELECT source_system, stream, 1::BIGINT << ((row_number() OVER (ORDER BY source_system, stream) - 1) % 62) AS bit
FROM (SELECT DISTINCT source_system, stream FROM id_record);
