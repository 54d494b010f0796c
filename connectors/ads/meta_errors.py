"""What Meta's answers mean: its error codes, and how much of a limit is used up.

Errors come with status 400 and a code, throttling too. How long to wait stands in usage headers: in X-Business-Use-Case-Usage in
minutes, in X-Ad-Account-Usage in seconds. Sources: Meta's pages on rate limits, on error codes, and on the limits of reports.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import simplejson

import connectors.http as transport
from connectors.ads.meta_settings import MetaSettings
from connectors.http import by_header
from hub.contract.errors import CredentialsError, ProtocolError

log = logging.getLogger(__name__)

API_VERSION = "v26.0"
_EASE_OFF = 90.0  # percent of a limit from which we go slower, before Meta bars us for minutes
_SECONDS_PER_PERCENT = 6.0

_WHO_WE_ARE = frozenset({102, 104, 190, 463, 467})
_PERMISSION = frozenset({3, 10, *range(200, 300)})
_THROTTLED = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_015)})
_PASSING = frozenset({1, 2})
_NOT_SHOWN = (100, 33)  # does not exist, or is not shown to us
_TOO_MUCH = (100, 1_487_534)
_TOO_MUCH_PERHAPS = (1, 99)  # "an unknown error": what reports over too many rows end in
_OLD_VERSION = 2635
_SHARES = frozenset({"call_count", "total_cputime", "total_time", "acc_id_util_pct", "app_id_util_pct"})
_UNTIL_ACCESS = {"estimated_time_to_regain_access": 60.0, "reset_time_duration": 1.0}  # in which unit, in seconds


class TooMuchDataError(Exception):
    """Meta wants to be asked for less at a time."""


class PermissionRefusedError(CredentialsError):
    """Meta knows us, but does not show us this."""


class Asked(threading.local):
    """The request that a thread has under way.

    Attributes:
        stream: for errors.
        may_ask_less: whether an answer that would be too large is the caller's affair.
    """

    stream: str | None = None
    may_ask_less = False


class Answers:
    """Reads answers; a `connectors.http.Throttle`."""

    def __init__(self, settings: MetaSettings, source: str) -> None:
        self._settings, self._source = settings, source
        self.asked = Asked()
        self._easing_off = threading.Lock()

    def inspect(self, response: httpx.Response, body: Any) -> float | None:
        """Act on Meta's errors, whatever their status, and on how much of a limit is used up."""
        percent, regain = _usage(response.headers)
        error = at(body, "error")
        if not isinstance(error, Mapping):
            if response.status_code == 403:
                raise self._refusal(PermissionRefusedError, "does not show us this (403)", self._grant())
            if response.is_success and percent > _EASE_OFF:
                self._ease_off(percent)
            return by_header(response, body)
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        told = codes(error).removeprefix(", ") or str(response.status_code)
        if self.asked.may_ask_less and _is_too_much(code, subcode, error):
            raise TooMuchDataError
        if code in _THROTTLED:
            response.status_code = 429
            return regain if regain is not None else by_header(response, body)
        if code in _WHO_WE_ARE:
            raise self._refusal(CredentialsError, f"refused our credentials ({told})", self.renew())
        if code in _PERMISSION or (code, subcode) == _NOT_SHOWN or response.status_code == 403:
            raise self._refusal(PermissionRefusedError, f"does not show us this ({told})", self._grant())
        if response.status_code == 401:
            raise self._refusal(CredentialsError, f"refused our credentials ({told})", self.renew())
        if code == _OLD_VERSION:
            raise self._refusal(
                ProtocolError,
                f"no longer takes version {API_VERSION} of its API ({told})",
                "update this software",
            )
        if code in _PASSING or error.get("is_transient") is True or response.status_code >= 500:
            response.status_code = 503
            return by_header(response, body)
        raise self._refusal(ProtocolError, f"refused the request ({told})", "check account_id, page_id, app_secret and base_url")

    def _refusal(self, kind: type[CredentialsError | ProtocolError], what: str, remedy: str) -> Exception:
        return kind(f"Meta {what}", source=self._source, stream=self.asked.stream, remedy=remedy)

    def renew(self) -> str:
        """What to do when Meta does not know us."""
        return (
            f"renew access_token (environment variable {self._settings.access_token.variable}); leads need one whose user has a"
            " task on the page, so that Meta gives out the page's own token"
        )

    def _grant(self) -> str:
        return (
            "check account_id and page_id, and assign both to the token's user, with the rights ads_read, and for leads"
            " leads_retrieval, pages_show_list, pages_read_engagement, pages_manage_ads and access in the Leads Access Manager"
        )

    def _ease_off(self, percent: float) -> None:
        seconds = min((percent - _EASE_OFF) * _SECONDS_PER_PERCENT, self._settings.retry.max_wait_seconds)
        log.info("%s: %.0f %% of Meta's limit is used; waiting %.1f s", self._source, percent, seconds)
        with self._easing_off:  # one thread after the other, so that several do not go on as fast as they came
            transport.pause(seconds)


def _is_too_much(code: int | None, subcode: int | None, error: Mapping[str, Any]) -> bool:
    if (code, subcode) in (_TOO_MUCH, _TOO_MUCH_PERHAPS):
        return True
    return code == 1 and "reduce the amount of data" in str(error.get("message"))


def _usage(headers: httpx.Headers) -> tuple[float, float | None]:
    """The highest share of a limit that is used, in percent, and the seconds until access is given again, if Meta says."""
    percent, regain = 0.0, 0.0
    for name in ("x-business-use-case-usage", "x-ad-account-usage", "x-app-usage", "x-fb-ads-insights-throttle"):
        try:
            figures = list(_figures(simplejson.loads(headers.get(name, "null"))))
        except ValueError:
            continue  # a header we cannot read says nothing
        for key, value in figures:
            percent = max(percent, value if key in _SHARES else 0.0)
            regain = max(regain, value * _UNTIL_ACCESS.get(key, 0.0))
    return percent, regain or None


def _figures(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number in parsed JSON, with its key."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _figures(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from _figures(part, key)
    elif isinstance(value, int | float):
        yield key, float(value)


def codes(error: Mapping[str, Any], prefix: str = "") -> str:
    """An error's code and subcode, for people. Its message is left out: it may quote data."""
    code, subcode = _number(error.get(f"{prefix}code")), _number(error.get("error_subcode"))
    return "".join([f", code {code}" if code is not None else "", f", subcode {subcode}" if subcode is not None else ""])


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def at(value: Any, *path: str) -> Any:
    """What lies in parsed JSON under those keys; None if anything on the way is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
