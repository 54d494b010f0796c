"""hub.yaml's keys that decide what the golden tables hold: `survivorship:`, `reporting:` and `segments:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.golden.attributes import ATTRIBUTES
from hub.golden.rules import DEFAULT_RULES, Rule, Rules
from hub.golden.suppression import Suppressions

Share = Annotated[float, Field(ge=0, le=1)]
T = TypeVar("T")
OTHERS = "*"  # under trust: every source that is not named


class Trusted(NamedTuple):
    """How far a value of one source is trusted: from `max` when the source changed it, down towards `min`."""

    max: float
    min: float
    half_life_days: int | None
    downgrade: float


class TrustSettings(BaseModel):
    """How far a source is trusted. What an attribute leaves out is as it is for the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: Share | None = Field(None, description="trust in a value that the source has just changed; 1 without")
    min: Share | None = Field(None, description="what trust decays to; 0 without")
    half_life_days: int | None = Field(
        None, gt=0, description="days in which trust above min halves, by the source's time; without, trust does not decay"
    )
    downgrade: Share | None = Field(
        None, description="share of its trust that a value loses which did not pass every check; 0.5 without"
    )


class SourceTrust(TrustSettings):
    """How far a source is trusted, and in which attributes otherwise."""

    attributes: dict[str, TrustSettings] = Field(default_factory=dict, description="attribute or group -> what differs there")

    @field_validator("attributes")
    @classmethod
    def _known_attributes(cls, value: dict[str, TrustSettings]) -> dict[str, TrustSettings]:
        return _known(value, tuple(ATTRIBUTES))

    @model_validator(mode="after")
    def _floor_below_top(self) -> SourceTrust:
        for name in ("", *self.attributes):
            trusted = self.of(name)
            if trusted.min > trusted.max:
                raise ValueError(f"min {trusted.min:g} is above max {trusted.max:g}{f' for {name}' if name else ''}")
        return self

    def of(self, attribute_or_group: str) -> Trusted:
        """What counts for an attribute or group."""
        own = self.attributes.get(attribute_or_group, TrustSettings())

        def first(name: str, fallback: float) -> float:
            return next((v for v in (getattr(own, name), getattr(self, name)) if v is not None), fallback)

        return Trusted(
            first("max", 1.0),
            first("min", 0.0),
            own.half_life_days if own.half_life_days is not None else self.half_life_days,
            first("downgrade", 0.5),
        )


class SurvivorshipSettings(BaseModel):
    """Which candidate value becomes the golden one: the first rule that tells two candidates apart decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Annotated[Rules, Field(min_length=1)] | None = Field(
        None, description="rules of all attributes and groups that have none of their own; without, each has sensible ones"
    )
    source_priority: tuple[str, ...] = Field((), description="sources, most trusted first; without: their order in hub.yaml")
    trust: dict[str, SourceTrust] = Field(
        default_factory=dict, description="source -> how far it is trusted, for the rule trust; * is every other source"
    )
    groups: dict[str, Rules] = Field(default_factory=dict, description="rules of name or address")
    fields: dict[str, Rules] = Field(default_factory=dict, description="rules of one attribute, such as email")

    @field_validator("groups")
    @classmethod
    def _known_groups(cls, value: dict[str, tuple[Rule, ...]]) -> dict[str, tuple[Rule, ...]]:
        return _known(value, tuple(a.name for a in ATTRIBUTES.values() if a.is_group))

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, value: dict[str, tuple[Rule, ...]]) -> dict[str, tuple[Rule, ...]]:
        return _known(value, tuple(a.name for a in ATTRIBUTES.values() if not a.is_group))

    @model_validator(mode="after")
    def _sensible(self) -> SurvivorshipSettings:
        for name in ATTRIBUTES:
            kinds = [rule.kind for rule in self.rules(name)]
            if ATTRIBUTES[name].is_group and {"min", "max"} & set(kinds):
                raise ValueError(f"min and max compare one value, and {name} is a group; leave them out for it")
            if "trust" in kinds and not self.trust:
                raise ValueError(f"{name} goes by trust, and trust names no source; add trust: {{SOURCE: {{max: 1}}}}")
        if self.trust and not any(rule.kind == "trust" for name in ATTRIBUTES for rule in self.rules(name)):
            raise ValueError("trust is set and no rules name it; add trust to default, groups or fields")
        self.order()
        return self

    def rules(self, attribute_or_group: str) -> tuple[Rule, ...]:
        """The rules of an attribute or group, in order."""
        own = self.groups.get(attribute_or_group) or self.fields.get(attribute_or_group)
        return own or self.default or DEFAULT_RULES[attribute_or_group]

    def order(self) -> list[str]:
        """Attributes and groups, each after those that it follows. Raises `ValueError` if some follow each other in a circle."""
        follows = {name: {rule.argument for rule in self.rules(name) if rule.kind == "follow"} for name in ATTRIBUTES}
        done: list[str] = []
        while len(done) < len(ATTRIBUTES):
            ready = [name for name in ATTRIBUTES if name not in done and follows[name] <= set(done)]
            if not ready:
                raise ValueError(f"{' and '.join(n for n in ATTRIBUTES if n not in done)} follow each other in a circle")
            done += ready
        return done


class ReportingSettings(BaseModel):
    """In which currency figures are added up, and after how long a silent customer's contact is stale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_currency: str | None = Field(
        None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code; without it figures are added up only where all facts are in one currency",
    )
    rates: Path | None = Field(None, description="CSV or Parquet file of dated exchange rates")
    max_age_days: int = Field(7, ge=0, description="how many days before a fact its rate may be from")
    invoice_sales: tuple[str, ...] | None = Field(
        None,
        description="sources whose paid invoices are sales of their own, and no bills of a shop's orders or of each other's sales;"
        " without, the first source that has invoices, if no source has orders",
    )
    stale_after_days: int = Field(365, ge=1, description="days without activity after which an unconfirmed contact is stale")

    @model_validator(mode="after")
    def _rates_lead_somewhere(self) -> Self:
        if self.rates is not None and self.base_currency is None:
            raise ValueError("rates need a base_currency to convert to")
        return self


class ConsentSettings(BaseModel):
    """For which purposes a customer must have agreed to be contacted before `can_email`, `can_sms` or `can_call` is true."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: tuple[str, ...] = Field(
        ("marketing",),
        min_length=1,
        description="purposes, in the sources' words, that a grant must name; a denial of any of them keeps from contact",
    )

    @field_validator("purposes")
    @classmethod
    def _in_one_spelling(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        words = tuple("_".join(word.lower().replace("-", " ").replace("_", " ").split()) for word in value)
        if "any" in words or "" in words:
            raise ValueError("name the purposes; any is every purpose, for which nobody can be asked")
        return words


def _known(value: dict[str, T], known: tuple[str, ...]) -> dict[str, T]:
    for name in value:
        if name not in known:
            raise ValueError(f"unknown name {name!r}; known are {', '.join(known)}")
    return value


@dataclass(frozen=True)
class GoldenSettings:
    """All that decides what the golden tables hold, beside the data.

    Attributes:
        sources: all sources in hub.yaml's order.
        segments: a condition over golden.customer_360 per segment; see `hub.golden.segments`.
        overrides: relation with the columns of the control store's attribute_override; None where nobody overrides anything.
        suppressions: whom nobody may contact; None where that is nobody.
    """

    sources: tuple[str, ...]
    survivorship: SurvivorshipSettings = field(default_factory=SurvivorshipSettings)
    reporting: ReportingSettings = field(default_factory=ReportingSettings)
    segments: Mapping[str, str] = field(default_factory=dict)
    overrides: str | None = None
    consent: ConsentSettings = field(default_factory=ConsentSettings)
    suppressions: Suppressions | None = None
