"""A small warehouse for tests of identity: records with the match keys one gives them, loads that follow each other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from hub.identity import IdentitySettings, ResolutionReport, resolve

SCRIPTS = Path(__file__).resolve().parents[3] / "warehouse" / "sql"
SECRET = b"a secret of the tests"
START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("given", "middle", "family", "company", "email", "phone", "street", "city", "postal")
Record = dict[str, Any]


def warehouse(path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """An empty warehouse with staging and identity."""
    con = duckdb.connect(path)
    for script in ("staging", "identity"):
        con.execute((SCRIPTS / f"{script}.sql").read_text(encoding="utf-8"))
    return con


def record(key: str, **fields: Any) -> Record:
    """A record ``source:stream:id`` with match keys (KEYS), birth (ISO), tax, suffix, kind, role, deleted, test, merged_into."""
    return {"key": key, **fields}


def stage(con: duckdb.DuckDBPyConnection, records: Iterable[Record]) -> None:
    """Makes these the rows of staging.party_record."""
    con.execute("DELETE FROM staging.party_record")
    for r in records:
        _insert(con, r)


def _insert(con: duckdb.DuckDBPyConnection, r: Record) -> None:
    source, stream, record_id = r["key"].split(":", 2)
    named = r.get("given") or r.get("family")
    kind = r.get("kind") or ("person" if named else "company" if r.get("company") else "unknown")
    role = bool(r.get("role"))
    row = {
        "record_key": r["key"],
        "source_system": source,
        "stream": stream,
        "source_record_id": record_id,
        "party_type": kind,
        "record_role": "customer",
        "name_suffix": r.get("suffix"),
        "email_norm": r.get("email"),
        "email_status": "valid" if r.get("email") else "missing",
        "phone_status": "valid" if r.get("phone") else "missing",
        "birth_date": r.get("birth"),
        "birth_date_status": "valid" if r.get("birth") else "missing",
        "tax_id": r.get("tax"),
        **{f"{key}_key": r.get(key) for key in KEYS},
        "email_local": r["email"].split("@")[0] if r.get("email") and not role else None,
        "email_is_role": role,
        "is_deleted": bool(r.get("deleted")),
        "is_test": bool(r.get("test")),
        "merged_into": r.get("merged_into"),
        "sync_run_id": "s",
        "payload_hash": "h",
    }
    names = ", ".join(row)
    con.execute(f"INSERT INTO staging.party_record ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def decide(con: duckdb.DuckDBPyConnection, *pairs: tuple[str, str, str]) -> str:
    """Makes (left, right, must_link or cannot_link) the only decisions; yields the name of their table."""
    con.execute("DELETE FROM identity.match_decision")
    for number, (left, right, verdict) in enumerate(pairs):
        values = [f"d{number}", left, right, verdict, "steward", START, None, None]
        con.execute("INSERT INTO identity.match_decision VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return "identity.match_decision"


def publish(con: duckdb.DuckDBPyConnection) -> None:
    """Makes schema identity the live load, as schema ``live``."""
    con.execute("CREATE SCHEMA IF NOT EXISTS live")
    tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'identity' AND NOT temporary"
    for (name,) in con.execute(tables).fetchall():
        con.execute(f"CREATE OR REPLACE TABLE live.{name} AS FROM identity.{name}")


def load(
    con: duckdb.DuckDBPyConnection,
    number: int = 1,
    settings: IdentitySettings | None = None,
    *,
    decisions: str | None = None,
    **options: Any,
) -> ResolutionReport:
    """Resolves as load ``number`` (days after START) and publishes it; the first has no live load."""
    live = "live" if number > 1 else None
    now = START + timedelta(days=number)
    report = resolve(
        con,
        settings or IdentitySettings(),
        run_id=f"run{number}",
        now=now,
        id_secret=SECRET,
        live=live,
        decisions=decisions,
        **options,
    )
    publish(con)
    return report


def customers(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Customer ID of each record key in the current crosswalk."""
    found = con.execute("SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current").fetchall()
    assert len(found) == len(dict(found))
    return dict(found)


def groups(con: duckdb.DuckDBPyConnection) -> set[frozenset[str]]:
    """The records of each customer."""
    members: dict[str, set[str]] = {}
    for key, customer in customers(con).items():
        members.setdefault(customer, set()).add(key)
    return {frozenset(m) for m in members.values()}


def together(con: duckdb.DuckDBPyConnection, *keys: str) -> bool:
    """Whether these records are one customer."""
    found = customers(con)
    return len({found[key] for key in keys}) == 1
