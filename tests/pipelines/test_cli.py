"""The `hub` command as people and machines use it: what it prints, its exit codes, and errors of one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import SandboxHandle
from pipelines.cli import main
from tests.pipelines.world import World
from warehouse.connection import writer


class Shell:
    """Runs `hub` in this process, in a world's folder."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        monkeypatch.chdir(world.root)
        monkeypatch.delenv("HUB_CONFIG", raising=False)
        monkeypatch.setenv("DAGSTER_HOME", "")  # so that what a command sets is gone after the test
        monkeypatch.delenv("DAGSTER_HOME")

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["hub", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def json(self, *arguments: str) -> Any:
        code, out, err = self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def hub(synced: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(synced, capsys, monkeypatch)


def test_sync_prints_per_source_where_the_rows_went(hub: Shell, sandbox: SandboxHandle) -> None:
    sandbox.advance(1)
    code, out, _ = hub("sync")
    assert code == 0
    assert out.splitlines()[1].split("  ")[0] == "source"
    for column in ("rows in", "loaded", "unchanged", "quarantined"):
        assert column in out
    assert "published load" in out
    assert "new," in out


def test_sync_as_json_names_action_load_and_streams(hub: Shell) -> None:
    found = hub.json("sync", "stripe")
    assert (found["action"], found["exit_code"], found["errors"]) == ("unchanged", 0, {})
    assert {stream["source_system"] for stream in found["streams"]} == {"stripe"}
    assert found["sources"][0].keys() == {"source", "rows_in", "loaded", "unchanged", "quarantined"}


def test_an_unknown_source_is_named_with_the_nearest_one(hub: Shell) -> None:
    code, out, err = hub("sync", "strip")
    assert (code, out) == (1, "")
    assert err == "error: field sources: no source 'strip' in hub.yaml; did you mean 'stripe'?\n"


def test_status_shows_sources_and_the_load(hub: Shell) -> None:
    found = hub.json("status")
    assert {source["source"]: source["result"] for source in found["sources"]} == dict.fromkeys(
        ("stripe", "shopify", "zendesk", "google_ads"), "ok"
    )
    assert found["load"]["customers"] > 100
    assert found["held"] is None
    _, out, _ = hub("status")
    assert found["load"]["load_id"] in out


def test_read_commands_work_while_somebody_writes_the_warehouse(synced: World, hub: Shell) -> None:
    with synced.hub() as opened, writer(opened.config.warehouse):
        assert hub.json("status")["load"] is not None
        assert hub.json("loads")[0]["live"] is True
        record = synced.ask("SELECT record_key FROM identity.customer_xref WHERE is_current LIMIT 1")[0][0]
        assert hub.json("customer", record)[0]["records"]


def test_a_customer_is_found_by_id_record_email_and_phone(synced: World, hub: Shell) -> None:
    customer_id, email, record = synced.ask(
        "SELECT c.customer_id, c.email, x.record_key FROM golden.customer c JOIN identity.customer_xref x USING (customer_id)"
        " WHERE x.is_current AND c.email IS NOT NULL AND (SELECT count(DISTINCT i.customer_id) FROM golden.customer_identifier i"
        " WHERE i.id_value = c.email) = 1 ORDER BY 1 LIMIT 1"
    )[0]
    for key in (customer_id, email.upper(), record, record.split(":", 2)[2]):
        assert [card["customer"]["customer_id"] for card in hub.json("customer", key)] == [customer_id]
    _, out, _ = hub("customer", customer_id)
    assert record in out
    code, _, err = hub("customer", "nobody@nowhere.example")
    assert (code, err.count("\n")) == (1, 1)


def test_explain_says_why_two_records_are_one_customer(synced: World, hub: Shell) -> None:
    left, right = synced.ask(
        "SELECT min(record_key), max(record_key) FROM identity.customer_xref WHERE is_current AND link_reason = 'probabilistic'"
        " GROUP BY customer_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    )[0]
    _, out, _ = hub("explain", left, right)
    assert "one customer, c_" in out
    assert "name" in out
    found = hub.json("explain", left, right)
    assert found["customer_id_l"] == found["customer_id_r"]
    code, _, err = hub("explain", left, "stripe:customers:nobody")
    assert (code, err.count("\n")) == (1, 1)


def test_evaluate_measures_against_a_truth_file(hub: Shell, sandbox: SandboxHandle, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text(sandbox.truth())
    found = hub.json("evaluate", "--truth", str(tmp_path / "truth.csv"))
    assert found["precision"] > 0.9
    assert found["missing"] == 0
    (tmp_path / "wrong.csv").write_text("source_system,entity_id\n")
    code, _, err = hub("evaluate", "--truth", str(tmp_path / "wrong.csv"))
    assert code == 1
    assert "lacks column source_record_id" in err


def test_check_tries_each_source(synced: World, hub: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row["ok"] for row in hub.json("check")] == [True] * 4
    monkeypatch.setenv("SANDBOX_ZENDESK_TOKEN", "wrong")
    code, out, _ = hub("check")
    assert code == 1
    assert "SANDBOX_ZENDESK_TOKEN" in out


def test_init_writes_a_hub_that_check_understands(hub: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = hub("init", str(tmp_path / "new"))
    assert code == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"hub.yaml", ".env.example", "hub.schema.json"}
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    code, out, _ = hub("check", "--config", str(tmp_path / "new" / "hub.yaml"))
    assert code == 1
    assert "STRIPE_API_KEY is not set" in out
    code, _, err = hub("init", str(tmp_path / "new"))
    assert code == 1
    assert "already there" in err


def test_a_mistake_in_hub_yaml_is_one_line_and_a_traceback_only_with_debug(synced: World, hub: Shell) -> None:
    synced.configure({**synced.config, "identiy": {}})
    code, out, err = hub("sync")
    assert (code, out) == (1, "")
    assert err.strip().splitlines()[-1] == "error: field identiy: unknown key 'identiy'; did you mean 'identity'?"
    assert "Traceback" not in err
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "--debug", "status"], cwd=synced.root, capture_output=True, text=True, check=False
    )
    assert "Traceback" in done.stderr


def test_loads_lists_every_load_and_which_one_is_live(hub: Shell, sandbox: SandboxHandle) -> None:
    sandbox.advance(1)
    hub("sync")
    found = hub.json("loads")
    assert [(load["status"], load["live"], load["kept"]) for load in found] == [
        ("published", True, True),
        ("published", False, True),
    ]
    assert found[0]["follows"] == found[1]["load_id"]


def test_two_syncs_at_once_both_end_well(synced: World, sandbox: SandboxHandle) -> None:
    sandbox.advance(1)
    command = [sys.executable, "-m", "pipelines.cli", "sync", "--json"]
    both = [subprocess.Popen(command, cwd=synced.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [process.communicate(timeout=240) for process in both]
    assert [json.loads(out)["errors"] for out, _ in ended] == [{}, {}]
    assert [process.returncode for process in both] == [0, 0]
    with synced.working() as con:
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name <> 'reject'"
        ).fetchall()
        for (table,) in tables:
            once = f'SELECT 1 FROM raw."{table}" GROUP BY source_record_id, payload_hash, op HAVING count(*) > 1'
            doubled = con.execute(f"SELECT count(*) FROM ({once})").fetchall()
            assert doubled == [(0,)], table
    assert synced.sync().action == "unchanged"
