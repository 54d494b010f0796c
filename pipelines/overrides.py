"""A steward's overrides of golden values: pin, ignore, set, and taking them back.

They are written to the control store only, so they work while a sync runs; the next load that is built applies them. Each is about
a source record, not about a customer, so that it stays right when customers are merged, split or built anew.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError
from hub.golden.attributes import Attribute
from hub.golden.overrides import PIN, SET, attribute_named, given_values, written_value
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit
from pipelines.moments import moment_ahead
from pipelines.stewardship import one_customer
from warehouse import control_tables as t
from warehouse.connection import connect, published
from warehouse.control import utcnow
from warehouse.migrations import migrate

if TYPE_CHECKING:
    import duckdb

_WRITTEN = "steward:override:"


def override(
    hub: Hub, key: str, name: str, action: str, by: Steward, *, words: list[str] | None = None, expires: str | None = None
) -> list[dict[str, Any]]:
    """Pin, ignore or set an attribute or group.

    Args:
        key: a record's key, or whatever finds one customer: then it is about the record whose value wins now. Ignoring a customer's
            value is about every record that says the same.
        words: of set: the value, or column=value for a group.
        expires: ISO date or time from which on it no longer counts, UTC unless it names a zone.

    Returns:
        The attribute_override rows that were added.

    Raises:
        NotFoundError: the key finds nothing, or there is no value to pin or ignore.
        ConfigError: no such attribute, a value that cannot be read, a time that is past, or it is overridden so already.
    """
    attribute = attribute_named(name)
    until = None if expires is None else moment_ahead(expires, "--expires")
    given = given_values(attribute, words or []) if action == SET else {}
    with published(hub.config.warehouse) as con:
        anchors = _anchors(hub, con, key, attribute, action)
    value = _written(hub, attribute, given, anchors[0]) if action == SET else None
    said: dict[str, Any] = {"attribute": attribute.name, "action": action, "value": value, "expires_at": until}
    said |= {"reason": by.reason, "created_by": by.name, "created_at": utcnow()}
    said |= {"revoked_at": None, "revoked_by": None, "revoke_reason": None}
    rows = [{"override_id": f"o_{secrets.token_hex(6)}", "anchor_record_key": anchor, **said} for anchor in anchors]
    _refuse_twice(hub, rows)
    hub.control.add(t.attribute_override, rows)
    for row in rows:
        # the value is a person's; the audit log says that it was written, the override itself what
        audit(hub, by, f"override_{action}", row["override_id"], record=row["anchor_record_key"], attribute=attribute.name)
    return rows


def _anchors(hub: Hub, con: duckdb.DuckDBPyConnection, key: str, attribute: Attribute, action: str) -> list[str]:
    """The records that an override is about."""
    columns = [member.name for member in attribute.members]
    if con.execute("SELECT 1 FROM identity.customer_xref WHERE is_current AND record_key = ?", [key]).fetchall():
        query = "SELECT 1 FROM golden.customer_attribute WHERE record_key = ? AND list_contains(?, attribute) LIMIT 1"
        if action != SET and not con.execute(query, [key, columns]).fetchall():
            raise NotFoundError(f"record {key} has no {attribute.name}", remedy=f"see hub customer {key} for what it has")
        return [key]
    customer = one_customer(hub, con, key)
    # of a group, a record agrees if it does in every column that it fills
    found = con.execute(
        "SELECT record_key, bool_or(is_winner) AS wins, any_value(override_id) FROM golden.customer_attribute"
        " WHERE customer_id = ? AND list_contains(?, attribute) GROUP BY record_key HAVING wins OR bool_and(agrees_with_winner)"
        " ORDER BY wins DESC, record_key",
        [customer, columns],
    ).fetchall()
    records = [record for record, _, _ in found if not record.startswith(_WRITTEN)]
    wins = bool(found) and bool(found[0][1])
    if wins and found[0][0].startswith(_WRITTEN) and action != SET:
        raise ConfigError(
            f"a steward wrote the {attribute.name} of {customer}", remedy=f"take it back with hub override revoke {found[0][2]}"
        )
    if action == SET:
        return [records[0] if wins and records else _home(con, customer)]
    if not wins:
        raise NotFoundError(f"customer {customer} has no {attribute.name}", remedy="name the record that has one, or set it")
    return records[:1] if action == PIN else records


def _home(con: duckdb.DuckDBPyConnection, customer: str) -> str:
    """The record that stands for a customer: the one its ID was minted for, else the first."""
    found = con.execute(
        "SELECT x.record_key FROM identity.customer_xref x LEFT JOIN identity.customer_registry r USING (customer_id)"
        " WHERE x.is_current AND x.customer_id = ? ORDER BY (x.record_key = r.seed_record_key) DESC, x.record_key LIMIT 1",
        [customer],
    ).fetchall()
    if not found:
        raise NotFoundError(f"customer {customer} has no records any more", remedy="its values cannot be overridden")
    return str(found[0][0])


def _written(hub: Hub, attribute: Attribute, given: dict[str, str], anchor: str) -> str:
    source = hub.config.sources.get(anchor.partition(":")[0])
    with connect(None) as con:
        migrate(con)
        return written_value(con, attribute, given, country=source.country if source else None)


def _refuse_twice(hub: Hub, rows: list[dict[str, Any]]) -> None:
    same = ("anchor_record_key", "attribute", "action", "value", "expires_at")
    standing = overrides(hub)
    for row in rows:
        twin = next((old for old in standing if all(old[name] == row[name] for name in same)), None)
        if twin is not None:
            raise ConfigError(
                f"override {twin['override_id']} says so already of {row['anchor_record_key']}", remedy="see hub override list"
            )


def overrides(hub: Hub, *, everything: bool = False) -> list[dict[str, Any]]:
    """attribute_override rows, newest first; revoked and expired ones only if asked for."""
    row = t.attribute_override.c
    query = sa.select(t.attribute_override).order_by(row.created_at.desc(), row.override_id)
    in_force = row.revoked_at.is_(None) & (row.expires_at.is_(None) | (row.expires_at > utcnow()))
    return hub.control.rows(query if everything else query.where(in_force))


def override_history(hub: Hub, key: str | None = None, *, everything: bool = False) -> list[dict[str, Any]]:
    """The overrides, newest first, each with `customer_id`, `state` and `overruled_by` as the published load has them.

    One that no load has applied yet is `waiting`, one that was taken back since `revoked`.

    Args:
        key: a record's key, or whatever finds one customer; None for all.
    """
    found = overrides(hub, everything=everything)
    try:
        with published(hub.config.warehouse) as con:
            known = {
                row[0]: row[1:]
                for row in con.execute(
                    "SELECT override_id, customer_id, state, overruled_by FROM golden.attribute_override"
                ).fetchall()
            }
            owner = dict(con.execute("SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current").fetchall())
            wanted = key if key is None or key in owner else one_customer(hub, con, key)
    except NotFoundError:
        if key is not None:
            raise
        known, owner, wanted = {}, {}, None
    rows = []
    for row in found:
        customer, state, overruled_by = known.get(row["override_id"], (owner.get(row["anchor_record_key"]), "waiting", None))
        if row["revoked_at"] is not None:
            state, overruled_by = "revoked", None
        if wanted in (None, customer, row["anchor_record_key"]):
            rows.append({**row, "customer_id": customer, "state": state, "overruled_by": overruled_by})
    return rows


def revoke_override(hub: Hub, override_id: str, by: Steward) -> dict[str, Any]:
    """Take an override back; it stays on record.

    Raises:
        NotFoundError: none in force has that ID.
    """
    row = t.attribute_override.c
    done = {"revoked_at": utcnow(), "revoked_by": by.name, "revoke_reason": by.reason}
    if not hub.control.run(
        sa.update(t.attribute_override).where(row.override_id == override_id, row.revoked_at.is_(None)).values(**done)
    ):
        raise NotFoundError(f"no override {override_id} is in force", remedy="see hub override list")
    audit(hub, by, "override_revoke", override_id)
    return {"override_id": override_id, **done}
