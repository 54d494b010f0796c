"""Stripe: how it is read, against a server that is as strict as Stripe documents itself."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors.landing as landing_module
from connectors.contract import Checkpoint, Record
from connectors.extract import extract_stream, stream_of
from connectors.invoicing import stripe_events
from connectors.invoicing.stripe import API_VERSION, StripeConnector, StripeSettings
from connectors.invoicing.stripe_events import OVERLAP, RESOURCES, Event, Position, batches
from connectors.landing import StreamLanding
from connectors.mapping import parse_mapping
from connectors.registry import connector_class
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors.stripe_server import DAY, KEY, NOW, SINGULAR, FakeStripe, asked, connect, ids, mapped, pages, read, window
from tests.loopback import Reply, serve


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    vendor = FakeStripe()
    with serve(vendor) as vendor.server:
        yield vendor


@pytest.fixture
def stripe(fake: FakeStripe) -> Iterator[StripeConnector]:
    connector = connect(fake)
    yield connector
    connector.close()


# reading everything ------------------------------------------------------------------------------------------------


def test_the_registry_knows_it() -> None:
    assert connector_class("stripe") is StripeConnector


def test_facts_come_before_parties(stripe: StripeConnector) -> None:
    assert [(s.name, s.kind) for s in stripe.streams()] == [
        ("invoices", "invoice"),
        ("charges", "payment"),
        ("refunds", "refund"),
        ("credit_notes", "refund"),
        ("customers", "party"),
    ]


def test_a_first_reading_brings_every_object_as_sent(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    made = [fake.create("customers", name=f"Customer {n}", metadata={"n": str(n)}) for n in range(5)]
    records, checkpoint = read(stripe, "customers")
    assert ids(records) == [(i, "upsert") for i in reversed(made)]
    assert records[0].payload == fake.find("customers", made[-1])
    assert records[0].updated_at == datetime.fromtimestamp(NOW, UTC)
    assert checkpoint is not None
    assert checkpoint["watermark"] == NOW
    lists = [r for r in fake.server.requests if r.path == "/v1/customers"]
    assert [r.query for r in lists] == [
        {"limit": ["100"], "expand[]": ["data.tax_ids"]},
        {"limit": ["100"], "expand[]": ["data.tax_ids"], "starting_after": [made[3]]},
        {"limit": ["100"], "expand[]": ["data.tax_ids"], "starting_after": [made[1]]},
    ]


def test_two_full_readings_are_equal(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 3
    for n in range(8):
        fake.create("invoices", total=n)
    assert read(stripe, "invoices")[0] == read(stripe, "invoices")[0]


def test_an_empty_account_is_read_without_trouble(fake: FakeStripe, stripe: StripeConnector) -> None:
    records, checkpoint = read(stripe, "charges")
    assert records == []
    assert pages(stripe, "charges", checkpoint) == []
    fake.create("charges", amount=100)
    assert ids(read(stripe, "charges", checkpoint)[0]) == [("ch_0001", "upsert")]
    assert "/v1/charges/ch_0001" in asked(fake), "by its event, not by reading everything again"


def test_an_object_without_id_is_set_aside(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.create("customers")
    fake.objects["customers"].insert(0, {"object": "customer", "email": "x@example.com"})
    found = pages(stripe, "customers")
    assert [len(page.records) for page in found] == [1]
    assert [(r.reason, r.where) for r in found[0].rejects] == [("it has no field id", "item 1 after the beginning")]
    assert json.loads(found[0].rejects[0].content)["email"] == "x@example.com"


@pytest.mark.parametrize("wanted", [True, False])
def test_tax_ids_are_read_with_their_customer_unless_switched_off(fake: FakeStripe, wanted: bool) -> None:
    tax_ids = {"object": "list", "data": [{"id": "txi_1", "object": "tax_id", "value": "DE123456789"}]}
    made = fake.create("customers", tax_ids=tax_ids)
    connector = connect(fake, tax_ids=wanted)
    records, checkpoint = read(connector, "customers")
    fake.happen("customer.tax_id.created", {"id": "txi_1", "object": "tax_id", "customer": made})
    again, _ = read(connector, "customers", checkpoint)
    connector.close()
    assert [(r.id, r.payload.get("tax_ids")) for r in [*records, *again]] == [(made, tax_ids if wanted else None)] * 2


# changes -----------------------------------------------------------------------------------------------------------


def test_a_second_reading_with_nothing_new_brings_no_page_and_costs_two_requests(fake: FakeStripe, stripe: StripeConnector) -> None:
    for _ in range(5):
        fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    before = stripe.calls()[0]
    assert pages(stripe, "customers", checkpoint) == []
    assert stripe.calls()[0] - before == 2


def test_a_later_reading_brings_what_changed_as_it_is_now(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = [fake.create("customers", name="old") for _ in range(5)]
    _, checkpoint = read(stripe, "customers")
    fake.server.requests.clear()
    fake.now += 50
    fake.update("customers", made[2], name="newer")
    fake.now += 50
    fake.update("customers", made[2], name="newest")
    new = fake.create("customers", name="new")
    records, checkpoint = read(stripe, "customers", checkpoint)
    assert sorted(ids(records)) == [(made[2], "upsert"), (new, "upsert")]
    assert [r.payload["name"] for r in records if r.id == made[2]] == ["newest"]
    assert all("as_it_was" not in r.payload for r in records)
    assert {r.updated_at for r in records} == {datetime.fromtimestamp(NOW + 100, UTC)}
    assert sorted(asked(fake)) == ["/v1/customers/" + i for i in sorted([made[2], new])] + ["/v1/events"] * 2
    assert pages(stripe, "customers", checkpoint) == []


def test_an_update_in_the_second_of_the_watermark_is_not_lost(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("customers", name="created")
    _, checkpoint = read(stripe, "customers")
    fake.update("customers", made, name="changed in the same second")
    records, checkpoint = read(stripe, "customers", checkpoint)
    assert [r.payload["name"] for r in records] == ["changed in the same second"]
    fake.update("customers", made, name="and once more")
    records, checkpoint = read(stripe, "customers", checkpoint)
    assert [r.payload["name"] for r in records] == ["and once more"]
    assert pages(stripe, "customers", checkpoint) == []


def test_an_event_that_turns_up_late_is_not_lost(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = [fake.create("customers", name="old") for _ in range(3)]
    _, checkpoint = read(stripe, "customers")
    item = fake.find("customers", made[0])
    item["name"] = "late"
    fake.happen("customer.updated", item, created=NOW - OVERLAP + 1)
    records, checkpoint = read(stripe, "customers", checkpoint)
    assert [(r.id, r.payload["name"]) for r in records] == [(made[0], "late")]
    assert pages(stripe, "customers", checkpoint) == []


def test_a_burst_is_remembered_in_little_room_and_not_read_again(fake: FakeStripe, stripe: StripeConnector) -> None:
    for _ in range(300):
        fake.create("invoices")
    _, checkpoint = read(stripe, "invoices")
    assert len(json.dumps(checkpoint)) < 300
    fake.server.requests.clear()
    assert pages(stripe, "invoices", checkpoint) == []
    assert asked(fake, "invoices") == []


def test_what_changes_while_everything_is_read_comes_with_the_same_reading(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    made = []
    for _ in range(4):
        fake.now += 1
        made.append(fake.create("customers", name="old"))
    reading = stream_of(stripe, "customers").read(None)
    first = next(reading)
    assert [r.id for r in first.records] == [made[3], made[2]]
    fake.now += 1
    fake.update("customers", made[3], name="changed behind our back")
    fake.delete("customers", made[2])
    created = fake.create("customers")
    rest = [record for page in reading for record in page.records]
    assert ids(rest[:2]) == [(made[1], "upsert"), (made[0], "upsert")]
    assert sorted(ids(rest[2:])) == sorted([(made[3], "upsert"), (made[2], "delete"), (created, "upsert")])


def test_a_deleted_customer_becomes_a_delete(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("customers", email="jane@example.com")
    _, checkpoint = read(stripe, "customers")
    fake.now += 10
    fake.delete("customers", made)
    records, _ = read(stripe, "customers", checkpoint)
    assert records == [
        Record(made, {"id": made, "object": "customer", "deleted": True}, datetime.fromtimestamp(NOW + 10, UTC), "delete")
    ]


def test_a_deleted_draft_becomes_a_delete(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("invoices", status="draft")
    _, checkpoint = read(stripe, "invoices")
    fake.delete("invoices", made)
    assert ids(read(stripe, "invoices", checkpoint)[0]) == [(made, "delete")]


def test_an_object_that_came_and_went_between_readings_is_a_delete(fake: FakeStripe, stripe: StripeConnector) -> None:
    _, checkpoint = read(stripe, "invoices")
    made = fake.create("invoices")
    fake.delete("invoices", made)
    assert ids(read(stripe, "invoices", checkpoint)[0]) == [(made, "delete")]


def test_a_refund_or_a_dispute_brings_its_charge(fake: FakeStripe, stripe: StripeConnector) -> None:
    refunded, disputed, other = (fake.create("charges", amount=500) for _ in range(3))
    _, checkpoint = read(stripe, "charges")
    fake.now += 10
    fake.happen("charge.refund.updated", {"id": "re_1", "object": "refund", "charge": refunded})
    fake.happen("charge.dispute.created", {"id": "dp_1", "object": "dispute", "charge": disputed})
    fake.happen("refund.failed", {"id": "re_2", "object": "refund", "charge": None})
    records, _ = read(stripe, "charges", checkpoint)
    assert sorted(ids(records)) == [(refunded, "upsert"), (disputed, "upsert")]
    assert other not in {r.id for r in records}


def test_events_of_other_streams_are_not_asked_for(fake: FakeStripe, stripe: StripeConnector) -> None:
    _, checkpoint = read(stripe, "customers")
    fake.create("charges")
    fake.create("invoices")
    assert pages(stripe, "customers", checkpoint) == []


def test_many_changes_come_in_pages_whose_watermark_follows(
    fake: FakeStripe, stripe: StripeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_events, "BATCH", 2)
    _, checkpoint = read(stripe, "customers")
    for number in range(6):
        fake.now += 0 if number == 2 else 1  # the second and the third fall into the same second
        fake.create("customers")
    found = pages(stripe, "customers", checkpoint)
    assert [len(page.records) for page in found] == [3, 2, 1]
    assert [page.checkpoint["watermark"] - NOW for page in found] == [2, 4, 5]


# where Stripe's memory ends ----------------------------------------------------------------------------------------


def test_when_events_may_be_lost_everything_is_read_again(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = [fake.create("customers", name="old") for _ in range(3)]
    _, checkpoint = read(stripe, "customers")
    fake.now += 5 * DAY
    fake.update("customers", made[0], name="its event is gone by now")
    fake.now += 31 * DAY
    fake.create("charges")
    records, checkpoint = read(stripe, "customers", checkpoint)
    assert ids(records) == [(i, "upsert") for i in reversed(made)]
    assert records[-1].payload["name"] == "its event is gone by now"
    assert pages(stripe, "customers", checkpoint) == [], "and from there on by events again"


def test_when_we_were_away_too_long_everything_is_read_again(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = [fake.create("customers") for _ in range(3)]
    _, checkpoint = read(stripe, "customers")
    assert checkpoint is not None
    away = {**checkpoint, "checked": (datetime.now(UTC) - timedelta(days=30)).isoformat()}
    assert ids(read(stripe, "customers", away)[0]) == [(i, "upsert") for i in reversed(made)]


def test_an_account_at_rest_is_not_read_again(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    fake.now += 100 * DAY  # no event is left, hence none was lost since we last looked
    assert pages(stripe, "customers", checkpoint) == []


def test_a_stream_at_rest_gets_a_fresh_watermark_once_a_day(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("customers", name="old")
    _, checkpoint = read(stripe, "customers")
    assert checkpoint is not None
    for day in range(10, 70, 10):
        fake.now += 10 * DAY
        fake.create("charges")
        found = pages(stripe, "customers", {**checkpoint, "checked": (datetime.now(UTC) - timedelta(hours=25)).isoformat()})
        assert [(page.records, page.checkpoint["watermark"]) for page in found] == [([], NOW + day * DAY)]
        checkpoint = found[0].checkpoint
    assert asked(fake, "customers") == ["/v1/customers"], "only the first reading read everything"
    fake.update("customers", made, name="new")
    assert ids(read(stripe, "customers", checkpoint)[0]) == [(made, "upsert")]


def test_a_watermark_in_the_future_brings_nothing(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    assert checkpoint is not None
    assert pages(stripe, "customers", {**checkpoint, "watermark": NOW + 1000 * DAY}) == []


def test_a_checkpoint_that_is_none_of_ours_costs_a_full_reading(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("customers")
    assert ids(read(stripe, "customers", {"cursor": "of another connector"})[0]) == [(made, "upsert")]


# breaking off and resuming -----------------------------------------------------------------------------------------


def test_a_reading_that_broke_off_goes_on_where_it_stopped(
    fake: FakeStripe, stripe: StripeConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_module, "PART_ROWS", 2)
    fake.page = 2
    made = [fake.create("customers", name="old") for _ in range(6)]
    stream = stream_of(stripe, "customers")
    fake.faults.append(lambda r: Reply({}, 500) if r.query.get("starting_after") == [made[2]] else None)
    with pytest.raises(SourceUnavailableError, match=r"^billing/customers: answered 500"):
        extract_stream(stripe, stream, tmp_path, sync_run_id="one")
    landing = StreamLanding(tmp_path, "billing", "customers")
    assert landing.resume_point().broken_off
    fake.faults.clear()
    fake.now += 60
    fake.update("customers", made[5], name="changed after it was read")
    fake.delete("customers", made[4])
    fake.server.requests.clear()
    extract_stream(stripe, stream, tmp_path, sync_run_id="two")
    assert [r.query.get("starting_after") for r in fake.server.requests if r.path == "/v1/customers"] == [[made[2]]]
    landed = duckdb.connect().execute(
        "SELECT source_record_id, op FROM read_parquet(?, filename = true) ORDER BY filename",
        [[str(part) for part in landing.parts()]],
    )
    rows = landed.fetchall()
    assert rows[:6] == [(i, "upsert") for i in reversed(made)]
    assert sorted(rows[6:]) == [(made[4], "delete"), (made[5], "upsert")]
    assert landing.info(landing.parts()[-1]).complete


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_killed_after_any_page_nothing_is_lost(fake: FakeStripe, stripe: StripeConnector, stop: int) -> None:
    fake.page = 2
    made = [fake.create("customers", v=0) for _ in range(6)]
    state: dict[str, Any] = {}
    checkpoint: Checkpoint | None = None
    for round_number in range(6):
        for number, page in enumerate(stream_of(stripe, "customers").read(checkpoint), 1):
            for record in page.records:
                state[record.id] = None if record.op == "delete" else record.payload.get("v")
            checkpoint = page.checkpoint
            if number == stop:
                break
        if round_number < 2:
            fake.now += 1
            fake.update("customers", made[round_number], v=round_number + 1)
            fake.delete("customers", made[5 - round_number])
            fake.create("customers", v=9)
    alive = {item["id"]: item["v"] for item in fake.objects["customers"]}
    # what was deleted before it was ever read need not have been heard of
    assert {i: v for i, v in state.items() if v is not None} == alive


def test_if_the_object_to_go_on_after_is_gone_reading_goes_on_by_its_time(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    made = []
    for _ in range(6):
        fake.now += 1
        made.append(fake.create("invoices", status="draft"))
    first = next(iter(stream_of(stripe, "invoices").read(None)))
    assert first.checkpoint["after"] == made[4]
    fake.now += 1
    fake.delete("invoices", made[4])
    records, _ = read(stripe, "invoices", first.checkpoint)
    assert ids(records) == [*((made[n], "upsert") for n in (3, 2, 1, 0)), (made[4], "delete")]


# trouble -----------------------------------------------------------------------------------------------------------


def test_a_wrong_key_is_refused_at_once_and_named_by_its_variable(
    fake: FakeStripe, stripe: StripeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_wrong")
    with pytest.raises(CredentialsError, match=r"^billing/customers: 401.*STRIPE_API_KEY \(setting api_key\)") as error:
        pages(stripe, "customers")
    assert len(fake.server.requests) == 1
    assert "rk_live" not in str(error.value)


@pytest.mark.parametrize("missing", ["customers", "events"])
def test_a_key_without_permission_is_an_error_and_never_an_empty_stream(
    fake: FakeStripe, stripe: StripeConnector, missing: str
) -> None:
    fake.create("customers")
    fake.permitted.remove(missing)
    with pytest.raises(
        CredentialsError, match=rf"403.*at GET /v1/{missing}.*events, invoices, charges and customers with tax IDs"
    ) as error:
        pages(stripe, "customers")
    assert "jane" not in str(error.value)


def test_the_error_names_the_connected_account(fake: FakeStripe) -> None:
    fake.permitted.remove("events")
    with pytest.raises(CredentialsError, match="of account acct_9"):
        pages(connect(fake, account="acct_9"), "customers")
    assert fake.server.requests[0].headers["stripe-account"] == "acct_9"


def test_a_missing_variable_is_named(fake: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="STRIPE_API_KEY is not set"):
        pages(connect(fake), "customers")


def test_a_key_with_foreign_characters_is_refused_before_it_is_sent(fake: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "“rk_live_hush”")
    with pytest.raises(CredentialsError, match="STRIPE_API_KEY") as error:
        connect(fake).check()
    assert "hush" not in str(error.value)
    assert fake.server.requests == []


def test_a_key_written_into_the_file_is_refused() -> None:
    with pytest.raises(ValidationError, match="ENV_VAR"):
        StripeSettings.model_validate({"type": "stripe", "api_key": "rk_live_hush"})


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {}),
        (429, {"retry-after": "0"}),
        (429, {"retry-after": format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)}),
        (500, {}),
    ],
)
def test_passing_trouble_passes(fake: FakeStripe, stripe: StripeConnector, status: int, headers: dict[str, str]) -> None:
    fake.create("customers")
    trouble = [Reply({"error": {"code": "rate_limit"}}, status, headers)] * 2
    fake.faults.append(lambda r: trouble.pop() if trouble and r.path == "/v1/customers" else None)
    assert len(read(stripe, "customers")[0]) == 1
    assert stripe.calls()[1] == 2


def test_a_wait_beyond_our_patience_is_reported(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.faults.append(lambda r: Reply({}, 429, {"retry-after": "4000"}))
    with pytest.raises(SourceUnavailableError, match=r"slow down for 4000 s at GET /v1/events"):
        pages(stripe, "customers")


def test_500_for_ever_is_reported(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.faults.append(lambda r: Reply({}, 500))
    with pytest.raises(SourceUnavailableError, match=r"^billing/customers: answered 500"):
        pages(stripe, "customers")
    assert len(fake.server.requests) == 3


def test_truncated_json_is_reported_and_nothing_of_it_is_kept(fake: FakeStripe, stripe: StripeConnector, tmp_path: Path) -> None:
    fake.page = 2
    made = [fake.create("customers") for _ in range(4)]
    cut = json.dumps({"object": "list", "data": fake.objects["customers"][2:], "has_more": False}).encode()[:-10]
    fake.faults.append(lambda r: Reply(cut) if r.path == "/v1/customers" and len(r.query) > 2 else None)
    with pytest.raises(ProtocolError, match=r"^billing/customers: the answer to GET /v1/customers is no complete JSON"):
        extract_stream(stripe, stream_of(stripe, "customers"), tmp_path, sync_run_id="one")
    landing = StreamLanding(tmp_path, "billing", "customers")
    assert landing.resume_point().checkpoint is not None
    assert duckdb.connect().execute(
        "SELECT source_record_id FROM read_parquet(?)", [[str(part) for part in landing.parts()]]
    ).fetchall() == [(made[3],), (made[2],)]


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/events"])
def test_a_page_that_repeats_is_reported(fake: FakeStripe, stripe: StripeConnector, path: str) -> None:
    for _ in range(4):
        fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    fake.now += 1
    fake.create("customers")
    same = {"object": "list", "has_more": True, "data": (fake.events if "events" in path else fake.objects["customers"])[:2]}
    fake.faults.append(lambda r: Reply(same) if r.path == path and r.query["limit"] == ["100"] else None)
    fake.faults.insert(0, lambda r: Reply({}, 500) if len(fake.server.requests) > 20 else None)  # lest we follow it for ever
    with pytest.raises(ProtocolError, match="billing/customers: the vendor sent us back to a page"):
        pages(stripe, "customers", checkpoint if "events" in path else None)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ([], "page of customers without data"),
        ({"data": None, "has_more": False}, "page of customers without data"),
        ({"data": []}, "page of customers without data or has_more"),
        ({"data": [], "has_more": True}, "nothing to go on after"),
        ({"data": [{"object": "customer"}], "has_more": True}, "nothing to go on after"),
    ],
)
def test_a_page_that_breaks_stripes_rules_is_reported(fake: FakeStripe, stripe: StripeConnector, body: Any, what: str) -> None:
    fake.faults.append(lambda r: Reply(body) if r.path == "/v1/customers" else None)
    with pytest.raises(ProtocolError, match=what):
        pages(stripe, "customers")


@pytest.mark.parametrize("event", [{}, {"id": "evt_1", "created": 1, "data": {}}, {"id": "e", "data": {"object": {}}}, None])
def test_an_event_that_breaks_stripes_rules_is_reported(fake: FakeStripe, stripe: StripeConnector, event: Any) -> None:
    fake.faults.append(lambda r: Reply({"data": [event], "has_more": False}) if r.path == "/v1/events" else None)
    with pytest.raises(ProtocolError, match="billing/customers: Stripe sent an event without"):
        pages(stripe, "customers")


def test_another_object_than_asked_for_is_reported(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    fake.update("customers", made)
    fake.faults.append(lambda r: Reply({"id": "cu_else"}) if r.path.endswith(made) else None)
    with pytest.raises(ProtocolError, match=f"billing/customers record {made}"):
        pages(stripe, "customers", checkpoint)


# checking the credentials ------------------------------------------------------------------------------------------


def test_check_says_which_account_in_one_call(fake: FakeStripe, stripe: StripeConnector) -> None:
    assert stripe.calls() == (0, 0)
    assert stripe.check() == "Stripe account acct_1"
    assert stripe.calls() == (1, 0)


def test_a_restricted_key_is_tried_on_customers(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.permitted.remove("account")
    assert stripe.check() == "Stripe account of a restricted key"
    fake.permitted.remove("customers")
    with pytest.raises(CredentialsError, match="403"):
        stripe.check()


def test_check_refuses_what_is_no_stripe(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.faults.append(lambda r: Reply({"hello": "world"}))
    with pytest.raises(ProtocolError, match="names no account; check base_url"):
        stripe.check()


# the bookkeeping of events, against a model ------------------------------------------------------------------------

CHANGES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),  # which object
        st.integers(0, 3),  # seconds since the change before
        st.integers(0, 20),  # by how much its event's time lags behind the time at which it shows
        st.sampled_from(["", "", "", "read", "break"]),  # what we do then
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_no_change_is_lost_whatever_the_order_and_wherever_a_reading_breaks(changes: list[tuple[str, int, int, str]]) -> None:
    """Events come in the same second and late; a reading sees all there are, or breaks off after its first batch."""
    versions, known, events = dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 0), list[Event]()

    def window(position: Position) -> list[Event]:
        return [e for e in events if position.watermark is None or e.created >= position.watermark - OVERLAP]

    def look(position: Position, breaks: bool) -> Position:
        listed = window(position)
        for batch in batches(position.fresh(listed)):
            known.update({object_id: versions[object_id] for object_id, _ in batch})
            if breaks:
                return position.handled(listed, batch[-1][1])
        return position.handled(listed, now)  # the newest event may be of another stream

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe_events, "BATCH", 1)
        position, now = Position(None, {}, datetime(2026, 1, 1, tzinfo=UTC)), NOW
        for number, (object_id, later, lag, action) in enumerate(changes):
            now += later
            versions[object_id] += 1
            events.append(Event(f"evt_{number}", now - lag, object_id))
            if action:
                position = look(position, action == "break")
                assert Position.load(json.loads(json.dumps(position.dump()))) == position
        position = look(position, breaks=False)
        assert known == versions
        assert position.fresh(window(position)) == []


def test_handling_a_late_event_does_not_forget_what_was_handled_after_it() -> None:
    before = [Event("1", NOW - 100, "a"), Event("2", NOW, "b")]
    position = Position(None, {}, datetime(2026, 1, 1, tzinfo=UTC)).handled(before, NOW)
    listed = [*before, Event("3", NOW - 50, "c"), Event("4", NOW + 10, "d")]
    position = position.handled(listed, NOW - 50)
    assert (position.watermark, [e.id for e in position.fresh(listed)]) == (NOW, ["4"])


@given(st.lists(st.integers(0, 5 * OVERLAP)))
def test_what_is_remembered_is_bounded_by_the_window(seconds: list[int]) -> None:
    events = [Event(str(n), NOW + second, "a") for n, second in enumerate(seconds)]
    position = Position(NOW, {}, datetime(2026, 1, 1, tzinfo=UTC)).handled(events, NOW + 5 * OVERLAP)
    assert len(position.seen) <= OVERLAP + 1
    assert all(int(second) >= NOW + 4 * OVERLAP for second in position.seen)


# mapping -----------------------------------------------------------------------------------------------------------


ADDRESS = {"line1": "1 High St", "line2": None, "city": "Leeds", "state": "WY", "postal_code": "LS1 1AA", "country": "GB"}


def test_the_mapping_feeds_four_tables() -> None:
    blocks = parse_mapping(connector_class("stripe")("s", None).mapping())
    assert [(b.stream, b.table) for b in blocks] == [
        ("invoices", "invoice"),
        ("charges", "payment"),
        ("refunds", "refund"),
        ("credit_notes", "refund"),
        ("charges", "party_record"),
        ("customers", "party_record"),
    ]


def test_a_customer_becomes_a_party() -> None:
    customer = {
        "id": "cus_1",
        "name": "Jane Döe",
        "email": "jane@example.com",
        "phone": "+44 113 496 0000",
        "address": ADDRESS,
        "shipping": {"name": "Someone Else", "phone": "1", "address": {**ADDRESS, "city": "York"}},
        "tax_ids": {"data": [{"value": "GB123456789"}]},
        "preferred_locales": ["en-GB", "fr"],
        "created": 1_700_000_000,
        "livemode": True,
    }
    assert mapped("customers", "party_record", customer) == [
        {
            "source_record_id": "cus_1",
            "record_role": "customer",
            "full_name": "Jane Döe",
            "email": "jane@example.com",
            "phone": "+44 113 496 0000",
            "address_line1": "1 High St",
            "city": "Leeds",
            "region": "WY",
            "postal_code": "LS1 1AA",
            "country": "GB",
            "tax_id": "GB123456789",
            "locale": "en-GB",
            "is_test": "false",
            "created_at": "2023-11-14T22:13:20Z",
        }
    ]


def test_what_a_customer_lacks_comes_from_shipping() -> None:
    customer = {"id": "cus_1", "address": dict.fromkeys(ADDRESS), "shipping": {"name": "Jo Roe", "phone": "5", "address": ADDRESS}}
    (row,) = mapped("customers", "party_record", customer)
    assert (row["full_name"], row["phone"], row["city"]) == ("Jo Roe", "5", "Leeds")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"name": "Acme Ltd", "business_name": "Acme Ltd"}, ("company", "Acme Ltd", None)),
        ({"name": "Jane Doe", "individual_name": "Jane Doe"}, ("person", None, "Jane Doe")),
        ({"name": "Acme", "business_name": "Acme", "individual_name": "Jane Doe"}, (None, "Acme", "Jane Doe")),
        ({"name": "Acme Ltd"}, (None, None, "Acme Ltd")),
    ],
)
def test_person_or_company_is_said_only_where_stripe_says_it(names: dict[str, str], expected: tuple[str | None, ...]) -> None:
    (row,) = mapped("customers", "party_record", {"id": "cus_1", **names})
    assert (row.get("party_type"), row.get("company_name"), row.get("full_name")) == expected


def invoice(**fields: Any) -> dict[str, Any]:
    return {
        "id": "in_1",
        "customer": "cus_1",
        "number": "A-1",
        "status": "open",
        "currency": "eur",
        "total": 1999,
        "amount_paid": 500,
        "amount_due": 1999,
        "amount_remaining": 1499,
        "created": 1_700_000_000,
        "due_date": 1_700_086_400,
        "livemode": False,
        "status_transitions": {"finalized_at": 1_700_003_600, "paid_at": None},
        **fields,
    }


def test_an_invoice_becomes_an_invoice() -> None:
    assert mapped("invoices", "invoice", invoice()) == [
        {
            "source_record_id": "in_1",
            "party_id": "cus_1",
            "party_stream": "customers",
            "invoice_number": "A-1",
            "issued_at": "2023-11-14T23:13:20Z",
            "due_at": "2023-11-15T22:13:20Z",
            "status": "open",
            "currency": "EUR",
            "total_amount": "19.990",
            "amount_paid": "5.000",
            "amount_due": "14.990",
            "is_test": "true",
            "created_at": "2023-11-14T22:13:20Z",
        }
    ]


def test_a_draft_keeps_its_status_and_is_dated_by_its_creation() -> None:
    (row,) = mapped("invoices", "invoice", invoice(status="draft", status_transitions={"finalized_at": None}, number=None))
    assert (row["status"], row["issued_at"]) == ("draft", "2023-11-14T22:13:20Z")


@pytest.mark.parametrize(
    ("currency", "minor", "major"),
    [
        ("usd", 1999, "19.99"),
        ("usd", -250, "-2.50"),
        ("jpy", 1999, "1999"),
        ("vnd", 250_000, "250000"),
        ("kwd", 12_340, "12.340"),
        ("tnd", 1, "0.001"),
        ("isk", 50_000, "500"),
        ("ugx", 50_000, "500"),
        ("huf", 104_500, "1045"),
        ("usd", 999_999_999_999_999, "9999999999999.99"),
    ],
)
def test_minor_units_follow_the_currency(currency: str, minor: int, major: str) -> None:
    (row,) = mapped("invoices", "invoice", invoice(currency=currency, total=minor))
    with duckdb.connect() as con:
        assert con.execute("SELECT ?::DECIMAL(18,4) = ?::DECIMAL(18,4)", [row["total_amount"], major]).fetchall() == [(True,)]


@pytest.mark.parametrize("amount", [19.99, "a lot", True, {"amount": 5}, "1999.00"])
def test_an_amount_that_is_no_whole_number_can_be_read_as_none(amount: Any) -> None:
    (row,) = mapped("invoices", "invoice", invoice(total=amount))
    with duckdb.connect() as con:
        assert con.execute("SELECT TRY_CAST(? AS DECIMAL(18,4))", [row["total_amount"]]).fetchall() == [(None,)]


@pytest.mark.parametrize("created", ["yesterday", 10**18, -5, 1.5])
def test_a_time_that_is_no_unix_time_is_passed_on_as_it_is(created: Any) -> None:
    (row,) = mapped("invoices", "invoice", invoice(created=created, status_transitions=None))
    assert row["issued_at"] == str(created)
    with duckdb.connect() as con:
        assert con.execute("SELECT TRY_CAST(? AS TIMESTAMP)", [row["issued_at"]]).fetchall() == [(None,)]


def charge(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "customer": "cus_1",
        "status": "succeeded",
        "captured": True,
        "currency": "gbp",
        "amount": 1000,
        "amount_refunded": 250,
        "created": 1_700_000_000,
        "livemode": True,
        "payment_method_details": {"type": "card"},
        "billing_details": {"name": "Jane Doe", "email": None, "phone": None, "address": ADDRESS, "tax_id": None},
        "receipt_email": "jane@example.com",
        **fields,
    }


def test_a_charge_of_a_customer_becomes_a_payment_only() -> None:
    assert mapped("charges", "payment", charge(invoice="in_1")) == [
        {
            "source_record_id": "ch_1",
            "party_id": "cus_1",
            "party_stream": "customers",
            "invoice_id": "in_1",
            "paid_at": "2023-11-14T22:13:20Z",
            "status": "succeeded",
            "currency": "GBP",
            "amount": "10.000",
            "refund_amount": "2.500",
            "method": "card",
            "is_test": "false",
            "created_at": "2023-11-14T22:13:20Z",
        }
    ]
    assert mapped("charges", "party_record", charge()) == []


def test_a_charge_without_customer_is_paid_by_a_guest() -> None:
    (payment,) = mapped("charges", "payment", charge(customer=None))
    (guest,) = mapped("charges", "party_record", charge(customer=None))
    assert (payment["party_id"], payment["party_stream"]) == ("ch_1", "charges")
    assert guest == {
        "source_record_id": "ch_1",
        "record_role": "guest",
        "full_name": "Jane Doe",
        "email": "jane@example.com",
        "address_line1": "1 High St",
        "city": "Leeds",
        "region": "WY",
        "postal_code": "LS1 1AA",
        "country": "GB",
        "is_test": "false",
        "created_at": "2023-11-14T22:13:20Z",
    }


@pytest.mark.parametrize(
    "field", ["billing.name", "billing.email", "billing.phone", "receipt_email", "shipping.name", "shipping.phone", ""]
)
def test_payment_and_guest_agree_on_whether_there_is_a_guest(field: str) -> None:
    details, _, name = field.rpartition(".")
    nobody: dict[str, Any] = {"customer": None, "receipt_email": None, "billing_details": {}, "shipping": None}
    if details:
        nobody[{"billing": "billing_details"}.get(details, details)] = {name: "x"}
    elif name:
        nobody[name] = "x"
    (payment,) = mapped("charges", "payment", charge(**nobody))
    guests = mapped("charges", "party_record", charge(**nobody))
    assert len(guests) == (1 if field else 0)
    assert payment.get("party_id") == ("ch_1" if field else None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "succeeded"),
        ({"captured": None}, "succeeded"),
        ({"captured": False}, "uncaptured"),
        ({"status": "failed", "captured": False}, "failed"),
        ({"status": "pending", "captured": False}, "pending"),
    ],
)
def test_a_hold_on_a_card_is_no_payment_yet(fields: dict[str, Any], status: str) -> None:
    assert mapped("charges", "payment", charge(**fields))[0]["status"] == status


def test_payloads_of_another_shape_map_to_nulls_and_break_nothing() -> None:
    odd = {"id": "x", "name": ["a"], "address": "1 High St", "shipping": [], "tax_ids": {"data": {}}, "preferred_locales": "en"}
    assert mapped("customers", "party_record", odd)[0]["source_record_id"] == "x"
    assert mapped("invoices", "invoice", {"id": "x", "status_transitions": 5})[0]["source_record_id"] == "x"
    assert mapped("charges", "payment", {"id": "x", "billing_details": "y"})[0]["source_record_id"] == "x"


# Stripe's own word -------------------------------------------------------------------------------------------------


def client_folder() -> Path:
    spec = find_spec("stripe")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def test_version_and_event_names_are_those_of_stripes_own_client() -> None:
    client = client_folder()
    assert f'"{API_VERSION}"' in (client / "_api_version.py").read_text()
    known = set(re.findall(r'"([a-z_.]+)"', (client / "params" / "_webhook_endpoint_create_params.py").read_text()))
    for resource in RESOURCES:
        assert set(resource.events) <= known
        assert len(resource.events) == len(set(resource.events)) <= 20


def test_every_request_is_in_stripes_openapi(specs: Path, fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 1
    for stream in (s.name for s in stripe.streams()):
        made = [fake.create(stream, customer="cu_1", payment_intent="pi_1", charge="ch_1") for _ in range(2)]
        _, checkpoint = read(stripe, stream)
        fake.update(stream, made[0])
        fake.happen("invoice_payment.paid", {"object": "invoice_payment", "payment": {"payment_intent": "pi_2"}})
        fake.happen("charge.refunded", {"object": "charge", "id": "ch_2"})
        read(stripe, stream, checkpoint)
        list(window(stripe, stream, NOW - DAY, NOW + DAY))
    stripe.check()
    with gzip.open(Path(specs, "stripe_openapi_2024-06-20.json.gz")) as file:
        paths = json.load(file)["paths"]
    for request in fake.server.requests:
        parts = request.path.split("/")
        if parts[2] == "invoice_payments":  # that description is older than them; Stripe's own client knows them
            params = (client_folder() / "params" / "_invoice_payment_list_params.py").read_text()
            declared = set(re.findall(r"^    ([a-z_]+): NotRequired", params.split("\n\n\nclass ")[1], re.MULTILINE))
        else:
            (path,) = [p for p in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", p), request.path)]
            declared = {p["name"] for p in paths[path]["get"]["parameters"]}
        assert {name.split("[")[0] for name in request.query} <= declared, request.path
    assert {r.path.split("/")[2] for r in fake.server.requests} == {*SINGULAR, "events", "account"}


def test_stripes_own_sample_objects_are_mapped(specs: Path) -> None:
    samples = json.loads(Path(specs, "stripe_fixtures3.json").read_text())["resources"]
    (bill,) = mapped("invoices", "invoice", samples["invoice"])
    assert (bill["party_id"], bill["total_amount"], bill["currency"], bill["status"]) == (
        samples["invoice"]["customer"],
        "10.000",
        "USD",
        "draft",
    )
    (payment,) = mapped("charges", "payment", samples["charge"])
    assert (payment["amount"], payment["method"], payment["status"]) == ("1.000", "card", "uncaptured")
    (guest,) = mapped("charges", "party_record", samples["charge"])
    assert guest["full_name"] == "Jenny Rosen"
    (refund,) = mapped("refunds", "refund", samples["refund"])
    assert (refund["amount"], refund["payment_id"], refund["status"]) == ("1.000", samples["refund"]["charge"], "succeeded")
    (note,) = mapped("credit_notes", "refund", samples["credit_note"])
    assert (note["amount"], note["invoice_id"], note["status"]) == ("16.900", samples["credit_note"]["invoice"], "succeeded")
    (party,) = mapped("customers", "party_record", samples["customer"])
    assert (party["is_test"], party["created_at"]) == ("true", "2009-02-13T23:31:30Z")
