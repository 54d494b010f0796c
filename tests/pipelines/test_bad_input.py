"""Bad input is one clear line, the other sources still sync, and nothing is half loaded."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from connectors.sandbox import SandboxHandle
from hub.contract.errors import WarehouseBusyError
from pipelines.runner import EXIT_ERROR, EXIT_OK, EXIT_SOURCE_FAILED
from tests.pipelines.world import World
from warehouse.connection import writer


def one_line(message: str) -> str:
    assert "\n" not in message
    assert len(message) < 400
    return message


def sources_of(world: World) -> set[str]:
    return {row[0] for row in world.ask("SELECT DISTINCT source_system FROM identity.customer_xref WHERE is_current")}


def test_a_wrong_key_fails_its_source_alone_and_the_right_one_mends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_STRIPE_API_KEY", "sk_test_wrong_key_9999")
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_SOURCE_FAILED)
    assert set(outcome.errors) == {"stripe"}
    said = one_line(outcome.errors["stripe"])
    assert "stripe" in said
    assert "401" in said
    assert "SANDBOX_STRIPE_API_KEY" in said
    assert "sk_test_wrong_key_9999" not in said
    assert sources_of(world) == {"shopify", "zendesk", "google_ads"}
    monkeypatch.delenv("SANDBOX_STRIPE_API_KEY")
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK), outcome
    assert sources_of(world) == {"stripe", "shopify", "zendesk", "google_ads"}


@pytest.mark.parametrize(
    ("vendor", "fault", "said"),
    [
        ("stripe", {"status": 500, "count": 1000}, r"stripe/customers.*answered 500"),
        ("shopify", {"truncate": True, "count": 1000}, r"shopify/customers.*no complete JSON"),
        ("zendesk", {"status": 429, "count": 1000, "retry_after": 3600}, r"zendesk/users.*slow down for 3600 s"),
        ("google_ads", {"status": 503, "count": 1000}, r"google_ads.*answered 503"),
    ],
)
def test_a_source_in_trouble_leaves_the_last_good_load_and_goes_on_later(
    synced: World, sandbox: SandboxHandle, vendor: str, fault: dict[str, Any], said: str
) -> None:
    before = sources_of(synced)
    sandbox.advance(1)
    sandbox.fault(vendor, **fault)
    outcome = synced.sync(vendor)
    assert (outcome.action, outcome.exit_code) == ("unchanged", EXIT_SOURCE_FAILED)
    failed = [row["error"] for row in outcome.streams if row["status"] == "failed"]
    assert failed
    for message in failed:
        one_line(message)
    assert any(re.search(said, message) for message in failed), failed
    sandbox.clear_faults()
    outcome = synced.sync(vendor)
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    assert sources_of(synced) == before


def test_a_page_that_repeats_is_noticed_nothing_is_half_loaded_and_reading_goes_on_later(
    world: World, sandbox: SandboxHandle
) -> None:
    world.change("shopify", page_size=20)
    sandbox.fault("shopify", repeat_page=True, count=1000)
    outcome = world.sync("shopify")
    assert outcome.exit_code == EXIT_ERROR
    assert "a page we already read" in one_line(outcome.errors["shopify"])
    assert list((world.root / "data" / "landing" / "shopify").glob("*/part-*.parquet"))
    with world.working() as con:
        assert con.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name <> 'reject'"
        ).fetchall() == [(0,)]
    sandbox.clear_faults()
    outcome = world.sync("shopify")
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    with world.working() as con:
        rows, distinct = con.execute('SELECT count(*), count(DISTINCT source_record_id) FROM raw."shopify__customers"').fetchall()[
            0
        ]
    assert rows == distinct == sandbox.truth().count("\nshopify,customers,")


def test_a_source_that_is_down_is_one_line(world: World) -> None:
    world.only("zendesk", "google_ads")
    world.change("zendesk", base_url="http://127.0.0.1:9/zendesk")
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_SOURCE_FAILED)
    assert "no answer" in one_line(outcome.errors["zendesk"])


def test_when_no_source_can_be_read_the_first_time_nothing_is_published(world: World) -> None:
    for source in world.config["sources"]:
        world.change(source, base_url="http://127.0.0.1:9")
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("failed", EXIT_ERROR)
    assert not (world.root / "data" / "golden.duckdb").exists()
    assert set(outcome.errors) == set(world.config["sources"])


def test_a_locked_warehouse_names_who_holds_it_at_once(world: World) -> None:
    world.only("google_ads")
    world.configure({**world.config, "warehouse": {"lock_timeout_seconds": 0.2}})
    with world.hub() as hub:
        holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(hub.config.warehouse.path)], stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        holder.stdout.readline()
    try:
        with pytest.raises(WarehouseBusyError, match=f"process {holder.pid}") as caught:
            world.sync()
        one_line(str(caught.value))
    finally:
        holder.kill()
        holder.wait()
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)


_HOLD = """
import sys, time
from pathlib import Path
from warehouse.connection import writer
from warehouse.settings import WarehouseSettings
with writer(WarehouseSettings(path=Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_sync_is_cleared_away_and_the_next_one_ends_as_if_nothing_had_been(
    world: World, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.only("stripe", "zendesk")
    command = [sys.executable, "-m", "pipelines.cli", "sync"]
    process = subprocess.Popen(command, cwd=world.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((world.root / "data").glob("landing/stripe/*/committed.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    with world.hub() as hub, writer(hub.config.warehouse) as con:
        for (table,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name <> 'reject'"
        ).fetchall():
            rows, distinct = con.execute(f'SELECT count(*), count(DISTINCT source_record_id) FROM raw."{table}"').fetchall()[0]
            assert rows == distinct, table
    from pipelines.instance import open_instance

    with world.hub() as hub, open_instance(hub.config) as instance:
        statuses = {str(run.status) for run in instance.get_runs()}
    assert "DagsterRunStatus.STARTED" not in statuses
    assert world.ask("SELECT count(*) FROM ops.sync_run WHERE status = 'running'") == [(0,)]
    assert world.sync().action == "unchanged"
