"""The write-back outbox over a published load: only differences, nothing twice, nobody's value lost; what does not get through."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import sqlalchemy as sa

from connectors.sandbox import SandboxHandle, credentials
from hub.contract.errors import ConfigError
from pipelines.alerts.of_loads import load_conditions
from pipelines.audit import entries
from pipelines.definitions import build_defs
from pipelines.ingest import SyncRef, SyncRequest, ingest_stream
from pipelines.instance import open_instance
from pipelines.writeback.outbox import letters, replay, runs
from pipelines.writeback.run import Options, Result, chosen, write_back
from pipelines.writeback.status import lagging, write_back_status
from tests.pipelines.world import Command, World
from warehouse.control import utcnow
from warehouse.writeback_tables import writeback_echo, writeback_field, writeback_run

ZENDESK = {"fields": {"customer_id": "user_fields.common_customer_id", "open_tickets": "user_fields.open_tickets"}}
SHOPIFY = {"fields": {"customer_id": "customer_hub.common_id", "open_tickets": "customer_hub.open_tickets"}}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.http.pause", lambda seconds: None)


@pytest.fixture
def told(synced: World) -> World:
    """A hub whose help desk is written to."""
    synced.change("zendesk", write_back=ZENDESK)
    return synced


def deliver(world: World, source: str = "zendesk", **how: Any) -> Result:
    """Write back, without Dagster."""
    with world.hub() as hub:
        return write_back(hub, source, Options(**how))


def user(handle: SandboxHandle, record: str) -> dict[str, Any]:
    """A user of the help desk as it is there."""
    with zendesk(handle) as client:
        found: dict[str, Any] = client.get(f"/api/v2/users/{record}.json").raise_for_status().json()["user"]
        return found


def zendesk(handle: SandboxHandle) -> httpx.Client:
    auth = (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN)
    return httpx.Client(base_url=handle.url("zendesk"), auth=auth, trust_env=False)


def edit(handle: SandboxHandle, record: str, **fields: Any) -> None:
    """Somebody at the help desk changes a user."""
    with zendesk(handle) as client:
        client.put(f"/api/v2/users/{record}.json", json={"user": fields}).raise_for_status()


def records(world: World, source: str = "zendesk", stream: str = "users") -> dict[str, str]:
    """Record -> customer, as published."""
    query = "SELECT source_record_id, customer_id FROM identity.customer_xref WHERE is_current AND source_system = ? AND stream = ?"
    return dict(world.ask(f"{query} ORDER BY 1", source, stream))  # type: ignore[arg-type]


def tickets(world: World) -> dict[str, int]:
    """Customer -> open tickets, as published."""
    return dict(world.ask("SELECT customer_id, open_tickets FROM golden.customer"))  # type: ignore[arg-type]


def test_every_record_of_a_customer_gets_what_the_load_says(told: World, sandbox: SandboxHandle) -> None:
    result = deliver(told)
    of, open_tickets = records(told), tickets(told)
    assert (result.error, result.fates["sent"], len(of) > 50) == (None, 2 * len(of), True)
    with zendesk(sandbox) as client:
        held = {}
        ids = list(of)
        for start in range(0, len(ids), 100):
            answer = client.get("/api/v2/users/show_many.json", params={"ids": ",".join(ids[start : start + 100])}).json()
            held |= {str(u["id"]): u["user_fields"] for u in answer["users"]}
    assert held == {r: {"common_customer_id": c, "open_tickets": open_tickets[c]} for r, c in of.items()}
    # what each costs: reading, the job, asking for it twice, reading again, for a hundred users at a time
    assert result.calls == 5 * -(-len(of) // 100)


def test_a_second_run_asks_nothing(told: World) -> None:
    fields = 2 * len(records(told))
    deliver(told)
    again = deliver(told)
    assert (again.calls, dict(again.fates)) == (0, {"unchanged": fields})


def test_nothing_is_written_where_nothing_was_asked_for(synced: World) -> None:
    with synced.hub() as hub:
        assert (write_back_status(hub), lagging(hub)) == ([], [])
        with pytest.raises(ConfigError, match="write_back: nothing is written to any source; add write_back: to a source"):
            chosen(hub, ())


def test_the_outbox_keeps_no_value(told: World) -> None:
    told.change("zendesk", write_back={"fields": {"email": "user_fields.segments"}})
    deliver(told)
    emails = {email for (email,) in told.ask("SELECT email FROM golden.customer WHERE email IS NOT NULL")}
    with told.hub() as hub:
        kept = hub.control.rows(sa.select(writeback_field))
    assert len(kept) > 50
    assert not emails & {str(value) for row in kept for value in row.values()}


def test_an_outbox_that_was_lost_is_learnt_from_what_the_vendor_holds(told: World) -> None:
    deliver(told)
    with told.hub() as hub:
        hub.control.run(sa.delete(writeback_field))
    again = deliver(told)
    assert (again.fates["sent"], again.fates["found"]) == (0, 2 * len(records(told)))
    # one call per hundred users, and no write
    assert again.calls == -(-len(records(told)) // 100)


def test_what_differs_after_the_outbox_was_lost_is_taken_for_ours_on_demand(told: World, sandbox: SandboxHandle) -> None:
    record = next(iter(records(told)))
    edit(sandbox, record, user_fields={"open_tickets": 77})
    assert deliver(told).fates["kept"] == 1
    assert deliver(told, verify=True).fates["kept"] == 1
    done = deliver(told, verify=True, adopt=True)
    assert (done.fates["kept"], done.fates["sent"]) == (0, 1)
    assert user(sandbox, record)["user_fields"]["open_tickets"] == tickets(told)[records(told)[record]]


def test_an_id_of_this_hub_is_replaced_whoever_it_was_of(told: World, sandbox: SandboxHandle) -> None:
    (first, one), (_, other), *_ = records(told).items()
    edit(sandbox, first, user_fields={"common_customer_id": other})
    deliver(told)
    assert user(sandbox, first)["user_fields"]["common_customer_id"] == one
    edit(sandbox, first, user_fields={"common_customer_id": "c_" + "x" * 26})  # looks like one, and this hub never issued it
    assert deliver(told, verify=True).fates["kept"] == 1


def test_what_somebody_else_put_there_is_told_once_and_stays_until_it_may_be_replaced(told: World, sandbox: SandboxHandle) -> None:
    record = next(iter(records(told)))
    edit(sandbox, record, user_fields={"common_customer_id": "crm-1"})
    assert deliver(told).fates["kept"] == 1
    with told.hub() as hub:
        (letter,) = letters(hub, "zendesk", ("kept",))
        assert letter["source_record_id"] == record
        assert letter["field"] == "user_fields.common_customer_id"
        assert "crm-1" not in str(letter)
        assert lagging(hub) == []
    assert deliver(told).calls == 0
    told.change("zendesk", write_back={**ZENDESK, "overwrite": True})
    assert deliver(told).fates["sent"] == 1
    assert user(sandbox, record)["user_fields"]["common_customer_id"] == records(told)[record]


def test_a_dry_run_prints_keys_and_fields_and_writes_nothing(told: World, sandbox: SandboxHandle) -> None:
    told.change("zendesk", write_back={"fields": {"open_tickets": "user_fields.open_tickets", "email": "user_fields.segments"}})
    record = next(iter(records(told)))
    before = user(sandbox, record)
    diff = deliver(told, dry=True).diff
    assert user(sandbox, record) == before
    lines = {line["field"]: line for line in diff if line["record"] == record}
    assert lines["user_fields.open_tickets"]["wanted"] == str(tickets(told)[records(told)[record]])
    assert {line["wanted"] for line in diff if line["attribute"] == "email"} == {"***"}
    with told.hub() as hub:
        assert (letters(hub, None, ("confirmed", "owed")), runs(hub)) == ([], {})


def test_what_the_vendor_refuses_is_a_dead_letter_and_no_longer_asked(told: World, sandbox: SandboxHandle) -> None:
    told.change(
        "zendesk", write_back={"fields": {"customer_id": "user_fields.common_customer_id", "orders": "user_fields.no_such"}}
    )
    of = records(told)
    assert deliver(told).fates["dead"] == len(of)
    with told.hub() as hub, open_instance(hub.config) as instance:
        condition = next(found for found in load_conditions(hub, instance, utcnow()) if found.kind == "write_back_failed")
        assert (condition.where, condition.severity) == ("the write-back to zendesk", "warning")
        assert condition.what.startswith(f"{len(of)} fields are refused")
        letter = letters(hub, "zendesk", ("dead",), limit=1)[0]
        assert "does not hold it in user_fields.no_such; is there such a field?" in letter["reason"]
        assert write_back_status(hub)[0]["dead_letters"] == len(of)
    assert deliver(told).calls == 0
    with told.hub() as hub:
        some = list(of)[:3]
        assert replay(hub, "zendesk", some, ("dead",), by="ann") == 3
        assert [row["actor"] for row in entries(hub, action="writeback_replay")] == ["ann"]
        assert lagging(hub) == ["zendesk"]
    again = deliver(told)
    assert (again.fates["dead"], again.calls) == (3, 5)


def test_letters_about_a_field_that_is_written_no_more_are_gone(told: World) -> None:
    told.change("zendesk", write_back={"fields": {"orders": "user_fields.no_such"}})
    deliver(told)
    told.change("zendesk", write_back=ZENDESK)
    deliver(told)
    with told.hub() as hub:
        assert letters(hub, None, ("dead", "kept", "gone", "owed")) == []


def test_a_vendor_that_is_down_owes_all_and_the_next_run_delivers_it(told: World, sandbox: SandboxHandle) -> None:
    sandbox.fault("zendesk", status=503, count=1_000)
    down = deliver(told)
    assert down.error is not None
    assert down.fates["sent"] == 0
    with told.hub() as hub:
        assert lagging(hub) == ["zendesk"]
        assert runs(hub)["zendesk"]["load_id"] is None
    sandbox.clear_faults()
    up = deliver(told)
    assert (up.error, up.fates["sent"]) == (None, 2 * len(records(told)))
    with told.hub() as hub:
        assert lagging(hub) == []


def test_a_write_that_took_effect_though_its_answer_never_came_is_found(synced: World, sandbox: SandboxHandle) -> None:
    retry = {"attempts": 1, "backoff_seconds": 0.0, "timeout_seconds": 0.5}
    synced.change("zendesk", write_back=ZENDESK, retry=retry)
    sandbox.fault("zendesk", hang=1.5, path="/api/v2/users/update_many", count=1)
    assert deliver(synced).error is not None
    again = deliver(synced)
    assert (again.error, again.fates["sent"], again.fates["found"]) == (None, 0, 2 * len(records(synced)))


def test_a_record_that_never_gets_through_becomes_a_dead_letter_and_stops_no_other(synced: World, sandbox: SandboxHandle) -> None:
    synced.change("stripe", write_back={"fields": {"open_tickets": "metadata.open_tickets"}})
    of = records(synced, "stripe", "customers")
    bad = list(of)[3]
    for _ in range(3):
        sandbox.clear_faults()
        sandbox.fault("stripe", status=500, count=1_000, path=f"/v1/customers/{bad}")
        deliver(synced, "stripe")
    with synced.hub() as hub:
        assert [row["source_record_id"] for row in letters(hub, "stripe", ("dead",))] == [bad]
        assert "answered 500" in letters(hub, "stripe", ("dead",))[0]["reason"]
        assert lagging(hub) == []
        done = hub.control.rows(sa.select(writeback_field).where(writeback_field.c.status == "confirmed"))
    assert len(done) == len(of) - 1


def test_an_echo_is_known_and_a_second_one_still_tells_when_the_record_last_changed(told: World, sandbox: SandboxHandle) -> None:
    record = next(iter(records(told)))
    was = user(sandbox, record)["updated_at"]
    deliver(told)
    told.change("zendesk", write_back={"fields": {**ZENDESK["fields"], "can_email": "user_fields.can_email"}})
    sandbox.push_clock(120)
    deliver(told)
    with told.hub() as hub:
        (echo,) = hub.control.rows(sa.select(writeback_echo).where(writeback_echo.c.source_record_id == record))
    assert f"{echo['source_updated_at'].isoformat()}Z" == was
    assert f"{echo['echo_at'].isoformat()}Z" == user(sandbox, record)["updated_at"]


def test_a_field_that_the_hub_begins_to_fill_is_no_change_of_the_source(synced: World) -> None:
    synced.change("stripe", schema_drift="stop", write_back={"fields": {"customer_id": "metadata.common_customer_id"}})
    assert deliver(synced, "stripe").error is None
    with synced.hub() as hub:
        connector = hub.config.connector("stripe")
        customers = next(stream for stream in connector.streams() if stream.name == "customers")
        report = ingest_stream(hub, connector, customers, SyncRef("again"), SyncRequest(full=True))
    # read whole, they come with our metadata
    assert (report.counts.updated > 50, report.changes) == (True, ())


def test_stripes_own_events_of_our_writing_ask_for_nothing(synced: World, sandbox: SandboxHandle) -> None:
    synced.change("stripe", write_back={"fields": {"customer_id": "metadata.common_customer_id"}})
    assert deliver(synced, "stripe").fates["sent"] > 50
    with synced.hub() as hub:
        connector = hub.config.connector("stripe")
        customers = next(stream for stream in connector.streams() if stream.name == "customers")
        report = ingest_stream(hub, connector, customers, SyncRef("again"))
        # the newest event, and the events since; no customer is read again
        assert (report.counts.updated, connector.calls()[0]) == (0, 2)


def test_a_limit_leaves_the_rest_owed(told: World) -> None:
    assert deliver(told, limit=5).fates["sent"] == 10
    with told.hub() as hub:
        assert lagging(hub) == ["zendesk"]
    assert deliver(told).fates["sent"] == 2 * (len(records(told)) - 5)
    with told.hub() as hub:
        assert lagging(hub) == []


def test_the_daemon_delivers_once_and_tries_a_vendor_that_is_down_again_later(told: World, sandbox: SandboxHandle) -> None:
    def tick() -> dg.RunRequest | dg.SkipReason:
        with told.hub() as hub, open_instance(hub.config) as instance:
            sensor = next(s for s in build_defs(hub).sensors or () if s.name == "write_back_after_publish")
            return sensor(dg.build_sensor_context(instance=instance))  # type: ignore[return-value, operator]

    asked = tick()
    assert isinstance(asked, dg.RunRequest)
    assert asked.asset_selection == [dg.AssetKey(["write_back", "zendesk"])]
    sandbox.fault("zendesk", status=503, count=1_000)
    deliver(told)
    assert tick() == dg.SkipReason("tried a while ago: zendesk")
    with told.hub() as hub:
        hub.control.run(sa.update(writeback_run).values(ran_at=utcnow() - timedelta(minutes=16)))
    assert isinstance(tick(), dg.RunRequest)
    sandbox.clear_faults()
    deliver(told)
    assert tick() == dg.SkipReason("every source has what it is owed")


def test_a_paused_source_is_not_written_to(told: World, hub: Command) -> None:
    hub("pause", "zendesk")
    assert "the source is paused" in hub("writeback", "run", "zendesk", fails=True)
    (row,) = hub("writeback", "run")
    assert (row["load_id"], row["error"]) == (None, None)
    with told.hub() as opened:
        assert lagging(opened) == []


def test_commands(told: World, hub: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = hub("writeback", "run", "--dry-run", text=True)
    assert f"zendesk: {2 * len(records(told))} fields would be written" in shown
    assert hub("writeback", "status")[0]["load_id"] is None
    (done,) = hub("writeback", "run", "zendesk")
    assert (done["sent"], done["current"], done["error"]) == (2 * len(records(told)), True, None)
    assert hub("writeback", "list") == []
    assert hub("status")["write_back"] == [done]
    assert "fields written" in hub("status", text=True)
    assert "nothing to replay" in hub("writeback", "replay", fails=True)
    assert "sources.stripe.write_back: nothing is written to this source" in hub("writeback", "run", "stripe", fails=True)


@pytest.fixture
def world(told: World) -> World:
    """The hub that commands speak of."""
    return told


@pytest.mark.parametrize(
    ("source", "fields", "error"),
    [
        ("zendesk", {"open_tikets": "user_fields.x"}, "did you mean 'open_tickets'?"),
        ("zendesk", {"recency_days": "user_fields.x"}, "it changes every day for everybody"),
        ("zendesk", {"open_tickets": "open_tickets"}, "there can be no field 'open_tickets'"),
        ("zendesk", {"open_tickets": "user_fields.x", "orders": "user_fields.x"}, "two values are to be written"),
        ("google_ads", {"open_tickets": "x"}, "nothing can be written back to a source of this type"),
        ("zendesk", {"order_net_by_currency": "user_fields.x"}, "nothing of a customer is called 'order_net_by_currency'"),
    ],
)
def test_a_wish_that_cannot_be_is_an_error_of_hub_yaml(
    tmp_path: Path, first_day: Path, source: str, fields: dict[str, str], error: str
) -> None:
    shutil.copy(first_day / "hub.yaml", tmp_path / "hub.yaml")
    import yaml

    world = World(tmp_path, yaml.safe_load((tmp_path / "hub.yaml").read_text()))
    world.change(source, write_back={"fields": fields})
    with pytest.raises(ConfigError, match=f"sources.{source}.write_back.*") as raised, world.hub():
        pass
    assert error in str(raised.value)
