"""A database of its own for a test, on each system that is tested live, and what a `sql` source reads from it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.contract import Checkpoint, Page, Record, Reject, Stream
from connectors.databases.connector import SqlConnector
from connectors.databases.settings import SqlSettings
from tests.servers import MARIADB, POSTGRES, demand

SYSTEMS = ("postgres", "mariadb", "sqlite")
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
CUSTOMERS = {"table": "customers", "kind": "party", "id": "id", "updated_at": "modified", "fields": {"full_name": "name"}}
_TIME = {"postgres": "timestamp(6)", "mariadb": "datetime(6)", "sqlite": "text"}


@dataclass
class Database:
    """A database, schema or file that is gone after the test."""

    system: str
    url: str
    engine: sa.Engine
    schema: str | None

    def run(self, *statements: str) -> None:
        """Run statements as they are, in one transaction."""
        with self.engine.begin() as con:
            for statement in statements:
                con.exec_driver_sql(statement.replace("%", "%%") if self.system != "sqlite" else statement)

    @property
    def time(self) -> str:
        """A column type for times without a zone."""
        return _TIME[self.system]

    def customers(self) -> None:
        """Make a table of customers."""
        self.run(f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(50), modified {self.time} NULL)")

    def put(self, key: int, name: str, modified: str | None) -> None:
        """Make a customer, or change one."""
        moment = "NULL" if modified is None else f"'{modified}'"
        self.run(f"DELETE FROM customers WHERE id = {key}", f"INSERT INTO customers VALUES ({key}, '{name}', {moment})")


@contextmanager
def database(system: str, folder: Path, *, alone: bool = False) -> Iterator[Database]:
    """One of its own on a system; the test is skipped where there is no server.

    Args:
        alone: on PostgreSQL too a database and no schema: transactions of other tests keep VACUUM from removing rows of theirs.
    """
    name = f"hub_test_{uuid.uuid4().hex[:12]}"
    if system == "sqlite":
        url = f"sqlite:///{folder / name}.db"
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        yield Database(system, url, engine, None)
        return
    server = sa.make_url(demand(POSTGRES if system == "postgres" else MARIADB))
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    schema = system == "postgres" and not alone
    what = "SCHEMA" if schema else "DATABASE"
    more = "" if system == "postgres" else " CHARACTER SET utf8mb4"
    with admin.connect() as con:
        con.exec_driver_sql(f"CREATE {what} {name}{more}")
    url = server.set(query={"options": f"-csearch_path={name}"}) if schema else server.set(database=name)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        yield Database(system, url.render_as_string(hide_password=False), engine, name)
    finally:
        with admin.connect() as con:
            con.exec_driver_sql(f"DROP {what} {name}{' CASCADE' if schema else ''}")


def connector(
    db: Database, monkeypatch: pytest.MonkeyPatch, streams: Mapping[str, Any] | None = None, **others: Any
) -> SqlConnector:
    """A source of type sql over a database. Nobody waits in it."""
    monkeypatch.setenv("ERP_URL", db.url)
    monkeypatch.setattr("connectors.http.pause", lambda seconds: None)
    return SqlConnector("erp", SqlSettings(type="sql", url="${ERP_URL}", streams=streams or {"customers": CUSTOMERS}, **others))


def at(source: SqlConnector, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> SqlConnector:
    """Let it be a certain time at the server, and no transaction be open."""
    monkeypatch.setattr(type(source._server.system), "open_since", lambda self, con: now)
    return source


def stream_of(source: SqlConnector, name: str = "customers") -> Stream:
    return next(stream for stream in source.streams() if stream.name == name)


def pages(source: SqlConnector, checkpoint: Checkpoint | None = None, stream: str = "customers") -> list[Page]:
    return list(stream_of(source, stream).read(checkpoint))


def records(read: list[Page]) -> list[Record]:
    return [record for page in read for record in page.records]


def rejects(read: list[Page]) -> list[Reject]:
    return [reject for page in read for reject in page.rejects]


def ids(read: list[Page]) -> list[str]:
    return [record.id for record in records(read)]


def payloads(read: list[Page]) -> list[dict[str, Any]]:
    return [dict(record.payload) for record in records(read)]
