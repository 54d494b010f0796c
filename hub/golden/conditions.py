"""Conditions that people write in hub.yaml: one SQL expression over the columns of one relation, and nothing else.

There are no subqueries, no functions over many rows, no functions that read files, settings or the clock, so that the same load
gives the same answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any

import duckdb

from hub.golden.one_expression import first_line, refusal, taken_apart

_ALLOWED = {
    *("CONJUNCTION", "COMPARISON", "BETWEEN", "CASE", "OPERATOR", "CAST", "TYPE", "COLLATE", "CONSTANT", "COLUMN_REF", "FUNCTION"),
}


def check_condition(text: str, columns: Mapping[str, str]) -> None:
    """Make sure that a text is a condition over these columns.

    Args:
        columns: name and SQL type of each column it may use.

    Raises:
        ValueError: it is none; says why and names the column or function.
    """
    if not text.strip():
        raise ValueError("is empty")
    _checked(text, tuple(columns.items()))


@cache
def _checked(text: str, typed: tuple[tuple[str, str], ...]) -> None:
    """As `check_condition`; a process reads the same configuration many times, and each opening of DuckDB takes 40 ms."""
    columns = dict(typed)
    with duckdb.connect(config={"enable_external_access": "false"}) as con:
        for node in taken_apart(con, text)[1]:
            _check_part(con, node, columns)
        fields = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
        con.execute(f"CREATE TABLE given ({fields})")
        try:
            con.execute("INSERT INTO given DEFAULT VALUES")
            con.execute(f"SELECT (\n{text}\n) FROM given").fetchall()  # some faults show only then, such as orders > 'many'
            kind = con.execute(f"DESCRIBE SELECT (\n{text}\n) AS found FROM given").fetchall()[0][1]
        except duckdb.Error as error:
            raise ValueError(first_line(error)) from error
    if kind != "BOOLEAN":
        raise ValueError(f"must be true or false, this is {kind}")


def _check_part(con: duckdb.DuckDBPyConnection, part: dict[str, Any], columns: Mapping[str, str]) -> None:
    kind = part["class"]
    if kind not in _ALLOWED:
        raise ValueError(refusal(part))
    if kind == "COLUMN_REF":
        _check_column(part["column_names"], columns)
    if kind == "FUNCTION":
        _check_function(con, part["function_name"])


def _check_column(names: list[str], columns: Mapping[str, str]) -> None:
    name = names[0].lower()
    if len(names) == 1 and name in columns:
        return
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
    hint = {"current_date": "as_of_date", "now": "as_of_date", "today": "as_of_date"}.get(name, near[0] if near else None)
    known = f"did you mean {hint!r}?" if hint else f"known are {', '.join(columns)}"
    raise ValueError(f"there is no column {'.'.join(names)!r}; {known}")


def _check_function(con: duckdb.DuckDBPyConnection, name: str) -> None:
    kinds = con.execute(
        "SELECT DISTINCT function_type, stability FROM duckdb_functions() WHERE function_name = ? AND function_type <> 'pragma'",
        [name.lower()],
    ).fetchall()
    if not kinds:
        raise ValueError(f"there is no function {name!r}")
    if any(kind != ("scalar", "CONSISTENT") for kind in kinds):
        raise ValueError(f"the function {name!r} is not allowed: it does not look at one row alone")
