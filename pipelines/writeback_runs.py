"""Dagster runs of the write-back, and what is to be told of it afterwards.

They are runs of their own and no part of a build: no build waits for a vendor, and none fails with one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import process_tags, working_instance
from pipelines.jobs import WRITE_BACK_JOB
from pipelines.raw_assets import BATCH_TAG
from pipelines.source_runs import quiet
from pipelines.writeback.status import lagging, write_back_status
from pipelines.writeback_assets import write_back_key, write_back_step

Notice = Callable[[str], None]


def deliver_late(hub: Hub, defs: dg.Definitions, instance: dg.DagsterInstance, batch: str, notice: Notice) -> None:
    """Deliver to the sources that lag behind. How that went is in `write_back_status`."""
    late = lagging(hub)
    if late:
        _run(defs, instance, batch, late, notice, {})


def deliver_now(hub: Hub, sources: Sequence[str], options: Mapping[str, Any], notice: Notice) -> list[dict[str, Any]]:
    """Deliver to these sources, whether or not they lag behind; their status then."""
    with working_instance(hub.config) as instance:
        _run(build_defs(hub), instance, "writeback", sources, notice, options)
    return [row for row in write_back_status(hub) if row["source"] in sources]


def _run(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    batch: str,
    sources: Sequence[str],
    notice: Notice,
    options: Mapping[str, Any],
) -> None:
    notice(f"writing back to {', '.join(sources)}")
    ops = {write_back_step(source): {"config": dict(options)} for source in sources} if options else {}
    defs.resolve_job_def(WRITE_BACK_JOB).execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"ops": ops, **quiet()},
        tags={BATCH_TAG: batch, **process_tags()},
        asset_selection=[write_back_key(source) for source in sources],
    )
