"""Alerts of real syncs in a real Dagster instance, the sensor of the daemon, and the commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from hub.contract.errors import WarehouseError
from pipelines.alerts.evaluate import evaluate_after_sync
from pipelines.definitions import build_defs
from pipelines.instance import open_instance
from tests.loopback import Reply
from tests.pipelines.alerts.kit import NOW, SECRET, Receiver, config, desk, receiver, webhook
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World

EMAIL = "p{n}@mail{n}.org"


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as made:
        monkeypatch.setenv("OPS_URL", f"{made.server.base_url}/{SECRET}")
        yield made


def write(world: World, name: str, *, key: str = "id") -> None:
    (world.root / "in").mkdir(exist_ok=True)
    rows = [{key: n, "name": f"Person{n} Family{n}", "email": EMAIL.format(n=n)} for n in range(1, 5)]
    (world.root / "in" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_what_fails_in_a_sync_is_told_at_its_end_and_so_is_that_it_goes_again(
    tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config(webhook())
    settings["sources"] = {"shop": settings["sources"]["shop"]}
    world = World(tmp_path, settings)
    write(world, "contacts")

    def fails(*args: object, **more: object) -> None:
        raise WarehouseError("the disk is full", remedy="free some space")

    with monkeypatch.context() as broken:
        broken.setattr("pipelines.build_assets.stage", fails)
        assert world.sync().exit_code == 1
    assert ops.events() == [("opened", "run_failed/build")]
    assert ops.got[0]["what"] == "no load was made; the disk is full; free some space"
    hub = Shell(world, capsys, monkeypatch)
    code, out, _ = hub("alerts")
    assert code == 0
    assert "run_failed/build: no load was made; the disk is full" in out
    assert 'next: hub sync; see docs/ops.md, "The build failed"' in out
    # the sensor of the daemon knows what the command told, and the other way round
    with world.hub() as opened, open_instance(opened.config) as instance:
        sensor = build_defs(opened).resolve_sensor_def("alerts")
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        said = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert said.skip_message == "1 open, told 0 messages"
    # a channel that is away fails no sync, and is told later
    ops.answers = lambda request: Reply(b"", 500)
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", 0), outcome.error
    code, out, _ = hub("status")
    assert "alerts: 0 open, 1 messages owed; see hub alerts" in out
    assert "still owed: alerts.ops: answered 500" in out
    ops.answers = lambda request: Reply()
    tried = len(ops.got)
    with world.hub() as opened, open_instance(opened.config) as instance:
        sensor = build_defs(opened).resolve_sensor_def("alerts")
        said = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert said.skip_message == "0 open, told 1 messages"
    assert ops.events()[tried:] == [("recovered", "run_failed/build")]
    # neither the URL, which is a secret, nor anybody's address is in what was told, logged or kept beside the data
    told = json.dumps(ops.got)
    for path in (tmp_path / "var").rglob("*"):
        told += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    assert [word for word in (SECRET, "@mail1.org") if word in told] == []


def test_whatever_goes_wrong_with_alerts_fails_no_sync_and_is_logged_without_its_text(
    tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*args: object, **more: object) -> None:
        raise RuntimeError(SECRET)

    with desk(tmp_path, config(webhook())) as made:
        monkeypatch.setattr("pipelines.alerts.evaluate.source_conditions", breaks)
        evaluate_after_sync(made.hub, made.instance)
    assert "alerts could not be evaluated: unexpected RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_without_channels_nobody_is_told_and_there_is_no_sensor(tmp_path: Path) -> None:
    with desk(tmp_path, config()) as made:
        assert [sensor.name for sensor in build_defs(made.hub).sensors or ()] == ["build_after_sync", "retry_syncs"]
        made.synced(NOW, error="crm/contacts: no answer")
        assert made.evaluate(NOW).sent == []


def test_the_commands_try_the_channels(
    tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path, config(webhook(), webhook("night", type="slack")))
    for name in ("contacts", "leads"):
        write(world, name)
    hub = Shell(world, capsys, monkeypatch)
    code, out, err = hub("alerts", "test", "ops")
    assert (code, err) == (0, "")
    assert "answered 200" in out
    assert (ops.got[0]["event"], ops.got[0]["what"]) == (
        "test",
        "nothing is wrong: somebody tried out whether alerts arrive here",
    )
    code, out, _ = hub("alerts", "test")
    assert code == 1
    assert "environment variable NIGHT_URL is not set" in out
    code, out, err = hub("alerts", "test", "opps")
    assert (code, err.count("\n")) == (1, 1)
    assert "no channel 'opps' in hub.yaml; known are ops, night" in err
    code, out, _ = hub("check")
    assert code == 1
    assert "environment variable NIGHT_URL is not set" in out
    monkeypatch.setenv("NIGHT_URL", f"{ops.server.base_url}/{SECRET}")
    before = len(ops.got)
    code, out, _ = hub("check")
    assert code == 0
    assert "sends to 127.0.0.1; hub alerts test night tries it" in out
    assert len(ops.got) == before
    assert SECRET not in out
