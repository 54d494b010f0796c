"""Closed entries of the quarantine that are past their cut-off: what the source sent goes, what was wrong with it stays.

The entry itself stays too, as it keeps the same payload out that somebody discarded.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.privacy.control_rows import forget_pages
from pipelines.privacy.past import Cut
from pipelines.records import UNREADABLE
from pipelines.retention_settings import QUARANTINE
from warehouse.compacting import rewritten
from warehouse.connection import settled
from warehouse.control import ControlStore
from warehouse.control_tables import quarantine
from warehouse.erasing import empty_rejects

if TYPE_CHECKING:
    import duckdb

    from hub.contract.errors import WarehouseAccessError  # noqa: F401 - named in docstrings

_PLACED = ("source_system", "stream", "source_record_id", "payload_hash")


def closed_entries(con: duckdb.DuckDBPyConnection, control: ControlStore, before: datetime) -> Cut:
    """What was closed before a time (UTC) and still holds what the source sent, in an open warehouse or in the control store."""
    row = quarantine.c
    sent = con.execute("SELECT source_system, stream, place, payload_hash FROM raw.reject WHERE content IS NOT NULL").fetchall()
    there = set(sent)  # also what a whole reading brought once more
    times = [
        found["released_at"]
        for found in control.rows(sa.select(quarantine).where(_is_past(before)))
        if found["payload"] is not None or (found["check_id"] == UNREADABLE and tuple(found[name] for name in _PLACED) in there)
    ]
    stays = (row.status == "open", row.quarantined_at < before)
    staying = control.rows(sa.select(sa.func.count().label("n")).where(*stays))[0]["n"]
    return Cut(QUARANTINE, before, len(times), 0, min(times, default=None), max(times, default=None), staying)


def empty_closed(hub: Hub, before: datetime) -> dict[str, int]:
    """Take out what they hold, from the working warehouse and then from the control store; rows emptied, by table.

    The caller holds the locks of building and writing back. Kept loads keep their copies as long as they are kept.

    Raises:
        WarehouseAccessError: the warehouse cannot be written; run it again.
    """
    closed = hub.control.rows(sa.select(quarantine).where(_is_past(before)))
    settings = hub.config.warehouse
    unreadable = [row for row in closed if row["check_id"] == UNREADABLE]
    places = pa.table({name: pa.array([row[name] for row in unreadable], pa.string()) for name in _PLACED})
    ids = [row["quarantine_id"] for row in closed]
    with settled(settings):
        rejects = rewritten(settings.path, lambda con: empty_rejects(con, places, ids), memory_limit=settings.memory_limit)
    held = sum(row["payload"] is not None for row in closed)
    hub.control.run(sa.update(quarantine).where(_is_past(before)).values(payload=None))
    forget_pages(hub.control.engine)
    return {name: rows for name, rows in (("control.quarantine", held), ("raw.reject", rejects)) if rows}


def _is_past(before: datetime) -> sa.ColumnElement[bool]:
    row = quarantine.c
    return sa.and_(row.status != "open", row.released_at < before)
