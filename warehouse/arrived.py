"""What a look at the versions that arrived of a stream tells of the steps that they need, so that the others are left out."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from warehouse.sql import statement


@dataclass(frozen=True)
class Arrived:
    """What there is in the temporary table `arrived`, and of its stream elsewhere.

    Attributes:
        gone: records that are no records of their own any more: deleted at the source, or merged into another.
        merged: those of them that were merged.
        has_echoes: our own writing came back to us from this stream, now or before.
        were_rejected: something of this stream was turned down before and is so still.
    """

    gone: int
    merged: int
    has_echoes: bool
    were_rejected: bool


def look_at_arrived(con: duckdb.DuckDBPyConnection, source: str, stream: str) -> Arrived:
    """Look at `arrived`, which holds versions of one stream's records."""
    return Arrived(*con.execute(statement("staging_look"), {"source": source, "stream": stream}).fetchall()[0])
