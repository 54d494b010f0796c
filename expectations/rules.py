"""Row rules: which staged rows may not go on. A row that fails is quarantined with the reason; it holds no load by itself.

The rules are derived from the canonical columns, never written one by one: a party only needs a key of its own, a fact also the
amounts, currency and times without which it cannot be counted. What is wrong with a whole load belongs in `expectations.checks`.

The frame that is judged has the staging table's key and, for every amount, spend, currency, time and date column `c`, the typed
value `c` and the text it was read from, `c__raw`. Raw NULL is missing; raw present and typed NULL is unreadable. Only rows that
are new in this build are judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from expectations.currencies import known_currencies
from expectations.engine import validate
from expectations.gx_import import import_gx
from hub.contract.columns import PARTY, TABLES
from hub.contract.errors import GateError
from hub.contract.tables import Column, ColumnType, StagingTable

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

Problem = Literal["missing", "repeated", "unreadable", "unknown_currency"]
Dimension = Literal["validity", "completeness", "uniqueness", "freshness", "consistency", "conservation"]

RAW = "__raw"
TYPED: frozenset[ColumnType] = frozenset({"amount", "spend", "currency", "time", "date"})
# money that cannot be read would count as none at all, so it is never let through, required or not
MONEY: frozenset[ColumnType] = frozenset({"amount", "spend", "currency"})

_DIMENSION: dict[Problem, Dimension] = {
    "missing": "completeness",
    "repeated": "uniqueness",
    "unreadable": "validity",
    "unknown_currency": "validity",
}
_REASON: dict[Problem, str] = {
    "missing": "{column} is missing",
    "repeated": "{column} occurs more than once",
    "unreadable": "{column} cannot be read as {type}",
    "unknown_currency": "{column} is no ISO 4217 code",
}
_REMEDY: dict[Problem, str] = {
    "missing": "fill it in at the source, or map the column that holds it",
    "repeated": "make the source's record ID, or the mapping that yields it, unique",
    "unreadable": "correct it at the source, or state its format in the mapping",
    "unknown_currency": "correct it at the source, or map it to its three-letter code",
}
_ARTICLE: dict[ColumnType, str] = {"time": "a time", "date": "a date", "currency": "a currency code"}


@dataclass(frozen=True, slots=True)
class RowRule:
    """One reason to quarantine a row of one staging table; declared as data, so that it can be put into GX or into SQL.

    Attributes:
        check_id: ``<table>.<column>.<problem>``.
        subject: the column that is tested.
        only_where: a column that must be filled for the rule to apply, or None.
        reason: for people; names the column, never the value.
    """

    check_id: str
    table: str
    column: str
    problem: Problem
    dimension: Dimension
    subject: str
    only_where: str | None
    reason: str
    remedy: str


class RowFailure(NamedTuple):
    """One row that broke one rule; a tuple, as there can be millions.

    Attributes:
        row: its position in the frame, for the rows whose key is missing or not unique.
        key: its key as text, None where it has none.
    """

    check_id: str
    row: int
    key: str | None
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowResult:
    """What the row rules found: all failures, by row and then in the order of the rules, and how many per rule."""

    table: str
    rows: int
    failures: list[RowFailure]
    counts: dict[str, int]

    @property
    def quarantine(self) -> list[RowFailure]:
        """The rows to quarantine, each once, with the first rule it broke."""
        first: dict[int, RowFailure] = {}
        for failure in self.failures:
            first.setdefault(failure.row, failure)
        return list(first.values())


@cache
def row_rules(table: str) -> tuple[RowRule, ...]:
    """The rules of a staging table, in the order in which their reasons win.

    Raises:
        GateError: there is no staging table of that name.
    """
    if table not in TABLES:
        raise GateError(f"no staging table {table!r}", remedy=f"row rules exist for {', '.join(sorted(TABLES))}")
    staging = TABLES[table]
    rules = [_key_rule(staging, "missing"), _key_rule(staging, "repeated")]
    if staging is not PARTY:  # a party with a bad value keeps its row; the value becomes NULL with a status
        rules += [_rule(staging, column, problem) for column in staging.columns for problem in _problems(column)]
    return tuple(rules)


def judged_columns(table: str, key: str) -> tuple[str, ...]:
    """The columns that the rules of a staging table look at, the key first; no other value need leave the warehouse.

    Raises:
        GateError: there is no staging table of that name.
    """
    looked_at = (column for rule in row_rules(table) for column in (rule.subject, rule.only_where) if column)
    return tuple(dict.fromkeys((key, *looked_at)))


def check_rows(table: str, frame: pd.DataFrame, key: str) -> RowResult:
    """Judge staged rows; see the module for what the frame holds.

    Args:
        table: the staging table they are for.
        frame: the rows; an empty one costs nothing.
        key: the column that names a row, the table's key.

    Raises:
        GateError: the table or a column is not there, or a rule could not be computed.
    """
    rules = row_rules(table)
    absent = sorted(set(judged_columns(table, key)) - set(frame.columns))
    if absent:
        raise GateError(
            f"the frame lacks {', '.join(absent)}", stream=table, remedy="hand in typed and raw column of each typed field"
        )
    if frame.empty:
        return RowResult(table, 0, [], dict.fromkeys((rule.check_id for rule in rules), 0))
    outcomes = validate(_outline(frame, rules), {rule.check_id: _expectation(rule) for rule in rules})
    broken = [(rule, outcomes[rule.check_id].rows) for rule in rules]
    return RowResult(table, len(frame), list(_failures(frame[key], broken)), {rule.check_id: len(rows) for rule, rows in broken})


def _outline(frame: pd.DataFrame, rules: tuple[RowRule, ...]) -> pd.DataFrame:
    """What of the frame the rules have to see: currency codes, which keys are equal, and of the rest only what is filled.

    GX copies and hashes what it is given, once per rule; a million short numbers cost it a fifth of a million texts and amounts.
    """
    import numpy as np
    import pandas as pd

    seen: dict[str, Any] = {}
    for rule in rules:
        if rule.problem == "repeated":
            codes = pd.factorize(frame[rule.subject])[0]
            seen[rule.subject] = np.where(codes < 0, np.nan, codes)
        elif rule.problem == "unknown_currency":
            seen[rule.subject] = frame[rule.subject].to_numpy(dtype=object)
    for column in {name for rule in rules for name in (rule.subject, rule.only_where) if name} - set(seen):
        seen[column] = np.where(frame[column].isna(), np.nan, 1.0)
    return pd.DataFrame(seen)


def _failures(keys: pd.Series, broken: list[tuple[RowRule, tuple[int, ...]]]) -> Iterator[RowFailure]:
    import numpy as np

    names, absent = keys.to_numpy(dtype=object), keys.isna().to_numpy()
    rows = np.concatenate([np.asarray(rows, dtype=np.int64) for _, rows in broken])
    rules = np.repeat(np.arange(len(broken)), [len(rows) for _, rows in broken])
    by_row = np.argsort(rows, kind="stable")  # rules stand in their order already
    for row, rule in zip(rows[by_row].tolist(), rules[by_row].tolist(), strict=True):
        check = broken[rule][0]
        yield RowFailure(check.check_id, row, None if absent[row] else str(names[row]), check.column, check.reason)


def _problems(column: Column) -> tuple[Problem, ...]:
    problems: list[Problem] = ["missing"] if column.required else []
    if column.type in TYPED and (column.required or column.type in MONEY):
        problems.append("unreadable")
    if column.type == "currency":
        problems.append("unknown_currency")
    return tuple(problems)


def _key_rule(table: StagingTable, problem: Problem) -> RowRule:
    """The rule on a table's key; where a record may be several rows, what breaks it is the column that tells them apart."""
    rule = _rule(table, Column(table.key), problem)
    if table.part is None:
        return rule
    reason = _REASON[problem].format(column=table.part) + (" in one record" if problem == "repeated" else "")
    return replace(rule, reason=reason)


def _rule(table: StagingTable, column: Column, problem: Problem) -> RowRule:
    raw = column.name + RAW if column.type in TYPED else column.name
    return RowRule(
        check_id=f"{table.name}.{column.name}.{problem}",
        table=table.name,
        column=column.name,
        problem=problem,
        dimension=_DIMENSION[problem],
        subject=raw if problem == "missing" else column.name,
        only_where=raw if problem == "unreadable" else None,
        reason=_REASON[problem].format(column=column.name, type=_ARTICLE.get(column.type, "an amount")),
        remedy=_REMEDY[problem],
    )


def _expectation(rule: RowRule) -> Expectation:
    """The rule in Great Expectations' words."""
    import_gx()
    from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
    from great_expectations.expectations.core.expect_column_values_to_be_unique import ExpectColumnValuesToBeUnique
    from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
    from great_expectations.expectations.row_conditions import Column as Where

    if rule.problem == "repeated":
        return ExpectColumnValuesToBeUnique(column=rule.subject)
    if rule.problem == "unknown_currency":
        return ExpectColumnValuesToBeInSet(column=rule.subject, value_set=sorted(known_currencies()))
    condition = Where(rule.only_where).is_not_null() if rule.only_where else None
    return ExpectColumnValuesToNotBeNull(column=rule.subject, row_condition=condition)
