"""Access (GDPR, article 15): one package of all that the hub holds about a person, with where it comes from and what it is for.

Which tables speak of a person is not listed here: every published table that has a customer's or a record's key is asked. Tables
that set two records side by side are left out, since they speak of another person too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from hub.golden.dictionary import TableDoc, table_docs
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit
from pipelines.privacy.requests import new_request
from pipelines.stewardship import one_customer
from warehouse import control_tables as t
from warehouse.connection import published, writer
from warehouse.control import utcnow
from warehouse.privacy_tables import privacy_request
from warehouse.publish import live_load
from warehouse.raw import table_name

if TYPE_CHECKING:
    import duckdb
    from jinja2 import Template

_OF_RECORDS = ("record_key", "party_record_key", "anchor_record_key", "seed_record_key")
_FACT_KEYS = ("source_system", "stream", "source_record_id")
Place = tuple[str, str, str]  # source, stream and ID of a record there


@dataclass(frozen=True)
class _Person:
    """The IDs that ever led to a customer, and the keys of the records that are theirs, or were when they went."""

    customer_id: str
    ids: tuple[str, ...]
    records: tuple[str, ...]


def access(hub: Hub, key: str, by: Steward, folder: Path, *, received: datetime | None = None) -> dict[str, Any]:
    """Write all that is held about a person into a folder, as JSON and as one page that reaches for nothing outside of it.

    Args:
        key: whatever finds one customer.
        folder: where to; both files are readable by their owner only.
        received: when the person asked, if not now; UTC.

    Returns:
        The privacy_request row, and the paths of the files.

    Raises:
        NotFoundError: the key finds nobody, or several customers.
        WarehouseAccessError: the folder cannot be written.
        WarehouseBusyError: a sync runs for longer than the bounded wait.
    """
    with published(hub.config.warehouse) as con:
        person = _person(con, one_customer(hub, con, key))
        tables = _tables(con, person)
    places = _places(person, tables)
    with writer(hub.config.warehouse) as con:
        records = _raw(con, places)
    request = new_request("access", person.customer_id, by, received)
    package = {
        "customer_id": person.customer_id,
        "request_id": request["request_id"],
        "made_at": f"{utcnow():%Y-%m-%d %H:%M}",
        "load_id": live_load(hub.config.warehouse),
        "sources": _sources(records),
        "receivers": _receivers(hub),
        "tables": tables,
        "records": records,
        "quarantined": _quarantined(hub, places),
        "requests": hub.control.rows(sa.select(privacy_request).where(privacy_request.c.subject_ref.in_(person.ids))),
    }
    paths = _write(folder, request["request_id"], package)
    counts = {"records": len(records), "rows": sum(len(table["rows"]) for table in tables), "tables": len(tables)}
    request |= {"status": "done", "done_at": utcnow(), "done_load_id": package["load_id"], "affected": json.dumps(counts)}
    hub.control.add(privacy_request, [request])
    audit(hub, by, "privacy_access", request["request_id"], customer=person.customer_id, **counts)
    return {"request": request, "files": [str(path) for path in paths]}


def _person(con: duckdb.DuckDBPyConnection, customer: str) -> _Person:
    ids = con.execute(
        "SELECT customer_id FROM identity.customer_registry WHERE current_customer_id = ? ORDER BY 1", [customer]
    ).fetchall()
    # a record that went over to another customer is that one's, with all its past
    records = con.execute(
        "SELECT record_key FROM identity.customer_xref x JOIN identity.customer_registry r USING (customer_id)"
        " GROUP BY record_key HAVING arg_max(r.current_customer_id, (x.is_current, x.valid_from)) = ? ORDER BY 1",
        [customer],
    ).fetchall()
    return _Person(customer, tuple(id_ for (id_,) in ids), tuple(key for (key,) in records))


def _tables(con: duckdb.DuckDBPyConnection, person: _Person) -> list[dict[str, Any]]:
    """Per published table that speaks of the person: its rows, what it is for, and what its columns mean."""
    found = []
    for table in JUDGED:
        columns = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
        tests = ['"customer_id" IN (SELECT unnest($ids))'] if "customer_id" in columns else []
        tests += [f'"{name}" IN (SELECT unnest($records))' for name in _OF_RECORDS if name in columns]
        if not tests:
            continue
        text = f"SELECT * FROM {table} WHERE {' OR '.join(tests)} ORDER BY ALL"
        wanted = {"ids": list(person.ids), "records": list(person.records)}
        rows = _rows(con, text, {name: value for name, value in wanted.items() if f"${name}" in text})
        if rows:
            doc = _doc(str(table))
            meanings = {column.name: column.description for column in doc.columns} if doc else {}
            found.append({"name": str(table), "use": doc.description if doc else "", "meanings": meanings, "rows": rows})
    return found


def _doc(table: str) -> TableDoc | None:
    return table_docs().get(table.removeprefix("golden."))


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[dict[str, Any]]:
    cursor = con.execute(query, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _places(person: _Person, tables: Iterable[dict[str, Any]]) -> list[Place]:
    """Where the sources have what is theirs: their records, and the facts that are theirs."""
    of_records = [tuple(key.split(":", 2)) for key in person.records]
    of_facts = [
        tuple(str(row[name]) for name in _FACT_KEYS)
        for table in tables
        for row in table["rows"]
        if row.get("customer_id") in person.ids and all(row.get(name) for name in _FACT_KEYS)
    ]
    return sorted({(source, stream, id_) for source, stream, id_ in (*of_records, *of_facts)})


def _raw(con: duckdb.DuckDBPyConnection, places: Sequence[Place]) -> list[dict[str, Any]]:
    """Every version of each record as its source sent it."""
    known = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()}
    found = []
    for source, stream in sorted({place[:2] for place in places}):
        if f"{source}__{stream}" not in known:
            continue
        ids = [id_ for *place, id_ in places if place == [source, stream]]
        rows = con.execute(
            f"SELECT source_record_id, version, op, extracted_at, payload FROM {table_name(source, stream)}"
            " WHERE source_record_id IN (SELECT unnest(?)) ORDER BY source_record_id, version",
            [ids],
        ).fetchall()
        found += [
            {
                "source": source,
                "stream": stream,
                "id": id_,
                "version": version,
                "op": op,
                "extracted_at": read_at,
                "payload": None if payload is None else json.loads(payload),
            }
            for id_, version, op, read_at, payload in rows
        ]
    return found


def _sources(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    streams: dict[str, set[str]] = {}
    ids: dict[str, set[tuple[str, str]]] = {}
    for record in records:
        streams.setdefault(record["source"], set()).add(record["stream"])
        ids.setdefault(record["source"], set()).add((record["stream"], record["id"]))
    return [{"source": name, "streams": sorted(streams[name]), "records": len(ids[name])} for name in sorted(streams)]


def _receivers(hub: Hub) -> list[dict[str, str]]:
    """Where the hub itself hands the golden tables on."""
    own = {"name": "golden.duckdb", "what": "the published tables, which the company's analysts read"}
    return [own, *({"name": target.name, "what": "a database with the same tables"} for target in hub.config.publish)]


def _quarantined(hub: Hub, places: Sequence[Place]) -> list[dict[str, Any]]:
    theirs, row = set(places), t.quarantine.c
    ids = sorted({id_ for _, _, id_ in places})
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 500):
        found += hub.control.rows(sa.select(t.quarantine).where(row.source_record_id.in_(ids[start : start + 500])))
    return [one for one in found if (one["source_system"], one["stream"], one["source_record_id"]) in theirs]


def _write(folder: Path, request_id: str, package: dict[str, Any]) -> list[Path]:
    texts = {
        "json": json.dumps(package, default=str, ensure_ascii=False, indent=2),
        "html": _template().render(package=package),
    }
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, text in texts.items():
            path = folder / f"access-{request_id}.{kind}"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:
                sink.write(text)
            paths.append(path)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write to {folder} ({error.strerror or error})", remedy="name another folder with --to"
        ) from error
    return paths


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files(__package__).joinpath("access.html").read_text(encoding="utf-8"))
