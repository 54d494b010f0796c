"""Where the warehouse lies: hub.yaml's `warehouse:` and `control:` keys, and the paths that follow from them."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class WarehouseSettings(BaseModel):
    """The embedded default. Relative paths resolve against hub.yaml's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(Path("data/hub.duckdb"), description="the working warehouse; written by one process at a time")
    golden: Path = Field(Path("data/golden.duckdb"), description="what analysts open: a link to the published load")
    shared: Path | None = Field(
        None, description="the same without personal data, such as data/shared/golden.duckdb; in a folder of its own; none without"
    )
    landing: Path = Field(Path("data/landing"), description="where connectors land Parquet parts")
    control: str = Field("data/control.db", description="control store: an SQLite file, or a PostgreSQL URL")
    keep_loads: int = Field(10, ge=1, description="published loads kept for rollback")
    lock_timeout_seconds: float = Field(60.0, ge=0, description="how long to wait for a process that writes and gets no further")
    memory_limit: str | None = Field(None, description="DuckDB's memory limit, such as 4GB; DuckDB's own default without")

    @model_validator(mode="after")
    def _apart(self) -> WarehouseSettings:
        # what a folder's permissions let read is then one or the other
        if self.shared is not None and self.shared.parent in (self.golden.parent, self.path.parent):
            raise ValueError(f"shared needs a folder of its own, such as {self.golden.parent / 'shared' / 'golden.duckdb'}")
        return self

    def resolved(self, root: Path) -> WarehouseSettings:
        """The same with absolute paths."""
        control = self.control if "://" in self.control else str(root / self.control)
        return self.model_copy(
            update={
                "path": root / self.path,
                "golden": root / self.golden,
                "shared": None if self.shared is None else root / self.shared,
                "landing": root / self.landing,
                "control": control,
            }
        )

    @property
    def published(self) -> Path:
        """The folder of published files, beside the link."""
        return self.golden.parent / "published"

    @property
    def shared_loads(self) -> Path:
        """The folder of shared files, beside their link."""
        return (self.shared or self.golden.parent / "shared" / "golden.duckdb").parent / "published"
