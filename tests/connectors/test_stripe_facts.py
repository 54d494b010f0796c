"""Stripe: what belongs to a payment (the invoice it pays, what went back of it), windows of time, and what a whole list lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Record
from connectors.extract import extract_stream, extract_window, stream_of
from connectors.invoicing.stripe import StripeConnector
from connectors.landing import StreamLanding
from hub.contract.errors import CredentialsError
from tests.connectors.stripe_server import DAY, KEY, NOW, FakeStripe, asked, connect, ids, mapped, pages, read, window
from tests.loopback import serve
from warehouse import raw
from warehouse.connection import connect as warehouse
from warehouse.migrations import migrate


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


def pay(fake: FakeStripe, intent: str, invoice: str | None = "in_1") -> str:
    """A customer's charge, and what links it to an invoice."""
    if invoice is not None:
        payment = {"type": "payment_intent", "payment_intent": intent}
        fake.create("invoice_payments", invoice=invoice, payment=payment, amount_paid=1234)
    return fake.create("charges", customer="cu_1", payment_intent=intent, amount=1234)


def invoices_of(records: list[Record]) -> dict[str, list[str]]:
    return {r.id: [link["invoice"] for link in r.payload["invoice_payments"]["data"]] for r in records}


# the invoice that a charge pays --------------------------------------------------------------------------------------


def test_charges_come_with_their_invoice_payments_which_are_listed_once(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    made = [pay(fake, f"pi_{n}", None if n == 3 else f"in_{n}") for n in range(5)]
    records, _ = read(stripe, "charges")
    assert invoices_of(records) == {made[n]: [] if n == 3 else [f"in_{n}"] for n in range(5)}
    links = [r for r in fake.server.requests if r.path == "/v1/invoice_payments"]
    assert [r.query["payment[type]"] for r in links] == [["payment_intent"]] * 2, "two pages of them, and none per charge"
    sent = {name: value for name, value in records[0].payload.items() if name != "invoice_payments"}
    assert sent == fake.find("charges", made[4])


def test_a_charge_that_changed_reads_the_same_as_out_of_the_list_and_costs_one_more_request(
    fake: FakeStripe, stripe: StripeConnector
) -> None:
    pay(fake, "pi_1")
    _, checkpoint = read(stripe, "charges")
    fake.now += 10
    made = pay(fake, "pi_2", "in_2")
    fake.server.requests.clear()
    records, _ = read(stripe, "charges", checkpoint)
    assert invoices_of(records) == {made: ["in_2"]}
    assert asked(fake) == ["/v1/events", "/v1/events", f"/v1/charges/{made}", "/v1/invoice_payments"]
    assert next(r for r in read(stripe, "charges")[0] if r.id == made).payload == records[0].payload


def test_whoever_cannot_pay_an_invoice_is_not_asked_for_one(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.create("charges", customer=None, payment_intent="pi_guest")
    fake.create("charges", customer="cu_1", payment_intent=None)
    records, checkpoint = read(stripe, "charges")
    assert ["invoice_payments" in r.payload for r in records] == [False, False]
    fake.now += 1
    fake.create("charges", customer=None, payment_intent="pi_guest2")
    read(stripe, "charges", checkpoint)
    assert asked(fake, "invoice_payments") == []


def test_a_payment_that_is_attached_to_an_invoice_later_brings_its_charge_again(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = pay(fake, "pi_1", None)
    records, checkpoint = read(stripe, "charges")
    assert invoices_of(records) == {made: []}
    fake.now += 5 * DAY
    fake.create("invoice_payments", invoice="in_late", payment={"type": "payment_intent", "payment_intent": "pi_1"})
    fake.create("invoice_payments", invoice="in_else", payment={"type": "payment_record", "payment_record": "prec_1"})
    records, checkpoint = read(stripe, "charges", checkpoint)
    assert invoices_of(records) == {made: ["in_late"]}
    assert pages(stripe, "charges", checkpoint) == []


def test_invoice_payments_that_come_while_everything_is_read_are_not_missed(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    made = [pay(fake, f"pi_{n}", None) for n in range(4)]
    reading = stream_of(stripe, "charges").read(None)
    first = next(reading)
    fake.now += 1
    fake.create("invoice_payments", invoice="in_0", payment={"type": "payment_intent", "payment_intent": "pi_0"})
    found = {**invoices_of(first.records), **invoices_of([r for page in reading for r in page.records])}
    assert found == {made[0]: ["in_0"], made[1]: [], made[2]: [], made[3]: []}


def test_switched_off_they_are_neither_read_nor_asked_for(fake: FakeStripe) -> None:
    fake.permitted.remove("invoice_payments")
    made = pay(fake, "pi_1")
    connector = connect(fake, invoice_payments=False)
    records, checkpoint = read(connector, "charges")
    fake.now += 1
    fake.happen("charge.updated", fake.find("charges", made))
    again, _ = read(connector, "charges", checkpoint)
    connector.close()
    assert [r.payload for r in [*records, *again]] == [fake.find("charges", made)] * 2


def test_when_they_are_to_be_read_from_now_on_everything_is_read_again_once(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = pay(fake, "pi_1")
    without = connect(fake, invoice_payments=False)
    _, old = read(without, "charges")
    without.close()
    assert old is not None
    assert "along" not in old, "as the checkpoints of earlier versions, which knew of no invoice payments"
    found = pages(stripe, "charges", old)
    assert [page.begins for page in found] == [True]
    assert invoices_of(found[0].records) == {made: ["in_1"]}
    assert pages(stripe, "charges", found[0].checkpoint) == []


@pytest.mark.parametrize("stop", [1, 2])
def test_a_broken_off_reading_goes_on_with_them(fake: FakeStripe, stripe: StripeConnector, stop: int) -> None:
    fake.page = 2
    made = [pay(fake, f"pi_{n}", f"in_{n}") for n in range(6)]
    reading = stream_of(stripe, "charges").read(None)
    first = [next(reading) for _ in range(stop)]
    reading.close()  # type: ignore[attr-defined]
    rest, _ = read(stripe, "charges", first[-1].checkpoint)
    assert invoices_of([r for page in first for r in page.records] + rest) == {made[n]: [f"in_{n}"] for n in range(6)}


def test_a_payment_names_its_invoice_and_none_where_it_pays_several() -> None:
    def named(*invoices: str, **fields: Any) -> str | None:
        links = {"object": "list", "data": [{"id": f"inpay_{i}", "invoice": i} for i in invoices]}
        (row,) = mapped("charges", "payment", {"id": "ch_1", "invoice_payments": links, **fields})
        return row.get("invoice_id")

    assert named("in_1") == "in_1"
    assert named("in_1", "in_1") == "in_1"
    assert named("in_1", "in_2") is None
    assert named() is None
    assert named(invoice="in_0") == "in_0", "as API versions before 2025-03-31 say it"
    for odd in ("x", {"data": "x"}, {"data": [1]}, {"data": [{"invoice": None}]}, []):
        (row,) = mapped("charges", "payment", {"id": "ch_1", "invoice_payments": odd})
        assert "invoice_id" not in row


# what went back ------------------------------------------------------------------------------------------------------


def test_refunds_come_by_their_own_events(fake: FakeStripe, stripe: StripeConnector) -> None:
    old = fake.create("refunds", charge="ch_1", status="pending")
    _, checkpoint = read(stripe, "refunds")
    fake.now += 10
    fake.update("refunds", old, status="failed")
    new = fake.create("refunds", charge="ch_2", status="succeeded")
    fake.happen("charge.refunded", {"id": "ch_2", "object": "charge"})
    fake.server.requests.clear()
    records, checkpoint = read(stripe, "refunds", checkpoint)
    assert {r.id: r.payload["status"] for r in records} == {old: "failed", new: "succeeded"}
    assert sorted(asked(fake)) == sorted([f"/v1/refunds/{old}", f"/v1/refunds/{new}", "/v1/events", "/v1/events"])
    assert pages(stripe, "refunds", checkpoint) == []


def test_where_only_the_charge_tells_of_a_refund_it_is_found_by_the_charge(fake: FakeStripe, stripe: StripeConnector) -> None:
    _, checkpoint = read(stripe, "refunds")
    made = [fake.create("refunds", charge="ch_1", amount=n) for n in range(2)]
    other = fake.create("refunds", charge="ch_2")
    fake.events.clear()
    fake.now += 10
    fake.happen("charge.refunded", {"id": "ch_1", "object": "charge"})
    records, _ = read(stripe, "refunds", checkpoint)
    assert sorted(ids(records)) == [(i, "upsert") for i in sorted(made)]
    assert other not in {r.id for r in records}


def test_credit_notes_come_by_their_own_events(fake: FakeStripe, stripe: StripeConnector) -> None:
    first = fake.create("credit_notes", status="issued")
    _, checkpoint = read(stripe, "credit_notes")
    fake.now += 10
    fake.find("credit_notes", first)["status"] = "void"
    fake.happen("credit_note.voided", fake.find("credit_notes", first))
    second = fake.create("credit_notes", status="issued")
    records, _ = read(stripe, "credit_notes", checkpoint)
    assert {r.id: r.payload["status"] for r in records} == {first: "void", second: "issued"}


@pytest.mark.parametrize(
    ("stream", "missing", "remedy"),
    [
        ("refunds", "refunds", "let the key in environment variable STRIPE_API_KEY read refunds, or set refunds: false"),
        ("credit_notes", "credit_notes", "STRIPE_API_KEY read credit notes, or set credit_notes: false"),
        ("charges", "invoice_payments", "STRIPE_API_KEY read invoice payments, or set invoice_payments: false"),
    ],
)
def test_a_key_that_may_not_read_one_of_them_says_which_and_what_to_switch_off(
    fake: FakeStripe, stripe: StripeConnector, stream: str, missing: str, remedy: str
) -> None:
    pay(fake, "pi_1")
    fake.permitted.remove(missing)
    with pytest.raises(CredentialsError, match=rf"^billing/{stream}: 403, .* at GET /v1/{missing}; .*{remedy}$"):
        pages(stripe, stream)
    assert ids(read(stripe, "customers")[0]) == [], "the others go on"


def test_what_is_switched_off_is_no_stream(fake: FakeStripe) -> None:
    connector = connect(fake, refunds=False, credit_notes=False)
    assert [s.name for s in connector.streams()] == ["invoices", "charges", "customers"]


REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 250,
    "charge": "ch_1",
    "created": 1_700_000_000,
    "currency": "gbp",
    "customer": None,
    "reason": "requested_by_customer",
    "status": "canceled",
}


def test_a_refund_becomes_a_refund() -> None:
    assert mapped("refunds", "refund", REFUND) == [
        {
            "source_record_id": "re_1",
            "party_stream": "customers",
            "refund_type": "refund",
            "payment_id": "ch_1",
            "refunded_at": "2023-11-14T22:13:20Z",
            "status": "cancelled",
            "reason": "requested_by_customer",
            "currency": "GBP",
            "amount": "2.500",
            "created_at": "2023-11-14T22:13:20Z",
        }
    ]
    assert mapped("refunds", "refund", {**REFUND, "customer": "cus_1", "status": "pending"})[0]["party_id"] == "cus_1"


def test_a_credit_note_becomes_a_refund_of_its_own_type() -> None:
    note = {
        "id": "cn_1",
        "amount": 1500,
        "currency": "jpy",
        "customer": "cus_1",
        "invoice": "in_1",
        "created": 1_700_000_000,
        "effective_at": 1_699_999_000,
        "livemode": False,
        "reason": "order_change",
        "status": "issued",
    }
    assert mapped("credit_notes", "refund", note) == [
        {
            "source_record_id": "cn_1",
            "party_id": "cus_1",
            "party_stream": "customers",
            "refund_type": "credit_note",
            "invoice_id": "in_1",
            "refunded_at": "2023-11-14T21:56:40Z",
            "status": "succeeded",
            "reason": "order_change",
            "currency": "JPY",
            "amount": "1500.000",
            "is_test": "true",
            "created_at": "2023-11-14T22:13:20Z",
        }
    ]
    assert mapped("credit_notes", "refund", {**note, "status": "void", "effective_at": None})[0]["status"] == "cancelled"


@pytest.mark.parametrize("stream", ["refunds", "credit_notes"])
@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [("kwd", 12340, "12.340"), ("jpy", 12, "12.000"), ("usd", "19.99", "19.99 (no whole number of minor units)")],
)
def test_amounts_that_went_back_follow_the_currency(stream: str, currency: str, amount: Any, expected: str) -> None:
    (row,) = mapped(stream, "refund", {"id": "x", "currency": currency, "amount": amount, "created": "soon", "status": [1]})
    assert (row["amount"], row["refunded_at"]) == (expected, "soon")


# a window of time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "table", "field", "column"),
    [
        ("invoices", "invoice", "customer", "party_id"),
        ("charges", "payment", "customer", "party_id"),
        ("charges", "payment", "invoice", "invoice_id"),
        ("refunds", "refund", "charge", "payment_id"),
        ("credit_notes", "refund", "customer", "party_id"),
        ("credit_notes", "refund", "invoice", "invoice_id"),
    ],
)
def test_what_stands_there_whole_is_known_by_its_id_as_well(stream: str, table: str, field: str, column: str) -> None:
    for sent, expected in (("obj_1", "obj_1"), ({"id": "obj_1", "deleted": True}, "obj_1"), ("{odd", None)):
        (row,) = mapped(stream, table, {"id": "x", field: sent})
        assert row.get(column) == expected


def test_a_window_brings_what_was_created_or_changed_in_it_each_once(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    before = [fake.create("customers", name="before") for _ in range(2)]
    gone = fake.create("customers")
    fake.now += DAY
    within = [fake.create("customers", name="within") for _ in range(3)]
    fake.update("customers", within[0], name="and changed in it")
    fake.update("customers", before[0], name="changed in it")
    fake.delete("customers", gone)
    fake.now += DAY
    after = fake.create("customers")
    fake.update("customers", before[1], name="changed after it")
    found = [r for page in window(stripe, "customers", NOW + DAY, NOW + 2 * DAY) for r in page.records]
    assert sorted(ids(found)) == sorted([*((i, "upsert") for i in within), (before[0], "upsert"), (gone, "delete")])
    assert {r.payload.get("name") for r in found} >= {"and changed in it", "changed in it"}
    # the end is not part of it, and parts of a second are not lost
    assert after in {r.id for page in window(stripe, "customers", NOW + 2 * DAY, NOW + 2 * DAY + 0.5) for r in page.records}
    assert [page.records for page in window(stripe, "customers", NOW + 2 * DAY + 1, NOW + 3 * DAY)] == [[]]


def test_charges_of_a_window_come_with_their_invoices(fake: FakeStripe, stripe: StripeConnector) -> None:
    made = pay(fake, "pi_1", "in_1")
    fake.now += 10
    found = [r for page in window(stripe, "charges", NOW, NOW + 1) for r in page.records]
    assert invoices_of(found) == {made: ["in_1"]}


def test_a_window_that_reaches_beyond_stripes_memory_says_so(
    fake: FakeStripe, stripe: StripeConnector, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        # whatever ran before may have made other loggers talkative
        return [record.getMessage() for record in caplog.records if record.name.startswith("connectors.")]

    now = datetime.now(UTC).timestamp()
    list(window(stripe, "refunds", now - 28 * DAY, now))
    assert said() == []
    list(window(stripe, "refunds", now - 60 * DAY, now))
    assert said() == [
        "billing/refunds: Stripe keeps events for 30 days; what only changed in this window, but before that, is not read again"
    ]


def test_a_backfill_lands_the_window_and_leaves_the_cursor(fake: FakeStripe, stripe: StripeConnector, tmp_path: Path) -> None:
    made = fake.create("credit_notes")
    stream = stream_of(stripe, "credit_notes")
    extract_stream(stripe, stream, tmp_path, sync_run_id="one")
    landing = StreamLanding(tmp_path, "billing", "credit_notes")
    point = landing.resume_point()
    landing.committed(point.checkpoint, point.seq - 1)
    since = datetime.fromtimestamp(NOW, UTC)
    done = extract_window(stripe, stream, tmp_path, sync_run_id="two", since=since, until=since + timedelta(days=1))
    assert (done.rows, landing.resume_point().checkpoint) == (1, point.checkpoint)
    assert made == "cr_0001"


# what a whole list lacks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "lost"), [("customers", True), ("invoices", True), ("charges", False)])
def test_what_was_deleted_while_stripe_forgot_is_gone_after_everything_was_read_again(
    fake: FakeStripe, stripe: StripeConnector, tmp_path: Path, stream: str, lost: bool
) -> None:
    con = warehouse(None)
    migrate(con)

    def sync(*, away: int = 0, full: bool = False) -> dict[str, str]:
        landing = StreamLanding(tmp_path, "billing", stream)
        if away:
            checkpoint, seq = landing.mirror()
            assert checkpoint is not None
            checked = (datetime.now(UTC) - timedelta(days=away)).isoformat()
            landing.committed({**checkpoint, "checked": checked}, seq)
        extract_stream(stripe, stream_of(stripe, stream), tmp_path, sync_run_id="run", full=full)
        parts = [(path, landing.info(path)) for path in landing.parts()]
        raw.load(con, "billing", stream, parts, sync_run_id="run", now=datetime(2026, 1, 1))  # noqa: DTZ001
        value, seq, _ = raw.cursor(con, "billing", stream)
        landing.committed(value, seq)
        rows = con.execute(f'SELECT source_record_id, arg_max(op, version) FROM raw."billing__{stream}" GROUP BY 1').fetchall()
        return dict(rows)

    first, second = fake.create(stream), fake.create(stream)
    assert sync() == {first: "upsert", second: "upsert"}
    fake.objects[stream] = [item for item in fake.objects[stream] if item["id"] != first]  # and no event is left of it
    fake.now += 1
    third = fake.create(stream)
    assert sync()[first] == "upsert", "events alone cannot tell"
    assert sync(away=40) == {first: "delete" if lost else "upsert", second: "upsert", third: "upsert"}
    fake.objects[stream] = [item for item in fake.objects[stream] if item["id"] != second]
    assert sync(full=True)[second] == ("delete" if lost else "upsert")
    con.close()


def test_only_the_first_page_of_everything_read_again_begins(fake: FakeStripe, stripe: StripeConnector) -> None:
    fake.page = 2
    for _ in range(5):
        fake.create("customers")
    _, checkpoint = read(stripe, "customers")
    assert checkpoint is not None
    away = {**checkpoint, "checked": (datetime.now(UTC) - timedelta(days=40)).isoformat()}
    found = pages(stripe, "customers", away)
    assert [page.begins for page in found] == [True, False, False]
    middle = json.loads(json.dumps(found[0].checkpoint))
    assert [page.begins for page in pages(stripe, "customers", middle)] == [False, False], "what is resumed began before"
