"""The world of ``bench.golden``: a hub whose six sources are folders of Parquet files, on a first day and a day later.

The people are those of ``bench.people``; who of them orders, pays, asks and sees which ad is made by ``golden_facts.sql``. The
second day's files hold what changed and what is new, half of it each, one row of a hundred in all. Nothing is measured here.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import yaml

from bench.identity import edited
from bench.people import population

_SQL = Path(__file__).with_name("golden_facts.sql")
CHANGED, NEW = 0.005, 0.005  # of all rows, on the second day
_PARTY = {
    **{
        name: name
        for name in ("given_name", "family_name", "company_name", "email", "phone", "address_line1", "city", "postal_code")
    },
    "country": "country",
    "birth_date": "birth_date",
}


class Stream(NamedTuple):
    """A stream of facts.

    Attributes:
        share: of all facts; 0 for what there is a fixed number of.
        fields: canonical column -> column of the file.
    """

    source: str
    name: str
    kind: str
    share: float
    fields: dict[str, str]
    rows: int = 0


def _ads(source: str) -> tuple[Stream, ...]:
    in_ads = {"campaign_id": "campaign", "ad_group_id": "ad_group", "ad_id": "ad"}
    return (
        Stream(
            source,
            "campaigns",
            "ad_campaign",
            0,
            {"campaign_id": "id", "campaign_name": "name", **_same("status", "currency")},
            200,
        ),
        Stream(
            source,
            "ad_groups",
            "ad_group",
            0,
            {"campaign_id": "campaign", "ad_group_id": "id", "ad_group_name": "name", "status": "status"},
            600,
        ),
        Stream(
            source,
            "ads",
            "ad",
            0,
            {"campaign_id": "campaign", "ad_group_id": "ad_group", "ad_id": "id", "ad_name": "name", "status": "status"},
            2000,
        ),
        Stream(
            source,
            "spend",
            "ad_spend",
            0.02,
            {**in_ads, "date_day": "day", "spend": "cost", **_same("currency", "impressions", "clicks")},
        ),
        Stream(
            source,
            "leads",
            "lead",
            0.02,
            {**in_ads, "form_id": "form", "click_id_type": "click_type", "click_id": "click", "lead_source": "came_by"}
            | _same("submitted_at"),
        ),
    )


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


STREAMS: tuple[Stream, ...] = (
    Stream(
        "shop",
        "orders",
        "order",
        0.22,
        {"order_number": "number", "gross_amount": "total", "tax_amount": "tax", "discount_amount": "discount"}
        | {"refund_amount": "refunded", "landing_url": "landing", "referrer_url": "referrer", "is_test": "test"}
        | _same("ordered_at", "status", "currency"),
    ),
    Stream(
        "shop",
        "lines",
        "order_line",
        0.33,
        {"line_no": "id", "product_name": "product", "unit_price": "price", "net_amount": "net"}
        | _same("order_id", "sku", "quantity", "currency"),
    ),
    Stream(
        "shop", "refunds", "refund", 0.03, {"refund_no": "id", **_same("order_id", "refunded_at", "status", "currency", "amount")}
    ),
    Stream(
        "invoicing",
        "invoices",
        "invoice",
        0.12,
        {"invoice_number": "number", "total_amount": "total", "amount_paid": "paid", "amount_due": "due"}
        | _same("issued_at", "due_at", "status", "currency"),
    ),
    Stream("invoicing", "payments", "payment", 0.12, _same("invoice_id", "paid_at", "status", "currency", "amount", "method")),
    Stream(
        "tickets",
        "tickets",
        "ticket",
        0.10,
        {"satisfaction": "rating", **_same("subject", "channel", "status", "opened_at", "solved_at")},
    ),
    *_ads("ads_a"),
    *_ads("ads_b"),
)
SOURCES = ("crm", "invoicing", "shop", "tickets", "ads_a", "ads_b")
_OWNED = ("order", "invoice", "payment", "ticket", "lead")


def make(folder: Path, records: int, facts: int, seed: int) -> None:
    """Write hub.yaml, the rates and the first day's files; the second day's wait in ``later``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "hub.yaml").write_text(yaml.safe_dump(_config(), sort_keys=False))
    _rates(folder / "rates.csv")
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET memory_limit = '4GB'; SET temp_directory = ?", [str(folder / "spill")])
    _people(con, folder, records, seed)
    blocks = _blocks()
    for statement in con.extract_statements(blocks["macros"]):
        con.execute(statement)
    orders = int(facts * STREAMS[0].share)
    people = dict(con.execute("SELECT source, count(*) FROM party GROUP BY source").fetchall())
    for stream in STREAMS:
        rows = stream.rows or int(facts * stream.share)
        values = {f"people_{source}": people.get(source, 0) for source in SOURCES}
        values |= {"orders": orders, "source": stream.source, "people_here": people[stream.source]}
        _write(con, folder / "exports", stream, blocks[stream.name], f"range(0, {rows})", values, at="2026-11-26 06:00", day=1)
        changed = f"(SELECT range FROM range(0, {rows}) WHERE hash(range, 'changed') % {round(1 / CHANGED)} = 0)"
        later = f"(FROM {changed} UNION ALL FROM range({rows}, {rows + int(rows * NEW)}))"
        _write(con, folder / "later", stream, blocks[stream.name], later, values, at="2026-11-27 06:00", day=2, known=rows)
    con.close()


def next_day(folder: Path) -> None:
    """Put the second day's files beside the first day's."""
    for path in sorted((folder / "later").glob("*/*.parquet")):
        shutil.move(path, folder / "exports" / path.parent.name / path.name)


def _blocks() -> dict[str, str]:
    """The statements of the SQL file by name; the lines before the first name explain it."""
    parts = _SQL.read_text(encoding="utf-8").split("\n-- ")
    named = [part.partition("\n") for part in parts[1:]]
    known = {"macros", *(stream.name for stream in STREAMS)}
    found: dict[str, str] = {}
    name = ""
    for title, _, text in named:
        if title in known:
            name = title
            found[name] = text
        else:  # a comment within
            found[name] = f"{found.get(name, '')}\n-- {title}\n{text}"
    return found


def _write(
    con: duckdb.DuckDBPyConnection,
    root: Path,
    stream: Stream,
    select: str,
    numbers: str,
    values: dict[str, Any],
    *,
    at: str,
    day: int,
    known: int | None = None,
) -> None:
    place = root / stream.source / f"{stream.name}-{day}.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    again = f"range < {known}" if known is not None else "false"
    fresh = f"range >= {known}" if known is not None else "false"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE day AS SELECT range AS i, {again} AS again, {fresh} AS fresh, TIMESTAMP '{at}' AS told_at"
        f" FROM {numbers}"
    )
    used = {name: value for name, value in values.items() if f"${name}" in select}
    con.execute(f"COPY ({select}) TO '{place}' (FORMAT parquet)", used)


def _people(con: duckdb.DuckDBPyConnection, folder: Path, records: int, seed: int) -> None:
    new = int(records * NEW)
    frame = population(records + new, seed)
    con.execute("CREATE TEMP TABLE party (source VARCHAR, place BIGINT, id VARCHAR)")
    first, later = frame.iloc[:records], frame.iloc[records:]
    rng = np.random.default_rng(seed)
    changed = edited(first.iloc[rng.permutation(records)[: int(records * CHANGED)]], seed)
    for root, day, part in (("exports", 1, first), ("later", 2, pd.concat([changed, later], ignore_index=True))):
        con.register("frame", part)
        for source in SOURCES:
            place = folder / root / source / f"contacts-{day}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            listed = ", ".join(_PARTY)
            con.execute(
                f"COPY (SELECT source_record_id AS id, {listed}, TIMESTAMP '2026-11-{25 + day} 06:00' AS updated_at FROM frame"
                f" WHERE source_system = '{source}') TO '{place}' (FORMAT parquet)"
            )
            if day == 1:
                con.execute(
                    "INSERT INTO party SELECT source_system, row_number() OVER () - 1, source_record_id FROM frame"
                    " WHERE source_system = ?",
                    [source],
                )
        con.unregister("frame")


def _rates(path: Path) -> None:
    start, days = date(2024, 10, 1), 900
    worth = {"GBP": 0.86, "USD": 1.09, "CHF": 0.95, "SEK": 11.3}
    lines = ["date,from,to,rate"]
    for n in range(days):
        day = start + timedelta(days=n)
        lines += [f"{day},EUR,{code},{rate * (1 + n % 17 / 1000):.5f}" for code, rate in worth.items()]
    path.write_text("\n".join(lines) + "\n")


def _config() -> dict[str, Any]:
    sources: dict[str, Any] = {}
    for source in SOURCES:
        streams: dict[str, Any] = {
            "contacts": {
                "path": f"exports/{source}/contacts-*.parquet",
                "kind": "party",
                "id": "id",
                "updated_at": "updated_at",
                "fields": _PARTY,
            }
        }
        for stream in STREAMS:
            if stream.source == source:
                streams[stream.name] = {
                    "path": f"exports/{source}/{stream.name}-*.parquet",
                    "kind": stream.kind,
                    "id": "id",
                    "updated_at": "updated_at",
                    "fields": stream.fields,
                } | ({"customer": "contact_id"} if stream.kind in _OWNED else {})
        sources[source] = {"type": "files", "country": "GB", "streams": streams}
    return {
        "sources": sources,
        "reporting": {"base_currency": "EUR", "rates": "rates.csv"},
        "segments": {
            "big_spenders": "ltv_base >= 1000",
            "needs_care": "open_tickets > 0 AND orders > 0",
            "slipping_away": "orders >= 2 AND recency_days > 180",
        },
    }
