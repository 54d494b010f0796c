"""How a frame is put before Great Expectations and what comes back: the only module that knows GX's result shapes.

No rule and no limit belongs here. The choices answer traps of GX 1.24: an expectation that could not be computed is reported as
`success=False`, results come in another order than the suite's, and failing values are returned unless told otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from expectations.gx_import import import_gx
from hub.contract.errors import GateError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuite
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.expectations.expectation import Expectation

ROW = "row"
_REMEDY = "this says nothing of the data; run again with --debug and report it if it stays"
_LAST_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception))(?::|$)", re.MULTILINE)
_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [ROW],
    "return_unexpected_index_query": False,
    "exclude_unexpected_values": True,  # rows are named by position; no value of a person comes back
    "partial_unexpected_count": 0,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one expectation found.

    Attributes:
        judged: how many rows it was put to; it passes over those in which what it tests is missing.
        rows: positions in the frame of those that do not meet it, ascending.
    """

    judged: int
    rows: tuple[int, ...]


def validate(frame: pd.DataFrame, expectations: Mapping[str, Expectation]) -> dict[str, Outcome]:
    """Judge a frame by expectations keyed by check ID.

    Args:
        frame: its index is ignored; rows are named by position.
        expectations: what to judge; the keys come back as the keys of the answer.

    Raises:
        GateError: an expectation could not be computed, or was not answered. Never said of data that merely fails.
    """
    import_gx()
    import great_expectations as gx
    import pandas as pd

    positioned = frame.set_axis(pd.RangeIndex(len(frame), name=ROW), axis="index")
    for check_id, expectation in expectations.items():
        expectation.meta = {"check_id": check_id}
    suite = gx.ExpectationSuite(name="gate", expectations=list(expectations.values()))
    return _outcomes(_run(positioned, suite), expectations)


@dataclass(frozen=True, slots=True)
class Found:
    """What an expectation of any kind found.

    Attributes:
        success: whether it is met, within the budget of `mostly` if it has one.
        judged: rows it was put to.
        rows: positions of those that do not meet it; none where it speaks of the whole.
        observed: the figure it speaks of, where it is a number; values never come back.
    """

    success: bool
    judged: int
    rows: tuple[int, ...]
    observed: float | None


def validate_any(frame: pd.DataFrame, check_id: str, expectation: Expectation) -> Found:
    """Judge a frame by an expectation that others wrote.

    Raises:
        GateError: it could not be computed. Never said of data that merely fails.
    """
    import_gx()
    import great_expectations as gx
    import pandas as pd

    positioned = frame.set_axis(pd.RangeIndex(len(frame), name=ROW), axis="index")
    validation = _run(positioned, gx.ExpectationSuite(name="own", expectations=[expectation]))
    result = validation.results[0]
    error = _error_name(result.exception_info or {})
    if error:
        raise GateError(f"check {check_id} could not be computed: {error}", remedy=_REMEDY)
    groups: list[dict[str, list[Any]]] = result.result.get("unexpected_index_list") or []
    observed = result.result.get("observed_value")
    figure = float(observed) if isinstance(observed, (int, float)) and not isinstance(observed, bool) else None
    judged = int(result.result.get("element_count", len(frame))) - int(result.result.get("missing_count") or 0)
    rows = tuple(int(row) for group in groups for row in group[ROW])
    return Found(bool(result.success), judged, rows, figure)


def _run(frame: pd.DataFrame, suite: ExpectationSuite) -> ExpectationSuiteValidationResult:
    """The suite's result on a frame, in a context that keeps nothing, shows nothing and reports to nobody."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    try:
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        return batch.validate(suite, result_format=_RESULT_FORMAT)
    except Exception as error:
        raise GateError(f"Great Expectations failed with {type(error).__name__}", remedy=_REMEDY) from error


def _outcomes(validation: ExpectationSuiteValidationResult, expectations: Mapping[str, Expectation]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for result in validation.results:
        config = result.expectation_config
        if config is None or not config.meta:
            raise GateError("Great Expectations returned a result without its check", remedy=_REMEDY)
        found[config.meta["check_id"]] = _outcome(config.meta["check_id"], config.type, result)
    unanswered = [check_id for check_id in expectations if check_id not in found]
    if unanswered:
        raise GateError(f"Great Expectations did not answer {', '.join(unanswered)}", remedy=_REMEDY)
    return found


def _outcome(check_id: str, expectation: str, result: ExpectationValidationResult) -> Outcome:
    error = _error_name(result.exception_info or {})
    if error:
        raise GateError(f"check {check_id} ({expectation}) could not be computed: {error}", remedy=_REMEDY)
    groups: list[dict[str, list[Any]]] = result.result.get("unexpected_index_list") or []
    rows = tuple(int(row) for group in groups for row in group[ROW])
    if not result.success and not rows:
        raise GateError(f"check {check_id} ({expectation}) failed without naming a row", remedy=_REMEDY)
    return Outcome(int(result.result["element_count"]) - int(result.result.get("missing_count", 0)), rows)


def _error_name(info: Mapping[str, Any]) -> str | None:
    """The class of the exception GX caught, or None. Only the class: the message of an exception may hold a value.

    `info` is one report where nothing was raised, and one report per metric, under the metric's ID, where something was.
    """
    reports = [info] if "raised_exception" in info else [r for r in info.values() if isinstance(r, Mapping)]
    for report in reports:
        if report.get("raised_exception"):
            names = _LAST_ERROR.findall(str(report.get("exception_traceback") or ""))
            return names[-1].rpartition(".")[2] if names else "an unnamed error"
    return None
