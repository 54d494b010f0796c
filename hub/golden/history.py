"""The history of customers in two times: when something was so in the business, and when the hub held it to be so.

Row by row, golden.customer_history says what a customer was over a stretch of valid time, as the hub knew it over a stretch of
known time. So it answers both "what did we believe on that day" and "what do we now know was true on that day": a change that
a source dates in the past corrects the one and leaves the other.

The columns of golden.customer are its attributes; which they are is said nowhere else. This module turns them into the few SQL
expressions that ``history.sql`` is made of, and keeps the table equal to the published one before the new load is added.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from hub.golden.attributes import ATTRIBUTES
from hub.golden.maker import Maker, columns_of
from hub.golden.text import over, sql

HISTORY = "customer_history"
HISTORY_KEY = ("customer_id", "valid_from", "recorded_at")
# what golden.customer has beside the attributes of a customer
_NOT_ATTRIBUTES = ("customer_id", "load_id")
_BEGIN = "first_seen_at"  # dates itself: the timeline begins with it
_DDL = f"""CREATE OR REPLACE TABLE golden.{HISTORY} (
  customer_id VARCHAR NOT NULL, valid_from TIMESTAMP NOT NULL, valid_to TIMESTAMP, recorded_at TIMESTAMP NOT NULL,
  superseded_at TIMESTAMP, change_type VARCHAR NOT NULL, end_type VARCHAR, changed_attributes JSON NOT NULL,
  record_hash VARCHAR NOT NULL, snapshot JSON NOT NULL, recorded_load_id VARCHAR NOT NULL, load_id VARCHAR NOT NULL)"""
# what is read where only touched customers are made anew
TOUCHED = {
    "golden.customer": "own_customer",
    "golden.customer_attribute": "own_customer_attribute",
    "FROM golden.customer_history;": "FROM golden.customer_history SEMI JOIN touched_customer USING (customer_id);",
}
Columns = list[tuple[str, str]]  # names and DuckDB types


def add_history(maker: Maker, *, now: datetime) -> None:
    """Bring golden.customer_history to what the load knows; golden.customer is built and stamped.

    Where only touched rows are made anew, those are the customers in ``touched_customer``.

    Args:
        now: when the load began, UTC without zone. Where the clock went back since the load before, a moment after that one
            counts instead, so that known time never runs backwards.
    """
    con = maker.con
    if not maker.partly:
        _take_over(con, maker.live)
    at = con.execute(
        f"SELECT greatest(?, max(recorded_at) + to_microseconds(1), max(superseded_at) + to_microseconds(1)) FROM golden.{HISTORY}",
        [now],
    ).fetchall()[0][0]
    columns = attributes(con)
    script = over(sql("history"), TOUCHED if maker.partly else {})
    for name, expression in _expressions(columns).items():
        script = script.replace("{" + name + "}", expression)
    values = {"load_id": maker.load_id, "at": at, "structure": _structure(columns)}
    con.execute("BEGIN")
    try:
        for statement in con.extract_statements(script):
            con.execute(statement, {name: values[name] for name in statement.named_parameters})
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def attributes(con: duckdb.DuckDBPyConnection) -> Columns:
    """The attributes of a customer that have a history, with their types, in the order of golden.customer."""
    described = con.execute("DESCRIBE golden.customer").fetchall()
    return [(row[0], row[1]) for row in described if row[0] not in _NOT_ATTRIBUTES]


def as_of_macro(columns: Columns) -> str:
    """DDL of the table macro ``golden.customer_as_of(ts, known_at)``: golden.customer as it was then, by what was known then."""
    return f"""CREATE OR REPLACE MACRO golden.customer_as_of(ts, known_at := NULL) AS TABLE
SELECT customer_id, unnest(json_transform(snapshot, '{_structure(columns)}')), recorded_load_id AS load_id
FROM golden.{HISTORY}
WHERE valid_from <= ts::TIMESTAMP AND (valid_to IS NULL OR valid_to > ts::TIMESTAMP)
  AND recorded_at <= coalesce(known_at::TIMESTAMP, 'infinity'::TIMESTAMP)
  AND (superseded_at IS NULL OR superseded_at > coalesce(known_at::TIMESTAMP, 'infinity'::TIMESTAMP))"""


def _take_over(con: duckdb.DuckDBPyConnection, live: str | None) -> None:
    """Make the history equal to the published load's."""
    con.execute(_DDL)
    if live is not None and columns_of(con, live, HISTORY):
        con.execute(f"INSERT INTO golden.{HISTORY} BY NAME FROM {live}.golden.{HISTORY}")


def _structure(columns: Columns) -> str:
    """What json_transform makes of a snapshot."""
    return "{" + ", ".join(f'"{name}": "{type_}"' for name, type_ in columns) + "}"


def _expressions(columns: Columns) -> dict[str, str]:
    group_of = {member.name: a.name for a in ATTRIBUTES.values() if a.is_group for member in a.members}
    names = [name for name, _ in columns]

    def packed(parts: list[tuple[str, str]]) -> str:
        return "struct_pack(" + ", ".join(f'"{name}" := {expression}' for name, expression in parts) + ")"

    def holds_from(name: str) -> str:
        said = f'n."{_BEGIN}"' if name == _BEGIN else f"updated_at['{group_of.get(name, name)}']"
        since = f"CASE WHEN identity_change IS NULL THEN least({said}, $at) ELSE $at END"
        return f'CASE WHEN n."{name}" IS DISTINCT FROM k."{name}" THEN {since} END'

    # names in alphabetical order and nothing that is NULL, so that a column that moves or comes without values changes no snapshot;
    # exact decimals as text, for numbers of JSON are read as floats
    text = {name: "::VARCHAR" if type_.startswith("DECIMAL") else "" for name, type_ in columns}
    members = ", ".join(f"""'"{name}":' || to_json(r."{name}"{text[name]})""" for name in sorted(names))
    changed = ", ".join(f"""CASE WHEN p."{name}" IS DISTINCT FROM r."{name}" THEN '{name}' END""" for name in names)
    return {
        "row": packed([(name, f'c."{name}"') for name in names]),
        "times": packed([(name, holds_from(name)) for name in names]),
        "time_list": "[" + ", ".join(f't."{name}"' for name in names) + "]",
        "overlay": packed(
            [(name, f'CASE WHEN t."{name}" <= piece_from THEN now_row."{name}" ELSE known_row."{name}" END') for name in names]
        ),
        "changed": f"CASE WHEN p IS NULL THEN [] ELSE list_filter([{changed}], lambda name: name IS NOT NULL) END",
        "snapshot": f"('{{' || concat_ws(',', {members}) || '}}')::JSON",
        "group_of": ", ".join(f"('{member}', '{group}')" for member, group in group_of.items()),
    }
