"""Ten days on which much happens and nothing is wrong: all of them publish. A gate that cries wolf is switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.days import CONFIG, ORDERS, Change, Days, Rows, copied, first_day, order, person, second_day

Files = dict[str, Rows]
NEXT = ORDERS + 8


def a_busy_day(files: Files) -> None:
    files["orders"] += [order(n) for n in range(NEXT, NEXT + 160)]
    files["customers"] += [person(n) for n in range(240, 290)]


def a_quiet_day(files: Files) -> None:
    files["contacts"][7]["city"] = "Hull"


def a_price_change(files: Files) -> None:
    files["orders"] += [order(n, total=f"{(20 + n % 80) * 2}.90") for n in range(NEXT, NEXT + 70)]


def five_per_cent_of_the_emails_migrate(files: Files) -> None:
    for row in files["customers"][::20] + files["contacts"][::20]:
        row["email"] = f"{row['email'].partition('@')[0]}@newmail.org"


def a_stale_segment_is_deleted(files: Files) -> None:
    files["contacts"] = [row for n, row in enumerate(files["contacts"]) if n < 90 or n % 6]


def a_new_currency(files: Files) -> None:
    files["orders"] += [order(n, **({"currency": "SEK", "total": "450"} if n % 3 == 0 else {})) for n in range(NEXT, NEXT + 90)]


def many_refunds(files: Files) -> None:
    for row in files["orders"][::4]:
        row["refunded"] = row["total"]


def a_backfill_of_old_orders(files: Files) -> None:
    """An older shop system's orders come in: as many again, seven years old."""
    old = [order(n) for n in range(1000, 1000 + ORDERS)]
    files["orders"] += [row | {"date": row["date"].replace("2026", "2019")} for row in old]


def a_marketing_import_of_leads(files: Files) -> None:
    files["contacts"] += [person(n) | {"name": "", "phone": "", "city": ""} for n in range(400, 600)]


BENIGN: list[Change] = [
    *(a_busy_day, a_quiet_day, a_price_change, five_per_cent_of_the_emails_migrate, a_stale_segment_is_deleted),
    *(a_new_currency, many_refunds, a_backfill_of_old_orders, a_marketing_import_of_leads),
]


def publishes(days: Days) -> None:
    verdict = days.load()
    assert verdict is not None
    assert verdict.decision == "pass", {r.check_id: r.message for r in verdict.results if r.status == "failed"}


@pytest.mark.parametrize("day", BENIGN, ids=[day.__name__ for day in BENIGN])
def test_a_benign_day_publishes(settled_days: Path, tmp_path: Path, day: Change) -> None:
    days = copied(settled_days, tmp_path)
    files = second_day()
    day(files)
    days.write(files)
    publishes(days)


def test_a_new_source_publishes(settled_days: Path, tmp_path: Path) -> None:
    """It knows half of the customers, some of them by another e-mail, and others besides."""
    days = copied(settled_days, tmp_path)
    old = [person(n) | {"id": f"L{n}", "phone": ""} for n in range(120, 420)]
    for row in old[::10]:
        row["email"] = f"old-{row['email']}"
    days.write({"legacy": old})
    streams = {"people": CONFIG["sources"]["crm"]["streams"]["contacts"] | {"path": "in/legacy.csv"}}
    days.world.configure({"sources": {**CONFIG["sources"], "legacy": {"type": "files", "country": "GB", "streams": streams}}})
    publishes(days)


def test_rows_that_the_load_before_turned_down_are_not_turned_down_anew(tmp_path: Path) -> None:
    days, files = Days(tmp_path), first_day()
    for row in files["orders"][::16]:
        row["total"] = "n/a"
    days.write(files)
    publishes(days)
    files["orders"].append(order(ORDERS))
    days.write(files)
    publishes(days)
