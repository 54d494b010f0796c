"""Syncs that the control store still calls running although nothing runs them any more."""

from __future__ import annotations

from typing import Any

import dagster as dg
import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.instance import clear_dead_runs, process_died
from warehouse import control_tables as t
from warehouse.control import ControlStore

DIED = "its process died before it ended"


def dead_syncs(control: ControlStore, instance: dg.DagsterInstance) -> list[dict[str, Any]]:
    """Their sync_run rows: the run is over or gone, or its process is dead."""
    running = control.rows(sa.select(t.sync_run).where(t.sync_run.c.status == "running"))
    return [row for row in running if _is_dead(instance, row["dagster_run_id"])]


def _is_dead(instance: dg.DagsterInstance, run_id: str | None) -> bool:
    run = instance.get_run_by_id(run_id) if run_id else None
    return run is None or run.is_finished or process_died(run)


def clear_dead_syncs(hub: Hub, instance: dg.DagsterInstance) -> None:
    """Fail the runs whose process is dead, free their pool slots, and end the syncs whose run is over."""
    clear_dead_runs(instance)
    end_dead_syncs(hub, instance)


def end_dead_syncs(hub: Hub, instance: dg.DagsterInstance) -> None:
    """End the syncs whose run is over, for whom dead runs were cleared already."""
    for row in dead_syncs(hub.control, instance):
        hub.control.put(t.sync_run, [row | {"status": "failed", "error": DIED, "ended_at": row["started_at"]}])
