"""Checks that the control store and the warehouse speak of the same syncs: either may have come back from an older copy alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from warehouse import control_tables as t

Key = tuple[str, str, str]  # source, stream, sync_run_id
_CHANGED = t.sync_run.c.rows_inserted + t.sync_run.c.rows_updated + t.sync_run.c.rows_deleted


def stores(look: Look) -> Iterator[Finding]:
    """The newest loading of each stream is known to both."""
    if look.control is None or look.working is None:
        return
    run = t.sync_run.c
    syncs = look.control.rows(
        sa.select(run.sync_run_id, run.source_system, run.stream, run.status, _CHANGED.label("changed")).order_by(run.ended_at)
    )
    noted = {_key(row): row for row in syncs}
    # rows that somebody releases from quarantine enter raw without a sync, and those of whom the hub erases leave it without one
    rows = look.working.execute(
        "SELECT source_system, stream, sync_run_id FROM ops.raw_load WHERE mode NOT IN ('replay', 'erasure') ORDER BY loaded_at"
    ).fetchall()
    taken_in = dict.fromkeys((source, stream, run_id) for source, stream, run_id in rows)
    warehouse = str(look.hub.config.warehouse.path)
    unknown = _newest(key for key in taken_in if key not in noted) & _newest(taken_in)
    if unknown:
        what = f"it is older than the warehouse: it does not know the newest sync of {_told(unknown)}"
        remedy = "hub sync; what was decided since then is in a backup only: hub backup --list"
        yield Finding("stores", "warning", what, "control store", remedy)
    changing = [key for key, row in noted.items() if row["status"] == "succeeded" and row["changed"]]
    lacking = _newest(key for key in changing if key not in taken_in) & _newest(changing)
    if lacking:
        what = f"it is older than the control store: it lacks the newest sync of {_told(lacking)}"
        yield Finding("stores", "warning", what, warehouse, "hub sync --full")
    if not unknown and not lacking:
        yield Finding("stores", "ok", "control store and warehouse know the same syncs", warehouse)


def _key(row: Mapping[str, Any]) -> Key:
    return row["source_system"], row["stream"], row["sync_run_id"]


def _newest(keys: Iterable[Key]) -> set[Key]:
    """Of each stream the last one."""
    return set({key[:2]: key for key in keys}.values())


def _told(keys: set[Key]) -> str:
    names = sorted(f"{source}/{stream}" for source, stream, _ in keys)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
