"""Staging: takes in what arrived in raw, typed and judged, stream by stream.

Normalising parties and judging rows are handed in by the caller; this module moves rows and keeps count. Each stream advances in
one transaction, so a broken build leaves staging as it was. Streams of which little arrived share one, and their parties are
normalised together: most of what a few rows cost is spent on statements, however few the rows are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from hub.contract.columns import CONSENT, PARTY, TABLES
from warehouse.arrived import look_at_arrived
from warehouse.candidates import make_candidate, make_source
from warehouse.mapped import Block, SourcePlace
from warehouse.migrations import fact_columns
from warehouse.raw import table_name
from warehouse.sql import statement
from warehouse.waiting_parties import WaitingParties

# changes when typing a text again could give another value; all is staged again then. 2: times that name their zone
_TYPING = "2"
# rows of raw that are staged in one transaction, if they are of several streams
_TOGETHER = 20_000


def _as_they_are(con: duckdb.DuckDBPyConnection, relation: str, country: str | None) -> None:
    """Consent signals that use the hub's words already."""


@dataclass(frozen=True)
class Handlers:
    """What the other wings do with candidate rows.

    Attributes:
        normalise: (connection, candidate parties relation, relation to make) -> None.
        judge: (connection, table, candidate rows relation, relation to make) -> None. It makes a row for each of those to turn
            down, with the row's row_no (its key may be missing or another's too), check_id and reason.
        consents: (connection, candidate consent signals relation, the source's country) -> None; brings them to the hub's words.
        version: changes when normalising would give other results; all is staged again then.
    """

    normalise: Callable[[duckdb.DuckDBPyConnection, str, str], None]
    judge: Callable[[duckdb.DuckDBPyConnection, str, str, str], None]
    version: str
    consents: Callable[[duckdb.DuckDBPyConnection, str, str | None], None] = _as_they_are


@dataclass
class Staged:
    """Rows staged and turned down per table in one go over a stream, and records gone at the source."""

    rows: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    deleted: int = 0


@dataclass(frozen=True)
class StreamToStage:
    """A stream: whose it is, its name, and the blocks of its source's mapping that read it."""

    place: SourcePlace
    stream: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class _News:
    """What raw has of a stream that staging has not looked at: versions after `since` up to `top`, read by the mapping `digest`."""

    of: StreamToStage
    since: int
    top: int
    digest: str


def mapping_digest(blocks: Sequence[Block], place: SourcePlace, version: str) -> str:
    """Changes when staging a payload again could give another row."""
    mappings = (f"{block.stream}>{block.table}\n{block.select}" for block in blocks)
    text = "\n".join([place.country or "", place.timezone, version, _TYPING, *mappings])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def stage_streams(
    con: duckdb.DuckDBPyConnection, streams: Iterable[StreamToStage], handlers: Handlers, *, now: datetime
) -> dict[tuple[str, str], Staged]:
    """Bring staging up to date with the streams' raw tables.

    Returns:
        What was staged, per source and stream of which something arrived since the last time.

    Raises:
        ConfigError: a mapping yields a column that is not canonical, or its SQL does not run. What earlier transactions staged
            stays.
    """
    done: dict[tuple[str, str], Staged] = {}
    for together in _together(con, streams, handlers):
        con.execute("BEGIN")
        try:
            waiting = WaitingParties(con, handlers.normalise)
            for news in together:
                done[news.of.place.name, news.of.stream] = _stage(con, news, handlers, waiting, now)
            waiting.settle()
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise
    return done


def _together(con: duckdb.DuckDBPyConnection, streams: Iterable[StreamToStage], handlers: Handlers) -> Iterator[list[_News]]:
    """The streams that have something new, in their order, as many at a time as are staged in one transaction."""
    together: list[_News] = []
    rows = 0
    for stream in streams:
        news = _news(con, stream, handlers)
        if news is None:
            continue
        # numbers are given to all streams in turn, so that this is never fewer than there are
        most = news.top - news.since
        if together and rows + most > _TOGETHER:
            yield together
            together, rows = [], 0
        together.append(news)
        rows += most
    if together:
        yield together


def _news(con: duckdb.DuckDBPyConnection, of: StreamToStage, handlers: Handlers) -> _News | None:
    digest = mapping_digest(of.blocks, of.place, handlers.version)
    try:
        top = con.execute(f"SELECT coalesce(max(raw_seq), 0) FROM {table_name(of.place.name, of.stream)}").fetchall()[0][0]
    except duckdb.CatalogException:  # nothing was ever read; asking the catalog first takes longer than all the rest
        return None
    state = con.execute(
        "SELECT raw_seq, mapping_digest FROM ops.staging_state WHERE source_system = ? AND stream = ?", [of.place.name, of.stream]
    ).fetchall()
    if not state or state[0][1] != digest:
        return _News(of, 0, top, digest)
    return _News(of, state[0][0], top, digest) if top > state[0][0] else None


def _stage(con: duckdb.DuckDBPyConnection, news: _News, handlers: Handlers, waiting: WaitingParties, now: datetime) -> Staged:
    place, stream, blocks = news.of.place, news.of.stream, news.of.blocks
    con.execute(statement("staging_source").replace("{table}", table_name(place.name, stream)), {"since": news.since})
    arrived = look_at_arrived(con, place.name, stream)
    if arrived.has_echoes:
        con.execute(statement("staging_echo"))
    has_parties = any(block.table == PARTY.name for block in blocks) and stream in place.party_streams
    make_source(con, place, has_parties)
    if arrived.were_rejected:
        con.execute(
            "DELETE FROM staging.rejected WHERE source_system = ? AND stream = ?"
            " AND source_record_id IN (SELECT source_record_id FROM arrived)",
            [place.name, stream],
        )
    result = Staged(deleted=arrived.gone)
    for block in blocks:
        _stage_block(con, place, block, handlers, waiting, now, result)
    if has_parties:
        waiting.note_gone(place.name, stream, arrived)
    con.execute("INSERT OR REPLACE INTO ops.staging_state VALUES (?, ?, ?, ?)", [place.name, stream, news.top, news.digest])
    return result


def _stage_block(
    con: duckdb.DuckDBPyConnection,
    place: SourcePlace,
    block: Block,
    handlers: Handlers,
    waiting: WaitingParties,
    now: datetime,
    result: Staged,
) -> None:
    table = TABLES[block.table]
    make_candidate(con, place, block, table)
    handlers.judge(con, table.name, "candidate", "faulty")
    came, unfit = con.execute("SELECT (SELECT count(*) FROM candidate), (SELECT count(*) FROM faulty)").fetchall()[0]
    if table is CONSENT:
        handlers.consents(con, "candidate", place.country)
        con.execute(statement("consent_outlived"), {"source": place.name, "stream": block.stream})
        con.execute("DELETE FROM candidate WHERE status = 'lifted'")  # it says that nothing is said any more
    if table is PARTY and waiting.has(place.name, block.stream):
        waiting.settle()  # of two blocks that yield the same party the later one counts, as of facts
    # what is turned down is the version that came; the last good one stays until a better one comes. A row that a newer version
    # of its record no longer has is gone
    con.execute(
        f"DELETE FROM staging.{table.name} WHERE source_system = ? AND stream = ?"
        " AND source_record_id IN (SELECT source_record_id FROM arrived)"
        f" AND {table.key} NOT IN (SELECT {table.key} FROM faulty JOIN candidate USING (row_no) WHERE {table.key} IS NOT NULL)",
        [place.name, block.stream],
    )
    if unfit:
        con.execute(
            statement("staging_reject").replace("{part}", table.part or "NULL::VARCHAR").replace("{part_name}", table.part or ""),
            {"target": table.name, "now": now},
        )
        con.execute("DELETE FROM candidate WHERE row_no IN (SELECT row_no FROM faulty)")
    if table is PARTY:
        waiting.add(place.name, block.stream)
    else:
        names = ", ".join(f'"{name}"' for name, _ in fact_columns(table))
        con.execute(f"INSERT INTO staging.{table.name} ({names}) SELECT {names} FROM candidate")
    if table is CONSENT:
        con.execute("INSERT INTO staging.consent BY NAME FROM outlived ANTI JOIN staging.consent USING (consent_key)")
        con.execute("DROP TABLE outlived")
    result.rows[table.name] = result.rows.get(table.name, 0) + came - unfit
    result.rejected[table.name] = result.rejected.get(table.name, 0) + unfit
