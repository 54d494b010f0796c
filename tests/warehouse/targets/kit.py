"""Published loads made by hand, and databases of a test's own to publish them into."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from hub.contract.secret import Secret
from tests.servers import MARIADB, POSTGRES, demand
from warehouse.publish import load_file, repoint
from warehouse.settings import WarehouseSettings
from warehouse.targets import TableSpec, TargetResult, TargetSettings, publish_to

LIVE = ("postgres", "mariadb")
SPECS = (
    TableSpec(
        "golden",
        "customer",
        ("customer_id",),
        ("email",),
        "Who buys, 100% of them",
        {"customer_id": "The ID, for ever", "email": "It's theirs"},
    ),
    TableSpec("golden", "customer_order", ("order_key",), ("customer_id", "ordered_at")),
    TableSpec("golden", "customer_360", ("customer_id",)),
    TableSpec("identity", "customer_xref", ("record_key", "valid_from")),
    TableSpec("ops", "load_batch", ("load_id",)),
)


@dataclass
class Loads:
    """A folder of published loads; the link points to the one made last."""

    settings: WarehouseSettings

    def make(self, load_id: str, *more: str) -> None:
        """A load of two customers and what the statements make of it."""
        self.settings.published.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(load_file(self.settings, load_id))) as con:
            for schema in ("golden", "identity", "ops"):
                con.execute(f"CREATE SCHEMA {schema}")
            con.execute(FIRST)
            con.execute(f"INSERT INTO ops.load_batch VALUES ('{load_id}')")
            for statement in more:
                con.execute(statement)
        self.show(load_id)

    def show(self, load_id: str) -> None:
        """Let the link point to a load."""
        repoint(self.settings, load_id)


FIRST = """
CREATE TABLE golden.customer (
  customer_id VARCHAR, full_name VARCHAR, email VARCHAR, score DOUBLE, is_test BOOLEAN, born DATE,
  seen_at TIMESTAMP, source_systems VARCHAR[], net MAP(VARCHAR, DECIMAL(18,2)));
INSERT INTO golden.customer VALUES
  ('c_1', 'Ann', 'ann@example.org', 0.1, false, DATE '1980-02-29', TIMESTAMP '2026-01-02 03:04:05.678901',
   ['a', 'b'], MAP {'EUR': 1.50}),
  ('c_2', 'Bob', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE golden.customer_order (order_key VARCHAR, customer_id VARCHAR, amount DECIMAL(18,6), ordered_at TIMESTAMP);
INSERT INTO golden.customer_order
  SELECT 'o' || i, 'c_' || (1 + i % 2), (i / 7)::DECIMAL(18,6), TIMESTAMP '2026-01-01' + INTERVAL (i) HOUR FROM range(3000) r(i);
CREATE VIEW golden.customer_360 AS SELECT c.*, count(o.order_key) AS orders, sum(o.amount) AS spent
  FROM golden.customer c LEFT JOIN golden.customer_order o USING (customer_id) GROUP BY ALL;
CREATE TABLE identity.customer_xref (record_key VARCHAR, customer_id VARCHAR, valid_from TIMESTAMP);
INSERT INTO identity.customer_xref VALUES ('s:c:1', 'c_1', TIMESTAMP '2026-01-01'), ('S:c:1', 'c_2', TIMESTAMP '2026-01-01');
CREATE TABLE ops.load_batch (load_id VARCHAR);
"""


@dataclass
class Database:
    """A target database, empty at first."""

    system: str
    url: str
    prefix: str
    engine: sa.Engine
    monkeypatch: pytest.MonkeyPatch
    settings: TargetSettings

    def publish(self, loads: Loads, *, owner: str = "us", specs: Any = SPECS, **changed: Any) -> TargetResult:
        """Bring what the link points to into it."""
        return publish_to(self.settings.model_copy(update=changed), loads.settings, specs, owner=owner)

    def place(self, table: str) -> str:
        """A table's name there."""
        return f"{self.prefix}{table}"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query; tables as {golden.customer}."""
        with self.engine.connect() as con:
            return [tuple(row) for row in con.exec_driver_sql(self._named(query)).all()]

    def run(self, *statements: str) -> None:
        """Run statements in one transaction."""
        with self.engine.begin() as con:
            for statement in statements:
                con.exec_driver_sql(self._named(statement))

    def _named(self, query: str) -> str:
        for schema in ("golden", "identity", "quality", "ops"):
            query = query.replace("{" + schema + ".", self.prefix + schema + ".")
        return query.replace("}", "").replace("%", "%%")


@contextmanager
def target_database(system: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Schemas of a test's own on a server, gone afterwards; the test is skipped where there is no server."""
    url = demand(POSTGRES if system == "postgres" else MARIADB)
    prefix = f"t{uuid.uuid4().hex[:8]}_"
    monkeypatch.setenv("ANALYTICS_URL", url)
    settings = TargetSettings(name="analytics", url=Secret("${ANALYTICS_URL}"), schema_prefix=prefix)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="READ COMMITTED")
    try:
        yield Database(system, url, prefix, engine, monkeypatch, settings)
    finally:
        what = "SCHEMA" if system == "postgres" else "DATABASE"
        end = " CASCADE" if system == "postgres" else ""
        with sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT").connect() as con:
            for schema in ("golden", "identity", "quality", "ops"):
                con.exec_driver_sql(f"DROP {what} IF EXISTS {prefix}{schema}{end}")


def loads_in(folder: Path) -> Loads:
    """A folder without loads."""
    return Loads(WarehouseSettings().resolved(folder))
