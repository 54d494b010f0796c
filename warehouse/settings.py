"""Where the warehouse lies: hub.yaml's `warehouse:` and `control:` keys, and the paths that follow from them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class WarehouseSettings(BaseModel):
    """The embedded default. Relative paths resolve against hub.yaml's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(Path("data/hub.duckdb"), description="the working warehouse; written by one process at a time")
    golden: Path = Field(Path("data/golden.duckdb"), description="what analysts open: a link to the published load")
    landing: Path = Field(Path("data/landing"), description="where connectors land Parquet parts")
    control: str = Field("data/control.db", description="control store: an SQLite file, or a PostgreSQL URL")
    keep_loads: int = Field(10, ge=1, description="published loads kept for rollback")
    lock_timeout_seconds: float = Field(60.0, ge=0, description="how long to wait for a process that writes and gets no further")
    memory_limit: str | None = Field(None, description="DuckDB's memory limit, such as 4GB; DuckDB's own default without")

    def resolved(self, root: Path) -> WarehouseSettings:
        """The same with absolute paths."""
        control = self.control if "://" in self.control else str(root / self.control)
        return self.model_copy(
            update={
                "path": root / self.path,
                "golden": root / self.golden,
                "landing": root / self.landing,
                "control": control,
            }
        )

    @property
    def published(self) -> Path:
        """The folder of published files, beside the link."""
        return self.golden.parent / "published"
