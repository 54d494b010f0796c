"""Dagster runs that bring further targets up to the link, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from pipelines.build_assets import target_key, target_step
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import open_instance, process_tags
from pipelines.jobs import TARGETS_JOB
from pipelines.raw_assets import BATCH_TAG
from pipelines.source_runs import quiet
from pipelines.targets import lagging, target_status


def only_targets_failed(result: dg.ExecuteInProcessResult, hub: Hub) -> bool:
    """Whether all steps of a run that failed are those of further targets."""
    failed = {event.step_key for event in result.all_events if event.is_step_failure}
    return bool(failed) and failed <= {target_step(target.name) for target in hub.config.publish}


def catch_up(hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, notice: Callable[[str], None]) -> None:
    """Bring the targets that lag behind up to the published load. How that went is in `target_status`."""
    late: Sequence[str] = lagging(hub)
    if not late:
        return
    notice(f"publishing to {', '.join(late)}")
    defs.resolve_job_def(TARGETS_JOB).execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config=quiet(),
        tags={BATCH_TAG: batch, **process_tags()},
        asset_selection=[target_key(name) for name in late],
    )


def follow(hub: Hub, notice: Callable[[str], None]) -> list[dict[str, Any]]:
    """Let the targets follow the link after it was moved by hand; their status then."""
    if hub.config.publish:
        with open_instance(hub.config) as instance:
            catch_up(hub, build_defs(hub), instance, "rollback", notice)
    return target_status(hub)
