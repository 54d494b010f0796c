"""The days that the tour is about: the vendors of the sandbox and a CRM that exports files, up to a load that the gate holds.

Day 1 is quiet. On day 2 the vendors' world has gone on, and three deals have no amount that can be read. On day 3 the CRM was
upgraded: its contacts have other fields, and its deals come twice, with two numbers. The load is held.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml

from connectors.sandbox import SandboxHandle
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.runner import SyncOutcome, run_sync
from pipelines.source_runs import SyncOptions

PEOPLE, SEED = 150, 7
CONTACTS, DEALS = 120, 200
UNREADABLE = 3
ROOT = Path(__file__).resolve().parents[2]
CRM: dict[str, Any] = {
    "type": "files",
    "country": "GB",
    "owner": "team:sales-ops",
    "streams": {
        "contacts": {
            "path": "exports/contacts.csv",
            "kind": "party",
            "id": "contact_id",
            "fields": {"full_name": "name", "email": "email", "city": "city"},
            "deletes": "snapshot",
        },
        "deals": {
            "path": "exports/deals.csv",
            "kind": "order",
            "id": "deal_no",
            "customer": "contact_id",
            "fields": {"ordered_at": "closed_at", "currency": "currency", "gross_amount": "amount"},
            "deletes": "snapshot",
        },
    },
}


def live_through(root: Path, sandbox: SandboxHandle | None) -> list[SyncOutcome]:
    """Make the hub in a folder and sync it day by day; the last load is held. Without a sandbox it has the CRM only."""
    configure(root, sandbox.base_url if sandbox else None)
    outcomes = []
    for day in (1, 2, 3):
        if sandbox and day > 1:
            sandbox.advance(1)
        export(root / "exports", day)
        hub = Hub(load_config(root / "hub.yaml"))
        try:
            outcomes.append(run_sync(hub, SyncOptions()))
        finally:
            hub.close()
    return outcomes


def configure(root: Path, base_url: str | None) -> None:
    """Write the demo's hub.yaml against a sandbox, with the CRM."""
    config = yaml.safe_load((ROOT / "hub.yaml").read_text().replace("${HUB_SANDBOX_URL:-http://127.0.0.1:8377}", base_url or ""))
    config["sources"] = {**(config["sources"] if base_url else {}), "crm": CRM}
    config["reporting"]["rates"] = str(ROOT / config["reporting"]["rates"])
    (root / "hub.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def export(folder: Path, day: int) -> None:
    """What the CRM exports on a day."""
    folder.mkdir(exist_ok=True)
    _write(folder / "contacts.csv", [_contact(n, day) for n in range(CONTACTS)])
    deals = [_deal(n, day) for n in range(DEALS if day == 1 else DEALS + 8)]
    if day == 3:
        deals += [{**deal, "deal_no": f"X-{deal['deal_no']}"} for deal in deals]
    _write(folder / "deals.csv", deals)


def _contact(n: int, day: int) -> dict[str, Any]:
    first = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Finn", "Hana")[n % 7]
    return {
        "contact_id": f"C{n:04}",
        "name": f"{first} {chr(65 + n % 23)}{chr(97 + n * 7 % 23)}mann{chr(97 + n % 19)}",
        "email": f"person{n}@mail{n % 17}.example",
        "city": ("Leeds", "York", "Bath")[n % 3],
        **({"score": n % 10} if day < 3 else {"rating": "ABC"[n % 3], "newsletter": ("yes", "no")[n % 2]}),
    }


def _deal(n: int, day: int) -> dict[str, Any]:
    return {
        "deal_no": f"D-{n:05}",
        "contact_id": f"C{n % CONTACTS:04}",
        "closed_at": f"2026-{1 + n // 28 % 9:02}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:00Z",
        "currency": "EUR" if n % 10 < 7 else "USD",
        "amount": "on request" if day > 1 and DEALS <= n < DEALS + UNREADABLE else f"{20 + n % 80}.50",
    }


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
