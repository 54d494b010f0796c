"""The executor of the runs that Dagster launches: its own in-process one, and each run says which process works on it.

One process per step would cost more than most steps do, and the warehouse has one writer anyway. Commands bring an executor and
tags of their own (`source_runs`, `runner`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.instance import worker_tags


class _Noting(dg.Executor):
    """Has another executor do the work, and notes first on the run in which process that is.

    Dagster's own launcher knows its workers only as long as the code server lives. A run that dies together with that server would
    count as running until `max_runtime_seconds`, its source would miss its ticks, and nobody would be told.
    """

    def __init__(self, working: dg.Executor) -> None:
        self._working = working

    @property
    def retries(self) -> Any:
        return self._working.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._working.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        plan_context.instance.add_run_tags(plan_context.run_id, worker_tags(plan_context.run_id))
        yield from self._working.execute(plan_context, execution_plan)


def _create(context: dg.InitExecutorContext) -> dg.Executor:
    working = dg.in_process_executor.executor_creation_fn
    assert working is not None
    return _Noting(working(context))


_schema: Any = dg.in_process_executor.config_schema  # what it has, though Dagster's own types do not let it be given again
noting_executor = dg.ExecutorDefinition(
    name="in_process",
    config_schema=_schema,
    executor_creation_fn=_create,
    description="Runs all steps of a run in its process, which the run's tags name.",
)
