"""The `gate:` keys of hub.yaml. Limits only; what is measured against them stands in `expectations.checks`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from expectations.core_names import problem
from expectations.rules import Dimension

OwnSeverity = Literal["critical", "warning"]


class OwnExpectation(BaseModel):
    """An expectation of one's own on a golden table; further keys are arguments of Great Expectations' expectation."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str | None = Field(None, min_length=1, max_length=80, description="what it is called in reports")
    severity: OwnSeverity = Field("warning", description="critical holds the load, warning only shows")
    dimension: Dimension = Field("validity", description="what it speaks of")
    table: str | None = Field(None, description="the table or view it is put to, such as golden.customer")
    expect: str | None = Field(None, description="a core expectation of Great Expectations by its snake name")
    sql: str | None = Field(None, description="instead: a query whose rows are failures, their key in its first column")

    @model_validator(mode="after")
    def _is_one_of_two(self) -> OwnExpectation:
        if (self.expect is None) == (self.sql is None):
            raise ValueError("an expectation needs either expect: or sql:")
        if self.sql is not None and (self.table or self.arguments):
            raise ValueError(f"sql: takes no {'table' if self.table else sorted(self.arguments)[0]!r}")
        if self.expect is not None:
            if self.table is None:
                raise ValueError("expect: needs a table:, such as golden.customer")
            wrong = problem(self.expect, set(self.arguments))
            if wrong:
                raise ValueError(wrong)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """What is passed on to the expectation."""
        return dict(self.model_extra or {})


class GateSettings(BaseModel):
    """When the gate holds a load back. Shares are of 1: 0.05 is five per cent; a share of 0 means none at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_id_churn: float = Field(0.02, ge=0, le=1, description="records whose customer ID changed, of the records in both loads")
    max_merged_share: float = Field(0.05, ge=0, le=1, description="customers merged into another, of the last load's customers")
    max_quarantine_share: float = Field(0.05, ge=0, le=1, description="rows quarantined, of a source's new rows")
    max_volume_drop: float = Field(0.3, ge=0, le=1, description="rows gone from a table, of the source's rows in the last load")
    max_volume_growth: float = Field(3.0, gt=1, description="times as many rows in a table as in the last load")
    min_growth_rows: int = Field(1000, ge=0, description="so many added rows are never too many, however small the table was")
    max_completeness_drop: float = Field(0.1, ge=0, le=1, description="filled values lost, of a column's filled values before")
    max_unresolved_share: float = Field(0.05, ge=0, le=1, description="facts whose party is unknown, of all; above it warns")
    max_unresolved_rise: float = Field(0.02, ge=0, le=1, description="facts that lost their party since the last load, of all")
    max_future_share: float = Field(0.001, ge=0, le=1, description="facts dated more than two days ahead, of all")
    max_shared_mailbox_share: float = Field(0.05, ge=0, le=1, description="e-mails of several customers, of all; above it warns")
    max_mailbox_rise: float = Field(
        0.02, ge=0, le=1, description="records that one e-mail gained since the last load, of all records"
    )
    min_mailbox_records: int = Field(50, ge=0, description="so many records that one e-mail gained are never too many")
    max_doubled_share: float = Field(0.02, ge=0, le=1, description="facts that came to tell the same as another one, of a source's")
    max_currency_changed: float = Field(0.01, ge=0, le=1, description="facts whose currency is another than before, of a source's")
    max_currency_shift: float = Field(
        0.35, ge=0, le=1, description="new or changed facts beyond their currency's usual share, of all of them"
    )
    max_amount_factor: float = Field(
        10.0, gt=1, description="times the median of a currency's amounts before (or the reverse) that the new ones' may be"
    )
    history_loads: int = Field(30, ge=2, description="published loads that the usual course of a figure is taken from")
    min_history: int = Field(5, ge=2, description="so many loads must have a figure before it is compared with its usual course")
    history_width: float = Field(6.0, gt=0, description="deviations from its usual course at which a figure is worth a warning")
    in_sql_from: int = Field(
        0, ge=0, description="so many new rows of a stream and more are put to the row rules in SQL, fewer as a frame"
    )
    expectations: tuple[OwnExpectation, ...] = Field((), description="expectations of your own on the golden tables")
    python: Path | None = Field(None, description="a Python file whose functions check_... yield expectations of your own")
    tolerated_rows: int = Field(
        5, ge=0, description="so many rows hold no load whatever their share: one bad row of three says little"
    )
