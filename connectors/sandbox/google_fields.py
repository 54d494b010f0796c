"""The fields of Google Ads API v26 that the sandbox serves: their types, and what may be asked of them.

Source: https://developers.google.com/google-ads/api/fields/v26/overview
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "int64", "double", "enum", "bool", "date", "resource", "message"]


@dataclass(frozen=True)
class Field:
    """A field: its type as JSON shows it (an int64 is a string), and whether it may be filtered and sorted by."""

    name: str
    kind: Kind
    filterable: bool = True
    sortable: bool = True

    @property
    def resource(self) -> str:
        """campaign, metrics, segments, ..."""
        return self.name.partition(".")[0]

    @property
    def json_path(self) -> tuple[str, ...]:
        """Where it stands in a row, in camel case."""
        return tuple(camel(part) for part in self.name.split("."))


def camel(name: str) -> str:
    """cost_micros to costMicros."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_LEAD = "lead_form_submission_data"
FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("customer.resource_name", "resource"),
        Field("customer.id", "int64"),
        Field("customer.descriptive_name", "string"),
        Field("customer.currency_code", "string"),
        Field("customer.time_zone", "string"),
        Field("customer.manager", "bool"),
        Field("customer.test_account", "bool"),
        Field("customer.status", "enum"),
        Field("campaign.resource_name", "resource"),
        Field("campaign.id", "int64"),
        Field("campaign.name", "string"),
        Field("campaign.status", "enum"),
        Field("campaign.advertising_channel_type", "enum"),
        Field("ad_group.resource_name", "resource"),
        Field("ad_group.id", "int64"),
        Field("ad_group.name", "string"),
        Field("ad_group.status", "enum"),
        Field("ad_group.campaign", "resource"),
        Field("ad_group.type", "enum"),
        Field("ad_group_ad.resource_name", "resource"),
        Field("ad_group_ad.ad_group", "resource"),
        Field("ad_group_ad.status", "enum"),
        Field("ad_group_ad.ad.resource_name", "resource"),
        Field("ad_group_ad.ad.id", "int64"),
        Field("ad_group_ad.ad.name", "string"),
        Field("ad_group_ad.ad.type", "enum"),
        Field("ad_group_ad.ad.responsive_search_ad.headlines", "message", filterable=False, sortable=False),
        Field("ad_group_ad.ad.final_urls", "string", filterable=False, sortable=False),
        Field("ad_group_ad.ad.final_url_suffix", "string"),
        Field("ad_group.final_url_suffix", "string"),
        Field("campaign.final_url_suffix", "string"),
        Field("metrics.impressions", "int64"),
        Field("metrics.clicks", "int64"),
        Field("metrics.cost_micros", "int64"),
        Field("metrics.conversions", "double"),
        Field("metrics.conversions_value", "double"),
        Field("segments.date", "date"),
        Field(f"{_LEAD}.resource_name", "resource", sortable=False),
        Field(f"{_LEAD}.id", "string", sortable=False),
        Field(f"{_LEAD}.asset", "resource", sortable=False),
        Field(f"{_LEAD}.campaign", "resource", sortable=False),
        Field(f"{_LEAD}.ad_group", "resource", sortable=False),
        Field(f"{_LEAD}.ad_group_ad", "resource", sortable=False),
        Field(f"{_LEAD}.gclid", "string", sortable=False),
        Field(f"{_LEAD}.submission_date_time", "date", sortable=False),
        Field(f"{_LEAD}.lead_form_submission_fields", "message", filterable=False, sortable=False),
        Field(f"{_LEAD}.custom_lead_form_submission_fields", "message", filterable=False, sortable=False),
    )
}

# what may stand beside a resource in one query
WITH: dict[str, frozenset[str]] = {
    "customer": frozenset({"customer", "metrics", "segments"}),
    "campaign": frozenset({"campaign", "customer", "metrics", "segments"}),
    "ad_group": frozenset({"ad_group", "campaign", "customer", "metrics", "segments"}),
    "ad_group_ad": frozenset({"ad_group_ad", "ad_group", "campaign", "customer"}),
    _LEAD: frozenset({_LEAD, "campaign", "ad_group", "customer"}),
}
