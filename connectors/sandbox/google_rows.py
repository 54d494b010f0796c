"""What a parsed query finds in the account: check it against the fields, then make the rows as JSON shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any

from connectors.sandbox.gaql import Condition, Query, QueryError, date_range
from connectors.sandbox.google_books import CURRENCY, TIME_ZONE, GoogleBooks, local_day, local_time
from connectors.sandbox.google_fields import FIELDS, WITH, Field, camel
from connectors.sandbox.shelf import Object

Row = dict[str, Any]
"""A row by field name, before it becomes JSON; an absent field is unset."""

_METRICS = {
    "metrics.impressions": "impressions",
    "metrics.clicks": "clicks",
    "metrics.cost_micros": "cost",
    "metrics.conversions": "conversions",
    "metrics.conversions_value": "value",
}
_GROUP_TYPE = {"SEARCH": "SEARCH_STANDARD", "DISPLAY": "DISPLAY_STANDARD"}


def rows_of(query: Query, books: GoogleBooks, now: int) -> tuple[str, list[Object]]:
    """The field mask and the rows, in the query's order. Raises `QueryError`."""
    _check(query)
    today = local_day(now)
    rows = _leads(books) if query.resource == "lead_form_submission_data" else _entities(query, books, today)
    others = [c for c in query.where if c.name != "segments.date"]
    kept = [row for row in rows if all(_fits(row, c) for c in others)]
    for name, descending in reversed(query.order_by):
        kept.sort(key=itemgetter(name), reverse=descending)
    kept = kept[: query.limit]
    mask = ",".join(".".join(FIELDS[name].json_path) for name in query.select)
    return mask, [_as_json(row, query) for row in kept]


def _check(query: Query) -> None:
    """Refuse what Google refuses."""
    if query.resource not in WITH:
        text = f"'{query.resource}' is no resource that the sandbox serves."
        raise QueryError("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", text)
    named = [*query.select, *(c.name for c in query.where), *(name for name, _ in query.order_by)]
    for name in named:
        if name not in FIELDS:
            raise QueryError("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.")
        if FIELDS[name].resource not in WITH[query.resource]:
            text = f"The following field cannot be used with resource '{query.resource}': '{name}'."
            raise QueryError("PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE", text)
    for condition in query.where:
        if not FIELDS[condition.name].filterable:
            raise QueryError("PROHIBITED_FIELD_IN_WHERE_CLAUSE", f"Cannot filter by '{condition.name}'.")
    for name, _ in query.order_by:
        if not FIELDS[name].sortable:
            raise QueryError("PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE", f"Cannot sort by '{name}'.")
        if name not in query.select and FIELDS[name].resource in ("metrics", "segments"):
            text = f"'{name}' in ORDER BY must be in SELECT."
            raise QueryError("EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE", text)


# rows of campaigns, ad groups and the account --------------------------------------------------------------------


def _entities(query: Query, books: GoogleBooks, today: date) -> Iterator[Row]:
    uses_days = "segments.date" in query.select or any(c.name == "segments.date" for c in query.where)
    first, last = date_range(query.where, "segments.date", today)
    if uses_days and (first is None or last is None):
        text = "The query must have a finite date range: segments.date needs a start and an end in WHERE."
        raise QueryError("EXPECTED_FILTERS_ON_DATE_RANGE", text)
    measured = "segments.date" in query.select or any(name in _METRICS for name in query.select)
    days = [d for d in books.spend.values() if (first is None or d["date"] >= first) and (last is None or d["date"] <= last)]
    for entity, campaigns in _subjects(query.resource, books):
        own = [d for d in days if d["campaign"] in campaigns] if measured else []
        if query.resource == "ad_group":
            own = [_share(d, entity) for d in own]
        if "segments.date" in query.select:
            for day in sorted({d["date"] for d in own}):
                figures = _sum(d for d in own if d["date"] == day)
                yield {**entity, **figures, "segments.date": day.isoformat()}
        else:
            yield {**entity, **(_sum(own) if measured else {})}


def _subjects(resource: str, books: GoogleBooks) -> Iterator[tuple[Row, set[str]]]:
    """Each thing the query is about, with the campaigns whose figures are its."""
    account = _account(books)
    campaigns = {c["id"]: {**account, **_campaign(c, books)} for c in books.campaigns}
    if resource == "customer":
        yield account, set(campaigns)
    elif resource == "campaign":
        yield from ((row, {key}) for key, row in campaigns.items())
    elif resource == "ad_group_ad":
        groups = {g["id"]: {**campaigns[g["campaign"]], **_ad_group(g, books)} for g in books.ad_groups}
        yield from (({**groups[ad["ad_group"]], **_ad(ad, books)}, set()) for ad in books.ads)
    else:
        yield from (({**campaigns[g["campaign"]], **_ad_group(g, books)}, {g["campaign"]}) for g in books.ad_groups)


def _account(books: GoogleBooks) -> Row:
    return {
        "customer.resource_name": f"customers/{books.customer_id}",
        "customer.id": int(books.customer_id),
        "customer.descriptive_name": "Sandbox Goods",
        "customer.currency_code": CURRENCY,
        "customer.time_zone": TIME_ZONE,
        "customer.manager": False,
        "customer.test_account": False,
        "customer.status": "ENABLED",
    }


def _campaign(campaign: Object, books: GoogleBooks) -> Row:
    return {
        "campaign.resource_name": f"customers/{books.customer_id}/campaigns/{campaign['id']}",
        "campaign.id": int(campaign["id"]),
        "campaign.name": campaign["name"],
        "campaign.status": campaign["status"],
        "campaign.advertising_channel_type": campaign["channel"],
        "campaign.final_url_suffix": f"utm_source=google&utm_medium=cpc&utm_campaign={campaign['id']}",
    }


def _ad_group(group: Object, books: GoogleBooks) -> Row:
    return {
        "ad_group.resource_name": f"customers/{books.customer_id}/adGroups/{group['id']}",
        "ad_group.id": int(group["id"]),
        "ad_group.name": group["name"],
        "ad_group.status": group["status"],
        "ad_group.final_url_suffix": None,
        "ad_group.campaign": f"customers/{books.customer_id}/campaigns/{group['campaign']}",
        "ad_group.type": _GROUP_TYPE.get(next(c["channel"] for c in books.campaigns if c["id"] == group["campaign"])),
    }


def _ad(ad: Object, books: GoogleBooks) -> Row:
    prefix = f"customers/{books.customer_id}"
    return {
        "ad_group_ad.resource_name": f"{prefix}/adGroupAds/{ad['ad_group']}~{ad['id']}",
        "ad_group_ad.ad_group": f"{prefix}/adGroups/{ad['ad_group']}",
        "ad_group_ad.status": ad["status"],
        "ad_group_ad.ad.resource_name": f"{prefix}/ads/{ad['id']}",
        "ad_group_ad.ad.id": int(ad["id"]),
        "ad_group_ad.ad.name": ad["name"],
        "ad_group_ad.ad.type": ad["type"],
        "ad_group_ad.ad.final_urls": ["https://sandbox-goods.example/"],
        "ad_group_ad.ad.final_url_suffix": None,
        "ad_group_ad.ad.responsive_search_ad.headlines": [{"text": text} for text in ad["headlines"]] or None,
    }


def _share(day: Object, group: Row) -> Object:
    """An ad group's part of its campaign's day: the core group two thirds, the wide one the rest, so that they add up."""
    core = {name: day[name] * 2 // 3 for name in ("cost", "impressions", "clicks")}
    core |= {name: round(day[name] * 2 / 3, 2) for name in ("conversions", "value")}
    part = core if group["ad_group.name"].endswith("core") else {name: round(day[name] - core[name], 2) for name in core}
    return {**day, **part}


def _sum(days: Iterable[Object]) -> Row:
    found = list(days)
    sums: Row = {name: sum(day[held] for day in found) for name, held in _METRICS.items()}
    sums["metrics.conversions"] = round(float(sums["metrics.conversions"]), 2)
    sums["metrics.conversions_value"] = round(float(sums["metrics.conversions_value"]), 2)
    return sums


# rows of lead forms ----------------------------------------------------------------------------------------------


def _leads(books: GoogleBooks) -> Iterator[Row]:
    account = _account(books)
    campaigns = {c["id"]: _campaign(c, books) for c in books.campaigns}
    groups = {g["id"]: _ad_group(g, books) for g in books.ad_groups}
    ads = {ad["ad_group"]: _ad(ad, books)["ad_group_ad.resource_name"] for ad in reversed(books.ads)}
    prefix, lead = f"customers/{books.customer_id}", "lead_form_submission_data"
    for held in books.leads:
        yield {
            **account,
            **campaigns[held["campaign"]],
            **groups[held["ad_group"]],
            f"{lead}.resource_name": f"{prefix}/leadFormSubmissionData/{held['id']}",
            f"{lead}.id": held["id"],
            f"{lead}.asset": f"{prefix}/assets/{held['asset']}",
            f"{lead}.campaign": f"{prefix}/campaigns/{held['campaign']}",
            f"{lead}.ad_group": f"{prefix}/adGroups/{held['ad_group']}",
            f"{lead}.ad_group_ad": ads.get(held["ad_group"]),
            f"{lead}.gclid": held["gclid"],
            f"{lead}.submission_date_time": local_time(held["at"]),
            f"{lead}.lead_form_submission_fields": [{"fieldType": kind, "fieldValue": value} for kind, value in held["fields"]],
        }


# conditions and JSON ---------------------------------------------------------------------------------------------


def _fits(row: Row, condition: Condition) -> bool:
    field = FIELDS[condition.name]
    held, operator = row.get(condition.name), condition.operator
    if operator in ("IS NULL", "IS NOT NULL"):
        return (held is None) == (operator == "IS NULL")
    if held is None:
        return False
    values = [_value(field, text) for text in condition.values]
    if condition.name.endswith("submission_date_time"):
        held = datetime.fromisoformat(held).timestamp()
    return _compare(field, held, operator, values)


def _compare(field: Field, held: Any, operator: str, values: list[Any]) -> bool:
    first = values[0]
    if operator in ("LIKE", "NOT LIKE"):
        return (str(first).strip("%").lower() in str(held).lower()) == (operator == "LIKE")
    if operator in ("IN", "NOT IN"):
        return (held in values) == (operator == "IN")
    if operator in ("=", "!="):
        return bool(held == first) == (operator == "=")
    if field.kind in ("enum", "bool", "resource"):
        raise QueryError("OPERATOR_FIELD_MISMATCH", f"Operator {operator} cannot be used with '{field.name}'.")
    if operator == "BETWEEN":
        return bool(first <= held <= values[1])
    order = {"<": held < first, "<=": held <= first, ">": held > first, ">=": held >= first}
    return bool(order[operator])


def _value(field: Field, text: str) -> Any:
    try:
        if field.kind in ("int64", "double"):
            return float(text)
        if field.name.endswith("submission_date_time"):
            return _moment(text)
    except ValueError:
        raise QueryError("BAD_VALUE", f"Invalid value '{text}' for '{field.name}'.") from None
    return text.lower() == "true" if field.kind == "bool" else text


def _moment(text: str) -> float:
    """A time without an offset is in the account's time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        guess = moment.replace(tzinfo=UTC)
        offset = datetime.fromisoformat(local_time(int(guess.timestamp()))).utcoffset()
        moment = guess - offset if offset is not None else guess
    return moment.timestamp()


def _as_json(row: Row, query: Query) -> Object:
    made: Object = {}
    resources = {query.resource, *(FIELDS[name].resource for name in query.select)} - {"metrics", "segments"}
    for resource in sorted(resources):
        made[camel(resource)] = {"resourceName": row[f"{resource}.resource_name"]}
    for name in query.select:
        value = row.get(name)
        if value is not None:
            *outer, inner = FIELDS[name].json_path
            place = made
            for step in outer:
                place = place.setdefault(step, {})
            if len(outer) > 1:  # an ad inside its place in a group names itself too
                made[outer[0]][outer[1]].setdefault("resourceName", row[".".join(name.split(".")[:2]) + ".resource_name"])
            place[inner] = str(value) if FIELDS[name].kind == "int64" else value
    return made
