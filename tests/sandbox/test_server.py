"""The server: on loopback only, quick to start, and honest about what it cannot do."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from connectors.sandbox import Sandbox, SandboxHandle, credentials, running, serve
from connectors.sandbox.systems import systems
from hub.contract.errors import ConfigError
from tests.sandbox.conftest import FIRST_FOUR, TODAY, stripe_vendor

ROOT = Path(__file__).parents[2]


def own_addresses() -> set[str]:
    """This machine's addresses that are not loopback; none where its name cannot be looked up."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except socket.gaierror:
        return set()
    return {address for address in found if not address.startswith("127.")}


def test_nothing_is_reachable_off_loopback(shared: SandboxHandle) -> None:
    port = int(shared.base_url.rpartition(":")[2])
    assert shared.base_url.startswith("http://127.0.0.1:")
    # all of 127.0.0.0/8 is this machine: a server bound to every address would answer on 127.0.0.2 too
    for address in ("127.0.0.2", *own_addresses()):
        with pytest.raises(OSError, match=r"refused|assign|timed out"):
            socket.create_connection((address, port), timeout=5)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_hosts_than_loopback_are_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="answers on loopback only"):
        serve(host, 0)


def test_a_taken_port_is_a_one_line_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"port \d+ cannot be opened .* choose another port"):
            serve(port=taken.getsockname()[1], people=20)


def test_state_and_controls(fresh: SandboxHandle) -> None:
    state = fresh.state()
    assert (state["seed"], state["people"], state["day"]) == (7, 60, 1)
    assert set(state["counts"]) == {*FIRST_FOUR, *(system.name for system in systems())}
    told = fresh.advance(2)
    assert (told["advanced"], told["day"]) == (2, 3)
    assert fresh.push_clock(60)["clock"] > told["clock"]
    for path, body in (("advance", {"weeks": 1}), ("advance", {"days": -1}), ("clock", {"advance_seconds": "x"}), ("clock", [])):
        refused = httpx.post(f"{fresh.base_url}/_sandbox/{path}", json=body, trust_env=False)
        assert refused.status_code == 400
        assert "whole numbers" in refused.json()["error"]


def test_what_was_written_over_http_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(seed=5, people=30, state_dir=tmp_path) as first:
        order = first.post_order("keeper@quickmail.example")
        ticket = first.post_ticket("keeper@quickmail.example")
        first.solve_ticket(ticket)
        first.advance()
        made = stripe_vendor(first)("POST", "/v1/customers", data={"name": "Kept", "metadata[k]": "v"}).json()
        truth, state = first.truth(), first.state()
    with running(seed=5, people=30, state_dir=tmp_path) as again:
        assert again.truth() == truth
        assert {**again.state(), "clock": ""} == {**state, "clock": ""}
        assert again.state()["clock"] >= state["clock"]
        assert stripe_vendor(again).get(f"/v1/customers/{made['id']}").json() == made
        assert order in truth


def test_serve_ends_on_a_signal_and_puts_the_world_down(tmp_path: Path) -> None:
    ready = "on_ready=lambda url: print(url, flush=True)"
    program = f"from connectors.sandbox import serve; serve(port=0, people=20, state_dir={str(tmp_path)!r}, {ready})"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        pushed = httpx.post(f"{url}/_sandbox/clock", json={"advance_seconds": 4_000}, trust_env=False, timeout=30).json()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    again = Sandbox(people=20, state_dir=tmp_path)
    assert again.state()["clock"] >= pushed["clock"]


def test_importing_the_package_brings_no_server_in() -> None:
    server = ("starlette", "uvicorn", "graphql", "nicknames")
    program = f"import sys, connectors.sandbox; print([m for m in {server} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_credentials_cover_the_secrets_of_hub_yaml() -> None:
    names = {"STRIPE_API_KEY", "ZENDESK_TOKEN", "SHOPIFY_ACCESS_TOKEN", "GOOGLE_ADS_DEVELOPER_TOKEN"}
    assert set(credentials.env()) == names | {"GOOGLE_ADS_CLIENT_SECRET", "GOOGLE_ADS_REFRESH_TOKEN"}
    assert all(credentials.env().values())


def test_the_handle_says_when_the_shop_refuses(fresh: SandboxHandle) -> None:
    with pytest.raises(Exception, match="Customer does not exist"):
        fresh.post_order(customer_id="1")


def test_a_world_made_elsewhere_can_be_served() -> None:
    sandbox = Sandbox(7, 20, today=TODAY)
    with running(sandbox=sandbox) as handle:
        assert handle.truth() == sandbox.truth_csv()
