"""The list of who was erased, in the control store and beside the backups: HMACs, so that it may outlive what it speaks of.

A backup that was taken before an erasure knows nothing of it. So the list goes along to where backups lie, too, and a restore
reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from hub.golden.suppression import identifier_hmac
from hub.identity.erased import Entry
from pipelines.privacy.people import RETENTION
from warehouse import control_tables as t
from warehouse.backup import Storage
from warehouse.control import ControlStore, utcnow
from warehouse.privacy_tables import PRIVACY_SECRET, erased

_FILE = "erased.json"
_SIGN = "the list of the erased"  # tells by which secret a list was made, and not which one it is


def entries(control: ControlStore) -> list[Entry]:
    """All that is on the list."""
    row = erased.c
    found = control.rows(sa.select(row.request_id, row.kind, row.id_hmac).order_by(row.erased_id))
    return [Entry(one["request_id"], one["kind"], one["id_hmac"]) for one in found]


def add(control: ControlStore, new: Iterable[Entry]) -> None:
    """Put entries on the list; what is on it already stays as it is."""
    now = utcnow()
    control.add(
        erased,
        [
            # the same for the same, so that a second time adds nothing
            {"erased_id": f"{e.kind[:1]}_{e.hmac[:48]}", "kind": e.kind, "id_hmac": e.hmac, "request_id": e.owner, "added_at": now}
            for e in new
        ],
    )


def take_off(control: ControlStore, records: Sequence[str]) -> None:
    """Take records off the list that went by age and are here again.

    Args:
        records: their HMACs.
    """
    row = erased.c
    for start in range(0, len(records), 500):
        some = row.id_hmac.in_(records[start : start + 500])
        control.run(sa.delete(erased).where(some, row.kind == "record", row.request_id.startswith(RETENTION, autoescape=True)))


def carry_along(control: ControlStore, storage: Storage) -> int:
    """Add the list to what lies beside backups; how many entries lie there then.

    Who went by age may be here again, and is not kept there: what an older backup has of them the next run cuts once more.

    Raises:
        WarehouseAccessError: that place cannot be written, or what lies there is no list.
    """
    asked = ~erased.c.request_id.startswith(RETENTION, autoescape=True)
    rows = control.rows(sa.select(erased).where(asked).order_by(erased.c.erased_id))
    if not rows:
        return 0
    sign = _sign(control.secret(PRIVACY_SECRET))
    kept = {(row["sign"], row["erased_id"]): row for row in _beside(storage)}
    before = len(kept)
    for row in rows:
        kept[sign, row["erased_id"]] = {**row, "added_at": row["added_at"].isoformat(), "sign": sign}
    if len(kept) > before:
        storage.put_note(_FILE, json.dumps(list(kept.values()), indent=1).encode())
    return len(kept)


def bring_along(control: ControlStore, storage: Storage, others: Sequence[dict[str, Any]], secret: bytes | None) -> int:
    """Add to the list of a store that is being restored what lies beside the backups, and what the store before it knew.

    Args:
        others: rows of that store's list.
        secret: of that store; taken over by one that has none yet.

    Returns:
        How many entries the list has then.

    Raises:
        WarehouseAccessError: some were made with a secret that is not at hand, so that nobody can be known again by them.
    """
    own = control.rows(sa.select(t.setting.c.value).where(t.setting.c.name == PRIVACY_SECRET))
    if not own and secret is not None:
        control.add(t.setting, [{"name": PRIVACY_SECRET, "value": secret.hex()}])
    sign = _sign(control.secret(PRIVACY_SECRET))
    beside = _beside(storage)
    if any(row["sign"] != sign for row in beside) or (others and secret is not None and _sign(secret) != sign):
        raise WarehouseAccessError(
            f"people were erased whom this backup cannot be searched for: {_FILE} at {storage.where} was made with another secret",
            remedy="restore a backup that was taken later, see hub backup --list",
        )
    when = utcnow()
    added = [
        {name: row[name] for name in ("erased_id", "kind", "id_hmac", "request_id")} | {"added_at": when}
        for row in (*beside, *others)
    ]
    control.add(erased, added)
    return len(entries(control))


def _beside(storage: Storage) -> list[dict[str, Any]]:
    content = storage.note(_FILE)
    if content is None:
        return []
    try:
        return [
            {name: str(row[name]) for name in ("sign", "erased_id", "kind", "id_hmac", "request_id", "added_at")}
            for row in json.loads(content)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise WarehouseAccessError(
            f"{_FILE} at {storage.where} is no list of the erased ({type(error).__name__})",
            remedy="put back the file that the hub wrote; without it a restore would bring erased people back",
        ) from error


def _sign(secret: bytes) -> str:
    return identifier_hmac(secret, _SIGN)[:16]
