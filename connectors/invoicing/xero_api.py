"""How Xero is asked: settings, tokens, one page of a list, limits and refusals. What is read is in xero.py."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
from pydantic import Field, model_validator

from connectors.contract import Secret, SourceSettings
from connectors.http import HttpSession, by_header, retry_after
from connectors.invoicing.xero_pages import Place, text_of
from connectors.writeback import Takes
from hub.contract.errors import CredentialsError, SourceUnavailableError

log = logging.getLogger(__name__)

ACCOUNTING = "/api.xro/2.0"
PER_MINUTE = 60  # calls to one organisation (developer.xero.com, OAuth 2.0 API limits)
_LOW = 250  # of the calls of a day, often 5000
_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")


class XeroSettings(SourceSettings):
    """What stands under a source of type xero in hub.yaml."""

    client_id: str = Field(description="of the app at developer.xero.com")
    client_secret: Secret | None = Field(None, description="of the app; an app that authorises by PKCE has none")
    refresh_token: Secret | None = Field(
        None, description="from the user's authorisation, with offline_access; without it, the app must be a custom connection"
    )
    tenant_id: str | None = Field(None, description="the organisation to read (GET /connections lists them)")
    token_url: str | None = Field(None, description="where tokens are issued, if not at Xero or at base_url/connect/token")
    lookback_seconds: int = Field(300, ge=0, le=30 * 86_400, description="each sync reads this far back behind the last change")
    page_size: int = Field(1000, ge=1, le=1000, description="records per call; Xero gives at most 1000")
    leave_daily_calls: int = Field(0, ge=0, description="stop before fewer calls of the day remain for other uses of the app")

    takes: ClassVar[Takes | None] = Takes(r"ContactNumber|AccountNumber", "ContactNumber or AccountNumber")

    @model_validator(mode="after")
    def _authorised(self) -> XeroSettings:
        if self.refresh_token is not None and not self.tenant_id:
            raise ValueError("tenant_id is needed with refresh_token: an authorisation may reach several organisations")
        if self.refresh_token is None and self.client_secret is None:
            raise ValueError("client_secret is needed without refresh_token (custom connection)")
        return self


class XeroSession(HttpSession):
    """A session that asks for changes since a time, and keeps to Xero's limits."""

    def __init__(self, settings: XeroSettings, *, source: str, auth: httpx.Auth, remedy: str) -> None:
        super().__init__(
            settings.base_url or "https://api.xero.com",
            source=source,
            retry=settings.retry,
            auth=auth,
            headers={"xero-tenant-id": settings.tenant_id} if settings.tenant_id else None,
            throttle=self._inspect,
            remedy=remedy,
        )
        self._settings, self._said_low = settings, False
        self._question = threading.local()  # what the thread is asking: the header that varies, and the stream for errors
        self._client.event_hooks = {"request": [self._stamp]}
        self._sent: deque[float] = deque(maxlen=PER_MINUTE)
        self._left: dict[str, int] = {}
        self._turn, self._under_way = threading.Lock(), 0  # calls of all threads

    def page(self, path: str, place: Place, params: dict[str, Any], stream: str) -> Any:
        """One page of a list, oldest change first."""
        self._question.since, self._question.stream = text_of(place.since), stream
        query = {"page": place.page, "pageSize": self._settings.page_size, "order": "UpdatedDateUTC ASC", **params}
        try:
            with self._paced():
                return self.get(f"{ACCOUNTING}/{path}", stream=stream, params=query)
        finally:
            self._question.since = self._question.stream = None

    def paced(self, method: str, path: str, *, stream: str, **how: Any) -> Any:
        """Any other request, at the same pace; see `request`."""
        self._question.stream = stream
        try:
            with self._paced():
                return self.request(method, path, stream=stream, **how)
        finally:
            self._question.stream = None

    def _stamp(self, request: httpx.Request) -> None:
        self._sent.append(time.monotonic())
        since = getattr(self._question, "since", None)
        if since is not None:
            request.headers["if-modified-since"] = since

    # limits ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _paced(self) -> Iterator[None]:
        """Do not spend a call that Xero has already told us it would refuse, nor one that others are to have.

        Of the calls that it says are left, those are spent that other threads of ours have under way: it may not have counted them.
        """
        with self._turn:
            self._keep_pace()
            self._under_way += 1
        try:
            yield
        finally:
            with self._turn:
                self._under_way -= 1

    def _keep_pace(self) -> None:
        left = self._left.get("day")
        if left is not None and 0 < self._settings.leave_daily_calls >= left - self._under_way:
            self._left.pop("day")
            raise SourceUnavailableError(
                f"{left} calls to this organisation remain today, and the last {self._settings.leave_daily_calls} are for others",
                source=self.source,
                stream=self._stream(),
                remedy="run the sync again tomorrow, it goes on where it stopped, or lower leave_daily_calls",
            )
        if self._left.get("minute", PER_MINUTE) <= self._under_way and self._sent:
            self._left.pop("minute")
            self._sleep(max(0.0, self._sent[0] + 60.0 - time.monotonic()))

    def _inspect(self, response: httpx.Response, body: Any) -> float | None:
        for name, header in (("minute", "x-minlimit-remaining"), ("day", "x-daylimit-remaining")):
            if (value := response.headers.get(header, "")).isdecimal():
                self._left[name] = int(value)
        if self._left.get("day", _LOW) < _LOW and not self._said_low:
            self._said_low = True
            log.warning("%s: %d calls to this organisation remain today", self.source, self._left["day"])
        if response.status_code == 429:
            self._refuse_to_wait_for_tomorrow(response)
        if response.status_code == 403:
            raise self._forbidden(body)
        return by_header(response, body)

    def _refuse_to_wait_for_tomorrow(self, response: httpx.Response) -> None:
        asked = retry_after(response)
        day = response.headers.get("x-rate-limit-problem", "").lower() in ("day", "daily")
        if day and (asked is None or asked > self._settings.retry.max_wait_seconds):
            when = f" in {timedelta(seconds=round(asked))} (h:mm:ss)" if asked is not None else " tomorrow"
            raise SourceUnavailableError(
                "the calls that Xero allows this app and organisation in a day are used up",
                source=self.source,
                stream=self._stream(),
                remedy=f"run the sync again{when}, it goes on where it stopped",
            )

    # refusals ----------------------------------------------------------------------------------------------------

    def _forbidden(self, body: Any) -> CredentialsError:
        detail = body.get("Detail", body.get("detail")) if isinstance(body, dict) else None
        code = f" ({detail})" if isinstance(detail, str) and re.fullmatch(r"[A-Za-z]{1,40}", detail) else ""
        return CredentialsError(
            f"403, Xero does not let this app into the organisation{code}",
            source=self.source,
            stream=self._stream(),
            remedy="check tenant_id, and that the app is connected to it with the scopes for contacts, transactions and settings",
        )

    def _stream(self) -> str | None:
        return getattr(self._question, "stream", None)


def time_of(value: Any) -> datetime | None:
    """Xero's way to write a time, /Date(1573755038314+0000)/ (milliseconds, always UTC), or ISO 8601; None if it is neither."""
    if not isinstance(value, str):
        return None
    try:
        found = _DATE.fullmatch(value)
        if found:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))
        parsed = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def zone_of(windows_name: Any) -> str | None:
    """The IANA zone of an organisation's Timezone, which is Windows' name in capitals without blanks; None if it is unknown."""
    from babel.core import get_global  # takes a moment to load

    known: dict[str, str] = {_packed(name): zone for name, zone in get_global("windows_zone_mapping").items()}
    return known.get(_packed(windows_name)) if isinstance(windows_name, str) else None


def _packed(name: str) -> str:
    # the description of Xero's API writes UTC-11 as UTC11
    return re.sub(r"[ .+-]", "", name).upper()
