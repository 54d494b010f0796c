"""A published load without the people who are erased: their values go, facts keep amounts and times, IDs lead to `erased`.

Which columns tell who somebody is, is said by the dictionary and nowhere else. Whoever calls has made, on the connection to a
load's file, what `hub.identity.erased.prepare` makes and the temporary tables ``erasing`` (record_key, customer_id), their records;
``erasing_fact`` (source_system, stream, source_record_id), their records and facts at the sources; ``erasing_text`` (text), in
lower case, by which they and nobody else could be known; and ``past_fact``, those of ``erasing_fact`` that are past a cut-off.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb

from hub.contract.erased import BLANK
from hub.golden.attributes import DECIDED_BY
from hub.golden.dictionary import table_docs
from hub.golden.tables import TABLES
from hub.golden.text import sql

_Change = Callable[[str, str], None]  # table, statement
_FACTS = ("customer_order", "order_line", "invoice", "payment", "refund", "ticket", "lead")
# of the customer only, and made anew with the next load if anything of it is left
_OWN = ("customer_identifier", "customer_attribute", "segment_member", "customer_history")
_FREE_TEXT = {("identity", name) for name in ("review_task", "blocked_value", "match_decision")}
_WHOLE = "(SELECT customer_id FROM erasing_customer WHERE is_whole)"
_KEYS = "(SELECT record_key FROM erasing)"
_PLACE = "(source_system, stream, source_record_id)"
_PLACES = "(FROM erasing_fact)"
_GONE = ("ticket", "lead")  # they carry no money: past a cut-off nothing of them stays
_TOUCHED = f"ref_table = 'customer_order' AND ref_key IN (SELECT order_key FROM golden.customer_order WHERE {_PLACE} IN {_PLACES})"
_UNTOUCHED = "DELETE FROM golden.touchpoint WHERE ref_table = 'lead' AND ref_key NOT IN (SELECT lead_key FROM golden.lead)"
_NOTHING = {
    "status": "'erased'",
    "party_type": "'unknown'",
    "account_customer_id": "NULL",
    "account_rule": "NULL",
    "source_systems": "[]",
    "source_record_count": "0",
    "can_email": "false",
    "can_sms": "false",
    "can_call": "false",
    "completeness": "0",
    "confidence": "1",
    "is_test": "false",
}


def erase_from_load(con: duckdb.DuckDBPyConnection, *, now: datetime) -> dict[str, int]:
    """Take the people out of an open load's file; a second time changes nothing.

    Args:
        now: when, UTC without zone.

    Returns:
        Rows removed or emptied, by table.
    """
    done: dict[str, int] = {}

    def change(table: str, statement: str) -> None:
        rows = con.execute(statement).fetchall()[0][0]
        if rows:
            done[table] = done.get(table, 0) + rows

    con.execute("BEGIN")
    for statement in con.extract_statements(sql("erased_identity")):
        con.execute(statement, dict.fromkeys(statement.named_parameters, now))
    there = {
        (schema, name): columns
        for schema, name, columns in con.execute(
            "SELECT schema_name, table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()"
            " JOIN duckdb_tables() USING (database_name, schema_name, table_name)"
            " WHERE database_name = current_database() GROUP BY ALL"
        ).fetchall()
    }
    for table in (name for name in TABLES if ("golden", name) in there):
        place, columns = f"golden.{table}", there["golden", table]
        theirs = [f"customer_id IN {_WHOLE}"] if "customer_id" in columns else []
        theirs += [f"{name} IN {_KEYS}" for name in ("record_key", "party_record_key", "anchor_record_key") if name in columns]
        if table in _FACTS:
            theirs.append(f"{_PLACE} IN {_PLACES}")  # facts past a cut-off may be of customers who stay
        if table == "touchpoint":
            theirs.append(_TOUCHED)
            change(place, _UNTOUCHED)
        which = " OR ".join(theirs)
        if table in _GONE:
            change(place, f"DELETE FROM {place} WHERE {_PLACE} IN (FROM past_fact)")
        if table in (*_OWN, "consent", "attribute_override"):
            change(place, f"DELETE FROM {place} WHERE {which}")
        elif table in (*_FACTS, "touchpoint"):
            emptied = [f"{name} = NULL" for name in _personal(table) if name in columns]
            if emptied:
                change(place, f"UPDATE {place} SET {', '.join(emptied)} WHERE {which}")
            if "party_record_key" in columns:
                con.execute(
                    f"UPDATE {place} SET party_record_key = erased_name(party_record_key) WHERE party_record_key IN {_KEYS}"
                )
    _of_shared_customers(con, change)
    _of_customers(change, there["golden", "customer"])
    if ("quality", "quarantine") in there:
        change(
            "quality.quarantine",
            "DELETE FROM quality.quarantine WHERE (source_system, stream, source_record_id) IN (FROM erasing_fact)",
        )
    con.execute("COMMIT")
    for schema, name in there:
        if schema in ("quality", "ops") or (schema, name) in _FREE_TEXT:
            rows = blank(con, f'{schema}."{name}"')
            if rows:
                done[f"{schema}.{name}"] = done.get(f"{schema}.{name}", 0) + rows
    return done


def _personal(table: str) -> list[str]:
    return [column.name for column in table_docs()[table].columns if column.sensitivity in ("personal", "sensitive")]


def _of_people() -> list[str]:
    """What golden.customer says of somebody: whatever survives of their records, and all else by which they could be known."""
    return list(dict.fromkeys([*DECIDED_BY, *_personal("customer")]))


def _of_shared_customers(con: duckdb.DuckDBPyConnection, change: _Change) -> None:
    """Customers of this load that have a record of theirs beside those of others: in an older load two were one, in error."""
    change(
        "golden.customer_history",
        "DELETE FROM golden.customer_history h WHERE EXISTS (FROM erasing_past p WHERE p.customer_id = h.customer_id"
        " AND h.recorded_at < coalesce(p.valid_to, 'infinity'::TIMESTAMP)"
        " AND coalesce(h.superseded_at, 'infinity'::TIMESTAMP) > p.valid_from)",
    )
    shared = "(SELECT customer_id FROM erasing_customer WHERE NOT is_whole)"
    change(
        "golden.customer_identifier",
        f"DELETE FROM golden.customer_identifier i WHERE customer_id IN {shared} AND id_value NOT IN"
        " (SELECT value FROM golden.customer_attribute a WHERE a.customer_id = i.customer_id AND value IS NOT NULL)"
        f" AND (id_type <> 'source_record' OR id_value IN {_KEYS})",
    )
    emptied = ", ".join(f"{name} = NULL" for name in _of_people())
    change("golden.customer", f"UPDATE golden.customer SET {emptied} WHERE customer_id IN {shared}")


def _of_customers(change: _Change, columns: list[str]) -> None:
    """Their rows: gone where no fact needs them, else without any value."""
    needed = " UNION ".join(f"SELECT customer_id FROM golden.{table} WHERE customer_id IS NOT NULL" for table in _FACTS)
    for table in ("customer_metrics", "customer"):
        change(f"golden.{table}", f"DELETE FROM golden.{table} WHERE customer_id IN {_WHOLE} AND customer_id NOT IN ({needed})")
    values = dict.fromkeys(_of_people(), "NULL") | _NOTHING
    emptied = ", ".join(f"{name} = {value}" for name, value in values.items() if name in columns)
    change("golden.customer", f"UPDATE golden.customer SET {emptied} WHERE customer_id IN {_WHOLE}")


def blank(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Exchange every text and JSON value of a table that holds one of ``erasing_text``; the number of rows."""
    columns = con.execute(f"DESCRIBE {table}").fetchall()
    rows = 0
    for name, type_, *_ in columns:
        if type_ not in ("VARCHAR", "JSON"):
            continue
        value = f"'{BLANK}'" if type_ == "VARCHAR" else f"""'"{BLANK}"'"""
        rows += con.execute(
            f"""UPDATE {table} SET "{name}" = {value}
            WHERE EXISTS (FROM erasing_text WHERE contains(lower("{name}"::VARCHAR), text))"""
        ).fetchall()[0][0]
    return rows
