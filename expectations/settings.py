"""The `gate:` keys of hub.yaml. Limits only; what is measured against them stands in `expectations.checks`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
    tolerated_rows: int = Field(
        5, ge=0, description="so many rows hold no load whatever their share: one bad row of three says little"
    )
