"""Insights: what was delivered, by level and period. Deleted objects are left out unless a filter by status asks for them.

Sources: Meta's pages on the Insights API, on its limits (code 100, subcode 1487534) and on deleted objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from connectors.sandbox.meta.answers import Asked, Item, fields_of, refuse
from connectors.sandbox.meta.books import ACCOUNT_ID, CURRENCY, KINDS, MetaBooks, Node, local_day
from connectors.sandbox.shelf import Object

MEMORY_DAYS = 37 * 30
# Meta does not say how many rows are too many to be given at once; this many make sure that clients meet the limit
SYNC_ROWS = 3_000
_DEFAULT = ("account_id", "impressions", "spend")
FIELDS = frozenset(
    {
        *("account_id", "account_name", "account_currency", "spend", "impressions", "clicks", "inline_link_clicks"),
        *("actions", "action_values", "date_start", "date_stop", *(f"{k}_{what}" for k in KINDS for what in ("id", "name"))),
    }
)


def rows_of(asked: Asked, books: MetaBooks, scope: Node | None, now: int, *, at_once: bool) -> list[Item]:
    """The rows of a report on the account or one object.

    Args:
        at_once: whether they are to be given at once, so that too many are refused.
    """
    level = asked.param("level") or (scope.kind if scope else "account")
    if level not in ("account", *KINDS):
        refuse(100, f"(#100) level must be one of the following values: ad, adset, campaign, account; got {level}")
    fields = fields_of(asked, _DEFAULT)
    for name in fields:
        if name not in FIELDS:
            refuse(100, f"(#100) {name} is not valid for fields param. please check https://developers.facebook.com")
    first, last = _range(asked, local_day(now))
    ads = [ad for ad in books.of_kind("ad") if (scope is None or scope in ad.line) and _wanted(ad, asked, level)]
    sums: dict[tuple[str, str, str], Object] = {}
    nodes: dict[str, Node] = {}
    for start, stop in _periods(asked, first, last):
        for day in _days(start, min(stop, local_day(now))):
            for ad in ads:
                if ad.ran_on(day):
                    node = ad.above(level)
                    key = node.key if node else ACCOUNT_ID
                    if node:
                        nodes[key] = node
                    _add(sums.setdefault((start.isoformat(), key, stop.isoformat()), {}), books.figures(ad, day, now))
    delivered = {place: figures for place, figures in sorted(sums.items()) if figures["impressions"]}
    if at_once and len(delivered) > SYNC_ROWS:
        refuse(100, "Please reduce the amount of data you're asking for, then retry your request", subcode=1_487_534)
    return [([start, key], _row(figures, nodes.get(key), fields, start, stop)) for (start, key, stop), figures in delivered.items()]


def _range(asked: Asked, today: date) -> tuple[date, date]:
    given = asked.parsed("time_range", None)
    if given is None:
        whole = asked.param("date_preset") in ("maximum", "data_maximum")
        return today - timedelta(days=MEMORY_DAYS if whole else 30), today - timedelta(days=0 if whole else 1)
    try:
        first, last = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
    except (KeyError, TypeError, ValueError):
        refuse(100, "(#100) time_range must have since and until as YYYY-MM-DD")
    if first > last:
        refuse(100, "(#100) since must not be later than until")
    year, month = divmod(today.year * 12 + today.month - 1 - 37, 12)
    if (first.year, first.month, first.day) < (year, month + 1, today.day):
        refuse(3018, "(#3018) The start date of the time range cannot be beyond 37 months from the current date")
    return first, last


def _periods(asked: Asked, first: date, last: date) -> Iterator[tuple[date, date]]:
    step = asked.param("time_increment") or "all_days"
    if step == "all_days":
        yield first, last
        return
    if not (step.isdigit() and 1 <= int(step) <= 90):
        refuse(100, "(#100) time_increment must be an integer from 1 to 90, or all_days")
    start = first
    while start <= last:
        yield start, min(start + timedelta(days=int(step) - 1), last)
        start += timedelta(days=int(step))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _wanted(ad: Node, asked: Asked, level: str) -> bool:
    conditions = asked.parsed("filtering", [])
    by_status = False
    for condition in conditions:
        kind, _, what = str(condition.get("field")).partition(".")
        node = ad.above(kind)
        if node is None or what not in ("effective_status", "id") or condition.get("operator") != "IN":
            refuse(
                100, f"(#100) Filtering field {condition.get('field')} with operation {condition.get('operator')} is not supported"
            )
        by_status = by_status or what == "effective_status"
        if (node.effective_status if what == "effective_status" else node.key) not in condition.get("value", []):
            return False
    shown = ad.above(level)
    return by_status or shown is None or shown.effective_status != "DELETED"


def _add(sums: Object, figures: Object) -> None:
    for name, value in figures.items():
        sums[name] = sums.get(name, 0) + value


def _row(figures: Object, node: Node | None, fields: list[str], start: str, stop: str) -> Object:
    actions = {
        "link_click": figures["link_clicks"],
        **dict.fromkeys(("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"), figures["purchases"]),
        **dict.fromkeys(("lead", "onsite_conversion.lead_grouped"), figures["leads"]),
    }
    worth = dict.fromkeys(("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"), _money(figures["value"]))
    full: dict[str, Any] = {
        "account_id": ACCOUNT_ID,
        "account_name": "Sandbox Goods",
        "account_currency": CURRENCY,
        "spend": _money(figures["spend"]),
        "impressions": str(figures["impressions"]),
        "clicks": str(figures["clicks"]),
        "inline_link_clicks": str(figures["link_clicks"]),
        "actions": [{"action_type": name, "value": str(count)} for name, count in actions.items() if count] or None,
        "action_values": [{"action_type": name, "value": value} for name, value in worth.items() if figures["value"]] or None,
    }
    for above in node.line if node else ():
        full |= {f"{above.kind}_id": above.key, f"{above.kind}_name": above.name}
    told = {name: full[name] for name in fields if full.get(name) is not None}
    return {**told, "date_start": start, "date_stop": stop}


def _money(cents: int) -> str:
    """12.3 for twelve dollars thirty: Meta writes no zero at the end."""
    return f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")
