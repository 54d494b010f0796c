"""Running a connector's mapping over payloads, as the warehouse runs it over what has landed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from connectors.contract import Connector
from connectors.mapping import parse_mapping
from connectors.payload import encode
from hub.contract.columns import TABLES

Rows = list[dict[str, Any]]
_READ_AT = datetime(2026, 9, 21, 12)  # noqa: DTZ001 - UTC, as DuckDB has it
_SRC = """
CREATE TABLE src (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, payload JSON,
                  source_updated_at TIMESTAMP, extracted_at TIMESTAMP, country VARCHAR, timezone VARCHAR)
"""


def stage(connector: Connector, stream: str, payloads: Mapping[str, Mapping[str, Any]]) -> dict[str, Rows]:
    """Staging table -> the rows that a stream's mapping makes of payloads (by record ID), in the order of the payloads.

    Each block must yield canonical columns only, and there must be one.
    """
    about = [_READ_AT, _READ_AT, "US", "UTC"]
    landed = [[connector.name, stream, key, encode(payload)[0], *about] for key, payload in payloads.items()]
    place = {key: number for number, key in enumerate(payloads)}
    found: dict[str, Rows] = {}
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(_SRC)
        if landed:
            con.executemany("INSERT INTO src VALUES (?, ?, ?, ?, ?, ?, ?, ?)", landed)
        for block in parse_mapping(connector.mapping()):
            if block.stream == stream:
                table = con.execute(block.select)
                names = [column[0] for column in table.description or ()]
                unknown = [name for name in names if name != "source_record_id" and TABLES[block.table].column(name) is None]
                assert unknown == [], f"{block.table} has no such columns"
                rows = [dict(zip(names, row, strict=True)) for row in table.fetchall()]
                found.setdefault(block.table, []).extend(sorted(rows, key=lambda row: place[row["source_record_id"]]))
    assert found, f"nothing is mapped from {stream}"
    return found


def mapped(connector: Connector, stream: str, table: str, *payloads: Mapping[str, Any], key: str | None = None) -> Rows:
    """The rows of one staging table; record IDs are that field of the payloads, or else their numbers from 1 on."""
    named = {str(payload.get(key or "", number)): payload for number, payload in enumerate(payloads, 1)}
    assert len(named) == len(payloads), "payloads share an ID"
    return stage(connector, stream, named)[table]


def told(rows: Rows) -> list[dict[str, str]]:
    """Rows without what they leave open, as the text that staging reads."""
    return [{name: _text(value) for name, value in row.items() if value is not None} for row in rows]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
