"""Erasure: people who are gone from every store, do not come back by a sync or a restore, and leave everybody else as they were."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from hub.golden.attributes import DECIDED_BY
from pipelines import backups
from pipelines.decision_rows import Steward
from pipelines.privacy import erasing, taking_out
from pipelines.privacy.erasing import erase
from pipelines.privacy.scanning import scan
from pipelines.rollback import rollback
from pipelines.targets import bring_up
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import Command, World
from tests.warehouse.targets.kit import target_database
from warehouse import control_tables as t
from warehouse.connection import connect
from warehouse.privacy_tables import erased, privacy_request
from warehouse.publish import kept_loads, load_file

ADA = Steward("ada", "letter 17")
WHY = ("--reason", "letter 17", "--by", "ada")
FIELDS = {"given_name": "given", "family_name": "family", "email": "email", "phone": "phone", "address_line1": "street"}
MONEY = """
    SELECT 'order', source_system, currency, count(*), sum(gross_amount), sum(net_amount) FROM golden.customer_order GROUP BY ALL
    UNION ALL SELECT 'line', source_system, currency, count(*), sum(net_amount), sum(tax_amount) FROM golden.order_line GROUP BY ALL
    UNION ALL SELECT 'bill', source_system, currency, count(*), sum(total_amount), sum(amount_paid) FROM golden.invoice GROUP BY ALL
    UNION ALL SELECT 'payment', source_system, currency, count(*), sum(amount), sum(refund_amount) FROM golden.payment GROUP BY ALL
    UNION ALL SELECT 'refund', source_system, currency, count(*), sum(amount), NULL FROM golden.refund GROUP BY ALL
    UNION ALL SELECT 'ticket', source_system, NULL, count(*), NULL, NULL FROM golden.ticket GROUP BY ALL
    ORDER BY ALL"""
THEIRS = "customer_id NOT IN (SELECT unnest($1))"
# what is known of customers: nothing of it may change for those who stay
OF_OTHERS = (
    "SELECT customer_id, status, full_name, email, phone_e164, address_line1, birth_date, source_record_count, first_seen_at,"
    f" can_email, can_call, completeness FROM golden.customer WHERE {THEIRS} ORDER BY ALL",
    f"SELECT customer_id, id_type, id_value, source_systems FROM golden.customer_identifier WHERE {THEIRS} ORDER BY ALL",
    f"SELECT record_key, customer_id, valid_from FROM identity.customer_xref WHERE is_current AND {THEIRS} ORDER BY ALL",
    f"SELECT * EXCLUDE (load_id) FROM golden.customer_history WHERE {THEIRS} ORDER BY ALL",
    f"SELECT ticket_key, customer_id, subject FROM golden.ticket WHERE customer_id IS NULL OR {THEIRS} ORDER BY ALL",
    f"SELECT order_key, customer_id, landing_url FROM golden.customer_order WHERE customer_id IS NULL OR {THEIRS} ORDER BY ALL",
)

# a hundred people ---------------------------------------------------------------------------------------------------------


def others(world: World, ids: list[str]) -> list[Any]:
    return [world.ask(query, ids) for query in OF_OTHERS]


def raw_rows(world: World) -> dict[str, int]:
    with world.working() as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1").fetchall()
        return {name: con.execute(f'SELECT count(*) FROM raw."{name}"').fetchall()[0][0] for (name,) in names}


def found(world: World, texts: list[str]) -> list[str]:
    with world.hub() as hub:
        return [f"{hit.place} {hit.where}" for hit in scan(hub, texts)]


def test_a_hundred_people_are_gone_stay_gone_and_money_and_others_are_as_they_were(synced: World, tmp_path: Path) -> None:
    world = synced
    world.configure({**world.config, "backup": {"to": "kept"}})
    ids = [id_ for (id_,) in world.ask("SELECT customer_id FROM golden.customer WHERE party_type = 'person' ORDER BY 1 LIMIT 100")]
    assert len(ids) == 100
    said = "SELECT DISTINCT id_value FROM golden.customer_identifier WHERE id_type IN ('email', 'phone') AND"
    compared = (
        "SELECT k.email FROM identity.match_key k JOIN identity.customer_xref x USING (record_key) WHERE k.email IS NOT NULL AND"
    )
    shared = f"{said} customer_id NOT IN (SELECT unnest($1)) UNION {compared} x.customer_id NOT IN (SELECT unnest($1))"
    texts = [text for (text,) in world.ask(f"{said} customer_id IN (SELECT unnest($1)) EXCEPT ({shared})", ids)]
    assert len(texts) > 100
    assert found(world, texts)
    money, rest, was = world.ask(MONEY), others(world, ids), raw_rows(world)
    owned = "SELECT count(*), count(customer_id) FROM golden.customer_order"
    orders = world.ask(owned)
    with world.hub() as hub:
        backups.take(hub, by="test")
        done = erase(hub, ids, ADA)
    assert (len(done.requests), done.hits, done.removed) == (100, (), ())
    assert {request["status"] for request in done.requests} == {"done"}
    assert done.texts > len(texts)

    def as_it_should_be() -> None:
        assert found(world, texts) == []
        assert (world.ask(MONEY), world.ask(owned)) == (money, orders)
        assert others(world, ids) == rest
        resolved = world.ask(
            "SELECT count(*), count(*) FILTER (r.status = 'erased') FROM (SELECT unnest($1) AS id)"
            " JOIN identity.customer_registry c ON c.customer_id = id JOIN identity.customer_registry r"
            " ON r.customer_id = c.current_customer_id",
            ids,
        )
        assert resolved == [(100, 100)]
        named, left = world.ask(
            "SELECT count(*) FILTER (coalesce(full_name, family_name, email, phone_e164) IS NOT NULL), count(*)"
            " FROM golden.customer WHERE status = 'erased'"
        )[0]
        assert (named, left > 50) == (0, True)

    as_it_should_be()
    reduced = raw_rows(world)
    assert sum(reduced.values()) < sum(was.values())
    # the sources still hold them, and send everything again
    outcome = world.sync(full=True)
    assert (outcome.action, outcome.exit_code) == ("published", 0)
    counted = world.ask(
        "SELECT sum(rows_extracted), sum(rows_unchanged), sum(rows_quarantined) FROM ops.sync_run WHERE mode = 'full'"
    )
    assert counted[0][0] == counted[0][1] > 0
    assert raw_rows(world) == reduced
    as_it_should_be()
    # yesterday's backup, which knows nothing of it
    with world.hub() as hub:
        backups.bring_back(hub, None, None, replace=True, by="test")
    shutil.rmtree(next((world.root / "data").glob("before-restore-*")))
    as_it_should_be()


# a few people in files, where each row is known ------------------------------------------------------------------------------

ANN = ("1", "Ann", "Lee", "ann.lee@mail.net", "020 7946 0001", "5 High St")
CRM = [
    ANN,
    ("2", "Igor", "Wolkow", "igor@own.example", "020 7946 0008", "7 Low St"),
    # who shares with Ann: a mailbox neither, a phone and a street
    ("3", "Bob", "Lee", "bob@own.example", "020 7946 0001", "5 High St"),
    # a couple with one mailbox
    ("4", "Tom", "Hill", "hills@own.example", "", "1 Mill Rd"),
    ("5", "Una", "Hill", "hills@own.example", "", "1 Mill Rd"),
]
PEOPLE = {"crm": CRM, "news": [("ann.lee@mail.net", "Ann", "Lee", "ann.lee@mail.net", "020 7946 0001", "5 High St")]}
ORDERS = [
    {
        "id": "o1",
        "who": "1",
        "at": "2026-01-02T10:00:00Z",
        "sum": "12.50",
        "note": "for Ann Lee",
        "page": "https://x.example/?utm_source=mail&e=ann.lee@mail.net",
    },
    {"id": "o2", "who": "2", "at": "2026-01-03T10:00:00Z", "sum": "7.20", "note": "", "page": ""},
]


def configure(root: Path) -> World:
    def stream(name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {"path": f"../in/{name}", "kind": kind, "id": "id", **more}

    order = {"party_id": "who", "ordered_at": "at", "gross_amount": "sum", "currency": "money", "landing_url": "page"}
    sources = {
        "crm": {
            "type": "files",
            "country": "GB",
            "streams": {
                "contacts": stream("crm.csv", "party", fields=FIELDS),
                "orders": stream("orders.jsonl", "order", fields=order),
            },
        },
        "news": {"type": "files", "country": "GB", "streams": {"readers": stream("news.csv", "party", fields=FIELDS)}},
    }
    more = {"gate": {"max_id_churn": 0.9}, "backup": {"to": "../kept"}, "warehouse": {"shared": "data/shared/golden.duckdb"}}
    return World(root, {"sources": sources, **more})


def export(into: Path, name: str, rows: Sequence[tuple[str, ...]]) -> None:
    with open(into / f"{name}.csv", "w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([("id", *FIELDS.values()), *rows])


def order(into: Path, rows: list[dict[str, str]]) -> None:
    (into / "orders.jsonl").write_text("".join(json.dumps({"money": "GBP", **row}) + "\n" for row in rows))


def two_loads(root: Path) -> None:
    (root / "in").mkdir()
    (root / "hub").mkdir()
    for name, rows in PEOPLE.items():
        export(root / "in", name, rows)
    order(root / "in", ORDERS)
    world = configure(root / "hub")
    assert world.sync().action == "published"
    # an address that Ann once had is hers, too
    export(root / "in", "crm", [(*ANN[:3], "annie@old.example", *ANN[4:]), *CRM[1:]])
    assert world.sync().action == "published"
    export(root / "in", "crm", CRM)


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    built = built_once(tmp_path_factory, "erasable", two_loads)
    for name in ("in", "hub"):
        copy_of(built / name, tmp_path / name)
    return configure(tmp_path / "hub")


TEXTS = ["ann.lee@mail.net", "annie@old.example", "ann lee"]


def ann(world: World) -> str:
    ((id_,),) = world.ask("SELECT customer_id FROM identity.customer_xref WHERE record_key = 'crm:contacts:1' AND is_current")
    return str(id_)


def shared(world: World, id_: str) -> set[tuple[Any, ...]]:
    """What all shared loads know of a customer."""
    rows = set()
    for path in (world.root / "data" / "shared" / "published").iterdir():
        with connect(path, read_only=True) as con:
            rows.update(con.execute("SELECT status, email FROM golden.customer WHERE customer_id = ?", [id_]).fetchall())
    return rows


def names(world: World) -> list[str]:
    return [name for (name,) in world.ask("SELECT full_name FROM golden.customer WHERE full_name IS NOT NULL ORDER BY 1")]


STAYING = ["Bob Lee", "Igor Wolkow", "Tom Hill", "Una Hill"]


def test_the_command_says_what_would_go_then_takes_it_out_and_nothing_brings_it_back(world: World, hub: Command) -> None:
    id_, folder = ann(world), world.root.parent / "in"
    with world.hub() as opened:
        opened.control.audit("noted", "spoke to ANN LEE", actor="me", detail="about Ann Lee")
    before = found(world, TEXTS)
    assert any(place.startswith("load ") for place in before)
    tried = hub("privacy", "erase", "annie@old.example", *WHY, "--dry-run")
    assert tried["counts"]["raw.crm__contacts"] == 2
    assert tried["counts"]["control.audit_log"] == 2
    assert (found(world, TEXTS), hub("privacy", "list", "--all")) == (before, [])
    assert "names who is to be erased" in hub("privacy", "erase", id_, "--reason", "Ann Lee wrote", fails=True)
    shown = hub("privacy", "erase", id_, *WHY, "--received", "2026-01-31", text=True)
    assert "none is found anywhere" in shown
    assert "annie" not in shown.lower()
    (request,) = hub("privacy", "list", "--all")
    assert (request["kind"], request["status"], request["due_at"]) == ("erase", "done", "2026-02-28T00:00:00Z")
    assert found(world, TEXTS) == []
    # also of the bytes of files nothing is left, every kept load stays, and the audit log is what it was but for her
    with world.hub() as opened:
        assert len(kept_loads(opened.config.warehouse)) == 2
        verified = opened.control.audit_verified()
        assert (verified.broken, verified.erased) == ((), 1)
        opened.control.run(sa.update(t.audit_log).where(t.audit_log.c.action == "privacy_erase").values(actor="nobody"))
        assert "was changed" in opened.control.audit_verified().broken[0]
        opened.control.run(sa.update(t.audit_log).where(t.audit_log.c.action == "privacy_erase").values(actor="ada"))
    assert shared(world, id_) == {("erased", None)}
    for path in (world.root / "data").rglob("*"):
        if path.is_file() and not path.is_symlink():
            held = path.read_bytes().lower()
            assert not [text for text in TEXTS if text.encode() in held], path
    assert names(world) == STAYING
    assert world.ask("SELECT status FROM identity.customer_registry WHERE customer_id = $1", id_) == [("erased",)]
    assert set(world.ask(f"SELECT {', '.join(DECIDED_BY)} FROM golden.customer WHERE customer_id = $1", id_)[0]) == {None}
    assert "is erased already" in hub("privacy", "erase", id_, *WHY, fails=True)
    # the same again, and under new IDs: by a mailbox that was hers alone; whoever shared with her, or is named otherwise, comes in
    order(
        folder, [*ORDERS, {"id": "o3", "who": "11", "at": "2026-02-01T10:00:00Z", "sum": "3.30", "note": "for Ann Lee", "page": ""}]
    )
    new = [
        ("11", "", "", "Ann.Lee@mail.net", "", ""),
        ("12", "Anna", "Lee", "ann.lee@mail.net", "", ""),
        ("13", "Ann", "Lee", "", "+44 20 7946 0001", ""),
        ("14", "Zoe", "Quartz", "ann.lee@mail.net", "", ""),
        ("15", "Bea", "Lee", "", "020 7946 0001", "5 High St"),
    ]
    export(folder, "crm", [*CRM, *new])
    outcome = world.sync(full=True)
    assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", 0, {})
    assert names(world) == sorted([*STAYING, "Zoe Quartz", "Bea Lee"])
    assert world.ask("SELECT order_key, gross_amount, landing_url, utm_source FROM golden.customer_order ORDER BY 1") == [
        ("crm:orders:o1", Decimal("12.5"), None, "mail"),
        ("crm:orders:o2", Decimal("7.2"), None, None),
        ("crm:orders:o3", Decimal("3.3"), None, None),
    ]
    (owner,) = world.ask("SELECT customer_id FROM golden.customer_order WHERE order_key = 'crm:orders:o1'")
    assert owner == (id_,)
    with world.working() as con:
        kept = con.execute("SELECT payload::VARCHAR FROM raw.crm__orders WHERE source_record_id <> 'o2'").fetchall()
    assert len(kept) == 2
    assert not [payload for (payload,) in kept if "Ann Lee" in payload or "mail.net" in payload]
    assert found(world, ["ann lee"]) == []


def test_an_address_that_anothers_is_compared_by_stays_with_the_other(world: World) -> None:
    both = [("6", "Max", "Roe", "max+shop@own.example", "", ""), ("7", "Mia", "Fox", "max@own.example", "020 7946 0017", "")]
    export(world.root.parent / "in", "crm", [*CRM, *both])
    assert world.sync().action == "published"
    ((max_,), (mia,)) = world.ask(
        "SELECT customer_id FROM identity.customer_xref WHERE is_current AND source_record_id IN ('6', '7') ORDER BY record_key"
    )
    with world.hub() as hub:
        done = erase(hub, [mia], ADA)
    assert (max_ != mia, done.hits, done.shared, [request["status"] for request in done.requests]) == (True, (), 1, ["done"])
    assert world.ask("SELECT email FROM golden.customer WHERE customer_id = $1", max_) == [("max+shop@own.example",)]
    assert found(world, ["mia fox"]) == []


def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_same_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    id_, steps = ann(world), ((taking_out, "erase_noted"), (taking_out, "erase_working"), (erasing, "scan"))
    with world.hub() as hub:
        # a load whose tables are those of another version cannot be written anew, and is removed rather than left
        old, live = kept_loads(hub.config.warehouse)
        con = connect(load_file(hub.config.warehouse, old))
        con.execute("ALTER TABLE identity.customer_xref RENAME COLUMN is_current TO was_current")
        con.close()
    for number, (module, step) in enumerate(steps):
        real = getattr(module, step)

        def dies(*given: Any, _real: Any = real, _after: bool = number % 2 == 0, **named: Any) -> Any:
            if _after:
                _real(*given, **named)
            raise Killed

        with monkeypatch.context() as patched, world.hub() as hub:
            patched.setattr(module, step, dies)
            with pytest.raises(Killed):
                erase(hub, ["ann.lee@mail.net"], ADA)
        assert (world.root / "data" / "erasing.json").stat().st_mode & 0o077 == 0
    with world.hub() as hub:
        done = erase(hub, ["ann.lee@mail.net"], ADA)
        requests = hub.control.rows(sa.select(privacy_request))
        acts = hub.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "privacy_erase"))
    assert (done.hits, [(row["subject_ref"], row["status"]) for row in requests], len(acts)) == ((), [(id_, "done")], 1)
    assert not list((world.root / "data").glob("*erasing*"))
    assert [path.name for path in (world.root / "data" / "published").iterdir()] == [f"golden-{live}.duckdb"]
    assert found(world, TEXTS) == []
    assert names(world) == STAYING


def test_a_machine_that_is_lost_comes_back_without_who_was_erased_since_the_backup(world: World, tmp_path: Path) -> None:
    with world.hub() as hub:
        backups.take(hub, by="test")
        erase(hub, ["crm:contacts:1"], ADA)
    listed = (tmp_path / "kept" / "erased.json").read_text().lower()
    assert not [text for text in (*TEXTS, "crm:contacts") if text in listed]
    shutil.rmtree(tmp_path / "hub")
    (tmp_path / "other").mkdir()
    other = configure(tmp_path / "other")
    with other.hub() as hub:
        backups.bring_back(hub, None, None, replace=False, by="test")
        assert hub.control.rows(sa.select(erased))
    assert found(other, TEXTS) == []
    assert names(other) == STAYING
    for load in (tmp_path / "other" / "data" / "published").iterdir():
        con = connect(load, read_only=True)
        assert con.execute("SELECT count(*) FROM golden.customer_history WHERE contains(snapshot::VARCHAR, 'ann')").fetchall() == [
            (0,)
        ]
        con.close()
    # nor does a load that somebody goes back to
    with other.hub() as hub:
        done = rollback(hub, None, by="test")
    assert done.load_id < done.left
    assert names(other) == STAYING
    # a list that was made with another secret knows nobody again: rather no hub than one that has them back
    rows = json.loads((tmp_path / "kept" / "erased.json").read_text())
    (tmp_path / "kept" / "erased.json").write_text(json.dumps([row | {"sign": "0" * 16} for row in rows]))
    with other.hub() as hub, pytest.raises(WarehouseAccessError, match="made with another secret"):
        backups.bring_back(hub, None, None, replace=True, by="test")
    assert names(other) == STAYING


@pytest.mark.parametrize("system", ["postgres", "mariadb"])
def test_targets_too_lose_who_is_erased_whether_masked_or_not(world: World, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = ann(world)
    with target_database(system, monkeypatch) as full, target_database(system, monkeypatch) as masked:
        places = {"full": full, "masked": masked}
        publish = [
            {"name": name, "url": "${ANALYTICS_URL}", "schema_prefix": db.prefix, "masked": name == "masked"}
            for name, db in places.items()
        ]
        world.configure({**world.config, "publish": publish})
        with world.hub() as hub:
            for name in places:
                bring_up(hub, name)
            assert {hit.place for hit in scan(hub, TEXTS)} >= {"target full"}
            pseudonym = masked.ask(f"SELECT email FROM {{golden.customer}} WHERE customer_id = '{id_}'")
            assert pseudonym[0][0].startswith("x_")
            assert erase(hub, ["ann.lee@mail.net"], ADA).hits == ()
            assert [hit for hit in scan(hub, TEXTS) if hit.place.startswith("target ")] == []
        for db in places.values():
            told = db.ask("SELECT status, count(*), count(email) FROM {golden.customer} GROUP BY status ORDER BY status")
            assert told == [("active", 4, 4), ("erased", 1, 0)]
            assert db.ask(f"SELECT count(*) FROM {{golden.customer_order}} WHERE customer_id = '{id_}'") == [(1,)]
            assert db.ask(f"SELECT count(*) FROM {{golden.customer_identifier}} WHERE id_value = '{pseudonym[0][0]}'") == [(0,)]
