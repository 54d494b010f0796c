"""Credentials stay with their host, on a line that nobody reads along; an answer cannot fill the memory."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connectors.contract import RetrySettings
from connectors.http import HttpSession
from connectors.http_guard import confidential
from hub.contract.errors import ConfigError, HubError, ProtocolError, SourceUnavailableError
from tests.certificates import certificate
from tests.loopback import Reply, serve

TOKEN = "sk_very_secret"


def session(base_url: str, **retry: int) -> HttpSession:
    patience = RetrySettings(**{"attempts": 1, "backoff_seconds": 0, "timeout_seconds": 5, **retry})
    return HttpSession(base_url, source="shop", retry=patience, headers={"authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    with serve(lambda request: Reply()) as other:
        home = serve(lambda request: Reply(status=status, headers={"location": f"{other.base_url}/stolen"}))
        with home as server, pytest.raises(ProtocolError) as error:
            session(server.base_url).get("/v1/customers")
        assert f"with {status}" in str(error.value)
        assert other.requests == []


def test_a_link_to_another_host_is_not_asked_with_our_credentials() -> None:
    with serve(lambda request: Reply({})) as other, serve(lambda request: Reply({})) as server:
        http = session(server.base_url)
        for link in (f"{other.base_url}/next?cursor=secret", other.base_url.replace("http:", "https:")):
            with pytest.raises(ProtocolError) as error:
                http.get(link, stream="customers")
            assert str(error.value).startswith("shop/customers: we were sent to another host")
            assert "cursor=secret" not in str(error.value)
        for path in (
            f"//{other.base_url[7:]}/x",
            f"/..//{other.base_url[7:]}",
            f"@{other.base_url[7:]}/x",
            f"/\\{other.base_url[7:]}",
        ):
            assert http.get(path) == {}  # all of it is a path of the same host
        assert http.get(f"{server.base_url}/v1/next") == {}
        assert len(server.requests) == 5
        assert other.requests == []


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("https://api.example.com", True),
        ("http://127.0.0.1:8377/stripe", True),
        ("http://[::1]:8377", True),
        ("http://localhost:8377", True),
        ("http://api.example.com", False),
        ("http://10.0.0.7", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://user@127.0.0.1@example.com", False),
    ],
)
def test_credentials_go_over_tls_or_stay_on_this_machine(address: str, is_so: bool) -> None:
    assert confidential(address) is is_so
    if not is_so:
        with pytest.raises(ConfigError, match=r"^shop field base_url: the credentials would be sent in clear text; let it"):
            session(address)


def test_an_answer_that_unpacks_without_end_is_refused_at_once() -> None:
    bomb = gzip.compress(b"[" + b" " * 64_000_000 + b"]", 9)
    assert len(bomb) < 100_000
    with serve(lambda request: Reply(bomb, headers={"content-encoding": "gzip"})) as server:
        with pytest.raises(ProtocolError, match=r"unpacks to more than 1 MB; .* raise max_answer_mb under retry") as error:
            session(server.base_url, max_answer_mb=1, attempts=4).get("/v1/customers?after=x")
        assert "after=x" not in str(error.value)
        assert len(server.requests) == 1
        assert session(server.base_url, max_answer_mb=80).get("/v1/customers") == []


def test_json_without_a_bottom_is_an_answer_that_cannot_be_read() -> None:
    with serve(lambda request: Reply(b"[" * 100_000)) as server, pytest.raises(ProtocolError, match="is no complete JSON"):
        session(server.base_url).get("/v1/customers")


@contextmanager
def tls_server(paths: tuple[Path, Path]) -> Iterator[str]:
    """A server that only those trust who know its certificate."""

    class Http(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"ok": true}')

        def log_message(self, *args: object) -> None:
            """Keep the test output quiet."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_is_believed_only_with_a_certificate_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = certificate(tmp_path)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with tls_server(paths) as base_url:
        with pytest.raises(SourceUnavailableError, match=r"certificate is not trusted; .* SSL_CERT_FILE"):
            session(base_url).get("/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))  # as a company with an authority of its own says it
        assert session(base_url).get("/x") == {"ok": True}
        with pytest.raises(HubError):  # it is the certificate of an address, not of a name
            session(base_url.replace("127.0.0.1", "localhost")).get("/x")
