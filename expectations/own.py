"""Expectations of the users' own: from `gate.expectations` in hub.yaml and from the functions of the file `gate.python` names.

Each is a core expectation of Great Expectations over one table, or a query whose rows are failures. Here they are read and judged;
how a table's frame and a query's rows are come by is handed in.
"""

from __future__ import annotations

import importlib
import runpy
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from expectations.core_names import class_name
from expectations.engine import validate_any
from expectations.frames import MAX_EXAMPLES
from expectations.gx_import import import_gx
from expectations.rules import Dimension
from expectations.settings import GateSettings, OwnExpectation, OwnSeverity
from expectations.verdict import CheckResult, Verdict
from hub.contract.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

OWN = "own."
_ID_LENGTH = 100


@dataclass(frozen=True)
class OwnCheck:
    """One expectation of the users' own; of `expectation` (over `table`) and `query` there is one.

    Attributes:
        where: hub.yaml's key or the file's function, for messages.
    """

    name: str
    severity: OwnSeverity
    dimension: Dimension
    where: str
    table: str | None = None
    expectation: Expectation | None = None
    query: str | None = None

    @property
    def check_id(self) -> str:
        """Its ID among the gate's checks."""
        return (OWN + self.name)[:_ID_LENGTH]


class Table(NamedTuple):
    """What is read of a table: the columns asked for and one named `key`, text, that names the row."""

    frame: pd.DataFrame
    key: str


class Failures(NamedTuple):
    """What a query found: how many rows, and the first column of some."""

    rows: int
    examples: tuple[str, ...]


def expect(
    table: str,
    expectation: Expectation,
    *,
    name: str | None = None,
    severity: OwnSeverity = "warning",
    dimension: Dimension = "validity",
) -> OwnCheck:
    """A Great Expectations expectation over a golden table, for a file of `gate.python` to yield."""
    return OwnCheck(name or _named(table, expectation), severity, dimension, "", table=table, expectation=expectation)


def failing_rows(name: str, query: str, *, severity: OwnSeverity = "warning", dimension: Dimension = "validity") -> OwnCheck:
    """A query whose rows are failures, their key in its first column, for a file of `gate.python` to yield."""
    return OwnCheck(name, severity, dimension, "", query=query)


def own_checks(settings: GateSettings) -> list[OwnCheck]:
    """The users' own checks, those of hub.yaml first.

    Raises:
        ConfigError: an expectation cannot be made of what is given, two have one name, or the file fails.
    """
    checks = [_from_settings(place, own) for place, own in enumerate(settings.expectations)]
    if settings.python is not None:
        checks += _from_file(settings.python)
    seen: set[str] = set()
    for check in checks:
        if check.check_id in seen:
            raise ConfigError(f"two expectations are named {check.name!r}", field=check.where, remedy="give one another name")
        seen.add(check.check_id)
    return checks


def _from_settings(place: int, own: OwnExpectation) -> OwnCheck:
    where = f"gate.expectations.{place}"
    if own.sql is not None:
        return OwnCheck(own.name or f"query_{place}", own.severity, own.dimension, where, query=own.sql)
    assert own.expect is not None, "the settings demand one of the two"
    import_gx()
    module = importlib.import_module(f"great_expectations.expectations.core.{own.expect}")
    try:
        expectation = getattr(module, class_name(own.expect))(**own.arguments)
    except Exception as error:
        # GX and its pydantic raise what they like; the first line that is no heading says which argument
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ConfigError(
            f"{own.expect} cannot be made of these arguments ({': '.join(lines[1:3]) or type(error).__name__})",
            field=where,
            remedy="mend them in hub.yaml",
        ) from error
    return OwnCheck(
        own.name or _named(str(own.table), expectation),
        own.severity,
        own.dimension,
        where,
        table=own.table,
        expectation=expectation,
    )


def _named(table: str, expectation: Expectation) -> str:
    column = getattr(expectation, "column", None) or getattr(expectation, "column_A", None)
    kind = str(getattr(expectation, "expectation_type", type(expectation).__name__))
    return ".".join(part for part in (table.removeprefix("golden."), column, kind.removeprefix("expect_")) if part)


def _from_file(path: Path) -> list[OwnCheck]:
    """What the functions `check_...` of a file yield, in the file's order."""
    found: list[OwnCheck] = []
    import_gx()  # the file imports it too
    try:
        names = runpy.run_path(str(path))
        for name, function in names.items():
            if name.startswith("check_") and callable(function):
                yielded: Iterable[Any] = function() or ()
                found += [_yielded(path, name, item) for item in yielded]
    except ConfigError:
        raise
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        at = f" at line {lines[-1]}" if lines else ""
        raise ConfigError(
            f"{path.name} failed{at} with {type(error).__name__}", field="gate.python", remedy="mend the file, or take the key out"
        ) from error
    return found


def _yielded(path: Path, function: str, item: Any) -> OwnCheck:
    where = f"gate.python {path.name}:{function}"
    if not isinstance(item, OwnCheck):
        raise ConfigError(
            f"it yields a {type(item).__name__}",
            field=where,
            remedy="yield expect(...) or failing_rows(...) of the package expectations",
        )
    return replace(item, where=where)


def needed_columns(check: OwnCheck, known: Sequence[str]) -> list[str] | None:
    """Which of a table's columns an expectation needs; None if it needs the names of all and no row.

    Raises:
        ConfigError: it names a column that the table does not have.
    """
    assert check.expectation is not None
    kind = str(getattr(check.expectation, "expectation_type", ""))
    if kind.startswith("expect_table_column") or kind == "expect_column_to_exist":
        return None
    named: list[str] = []
    for argument in ("column", "column_A", "column_B", "column_list"):
        value = getattr(check.expectation, argument, None)
        named += [value] if isinstance(value, str) else list(value or ())
    for column in named:
        if column not in known:
            from difflib import get_close_matches

            near = get_close_matches(column, known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise ConfigError(f"{check.table} has no column {column!r}", field=check.where, remedy=remedy)
    condition = str(getattr(check.expectation, "row_condition", None) or "")
    return [column for column in known if column in named or column in condition]


def judge_own(
    checks: Sequence[OwnCheck], read: Callable[[OwnCheck], Table], run: Callable[[OwnCheck], Failures]
) -> list[CheckResult]:
    """Judge the users' own checks.

    Args:
        read: the rows that an expectation is put to.
        run: the rows that a query finds.

    Raises:
        GateError: an expectation could not be computed; it says nothing of the data.
    """
    return [_of_query(check, run(check)) if check.query is not None else _of_table(check, read(check)) for check in checks]


def _of_query(check: OwnCheck, found: Failures) -> CheckResult:
    failed = found.rows > 0
    message = f"the query finds {found.rows:,} rows; mend them at the source, or the query at {check.where}"
    return CheckResult(
        check.check_id,
        check.dimension,
        check.severity,
        "failed" if failed else "passed",
        message if failed else "the query finds no rows",
        target=check.name,
        observed=found.rows,
        threshold=0,
        failed_rows=found.rows,
        total_rows=found.rows,
        examples=found.examples if failed else (),
    )


def _of_table(check: OwnCheck, table: Table) -> CheckResult:
    assert check.expectation is not None
    found = validate_any(table.frame.drop(columns=table.key), check.check_id, check.expectation)
    kind = str(getattr(check.expectation, "expectation_type", type(check.expectation).__name__))
    keys = table.frame[table.key]
    examples = tuple(sorted(str(keys.iloc[row]) for row in found.rows))[:MAX_EXAMPLES] if not found.success else ()
    if found.success:
        message = f"{check.table} meets {kind}"
    elif found.rows:
        message = f"{len(found.rows):,} of {found.judged:,} rows of {check.table} do not meet {kind}; mend them at the source"
    else:
        seen = "" if found.observed is None else f" (observed {found.observed:,.6g})"
        message = f"{check.table} does not meet {kind}{seen}; see what changed in it, or mend the expectation at {check.where}"
    return CheckResult(
        check.check_id,
        check.dimension,
        check.severity,
        "passed" if found.success else "failed",
        message,
        target=check.table,
        observed=len(found.rows) if found.observed is None else Decimal(str(found.observed)),
        failed_rows=0 if found.success else max(1, len(found.rows)),
        total_rows=found.judged,
        examples=examples,
    )


def with_own(verdict: Verdict, own: Sequence[CheckResult]) -> Verdict:
    """A verdict together with what the users' own checks found."""
    failed = [result for result in own if result.status == "failed"]
    blocking = (*verdict.blocking, *(result.check_id for result in failed if result.severity == "critical"))
    warnings = (*verdict.warnings, *(result.check_id for result in failed if result.severity == "warning"))
    return replace(
        verdict,
        decision="hold" if blocking else "pass",
        blocking=blocking,
        warnings=warnings,
        results=(*verdict.results, *own),
    )
