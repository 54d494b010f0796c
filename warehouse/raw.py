"""Raw: what the sources sent, as sent, append-only. Takes landed parts in, with their cursor, in one transaction.

An unchanged payload adds no row; every landed row is counted as inserted, updated, unchanged, deleted or quarantined.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import duckdb

from hub.contract.errors import LineageError
from warehouse.connection import frugal, unordered
from warehouse.sql import statement

# a row's place in all that was ever landed of its stream: the part's number, which its file is named for, and the row within it
_ROW_BITS = 40
_PART = r"regexp_extract(filename, '(\d+)\.parquet$', 1)::BIGINT"
ERASURE = "erasure"  # mode of the rows in ops.raw_load that tell of rows taken out of raw again
_READ_ORDER = f"({_PART} << {_ROW_BITS}) + file_row_number"


class LandedPart(Protocol):
    """What raw must know of a landed part; the landing zone's own description has it all."""

    @property
    def seq(self) -> int: ...
    @property
    def follows(self) -> str: ...
    @property
    def leads_to(self) -> str: ...
    @property
    def checkpoint(self) -> dict[str, Any] | None: ...
    @property
    def begins(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def snapshot(self) -> bool: ...


@dataclass(frozen=True)
class RawLoad:
    """What one load of landed parts did to raw. Rows in = inserted + updated + unchanged + deleted + quarantined."""

    extracted: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0


def table_name(source: str, stream: str) -> str:
    """The raw table of a stream, quoted."""
    return f'raw."{source}__{stream}"'


def cursor(con: duckdb.DuckDBPyConnection, source: str, stream: str) -> tuple[dict[str, Any] | None, int, str | None]:
    """The committed cursor of a stream: its value, the last part it covers and its digest; (None, 0, None) before the first."""
    rows = con.execute(
        "SELECT cursor_value, part_seq, cursor_digest FROM ops.sync_cursor WHERE source_system = ? AND stream = ?", [source, stream]
    ).fetchall()
    if not rows:
        return None, 0, None
    value, seq, digest = rows[0]
    return (json.loads(value) if value else None), int(seq), str(digest)


def waiting(
    con: duckdb.DuckDBPyConnection, source: str, stream: str, parts: Sequence[tuple[Path, LandedPart]]
) -> list[tuple[Path, LandedPart]]:
    """The landed parts that the cursor does not cover, up to the last complete reading.

    Raises:
        LineageError: they do not continue the committed cursor.
    """
    _, seq, digest = cursor(con, source, stream)
    covered = [part for _, part in parts if part.seq <= seq]
    if covered and (covered[-1].seq, covered[-1].leads_to) != (seq, digest):
        raise _not_continuing(source, stream)  # numbered from the beginning again by who had lost its place
    fresh = [(path, part) for path, part in parts if part.seq > seq]
    while fresh and not fresh[-1][1].complete:
        fresh.pop()
    for _, part in fresh:
        if not part.begins and part.follows != digest:
            raise _not_continuing(source, stream)
        digest = part.leads_to
    return fresh


def load(
    con: duckdb.DuckDBPyConnection,
    source: str,
    stream: str,
    parts: Sequence[tuple[Path, LandedPart]],
    *,
    sync_run_id: str,
    now: datetime,
) -> RawLoad | None:
    """Take landed parts into raw and move the cursor, in one transaction.

    Only whole readings enter: parts after the last complete one stay where they are until theirs is complete. Parts that the
    cursor already covers (a crash between our commit and their removal) are passed over.

    Returns:
        The counts, or None if there is nothing to take in.

    Raises:
        LineageError: the parts do not continue the committed cursor.
    """
    value, _, _ = cursor(con, source, stream)
    fresh = waiting(con, source, stream, parts)
    if not fresh:
        return None
    try:
        with frugal(con):
            counts = _commit(con, source, stream, fresh, sync_run_id, now, value)
    except (duckdb.OutOfMemoryException, duckdb.TransactionException):
        # many values of a megabyte are more than DuckDB can put aside
        return _commit(con, source, stream, fresh, sync_run_id, now, value)
    with frugal(con):
        # closing would do it too, but with all the memory there is
        con.execute("CHECKPOINT")
    return counts


def _not_continuing(source: str, stream: str) -> LineageError:
    return LineageError(
        "landed records do not continue what the warehouse holds",
        source=source,
        stream=stream,
        remedy="they are set aside and read again",
    )


def _commit(
    con: duckdb.DuckDBPyConnection,
    source: str,
    stream: str,
    fresh: Sequence[tuple[Path, LandedPart]],
    sync_run_id: str,
    now: datetime,
    value: dict[str, Any] | None,
) -> RawLoad:
    last = fresh[-1][1]
    con.execute("BEGIN")
    try:
        counts = _take_in(con, source, stream, fresh, sync_run_id, now)
        con.execute(
            "INSERT OR REPLACE INTO ops.sync_cursor VALUES (?, ?, ?, ?, ?, ?, ?)",
            [source, stream, json.dumps(last.checkpoint), last.leads_to, last.seq, sync_run_id, now],
        )
        con.execute(
            "INSERT INTO ops.raw_load VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                sync_run_id,
                source,
                stream,
                "full" if any(part.begins for _, part in fresh) else "incremental",
                counts.extracted,
                counts.inserted,
                counts.updated,
                counts.unchanged,
                counts.deleted,
                counts.quarantined,
                json.dumps(value),
                json.dumps(last.checkpoint),
                now,
            ],
        )
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.TransactionException):  # a COMMIT that failed has rolled back already
            con.execute("ROLLBACK")
        raise
    return counts


def _take_in(
    con: duckdb.DuckDBPyConnection,
    source: str,
    stream: str,
    parts: Sequence[tuple[Path, LandedPart]],
    sync_run_id: str,
    now: datetime,
) -> RawLoad:
    table = table_name(source, stream)
    con.execute(statement("raw_table").format(table=table))
    paths = {"parts": [str(path) for path, _ in parts]}
    keys = {"source": source, "stream": stream, "run": sync_run_id}
    rejected = con.execute(
        "INSERT INTO raw.reject SELECT $source, $stream, source_record_id, reject_reason, payload, payload_hash, $run,"
        " extracted_at AT TIME ZONE 'UTC' FROM read_parquet($parts) WHERE op = 'reject'",
        {**keys, **paths},
    ).fetchall()[0][0]
    # of two readings, the second may lack records that the first brought
    one_reading = not any(part.begins for _, part in parts[1:])
    if one_reading and con.execute(_filled(statement("raw_is_first"), table), paths).fetchall()[0][0]:
        places = {**paths, **_places(con, paths)}
        with unordered(con):  # raw_seq tells the order
            inserted = con.execute(_filled(statement("raw_insert_first"), table), {**keys, **places}).fetchall()[0][0]
        return RawLoad(extracted=inserted + rejected, inserted=inserted, quarantined=rejected)
    con.execute(_filled(statement("raw_landed"), table), paths)
    con.execute(_filled(statement("raw_load"), table))
    con.execute(_filled(statement("raw_insert"), table), {**keys, **paths})
    swept = 0
    readings = [part.seq for _, part in parts if part.begins]
    if parts[-1][1].snapshot and readings:
        since = {**keys, "now": now, "reading": readings[-1] << _ROW_BITS}
        swept = con.execute(_filled(statement("raw_sweep"), table), since).fetchall()[0][0]
    counted = con.execute(
        "SELECT count(*) FILTER (NOT is_unchanged AND op <> 'delete' AND is_new),"
        " count(*) FILTER (NOT is_unchanged AND op <> 'delete' AND NOT is_new),"
        " count(*) FILTER (is_unchanged), count(*) FILTER (NOT is_unchanged AND op = 'delete') FROM landed_version"
    ).fetchall()[0]
    con.execute("DROP TABLE landed_part")
    con.execute("DROP TABLE landed_version")
    inserted, updated, unchanged, deleted = counted
    return RawLoad(
        extracted=inserted + updated + unchanged + deleted + rejected + swept,
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        deleted=deleted + swept,
        quarantined=rejected,
    )


def _places(con: duckdb.DuckDBPyConnection, paths: dict[str, list[str]]) -> dict[str, Any]:
    """The first part's number, and for it and each one after it the place of its first row in the order of arrival."""
    rows = dict(con.execute(_filled(statement("raw_part_rows"), ""), paths).fetchall())
    at = con.execute("SELECT min(nextval('raw.raw_seq')) FROM range(?)", [sum(rows.values())]).fetchall()[0][0]
    first = min(rows, default=0)
    before = accumulate((rows.get(part, 0) for part in range(first, max(rows, default=0))), initial=at)
    return {"first_part": first, "before": list(before)}


def _filled(sql: str, table: str) -> str:
    # not str.format: the statement holds braces of its own
    return sql.replace("{table}", table).replace("{read_order}", _READ_ORDER).replace("{part}", _PART)
