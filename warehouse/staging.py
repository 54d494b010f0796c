"""Staging: runs a source's mapping over what arrived in raw and types it; the one place where text becomes amounts and times.

Normalising parties and judging rows are handed in by the caller; this module moves rows and keeps count. Each stream advances in
one transaction, so a broken build leaves staging as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from hub.contract.columns import CONSENT, PARTY, TABLES
from hub.contract.errors import ConfigError
from hub.contract.tables import SQL_TYPE, Column, StagingTable
from warehouse.mapped import Block, SourcePlace, owner_sql
from warehouse.migrations import fact_columns
from warehouse.raw import table_name
from warehouse.reduced import IS_REDUCED, add_reduced
from warehouse.sql import statement

# changes when typing a text again could give another value; all is staged again then. 2: times that name their zone
_TYPING = "2"
_JUDGED_TYPES = frozenset({"amount", "spend", "currency", "time", "date"})


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


def mapping_digest(blocks: Sequence[Block], place: SourcePlace, version: str) -> str:
    """Changes when staging a payload again could give another row."""
    mappings = (f"{block.stream}>{block.table}\n{block.select}" for block in blocks)
    text = "\n".join([place.country or "", place.timezone, version, _TYPING, *mappings])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def stage_stream(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], handlers: Handlers, *, now: datetime
) -> Staged | None:
    """Bring staging up to date with one stream's raw table; None if nothing arrived since the last time.

    Raises:
        ConfigError: the mapping yields a column that is not canonical, or its SQL does not run.
    """
    since, top, digest = _progress(con, place, stream, blocks, handlers)
    if since is None:
        return None
    result = Staged()
    con.execute("BEGIN")
    try:
        con.execute(statement("staging_source").replace("{table}", table_name(place.name, stream)), {"since": since})
        con.execute(statement("staging_echo"))
        has_parties = any(block.table == PARTY.name for block in blocks) and stream in place.party_streams
        make_source(con, place, has_parties)
        con.execute(
            "DELETE FROM staging.rejected WHERE source_system = ? AND stream = ?"
            " AND source_record_id IN (SELECT source_record_id FROM arrived)",
            [place.name, stream],
        )
        for block in blocks:
            _stage_block(con, place, block, handlers, now, result)
        result.deleted = con.execute("SELECT count(*) FROM arrived WHERE op <> 'upsert'").fetchall()[0][0]
        if has_parties:
            con.execute(statement("staging_tombstone"))
            con.execute(statement("staging_absorb"))
            con.execute(statement("staging_absorbed"), [place.name, stream])
        con.execute("INSERT OR REPLACE INTO ops.staging_state VALUES (?, ?, ?, ?)", [place.name, stream, top, digest])
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return result


def _progress(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], handlers: Handlers
) -> tuple[int | None, int, str]:
    """From which raw_seq to stage (None: nothing to do), the newest raw_seq, and the mapping's digest."""
    digest = mapping_digest(blocks, place, handlers.version)
    exists = con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'raw' AND table_name = ?", [f"{place.name}__{stream}"]
    ).fetchall()[0][0]
    if not exists:
        return None, 0, digest
    top = con.execute(f"SELECT coalesce(max(raw_seq), 0) FROM {table_name(place.name, stream)}").fetchall()[0][0]
    state = con.execute(
        "SELECT raw_seq, mapping_digest FROM ops.staging_state WHERE source_system = ? AND stream = ?", [place.name, stream]
    ).fetchall()
    if not state or state[0][1] != digest:
        return 0, top, digest
    return (state[0][0] if top > state[0][0] else None), top, digest


def make_source(con: duckdb.DuckDBPyConnection, place: SourcePlace, has_parties: bool) -> None:
    """Make `src`, which mappings select from, of the versions in `arrived`, but for reduced payloads; and what the source takes for
    granted, `source_default`."""
    defaults = {"country": place.country, "timezone": place.timezone}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE source_default AS SELECT $country::VARCHAR AS country, $timezone AS timezone", defaults
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE src AS"
        " SELECT source_system, stream, source_record_id, payload, source_updated_at, extracted_at,"
        " $country::VARCHAR AS country, $timezone AS timezone FROM arrived"
        # a party that its source merged into another is still evidence of who that is, if the source still tells of it
        " WHERE (op = 'upsert' OR (op = 'merge' AND payload IS NOT NULL AND $has_parties))"
        f" AND NOT coalesce({IS_REDUCED}, false)",
        {**defaults, "has_parties": has_parties},
    )


def _stage_block(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, block: Block, handlers: Handlers, now: datetime, result: Staged
) -> None:
    table = TABLES[block.table]
    make_candidate(con, place, block, table)
    handlers.judge(con, table.name, "candidate", "faulty")
    came, unfit = con.execute("SELECT (SELECT count(*) FROM candidate), (SELECT count(*) FROM faulty)").fetchall()[0]
    if table is CONSENT:
        handlers.consents(con, "candidate", place.country)
        con.execute(statement("consent_outlived"), {"source": place.name, "stream": block.stream})
        con.execute("DELETE FROM candidate WHERE status = 'lifted'")  # it says that nothing is said any more
    # what is turned down is the version that came; the last good one stays until a better one comes. A row that a newer version
    # of its record no longer has is gone
    con.execute(
        f"DELETE FROM staging.{table.name} WHERE source_system = ? AND stream = ?"
        " AND source_record_id IN (SELECT source_record_id FROM arrived)"
        f" AND {table.key} NOT IN (SELECT {table.key} FROM faulty JOIN candidate USING (row_no) WHERE {table.key} IS NOT NULL)",
        [place.name, block.stream],
    )
    con.execute(
        statement("staging_reject").replace("{part}", table.part or "NULL::VARCHAR").replace("{part_name}", table.part or ""),
        {"target": table.name, "now": now},
    )
    con.execute("DELETE FROM candidate WHERE row_no IN (SELECT row_no FROM faulty)")
    con.execute("ALTER TABLE candidate DROP COLUMN row_no")
    if table is PARTY:
        handlers.normalise(con, "candidate", "normalised")
        con.execute("INSERT INTO staging.party_record BY NAME SELECT * FROM normalised")
        con.execute("DROP TABLE normalised")
    else:
        names = ", ".join(f'"{name}"' for name, _ in fact_columns(table))
        con.execute(f"INSERT INTO staging.{table.name} ({names}) SELECT {names} FROM candidate")
    if table is CONSENT:
        con.execute("INSERT INTO staging.consent BY NAME FROM outlived ANTI JOIN staging.consent USING (consent_key)")
        con.execute("DROP TABLE outlived")
    result.rows[table.name] = result.rows.get(table.name, 0) + came - unfit
    result.rejected[table.name] = result.rejected.get(table.name, 0) + unfit


def make_candidate(con: duckdb.DuckDBPyConnection, place: SourcePlace, block: Block, table: StagingTable) -> None:
    """The temp table `candidate`: a block's rows, as text for parties, typed with `<column>__raw` beside it for facts."""
    where = {"source": place.name, "stream": block.stream, "field": f"mapping to {block.table}"}
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {block.select}")
    except duckdb.Error as error:
        raise ConfigError(f"the mapping's SQL fails ({str(error).splitlines()[0]})", **where, remedy="mend the mapping") from error
    if table is not PARTY:
        add_reduced(con, table)
    yielded = {row[0] for row in con.execute("DESCRIBE mapped").fetchall()}
    unknown = sorted(yielded - {"source_record_id"} - {column.name for column in table.columns})
    if unknown:
        raise ConfigError(f"the mapping yields unknown column {unknown[0]}", **where, remedy="see hub/contract/columns.py")
    text = {c.name: f'm."{c.name}"::VARCHAR' if c.name in yielded else "NULL::VARCHAR" for c in table.columns}
    columns = _party_columns(text) if table is PARTY else _fact_columns(table, text, place)
    dated = [] if table is PARTY else [_stored(c) for c in table.columns if c.type in ("time", "date")]
    key = "a.source_system || ':' || a.stream || ':' || a.source_record_id"
    if table.part is not None and table.part in yielded:
        # a row without its part has no key, which the rules on keys turn down
        key += f" || ':' || nullif(trim({text[table.part]}), '')"
    con.execute(
        statement("staging_candidate")
        .replace("{key}", key)
        .replace("{key_name}", table.key)
        .replace("{columns}", ",\n  ".join(columns))
        .replace("{replaced}", f" REPLACE ({', '.join(_within_calendar(name) for name in dated)})" if dated else "")
    )
    con.execute("DROP TABLE mapped")


def _party_columns(text: Mapping[str, str]) -> list[str]:
    return [f'{expression} AS "{name}"' for name, expression in text.items()] + ["s.country AS country_default", "s.timezone"]


def _fact_columns(table: StagingTable, text: Mapping[str, str], place: SourcePlace) -> list[str]:
    columns = [_owner(text, place)]
    for column in table.columns:
        if column.name in ("party_id", "party_stream"):
            continue
        name = _stored(column)
        columns.append(f'{typed(column, text[column.name])} AS "{name}"')
        if column.type in _JUDGED_TYPES:
            columns.append(f'{text[column.name]} AS "{name}__raw"')
    return columns


def _stored(column: Column) -> str:
    """What a canonical column is called in staging."""
    return "source_created_at" if column.name == "created_at" else column.name


def _within_calendar(name: str) -> str:
    """SQL by which a time or date that no calendar has, such as infinity, is one that cannot be read."""
    return f"""CASE WHEN "{name}" >= DATE '0001-01-01' AND "{name}" < DATE '9999-12-31' + 1 THEN "{name}" END AS "{name}\""""


def _owner(text: Mapping[str, str], place: SourcePlace) -> str:
    """The record key of the party a fact belongs to; a source with one party stream need not name it."""
    if "party_id" not in text:
        return "NULL::VARCHAR AS party_record_key"
    return f"{owner_sql(text['party_id'], text['party_stream'], place, 'a.source_system')} AS party_record_key"


def typed(column: Column, text: str) -> str:
    """SQL that reads a text expression as the column's type; NULL where it cannot be read.

    A time with a zone is converted to UTC; one without is taken to be in the source's zone (`s.timezone`).
    """
    trimmed = f"nullif(trim({text}), '')"
    match column.type:
        case "text":
            return trimmed
        case "currency":
            return f"upper({trimmed})"
        case "boolean":
            return f"coalesce(TRY_CAST({trimmed} AS BOOLEAN), false)"
        case "date":
            return f"coalesce(TRY_CAST({trimmed} AS DATE), TRY_CAST(try_strptime({trimmed}, '%Y%m%d') AS DATE))"
        case "time":
            # a blank before the offset would make the cast ignore the offset
            joined = f"regexp_replace({trimmed}, '\\s*(UTC|GMT|Z)$', 'Z', 'i')"
            joined = f"regexp_replace({joined}, '\\s+([+-]\\d{{2}}:?\\d{{0,2}})$', '\\1')"
            zoned = f"regexp_matches({joined}, ':\\d{{2}}.*(Z|[+-]\\d{{2}}(:?\\d{{2}})?|\\s\\w+(/[\\w+-]+)+)$')"
            # the cast also ignores words that it does not know, PM and EST among them
            wordy = f"regexp_matches({joined}, '[A-Za-z.]$')"
            # TRY: near the ends of the calendar a zone leads out of it
            return (
                f"CASE WHEN {zoned} THEN TRY_CAST({joined} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' WHEN {wordy} THEN NULL"
                f" ELSE TRY(timezone('UTC', timezone(s.timezone, TRY_CAST({joined} AS TIMESTAMP)))) END"
            )
        case _:
            return f"TRY_CAST({trimmed} AS {SQL_TYPE[column.type]})"
