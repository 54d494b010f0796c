"""What hub.yaml says under ``schedules:``."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ScheduleSettings(BaseModel):
    """What runs by itself, and what becomes of a sync that failed for a while only. All of it is the Dagster daemon's doing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    full_sync: str | None = Field(
        "15 5 * * *",
        description="cron expression for all sources without a schedule of their own; written here it runs by itself, left out it"
        " waits to be switched on in the UI, null switches it off",
    )
    timezone: str = Field("UTC", description="IANA zone of all cron expressions in this file, and of a backfill's days")
    retries: int = Field(3, ge=0, le=20, description="times that a sync is tried again whose source did not answer or was busy")
    retry_after_seconds: float = Field(60, ge=0, description="wait before the first of them; doubled for each further one")
    backfill_from: date = Field(date(2020, 1, 1), description="first day that can be backfilled from the UI")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}; write it as Europe/Berlin") from None
        return value

    @property
    def full_sync_runs(self) -> bool:
        """Whether hub.yaml asks for the full sync, so that it runs without being switched on."""
        return "full_sync" in self.model_fields_set and self.full_sync is not None
