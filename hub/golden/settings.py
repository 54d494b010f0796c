"""hub.yaml's `survivorship:` key: by which rules one value wins over another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
    """

    sources: tuple[str, ...]
    survivorship: SurvivorshipSettings = field(default_factory=SurvivorshipSettings)
