"""What hub.yaml says under ``backup:``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from connectors.files.options import StorageOptions


class BackupSettings(BaseModel):
    """Where backups are kept, and when one is taken without being asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str | None = Field(None, description="a folder, or a URL that fsspec knows such as s3://bucket/hub")
    storage: StorageOptions = Field(default_factory=dict, description="options of that storage, as fsspec takes them")
    keep: int = Field(14, ge=1, description="backups kept; older ones are removed after a new one is there")
    schedule: str | None = Field(None, description="cron expression, in schedules.timezone, at which the Dagster daemon takes one")
