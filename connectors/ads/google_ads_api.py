"""How Google Ads is asked: settings, OAuth, the one call (searchStream), its errors. What is asked is in google_ads.py."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import simplejson
from pydantic import Field, field_validator

from connectors.contract import Secret, SourceSettings
from connectors.http import RETRIED_STATUS, HttpSession, by_header
from connectors.oauth import Bearer, RefreshTokenGrant, TokenEndpoint
from connectors.once import once
from hub.contract.errors import CredentialsError, ProtocolError

API_VERSION = "v26"


class GoogleAdsSettings(SourceSettings):
    """What stands under a Google Ads source in hub.yaml."""

    customer_id: str = Field(description="the account's ID, with or without dashes; not a manager account")
    developer_token: Secret
    client_id: str = Field(description="of the OAuth client")
    client_secret: Secret
    refresh_token: Secret
    login_customer_id: str | None = Field(None, description="the manager account through which customer_id is reached")
    conversion_window_days: int = Field(30, ge=1, le=90, description="each sync reads this many days again")
    start_date: date | None = Field(None, description="first day to read; without it all that Google keeps, 37 months")
    token_url: str | None = Field(None, description="where access tokens are issued, if not at Google or at base_url/token")

    @field_validator("customer_id", "login_customer_id", mode="before")
    @classmethod
    def _digits(cls, value: object) -> str | None:
        if value is None:
            return None
        digits = str(value).replace("-", "").strip()
        if not digits.isdecimal():
            raise ValueError("must be digits, as in 123-456-7890")
        return digits


class CutShortError(Exception):
    """The answer broke off, and asking for less may help."""


class _Query(threading.local):
    """The query that a thread has under way."""

    stream: str | None = None  # for errors
    may_split = False


class GoogleAdsApi:
    """One account's searchStream. Opens nothing before the first query."""

    def __init__(self, settings: GoogleAdsSettings, source: str) -> None:
        self._settings, self._source = settings, source
        self._query = _Query()

    def search(self, query: str, stream: str | None = None, *, may_split: bool = False) -> list[Any]:
        """The rows of a GAQL query.

        Raises:
            CutShortError: the answer broke off and ``may_split``; otherwise the query is sent again, within bounds.
            SourceError: see `HttpSession.request`.
        """
        self._query.stream, self._query.may_split = stream, may_split
        path = f"/{API_VERSION}/customers/{self._settings.customer_id}/googleAds:searchStream"
        body = self._session.post(path, stream=stream, json={"query": " ".join(query.split())})
        if not (isinstance(body, list) and all(isinstance(batch, Mapping) for batch in body)):
            raise ProtocolError("the answer is no list of batches", source=self._source, stream=stream, remedy="check base_url")
        return [row for batch in body for row in batch.get("results") or ()]

    def calls(self) -> tuple[int, int]:
        """Requests that this thread has made, those for tokens among them, and how many of them were repeats."""
        requests, retries = self._tokens.calls()
        opened: HttpSession | None = self.__dict__.get("_session")
        return (requests + opened.requests, retries + opened.retries) if opened else (requests, retries)

    def close(self) -> None:
        """Close the connections, if there are any."""
        self._tokens.close()
        if "_session" in self.__dict__:
            self._session.close()

    @once
    def _session(self) -> HttpSession:
        headers = {"developer-token": self._settings.developer_token.resolve()}
        if self._settings.login_customer_id:
            headers["login-customer-id"] = self._settings.login_customer_id
        return HttpSession(
            self._settings.base_url or "https://googleads.googleapis.com",
            source=self._source,
            retry=self._settings.retry,
            auth=Bearer(RefreshTokenGrant(self._tokens, self._settings.refresh_token, rotates=False), self._broken_off),
            headers=headers,
            throttle=self._inspect,
            remedy=self._remedy(""),
        )

    # authorisation ---------------------------------------------------------------------------------------------

    @once
    def _tokens(self) -> TokenEndpoint:
        settings = self._settings
        return TokenEndpoint(
            self._token_url(),
            source=self._source,
            vendor="Google",
            retry=settings.retry,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            remedy=self._remedy,
        )

    def _token_url(self) -> str:
        base = self._settings.base_url
        return self._settings.token_url or (f"{base.rstrip('/')}/token" if base else "https://oauth2.googleapis.com/token")

    # errors ----------------------------------------------------------------------------------------------------

    def _broken_off(self) -> None:
        if self._query.may_split:
            raise CutShortError

    def _inspect(self, response: httpx.Response, body: Any) -> float | None:
        """Act on Google's errors; one may also come at the end of a stream that began with status 200."""
        if response.is_success and body is None:
            self._broken_off()
        errors = [at(part, "error") for part in (body if isinstance(body, list) else [body]) if at(part, "error")]
        if not errors:
            return by_header(response, body)
        response.status_code = int(at(errors[0], "code") or 500)
        if response.status_code in RETRIED_STATUS:
            delays = re.findall(r'"retryDelay": "([\d.]+)s"', simplejson.dumps(errors, use_decimal=True))
            return max(map(float, delays)) if delays else by_header(response, body)
        codes, place = _codes(errors[0]), {"source": self._source, "stream": self._query.stream}
        if response.status_code in (401, 403):
            raise CredentialsError(f"Google refused our credentials ({codes})", **place, remedy=self._remedy(codes))
        raise ProtocolError(f"Google refused the query ({codes})", **place, remedy="check customer_id, or update this software")

    def _remedy(self, codes: str) -> str:
        s = self._settings
        if "DEVELOPER_TOKEN" in codes:
            return f"correct developer_token (environment variable {s.developer_token.variable}) or have Google approve it"
        if "client" in codes:
            return f"correct client_id and client_secret (environment variable {s.client_secret.variable})"
        if "CUSTOMER_NOT" in codes or "CUSTOMER_ID_INVALID" in codes:
            return "correct customer_id"
        if "PERMISSION" in codes or "LOGIN_CUSTOMER" in codes:
            return "give the authorised Google user access to customer_id, or set login_customer_id to its manager account"
        return f"authorise again and renew refresh_token (environment variable {s.refresh_token.variable})"


def _codes(error: Any) -> str:
    """Google's codes for an error. Its messages are left out: they may quote data."""
    faults = [fault for detail in at(error, "details") or () for fault in at(detail, "errors") or ()]
    codes = [code for fault in faults for code in (at(fault, "errorCode") or {}).values()]
    return ", ".join(dict.fromkeys(str(code) for code in [*codes, at(error, "status")] if code))


def at(value: Any, *path: str) -> Any:
    """What lies in parsed JSON under those keys; None if anything on the way is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
