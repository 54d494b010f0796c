"""What a request for a list may say, checked as WordPress checks it: a wrong value is a 400 that names the parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from urllib.parse import urlencode

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, nested

MOST = 100
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}(:?\d{2})?)?")
_TRUE = ("1", "true", "yes", "on")


class ParameterError(Exception):
    """A parameter has a value it may not have."""

    def __init__(self, name: str, why: str, code: str = "rest_invalid_param") -> None:
        super().__init__(name)
        self.name, self.why, self.code = name, why, code

    def body(self) -> Object:
        """The answer, to go with status 400."""
        detail = {"code": self.code, "message": self.why, "data": None}
        data = {"status": 400, "params": {self.name: self.why}, "details": {self.name: detail}}
        return {"code": "rest_invalid_param", "message": f"Invalid parameter(s): {self.name}", "data": data}


@dataclass(frozen=True)
class Lists:
    """What one kind of list knows.

    Attributes:
        orders_by: name of an order -> what to sort by.
        orderby, order: the defaults.
        dates: whether it can be filtered by times (customers cannot, and WordPress ignores what a route does not know).
    """

    orders_by: Mapping[str, Callable[[Object], object]]
    orderby: str
    order: str
    dates: bool = True


def number(call: Call, name: str, default: int, least: int, most: int | None = None) -> int:
    """A whole number between bounds. Raises `ParameterError`."""
    given = call.param(name)
    if given is None:
        return default
    if not re.fullmatch(r"-?\d+", given):
        raise ParameterError(name, f"{name} is not of type integer.", "rest_invalid_type")
    value = int(given)
    if value < least or (most is not None and value > most):
        bounds = f"between {least} (inclusive) and {most} (inclusive)" if most is not None else f"greater than or equal to {least}"
        raise ParameterError(name, f"{name} must be {bounds}", "rest_out_of_bounds")
    return value


def one_of(call: Call, name: str, default: str, allowed: Iterable[str]) -> str:
    """One of some words. Raises `ParameterError`."""
    given = call.param(name)
    known = list(allowed)
    if given is not None and given not in known:
        raise ParameterError(name, f"{name} is not one of {', '.join(known)}.", "rest_not_in_enum")
    return default if given is None else given


def words(call: Call, name: str) -> list[str]:
    """A list: ``a,b`` or ``name[]=a&name[]=b``."""
    given = nested(call.query).get(name)
    if given is None:
        return []
    return [word.strip() for word in (given if isinstance(given, list) else str(given).split(",")) if str(word).strip()]


def numbers(call: Call, name: str) -> set[int]:
    """A list of IDs. Raises `ParameterError`."""
    found = words(call, name)
    if not all(word.isdecimal() for word in found):
        raise ParameterError(name, f"{name}[0] is not of type integer.", "rest_invalid_type")
    return {int(word) for word in found}


def moment(call: Call, name: str) -> int | None:
    """A time, to the second; without a zone it is the site's, which is UTC. Raises `ParameterError`."""
    given = call.param(name)
    if given is None:
        return None
    if not _DATE.fullmatch(given):
        raise ParameterError(name, "Invalid date.", "rest_invalid_date")
    # told that dates are in UTC, WordPress compares what is written with its column and does not convert a zone
    flat = re.sub(r"(\.\d+)?([Zz]|[+-]\d{2}(:?\d{2})?)?$", "", given) if call.param("dates_are_gmt") in _TRUE else given
    parsed = datetime.fromisoformat(flat.upper())
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def page_of(call: Call, lists: Lists, records: list[Object], show: Callable[[Object], Object]) -> Answer:
    """A page of what fits, with the headers that tell of the whole. Raises `ParameterError`."""
    size = number(call, "per_page", 10, 1, MOST)
    page, offset = number(call, "page", 1, 1), number(call, "offset", 0, 0)
    order = one_of(call, "order", lists.order, ("asc", "desc"))
    sort_by = lists.orders_by[one_of(call, "orderby", lists.orderby, lists.orders_by)]
    included, excluded = numbers(call, "include"), numbers(call, "exclude")
    if included or call.param("include"):
        records = [record for record in records if record["id"] in included]
    if excluded:
        records = [record for record in records if record["id"] not in excluded]
    if lists.dates:
        records = _in_time(call, records)
    ordered = sorted(records, key=lambda record: (sort_by(record), record["id"]), reverse=order == "desc")
    start = offset or (page - 1) * size
    cut, total = ordered[start : start + size], len(ordered)
    if not cut and lists.dates and page == 1:
        total = 0  # a WordPress query behind the end of its list knows no total
    pages = ceil(total / size)
    headers = {"x-wp-total": str(total), "x-wp-totalpages": str(pages)}
    links = [_link(call, min(page - 1, pages), "prev")] if page > 1 else []
    links += [_link(call, page + 1, "next")] if page < pages else []
    return Answer([show(record) for record in cut], headers=headers | ({"link": ", ".join(links)} if links else {}))


def _in_time(call: Call, records: list[Object]) -> list[Object]:
    for prefix, name in (("", "created"), ("modified_", "modified")):
        after, before = moment(call, f"{prefix}after"), moment(call, f"{prefix}before")
        # neither end belongs to it, and the second is the smallest step
        records = [
            record
            for record in records
            if (after is None or (record.get(name) or record["created"]) > after)
            and (before is None or (record.get(name) or record["created"]) < before)
        ]
    return records


def _link(call: Call, page: int, rel: str) -> str:
    kept = [(name, value) for name, value in call.query if name != "page" and not name.startswith(("oauth_", "consumer_"))]
    return f'<{call.base}{call.path}?{urlencode([*kept, ("page", str(page))])}>; rel="{rel}"'
