"""Checks of the Dagster instance: its schema, runs whose process is dead, pool slots that nobody frees, syncs that never ended."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from pipelines.dead_syncs import dead_syncs
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from pipelines.instance import dead_runs, open_instance, stuck_slots


def runs(look: Look) -> Iterator[Finding]:
    """The instance is opened only where there is one."""
    home = look.hub.config.home
    if not (home / "dagster.yaml").exists():
        yield Finding("dagster", "ok", "no run was made yet", str(home))
        return
    try:
        with open_instance(look.hub.config) as instance:
            outdated = _outdated(instance)
            if outdated:
                what = f"Dagster's {' and '.join(outdated)} storage is of an older version"
                yield Finding("dagster", "error", what, str(home), f"DAGSTER_HOME={home} dagster instance migrate")
                return
            yield Finding("dagster", "ok", f"its storage is that of Dagster {dg.__version__}", str(home))
            yield from _runs(look, instance)
    except WarehouseAccessError as error:
        yield Finding("dagster", "error", error.what, str(home), error.remedy)
    except (dg.DagsterError, sa.exc.SQLAlchemyError) as error:
        what = f"the Dagster instance cannot be opened ({type(error).__name__})"
        yield Finding("dagster", "error", what, str(home), f"check {home / 'dagster.yaml'} and its storage")


def _outdated(instance: dg.DagsterInstance) -> list[str]:
    storages = {"run": instance.run_storage, "event log": instance.event_log_storage, "schedule": instance.schedule_storage}
    versions = {name: storage.alembic_version() for name, storage in storages.items() if storage is not None}
    return [name for name, version in versions.items() if version is not None and version[0] != version[1]]


def _runs(look: Look, instance: dg.DagsterInstance) -> Iterator[Finding]:
    dead, stuck = dead_runs(instance), stuck_slots(instance)
    for run in dead:
        yield Finding("run", "warning", "is under way by its record, and its process is dead", f"run {run.run_id}", "hub sync")
    for pool, holders in stuck.items():
        what = f"{len(holders)} runs that are over still hold slots"
        yield Finding("pool", "warning", what, f"pool {pool}", "hub sync")
    syncs = [] if look.control is None else dead_syncs(look.control, instance)
    unended = sorted(f"{row['source_system']}/{row['stream']}" for row in syncs)
    for place in unended:
        yield Finding("sync_run", "warning", "its sync is running by the control store, and its run is over", place, "hub sync")
    if not (dead or stuck or unended):
        yield Finding("run", "ok", "no dead run, no slot held by one", str(look.hub.config.home))
