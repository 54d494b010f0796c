"""Staged parties for tests of the hub wing: values as a source has them, normalised by the real normaliser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import duckdb

from hub.contract.columns import PARTY
from hub.normalise import normalise_parties
from warehouse.connection import connect
from warehouse.migrations import migrate

T0 = datetime(2026, 1, 1)  # noqa: DTZ001 - stores keep UTC without zone


def warehouse() -> duckdb.DuckDBPyConnection:
    """An in-memory working warehouse."""
    con = connect(None)
    migrate(con)
    return con


def stage_parties(con: duckdb.DuckDBPyConnection, records: Iterable[Mapping[str, Any]]) -> None:
    """Stage parties; a record is ``key`` (source:stream:id), canonical columns as text, and perhaps ``updated``."""
    names = [column.name for column in PARTY.columns]
    columns = ", ".join(f'"{name}" VARCHAR' for name in names)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE given (record_key VARCHAR, source_system VARCHAR, stream VARCHAR,"
        " source_record_id VARCHAR,"
        f" {columns}, country_default VARCHAR, timezone VARCHAR, source_updated_at TIMESTAMP, sync_run_id VARCHAR,"
        " payload_hash VARCHAR)"
    )
    rows = [
        [
            record["key"],
            *record["key"].split(":", 2),
            *(record.get(name) for name in names),
            record.get("default_country"),
            "UTC",
            record.get("updated", T0),
            "run",
            "hash",
        ]
        for record in records
    ]
    if rows:
        con.executemany(f"INSERT INTO given VALUES ({', '.join('?' * len(rows[0]))})", rows)
    normalise_parties(con, "given", "normalised")
    con.execute("INSERT INTO staging.party_record BY NAME SELECT * FROM normalised")
    con.execute("DROP TABLE normalised")


def assign(con: duckdb.DuckDBPyConnection, customers: Mapping[str, Iterable[str]]) -> None:
    """Say by hand which records are which customer."""
    con.execute("DELETE FROM identity.customer_registry")
    con.execute("DELETE FROM identity.customer_xref")
    for customer_id, keys in customers.items():
        members = list(keys)
        con.execute(
            "INSERT INTO identity.customer_registry VALUES (?, 'active', ?, ?, 0, ?, 'run', NULL)",
            [customer_id, customer_id, members[0], T0],
        )
        for key in members:
            con.execute(
                "INSERT INTO identity.customer_xref VALUES (?, ?, ?, ?, ?, 'singleton', 0.9, ?, NULL, true, 'run')",
                [key, *key.split(":", 2), customer_id, T0],
            )
