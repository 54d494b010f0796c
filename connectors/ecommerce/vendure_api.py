"""How Vendure's Admin API (GraphQL) is asked: settings, login, one query at a time, errors.

What is asked, and what comes of it, is in vendure.py; the queries are in vendure_*.graphql.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import Field, field_validator, model_validator

from connectors.contract import Secret, SourceSettings
from connectors.http import HttpConnector, HttpSession, by_header
from connectors.http_guard import confidential
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError

_HERE = Path(__file__).parent
_DENIED = frozenset({"FORBIDDEN", "UNAUTHORIZED"})


class VendureSettings(SourceSettings):
    """What stands under a source of type vendure in hub.yaml."""

    url: str = Field(description="address of the Admin API, as https://shop.example.com/admin-api")
    username: str | None = Field(None, description="of an administrator who may read customers and orders")
    password: Secret | None = Field(None, description="that administrator's password")
    api_key: Secret | None = Field(
        None, description="instead of both: an API key (Vendure 3.6 or later, with api-key among its tokenMethod)"
    )
    channel: str | None = Field(
        None, pattern="^[!-~]+$", description="token of the channel to read; without it the default channel, which has all"
    )
    page_size: int = Field(100, ge=2, le=1000, description="records per page")
    lookback_seconds: int = Field(120, ge=2, description="each sync reads this much again, for changes committed late")
    reread_days: int = Field(
        1, ge=0, description="read everything again after so many days, for what no time of change tells; 0: never"
    )

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("must be the Admin API's address, such as https://shop.example.com/admin-api")
        if not confidential(value.strip()):
            raise ValueError("must begin with https://; over plain http the password would be sent in clear text")
        return value.strip().rstrip("/")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.username) != bool(self.password) or bool(self.username) == bool(self.api_key):
            raise ValueError("give either username and password, or api_key")
        return self


class _Session(httpx.Auth):
    """Sends the token that Vendure gave at login; where it gives a cookie instead, the client keeps that by itself."""

    token: str | None = None

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.token:
            request.headers["authorization"] = f"Bearer {self.token}"
        response = yield request
        self.token = response.headers.get("vendure-auth-token") or self.token


class VendureApi(HttpConnector):
    """One Vendure shop as it is asked."""

    settings: VendureSettings
    _entered = False  # whether a session was opened
    _proven = False  # whether it was good for anything

    def ask(self, query: str, variables: Mapping[str, Any], stream: str | None) -> Mapping[str, Any]:
        """Run one of the queries and return its data. Raises `SourceError`."""
        self.http  # noqa: B018 - a session that is new knows of no login
        if self.settings.username and not self._entered:
            self._login(stream)
        data, codes = self._post(query, variables, stream)
        if codes & _DENIED and self._proven and self.settings.username:
            # a session ends after a while, and Vendure says the same of that as of a right we lack
            self._login(stream)
            data, codes = self._post(query, variables, stream)
        if codes:
            raise self._refusal(codes, stream)
        if not isinstance(data, Mapping):
            raise self.protocol_error("the answer has no data", stream)
        self._proven = True
        return data

    def _login(self, stream: str | None) -> None:
        settings = self.settings
        assert settings.username is not None
        assert settings.password is not None
        given = {"username": settings.username, "password": settings.password.resolve()}
        self._session.token, self._entered, self._proven = None, False, False
        data, codes = self._post("login", given, stream)
        found = data.get("login") if isinstance(data, Mapping) else None
        if codes:
            raise self._refusal(codes, stream)
        if not isinstance(found, Mapping):
            raise self.protocol_error("the answer to the login says neither yes nor no", stream)
        if found.get("__typename") != "CurrentUser":
            raise self._denied(f"Vendure refused our login ({found.get('errorCode') or 'no code'})", stream)
        self._entered = True

    def _post(self, query: str, variables: Mapping[str, Any], stream: str | None) -> tuple[Any, set[str]]:
        document = (_HERE / f"vendure_{query}.graphql").read_text(encoding="utf-8")
        path = urlsplit(self._address()).path or "/admin-api"
        body = self.http.post(path, stream=stream, json={"query": document, "variables": dict(variables)})
        return body.get("data") if isinstance(body, Mapping) else None, codes_in(body)

    def open_session(self) -> HttpSession:
        """See `HttpConnector`. Raises `ConfigError` where the password would go over the net in clear text."""
        settings, address = self.settings, self._address()
        if not confidential(address):
            raise ConfigError(
                "the password would be sent in clear text", source=self.name, field="base_url", remedy="let it begin with https://"
            )
        headers = {} if settings.channel is None else {"vendure-token": settings.channel}
        if settings.api_key is not None:
            key = settings.api_key.resolve().strip()
            if not key.isascii():
                raise self._denied("the key holds characters that no key has", None)
            headers["vendure-api-key"] = key
        self._session, self._entered, self._proven = _Session(), False, False
        parts = urlsplit(address)
        return HttpSession(
            f"{parts.scheme}://{parts.netloc}",
            source=self.name,
            retry=settings.retry,
            auth=self._session,
            headers=headers,
            throttle=_inspect,
            remedy=self._remedy(),
        )

    def _address(self) -> str:
        return self.settings.base_url or self.settings.url

    def _remedy(self) -> str:
        settings, key = self.settings, self.settings.api_key
        who = f"the key in {key.variable} (setting api_key)" if key else f"username and password ({settings.password!r})"
        channel = " in that channel" if settings.channel else ""
        return f"check {who}: a role with ReadCustomer and ReadOrder must come with it{channel}"

    def _refusal(self, codes: set[str], stream: str | None) -> Exception:
        if codes & _DENIED:
            return self._denied(f"Vendure does not let us read this ({', '.join(sorted(codes & _DENIED))})", stream)
        if "CHANNEL_NOT_FOUND" in codes:
            remedy = "take the channel's token from Vendure's settings, or leave it out for the default channel"
            return ConfigError("the shop has no such channel", source=self.name, stream=stream, field="channel", remedy=remedy)
        return self.protocol_error(f"Vendure refused the query ({', '.join(sorted(codes))})", stream)

    def _denied(self, what: str, stream: str | None) -> CredentialsError:
        return CredentialsError(what, source=self.name, stream=stream, remedy=self._remedy())

    def protocol_error(self, what: str, stream: str | None) -> ProtocolError:
        """An answer that is not as Vendure describes it."""
        remedy = "what was read before it is kept; run the sync again, and check url and Vendure's own log if it stays"
        return ProtocolError(what, source=self.name, stream=stream, remedy=remedy)


def codes_in(body: Any) -> set[str]:
    """The codes of an answer's errors. Their messages are left out of what we say: they may quote personal data."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    if not isinstance(errors, list):
        return set()
    extensions = [error.get("extensions") if isinstance(error, Mapping) else None for error in errors]
    return {str((found.get("code") if isinstance(found, Mapping) else None) or "no code") for found in extensions}


def _inspect(response: httpx.Response, body: Any) -> float | None:
    """Vendure itself never says "slow down"; the servers before it do as others. Its own failures come with status 200."""
    if response.is_success and "INTERNAL_SERVER_ERROR" in codes_in(body):
        response.status_code = 500  # the session shall treat it as what it is
    return by_header(response, body)
