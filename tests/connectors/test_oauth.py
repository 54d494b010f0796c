"""OAuth 2.0: tokens are renewed in time, a rotating refresh token outlives crashes and rivals, and no token shows anywhere."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from connectors.contract import RetrySettings, Secret
from connectors.http import HttpSession
from connectors.oauth import Bearer, ClientCredentialsGrant, RefreshTokenGrant, TokenEndpoint
from connectors.oauth_store import Access, Chain, TokenStore
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.loopback import Loopback, Reply, Request, serve

GRACE = 1_800
RETRY = RetrySettings(attempts=2, backoff_seconds=0)


class Vendor:
    """Rotates refresh tokens with a grace period, as Xero does, and serves one resource to whoever has the newest access token."""

    server: Loopback

    def __init__(self) -> None:
        self.used: dict[str, float | None] = {"refresh-0": None}  # refresh token -> when it was first used
        self.given: list[str] = []  # access tokens
        self.rotates, self.lifetime = True, 1_800.0
        self.token_script: list[Reply] = []
        self.lost: list[bool] = []  # whether the next answers get lost on the way
        self.seen: list[str] = []  # what the file said when the resource was asked for
        self.file: Path | None = None

    def __call__(self, request: Request) -> Reply:
        if request.path == "/connect/token":
            if self.token_script:
                return self.token_script.pop(0)
            reply = self._token({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
            return Reply(b"", 502) if self.lost and self.lost.pop() else reply
        if self.file is not None:
            self.seen.append(self.file.read_text())
        good = bool(self.given) and request.headers.get("authorization") == f"Bearer {self.given[-1]}"
        return Reply({"ok": True}) if good else Reply({"Title": "Unauthorized"}, 401)

    def _token(self, form: dict[str, str]) -> Reply:
        if (form.get("client_id"), form.get("client_secret", "client-secret")) != ("client", "client-secret"):
            return Reply({"error": "invalid_client"}, 400)
        if form["grant_type"] == "client_credentials":
            return Reply(self._access())
        used = self.used.get(form["refresh_token"], 0.0)
        if used is not None and time.time() - used >= GRACE:
            return Reply({"error": "invalid_grant", "error_description": "about somebody"}, 400)
        if not self.rotates:
            return Reply(self._access())
        self.used[form["refresh_token"]] = time.time() if used is None else used
        fresh = f"refresh-{len(self.used)}"
        self.used[fresh] = None
        return Reply({**self._access(), "refresh_token": fresh})

    def _access(self) -> dict[str, Any]:
        self.given.append(f"access-{len(self.given)}")
        return {"access_token": self.given[-1], "expires_in": self.lifetime, "token_type": "Bearer"}

    def renewals(self) -> int:
        """How often the token endpoint was asked."""
        return sum(request.path == "/connect/token" for request in self.server.requests)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with serve(made) as made.server:
        yield made


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTH_TEST_TOKEN", "refresh-0")
    monkeypatch.setenv("OAUTH_TEST_SECRET", "client-secret")


def endpoint(vendor: Vendor, **how: Any) -> TokenEndpoint:
    given = {"client_id": "client", "client_secret": Secret("${OAUTH_TEST_SECRET}"), "vendor": "Acme", **how}
    url = f"{vendor.server.base_url}/connect/token"
    return TokenEndpoint(url, source="books", retry=RETRY, remedy=lambda code: f"renew OAUTH_TEST_TOKEN ({code})", **given)


def grant(vendor: Vendor, folder: Path | None, *, rotates: bool = True) -> RefreshTokenGrant:
    """What one run of one process holds."""
    store = TokenStore(folder, "books") if folder else None
    return RefreshTokenGrant(endpoint(vendor), Secret("${OAUTH_TEST_TOKEN}"), store, rotates=rotates)


def session(vendor: Vendor, token: Any) -> HttpSession:
    return HttpSession(vendor.server.base_url, source="books", retry=RETRY, auth=Bearer(token))


def stored(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "oauth.json").read_text())
    return found


def test_the_new_refresh_token_is_stored_before_the_access_token_is_used(vendor: Vendor, tmp_path: Path) -> None:
    vendor.file = tmp_path / "private" / "books" / "oauth.json"
    assert session(vendor, grant(vendor, vendor.file.parent)).get("/thing") == {"ok": True}
    assert json.loads(vendor.seen[0])["refresh_token"] == "refresh-1"


def test_only_its_owner_may_read_the_store(vendor: Vendor, tmp_path: Path) -> None:
    folder = tmp_path / "private" / "books"
    grant(vendor, folder)()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {"books": 0o700, "oauth.json": 0o600, "oauth.lock": 0o600}


def test_the_next_run_uses_the_stored_access_token_and_then_the_rotated_refresh_token(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert grant(vendor, tmp_path)() == grant(vendor, tmp_path)() == "access-0"
    assert vendor.renewals() == 1
    late = time.time() + 10 * 86_400
    monkeypatch.setattr(time, "time", lambda: late)  # long after both the access token and the configured token ended
    assert grant(vendor, tmp_path)() == "access-1"
    assert (stored(tmp_path)["refresh_token"], stored(tmp_path)["former"]) == ("refresh-2", "refresh-1")


def test_an_access_token_is_renewed_shortly_before_its_end(vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, now = grant(vendor, tmp_path), time.time()
    assert [held(), held()] == ["access-0", "access-0"]
    monkeypatch.setattr(time, "time", lambda: now + 1_745)
    assert held() == "access-1"


def test_a_refused_access_token_is_renewed_once_and_the_request_sent_again(vendor: Vendor, tmp_path: Path) -> None:
    asked = session(vendor, grant(vendor, tmp_path))
    assert asked.get("/thing") == {"ok": True}
    vendor.given.append("revoked elsewhere")
    assert asked.get("/thing") == {"ok": True}
    assert vendor.renewals() == 2
    vendor.given.append("revoked elsewhere")
    vendor.token_script = [Reply({"access_token": "of somebody else", "expires_in": 1_800, "refresh_token": "refresh-9"})]
    with pytest.raises(CredentialsError, match="401"):
        asked.get("/thing")


def test_whoever_comes_second_uses_what_the_first_one_stored(vendor: Vendor, tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(grant(vendor, tmp_path)())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["access-0"] * 8
    assert vendor.renewals() == 1


def test_processes_take_turns_too(vendor: Vendor, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from connectors.contract import RetrySettings, Secret;"
        "from connectors.oauth import RefreshTokenGrant, TokenEndpoint; from connectors.oauth_store import TokenStore;"
        "e = TokenEndpoint(sys.argv[1], source='books', vendor='Acme', retry=RetrySettings(), client_id='client',"
        " client_secret=None, remedy=str);"
        "print(RefreshTokenGrant(e, Secret('${OAUTH_TEST_TOKEN}'), TokenStore(Path(sys.argv[2]), 'books'), rotates=True)())"
    )
    command = [sys.executable, "-c", script, f"{vendor.server.base_url}/connect/token", str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["access-0"] * 3
    assert vendor.renewals() == 1


def test_a_token_that_others_renewed_meanwhile_is_taken_over_when_ours_is_refused(vendor: Vendor, tmp_path: Path) -> None:
    first, second = grant(vendor, tmp_path), grant(vendor, tmp_path)
    old = first()
    assert second(refused=old) == "access-1"
    assert first(refused=old) == "access-1"
    assert vendor.renewals() == 2


def test_a_crash_between_rotation_and_storing_is_survived_by_the_former_token(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = grant(vendor, tmp_path)
    old = first()
    with monkeypatch.context() as killed:
        killed.setattr(TokenStore, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            first(refused=old)
    assert stored(tmp_path)["refresh_token"] == "refresh-1", "the vendor has given refresh-2, which nobody knows"
    assert grant(vendor, tmp_path)(refused=old) == "access-2"
    assert stored(tmp_path)["refresh_token"] == "refresh-3"


def test_an_answer_lost_on_the_way_is_asked_for_again_with_the_same_token(vendor: Vendor, tmp_path: Path) -> None:
    vendor.lost = [True]
    assert grant(vendor, tmp_path)() == "access-1"
    assert stored(tmp_path)["refresh_token"] == "refresh-2"


def test_if_the_newest_token_is_not_accepted_the_former_one_is_tried_in_its_grace_period(vendor: Vendor, tmp_path: Path) -> None:
    old = grant(vendor, tmp_path)()
    del vendor.used["refresh-1"]  # the vendor does not know what it gave
    assert grant(vendor, tmp_path)(refused=old) == "access-1"
    assert (stored(tmp_path)["former"], stored(tmp_path)["refresh_token"]) == ("refresh-0", "refresh-1")


def test_a_chain_that_is_dead_says_which_variable_to_renew(vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, now = grant(vendor, tmp_path)(), time.time()
    del vendor.used["refresh-1"]
    monkeypatch.setattr(time, "time", lambda: now + GRACE + 1)
    with pytest.raises(CredentialsError, match=r"^books: Acme gives no access token \(invalid_grant\); renew OAUTH_TEST_TOKEN"):
        grant(vendor, tmp_path)(refused=old)
    assert vendor.renewals() == 2, "the former token has ended too and is not tried"


def test_a_newly_authorised_token_replaces_the_stored_chain(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(vendor, tmp_path)()
    vendor.used = {"authorised-anew": None}
    monkeypatch.setenv("OAUTH_TEST_TOKEN", "authorised-anew")
    assert grant(vendor, tmp_path)() == "access-1"
    assert stored(tmp_path)["former"] == "authorised-anew"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"descends_from": 1}', b"\xff\xfe"])
def test_a_damaged_store_falls_back_to_the_configured_token(
    vendor: Vendor, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "oauth.json").write_bytes(content)
    assert grant(vendor, tmp_path)() == "access-0"
    assert "the stored refresh token cannot be read" in caplog.text or content == b'{"descends_from": 1}'
    assert stored(tmp_path)["refresh_token"] == "refresh-1"


def test_a_rotating_token_without_a_folder_is_refused_before_it_is_spent(vendor: Vendor) -> None:
    with pytest.raises(ConfigError, match=r"^books field refresh_token: .*no folder to keep the new one in; run it through hub"):
        grant(vendor, None)()
    assert vendor.renewals() == 0


def test_a_vendor_that_begins_to_rotate_is_noticed(vendor: Vendor) -> None:
    vendor.rotates = False
    assert grant(vendor, None, rotates=False)() == "access-0"
    vendor.rotates = True
    with pytest.raises(ConfigError, match="changes the refresh token with each use"):
        grant(vendor, None, rotates=False)()


def test_a_token_that_does_not_rotate_is_kept(vendor: Vendor, tmp_path: Path) -> None:
    vendor.rotates = False
    old = grant(vendor, tmp_path)()
    assert grant(vendor, tmp_path)(refused=old) == "access-1"
    assert (stored(tmp_path)["refresh_token"], stored(tmp_path)["former"]) == ("refresh-0", None)


def test_a_folder_that_cannot_be_used_is_an_error_that_says_so(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigError, match=r"^books: cannot keep the refresh token in .*taken.*; free disk space or mend"):
        grant(vendor, tmp_path / "taken")()
    assert vendor.renewals() == 0


def test_client_credentials_need_no_refresh_token_and_a_public_client_no_secret(vendor: Vendor, tmp_path: Path) -> None:
    held = ClientCredentialsGrant(endpoint(vendor))
    assert [held(), held(), held("access-0")] == ["access-0", "access-0", "access-1"]
    public = endpoint(vendor, client_secret=None)
    assert RefreshTokenGrant(public, Secret("${OAUTH_TEST_TOKEN}"), TokenStore(tmp_path, "books"), rotates=True)() == "access-2"
    assert b"client_secret" not in vendor.server.requests[-1].body


@pytest.mark.parametrize("lifetime", ["soon", None, {}])
def test_a_token_of_unknown_lifetime_is_used_once(vendor: Vendor, lifetime: Any) -> None:
    vendor.lifetime = lifetime
    held = ClientCredentialsGrant(endpoint(vendor))
    assert [held(), held()] == ["access-0", "access-1"]


@pytest.mark.parametrize(
    ("reply", "error", "what"),
    [
        (Reply({}), ProtocolError, "gave no access token; check token_url"),
        (Reply({"access_token": 7}), ProtocolError, "gave no access token"),
        (Reply({"error": "invalid_client"}, 401), CredentialsError, r"\(invalid_client\)"),
        (Reply({"error": "server_error"}, 500), SourceUnavailableError, "500 at POST /connect/token"),
        (Reply(b"<html>", 404), ProtocolError, "404"),
    ],
)
def test_what_a_token_endpoint_may_answer_instead(
    vendor: Vendor, tmp_path: Path, reply: Reply, error: type[Exception], what: str
) -> None:
    vendor.token_script = [reply] * 2
    with pytest.raises(error, match=what):
        grant(vendor, tmp_path)()
    assert not (tmp_path / "oauth.json").exists()


def test_no_token_shows_in_logs_errors_or_representations(
    vendor: Vendor, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    held = grant(vendor, tmp_path)
    asked = session(vendor, held)
    asked.get("/thing")
    vendor.given.append("revoked elsewhere")
    asked.get("/thing")
    shown = [repr(held), repr(vars(held)["_access"]), repr(Chain("refresh-0", "refresh-0", 0.0, Access("access-0", 1.0)))]
    shown += [repr(Bearer(held)), repr(endpoint(vendor)), repr(TokenStore(tmp_path, "books"))]
    vendor.used.clear()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * GRACE)
    with pytest.raises(CredentialsError) as caught:
        grant(vendor, tmp_path)()
    shown += [str(caught.value), repr(caught.value), caplog.text]
    for secret in ("refresh-", "access-", "client-secret", "about somebody"):
        assert not any(secret in text for text in shown), secret


def test_an_answer_that_breaks_off_is_told(vendor: Vendor) -> None:
    class Torn(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise httpx.ReadError("broken off")

    told: list[bool] = []
    flow = Bearer(lambda refused: "access", lambda: told.append(True)).sync_auth_flow(httpx.Request("GET", "http://127.0.0.1/"))
    next(flow)
    with pytest.raises(httpx.ReadError):
        flow.send(httpx.Response(200, stream=Torn()))
    assert told == [True]
