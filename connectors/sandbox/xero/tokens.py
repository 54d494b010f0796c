"""Xero's token endpoint: access tokens of 30 minutes, and refresh tokens that rotate.

A refresh token that was used can be used again for 30 minutes, should the answer have been lost; each use gives a new one. Unused
it ends after 60 days. The sandbox's own well-known token is excepted unless ``strict``: it stands for a user who authorises anew
whenever needed, so that a hub without its private folder can begin again.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from connectors.sandbox.draw import token
from connectors.sandbox.population import DAY
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call

CLIENT_ID = "9E1C2A7D4B3F4E0C8A55SANDBOX00001"
CLIENT_SECRET = "sandbox-xero-client-secret"
REFRESH_TOKEN = "sandbox-xero-refresh-token"
TENANT_ID = "3f2a1c1e-7f6b-4c57-9f0e-5d0b6f3c9a11"

ACCESS_SECONDS = 1_800
GRACE_SECONDS = 1_800
IDLE_SECONDS = 60 * DAY
SCOPE = "offline_access accounting.transactions.read accounting.contacts accounting.settings.read"


class Tokens:
    """The tokens that were given."""

    def __init__(self, sandbox: Sandbox, strict: bool = False) -> None:
        self._sandbox, self._strict = sandbox, strict
        self._access: dict[str, int] = {}  # token -> when it ends
        self._refresh: dict[str, tuple[int, int | None]] = {}  # token -> (given, first used)
        self._given = 0

    def answer(self, call: Call) -> Answer:
        """POST /connect/token."""
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
        client = call.basic() or (form.get("client_id", ""), form.get("client_secret", ""))
        if client != (CLIENT_ID, CLIENT_SECRET):
            return Answer({"error": "invalid_client"}, 400)
        if form.get("grant_type") == "client_credentials":
            return Answer(self._grant(refresh=False))
        if form.get("grant_type") != "refresh_token":
            return Answer({"error": "unsupported_grant_type"}, 400)
        if not self._usable(form.get("refresh_token", "")):
            return Answer({"error": "invalid_grant"}, 400)
        return Answer(self._grant(refresh=True))

    def _usable(self, refresh: str) -> bool:
        now = self._sandbox.now()
        if refresh == REFRESH_TOKEN and refresh not in self._refresh:
            self._refresh[refresh] = (now, None)
        given, used = self._refresh.get(refresh, (None, None))
        if given is None:
            return False
        self._refresh[refresh] = (given, now if used is None else used)
        if refresh == REFRESH_TOKEN and not self._strict:
            return True
        return now - given < IDLE_SECONDS if used is None else now - used < GRACE_SECONDS

    def _grant(self, refresh: bool) -> dict[str, str | int]:
        self._given += 1
        access = f"eyJ{token(self._sandbox.seed, 'xero access token', self._given, 40)}"
        self._access[access] = self._sandbox.now() + ACCESS_SECONDS
        answer: dict[str, str | int] = {
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "token_type": "Bearer",
            "scope": SCOPE,
        }
        if refresh:
            fresh = token(self._sandbox.seed, "xero refresh token", self._given, 43)
            self._refresh[fresh] = (self._sandbox.now(), None)
            answer["refresh_token"] = fresh
        return answer

    def ends(self, access: str | None) -> int | None:
        """When an access token ends; None if there is none such."""
        return self._access.get(access or "")

    def end_access(self) -> None:
        """Let every access token run out."""
        self._access = dict.fromkeys(self._access, self._sandbox.now())
