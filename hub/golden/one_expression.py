"""Texts of hub.yaml that are one SQL expression and nothing else, taken apart by DuckDB's parser: what is parsed is what is run.

Which parts are allowed is for the reader of the text to say; no list of functions or columns belongs here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

_CLAUSES = ("modifiers", "where_clause", "group_expressions", "having", "qualify", "sample")
# what people try, in their words, where the parser's do not tell
REFUSED = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "STAR": "*",
    "PARAMETER": "a parameter",
    "LAMBDA": "a lambda",
    "COLLATE": "a collation",
}


def taken_apart(con: duckdb.DuckDBPyConnection, text: str) -> tuple[str, list[dict[str, Any]]]:
    """An expression in DuckDB's own spelling, without comments, and all nodes of its tree, each with its `class`.

    Raises:
        ValueError: the text is no SQL, or is not one expression that stands by itself.
    """
    tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [f"SELECT {text}"]).fetchall()[0][0])
    if tree["error"]:
        raise ValueError(f"not one SQL expression ({first_line(tree['error_message'])})")
    node = tree["statements"][0]["node"]
    if len(tree["statements"]) != 1 or node["type"] != "SELECT_NODE" or len(node["select_list"]) != 1:
        raise ValueError("one expression is wanted, such as CASE WHEN country_code = 'DE' THEN 1 ELSE 0 END")
    if node["from_table"]["type"] != "EMPTY" or any(node.get(clause) for clause in _CLAUSES):
        raise ValueError("an expression stands by itself: no FROM, WHERE, WITH or ORDER BY")
    [expression] = node["select_list"]
    if expression["alias"]:
        raise ValueError("an expression has no name: leave out AS")
    spelt: str = con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]
    return spelt.removeprefix("SELECT "), list(_nodes(expression))


def refusal(node: dict[str, Any]) -> str:
    """That a kind of node is not allowed, in words."""
    return f"{REFUSED.get(node['class'], node['type'].lower().replace('_', ' '))} is not allowed in an expression"


def first_line(error: object) -> str:
    """What DuckDB says first, which is what is wrong."""
    return str(error).strip().splitlines()[0]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
