"""Rows that somebody releases from quarantine enter raw again, as a new version of their record; staging judges them as any other.

A replay is counted as a reading of its own: one row in, one row loaded. It keeps the hash of what the source sent, also where a
corrected payload comes instead: while the source goes on sending the same, nothing changes and the correction holds; as soon as it
sends something else, that is the newer version and wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from warehouse.raw import table_name
from warehouse.sql import statement


@dataclass(frozen=True)
class Replay:
    """One row to be judged again.

    Attributes:
        payload: JSON, as the source sent it or corrected.
        payload_hash: of what the source sent.
    """

    source: str
    stream: str
    record_id: str
    payload: str
    payload_hash: str


def replay(con: duckdb.DuckDBPyConnection, rows: Sequence[Replay], *, run_id: str, now: datetime) -> None:
    """Take rows into raw, all or none.

    Args:
        run_id: the replay's own, in the place of a sync run's.
        now: when, UTC without zone.
    """
    con.execute("BEGIN")
    try:
        for row in rows:
            _take_in(con, row, run_id, now)
        counted: dict[tuple[str, str], int] = {}
        for row in rows:
            counted[row.source, row.stream] = counted.get((row.source, row.stream), 0) + 1
        for (source, stream), n in sorted(counted.items()):
            con.execute(
                "INSERT INTO ops.raw_load VALUES (?, ?, ?, 'replay', ?, 0, ?, 0, 0, 0, NULL, NULL, ?)",
                [run_id, source, stream, n, n, now],
            )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _take_in(con: duckdb.DuckDBPyConnection, row: Replay, run_id: str, now: datetime) -> None:
    table = table_name(row.source, row.stream)
    con.execute(statement("raw_table").format(table=table))
    version, updated = con.execute(
        f"SELECT coalesce(max(version), 0), arg_max(source_updated_at, version) FROM {table} WHERE source_record_id = ?",
        [row.record_id],
    ).fetchall()[0]
    con.execute(
        f"INSERT INTO {table} VALUES (nextval('raw.raw_seq'), ?, ?, ?, ?, 'upsert', ?, ?, ?, ?, NULL, ?)",
        [row.source, row.stream, row.record_id, version + 1, row.payload, row.payload_hash, updated, now, run_id],
    )
