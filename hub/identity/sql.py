"""Running the packaged SQL files: statement by statement, with named parameters. No SQL of its own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Connection = duckdb.DuckDBPyConnection
Row = tuple[Any, ...]


@cache
def text(name: str) -> str:
    """The text of the packaged file ``<name>.sql``."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run(con: Connection, name: str, names: dict[str, str] | None = None, **values: object) -> None:
    """Runs every statement of ``<name>.sql``.

    Args:
        names: identifiers put in place of ``{key}``, such as a schema.
        values: bound to ``$key``; each statement takes those it names.
    """
    script = text(name)
    for key, identifier in (names or {}).items():
        script = script.replace("{" + key + "}", identifier)
    for statement in con.extract_statements(script):
        con.execute(statement, {key: values[key] for key in statement.named_parameters})


def rows(con: Connection, query: str, *parameters: object) -> list[Row]:
    """All rows of a query."""
    return con.execute(query, list(parameters)).fetchall()


def one(con: Connection, query: str, *parameters: object) -> Any:
    """The first column of the first row of a query."""
    return rows(con, query, *parameters)[0][0]


def table(con: Connection, relation: str, **columns: object) -> None:
    """Makes a temporary table from arrays of equal length."""
    con.register("id_arrow", pa.table(columns))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS FROM id_arrow")
    con.unregister("id_arrow")


# what the identity stage makes for a while, by kind
_TEMPORARY = {
    "VIEW": "SELECT view_name FROM duckdb_views() WHERE temporary",
    "TABLE": "SELECT table_name FROM duckdb_tables() WHERE temporary",
    "MACRO": "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'macro'",
}


def forget(con: Connection, *relations: str) -> None:
    """Drops the temporary tables and views of these names."""
    for kind in ("VIEW", "TABLE"):
        for (name,) in rows(con, _TEMPORARY[kind]):
            if name in relations:
                con.execute(f"DROP {kind} {name}")


def drop_temporary(con: Connection) -> None:
    """Drops all temporary views, tables and macros of the identity stage."""
    for kind, query in _TEMPORARY.items():
        for (name,) in rows(con, query):
            if name.startswith("id_"):
                con.execute(f"DROP {kind} {name}")


def patterns(con: Connection, relation: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Distinct values of the column ``vector``, ascending, and how often each occurs."""
    found = con.execute(f"SELECT vector, count(*) AS n FROM {relation} GROUP BY vector ORDER BY vector").fetchnumpy()
    return np.asarray(found["vector"], dtype=np.int64), np.asarray(found["n"], dtype=np.float64)
