"""Loads that are poisoned, each in one way: each is held by the check that is there for it, and nothing that anybody sees moves.

After the fault is mended, one load publishes; no cursor, ID or quarantine entry stands in its way.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.days import ORDERS, PEOPLE, Change, Rows, copied, order, second_day

Files = dict[str, Rows]


def halved_volume(files: Files) -> None:
    files["orders"] = files["orders"][::2]


def doubled_rows(files: Files) -> None:
    files["orders"] += [row | {"no": row["no"] + "-copy"} for row in files["orders"]]


def all_emails_null(files: Files) -> None:
    for row in files["customers"] + files["contacts"]:
        row["email"] = ""


def one_mailbox_for_many(files: Files) -> None:
    """5,000 of 12,000 records in the large, 100 of 480 here."""
    for row in files["contacts"][:100]:
        row["email"] = "office@acme-trading.com"


def currencies_swapped(files: Files) -> None:
    for row in files["orders"]:
        row["currency"] = {"EUR": "USD", "USD": "EUR"}[row["currency"]]


def currencies_of_new_rows_swapped(files: Files) -> None:
    new = [order(n) for n in range(ORDERS + 8, ORDERS + 108)]
    files["orders"] += [row | {"currency": {"EUR": "USD", "USD": "EUR"}[row["currency"]]} for row in new]


def dates_in_2099(files: Files) -> None:
    for row in files["orders"][:40]:
        row["date"] = row["date"].replace("2026", "2099")


def a_source_empty(files: Files) -> None:
    files["contacts"] = []


def a_type_changed(files: Files) -> None:
    for row in files["orders"]:
        row["total"] = f"EUR {row['total'].replace('.', ',')}"


def glued_clusters(files: Files) -> None:
    """A join gone wrong: every contact of a group of eight has the values of its first."""
    for n, row in enumerate(files["contacts"]):
        row |= {name: files["contacts"][n - n % 8][name] for name in ("name", "email", "phone", "city")}
    for n, row in enumerate(files["customers"]):
        row |= {name: files["customers"][n - n % 8][name] for name in ("name", "email", "phone", "city")}


def orphan_facts(files: Files) -> None:
    for row in files["orders"]:
        row["customer"] = f"9{int(row['customer']):05}"


def amounts_in_cents(files: Files) -> None:
    for row in files["orders"]:
        row["total"] = str(int(float(row["total"]) * 100))


def a_column_emptied(files: Files) -> None:
    for row in files["tickets"]:
        row["subject"] = ""


POISONED: list[tuple[Change, str]] = [
    (halved_volume, "volume_drop"),
    (doubled_rows, "rows_doubled"),
    (all_emails_null, "completeness_drop"),
    (one_mailbox_for_many, "mailbox_flood"),
    (currencies_swapped, "currency_kept"),
    (currencies_of_new_rows_swapped, "currency_mix"),
    (dates_in_2099, "dates_plausible"),
    (a_source_empty, "volume_drop"),
    (a_type_changed, "quarantine_share"),
    (glued_clusters, "merged_share"),
    (orphan_facts, "reference_kept"),
    (amounts_in_cents, "amount_scale"),
    (a_column_emptied, "values_lost"),
]


@pytest.mark.parametrize(("poison", "check"), POISONED, ids=[poison.__name__ for poison, _ in POISONED])
def test_a_poisoned_load_is_held_by_its_check_and_the_mended_one_publishes(
    settled_days: Path, tmp_path: Path, poison: Change, check: str
) -> None:
    days = copied(settled_days, tmp_path)
    before = days.seen()
    files = second_day()
    poison(files)
    days.write(files)
    held = days.load()
    assert held is not None
    assert held.decision == "hold"
    assert check in held.blocking, {r.check_id: r.message for r in held.results if r.status == "failed"}
    found = next(r for r in held.results if r.check_id == check)
    assert found.failed_rows > 0
    assert found.examples
    page = (tmp_path / "data" / "gate" / f"{held.load_id}.html").read_text()
    assert check in page
    assert "@" not in page, "keys, never values"
    assert days.seen() == before
    assert days.load() is None, "unchanged input is judged once"
    days.write(second_day())
    mended = days.load()
    assert mended is not None
    assert mended.decision == "pass", {r.check_id: r.message for r in mended.results if r.status == "failed"}
    assert days.seen()[1:3] == before[1:3]
    assert days.world.ask("SELECT count(*) FROM golden.customer WHERE status = 'active'") == [(PEOPLE,)]
