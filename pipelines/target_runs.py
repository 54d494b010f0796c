"""Dagster runs that bring further targets up to the link, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from hub.contract.errors import ConfigError, NotFoundError
from pipelines.build_assets import target_key, target_step
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import process_tags, working_instance
from pipelines.jobs import TARGETS_JOB
from pipelines.raw_assets import BATCH_TAG
from pipelines.source_runs import quiet
from pipelines.targets import lagging, settings_of, target_status
from warehouse.publish import live_load


def only_targets_failed(result: dg.ExecuteInProcessResult, hub: Hub) -> bool:
    """Whether all steps of a run that failed are those of further targets."""
    failed = {event.step_key for event in result.all_events if event.is_step_failure}
    return bool(failed) and failed <= {target_step(target.name) for target in hub.config.publish}


def catch_up(hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, notice: Callable[[str], None]) -> None:
    """Bring the targets that lag behind up to the published load. How that went is in `target_status`."""
    late = lagging(hub)
    if late:
        _bring_up(hub, defs, instance, batch, late, notice)


def publish_now(hub: Hub, names: Sequence[str], notice: Callable[[str], None]) -> list[dict[str, Any]]:
    """Bring targets up to the published load, whether or not they lag behind; their status then.

    Args:
        names: of targets in hub.yaml; none means all.

    Raises:
        ConfigError: hub.yaml has no targets, or none of that name.
        NotFoundError: nothing is published yet.
    """
    if not hub.config.publish:
        raise ConfigError(
            "hub.yaml has no targets", field="publish", remedy="add one: publish: [{name: analytics, url: ${ANALYTICS_URL}}]"
        )
    chosen = [settings_of(hub, name).name for name in dict.fromkeys(names)] or [target.name for target in hub.config.publish]
    if live_load(hub.config.warehouse) is None:
        raise NotFoundError("nothing is published yet", remedy="run hub sync first")
    with working_instance(hub.config) as instance:
        _bring_up(hub, build_defs(hub), instance, "publish", chosen, notice)
    return [row for row in target_status(hub) if row["target"] in chosen]


def _bring_up(
    hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, names: Sequence[str], notice: Callable[[str], None]
) -> None:
    notice(f"publishing to {', '.join(names)}")
    defs.resolve_job_def(TARGETS_JOB).execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config=quiet(),
        tags={BATCH_TAG: batch, **process_tags()},
        asset_selection=[target_key(name) for name in names],
    )


def follow(hub: Hub, notice: Callable[[str], None]) -> list[dict[str, Any]]:
    """Let the targets follow the link after it was moved by hand; their status then."""
    if hub.config.publish:
        with working_instance(hub.config) as instance:
            catch_up(hub, build_defs(hub), instance, "rollback", notice)
    return target_status(hub)
