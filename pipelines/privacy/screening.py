"""What landed, looked through before raw takes it in: records of people who were erased do not come back.

A party of theirs becomes a deletion, of which raw holds nothing and counts it as unchanged; a fact of theirs becomes what
`warehouse.reduced` makes of it. Only what raw does not hold as it landed is looked at, so that it costs what changed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.rewriting import rewrite
from hub.contract.columns import PARTY, TABLES
from hub.identity.erased import Entry, prepare, recognised
from hub.normalise import normalise_parties
from pipelines.context import Hub
from pipelines.privacy import erased_list
from warehouse.mapped import Block, SourcePlace
from warehouse.privacy_tables import PRIVACY_SECRET
from warehouse.reduced import reduce
from warehouse.screening import put_landed, put_round
from warehouse.staging import make_candidate, make_source

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)


def screen(con: duckdb.DuckDBPyConnection, hub: Hub, source: str, stream: str, parts: Sequence[Path]) -> int:
    """Rewrite landed parts without people who were erased; how many rows that were.

    Nothing of what is looked at stays in the warehouse.

    Raises:
        ConfigError: the mapping's SQL does not run.
        WarehouseAccessError: the landing folder cannot be written.
    """
    entries = erased_list.entries(hub.control)
    if not entries or not parts:
        return 0
    connector = hub.config.connector(source)
    blocks = [block for block in hub.mapping(connector) if block.stream == stream]
    if not any(block.table == PARTY.name or TABLES[block.table].column("party_id") for block in blocks):
        return 0
    con.execute("BEGIN")
    try:
        prepare(con, hub.control.secret(PRIVACY_SECRET), entries)
        instead, new = _looked_through(con, hub.place(connector), stream, blocks, parts)
    finally:
        con.execute("ROLLBACK")
    for part, rows in instead.items():
        rewrite(part, rows)
    erased_list.add(hub.control, new)
    count = sum(len(rows) for rows in instead.values())
    if count:
        log.info("%d rows are of people who were erased; nothing that tells who they are is taken in", count)
    return count


def _looked_through(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], parts: Sequence[Path]
) -> tuple[dict[Path, dict[int, str | None]], list[Entry]]:
    """By part, the rows to exchange and for what; and what the list is to have besides."""
    instead: dict[Path, dict[int, str | None]] = {}
    new: list[Entry] = []
    for round_ in range(1, put_landed(con, place.name, stream, parts) + 1):
        put_round(con, round_)
        # what a record is as a party it is also where its source merged it into another
        make_source(con, place, has_parties=True)
        con.execute("CREATE OR REPLACE TEMP TABLE known_erased (source_record_id VARCHAR)")
        for block in blocks:
            if block.table == PARTY.name:
                new += _parties(con, place, block)
        reduce(con, place, stream, blocks)
        found = con.execute(
            "SELECT part, row_no, r.payload FROM reduced r JOIN arrived USING (source_record_id) ORDER BY ALL"
        ).fetchall()
        for part, row, payload in found:
            instead.setdefault(Path(part), {})[row] = payload
    return instead, new


def _parties(con: duckdb.DuckDBPyConnection, place: SourcePlace, block: Block) -> list[Entry]:
    make_candidate(con, place, block, PARTY)
    con.execute("DELETE FROM candidate WHERE record_key IS NULL")
    con.execute("ALTER TABLE candidate DROP COLUMN row_no")
    normalise_parties(con, "candidate", "normalised")
    theirs = recognised(con, "normalised", "(FROM staging.party_record WHERE NOT is_deleted)")
    for key in theirs:
        con.execute("INSERT INTO known_erased SELECT source_record_id FROM candidate WHERE record_key = ?", [key])
    keyed = [(key, *con.execute("SELECT erased_key('record|' || ?)", [key]).fetchall()[0]) for key in theirs]
    return [Entry(theirs[key], "record", hmac) for key, hmac in keyed]
