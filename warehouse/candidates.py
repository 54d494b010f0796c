"""The rows that a mapping yields of what arrived, with their keys, typed: what staging judges and takes in.

The one place where text becomes amounts and times. Temporary tables only; what becomes of the rows is in `warehouse.staging`.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from hub.contract.columns import PARTY
from hub.contract.errors import ConfigError
from hub.contract.tables import SQL_TYPE, Column, StagingTable
from warehouse.mapped import Block, SourcePlace, owner_sql
from warehouse.reduced import IS_REDUCED, add_reduced
from warehouse.sql import statement

_JUDGED_TYPES = frozenset({"amount", "spend", "currency", "time", "date"})
_NO_TEXT = "NULL::VARCHAR"


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
    text = {c.name: f'm."{c.name}"::VARCHAR' if c.name in yielded else _NO_TEXT for c in table.columns}
    columns = _party_columns(text) if table is PARTY else _fact_columns(table, text, place)
    dated = [] if table is PARTY else [_stored(c) for c in table.columns if c.type in ("time", "date") and c.name in yielded]
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
        of = text[column.name]
        columns.append(f'{untold(column) if of == _NO_TEXT else typed(column, of)} AS "{name}"')
        if column.type in _JUDGED_TYPES:
            columns.append(f'{of} AS "{name}__raw"')
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


def untold(column: Column) -> str:
    """SQL of what `typed` makes of no text at all, of a column that a mapping leaves out: half of what there is to plan."""
    return "false" if column.type == "boolean" else f"NULL::{SQL_TYPE[column.type]}"


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
