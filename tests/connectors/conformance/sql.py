"""A SQL database: no vendor and no HTTP, but a cursor with look-back over rows that change while they are read.

The cases drive a vendor by its requests and answers. Here a query for rows is the request, and each page of records an answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
import sqlalchemy as sa

from connectors.contract import Connector, Record, Reject
from connectors.databases import reading as databases_reading
from connectors.databases import server as databases_server
from connectors.databases.rows import Shape
from connectors.databases.server import Snapshot
from connectors.databases.systems import Sqlite
from tests.connectors.conformance.counterpart import Counterpart
from tests.loopback import Reply, Request

_PAGE = Request("SELECT", "rows", {}, {}, b"")


class Sql(Counterpart):
    """A table whose rows say when they changed last; what both streams, which read that one table, have in common."""

    type_name = "sql"
    bypass: ClassVar = {
        "boundary": "the query itself says whether the boundary counts; it always does",
        "empty_page": "a result has no pages that could be empty",
        "throttle": "a database does not ask for patience; connections it refuses or drops are in test_databases.py",
        "refresh_token": "a password does not rotate",
        "unauthorised": "wrong passwords are refused by real servers in test_databases.py",
        "retention": "a table has no feed of changes that could forget",
        "child": "a row is read in one piece",
        "merge": "a table has no word for merges; a query may map one to a deletion",
        "torn": "a connection that breaks off in the middle is broken on real servers in test_databases.py",
    }
    lookback: ClassVar = 300
    mark_at = ("name",)

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.file = folder / "people.db"
        self.keys = 0
        self._run("PRAGMA journal_mode = WAL")
        self._run("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, price TEXT, currency TEXT, gone INT, changed INT)")

    def _run(self, statement: str, *values: Any) -> None:
        con = sqlite3.connect(self.file)
        with con:
            con.execute(statement, values)
        con.close()

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("PEOPLE_URL", f"sqlite:///{self.file}")
        people = {"id": "id", "updated_at": "changed", "deleted_flag": "gone", "fields": {"full_name": "name"}}
        orders = {
            "id": "id",
            "deletes": "snapshot",
            "fields": {"ordered_at": "changed", "currency": "currency", "gross_amount": "price"},
        }
        return {
            "url": "${PEOPLE_URL}",
            "lookback_seconds": self.lookback,
            "streams": {
                "people": {"table": "people", "kind": "party", **people},
                "orders": {"table": "people", "kind": "order", **orders},
            },
        }

    def connect(self) -> Connector:
        patch = self.monkeypatch.setattr
        patch(databases_reading, "PAGE_ROWS", self.page_size)
        patch(databases_server, "_FIRST_ROWS", self.page_size)
        patch(databases_server, "_CHUNK_ROWS", self.page_size)
        patch(Sqlite, "open_since", lambda system, con: datetime.fromtimestamp(self.time, UTC))
        chunks, records = Snapshot.chunks, Shape.records

        def served(snapshot: Snapshot, statement: sa.Select[Any]) -> Iterator[tuple[Sequence[Sequence[Any]], int]]:
            for hook in list(self.before):
                refusal = hook(_PAGE)
                if refusal is not None:
                    raise sa.exc.DBAPIError.instance("SELECT", None, _refusal(refusal.status), sqlite3.Error)
            yield from chunks(snapshot, statement)

        def made(shape: Shape, rows: Sequence[Sequence[Any]], zone: tzinfo) -> tuple[Sequence[Record], list[Reject]]:
            read, rejects = records(shape, rows, zone)
            if not self.after:
                return read, rejects
            changed = list(read)
            reply = Reply({"rows": [record.payload for record in changed]})
            for change in list(self.after):
                reply = change(_PAGE, reply)
            return changed, rejects

        if chunks.__name__ != "served":
            patch(Snapshot, "chunks", served)
            patch(Shape, "records", made)
        return super().connect()

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            self.keys += 1
            key = str(self.keys)
        self._run("INSERT OR REPLACE INTO people VALUES (?, ?, '1.00', 'EUR', 0, ?)", int(key), mark, at)
        return key

    def touch(self, key: str) -> None:
        self._run("UPDATE people SET changed = ? WHERE id = ?", self.time, int(key))

    def is_page(self, request: Request) -> bool:
        return request is _PAGE

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["rows"]
        return found

    def answer(self, request: Request) -> Reply:
        raise AssertionError("nothing goes over HTTP here")

    @contextmanager
    def running(self) -> Iterator[Self]:
        yield self


class People(Sql):
    """Rows by the time of their last change, with a flag for those that are gone."""

    stream = "people"
    bypass: ClassVar = {**Sql.bypass, "money": "people bear no amounts"}

    def delete(self, key: str, at: int) -> None:
        self._run("UPDATE people SET gone = 1, changed = ? WHERE id = ?", at, int(key))


class Orders(Sql):
    """The same rows, read whole each time."""

    stream = "orders"
    bypass: ClassVar = {
        **Sql.bypass,
        "late": "the table is read whole each time, so that no row can be late",
        "backfill": "without a column that tells when a row changed, the stream can only be read whole",
        "future": "the checkpoint holds no time",
    }

    def delete(self, key: str, at: int) -> None:
        self._run("DELETE FROM people WHERE id = ?", int(key))

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        payload = {"id": 1, "price": amount, "currency": currency, "changed": "2026-03-01T10:00:00+00:00"}
        return "customer_order", "gross_amount", payload


def _refusal(status: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("access prohibited")
    error.sqlite_errorname = "SQLITE_AUTH" if status == 403 else "SQLITE_BUSY"
    return error


COUNTERPARTS = (People, Orders)
