"""One HTTP session for all connectors: authentication, bounded retries, the vendors' ways of saying "slow down", redaction.

What a page means is the connector's affair; how a request is made, repeated and reported when it fails is settled here. A session
may be used by several threads at a time, each reading a stream: they share connections and the vendor's patience, and each counts
its own requests.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.answer import error_code, parsed
from connectors.contract import Connector, RetrySettings
from connectors.http_guard import AnotherHostError, GuardedTransport, TooLargeError, UntrustedError, confidential
from connectors.once import once
from connectors.refused import RefusedError
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError

log = logging.getLogger(__name__)

# from 520 on: what Cloudflare answers in the place of a host that it does not reach
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 531)})

Throttle = Callable[[httpx.Response, Any], float | None]
"""Given a response and its parsed body (None if it is no JSON), the seconds the vendor asks us to wait, or None for "go on"."""


def pause(seconds: float) -> None:
    """Wait; the one place where requests do, so that tests can let time pass instead."""
    time.sleep(seconds)


def retry_after(response: httpx.Response, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Seconds asked for by a Retry-After header, in seconds or as an HTTP date (RFC 9110 §10.2.3); None without one."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (TypeError, ValueError, OverflowError):  # the last: of a year that no calendar has
        return None


def by_header(response: httpx.Response, body: Any) -> float | None:
    """The usual throttle: status 429 or 503 with a Retry-After header."""
    return retry_after(response) if response.status_code in (429, 503) else None


class _Tally(threading.local):
    """What a thread has asked."""

    requests = 0
    retries = 0


class HttpSession:
    """Requests to one source.

    Args:
        base_url: scheme and host, perhaps with a path under which the vendor's own paths hang.
        source: the source's name, for errors.
        retry: patience.
        auth: an `httpx.Auth`, a (user, password) pair or None.
        headers: sent with each request.
        throttle: how this vendor says "slow down" other than by the usual header.
        remedy: what to do when the vendor refuses our credentials; names the setting, never its value.

    Raises:
        ConfigError: what is sent there would go over the net in clear text.
    """

    def __init__(
        self,
        base_url: str,
        *,
        source: str,
        retry: RetrySettings,
        auth: httpx.Auth | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        throttle: Throttle = by_header,
        remedy: str = "check the credentials in hub.yaml",
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.source, self.retry, self._throttle, self._remedy = source, retry, throttle, remedy
        self._sleep = sleep or pause
        self._tally = _Tally()
        self._silence, self._silent_until = threading.Lock(), 0.0
        if not confidential(base_url):
            raise ConfigError(
                "the credentials would be sent in clear text",
                source=source,
                field="base_url",
                remedy="let it (and token_url, where there is one) begin with https://; http:// is for loopback only",
            )
        self._client = httpx.Client(
            base_url=base_url.rstrip("/"),
            auth=auth,
            headers={"user-agent": "customer-hub", "accept": "application/json", **(headers or {})},
            timeout=retry.timeout_seconds,
            transport=GuardedTransport(base_url, retry.max_answer_mb),
            follow_redirects=False,  # what we ask with is for the host in hub.yaml, whatever an answer says
            # a vendor's host is named in hub.yaml; proxies and .netrc of the machine must not add credentials of their own
            trust_env=False,
        )

    @property
    def requests(self) -> int:
        """Requests that this thread has made."""
        return self._tally.requests

    @property
    def retries(self) -> int:
        """How many of them were repeats."""
        return self._tally.retries

    def get(self, path: str, *, stream: str | None = None, params: Any = None, missing_ok: bool = False) -> Any:
        """GET and parse JSON; see `request`."""
        return self.request("GET", path, stream=stream, params=params, missing_ok=missing_ok)

    def post(self, path: str, *, stream: str | None = None, json: Any = None, data: Any = None) -> Any:
        """POST and parse JSON; see `request`."""
        return self.request("POST", path, stream=stream, json=json, data=data)

    def request(
        self,
        method: str,
        path: str,
        *,
        stream: str | None = None,
        params: Any = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        """Make a request, again if need be, and return the parsed body (numbers with a fraction as `Decimal`).

        Returns None for a 404 when ``missing_ok``.

        Raises:
            CredentialsError: 401 or 403; at once.
            RefusedError: another refusal.
            ProtocolError: a body that is no JSON every time, or is too large; a path that leads to another host.
            SourceUnavailableError: nothing useful within the bounded attempts.
        """
        place = f"{method} {path.partition('?')[0]}"
        for attempt in range(1, self.retry.attempts + 1):
            wait: float | None = None
            throttled = False
            self._keep_silence()
            self._tally.requests += 1
            try:
                response = self._client.request(method, path, params=params, json=json, data=data, headers=headers)
            except (AnotherHostError, TooLargeError, UntrustedError) as error:
                raise self._guarded(error, place, stream) from None
            except httpx.HTTPError as error:
                trouble: Exception = SourceUnavailableError(
                    f"no answer to {place} ({type(error).__name__})", source=self.source, stream=stream, remedy=_LATER
                )
            else:
                body, readable = parsed(response)
                wait = self._throttle(response, body)
                status = response.status_code
                if wait is not None or status in RETRIED_STATUS:
                    said = f"answered {status}"
                    throttled = wait is not None or status == 429
                    if throttled:
                        said = f"asks us to slow down{'' if wait is None else f' for {wait:.0f} s'}"
                    trouble = SourceUnavailableError(f"{said} at {place}", source=self.source, stream=stream, remedy=_LATER)
                elif status == 404 and missing_ok:
                    return None
                elif not response.is_success:
                    raise self._refused(status, place, stream, body)
                elif readable:
                    return body
                else:
                    trouble = ProtocolError(
                        f"the answer to {place} is no complete JSON ({len(response.content)} bytes)",
                        source=self.source,
                        stream=stream,
                        remedy="nothing of that page was kept; run the sync again, and ask the vendor if it stays",
                    )
            if attempt == self.retry.attempts or (wait or 0) > self.retry.max_wait_seconds:
                raise trouble
            self._tally.retries += 1
            self._pause(attempt, wait, for_all=throttled)
        raise AssertionError("unreachable: attempts is at least 1")

    def _pause(self, attempt: int, asked: float | None, *, for_all: bool) -> None:
        # full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015), so that many workers do not return as one; what
        # the vendor asked for is a minimum and gets a little on top
        backoff = random.uniform(0, min(self.retry.backoff_seconds * 2 ** (attempt - 1), self.retry.max_wait_seconds))
        wait = backoff if asked is None else asked + random.uniform(0, min(1.0, self.retry.backoff_seconds))
        log.info("%s: waiting %.1f s before trying again", self.source, wait)
        if not for_all:
            self._sleep(wait)
            return
        until = time.monotonic() + wait
        with self._silence:
            self._silent_until = max(until, self._silent_until)
        self._sleep(wait)
        self._end_silence(until)

    def _keep_silence(self) -> None:
        """Wait while the vendor has asked any thread of ours to slow down: it meant all of us."""
        while (until := self._silent_until) > (now := time.monotonic()):
            self._sleep(until - now + random.uniform(0, min(1.0, self.retry.backoff_seconds)))
            self._end_silence(until)

    def _end_silence(self, until: float) -> None:
        # said once the time is over and not only read off the clock, which tests do not let run; who was asked for more since
        # has set another end
        with self._silence:
            if self._silent_until <= until:
                self._silent_until = 0.0

    def _guarded(self, error: Exception, place: str, stream: str | None) -> Exception:
        match error:
            case UntrustedError():
                what = "the host's certificate is not trusted"
                remedy = "if an authority of your company signed it, name that authority's file in SSL_CERT_FILE"
                return SourceUnavailableError(what, source=self.source, stream=stream, remedy=remedy)
            case TooLargeError():
                what = f"the answer to {place} unpacks to more than {self.retry.max_answer_mb} MB"
                remedy = "nothing of it was kept; if it is right, raise max_answer_mb under retry"
            case _:
                what, remedy = "we were sent to another host, which is not to see our credentials", "check base_url"
        return ProtocolError(what, source=self.source, stream=stream, remedy=remedy)

    def _refused(self, status: int, place: str, stream: str | None, body: Any) -> Exception:
        if status in (401, 403):
            do = "read" if place.startswith(("GET", "POST")) else "write"
            what = "refused our credentials" if status == 401 else f"does not allow us to {do} this"
            return CredentialsError(
                f"{status}, the vendor {what} at {place}", source=self.source, stream=stream, remedy=self._remedy
            )
        code = error_code(body)
        error = RefusedError(
            f"the vendor refused {place} with {status}{f' ({code})' if code else ''}",
            source=self.source,
            stream=stream,
            remedy="check base_url and the settings of this source",
        )
        error.status, error.body = status, body
        return error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class HttpConnector(Connector):
    """A connector that makes all its requests through one session; a subclass says how that is opened."""

    _closed = (0, 0)  # requests and retries of sessions that were let go, by the thread that did

    @abstractmethod
    def open_session(self) -> HttpSession:
        """A session with the vendor's base URL, version, credentials and throttle. Secrets are resolved here, not earlier."""

    @once
    def http(self) -> HttpSession:
        """The session, opened on first use."""
        return self.open_session()

    def calls(self) -> tuple[int, int]:
        """See `Connector`."""
        requests, retries = self._closed
        return (requests + self.http.requests, retries + self.http.retries) if "http" in self.__dict__ else self._closed

    def close(self) -> None:
        """Let go of connections; a later use opens new ones."""
        self._closed = self.calls()
        if "http" in self.__dict__:
            self.__dict__.pop("http").close()


_LATER = "the vendor may be down; run the sync again later, it goes on where it stopped"
