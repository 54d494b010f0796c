"""Logs as JSON, each line with what it is about; and nothing of any person in whatever the hub says of its work."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox import SandboxHandle
from hub.contract.errors import ConfigError, SourceError
from pipelines.logs import JsonFormatter, configure, speaking_of
from tests.pipelines.days import Days, copied, second_day
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World
from warehouse import control_tables as t

FIELDS = {"time", "level", "logger", "message", "batch", "run", "source", "stream"}


def line(**record: Any) -> dict[str, Any]:
    made = logging.LogRecord("connectors.http", logging.WARNING, __file__, 1, "waiting %d s", (3,), record.pop("exc_info", None))
    vars(made).update(record)
    found: dict[str, Any] = json.loads(JsonFormatter().format(made))
    return found


def test_a_line_says_what_it_is_about() -> None:
    with speaking_of(batch="b1", source="shop"), speaking_of(run="r1", stream=None):
        found = line()
    assert set(found) == FIELDS
    assert found["time"].endswith("Z")
    told = {key: found[key] for key in FIELDS - {"time"}}
    assert told == {
        "level": "warning",
        "logger": "connectors.http",
        "message": "waiting 3 s",
        "batch": "b1",
        "run": "r1",
        "source": "shop",
        "stream": None,
    }
    assert {line()[key] for key in ("batch", "run", "source", "stream")} == {None}
    assert line(source="crm")["source"] == "crm"


def test_of_an_error_only_our_own_text_is_told() -> None:
    for error, said in (
        (ValueError("ada@example.org"), "ValueError"),
        (SourceError("is away", source="shop"), "SourceError: shop: is away"),
    ):
        try:
            raise error
        except Exception:
            found = line(exc_info=sys.exc_info())
        assert found["error"] == said
        assert "test_of_an_error_only_our_own_text_is_told" in found["trace"][-1]
        assert "ada@example.org" not in json.dumps(found)


def test_a_format_that_is_none_is_one_line(
    settled_days: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_LOG", "xml")
    with pytest.raises(ConfigError, match="set it to text or json"):
        configure()
    monkeypatch.setenv("HUB_LOG", "")
    code, _, err = Shell(copied(settled_days, tmp_path).world, capsys, monkeypatch)("--log-format", "xml", "status")
    assert (code, err.count("\n")) == (1, 1)


def test_every_line_of_a_sync_in_several_processes_is_an_object_with_its_run_source_and_stream(
    settled_days: Path, tmp_path: Path
) -> None:
    days: Days = copied(settled_days, tmp_path)
    days.world.configure({**days.world.config, "sync": {"at_a_time": 2}})
    files = second_day()
    files["customers"][5]["city"] = "Thirsk"
    days.write(files)
    (days.root / "in" / "tickets.csv").write_text("no,contact\nt1,1\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "pipelines.cli", "--log-format", "json", "sync", "--json"]
    done = subprocess.run(command, cwd=days.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    assert all(set(found) >= FIELDS for found in lines)
    outcome = json.loads(done.stdout)
    batch = {row["batch_id"] for row in outcome["streams"]}
    assert {found["batch"] for found in lines} == batch
    assert all(found["run"] for found in lines)
    synced = {(found["source"], found["stream"]): found for found in lines if found["logger"] == "pipelines.ingest"}
    assert set(synced) == {("shop", "customers"), ("shop", "orders"), ("crm", "contacts"), ("crm", "tickets")}
    assert "1 updated" in synced["shop", "customers"]["message"]
    assert synced["crm", "tickets"]["level"] == "error"
    assert "crm/tickets field opened: no column 'opened'" in synced["crm", "tickets"]["message"]
    runs = {(row["source_system"], row["stream"]): row["dagster_run_id"] for row in outcome["streams"]}
    assert {key: found["run"] for key, found in synced.items()} == runs
    steps = [
        found["message"].partition(":")[0] for found in lines if found["logger"] in ("pipelines.build", "pipelines.publishing")
    ]
    assert steps == ["stage", "resolve_identity", "build", "judge_candidate", "publish_candidate"]


def population(world: World) -> set[str]:
    """Every e-mail, phone and full name that any source ever told, as it was told and as the hub writes it."""
    with world.working() as con:
        rows = con.execute(
            "SELECT unnest([email_raw, email_norm, phone_raw, phone_e164, full_name, given_name || ' ' || family_name])"
            " FROM staging.party_record"
        ).fetchall()
    told = {value.strip() for (value,) in rows if value}
    # a name of one word is also one of ours: shops call people "Customer"
    return {value for value in told if len(value) > 6 and any(not character.isalpha() for character in value)}


ORDERS: dict[str, Any] = {
    "path": "in/orders.csv",
    "kind": "order",
    "id": "no",
    "customer": "email",
    "fields": {"ordered_at": "date", "currency": "currency", "gross_amount": "total", "order_number": "email"},
}
PEOPLE = {
    "path": "in/people.jsonl",
    "kind": "party",
    "id": "id",
    "fields": {"full_name": "name", "email": "email", "phone": "phone"},
}
AWAY = {"path": "in/away.csv", "kind": "party", "id": "id", "fields": {"full_name": "nobody"}}


def write_bad_files(root: Path, people: list[tuple[str, str, str]]) -> None:
    """Rows that cannot be used, with persons' values wherever one may stand by mistake."""
    folder = root / "in"
    folder.mkdir()
    orders = ["no,email,date,currency,total"]
    records = []
    for n, (name, email, phone) in enumerate(people):
        fields = [f"b{n}", email, "2026-01-05", "EUR", "12.50"]
        if n % 4:
            fields[1 + n % 4] = (name, email, phone)[n % 3]
        orders.append(",".join(f'"{field}"' for field in fields))
        records.append({"id": None if n % 3 == 0 else str(n), "name": name, "email": email, "phone": phone})
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    texts = [json.dumps(record) for record in records]
    texts[1] = texts[1][:-5]
    (folder / "people.jsonl").write_text("\n".join(texts) + "\n")
    (folder / "away.csv").write_text("id,name\n" + "".join(f'{n},"{name}"\n' for n, (name, _, _) in enumerate(people)))


def test_nothing_of_any_person_is_in_logs_events_errors_or_the_answer_of_a_sync_in_trouble(
    synced: World,
    sandbox: SandboxHandle,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = synced.ask(
        "SELECT full_name, email, phone_e164 FROM golden.customer WHERE full_name IS NOT NULL AND email IS NOT NULL"
        " AND phone_e164 IS NOT NULL ORDER BY customer_id LIMIT 60"
    )
    assert len(people) > 30
    write_bad_files(synced.root, people)
    bad = {"type": "files", "streams": {"orders": ORDERS, "people": PEOPLE}}
    away = {"type": "files", "streams": {"away": AWAY}}
    sources = {**synced.config["sources"], "bad": bad, "away": away}
    synced.configure({**synced.config, "sources": sources, "gate": {"max_quarantine_share": 0.01}})
    sandbox.advance(1)
    sandbox.fault("shopify", truncate=True, count=1000)
    sandbox.fault("zendesk", status=500, count=1000)
    monkeypatch.setenv("SANDBOX_STRIPE_API_KEY", "sk_test_wrong_key_9999")
    monkeypatch.setenv("HUB_LOG", "")  # what the option sets is gone after the test
    shell = Shell(synced, capsys, monkeypatch)
    code, out, err = shell("--log-format", "json", "sync", "--json")
    outcome = json.loads(out)
    assert (code, outcome["action"]) == (3, "held"), outcome
    assert {"stripe", "shopify", "zendesk", "away"} <= set(outcome["errors"])
    assert err.count('"level": "error"') >= 4
    said = {"log": err, "answer": out}
    for command in ("status", "doctor", "metrics", "loads"):
        _, said[command], _ = shell(command)
    with synced.hub() as hub:
        reasons = hub.control.rows(sa.select(t.quarantine.c.check_id, t.quarantine.c.reason, t.quarantine.c.note))
        assert len({row["check_id"] for row in reasons}) >= 4
        said["quarantine"] = json.dumps(reasons)
        for table in (t.sync_run, t.check_result, t.gate_decision, t.schema_change, t.load_batch, t.audit_log, t.target_state):
            said[table.name] = json.dumps(hub.control.rows(sa.select(table)), default=str, ensure_ascii=False)
    for path in (synced.root / "var" / "dagster").rglob("*"):
        if path.is_file():
            said[str(path)] = path.read_bytes().decode(errors="ignore")
    assert len(said) > 15
    everybody = population(synced)
    assert len(everybody) > 400
    assert {person for row in people for person in row} <= everybody
    found = {place: sorted(value for value in everybody if value in text)[:3] for place, text in said.items()}
    assert {place: values for place, values in found.items() if values} == {}
    monkeypatch.setenv("HUB_LOG", "text")
    configure()
