"""Zendesk Support: users and tickets by the cursor-based incremental exports.

Here belongs how Zendesk is read. What its fields mean is in ``zendesk.sql`` beside it.

An export hands out a cursor with each page; it is opaque, and it is the whole state: from it the next page and the next sync go on.
It moves by Zendesk's ``generated_timestamp``, not by ``updated_at``, which is why no time of ours is a cursor. The most recent
minute is always left out by Zendesk and comes with the next sync.

Metric sets, identities and organizations come in the same answers (see zendesk_sideload.py) and cost no request of their own. Where
Zendesk refuses them, the records are read without: a warning in the log says what is not learnt.

A user who was merged into another shows as inactive, as a deleted one does; into whom is not in the export nor anywhere else that
can be read, so both are deletes. What the merged user was known by comes with the other's identities.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import httpx
import simplejson
from pydantic import Field, field_validator

from connectors import http as transport
from connectors.contract import Checkpoint, Deletes, Family, Page, Record, Reject, Secret, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession, by_header
from connectors.page_guard import PageGuard
from connectors.ticketing.zendesk_sideload import INCLUDE, joined
from connectors.ticketing.zendesk_writer import TAKES, ZendeskWriter
from connectors.writeback import Takes, ValueKind
from hub.contract.errors import CredentialsError, ProtocolError
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

_KEPT_BACK = timedelta(seconds=61)  # Zendesk refuses to begin an export within the last minute


class ZendeskSettings(SourceSettings):
    """What stands under a source of type zendesk in hub.yaml."""

    subdomain: str = Field(description="acme, for acme.zendesk.com")
    email: str = Field(description="of the admin to whom the API token is issued")
    api_token: Secret = Field(description="API token of that admin; exports are for admins only")
    start_time: datetime = Field(
        datetime(1970, 1, 1, tzinfo=UTC), description="leave out what has not changed since; default: nothing"
    )
    per_page: int = Field(1000, ge=1, le=1000, description="records per page of an export; Zendesk gives at most 1000")
    exports_per_minute: int = Field(10, ge=1, description="export requests Zendesk allows; 30 with the High Volume API add-on")

    takes: ClassVar[Takes | None] = TAKES

    @field_validator("subdomain")
    @classmethod
    def _subdomain(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", value):
            raise ValueError("must be the part before .zendesk.com, such as acme")
        return value.lower()

    @field_validator("start_time")
    @classmethod
    def _start_time(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Export:
    """One export: its name in path and body, what its records are, when one changed, and whether it is gone."""

    name: str
    kind: Kind
    changed: Callable[[dict[str, Any]], Any]
    gone: Callable[[dict[str, Any]], bool]


_EXPORTS = (
    _Export(
        "tickets", "ticket", lambda t: t.get("generated_timestamp", t.get("updated_at")), lambda t: t.get("status") == "deleted"
    ),
    # a deleted or merged user stays in the export with active: false (Zendesk's OpenAPI: "false if the user has been deleted");
    # a suspended one is still there and still a customer
    _Export("users", "party", lambda u: u.get("updated_at"), lambda u: u.get("active") is False),
)


class _SideloadsRefusedError(CredentialsError):
    """The export was refused as we asked for it: with what belongs to the records."""


class ZendeskConnector(HttpConnector):
    """One Zendesk account."""

    type_name: ClassVar[str] = "zendesk"
    family: ClassVar[Family] = "ticketing"
    Settings: ClassVar[type[SourceSettings]] = ZendeskSettings
    settings: ZendeskSettings

    def __init__(self, name: str, settings: ZendeskSettings, private: Path | None = None) -> None:
        super().__init__(name, settings, private)
        self._budget = RequestBudget(settings.exports_per_minute)
        self._bare: set[str] = set()  # exports whose sideloads were refused

    def streams(self) -> tuple[Stream, ...]:
        """Tickets before the users who asked."""
        return tuple(
            Stream(e.name, e.kind, "id", "cursor", Deletes.FEED, partial(self._read, e), partial(self._window, e)) for e in _EXPORTS
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> ZendeskWriter | None:
        """External ID and user fields of users."""
        return ZendeskWriter(self.http, kinds, remedy=self._remedy()) if stream == "users" else None

    def check(self) -> str:
        """Who we are there. Wrong credentials may show as an anonymous user rather than as a 401."""
        answer = self.http.get("/api/v2/users/me")
        user = answer.get("user") if isinstance(answer, dict) else None
        if not isinstance(user, dict):
            raise ProtocolError("the answer to GET /api/v2/users/me names no user", source=self.name, remedy="check subdomain")
        if user.get("id") is None:
            raise CredentialsError("Zendesk does not know these credentials", source=self.name, remedy=self._remedy())
        if user.get("role") != "admin":
            raise CredentialsError("the user is no admin, and exports are for admins only", source=self.name, remedy=self._remedy())
        return f"Zendesk {self.settings.subdomain}, user {user['id']} (admin)"

    def _read(self, export: _Export, checkpoint: Checkpoint | None) -> Iterator[Page]:
        stored: str | None = checkpoint.get("cursor") if checkpoint else None
        return self._export(export, self.settings.start_time, stored)

    def _window(self, export: _Export, since: datetime, until: datetime) -> Iterator[Page]:
        """An export from a time on, up to the page on which nothing is old enough any more: it is ordered by time of change.

        A record that changed again after the window is left to the ordinary reading, which has it or will.
        """
        for page in self._export(export, min(since, datetime.now(UTC) - _KEPT_BACK), None):
            records = [record for record in page.records if record.updated_at is None or record.updated_at < until]
            if page.records and not records:
                return
            yield Page(records, page.checkpoint, page.rejects)

    def _export(self, export: _Export, start: datetime, stored: str | None) -> Iterator[Page]:
        cursor, guard = stored, PageGuard(self.name, export.name)
        if stored is not None:
            guard.advance(stored)
        while True:
            body = self._page(export, start, cursor, stored=cursor is not None and cursor == stored)
            after, end = body.get("after_cursor"), body["end_of_stream"]
            if not end:
                if not isinstance(after, str):
                    raise self._broken(export, "says that there is more, but sent no cursor to go on from")
                guard.advance(after)
            records, rejects = _sort(export, joined(export.name, body), cursor)
            if records or rejects or (after and after != cursor):
                # an end without a cursor leaves the last one valid; what came after it will come again
                yield Page(records, {"cursor": after or cursor}, rejects)
            if end:
                return
            cursor = after

    def _page(self, export: _Export, start: datetime, cursor: str | None, *, stored: bool) -> dict[str, Any]:
        place = {"start_time": int(start.timestamp())} if cursor is None else {"cursor": cursor}
        try:
            body = self._ask(export, {"per_page": self.settings.per_page, **place})
        except ProtocolError as error:
            if not stored:
                raise
            raise ProtocolError(
                error.what,
                source=self.name,
                stream=export.name,
                remedy=f"if Zendesk no longer knows the cursor, read everything again: hub sync {self.name} --full",
            ) from error
        if (
            not isinstance(body, dict)
            or not isinstance(body.get(export.name), list)
            or not isinstance(body.get("end_of_stream"), bool)
        ):
            raise self._broken(export, f"sent a page without {export.name} or end_of_stream")
        return body

    def _ask(self, export: _Export, params: Mapping[str, Any]) -> Any:
        """One page of an export, with what belongs to its records unless that is refused."""
        if export.name not in self._bare:
            try:
                return self._get(export, {**params, "include": INCLUDE[export.name]})
            except _SideloadsRefusedError:
                log.debug("%s/%s: refused with %s; trying without", self.name, export.name, INCLUDE[export.name])
        body = self._get(export, params)
        if export.name not in self._bare:
            self._bare.add(export.name)
            log.warning("%s/%s: Zendesk does not let us read %s; going on without", self.name, export.name, INCLUDE[export.name])
        return body

    def _get(self, export: _Export, params: Mapping[str, Any]) -> Any:
        self._budget.spend()
        return self.http.get(f"/api/v2/incremental/{export.name}/cursor", stream=export.name, params=params)

    def _inspect(self, response: httpx.Response, body: Any) -> float | None:
        """The usual throttle. A refusal of a request with sideloads may mean them only, which the request without will show."""
        if response.status_code == 403 and "include" in response.request.url.params:
            raise _SideloadsRefusedError("403, the vendor does not allow us to read this", source=self.name, remedy=self._remedy())
        return by_header(response, body)

    def open_session(self) -> HttpSession:
        """See `HttpConnector`."""
        settings = self.settings
        return HttpSession(
            settings.base_url or f"https://{settings.subdomain}.zendesk.com",
            source=self.name,
            retry=settings.retry,
            auth=(f"{settings.email}/token", settings.api_token.resolve().strip()),
            throttle=self._inspect,
            remedy=self._remedy(),
        )

    def _remedy(self) -> str:
        return (
            f"put a valid API token into environment variable {self.settings.api_token.variable} (setting api_token), and check"
            " that email names an admin and that token access is switched on in Zendesk's Admin Center"
        )

    def _broken(self, export: _Export, what: str) -> ProtocolError:
        return ProtocolError(
            f"Zendesk {what}", source=self.name, stream=export.name, remedy="run the sync again, and check base_url if it stays"
        )


class RequestBudget:
    """At most so many requests in any minute; the first ones go out at once, so that a short sync never waits.

    Args:
        per_minute: how many.
        clock: seconds that only grow.
        sleep: waits for so many seconds; by default as every request does.
    """

    def __init__(
        self, per_minute: int, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] | None = None
    ) -> None:
        self._spent: deque[float] = deque(maxlen=per_minute)
        self._clock, self._sleep = clock, sleep or transport.pause

    def spend(self) -> None:
        """Wait until one more request fits, and note it."""
        if len(self._spent) == self._spent.maxlen:
            wait = self._spent[0] + 60.0 - self._clock()
            if wait > 0:
                self._sleep(wait)
        self._spent.append(self._clock())


def _sort(export: _Export, items: list[Any], cursor: str | None) -> tuple[list[Record], list[Reject]]:
    records, rejects = [], []
    for number, item in enumerate(items, 1):
        if isinstance(item, dict) and isinstance(item.get("id"), int | str) and item["id"] != "":
            gone = export.gone(item)
            records.append(Record(str(item["id"]), item, _time(export.changed(item)), "delete" if gone else "upsert"))
        else:
            content = simplejson.dumps(item, use_decimal=True)
            rejects.append(Reject(content, "it has no field id", f"item {number} after cursor {cursor or 'none'}"))
    return records, rejects


def _time(value: Any) -> datetime | None:
    """Zendesk's two ways to write a time, unix seconds and ISO 8601; None if it is neither."""
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
