"""Runs `normalise_parties` over rows written as keyword arguments, as few rows and as many are run."""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from unittest import mock

import duckdb
import pyarrow as pa

from hub.contract.columns import PARTY
from hub.normalise import normalise_parties

_SURROUND = (
    "record_key",
    "source_system",
    "stream",
    "source_record_id",
    "country_default",
    "timezone",
    "sync_run_id",
    "payload_hash",
)
_TEXT = (*_SURROUND, *(column.name for column in PARTY.columns))


def warehouse() -> duckdb.DuckDBPyConnection:
    """A working warehouse in memory, with schema staging."""
    con = duckdb.connect()
    con.execute(files("warehouse.sql").joinpath("staging.sql").read_text())
    return con


def load(con: duckdb.DuckDBPyConnection, rows: list[dict[str, str | None]], table: str = "parties") -> None:
    """Rows of party columns as the temp table that `normalise_parties` takes; what a row leaves out is NULL."""
    defaults = [
        {
            "record_key": f"crm:people:{n:05}",
            "source_system": "crm",
            "stream": "people",
            "source_record_id": f"{n:05}",
            "sync_run_id": "run-1",
            "payload_hash": f"hash-{n}",
        }
        for n in range(len(rows))
    ]
    full = [{**default, **row} for default, row in zip(defaults, rows, strict=True)]
    con.register("rows_as_text", pa.table({name: pa.array([row.get(name) for row in full], pa.string()) for name in _TEXT}))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, TIMESTAMP '2026-01-02 03:04:05' AS source_updated_at FROM rows_as_text"
    )
    con.unregister("rows_as_text")


def normalise(rows: list[dict[str, str | None]], con: duckdb.DuckDBPyConnection | None = None) -> list[dict[str, Any]]:
    """The normalised rows, in the order of the given ones; the same whether the rows count for few or for many."""
    con = con or warehouse()
    load(con, rows)
    found = []
    for few in (0, len(rows) + 1):
        with mock.patch("hub.normalise.parties._FEW", few):
            normalise_parties(con, "parties", "normalised")
        result = con.execute("FROM normalised ORDER BY record_key")
        names = [column[0] for column in result.description]
        found.append([dict(zip(names, row, strict=True)) for row in result.fetchall()])
    assert found[0] == found[1]
    return found[1]


def column(name: str, values: list[str | None], given: str, **others: str | None) -> list[Any]:
    """What becomes of each value of one column, as one column of the result."""
    return [row[name] for row in normalise([{given: value, **others} for value in values])]
