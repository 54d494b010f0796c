-- How many rows each part holds, the rejected ones too.
SELECT {part}, count(*) FROM read_parquet($parts, filename = true) GROUP BY ALL
