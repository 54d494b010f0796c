"""Compares the places data goes through with each other: raw with staging, staging with a published load. Reads only.

What the gate measures of a candidate is in `measure`; this is about what lies there now, whoever changed it since.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from hub.contract.columns import CONSENT, FACTS, PARTY
from warehouse.candidates import make_source
from warehouse.mapped import Block, SourcePlace
from warehouse.raw import table_name
from warehouse.sql import statement


def unstaged(con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block]) -> int:
    """Records of a stream that the mapping yields from raw and staging has neither taken nor turned down.

    What came after staging last looked is not counted; it is staged with the next build. It makes temporary tables only.
    """
    done = con.execute(
        "SELECT raw_seq FROM ops.staging_state WHERE source_system = ? AND stream = ?", [place.name, stream]
    ).fetchall()
    if not done:
        return 0
    arrived = f"(SELECT * FROM {table_name(place.name, stream)} WHERE raw_seq <= {done[0][0]})"
    con.execute(statement("staging_source").replace("{table}", arrived), {"since": 0})
    has_parties = any(block.table == PARTY.name for block in blocks) and stream in place.party_streams
    make_source(con, place, has_parties)
    found = 0
    for block in blocks:
        query = statement("unstaged").replace("{select}", _to_be_staged(block)).replace("{table}", block.table)
        found += con.execute(query, {"source": place.name, "stream": stream}).fetchall()[0][0]
    return found


def _to_be_staged(block: Block) -> str:
    """What a block yields; not that a source takes its own denial back, of which staging keeps nothing."""
    if block.table != CONSENT.name:
        return block.select
    return f"SELECT * FROM ({block.select}) WHERE lower(trim(status)) IS DISTINCT FROM 'lifted'"


def newest_unstaged(con: duckdb.DuckDBPyConnection, source: str, stream: str) -> bool:
    """Whether raw has something of a stream that no build has staged yet."""
    rows = con.execute(
        f"SELECT max(raw_seq) > coalesce((SELECT raw_seq FROM ops.staging_state WHERE source_system = ? AND stream = ?), 0)"
        f" FROM {table_name(source, stream)}",
        [source, stream],
    ).fetchall()
    return bool(rows[0][0])


def unplaced(con: duckdb.DuckDBPyConnection, live: str) -> list[tuple[str, int, int]]:
    """Per source that differs: live parties that the crosswalk of a load lacks, and records of it that are no live parties.

    Args:
        live: the catalog under which the load is attached.
    """
    return con.execute(statement("unplaced").replace("{live}", live)).fetchall()


def differing_facts(con: duckdb.DuckDBPyConnection, live: str) -> list[tuple[str, str, int, int]]:
    """Per fact table and source that differs: rows in staging, rows in the load."""
    parts = [
        f"SELECT '{table.name}' AS fact, source_system, coalesce(s.n, 0) AS staged, coalesce(g.n, 0) AS published"
        f" FROM (SELECT source_system, count(*) AS n FROM staging.{table.name} GROUP BY ALL) s"
        f" FULL JOIN (SELECT source_system, count(*) AS n FROM {live}.golden.{table.name} GROUP BY ALL) g USING (source_system)"
        for table in FACTS
    ]
    return con.execute(f"SELECT * FROM ({' UNION ALL '.join(parts)}) WHERE staged <> published ORDER BY ALL").fetchall()
