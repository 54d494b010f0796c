"""Requests to Freshdesk: pages of its lists and single things, at a pace that leaves calls to others.

Freshdesk counts calls by account and minute, and those for lists once more by list. Each answer tells how many calls are left; an
answer that includes more costs more (``include=requester,stats`` makes five of one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors import http as transport
from connectors.http import HttpSession, by_header
from connectors.ticketing.zendesk import RequestBudget
from hub.contract.errors import ProtocolError


@dataclass(frozen=True)
class Listed:
    """A page of a list, and whether Freshdesk has more."""

    items: list[Any]
    more: bool


class Desk:
    """Requests, at a pace that leaves calls to others.

    Args:
        source: the source's name, for errors.
        session: the session, opened when first used.
        lists_per_minute: how often one list may be asked for in a minute; None leaves that to Freshdesk.
        headroom: share of the account's calls a minute that is left to others.
    """

    def __init__(self, source: str, session: Callable[[], HttpSession], lists_per_minute: int | None, headroom: float) -> None:
        self._source, self._session, self._lists_per_minute, self._headroom = source, session, lists_per_minute, headroom
        self._budgets: dict[str, RequestBudget] = {}
        self._last: dict[str, tuple[Mapping[str, Any], list[Any]]] = {}
        self._more = False
        self._told: datetime | None = None
        self._wait = 0.0

    def inspect(self, response: httpx.Response, body: Any) -> float | None:
        """Note what an answer's headers say of the next page, the time and the calls that are left; the usual throttle."""
        self._more = "next" in response.links
        self._told = _date(response.headers.get("date"))
        self._wait = _spacing(response.headers, self._headroom)
        return by_header(response, body)

    def begin(self) -> None:
        """A new reading: what an earlier one was served does not count."""
        self._last.clear()

    def now(self) -> datetime:
        """The time by whichever clock is behind, ours or that of the answers."""
        ours = datetime.now(UTC)
        return min(ours, self._told) if self._told else ours

    def get(self, path: str, *, stream: str, params: Mapping[str, Any] | None = None) -> Any:
        """One thing, None if there is none."""
        self._keep_pace()
        return self._session().get(path, stream=stream, params=params, missing_ok=True)

    def put(self, path: str, *, stream: str, json: Any) -> Any:
        """Change one thing, and have it as it is then."""
        self._keep_pace()
        return self._session().request("PUT", path, stream=stream, json=json)

    def page(self, path: str, *, stream: str, params: Mapping[str, Any]) -> Listed:
        """A page of a list. Raises `ProtocolError` for what is no list, or is the page before it once more."""
        if self._lists_per_minute is not None:
            self._budgets.setdefault(path, RequestBudget(self._lists_per_minute)).spend()
        self._keep_pace()
        items = self._session().get(path, stream=stream, params=params)
        if not isinstance(items, list):
            raise ProtocolError(
                f"Freshdesk sent no list at GET {path}", source=self._source, stream=stream, remedy="check domain and base_url"
            )
        asked, before = self._last.get(path, (params, []))
        if items and items == before and dict(asked) != dict(params):
            raise ProtocolError(
                "the vendor sent us back to a page we already read",
                source=self._source,
                stream=stream,
                remedy="what came before it is kept; run the sync again, and report it to Freshdesk if it stays",
            )
        self._last[path] = params, items
        # the header is what Freshdesk documents; a full page counts too, lest a proxy that drops headers ends the reading
        return Listed(items, self._more or len(items) >= int(params["per_page"]))

    def everything(self, path: str, *, stream: str, size: int, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        """The pages of a list from which nothing is ever taken away."""
        number, more = 1, True
        while more:
            listed = self.page(path, stream=stream, params={**params, "per_page": size, "page": number})
            yield listed.items
            number, more = number + 1, listed.more

    def _keep_pace(self) -> None:
        if self._wait > 0:
            transport.pause(self._wait)


def _spacing(headers: Mapping[str, str], headroom: float) -> float:
    """Seconds to wait before the next call, so that calls are left to others: as long as what we spend takes to be given back."""
    try:
        total, left = int(headers["x-ratelimit-total"]), int(headers["x-ratelimit-remaining"])
        spent = int(headers.get("x-ratelimit-used-currentrequest", "1"))
    except (KeyError, ValueError):
        return 0.0
    return 60.0 * spent / total if total > 0 and left < headroom * total else 0.0


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else None
