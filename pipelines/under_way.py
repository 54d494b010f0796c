"""Which runs of the instance are waiting or working."""

from __future__ import annotations

import dagster as dg

SOURCE_TAG = "hub/source"
_STATUSES = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def under_way(instance: dg.DagsterInstance, *, job: str | None = None, source: str | None = None) -> dg.DagsterRun | None:
    """The newest run of a job or of a source, whatever it does with it, that has not ended yet."""
    tags = {SOURCE_TAG: source} if source is not None else {}
    found = instance.get_runs(dg.RunsFilter(job_name=job, tags=tags, statuses=list(_STATUSES)), limit=1)
    return found[0] if found else None
