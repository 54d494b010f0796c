"""A made-up business whose data hold the traps in which customer figures go wrong, as files, with what must come out.

Fan-out (many lines and refunds an order, many records a customer), guest checkouts, five currencies of which one has no rate,
orders before and after a merge, an account deleted at the shop, and refunds that come late. Everything follows from the seed.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.pipelines.world import World

GIVEN = ("Anselm", "Brunhild", "Casimir", "Dorothea", "Ekkehard", "Friedegund", "Gotthilf", "Hedwig", "Isidor", "Jolanda")
FAMILY = ("Quillfeather", "Abernathy", "Wolkow", "Urquiza", "Fjordheim")
START = date(2026, 3, 1)
# what one euro is worth, in the European Central Bank's way; nobody quotes the rouble
QUOTED = {"GBP": Decimal("0.85"), "USD": Decimal("1.10"), "JPY": Decimal("160.0")}
CURRENCIES = ("EUR", "GBP", "USD", "JPY", "RUB")
CENT4 = Decimal("0.0001")
Row = dict[str, Any]


@dataclass
class Business:
    """What the files say, table by table; each row as its file has it."""

    contacts: list[Row] = field(default_factory=list)
    guests: list[Row] = field(default_factory=list)
    debtors: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    guest_orders: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    invoices: list[Row] = field(default_factory=list)
    spend: list[Row] = field(default_factory=list)

    def write(self, root: Path) -> None:
        """Each table as a CSV, and the rates."""
        (root / "in").mkdir(exist_ok=True)
        for name, rows in vars(self).items():
            with open(root / "in" / f"{name}.csv", "w", newline="", encoding="utf-8") as sink:
                writer = csv.DictWriter(sink, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        with open(root / "rates.csv", "w", newline="", encoding="utf-8") as sink:
            quoted = csv.writer(sink)
            quoted.writerow(("Date", *QUOTED))
            for week in range(0, 100, 7):
                quoted.writerow((START + timedelta(days=week), *(rate_on(c, week) for c in QUOTED)))


def rate_on(currency: str, day: int) -> Decimal:
    """What a euro is worth on a day: a new rate each week."""
    return QUOTED[currency] + Decimal(day // 7) / 100


def in_euro(amount: Decimal, currency: str, day: int) -> Decimal | None:
    """As a bookkeeper would: by the week's rate, half a digit up; None where there is none."""
    if currency == "EUR":
        return amount
    if currency not in QUOTED:
        return None
    rate = (1 / rate_on(currency, day)).quantize(Decimal("1e-12"), ROUND_HALF_UP)
    return (amount * rate).quantize(CENT4, ROUND_HALF_UP)


def business(seed: int) -> Business:
    """Fifty people with accounts, some with guest checkouts and invoices besides."""
    rng, made = Random(seed), Business()
    for n in range(50):
        person = {
            "name": f"{GIVEN[n % 10]} {FAMILY[n // 10]}",
            "email": f"{GIVEN[n % 10]}.{FAMILY[n // 10]}@mail{n}.example".lower(),
            "phone": f"+4420794600{n:02d}",
            "city": ("Leeds", "York", "Bath")[n % 3],
        }
        made.contacts.append({"id": f"a{n}", **person})
        if n % 2:
            made.debtors.append({"id": f"d{n}", **person})
            made.invoices.append({"no": f"i{n}", "debtor": f"d{n}", "date": _on(n), "currency": "EUR", "total": _money(rng),
                                  "due": _money(rng), "status": ("open", "draft", "void", "paid")[n % 4]})  # fmt: skip
        for k in range(n % 3):
            _add_order(made.orders, f"o{n}.{k}", f"a{n}", rng)
        for k in range(3 if n % 7 == 0 else 0):
            made.guests.append({"no": f"g{n}.{k}", **person})
            _add_order(made.guest_orders, f"g{n}.{k}", f"g{n}.{k}", rng)
    for each in (*made.orders, *made.guest_orders):
        for k in range(3):
            made.lines.append({"no": f"{each['no']}/{k}", "order": each["no"], "currency": each["currency"], "net": each["total"]})
    for each in made.orders[::4]:
        for k in range(2):
            made.refunds.append(refund(f"r{each['no']}.{k}", each, share=4))
    for day in range(40):
        made.spend.append(
            {"id": f"s{day}", "date": _on(day), "campaign": "c1", "currency": CURRENCIES[day % 4], "spend": _money(rng)}
        )
    return made


def refund(key: str, order: Row, *, share: int) -> Row:
    """Part of an order, given back a month after it."""
    day = (date.fromisoformat(order["date"]) - START).days + 30
    amount = (Decimal(order["total"]) / share).quantize(Decimal("0.01"))
    return {"no": key, "order": order["no"], "date": _on(day), "currency": order["currency"], "amount": amount}


def _add_order(rows: list[Row], no: str, who: str, rng: Random) -> None:
    rows.append(
        {
            "no": no,
            "who": who,
            "date": _on(rng.randrange(60)),
            "currency": CURRENCIES[rng.randrange(5)],
            "total": _money(rng),
            "status": "cancelled" if rng.random() < 0.1 else "paid",
        }
    )


def _on(day: int) -> str:
    return (START + timedelta(days=day)).isoformat()


def _money(rng: Random) -> Decimal:
    return Decimal(rng.randrange(100, 100_000)) / 100


def totals(rows: list[Row], amount: str) -> dict[str, Decimal]:
    """What a table's rows come to, per currency."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row["currency"]] += Decimal(row[amount])
    return dict(found)


def worth(made: Business) -> tuple[Decimal, Decimal]:
    """Gross and refunds in euros of all orders that count and can be converted."""
    gross = back = Decimal(0)
    for each in (*made.orders, *made.guest_orders):
        day = (date.fromisoformat(each["date"]) - START).days
        in_base = in_euro(Decimal(each["total"]), each["currency"], day)
        if each["status"] == "cancelled" or in_base is None:
            continue
        gross += in_base
        returned = sum((Decimal(r["amount"]) for r in made.refunds if r["order"] == each["no"]), Decimal(0))
        back += in_euro(returned, each["currency"], day) or Decimal(0)
    return gross, back


def configured(root: Path) -> World:
    """A hub over the files: a shop, a ledger and an ad platform."""
    names = {"full_name": "name", "email": "email", "phone": "phone", "city": "city"}
    bought = {"ordered_at": "date", "currency": "currency", "gross_amount": "total", "status": "status", "order_number": "no"}

    def stream(name: str, kind: str, key: str, fields: dict[str, str], **more: str) -> Row:
        return {name: {"path": f"in/{name}.csv", "kind": kind, "id": key, "fields": fields, "deletes": "snapshot", **more}}

    shop = {
        **stream("contacts", "party", "id", names),
        **stream("guests", "party", "no", {**names}),
        **stream("orders", "order", "no", bought, customer="who", customer_stream="contacts"),
        **stream("guest_orders", "order", "no", bought, customer="who", customer_stream="guests"),
        **stream("lines", "order_line", "no", {"order_id": "order", "currency": "currency", "net_amount": "net"}),
        **stream(
            "refunds", "refund", "no", {"order_id": "order", "refunded_at": "date", "currency": "currency", "amount": "amount"}
        ),
    }
    invoiced = {"issued_at": "date", "currency": "currency", "total_amount": "total", "amount_due": "due", "status": "status"}
    ledger = {
        **stream("debtors", "party", "id", names),
        **stream("invoices", "invoice", "no", invoiced, customer="debtor"),
    }
    ads = stream(
        "spend", "ad_spend", "id", {"date_day": "date", "campaign_id": "campaign", "currency": "currency", "spend": "spend"}
    )
    return World(
        root,
        {
            "sources": {
                "shop": {"type": "files", "country": "GB", "streams": shop},
                "ledger": {"type": "files", "country": "GB", "streams": ledger},
                "ads": {"type": "files", "country": "GB", "streams": ads},
            },
            "reporting": {"base_currency": "EUR", "rates": "rates.csv"},
            "segments": {"buyers": "orders > 0"},
            "gate": {"max_id_churn": 0.9},
        },
    )
