"""Seconds that publishing takes, next to DuckDB's own copy of the same tables: the published file, then each further target.

`python -m bench.publish --records 100000 --facts 300000` prints a Markdown table. PG_URL and MYSQL_URL name the servers; those that
are not set are left out. The schemas it makes are dropped in the end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from hub.contract.secret import Secret
from warehouse.connection import connect
from warehouse.differences import PublishedTable, content_digest
from warehouse.publish import live_load, load_file, publish
from warehouse.settings import WarehouseSettings
from warehouse.targets import TableSpec, TargetSettings, publish_to

TABLES = (
    PublishedTable("golden", "customer", ("customer_id",), stamped=True),
    PublishedTable("golden", "customer_order", ("order_key",), stamped=True),
)
SPECS = tuple(TableSpec(t.schema, t.name, t.keys, ("customer_id", "email", "ordered_at")) for t in TABLES)
PREFIX = "hub_bench_"
MAKE = """
CREATE SCHEMA golden; CREATE SCHEMA quality;
CREATE TABLE quality.gate_decision (load_id VARCHAR, decision VARCHAR, content_digest VARCHAR);
CREATE TABLE golden.customer AS SELECT 'c_' || md5(i::VARCHAR)[:26] AS customer_id, 'Person ' || i AS full_name,
  'p' || i || '@mail' || i % 5000 || '.example' AS email, '+4420' || (10000000 + i) AS phone_e164,
  'Street ' || i % 900 AS address_line1,
  'City ' || i % 700 AS city, 'GB' AS country_code, ['stripe', 'shopify'] AS source_systems, i % 7 AS source_record_count,
  TIMESTAMP '2026-01-01' + INTERVAL (i % 500000) MINUTE AS last_activity_at, (i % 100) / 100 AS confidence, 'L1' AS load_id
  FROM range({records}) r(i);
CREATE TABLE golden.customer_order AS SELECT 'shopify:orders:' || i AS order_key,
  'c_' || md5((i % {records})::VARCHAR)[:26] AS customer_id, 'shopify' AS source_system, i::VARCHAR AS source_record_id,
  'EUR' AS currency, (i % 90000 / 100)::DECIMAL(18,2) AS gross_amount, (i % 80000 / 100)::DECIMAL(18,2) AS net_amount,
  i % 9 = 0 AS is_test,
  TIMESTAMP '2026-01-01' + INTERVAL (i % 500000) MINUTE AS ordered_at, 'L1' AS load_id
  FROM range({facts}) r(i);
"""
# a day on which one row of a hundred changed
CHANGE = (
    "UPDATE golden.customer SET city = 'Leeds', load_id = 'L2' WHERE hash(customer_id) % 100 = 0",
    "UPDATE golden.customer_order SET net_amount = net_amount + 1, load_id = 'L2' WHERE hash(order_key) % 100 = 0",
)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and what came of it."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def publish_load(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings, load_id: str) -> None:
    """Judge and publish what is in the working warehouse, as a sync would."""
    con.execute("INSERT INTO quality.gate_decision VALUES (?, 'pass', ?)", [load_id, content_digest(con, TABLES, load_id=load_id)])
    publish(con, settings, load_id=load_id, judged=TABLES, carried=[], views=[])


def copied(settings: WarehouseSettings, place: Path) -> None:
    """DuckDB's own copy of the published file."""
    con = connect(None)
    con.execute(f"ATTACH '{load_file(settings, str(live_load(settings)))}' AS live (READ_ONLY); ATTACH '{place}' AS other")
    con.execute("COPY FROM DATABASE live TO other")
    con.close()


def drop(url: str) -> None:
    """Drop what the bench made on a server."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as con:
        for schema in ("golden", "ops"):
            postgres = engine.dialect.name == "postgresql"
            con.exec_driver_sql(
                f"DROP {'SCHEMA' if postgres else 'DATABASE'} IF EXISTS {PREFIX}{schema}{' CASCADE' if postgres else ''}"
            )
    engine.dispose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--facts", type=int, default=300_000)
    asked = parser.parse_args()
    urls = {variable: os.environ[variable] for variable in ("PG_URL", "MYSQL_URL") if os.environ.get(variable)}
    lines = [("step", "seconds", "rows written", "rows/s")]

    def note(step: str, seconds: float, rows: int) -> None:
        lines.append((step, f"{seconds:.2f}", f"{rows:,}", f"{rows / seconds:,.0f}"))

    with tempfile.TemporaryDirectory() as folder:
        settings = WarehouseSettings().resolved(Path(folder))
        con = connect(Path(folder) / "working.duckdb")
        con.execute(MAKE.format(records=asked.records, facts=asked.facts))
        total = asked.records + asked.facts
        note("published file, first load", timed(lambda: publish_load(con, settings, "L1"))[0], total)
        note("DuckDB's COPY FROM DATABASE of the same", timed(lambda: copied(settings, Path(folder) / "copy.duckdb"))[0], total)
        targets = {name: TargetSettings(name=name.lower(), url=Secret(f"${{{name}}}"), schema_prefix=PREFIX) for name in urls}
        try:
            for name, target in targets.items():
                seconds, done = timed(lambda target=target: publish_to(target, settings, SPECS, owner="bench"))
                note(f"{name}, whole", seconds, done.written)
            changed = sum(con.execute(statement).fetchall()[0][0] for statement in CHANGE)
            note("published file, 1 % changed", timed(lambda: publish_load(con, settings, "L2"))[0], changed)
            for name, target in targets.items():
                seconds, done = timed(lambda target=target: publish_to(target, settings, SPECS, owner="bench"))
                note(f"{name}, 1 % changed (deleted and written)", seconds, done.written)
        finally:
            con.close()
            for url in urls.values():
                drop(url)
    for line in lines:
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
