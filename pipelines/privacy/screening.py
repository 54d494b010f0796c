"""What landed, looked through before raw takes it in: people who were erased, and what is past its cut-off, do not come back.

A party of theirs becomes a deletion, of which raw holds nothing and counts it as unchanged, and so does a ticket or lead past its
cut-off; any other fact becomes what `warehouse.reduced` makes of it. Only what raw does not hold as it landed is looked at, so
that it costs what changed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.rewriting import rewrite
from hub.contract.columns import PARTY, TABLES
from hub.identity.erased import Entry, prepare, recognised
from hub.normalise import normalise_parties
from pipelines.context import Hub
from pipelines.privacy import erased_list
from pipelines.privacy.arrivals import put_past
from pipelines.privacy.cut_offs import in_force
from warehouse.candidates import make_candidate, make_source
from warehouse.control import utcnow
from warehouse.mapped import Block, SourcePlace
from warehouse.privacy_tables import PRIVACY_SECRET, retention_arrival
from warehouse.reduced import reduce
from warehouse.screening import put_landed, put_round

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)


def screen(
    con: duckdb.DuckDBPyConnection, hub: Hub, source: str, stream: str, parts: Sequence[Path], *, run: str | None = None
) -> int:
    """Rewrite landed parts without people who were erased, and what is past its cut-off; how many rows that were.

    Nothing of what is looked at stays in the warehouse.

    Args:
        run: the sync that takes the parts in; how many of its rows were past their cut-offs is noted then.

    Raises:
        ConfigError: the mapping's SQL does not run.
        WarehouseAccessError: the landing folder cannot be written.
    """
    if not parts:
        return 0
    entries, cut_offs = erased_list.entries(hub.control), in_force(hub)
    if not entries and not cut_offs:
        return 0
    connector = hub.config.connector(source)
    blocks = [block for block in hub.mapping(connector) if block.stream == stream]
    if not any(block.table == PARTY.name or TABLES[block.table].column("party_id") for block in blocks):
        return 0
    con.execute("BEGIN")
    try:
        prepare(con, hub.control.secret(PRIVACY_SECRET), entries)
        seen = _looked_through(con, hub.place(connector), stream, blocks, parts, cut_offs)
    finally:
        con.execute("ROLLBACK")
    for part, rows in seen.instead.items():
        rewrite(part, rows)
    erased_list.add(hub.control, seen.new)
    erased_list.take_off(hub.control, seen.here_again)
    count = sum(len(rows) for rows in seen.instead.values())
    if count > seen.past:
        log.info("%d rows are of people who were erased; nothing that tells who they are is taken in", count - seen.past)
    if seen.past:
        log.info("%d rows are past their cut-offs (retention: in hub.yaml); nothing of them is taken in that is to go", seen.past)
        if run is not None:
            noted = {"sync_run_id": run, "source_system": source, "stream": stream, "rows": seen.past, "arrived_at": utcnow()}
            hub.control.put(retention_arrival, [noted])
    return count


@dataclass
class _Seen:
    """By part, the rows to exchange and for what; what the list is to have besides and no longer; how many rows are past."""

    instead: dict[Path, dict[int, str | None]] = field(default_factory=dict)
    new: list[Entry] = field(default_factory=list)
    here_again: list[str] = field(default_factory=list)
    past: int = 0


def _looked_through(
    con: duckdb.DuckDBPyConnection,
    place: SourcePlace,
    stream: str,
    blocks: Sequence[Block],
    parts: Sequence[Path],
    cut_offs: Mapping[str, datetime],
) -> _Seen:
    seen = _Seen()
    for round_ in range(1, put_landed(con, place.name, stream, parts) + 1):
        put_round(con, round_)
        # what a record is as a party it is also where its source merged it into another
        make_source(con, place, has_parties=True)
        seen.here_again += put_past(con, place, stream, blocks, cut_offs)
        con.execute("CREATE OR REPLACE TEMP TABLE known_erased AS FROM past_landed")
        for block in blocks:
            if block.table == PARTY.name:
                seen.new += _parties(con, place, block)
        reduce(con, place, stream, blocks, past="past_landed")
        found = con.execute(
            "SELECT part, row_no, r.payload, source_record_id IN (FROM past_landed)"
            " FROM reduced r JOIN arrived USING (source_record_id) ORDER BY ALL"
        ).fetchall()
        for part, row, payload, is_past in found:
            seen.instead.setdefault(Path(part), {})[row] = payload
            seen.past += is_past
    return seen


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
