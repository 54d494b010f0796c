"""A rule that is an SQL expression: parsed, restricted and bound when hub.yaml is read, so that a build never meets a bad one.

An expression sees one candidate and nothing else: no other row, table, file, clock or setting. What is allowed is listed; what is
not listed is refused, so that a function DuckDB gains later does not open a door.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

import duckdb

from hub.golden.attributes import ATTRIBUTES
from hub.golden.one_expression import first_line, refusal, taken_apart

# what an expression may name: of the candidate's record, and of the candidate itself
COLUMNS: dict[str, str] = {
    "value": "VARCHAR",  # the candidate; of a group its parts, with spaces between
    "validation_status": "VARCHAR",
    "source_system": "VARCHAR",
    "stream": "VARCHAR",
    "record_role": "VARCHAR",
    "party_type": "VARCHAR",
    "source_created_at": "TIMESTAMP",
    "source_updated_at": "TIMESTAMP",
    **{member.name: member.type for attribute in ATTRIBUTES.values() for member in attribute.members},
}
_FUNCTIONS = """
+ - * / // % ** ^ || ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape
abs ceil floor round trunc sign sqrt ln log10 pow power mod greatest least
lower upper trim ltrim rtrim length strlen left right substring substr replace reverse concat concat_ws split_part lpad rpad
contains starts_with prefix ends_with suffix position strpos instr ascii chr strip_accents
levenshtein jaro_winkler_similarity regexp_matches regexp_full_match regexp_replace regexp_extract
date_part datepart date_trunc date_diff datediff year month day epoch to_days to_months to_years make_date
nullif ifnull if
"""
_TYPES = """
VARCHAR TEXT STRING INTEGER INT INT4 BIGINT INT8 HUGEINT SMALLINT TINYINT DOUBLE FLOAT8 REAL FLOAT DECIMAL NUMERIC
BOOLEAN BOOL DATE TIMESTAMP DATETIME
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
TYPES = frozenset(_TYPES.split())
_NODES = frozenset({"CASE", "CAST", "TYPE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "BETWEEN", "CONSTANT", "FUNCTION"})
_OPERATORS = frozenset(
    {
        *("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_TRY"),
        *("COMPARE_IN", "COMPARE_NOT_IN"),
    }
)
_NESTED = ("[", "STRUCT", "MAP", "UNION", "BLOB", "WITH TIME ZONE")
_LONGEST = 2000


@cache
def checked(expression: str) -> str:
    """The expression in DuckDB's own spelling, or a `ValueError` that says what is not allowed in it.

    Greatest wins; NULL, and whatever cannot be computed for a candidate, is least.
    """
    if not expression.strip() or len(expression) > _LONGEST:
        raise ValueError(f"an expression has 1 to {_LONGEST} characters")
    with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as con:
        spelt, nodes = taken_apart(con, expression)
        for node in nodes:
            _judge(node)
        return _bound(con, spelt)


def _judge(node: dict[str, Any]) -> None:
    kind = node["class"]
    if kind == "OPERATOR" and node["type"] in _OPERATORS:
        return
    if kind not in _NODES:
        raise ValueError(refusal(node))
    if kind == "COLUMN_REF":
        _known(".".join(node["column_names"]), tuple(COLUMNS), "column")
    elif kind == "FUNCTION":
        path = [part for part in (node.get("catalog"), node.get("schema"), node["function_name"]) if part]
        _known(".".join(path).lower(), FUNCTIONS, "function")
    elif kind == "TYPE":
        _known(node["type_name"].upper(), TYPES, "type")


def _known(name: str, known: Iterable[str], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "docs/data-engineer.md lists what is"
        raise ValueError(f"{what} {name} is not allowed in an expression; {hint}")


def _bound(con: duckdb.DuckDBPyConnection, expression: str) -> str:
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in COLUMNS.items())
    con.execute(f"CREATE TABLE candidate ({columns})")
    try:
        type_ = con.execute(f"DESCRIBE SELECT TRY({expression}) FROM candidate").fetchall()[0][1]
    except duckdb.Error as error:
        raise ValueError(f"the expression cannot be computed ({first_line(error)})") from error
    if any(word in type_ for word in _NESTED):
        raise ValueError(f"an expression yields a number, text, date, time or truth value, not {type_}")
    return expression
