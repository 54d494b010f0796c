"""How the write-back stands: per source its last run and what lies in the outbox, and which sources lag behind."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.pauses import active_pauses
from pipelines.writeback.outbox import runs
from pipelines.writeback.run import targets
from warehouse.publish import live_load
from warehouse.writeback_tables import writeback_field


def write_back_status(hub: Hub) -> list[dict[str, Any]]:
    """Per source that is written to: its last run, whether that was of the live load, and how many letters lie in the outbox."""
    known, live = runs(hub), live_load(hub.config.warehouse)
    table = writeback_field
    counts = hub.control.rows(
        sa.select(table.c.source_system, table.c.status, sa.func.count().label("n"))
        .where(table.c.status != "confirmed")
        .group_by(table.c.source_system, table.c.status)
    )
    lying = {(row["source_system"], row["status"]): row["n"] for row in counts}
    found = []
    for source in targets(hub):
        run = known.get(source, {})
        letters = {f"{status}_letters": lying.get((source, status), 0) for status in ("dead", "gone", "kept", "owed")}
        current = live is not None and run.get("load_id") == live
        found.append(
            {
                "source": source,
                **{name: run.get(name) for name in ("load_id", "ran_at", "error")},
                **{name: run.get(name, 0) for name in ("sent", "found", "unchanged", "api_calls")},
                **letters,
                "current": current,
            }
        )
    return found


def lagging(hub: Hub) -> list[str]:
    """Sources that were not told all of the live load; one that is paused is waited for."""
    if live_load(hub.config.warehouse) is None:
        return []
    paused = active_pauses(hub)
    late = (row for row in write_back_status(hub) if not row["current"] or row["error"] or row["owed_letters"])
    return [row["source"] for row in late if row["source"] not in paused]
