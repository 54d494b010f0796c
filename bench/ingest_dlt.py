"""dlt's side of `bench.ingest`. Runs under a Python that has dlt and nothing of ours; prints one JSON line."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt


def source_of(asked: dict[str, Any]) -> Any:
    """The dlt resource for a kind of source."""
    if asked["kind"] == "http":
        from dlt.sources.rest_api import rest_api_source

        paging = {"type": "json_link", "next_url_path": "next"}
        rows = {"name": "customers", "endpoint": {"path": "rows", "paginator": paging, "data_selector": "data"}}
        config: Any = {"client": {"base_url": asked["url"]}, "resources": [rows]}
        return rest_api_source(config)
    if asked["kind"] == "sql":
        from dlt.sources.sql_database import sql_table

        return sql_table(credentials=asked["url"], table=asked["table"], backend="pyarrow", chunk_size=20_000)
    from dlt.sources.filesystem import filesystem, read_csv

    return (filesystem(bucket_url=asked["path"], file_glob="*.csv") | read_csv()).with_name("customers")


def main(asked: dict[str, Any]) -> None:
    """Run the pipeline into DuckDB."""
    folder = asked["folder"]
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb(f"{folder}/dlt.duckdb"), dataset_name="raw", pipelines_dir=f"{folder}/dlt"
    )
    started, worked = time.monotonic(), time.process_time()
    pipeline.run(source_of(asked), loader_file_format="parquet")
    seconds, cpu = time.monotonic() - started, time.process_time() - worked
    with pipeline.sql_client() as client:
        table = asked.get("table", "customers")
        rows = client.execute_sql(f"SELECT count(*) FROM {table}")[0][0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "rows": rows, "peak_mb": peak}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
