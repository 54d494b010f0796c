"""hub.yaml: one file, validated as a whole, composed of each wing's own settings.

Errors name the key and the nearest right one. Secrets stay `${ENV_VAR}` until they are used.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from dotenv import load_dotenv
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from connectors.contract import Connector, SourceSettings
from connectors.registry import connector_class, types
from expectations.settings import GateSettings
from hub.contract.errors import ConfigError
from hub.golden import ConsentSettings, GoldenSettings, ReportingSettings, SurvivorshipSettings, check_segments
from hub.golden.settings import OTHERS
from hub.identity.settings import IdentitySettings
from pipelines.alerts.settings import AlertSettings
from pipelines.backup_settings import BackupSettings
from pipelines.expansion import ENV, demand_no_password, expanded
from pipelines.retention_settings import RetentionSettings
from pipelines.schedule_settings import ScheduleSettings
from pipelines.writeback.values import check as check_write_back
from warehouse.settings import WarehouseSettings
from warehouse.targets.settings import TargetSettings, check_masked

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,40}$")


class SyncSettings(BaseModel):
    """How `hub sync` goes about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_a_time: int = Field(4, ge=1, le=32, description="sources that are read side by side, each in a process of its own")


class HubConfig(BaseModel):
    """The whole of hub.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    root: Path = Field(exclude=True)
    warehouse: WarehouseSettings = Field(default_factory=WarehouseSettings)
    publish: tuple[TargetSettings, ...] = Field((), description="further databases that get the published tables")
    sources: dict[str, SourceSettings]
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    survivorship: SurvivorshipSettings = Field(default_factory=SurvivorshipSettings)
    reporting: ReportingSettings = Field(default_factory=ReportingSettings)
    consent: ConsentSettings = Field(default_factory=ConsentSettings)
    segments: dict[str, str] = Field(
        default_factory=dict, description="name of a segment -> SQL condition over the columns of golden.customer_360"
    )
    gate: GateSettings = Field(default_factory=GateSettings)
    schedules: ScheduleSettings = Field(default_factory=ScheduleSettings)
    sync: SyncSettings = Field(default_factory=SyncSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)

    @field_validator("sources", mode="before")
    @classmethod
    def _sources(cls, value: Any) -> dict[str, SourceSettings]:
        if not isinstance(value, dict) or not value:
            raise ConfigError("hub.yaml names no sources", field="sources", remedy="name at least one, see hub init")
        return {str(name): _source(str(name), given) for name, given in value.items()}

    @field_validator("segments")
    @classmethod
    def _segments(cls, value: dict[str, str]) -> dict[str, str]:
        check_segments(value)
        return value

    @property
    def golden(self) -> GoldenSettings:
        """All that decides what the golden tables hold, beside the data."""
        return GoldenSettings(
            tuple(self.sources),
            self.survivorship,
            self.reporting,
            self.segments,
            overrides="steward.attribute_override",
            consent=self.consent,
        )

    @model_validator(mode="after")
    def _known_sources(self) -> HubConfig:
        given: dict[str, Iterable[str]] = {
            "survivorship.source_priority": self.survivorship.source_priority,
            "survivorship.trust": set(self.survivorship.trust) - {OTHERS},
            "reporting.invoice_sales": self.reporting.invoice_sales or (),
        }
        for key, names in given.items():
            for name in names:
                if name not in self.sources:
                    raise ConfigError(f"no source {name!r}", field=key, remedy=_nearest(name, self.sources))
        return self

    @model_validator(mode="after")
    def _write_back(self) -> HubConfig:
        check_write_back({name: settings.write_back for name, settings in self.sources.items()})
        check_masked(self.publish, shared=self.warehouse.shared is not None)
        return self

    @field_validator("publish")
    @classmethod
    def _publish(cls, value: tuple[TargetSettings, ...]) -> tuple[TargetSettings, ...]:
        names = [target.name for target in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two targets are called {twice!r}")
        return value

    def connector(self, name: str) -> Connector:
        """Make the connector of a source. Raises `ConfigError` that names the nearest source."""
        try:
            settings = self.sources[name]
        except KeyError:
            raise ConfigError(f"no source {name!r} in hub.yaml", field="sources", remedy=_nearest(name, self.sources)) from None
        private = self.warehouse.path.parent / "private" / name
        return connector_class(settings.type, source=name)(name, settings, private)

    def enabled(self) -> tuple[str, ...]:
        """The sources that syncs read, in the file's order."""
        return tuple(name for name, settings in self.sources.items() if settings.enabled)

    @property
    def home(self) -> Path:
        """The Dagster instance's folder: DAGSTER_HOME if set, else var/dagster beside hub.yaml."""
        return Path(os.environ.get("DAGSTER_HOME") or self.root / "var" / "dagster")


def config_path(path: str | Path | None = None) -> Path:
    """The file that is used: the one given, else HUB_CONFIG, else ./hub.yaml."""
    return Path(path or os.environ.get("HUB_CONFIG") or "hub.yaml").absolute()


def load_config(path: str | Path | None = None) -> HubConfig:
    """Read and validate hub.yaml.

    Raises:
        ConfigError: the file is missing, is no YAML, or says something that cannot be; names the key and what to do.
    """
    where = config_path(path)
    try:
        text = where.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read {where} ({error.strerror})", remedy="run hub init DIR to make one, or name it with --config"
        ) from error
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{where} is no valid YAML{line}", remedy="mend that line") from error
    if not isinstance(given, dict):
        raise ConfigError(f"{where} holds no keys", remedy="run hub init DIR for a commented example")
    known = [name for name, field in HubConfig.model_fields.items() if not field.exclude]
    for key in given:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}", field=str(key), remedy=_nearest(str(key), known))
    demand_no_password(given)
    root = where.parent
    load_dotenv(root / ".env")  # what the environment already has wins
    try:
        # a target's URL is a secret, and nothing else of it can come from the environment
        config = HubConfig(root=root, **{key: item if key == "publish" else expanded(item) for key, item in given.items()})
    except ValidationError as error:
        raise _first_problem(error, HubConfig, ()) from error
    unset = ENV.search(config.warehouse.control)
    if unset:
        raise ConfigError(
            f"environment variable {unset.group(1)} is not set", field="warehouse.control", remedy=f"set {unset.group(1)}"
        )
    reporting = config.reporting
    if reporting.rates is not None:
        reporting = reporting.model_copy(update={"rates": root / reporting.rates})
    gate = config.gate if config.gate.python is None else config.gate.model_copy(update={"python": root / config.gate.python})
    warehouse = config.warehouse.resolved(root)
    return config.model_copy(
        update={
            "warehouse": warehouse,
            "identity": config.identity.placed(root, beside=warehouse.path.parent),
            "sources": _rooted(config.sources, root),
            "reporting": reporting,
            "gate": gate,
        }
    )


def _rooted(sources: dict[str, SourceSettings], root: Path) -> dict[str, SourceSettings]:
    # only sources that read files have a root; their relative paths are relative to hub.yaml
    return {name: s.model_copy(update={"root": root}) if "root" in type(s).model_fields else s for name, s in sources.items()}


def _source(name: str, given: Any) -> SourceSettings:
    if not _NAME.match(name):
        raise ConfigError(
            f"source name {name!r} will not do",
            field=f"sources.{name}",
            remedy="use lower-case letters, digits and _, such as legacy_crm",
        )
    if not isinstance(given, dict) or "type" not in given:
        raise ConfigError("a source needs a type", field=f"sources.{name}", remedy=f"add type: one of {', '.join(types())}")
    model = connector_class(str(given["type"]), source=name).Settings
    try:
        return model(**given)
    except ValidationError as error:
        raise _first_problem(error, model, ("sources", name)) from error


def _first_problem(error: ValidationError, model: type[BaseModel], prefix: tuple[str, ...]) -> ConfigError:
    """The first thing wrong, as one line with the key's full path."""
    # a key that is not known explains a key that is missing, not the other way round
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    path = tuple(str(part) for part in problem["loc"])
    key = ".".join((*prefix, *path))
    if problem["type"] == "extra_forbidden":
        return ConfigError(f"unknown key {path[-1]!r}", field=key, remedy=_nearest(path[-1], _known_keys(model, path[:-1])))
    if problem["type"] == "missing":
        return ConfigError("is missing", field=key, remedy="add it; hub init writes an example")
    what = str(problem["msg"]).removeprefix("Value error, ")
    return ConfigError(what[0].lower() + what[1:], field=key, remedy="mend it in hub.yaml")


def _known_keys(model: type[BaseModel], path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys allowed at a path below a model."""
    candidates: list[type[BaseModel]] = []
    for part in path:
        if part in model.model_fields:
            candidates = list(_models_in(model.model_fields[part].annotation))
        # where there is a choice, pydantic puts the type that was chosen into the path
        chosen = [found for found in candidates if "type" in found.model_fields and part in _literals(found)] or candidates
        if chosen:
            model = chosen[0]
    return tuple(field.alias or name for name, field in model.model_fields.items() if not field.exclude)


def _literals(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(getattr(model.model_fields["type"].annotation, "__args__", ()))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _nearest(word: str, known: Any) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
