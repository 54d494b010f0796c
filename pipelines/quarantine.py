"""The quarantine as people work it off: look at what was turned down, release what is mended, discard what never will be.

Entries are in the control store. A release writes to raw, so that the row goes the way of every other and no build loses it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError
from pipelines.context import Hub
from pipelines.records import UNREADABLE
from warehouse import control_tables as t
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.replay import Replay, replay

STATUSES = ("open", "released", "discarded")
_CHUNK = 500


@dataclass(frozen=True)
class Chosen:
    """Which entries are meant: by ID (or how it begins), or all that fit."""

    ids: tuple[str, ...] = ()
    source: str | None = None
    stream: str | None = None
    check: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said, which would mean everything."""
        return not (self.ids or self.source or self.stream or self.check)


def entries(hub: Hub, chosen: Chosen, *, status: str | None = "open", limit: int | None = None) -> list[dict[str, Any]]:
    """Entries without their payloads, the newest first.

    Args:
        status: of these only; all with None.
    """
    row = t.quarantine.c
    columns = [column for column in row if column.name != "payload"]
    query = sa.select(*columns).order_by(row.quarantined_at.desc(), row.quarantine_id)
    return hub.control.rows(_where(query, chosen, status).limit(limit))


def entry(hub: Hub, quarantine_id: str) -> dict[str, Any]:
    """One entry with its payload.

    Raises:
        NotFoundError: there is none of that ID.
        ConfigError: the ID is cut so short that several begin with it.
    """
    return _named(hub, (quarantine_id,))[0]


def counts(hub: Hub, chosen: Chosen) -> list[dict[str, Any]]:
    """Open entries per source, stream and check."""
    row = t.quarantine.c
    by = (row.source_system, row.stream, row.check_id)
    query = (
        sa.select(*by, sa.func.count().label("rows"), sa.func.min(row.quarantined_at).label("oldest")).group_by(*by).order_by(*by)
    )
    return hub.control.rows(_where(query, chosen, "open"))


def release(
    hub: Hub, chosen: Chosen, *, by: str, note: str | None = None, payload: Path | None = None, record_id: str | None = None
) -> list[dict[str, Any]]:
    """Have rows judged again with the next build: as they are, or one of them with a corrected payload.

    Args:
        payload: a file with the corrected payload, a JSON object.
        record_id: the ID of a row that came without one.

    Returns:
        The entries that were released.

    Raises:
        NotFoundError: no such entry, or none that fits is open.
        ConfigError: a row cannot be judged without more than was given.
        WarehouseBusyError: a sync runs for longer than the bounded wait.
    """
    found = _open(hub, chosen)
    corrected = None if payload is None else _read(payload)
    if len(found) > 1 and (corrected is not None or record_id is not None):
        raise ConfigError("a corrected payload is for one row", field="--payload", remedy="name one entry, see hub quarantine list")
    rows = [_replay(hub, row, corrected, record_id) for row in found]
    run_id = f"replay_{secrets.token_hex(8)}"
    with writer(hub.config.warehouse) as con:
        replay(con, rows, run_id=run_id, now=utcnow())
    _close(hub, found, "released", by, note)
    _audit(hub, "quarantine_release", found, by, note, corrected=corrected is not None)
    return found


def discard(hub: Hub, chosen: Chosen, *, by: str, reason: str) -> list[dict[str, Any]]:
    """Close entries for good: what they hold is not wanted, and the same payload stays out. They keep the reason, and the payload
    until retention takes it.

    Raises:
        NotFoundError: no such entry, or none that fits is open.
    """
    found = _open(hub, chosen)
    _close(hub, found, "discarded", by, reason)
    _audit(hub, "quarantine_discard", found, by, reason)
    return found


def _where(query: sa.Select[Any], chosen: Chosen, status: str | None) -> sa.Select[Any]:
    row = t.quarantine.c
    for column, value in (
        (row.source_system, chosen.source),
        (row.stream, chosen.stream),
        (row.check_id, chosen.check),
        (row.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def _named(hub: Hub, ids: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for given in ids:
        row = t.quarantine.c.quarantine_id
        rows = hub.control.rows(sa.select(t.quarantine).where(row.startswith(given, autoescape=True)).order_by(row).limit(2))
        if not rows:
            raise NotFoundError(f"no quarantined row {given!r}", remedy="see hub quarantine list")
        if len(rows) > 1:
            raise ConfigError(f"several quarantined rows begin with {given!r}", remedy="give more of the ID")
        found.append(rows[0])
    return found


def _open(hub: Hub, chosen: Chosen) -> list[dict[str, Any]]:
    if chosen.is_empty:
        raise ConfigError("which rows?", remedy="name entries, or choose them by --source, --stream or --check")
    if chosen.ids:
        found = _named(hub, chosen.ids)
        for row in found:
            if row["status"] != "open":
                raise NotFoundError(
                    f"quarantined row {row['quarantine_id'][:12]} is {row['status']} already", remedy="see hub quarantine show"
                )
        return found
    found = hub.control.rows(_where(sa.select(t.quarantine).order_by(t.quarantine.c.quarantine_id), chosen, "open"))
    if not found:
        raise NotFoundError("no open row in quarantine fits", remedy="see hub quarantine list")
    return found


def _read(path: Path) -> str:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror})", field="--payload", remedy="name a file that is there"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"{path} holds no JSON", field="--payload", remedy="start from hub quarantine show ID --payload"
        ) from error
    if not isinstance(given, dict):
        raise ConfigError(f"{path} holds no JSON object", field="--payload", remedy="start from hub quarantine show ID --payload")
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"))


def _replay(hub: Hub, row: dict[str, Any], corrected: str | None, record_id: str | None) -> Replay:
    if row["source_system"] not in hub.config.sources:
        raise ConfigError(
            f"source {row['source_system']!r} of that row is not in hub.yaml",
            remedy="put it back, or discard the row with a reason",
        )
    key = row["source_record_id"]
    if row["check_id"] == UNREADABLE:
        if corrected is None or record_id is None:
            raise ConfigError(
                f"row {row['quarantine_id'][:12]} came without an ID or could not be read",
                source=row["source_system"],
                stream=row["stream"],
                remedy="give what it should have been: --payload FILE --record-id ID; or mend it at the source and sync again",
            )
        key = record_id
    elif record_id is not None and record_id != key:
        raise ConfigError(f"that row's record is {key}", field="--record-id", remedy="leave the option out")
    payload = corrected if corrected is not None else row["payload"]
    hashed = row["payload_hash"]
    if row["check_id"] == UNREADABLE:
        hashed = hashlib.blake2b(payload.encode(), digest_size=16).hexdigest()  # the hash of a line is that of no record
    return Replay(row["source_system"], row["stream"], key, payload, hashed)


def _close(hub: Hub, rows: Sequence[dict[str, Any]], status: str, by: str, note: str | None) -> None:
    ids = [row["quarantine_id"] for row in rows]
    for start in range(0, len(ids), _CHUNK):
        hub.control.run(
            sa.update(t.quarantine)
            .where(t.quarantine.c.quarantine_id.in_(ids[start : start + _CHUNK]))
            .values(status=status, released_at=utcnow(), released_by=by, note=note)
        )


def _audit(hub: Hub, action: str, rows: Sequence[dict[str, Any]], by: str, note: str | None, **detail: Any) -> None:
    about = [
        (
            f"{row['source_system']}:{row['stream']}:{row['source_record_id']}",
            json.dumps({"check": row["check_id"], "reason": row["reason"], "note": note, **detail}),
        )
        for row in rows
    ]
    hub.control.audit_all(action, about, actor=by, automatic=False)
