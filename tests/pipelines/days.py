"""A shop and a CRM as files, for tests of what the gate does with a day's data: loads are built in process, step by step."""

from __future__ import annotations

import csv
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from expectations import Verdict
from pipelines.build import build, judge_candidate, resolve_identity, stage
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.gate import write_page
from pipelines.ingest import SyncRef, ingest_stream
from pipelines.plan import plan_build
from pipelines.publishing import publish_candidate
from tests.pipelines.world import World
from warehouse.connection import writer
from warehouse.publish import live_attached

Row = dict[str, Any]
Rows = list[Row]
PEOPLE, ORDERS = 240, 480
FIRST = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Finn", "Gil", "Hana", "Ivo", "Jana", "Kai", "Lara")


def person(n: int) -> Row:
    """The n-th person: a name, an e-mail and a phone of their own."""
    return {
        "id": str(n),
        "name": f"{FIRST[n % 12]} {chr(65 + n % 23)}{chr(97 + n // 23 % 23)}{chr(97 + n * 7 % 23)}mann{chr(97 + n % 19)}",
        "email": f"person{n}@mail{n % 17}.org",
        "phone": f"+44 20 7946 {n:04}",
        "city": ("Leeds", "York", "Bath")[n % 3],
    }


def order(n: int, **changes: Any) -> Row:
    """The n-th order: seven of ten in euro, each customer in turn, an hour apart."""
    return {
        "no": f"o{n}",
        "customer": str(n % PEOPLE),
        "date": f"2026-{1 + n // 600:02}-{1 + n // 24 % 25:02}T{n % 24:02}:00:00Z",
        "currency": "EUR" if n % 10 < 7 else "USD",
        "total": f"{20 + n % 80}.50",
        "refunded": "5.00" if n % 40 == 0 else "",
        **changes,
    }


def ticket(n: int) -> Row:
    """The n-th ticket, of a person of the CRM."""
    return {
        "no": f"t{n}",
        "contact": str(n % PEOPLE),
        "opened": f"2026-02-{1 + n % 25:02}T09:{n % 60:02}:00Z",
        "subject": f"Question {n}",
    }


def first_day() -> dict[str, Rows]:
    """What the files hold on the first day; the CRM knows the same people as the shop."""
    return {
        "customers": [person(n) for n in range(PEOPLE)],
        "contacts": [person(n) for n in range(PEOPLE)],
        "orders": [order(n) for n in range(ORDERS)],
        "tickets": [ticket(n) for n in range(90)],
    }


def second_day() -> dict[str, Rows]:
    """An ordinary day more."""
    files = first_day()
    files["orders"] += [order(n) for n in range(ORDERS, ORDERS + 8)]
    files["customers"][3]["city"] = "Ripon"
    return files


_PARTY = {"full_name": "name", "email": "email", "phone": "phone", "city": "city"}
_ORDER = {"ordered_at": "date", "currency": "currency", "gross_amount": "total", "refund_amount": "refunded"}
CONFIG: dict[str, Any] = {
    "sources": {
        "shop": {
            "type": "files",
            "country": "GB",
            "streams": {
                "customers": {"path": "in/customers.csv", "kind": "party", "id": "id", "fields": _PARTY, "deletes": "snapshot"},
                "orders": {
                    "path": "in/orders.csv",
                    "kind": "order",
                    "id": "no",
                    "customer": "customer",
                    "fields": _ORDER,
                    "deletes": "snapshot",
                },
            },
        },
        "crm": {
            "type": "files",
            "country": "GB",
            "streams": {
                "contacts": {"path": "in/contacts.csv", "kind": "party", "id": "id", "fields": _PARTY, "deletes": "snapshot"},
                "tickets": {
                    "path": "in/tickets.csv",
                    "kind": "ticket",
                    "id": "no",
                    "customer": "contact",
                    "fields": {"opened_at": "opened", "subject": "subject"},
                },
            },
        },
    }
}


class Days:
    """One hub over the files, and its loads."""

    def __init__(self, root: Path, config: dict[str, Any] = CONFIG) -> None:
        self.world = World(root, config)

    @property
    def root(self) -> Path:
        """The hub's folder."""
        return self.world.root

    def write(self, files: dict[str, Rows]) -> None:
        """Export the files anew; an empty one keeps its header."""
        (self.root / "in").mkdir(exist_ok=True)
        for name, rows in files.items():
            columns = list(rows[0]) if rows else list(first_day()[name][0])
            with open(self.root / "in" / f"{name}.csv", "w", newline="", encoding="utf-8") as sink:
                writer = csv.DictWriter(sink, columns)
                writer.writeheader()
                writer.writerows(rows)

    def load(self) -> Verdict | None:
        """Read the sources, build a load and judge it; publish it if it passes. None if nothing changed."""
        with self.world.hub() as hub:
            connectors = [hub.config.connector(name) for name in hub.config.enabled()]
            run = secrets.token_hex(8)
            for connector in connectors:
                for stream in connector.streams():
                    ingest_stream(hub, connector, stream, SyncRef(run))
            plan = plan_build(hub, connectors)
            if plan.action != "build":
                return None
            stage(hub, connectors, digest=plan.digest, run_id=run)
            resolve_identity(hub, run_id=run)
            build(hub, run_id=run)
            verdict = judge_candidate(hub, connectors, run_id=run)
            write_page(hub, verdict.load_id)
            if verdict.decision == "pass":
                publish_candidate(hub, run_id=run)
                assert different(hub) == {}
        return verdict

    def seen(self) -> tuple[Any, ...]:
        """What analysts see, and who is who: the file itself, the money, the crosswalk and the registry."""
        return (
            (self.root / "data" / "golden.duckdb").readlink(),
            self.world.ask("SELECT count(*), sum(net_amount)::VARCHAR FROM golden.customer_order"),
            self.world.ask("SELECT record_key, customer_id, valid_from FROM identity.customer_xref ORDER BY ALL"),
            self.world.ask("SELECT * FROM identity.customer_registry ORDER BY ALL"),
        )


def settled(root: Path) -> None:
    """Publish two ordinary days."""
    days = Days(root)
    for files in (first_day(), second_day()):
        days.write(files)
        verdict = days.load()
        assert verdict is not None
        assert verdict.decision == "pass", [r.message for r in verdict.results if r.status == "failed"]


def copied(root: Path, to: Path) -> Days:
    """A hub of one's own, as it was settled."""
    shutil.copytree(root / "data", to / "data", symlinks=True)
    shutil.copytree(root / "in", to / "in")
    return Days(to, yaml.safe_load((root / "hub.yaml").read_text()))


def different(hub: Hub) -> dict[str, int]:
    """Rows in which the published load is another than the candidate it was made from, by table; none of no table."""
    found = {}
    with writer(hub.config.warehouse) as con, live_attached(con, hub.config.warehouse) as live:
        for table in JUDGED:
            sides = [f"(FROM {table} EXCEPT ALL FROM {live}.{table})", f"(FROM {live}.{table} EXCEPT ALL FROM {table})"]
            found[str(table)] = con.execute(f"SELECT count(*) FROM ({' UNION ALL '.join(sides)})").fetchall()[0][0]
    return {table: rows for table, rows in found.items() if rows}


Change = Callable[[dict[str, Rows]], None]
