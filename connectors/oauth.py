"""OAuth 2.0 for connectors (RFC 6749): bearer tokens by the refresh-token or the client-credentials grant.

Some vendors rotate the refresh token: each use gives a new one, and the former dies. Losing the new one would end the connection,
so it is kept in the source's private folder, see oauth_store.py, before the access token that came with it is used. Who comes
second uses what the first one stored, instead of rotating the token away under its feet.

Should we be killed between the vendor's rotation and our writing, the stored token is the former one. Xero lets it be used again
for 30 minutes (Xero staff, community.xero.com/developer/discussion/105714701), so the next run goes on with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.contract import RetrySettings, Secret
from connectors.http import HttpSession, by_header
from connectors.oauth_store import Access, Chain, TokenStore
from connectors.once import once
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError

log = logging.getLogger(__name__)

_GRACE = 30 * 60.0  # seconds for which a former refresh token may be tried again

AccessToken = Callable[[str | None], str]
"""Gives an access token to send. Its argument is one that the vendor has just refused, so that it is not given again."""


class Bearer(httpx.Auth):
    """Sends an access token, and asks for another one once when it is refused.

    Args:
        token: see `AccessToken`.
        broken_off: told that an answer broke off on the way; may raise.
    """

    def __init__(self, token: AccessToken, broken_off: Callable[[], None] | None = None) -> None:
        self._token, self._broken_off = token, broken_off

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`. The answer is read here, so that one that breaks off is told from a vendor that does not answer."""
        refused: str | None = None
        for _ in range(2):
            token = self._token(refused)
            request.headers["authorization"] = f"Bearer {token}"
            response = yield request
            try:
                response.read()
            except httpx.HTTPError:
                if self._broken_off is not None:
                    self._broken_off()
                raise
            if response.status_code != 401:
                return
            refused = token


class GrantRefusedError(CredentialsError):
    """The vendor gives no access token; ``code`` is the error of RFC 6749 §5.2."""

    code: str = ""


class TokenEndpoint:
    """Where a vendor gives access tokens. Opens nothing before the first request.

    Args:
        url: of the endpoint.
        vendor: its name, for errors.
        client_secret: None for a public client (PKCE), which has none.
        remedy: what to do about an OAuth error code.
    """

    def __init__(
        self,
        url: str,
        *,
        source: str,
        vendor: str,
        retry: RetrySettings,
        client_id: str,
        client_secret: Secret | None,
        remedy: Callable[[str], str],
    ) -> None:
        self._url, self.source, self._vendor, self._retry = urlsplit(url), source, vendor, retry
        self._client_id, self._client_secret, self._remedy = client_id, client_secret, remedy

    @once
    def _session(self) -> HttpSession:
        host = f"{self._url.scheme}://{self._url.netloc}"
        return HttpSession(host, source=self.source, retry=self._retry, throttle=self._inspect)

    def grant(self, **form: str) -> tuple[Access, str | None]:
        """Ask for an access token; also returns the refresh token if a new one came with it.

        Raises:
            GrantRefusedError: the vendor does not accept what we show.
            SourceError: see `HttpSession.request`.
        """
        client = {"client_id": self._client_id}
        if self._client_secret is not None:
            client["client_secret"] = self._client_secret.resolve().strip()
        body = self._session.post(self._url.path, data={**form, **client})
        if not (isinstance(body, Mapping) and isinstance(body.get("access_token"), str) and body["access_token"]):
            raise ProtocolError("the token endpoint gave no access token", source=self.source, remedy="check token_url")
        refresh = body.get("refresh_token")
        return Access(body["access_token"], time.time() + _seconds(body.get("expires_in"))), str(refresh) if refresh else None

    def _inspect(self, response: httpx.Response, body: Any) -> float | None:
        """OAuth's errors (RFC 6749 §5.2) are about who we are, whatever their status; the vendor's being down is not among them."""
        code = body.get("error") if isinstance(body, Mapping) else None
        if isinstance(code, str) and response.status_code in (400, 401, 403):
            what = f"{self._vendor} gives no access token ({code})"
            refused = GrantRefusedError(what, source=self.source, remedy=self._remedy(code))
            refused.code = code
            raise refused
        return by_header(response, body)

    def calls(self) -> tuple[int, int]:
        """Requests that this thread has made, and how many of them were repeats."""
        opened = self.__dict__.get("_session")
        return (opened.requests, opened.retries) if opened else (0, 0)

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "_session" in self.__dict__:
            self._session.close()


class RefreshTokenGrant:
    """Access tokens for a refresh token; an `AccessToken`.

    Args:
        refresh_token: the one that the user's authorisation gave.
        store: where a rotated one is kept; None where nothing can be.
        rotates: whether the vendor gives a new refresh token with each use.
    """

    def __init__(self, endpoint: TokenEndpoint, refresh_token: Secret, store: TokenStore | None = None, *, rotates: bool) -> None:
        self._endpoint, self._configured, self._store, self._rotates = endpoint, refresh_token, store, rotates
        self._turn = threading.Lock()
        self._access: Access | None = None

    def __call__(self, refused: str | None = None) -> str:
        """See `AccessToken`.

        Raises:
            ConfigError: the refresh token rotates, and there is nowhere to keep the new one.
            SourceError: see `TokenEndpoint.grant`.
        """
        with self._turn:
            if self._access is None or not self._access.serves(refused):
                self._access = self._renewed(refused)
            return self._access.token

    def _renewed(self, refused: str | None) -> Access:
        configured = self._configured.resolve().strip()
        if self._store is None:
            if self._rotates:
                raise self._homeless()
            access, refresh = self._endpoint.grant(grant_type="refresh_token", refresh_token=configured)
            if refresh not in (None, configured):
                raise self._homeless()
            return access
        with self._store.held():
            chain = self._store.load(configured) or Chain(configured)
            if chain.access is None or not chain.access.serves(refused):
                chain = self._rotated(chain)
                self._store.save(configured, chain)
        assert chain.access is not None
        return chain.access

    def _rotated(self, chain: Chain) -> Chain:
        used = chain.refresh
        try:
            access, refresh = self._endpoint.grant(grant_type="refresh_token", refresh_token=used)
        except GrantRefusedError as error:
            if error.code != "invalid_grant" or chain.former is None or time.time() - chain.rotated_at > _GRACE:
                raise
            log.info("%s: the newest refresh token is not accepted; trying the former one", self._endpoint.source)
            used = chain.former
            access, refresh = self._endpoint.grant(grant_type="refresh_token", refresh_token=used)
        return Chain(refresh or used, used if refresh else None, time.time(), access)

    def _homeless(self) -> ConfigError:
        return ConfigError(
            "the vendor changes the refresh token with each use, and there is no folder to keep the new one in",
            source=self._endpoint.source,
            field="refresh_token",
            remedy="run it through hub (hub check, hub sync), which gives each source a private folder",
        )


class ClientCredentialsGrant:
    """Access tokens for the client itself, with no user's authorisation; an `AccessToken`."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint
        self._turn = threading.Lock()
        self._access: Access | None = None

    def __call__(self, refused: str | None = None) -> str:
        """See `AccessToken`."""
        with self._turn:
            if self._access is None or not self._access.serves(refused):
                self._access, _ = self._endpoint.grant(grant_type="client_credentials")
            return self._access.token


def _seconds(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0
