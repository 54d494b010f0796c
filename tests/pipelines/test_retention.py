"""Retention: what is past its cut-off goes from every store and stays gone; money and everybody else are as they were."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines import backups
from pipelines.cli.quarantine import _readable
from pipelines.decision_rows import Steward
from pipelines.definitions import build_defs
from pipelines.privacy import retention, taking_out
from pipelines.privacy.retention import Retained, retain
from pipelines.privacy.scanning import scan
from pipelines.retention_settings import cut_off
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_erase import MONEY
from tests.pipelines.world import Command, World
from warehouse import control_tables as t
from warehouse.connection import connect
from warehouse.control import utcnow
from warehouse.privacy_tables import erased, retention_arrival, retention_cut, retention_run

DPO = Steward("dpo")
NOW = datetime.now(UTC)
FIELDS = {"given_name": "given", "family_name": "family", "email": "email", "phone": "phone", "address_line1": "street"}
CONTACTS = [
    # still a customer: by an order of last week
    ("1", "Ann", "Lee", "ann.lee@mail.net", "020 7946 0001", "5 High St", "2016-01-01T00:00:00Z"),
    # nobody heard of him for years
    ("2", "Igor", "Wolkow", "igor@own.example", "020 7946 0008", "7 Low St", "2016-02-01T00:00:00Z"),
    # as old, and an invoice of theirs is not paid
    ("3", "Bob", "Hill", "bob@own.example", "020 7946 0009", "1 Mill Rd", "2016-02-01T00:00:00Z"),
    # nothing happened, but the record was mended last week
    ("4", "Una", "Marsh", "una@own.example", "020 7946 0010", "2 Mill Rd", f"{NOW - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"),
]
ORDERS = [
    {
        "id": "o1",
        "who": "1",
        "at": "2017-01-02T10:00:00Z",
        "sum": "12.50",
        "page": "https://x.example/?utm_source=mail&gclid=clickofann",
    },
    {
        "id": "o2",
        "who": "1",
        "at": f"{NOW - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
        "sum": "30.00",
        "page": "https://x.example/late",
    },
    {"id": "o3", "who": "2", "at": "2016-01-03T10:00:00Z", "sum": "7.20", "page": "https://x.example/?e=igorspage"},
]
INVOICES = [
    {
        "id": "i1",
        "who": "1",
        "at": "2015-01-02T10:00:00Z",
        "sum": "5.00",
        "paid": "5.00",
        "status": "paid",
        "to": "ann paid this at home",
    },
    {
        "id": "i2",
        "who": "3",
        "at": "2015-03-02T10:00:00Z",
        "sum": "9.00",
        "paid": "0",
        "status": "open",
        "to": "bob owes this still",
    },
]
TICKETS = [
    {
        "id": "t1",
        "who": "1",
        "at": "2016-05-01T08:00:00Z",
        "done": "2016-05-02T08:00:00Z",
        "status": "solved",
        "about": "ann is cross",
    },
    {"id": "t2", "who": "1", "at": "2016-06-01T08:00:00Z", "done": None, "status": "open", "about": "ann still waits"},
    {
        "id": "t3",
        "who": "2",
        "at": "2016-05-01T08:00:00Z",
        "done": "2016-06-02T08:00:00Z",
        "status": "closed",
        "about": "igor is cross",
    },
]
LEADS = [{"id": "l1", "who": "1", "at": "2016-04-01T08:00:00Z", "click": "clickofthelead"}]
OF_MONEY = MONEY.replace("UNION ALL SELECT 'ticket'", "-- ")
TABLES = {"customer": "5 years", "customer_order": "3 years", "invoice": "6 years", "ticket": "24 months", "lead": "700 days"}
GONE = [
    *("igor@own.example", "igor wolkow", "+442079460008", "7 low st", "clickofann", "igorspage", "ann paid this at home"),
    *("ann is cross", "igor is cross", "clickofthelead"),
]
STAYING = ["ann still waits", "bob owes this still", "ann.lee@mail.net", "https://x.example/late"]
OTHERS = (
    "SELECT * EXCLUDE (load_id, last_activity_at) FROM golden.customer WHERE customer_id <> $1 ORDER BY customer_id",
    "SELECT * EXCLUDE (load_id) FROM golden.customer_history WHERE customer_id <> $1 ORDER BY ALL",
    "SELECT * EXCLUDE (load_id) FROM golden.customer_identifier WHERE customer_id <> $1 ORDER BY ALL",
    "SELECT customer_id, record_key FROM identity.customer_xref WHERE is_current AND customer_id <> $1 ORDER BY ALL",
    "SELECT * EXCLUDE (load_id) FROM golden.customer_order WHERE order_key = 'crm:orders:o2' AND customer_id <> $1",
    "SELECT customer_id, ltv_base, open_balance_base FROM golden.customer_metrics WHERE customer_id <> $1 ORDER BY ALL",
)


def configure(root: Path, **more: Any) -> World:
    def stream(name: str, kind: str, **fields: str) -> dict[str, Any]:
        return {"path": f"../in/{name}.jsonl", "kind": kind, "id": "id", "fields": {"party_id": "who", **fields}}

    streams = {
        "contacts": {"path": "../in/contacts.csv", "kind": "party", "id": "id", "updated_at": "changed", "fields": FIELDS},
        "orders": stream("orders", "order", ordered_at="at", gross_amount="sum", currency="money", landing_url="page"),
        "invoices": stream(
            "invoices", "invoice", issued_at="at", total_amount="sum", amount_paid="paid", currency="money", status="status"
        ),
        "tickets": stream("tickets", "ticket", opened_at="at", solved_at="done", status="status", subject="about"),
        "leads": stream("leads", "lead", submitted_at="at", click_id="click"),
    }
    crm = {"type": "files", "country": "GB", "streams": streams}
    gate = {"max_id_churn": 0.9}
    return World(root, {"sources": {"crm": crm}, "gate": gate, "retention": {"tables": TABLES}, **more})


def write(into: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (into / f"{name}.jsonl").write_text("".join(json.dumps({"money": "GBP", **row}) + "\n" for row in rows))


def contacts(into: Path, rows: list[tuple[str, ...]]) -> None:
    with open(into / "contacts.csv", "w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([("id", *FIELDS.values(), "changed"), *rows])


def two_loads(root: Path) -> None:
    for name in ("in", "hub"):
        (root / name).mkdir()
    contacts(root / "in", [*CONTACTS[:1], (*CONTACTS[1][:3], "igor.old@own.example", *CONTACTS[1][4:]), *CONTACTS[2:]])
    for name, rows in (("orders", ORDERS), ("invoices", INVOICES), ("tickets", TICKETS), ("leads", LEADS)):
        write(root / "in", name, rows)
    world = configure(root / "hub")
    assert world.sync().action == "published"
    contacts(root / "in", CONTACTS)
    assert world.sync().action == "published"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    built = built_once(tmp_path_factory, "retained", two_loads)
    for name in ("in", "hub"):
        copy_of(built / name, tmp_path / name)
    return configure(tmp_path / "hub")


def found(world: World, texts: list[str]) -> list[str]:
    with world.hub() as hub:
        return [f"{hit.place} {hit.where}" for hit in scan(hub, texts)]


def igor(world: World) -> str:
    ((id_,),) = world.ask("SELECT customer_id FROM identity.customer_xref WHERE record_key = 'crm:contacts:2' AND is_current")
    return str(id_)


def run(world: World, *, dry: bool = False) -> Retained:
    with world.hub() as hub:
        return retain(hub, DPO, dry=dry)


def digests(world: World) -> dict[str, str]:
    """Of every file of the hub but locks and SQLite's shared memory, which say nothing of it."""
    files = [path for path in (world.root / "data").rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(("lock", "-shm", "-wal", ".db"))
    }


def control(world: World) -> dict[str, int]:
    with world.hub() as hub:
        return {table.name: len(hub.control.rows(sa.select(table))) for table in t.metadata.sorted_tables}


def test_a_dry_run_says_what_would_go_and_changes_nothing(world: World, hub: Command) -> None:
    control(world)  # what opening the store makes
    before, rows = digests(world), control(world)
    told = hub("privacy", "retention", "--dry-run")
    assert (digests(world), control(world)) == (before, rows)
    cuts = {cut["table"]: cut for cut in told["cuts"]}
    assert {name: (cut["rows"], cut["customers"], cut["staying"]) for name, cut in cuts.items()} == {
        "customer": (1, 1, 1),
        "customer_order": (2, 2, 0),
        "invoice": (1, 1, 1),
        "ticket": (2, 2, 1),
        "lead": (1, 1, 0),
    }
    assert cuts["ticket"]["oldest"] == "2016-05-02T08:00:00Z"
    assert cuts["ticket"]["newest"] == "2016-06-02T08:00:00Z"
    assert cuts["customer"]["newest"] == "2016-06-02T08:00:00Z"
    shown = hub("privacy", "retention", "--dry-run", text=True)
    assert "Would go" in shown
    assert not [text for text in GONE if text in shown.lower()]


def test_what_is_past_its_cut_off_goes_everywhere_stays_gone_and_leaves_the_rest(world: World, hub: Command) -> None:
    id_, money = igor(world), world.ask(OF_MONEY)
    rest = [world.ask(query, id_) for query in OTHERS]
    assert len({place.split()[0] for place in found(world, GONE)}) > 1
    assert "has never run" in hub("status", text=True)
    assert [finding["what"] for finding in hub("doctor") if finding["check"] == "retention"] == ["retention has never run"]
    done = hub("privacy", "retention", "--by", "dpo")
    assert done["counts"]
    assert [finding for finding in hub("doctor") if finding["severity"] == "error"] == []

    def as_it_should_be() -> None:
        assert found(world, [*GONE, "igor.old@own.example"]) == []
        for path in (world.root / "data").rglob("*"):
            if path.is_file() and not path.is_symlink():
                held = path.read_bytes().lower()
                assert not [text for text in GONE if text.encode() in held], path
        assert all(found(world, [text]) for text in STAYING)
        assert world.ask(OF_MONEY) == money
        assert [world.ask(query, id_) for query in OTHERS] == rest
        assert world.ask("SELECT ticket_key FROM golden.ticket") == [("crm:tickets:t2",)]
        assert world.ask("SELECT count(*) FROM golden.lead") == [(0,)]
        assert world.ask("SELECT status, full_name, email FROM golden.customer WHERE customer_id = $1", id_) == [
            ("erased", None, None)
        ]
        assert world.ask(
            "SELECT order_key, gross_amount, utm_source, landing_url, click_id FROM golden.customer_order ORDER BY 1"
        ) == [
            ("crm:orders:o1", Decimal("12.5"), "mail", None, None),
            ("crm:orders:o2", Decimal("30"), None, "https://x.example/late", None),
            ("crm:orders:o3", Decimal("7.2"), None, None, None),
        ]
        # a customer who stays keeps the order, one who goes leads to nobody
        assert world.ask(
            "SELECT order_key FROM golden.customer_order JOIN golden.customer USING (customer_id)"
            " WHERE full_name = 'Ann Lee' ORDER BY 1"
        ) == [("crm:orders:o1",), ("crm:orders:o2",)]
        assert world.ask("SELECT customer_id FROM golden.customer_order WHERE order_key = 'crm:orders:o3'") == [(id_,)]

    as_it_should_be()
    assert world.sync().action == "published"
    as_it_should_be()
    # the sources still have it all, and send it again
    outcome = world.sync(full=True)
    assert (outcome.exit_code, outcome.errors) == (0, {})
    as_it_should_be()
    with world.hub() as opened:
        last = [row for row in opened.control.rows(sa.select(t.sync_run)) if row["mode"] == "full"]
        arrived = opened.control.rows(sa.select(retention_arrival))
    assert sum(row["rows_extracted"] for row in last) == sum(row["rows_unchanged"] for row in last) == 13
    assert {row["stream"]: row["rows"] for row in arrived} == {"orders": 2, "invoices": 1, "tickets": 2, "leads": 1}
    # once more there is nothing to do, and nothing is done
    before = digests(world)
    again = run(world)
    assert (again.counts, {cut.rows for cut in again.cuts}) == ({}, {0})
    assert digests(world).keys() == before.keys()
    assert world.sync().action == "unchanged"
    with world.hub() as opened:
        runs = opened.control.rows(sa.select(retention_run).order_by(retention_run.c.started_at))
        acts = opened.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "privacy_retention"))
        assert opened.control.audit_verified().broken == ()
    assert [(row["status"], row["rows"] > 0) for row in runs] == [("done", True), ("done", False)]
    assert [(act["actor"], act["subject"]) for act in acts] == [("dpo", runs[0]["run_id"])]
    assert "is to run again by" in hub("privacy", "list", text=True)
    assert "retention" not in hub("status", text=True)
    with world.hub() as opened:
        opened.control.run(sa.update(retention_run).values(ended_at=utcnow() - timedelta(days=40)))
    assert "retention is overdue since" in hub("status", text=True)
    (finding,) = [finding for finding in hub("doctor") if finding["check"] == "retention"]
    assert (finding["severity"], finding["remedy"]) == ("warning", "hub privacy retention")


def test_who_went_by_age_and_is_here_again_is_a_customer_again(world: World) -> None:
    id_, folder = igor(world), world.root.parent / "in"
    run(world)
    assert world.sync(full=True).exit_code == 0
    assert world.ask("SELECT count(*) FROM golden.customer WHERE full_name = 'Igor Wolkow'") == [(0,)]
    # he buys again; the shop's customer record is what it was
    new = {
        "id": "o9",
        "who": "2",
        "at": f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "sum": "4.00",
        "page": "https://x.example/new",
    }
    write(folder, "orders", [*ORDERS, new])
    assert world.sync(full=True).exit_code == 0
    owner = "SELECT c.full_name FROM golden.customer_order o JOIN golden.customer c USING (customer_id) WHERE order_key = $1"
    assert world.ask(owner, "crm:orders:o9") == [("Igor Wolkow",)]
    assert world.ask("SELECT status FROM identity.customer_registry WHERE customer_id = $1", id_) == [("erased",)]
    assert found(world, ["igorspage", "igor is cross"]) == []
    with world.hub() as hub:
        assert not [row for row in hub.control.rows(sa.select(erased)) if row["kind"] == "record"]
    # and stays one
    assert run(world).counts == {}


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    id_ = igor(world)
    for after, (module, step) in enumerate(
        ((taking_out, "erase_noted"), (taking_out, "erase_working"), (taking_out, "erase_loads"), (retention, "take_out"))
    ):
        real = getattr(module, step)

        def dies(*given: Any, _real: Any = real, _after: bool = after % 2 == 1, **named: Any) -> Any:
            if _after:
                _real(*given, **named)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(module, step, dies)
            with pytest.raises(Killed):
                run(world)
        assert (world.root / "data" / "retaining.json").stat().st_mode & 0o077 == 0
    with world.hub() as hub:
        assert {row["status"] for row in hub.control.rows(sa.select(retention_run))} == {"running"}
    done = run(world)
    assert done.finished is not None
    assert not list((world.root / "data").glob("*retaining*"))
    assert found(world, GONE) == []
    assert world.ask("SELECT status FROM identity.customer_registry WHERE customer_id = $1", id_) == [("erased",)]
    with world.hub() as hub:
        assert {row["status"] for row in hub.control.rows(sa.select(retention_run))} == {"done"}
        first = hub.control.rows(sa.select(retention_cut).where(retention_cut.c.run_id == done.finished))
    assert {row["table_name"]: row["rows"] for row in first}["ticket"] == 2
    assert world.sync(full=True).exit_code == 0
    assert found(world, GONE) == []


def test_a_restore_brings_back_no_customer_who_went_and_the_next_run_takes_the_rest(world: World) -> None:
    id_ = igor(world)
    world.configure({**world.config, "backup": {"to": "../kept"}})
    with world.hub() as hub:
        backups.take(hub, by="test")
        retain(hub, DPO)
        backups.bring_back(hub, None, None, replace=True, by="test")
    shutil.rmtree(next((world.root / "data").glob("before-restore-*")))
    assert found(world, GONE[:4]) == []
    assert world.ask("SELECT status FROM identity.customer_registry WHERE customer_id = $1", id_) == [("erased",)]
    assert found(world, ["ann is cross"])
    # who went by age may come again: what lies beside the backups for good does not name him
    assert not (world.root.parent / "kept" / "erased.json").exists()
    run(world)
    assert found(world, GONE) == []


def test_guests_and_lead_forms_go_with_their_customer_and_no_sooner(synced: World) -> None:
    world, period = synced, "150 days"
    tables = dict.fromkeys(("customer", "customer_order", "invoice", "payment", "refund", "ticket", "lead"), period)
    world.configure({**world.config, "retention": {"tables": tables}})
    before = cut_off(period, utcnow().date())
    money = world.ask(OF_MONEY)
    streams = """SELECT c.customer_id, c.last_activity_at < $1, c.open_tickets,
                        list_contains(list(x.stream), 'orders')
                 FROM golden.customer c JOIN identity.customer_xref x USING (customer_id) WHERE x.is_current GROUP BY ALL"""
    known = {id_: rest for id_, *rest in world.ask(streams, before)}
    values = """SELECT customer_id, id_value FROM golden.customer_identifier WHERE id_type IN ('email', 'phone')
                QUALIFY count(DISTINCT customer_id) OVER (PARTITION BY id_value) = 1"""
    theirs = world.ask(values)
    people = {id_: row for id_, *row in world.ask("SELECT customer_id, status, full_name, email, phone_e164 FROM golden.customer")}
    old_tickets = "SELECT count(*) FROM golden.ticket WHERE NOT is_open AND solved_at < $1"
    pages = (
        "SELECT customer_id FROM golden.customer_order WHERE ordered_at < $1 AND coalesce(landing_url, referrer_url) IS NOT NULL"
    )
    assert world.ask(old_tickets, before) > [(0,)]
    done = run(world)
    assert all(cut.rows for cut in done.cuts if cut.table in ("customer", "customer_order", "ticket"))
    gone = {id_ for (id_,) in world.ask("SELECT customer_id FROM identity.customer_registry WHERE status = 'erased'")}
    texts = [text for id_, text in theirs if id_ in gone]
    assert len(texts) > 10
    # of each of them nothing was heard since, nothing is open; guests are among them
    assert {tuple(known[id_][:2]) for id_ in gone} == {(True, 0)}
    assert any(known[id_][2] for id_ in gone)
    assert len(gone) < len(known)

    def as_it_should_be() -> None:
        assert found(world, texts) == []
        assert world.ask(OF_MONEY) == money
        assert world.ask(old_tickets, before) == [(0,)]
        now = {id_: row for id_, *row in world.ask("SELECT customer_id, status, full_name, email, phone_e164 FROM golden.customer")}
        assert {id_: row for id_, row in now.items() if id_ not in gone} == {
            id_: row for id_, row in people.items() if id_ not in gone
        }
        assert {tuple(row) for id_, row in now.items() if id_ in gone} == {("erased", None, None, None)}
        # an old page is kept by nobody but a guest whose customer stays
        keeps = world.ask(
            f"SELECT DISTINCT stream FROM identity.customer_xref WHERE customer_id IN ({pages}) AND is_current", before
        )
        assert not gone.intersection(id_ for (id_,) in world.ask(pages, before))
        assert not keeps or ("orders",) in keeps

    as_it_should_be()
    assert world.sync(full=True).exit_code == 0
    as_it_should_be()
    assert run(world).counts == {}


def test_older_versions_in_raw_go_by_age_alone_and_nothing_else_does(world: World, hub: Command) -> None:
    world.configure({**world.config, "retention": {"tables": {"raw_history": "1 year"}}})
    assert run(world, dry=True).cuts[0].rows == 0
    con = connect(world.root / "data" / "hub.duckdb")
    con.execute("UPDATE raw.crm__contacts SET extracted_at = extracted_at - INTERVAL 3 YEAR")
    con.close()
    loads = {path.name: path.read_bytes() for path in (world.root / "data" / "published").iterdir()}
    (cut,) = run(world, dry=True).cuts
    assert (cut.rows, cut.customers, cut.staying) == (1, 0, 0)
    done = run(world)
    assert done.counts == {"raw.crm__contacts": 1}
    with world.working() as con:
        assert con.execute("SELECT count(*) FROM raw.crm__contacts WHERE contains(payload::VARCHAR, 'igor.old')").fetchall() == [
            (0,)
        ]
        assert con.execute("SELECT source_record_id, version FROM raw.crm__contacts ORDER BY 1").fetchall() == [
            *(("1", 1), ("2", 2), ("3", 1), ("4", 1))
        ]
    # of what is published nothing changes, and the books come out
    assert {path.name: path.read_bytes() for path in (world.root / "data" / "published").iterdir()} == loads
    assert [finding for finding in hub("doctor") if finding["severity"] == "error"] == []
    outcome = world.sync(full=True)
    assert (outcome.exit_code, outcome.errors) == (0, {})
    assert run(world).counts == {}
    # by the daemon, too
    world.configure({**world.config, "retention": {**world.config["retention"], "schedule": "30 3 * * 0"}})
    with world.hub() as opened:
        defs = build_defs(opened)
        schedule = defs.resolve_schedule_def("retention_schedule")
        assert (schedule.cron_schedule, schedule.default_status) == ("30 3 * * 0", dg.DefaultScheduleStatus.RUNNING)
        assert defs.resolve_job_def("retention").execute_in_process().success
        last = opened.control.rows(sa.select(retention_run).order_by(retention_run.c.started_at.desc()))[0]
    assert (last["run_by"], last["status"]) == ("dagster", "done")


def test_what_closed_entries_of_the_quarantine_hold_goes_and_open_ones_stay(world: World, hub: Command) -> None:
    world.configure({**world.config, "retention": {"tables": {"quarantine": "6 months"}}})
    lines = (world.root.parent / "in" / "orders.jsonl").read_text()
    bad = [
        '{"id": "o8", "who": "1", "sum": "discarded-sum"}',
        '{"id": "o9", "who": "1", "sum": "still-open-sum"}',
        "no json of mine",
    ]
    (world.root.parent / "in" / "orders.jsonl").write_text(lines + "\n".join(bad) + "\n")
    world.sync()

    def entries() -> list[Any]:
        told: list[Any] = hub("quarantine", "list")["entries"]
        return told

    texts = ["discarded-sum", "no json of mine"]
    assert found(world, texts)
    for entry in entries():
        if entry["source_record_id"] != "o9":
            hub("quarantine", "discard", entry["quarantine_id"], "--reason", "not wanted")
    assert run(world).counts == {}  # they were closed today
    with world.hub() as opened:
        closed = sa.update(t.quarantine).where(t.quarantine.c.status == "discarded")
        opened.control.run(closed.values(released_at=utcnow() - timedelta(days=400)))
        opened.control.run(sa.update(t.quarantine).values(quarantined_at=utcnow() - timedelta(days=500)))
    (cut,) = run(world, dry=True).cuts
    assert (cut.rows, cut.staying) == (2, 1)
    assert run(world).counts == {"control.quarantine": 2, "raw.reject": 1}
    with world.hub() as opened:
        kept = {row["source_record_id"]: row["payload"] for row in opened.control.rows(sa.select(t.quarantine))}
    assert kept["o9"] is not None
    assert kept["o8"] is None
    assert "gone by age" in _readable(kept["o8"])
    # nothing comes back as open, and the books come out
    assert world.sync(full=True).exit_code == 0
    assert [entry["source_record_id"] for entry in entries()] == ["o9"]
    assert [finding for finding in hub("doctor") if finding["severity"] == "error"] == []
    assert run(world).counts == {"raw.reject": 1}  # the line that came again
    assert run(world).counts == {}
    assert [hit for hit in found(world, ["no json of mine"]) if not hit.startswith("load ")] == []  # those are as they were
