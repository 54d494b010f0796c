"""hub.yaml's keys that decide what the golden tables hold: `survivorship:`, `reporting:` and `segments:`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Rule = Literal["verified", "source_priority", "recency", "frequency", "longest", "oldest"]

# Attributes that win one by one, and groups that win together, so that no address is stitched from two.
SINGLE_ATTRIBUTES = ("email", "phone_e164", "company_name", "birth_date", "tax_id", "locale")
GROUPS: dict[str, tuple[str, ...]] = {
    "name": ("full_name", "given_name", "middle_name", "family_name", "name_suffix"),
    "address": ("address_line1", "address_line2", "city", "region", "postal_code", "country_code"),
}


class SurvivorshipSettings(BaseModel):
    """Which candidate value becomes the golden one: the first rule that tells two candidates apart decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: tuple[Rule, ...] = Field(("verified", "source_priority", "recency"), min_length=1)
    source_priority: tuple[str, ...] = Field((), description="sources, most trusted first; without: their order in hub.yaml")
    groups: dict[str, tuple[Rule, ...]] = Field(default_factory=dict, description="rules of name or address")
    fields: dict[str, tuple[Rule, ...]] = Field(default_factory=dict, description="rules of one attribute, such as email")

    @field_validator("groups")
    @classmethod
    def _known_groups(cls, value: dict[str, tuple[Rule, ...]]) -> dict[str, tuple[Rule, ...]]:
        return _known(value, tuple(GROUPS))

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, value: dict[str, tuple[Rule, ...]]) -> dict[str, tuple[Rule, ...]]:
        return _known(value, SINGLE_ATTRIBUTES)

    def rules(self, attribute_or_group: str) -> tuple[Rule, ...]:
        """The rules of an attribute or group, in order."""
        return self.groups.get(attribute_or_group) or self.fields.get(attribute_or_group) or self.default


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
    stale_after_days: int = Field(365, ge=1, description="days without activity after which an unconfirmed contact is stale")

    @model_validator(mode="after")
    def _rates_lead_somewhere(self) -> Self:
        if self.rates is not None and self.base_currency is None:
            raise ValueError("rates need a base_currency to convert to")
        return self


def _known(value: dict[str, tuple[Rule, ...]], known: tuple[str, ...]) -> dict[str, tuple[Rule, ...]]:
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
    """

    sources: tuple[str, ...]
    survivorship: SurvivorshipSettings = field(default_factory=SurvivorshipSettings)
    reporting: ReportingSettings = field(default_factory=ReportingSettings)
    segments: Mapping[str, str] = field(default_factory=dict)
