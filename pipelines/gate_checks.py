"""The gate as Dagster asset checks. They show the verdict; what enforces it is `warehouse.publish`.

All checks hang on golden/customer: a blocking check on an asset further up would have to pass before the tables it judges exist.
"""

# no `from __future__ import annotations` here: Dagster reads the context class from the annotation itself

import math
import os
from collections.abc import Iterator
from typing import Any

import dagster as dg

from connectors.contract import Connector
from expectations import CHECKS, CheckResult, TableCheck, to_markdown
from expectations.measures import Number
from expectations.own import OWN
from pipelines.build import judge_candidate
from pipelines.build_assets import WAREHOUSE_POOL, golden_key, plainly
from pipelines.context import Hub
from pipelines.gate import page_path, write_page

_TARGET = golden_key("customer")
_OWN_CHECK = "own_expectations"
_RUNBOOK = 'docs/ops.md, "A load was held"'


def gate_checks(hub: Hub, connectors: list[Connector]) -> dg.AssetChecksDefinition:
    """One check per entry of the gate's table of checks, judged in one step."""

    has_own = bool(hub.config.gate.expectations or hub.config.gate.python)

    @dg.multi_asset_check(
        specs=[*(_spec(check) for check in CHECKS), *([_own_spec()] if has_own else [])],
        name="gate",
        pool=WAREHOUSE_POOL,
    )
    def gate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        verdict = plainly(lambda: judge_candidate(hub, connectors, run_id=context.op_execution_context.run_id))
        plainly(lambda: write_page(hub, verdict.load_id))
        report = {
            "report": dg.MetadataValue.md(to_markdown(verdict)),
            "page": os.path.relpath(page_path(hub, verdict.load_id), hub.config.root),
            "runbook": _RUNBOOK,
        }
        for result in verdict.results:
            if not result.check_id.startswith(OWN):
                yield _result(result, verdict.load_id, report)
        if has_own:
            yield _own_result([r for r in verdict.results if r.check_id.startswith(OWN)], verdict.load_id, report)

    return gate


def _spec(check: TableCheck) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.check_id,
        asset=_TARGET,
        description=f"{check.description}. If it fails: {check.remedy}.",
        blocking=check.severity == "critical",
        metadata={"dimension": check.dimension},
    )


def _own_spec() -> dg.AssetCheckSpec:
    """One check for all expectations of the users' own: how many a Python file yields is only known when it runs."""
    return dg.AssetCheckSpec(
        _OWN_CHECK,
        asset=_TARGET,
        description="The expectations of your own, from gate.expectations and gate.python.",
        blocking=True,
    )


def _own_result(results: list[CheckResult], load_id: str, report: dict[str, Any]) -> dg.AssetCheckResult:
    failed = [result for result in results if result.status == "failed"]
    holds = any(result.severity == "critical" for result in failed)
    return dg.AssetCheckResult(
        check_name=_OWN_CHECK,
        asset_key=_TARGET,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if holds else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{result.check_id}: {result.message}" for result in failed) or f"{len(results)} met",
        metadata={
            "load_id": load_id,
            "failed_rows": sum(result.failed_rows for result in failed),
            "failing_keys": "; ".join(f"{result.check_id}: {', '.join(result.examples) or 'none'}" for result in failed) or "none",
            **report,
        },
    )


def _result(result: CheckResult, load_id: str, report: dict[str, Any]) -> dg.AssetCheckResult:
    figures: dict[str, Any] = {
        "observed": _plotted(result.observed),
        "limit": _plotted(result.threshold),
        "failed_rows": result.failed_rows,
        "failing_keys": ", ".join(result.examples) or "none",
    }
    return dg.AssetCheckResult(
        check_name=result.check_id,
        asset_key=_TARGET,
        passed=result.status != "failed",
        severity=dg.AssetCheckSeverity.ERROR if result.severity == "critical" else dg.AssetCheckSeverity.WARN,
        description=result.message,
        metadata={
            "status": result.status,
            "load_id": load_id,
            **(figures if result.observed is not None else {}),
            **report,
        },
    )


def _plotted(figure: Number | None) -> Any:
    """A figure as Dagster plots it over time; text where there is no number, such as the age of what was never synced."""
    if figure is None or not math.isfinite(figure):
        return str(figure)
    return int(figure) if figure == int(figure) else float(figure)
