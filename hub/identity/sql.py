"""Running the packaged SQL files: statement by statement, with named parameters. No SQL of its own."""

from __future__ import annotations

import re
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


_TEMPORARY = (
    "SELECT 'TABLE', table_name FROM duckdb_tables() WHERE temporary"
    " UNION ALL SELECT 'VIEW', view_name FROM duckdb_views() WHERE temporary"
)
_MACRO = re.compile(r"^CREATE OR REPLACE TEMP MACRO (id_\w+)\(", re.MULTILINE)


def forget(con: Connection, *relations: str) -> None:
    """Drops the temporary tables and views of these names."""
    for kind, name in rows(con, _TEMPORARY):
        if name in relations:
            con.execute(f"DROP {kind} {name}")


def drop_temporary(con: Connection) -> None:
    """Drops all temporary views, tables and macros of the identity stage."""
    for kind, name in rows(con, _TEMPORARY):
        if name.startswith("id_"):
            con.execute(f"DROP {kind} {name}")
    for name in _macros():
        con.execute(f"DROP MACRO IF EXISTS temp.{name}")


@cache
def _macros() -> tuple[str, ...]:
    """The macros that the packaged files make. DuckDB tells those that there are only among the thousands of its own functions."""
    scripts = sorted(name for name in (f.name for f in files(__package__).iterdir()) if name.endswith(".sql"))
    return tuple(macro for name in scripts for macro in _MACRO.findall(text(name.removesuffix(".sql"))))


def patterns(con: Connection, relation: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Distinct values of the column ``vector``, ascending, and how often each occurs."""
    found = con.execute(f"SELECT vector, count(*) AS n FROM {relation} GROUP BY vector ORDER BY vector").fetchnumpy()
    return np.asarray(found["vector"], dtype=np.int64), np.asarray(found["n"], dtype=np.float64)
