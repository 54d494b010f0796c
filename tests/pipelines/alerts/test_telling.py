"""Who is told what and when: once, again after a while, once when it is over; and nothing is lost while a channel is away."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.alerts.evaluate import alert_list, evaluate
from pipelines.alerts.state import alert_status
from tests.loopback import Reply, Request
from tests.pipelines.alerts.kit import HOUR, NOW, SECRET, Desk, Receiver, config, desk, receiver, webhook
from tests.servers import POSTGRES, demand
from warehouse.alert_tables import alert_delivery

FAILED = "run_failed/crm"
ERROR = "crm/contacts: 401 the vendor refused our credentials; renew CRM_KEY"


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as made:
        monkeypatch.setenv("OPS_URL", f"{made.server.base_url}/{SECRET}")
        yield made


@pytest.fixture
def one(tmp_path: Path, ops: Receiver) -> Iterator[Desk]:
    """A hub that tells one webhook."""
    with desk(tmp_path, config(webhook())) as made:
        yield made


@pytest.fixture
def two(tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Receiver]]:
    """A hub that tells two, and the second of them."""
    with receiver() as other, desk(tmp_path, config(webhook(), webhook("night"))) as made:
        monkeypatch.setenv("NIGHT_URL", other.server.base_url)
        yield made, other


def test_a_condition_is_told_once_and_reminded_of_only_after_a_day(one: Desk, ops: Receiver) -> None:
    one.synced(NOW, error=ERROR)
    for minutes in range(5):
        one.evaluate(NOW + minutes * HOUR / 60)
    assert ops.events() == [("opened", FAILED)]
    one.synced(NOW + 12 * HOUR, error=ERROR)
    one.evaluate(NOW + 23.9 * HOUR)
    assert len(ops.got) == 1
    one.evaluate(NOW + 24 * HOUR)
    one.evaluate(NOW + 47 * HOUR)
    assert ops.events() == [("opened", FAILED), ("reminder", FAILED)]
    assert (ops.got[0]["times"], ops.got[1]["times"]) == (1, 2)
    assert ops.got[0]["since"] == ops.got[1]["since"] == "2026-11-02T07:59:00Z"


def test_the_end_is_told_once_and_the_next_time_counts_as_the_second(one: Desk, ops: Receiver) -> None:
    one.synced(NOW, error=ERROR)
    one.evaluate(NOW)
    one.synced(NOW + HOUR)
    one.evaluate(NOW + HOUR)
    one.evaluate(NOW + 2 * HOUR)
    assert ops.events() == [("opened", FAILED), ("recovered", FAILED)]
    assert ops.got[1]["recovered_at"] == "2026-11-02T09:00:00Z"
    assert alert_status(one.hub) == {"open": 0, "owed": 0, "failing": {}}
    one.synced(NOW + 3 * HOUR, error=ERROR)
    one.evaluate(NOW + 3 * HOUR)
    assert ops.events()[2:] == [("opened", FAILED)]
    assert [body["episodes"] for body in ops.got] == [1, 1, 2]


def test_an_end_that_draws_near_is_told_again_only_every_week(tmp_path: Path, ops: Receiver) -> None:
    settings = config(webhook())
    settings["sources"]["crm"]["credentials_end"] = NOW.date()
    with desk(tmp_path, settings) as made:
        for days in range(15):
            made.evaluate(NOW + days * 24 * HOUR)
    key = "expiring/crm/credentials"
    assert ops.events() == [("opened", key), ("reminder", key), ("reminder", key)]


def test_what_a_channel_did_not_take_stays_owed_and_others_are_not_touched(two: tuple[Desk, Receiver], ops: Receiver) -> None:
    one, night = two
    night.answers = lambda request: Reply(b"", 503)
    one.synced(NOW, error=ERROR)
    done = one.evaluate(NOW)
    assert done.sent == [("ops", "opened", FAILED)]
    assert done.failed == {"night": "alerts.night: answered 503"}
    assert len(night.got) == 3  # tries, then it is left until the next evaluation
    assert alert_status(one.hub) == {"open": 1, "owed": 1, "failing": {"night": "alerts.night: answered 503"}}
    assert [row["owed"] for row in alert_list(one.hub, one.instance, now=NOW)] == [{"night": "opened"}]
    night.answers = lambda request: Reply()
    assert one.evaluate(NOW + HOUR).sent == [("night", "opened", FAILED)]
    assert one.evaluate(NOW + 2 * HOUR).sent == []
    assert len(ops.got) == 1
    assert alert_status(one.hub)["failing"] == {}


def test_what_ended_while_a_channel_was_away_is_told_as_one_message(two: tuple[Desk, Receiver], ops: Receiver) -> None:
    one, night = two
    night.answers = lambda request: Reply(b"", 503)
    one.synced(NOW, error=ERROR)
    one.evaluate(NOW)
    one.synced(NOW + HOUR)
    one.evaluate(NOW + HOUR)
    night.answers = lambda request: Reply()
    tried = len(night.got)
    one.evaluate(NOW + 2 * HOUR)
    assert night.events()[tried:] == [("recovered", FAILED)]
    assert ops.events() == [("opened", FAILED), ("recovered", FAILED)]


def test_a_message_that_is_refused_does_not_keep_others_back(one: Desk, ops: Receiver) -> None:
    one.synced(NOW, error=ERROR)
    one.synced(NOW, source="shop", stream="people", error="shop/people: lacks column id")
    ops.answers = lambda request: Reply(b"", 400 if request.json()["key"] == FAILED else 200)
    done = one.evaluate(NOW)
    assert done.sent == [("ops", "opened", "run_failed/shop")]
    assert [body["key"] for body in ops.got] == [FAILED, "run_failed/shop"]  # and it is not tried three times
    assert "answered 400; renew OPS_URL, then hub alerts test ops" in done.failed["ops"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def shared(request: pytest.FixtureRequest, tmp_path: Path, ops: Receiver) -> Iterator[Desk]:
    """As `one`, with either kind of control store."""
    settings = config(webhook())
    if request.param == "sqlite":
        with desk(tmp_path, settings) as made:
            yield made
        return
    url, schema = demand(POSTGRES), f"hub_{secrets.token_hex(4)}"
    admin = sa.create_engine(url)
    with admin.begin() as con:
        con.execute(sa.text(f"CREATE SCHEMA {schema}"))
    try:
        with desk(tmp_path, settings | {"warehouse": {"control": f"{url}?options=-csearch_path%3D{schema}"}}) as made:
            yield made
    finally:
        with admin.begin() as con:
            con.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


def test_two_evaluations_at_once_tell_once(shared: Desk, ops: Receiver) -> None:
    one = shared

    def slowly(request: Request) -> Reply:
        time.sleep(0.2)
        return Reply()

    ops.answers = slowly
    one.synced(NOW, error=ERROR)
    one.synced(NOW, source="shop", stream="people", error="shop/people: lacks column id")
    errors: list[Exception] = []

    def run() -> None:
        try:
            # a hub of its own, as another process has
            with one.world.hub() as hub, dg.DagsterInstance.ephemeral() as instance:
                evaluate(hub, instance, now=NOW, wait=0)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(ops.events()) == [("opened", FAILED), ("opened", "run_failed/shop")]


def test_what_a_dead_evaluation_claimed_is_sent_after_a_while(one: Desk, ops: Receiver) -> None:
    ops.answers = lambda request: Reply(b"", 503)
    one.synced(NOW, error=ERROR)
    one.evaluate(NOW)
    ops.answers = lambda request: Reply()
    dead = sa.update(alert_delivery).values(claim="dead", claimed_until=NOW + HOUR / 12)
    assert one.hub.control.run(dead) == 1
    assert one.evaluate(NOW + HOUR / 60).sent == []
    assert one.evaluate(NOW + HOUR / 10).sent == [("ops", "opened", FAILED)]


def test_a_channel_is_told_only_what_it_asks_for_and_a_new_one_what_is_still_wrong(
    tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHT_URL", f"{ops.server.base_url}/night")
    with desk(tmp_path, config(webhook(only=["gate_held"]))) as made:
        made.synced(NOW, error=ERROR)
        assert made.evaluate(NOW).sent == []
    with desk(tmp_path, config(webhook(only=["gate_held"]), webhook("night", at_least="error"))) as made:
        made.load("L1", "held", NOW, checks='["id_churn"]')
        sent = made.evaluate(NOW + HOUR).sent
        held = [(name, "opened", "gate_held") for name in ("ops", "night")]
        assert sorted(sent) == sorted([*held, ("night", "opened", FAILED)])
    with desk(tmp_path, config(webhook("night"))) as made:
        made.evaluate(NOW + 2 * HOUR)
        rows = made.hub.control.rows(sa.select(alert_delivery.c.channel))
        assert {row["channel"] for row in rows} == {"night"}  # what a channel that is gone was owed is forgotten


def test_a_failing_channel_shows_no_secret_anywhere(
    one: Desk, ops: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    one.synced(NOW, error=ERROR)
    said = []
    for url in (f"http://127.0.0.1:1/{SECRET}", f"{SECRET} no url", f"{ops.server.base_url}/{SECRET}"):
        monkeypatch.setenv("OPS_URL", url)
        ops.answers = lambda request: Reply(f"no such hook {request.path}".encode(), 404)
        said.append(one.evaluate(NOW).failed["ops"])
    assert [line.partition(";")[0] for line in said] == [
        "alerts.ops: no answer (ConnectError)",
        "alerts.ops: OPS_URL holds no URL",
        "alerts.ops: answered 404",
    ]
    monkeypatch.delenv("OPS_URL")
    said.append(one.evaluate(NOW).failed["ops"])
    assert "environment variable OPS_URL is not set" in said[-1]
    shown = "\n".join(
        [
            *said,
            caplog.text,
            str(alert_status(one.hub)),
            str(alert_list(one.hub, one.instance, now=NOW)),
            repr(one.hub.config.alerts),
        ]
    )
    assert SECRET not in shown
