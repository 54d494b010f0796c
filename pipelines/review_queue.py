"""The review queue as people see it: open tasks ranked by what a decision is worth, with both sides in short.

Of a person no more is shown than tells two apart at a glance: name, place, the ends of e-mail and phone. `hub customer` and
`hub explain` show the rest to whoever asks.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import sqlalchemy as sa

from hub.contract.errors import NotFoundError
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.connection import published

_SHOWN = ("full_name", "company_name", "email", "phone_e164", "birth_date", "city", "postal_code")


def open_tasks(hub: Hub, *, kind: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Open review tasks, the most valuable first.

    Each is a review_task row with ``left`` and ``right`` (record_key, customer_id, shown values, records, orders, invoices,
    tickets), ``others`` (how many other open tasks are about the same customers) and ``decide`` (the commands that settle it).
    """
    row = t.review_task.c
    query = sa.select(t.review_task).where(row.status == "open")
    tasks = hub.control.rows(query.order_by(row.worth.desc().nulls_last(), row.match_probability.desc().nulls_last(), row.task_id))
    try:
        with published(hub.config.warehouse) as con:
            owner = _owners(con, tasks)
            chosen = [task for task in tasks if kind is None or task["kind"] == kind][:limit]
            return _described(con, chosen, owner, _per_customer(tasks, owner))
    except NotFoundError:
        return _described(None, [task for task in tasks if kind is None or task["kind"] == kind][:limit], {}, Counter())


def _keys(task: dict[str, Any]) -> list[str]:
    return [key for key in (task["record_key_l"], task["record_key_r"]) if key is not None]


def _owners(con: duckdb.DuckDBPyConnection, tasks: list[dict[str, Any]]) -> dict[str, str]:
    keys = sorted({key for task in tasks for key in _keys(task)})
    query = "SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current AND list_contains(?, record_key)"
    return dict(con.execute(query, [keys]).fetchall())


def _per_customer(tasks: list[dict[str, Any]], owner: dict[str, str]) -> Counter[str]:
    return Counter(customer for task in tasks for customer in {owner[key] for key in _keys(task) if key in owner})


def _described(
    con: duckdb.DuckDBPyConnection | None, tasks: list[dict[str, Any]], owner: dict[str, str], busy: Counter[str]
) -> list[dict[str, Any]]:
    shown = {} if con is None else _sides(con, sorted({key for task in tasks for key in _keys(task)}), owner)
    found = []
    for task in tasks:
        customers = {owner[key] for key in _keys(task) if key in owner}
        sides = {
            side: None if task[key] is None else shown.get(task[key], {"record_key": task[key], "customer_id": None})
            for side, key in (("left", "record_key_l"), ("right", "record_key_r"))
        }
        others = max(sum(busy[customer] for customer in customers) - len(customers), 0)
        found.append({**task, **sides, "others": others, "decide": _commands(task)})
    return found


def _commands(task: dict[str, Any]) -> list[str]:
    if task["record_key_r"] is None:
        return []
    return [f"hub review decide {task['task_id']} {verdict}" for verdict in ("must_link", "cannot_link")]


def _sides(con: duckdb.DuckDBPyConnection, keys: list[str], owner: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What is shown of each record, and of the customer it belongs to."""
    values: dict[str, dict[str, str]] = {}
    query = """
        SELECT record_key, attribute, value FROM golden.customer_attribute
        WHERE list_contains($keys, record_key) AND list_contains($shown, attribute)"""
    for key, attribute, value in con.execute(query, {"keys": keys, "shown": list(_SHOWN)}).fetchall():
        values.setdefault(key, {})[attribute] = value
    query = """
        SELECT customer_id, source_record_count, orders, invoices, tickets FROM golden.customer_360
        WHERE list_contains(?, customer_id)"""
    wanted = sorted({owner[key] for key in keys if key in owner})
    facts = {
        r[0]: dict(zip(("records", "orders", "invoices", "tickets"), r[1:], strict=True))
        for r in con.execute(query, [wanted]).fetchall()
    }
    return {
        key: {
            "record_key": key,
            "customer_id": owner.get(key),
            **{name: _short(name, value) for name, value in values.get(key, {}).items()},
            **facts.get(owner.get(key, ""), {}),
        }
        for key in keys
    }


def _short(attribute: str, value: str) -> str:
    match attribute:
        case "email":
            user, _, domain = value.partition("@")
            return f"{user[:2]}…@{domain}"
        case "phone_e164":
            return f"…{value[-4:]}"
        case "birth_date":
            return value[:4]
        case _:
            return value
