"""How Meta shows its objects. A field that stands here with None is one that is left out when it is empty."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from connectors.sandbox.meta.books import ACCOUNT_ID, CURRENCY, PAGE_ID, TIME_ZONE, Node
from connectors.sandbox.shelf import Object

NODE_TYPE = {"campaign": "AdCampaignGroup", "adset": "AdCampaign", "ad": "AdGroup"}


def moment(at: int, zone: str = "UTC") -> str:
    """2026-03-01T09:00:00+0000, as Meta writes times."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S%z")


def account() -> Object:
    """The ad account."""
    return {
        "id": f"act_{ACCOUNT_ID}",
        "account_id": ACCOUNT_ID,
        "name": "Sandbox Goods",
        "account_status": 1,
        "currency": CURRENCY,
        "timezone_id": 7,
        "timezone_name": TIME_ZONE,
    }


def structure(node: Node) -> Object:
    """A campaign, ad set or ad. Their times are in the account's time zone."""
    shown: Object = {
        "id": node.key,
        "account_id": ACCOUNT_ID,
        "name": node.name,
        "status": node.status,
        "configured_status": node.status,
        "effective_status": node.effective_status,
        "created_time": moment(node.created, TIME_ZONE),
        "updated_time": moment(node.updated, TIME_ZONE),
    }
    if node.kind == "campaign":
        more = {"objective": node.objective, "buying_type": "AUCTION", "special_ad_categories": []}
        return {**shown, **more, "start_time": moment(node.created, TIME_ZONE), "stop_time": None}
    campaign = node.line[0].key
    if node.kind == "adset":
        more = {"optimization_goal": "OFFSITE_CONVERSIONS", "billing_event": "IMPRESSIONS", "daily_budget": "5000"}
        return {**shown, **more, "campaign_id": campaign, "start_time": moment(node.created, TIME_ZONE), "end_time": None}
    return {
        **shown,
        "campaign_id": campaign,
        "adset_id": node.line[1].key,
        "creative": {"id": f"9{node.key}", "url_tags": _tags(node)},
    }


def _tags(node: Node) -> str:
    """What the links of an ad say of its campaign, by name."""
    name = node.line[0].name.lower().replace(" ", "_")
    return f"utm_source=facebook&utm_medium=paid_social&utm_campaign={quote(name)}"


def form(held: Object, leads: int, expired: int) -> Object:
    """A lead form."""
    questions = [{"key": name, "label": name.replace("_", " "), "type": _question(name)} for name in held["questions"]]
    return {
        "id": held["id"],
        "name": held["name"],
        "status": held["status"],
        "locale": "en_US",
        "created_time": moment(held["created"]),
        "leads_count": leads,
        "expired_leads_count": expired,
        "organic_leads_count": 0,
        "page_id": PAGE_ID,
        "questions": questions,
    }


def _question(name: str) -> str:
    return {"phone_number": "PHONE", "zip_code": "ZIP"}.get(name, name.upper()) if not name.endswith("?") else "CUSTOM"


def lead(held: Object) -> Object:
    """A lead; one from organic reach names no ad."""
    ad: Node | None = held["ad"]
    line = {node.kind: node for node in ad.line} if ad else {}
    shown: Object = {
        "id": held["id"],
        "created_time": moment(held["at"]),
        "form_id": held["form"],
        "platform": held["platform"],
        "is_organic": ad is None,
        "partner_name": None,
        "retailer_item_id": None,
        "field_data": [{"name": name, "values": [value]} for name, value in held["answers"]],
        "custom_disclaimer_responses": None,
    }
    for kind in ("campaign", "adset", "ad"):
        shown[f"{kind}_id"] = line[kind].key if line else None
        shown[f"{kind}_name"] = line[kind].name if line else None
    return shown
