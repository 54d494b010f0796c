"""What hub.yaml says of further targets: `publish:`."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from hub.contract.errors import ConfigError
from hub.contract.secret import Secret


class TableChoice(BaseModel):
    """Which tables a target gets; patterns such as ``golden.*``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    include: tuple[str, ...] = Field(("*",), description="tables it gets, as schema.table; * stands for anything")
    exclude: tuple[str, ...] = Field((), description="tables it does not get, such as identity.match_*")

    def chosen(self, table: str) -> bool:
        """Whether a table (``schema.name``) is among them."""
        return any(fnmatchcase(table, p) for p in self.include) and not any(fnmatchcase(table, p) for p in self.exclude)


class TargetSettings(BaseModel):
    """A database that gets the published tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,40}$", description="how it is called in messages and in Dagster")
    url: Secret = Field(description="SQLAlchemy URL, as ${ENV_VAR}: postgresql://... and mysql://... are tested")
    schema_prefix: str | None = Field(
        None,
        pattern="^[a-z0-9_]{0,30}$",
        description="put before golden, identity, quality and ops; default nothing, and on MySQL the URL's database and _",
    )
    masked: bool = Field(False, description="it gets what warehouse.shared has, without personal data; for analysts")
    tables: TableChoice = Field(default_factory=TableChoice, description="the tables it gets; all without")


def check_masked(targets: Iterable[TargetSettings], *, shared: bool) -> None:
    """Raise `ConfigError` if a target is masked and the hub shares nothing that it could be given."""
    for target in targets:
        if target.masked and not shared:
            raise ConfigError(
                "the hub makes no shared load that it could be given",
                field=f"publish.{target.name}.masked",
                remedy="add warehouse: {shared: data/shared/golden.duckdb}",
            )
