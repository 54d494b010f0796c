"""The proxy before the Dagster UI, started from deploy/Caddyfile: nobody enters without a login, viewers come to theirs alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy.kit import DEPLOY, free_port
from tests.loopback import Reply, serve

CADDY = shutil.which("caddy")
pytestmark = pytest.mark.skipif(CADDY is None, reason="caddy is not here")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of both names; mara is an operator, ann a viewer."""
    root = tmp_path_factory.mktemp("proxy")
    ports = {"hub.example.com": free_port(), "hub-view.example.com": free_port()}
    with (
        serve(lambda _: Reply(b"the UI")) as writing,
        serve(lambda _: Reply(b"the read-only UI")) as reading,
        caddy(root, ports, {"3000": writing.base_url, "3001": reading.base_url}) as made,
    ):
        yield made


@contextmanager
def caddy(root: Path, ports: dict[str, int], upstreams: dict[str, str]) -> Iterator[dict[str, str]]:
    """Caddy with our file, on ports of this test; the addresses of its names."""
    text = (DEPLOY / "Caddyfile").read_text()
    for name, port in ports.items():
        text, found = re.subn(rf"^{re.escape(name)} \{{", f"http://127.0.0.1:{port} {{", text, flags=re.MULTILINE)
        assert found == 1
    for own, upstream in upstreams.items():
        text, found = re.subn(rf"127\.0\.0\.1:{own}\b", upstream.removeprefix("http://"), text)
        assert found == 1
    (root / "Caddyfile").write_text("{\n\tadmin off\n\tpersist_config off\n}\n" + text)
    for file, name in (("hub-operators", "mara"), ("hub-viewers", "ann")):
        hashed = subprocess.run([str(CADDY), "hash-password", "--plaintext", name * 2], capture_output=True, text=True, check=True)
        (root / file).write_text(f"{name} {hashed.stdout.strip()}\n")
    with open(root / "log", "wb") as log:
        process = subprocess.Popen(
            [str(CADDY), "run", "--config", str(root / "Caddyfile")], cwd=root, stdout=log, stderr=log, env={"HOME": str(root)}
        )
    try:
        until_up(f"http://127.0.0.1:{ports['hub.example.com']}", process, root / "log")
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        process.terminate()
        process.wait(30)


def until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def test_nobody_enters_without_a_login_and_each_comes_to_their_own_ui(proxied: dict[str, str]) -> None:
    def answer(name: str, login: tuple[str, str] | None) -> tuple[int, str]:
        got = httpx.get(f"{proxied[name]}/runs", auth=login, trust_env=False)
        return got.status_code, got.text if got.status_code == 200 else ""

    mara, ann = ("mara", "maramara"), ("ann", "annann")
    for name in proxied:
        assert answer(name, None) == (401, "")
        assert answer(name, ("mara", "guessed")) == (401, "")
    assert answer("hub.example.com", mara) == (200, "the UI")
    assert answer("hub.example.com", ann) == (401, "")
    assert answer("hub-view.example.com", ann) == (200, "the read-only UI")
    assert answer("hub-view.example.com", mara) == (401, "")
