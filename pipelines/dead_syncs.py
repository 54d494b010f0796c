"""Syncs that the control store still calls running although nothing runs them any more."""

from __future__ import annotations

import dagster as dg
import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.instance import clear_dead_runs
from warehouse import control_tables as t


def clear_dead_syncs(hub: Hub, instance: dg.DagsterInstance) -> None:
    """Fail the runs whose process is dead, free their pool slots, and end the syncs whose run is over."""
    clear_dead_runs(instance)
    for row in hub.control.rows(sa.select(t.sync_run).where(t.sync_run.c.status == "running")):
        run = instance.get_run_by_id(row["dagster_run_id"]) if row["dagster_run_id"] else None
        if run is None or run.is_finished:
            over = {"status": "failed", "error": "its process died before it ended", "ended_at": row["started_at"]}
            hub.control.put(t.sync_run, [row | over])
