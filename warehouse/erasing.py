"""The working warehouse without people who are erased: raw and staging lose what tells of them, all that is made from these goes.

Of their facts raw keeps reduced payloads (`warehouse.reduced`), of everything else of theirs nothing. Whoever calls has made, on
the same connection, what `hub.identity.erased.prepare` makes and the temporary tables ``erasing`` (record_key), their records, and
``erasing_fact`` (source_system, stream, source_record_id), their records and facts at the sources. ``past_fact`` may name those of
the latter that are past a cut-off: of these nothing stays that carries no money.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from hub.contract.columns import CONSENT, FACTS
from warehouse.candidates import make_source
from warehouse.mapped import Block, SourcePlace
from warehouse.past import WHOLE
from warehouse.raw import ERASURE, table_name
from warehouse.reduced import IS_REDUCED, reduce

Sources = Mapping[str, tuple[SourcePlace, Sequence[Block]]]
_KEYS = "(SELECT record_key FROM erasing)"
_PLACES = "(SELECT source_system, stream, source_record_id FROM erasing_fact)"
_PAST = "(SELECT source_system, stream, source_record_id FROM past_fact)"
# all of it is made anew by the next load
_MADE = ("golden", "linkage", "linkage_next", "basis")


def erase_from_raw(con: duckdb.DuckDBPyConnection, sources: Sources) -> dict[str, int]:
    """Take them out of raw and staging; a second time changes nothing. The caller has a transaction open.

    Args:
        sources: by name, what staging must know of each source whose mapping is at hand; facts of others stay in staging only.

    Returns:
        Rows removed or emptied, by table.

    Raises:
        duckdb.Error: a mapping's SQL does not run.
    """
    done: dict[str, int] = {}
    con.execute("CREATE TEMP TABLE IF NOT EXISTS past_fact (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR)")
    for source, stream in con.execute("SELECT DISTINCT source_system, stream FROM erasing_fact ORDER BY ALL").fetchall():
        rows = _from_stream(con, source, stream, sources.get(source))
        if rows:
            done[f"raw.{source}__{stream}"] = rows
    done["staging.party_record"] = _rows(con, f"DELETE FROM staging.party_record WHERE record_key IN {_KEYS}")
    done["staging.rejected"] = _rows(
        con, f"DELETE FROM staging.rejected WHERE (source_system, stream, source_record_id) IN {_PLACES}"
    )
    for table in FACTS:
        if table.column("party_id") is None:
            continue
        which = f"party_record_key IN {_KEYS} OR (source_system, stream, source_record_id) IN {_PLACES}"
        gone = 0
        if table.name in WHOLE:
            gone = _rows(con, f"DELETE FROM staging.{table.name} WHERE (source_system, stream, source_record_id) IN {_PAST}")
        if table is CONSENT:
            done[f"staging.{table.name}"] = _rows(con, f"DELETE FROM staging.{table.name} WHERE {which}")
            continue
        emptied = [f'"{column.name}" = NULL' for column in table.columns if column.personal]
        emptied.append(
            f"party_record_key = CASE WHEN party_record_key IN {_KEYS} THEN erased_name(party_record_key) ELSE party_record_key END"
        )
        done[f"staging.{table.name}"] = gone + _rows(con, f"UPDATE staging.{table.name} SET {', '.join(emptied)} WHERE {which}")
    return {table: rows for table, rows in done.items() if rows}


def forget_made(con: duckdb.DuckDBPyConnection) -> None:
    """Empty what is made from raw and staging, and what was learnt of values: the next load makes all of it anew.

    So no key, digest or draft of theirs is left in it, nor has anybody else's to be looked for among theirs.
    """
    for schema in _MADE:
        con.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    con.execute("CREATE SCHEMA golden")
    named = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'identity' AND database_name = current_database() ORDER BY 1"
    ).fetchall()
    for (name,) in named:
        con.execute(f"DELETE FROM identity.{name}")
    con.execute("DELETE FROM staging.normalised_value")


def erase_from_rejects(con: duckdb.DuckDBPyConnection) -> int:
    """Remove what came but is no record and holds one of the texts in ``erasing_text``; the number of rows."""
    holds = "EXISTS (FROM erasing_text WHERE contains(lower(concat_ws(' ', place, content)), text))"
    found = con.execute(
        f"SELECT source_system, stream, count(*) FROM raw.reject WHERE {holds} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for source, stream, rows in found:
        _uncount(con, source, stream, rows)
    return _rows(con, f"DELETE FROM raw.reject WHERE {holds}")


def empty_rejects(con: duckdb.DuckDBPyConnection, places: pa.Table, ids: Sequence[str]) -> int:
    """Take the content out of rows that could not be read, and out of the copies of their quarantine's entries.

    Args:
        places: source_system, stream, source_record_id (their place) and payload_hash of the former.
        ids: quarantine_id of all entries.

    Returns:
        Rows of raw.reject that were emptied.
    """
    con.register("rejects_closed", places)
    which = "(source_system, stream, place, payload_hash) IN (FROM rejects_closed)"
    rows = _rows(con, f"UPDATE raw.reject SET content = NULL WHERE content IS NOT NULL AND {which}")
    con.unregister("rejects_closed")
    copied = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'quality' AND table_name = 'quarantine'"
    if con.execute(copied).fetchall()[0][0]:
        con.execute("UPDATE quality.quarantine SET payload = NULL WHERE quarantine_id IN (SELECT unnest($ids))", {"ids": list(ids)})
    return rows


def superseded(con: duckdb.DuckDBPyConnection, before: datetime) -> tuple[int, datetime | None, datetime | None]:
    """How many rows raw keeps of records of which it learnt something newer before a time (UTC): and when of the first and last."""
    parts = [f"SELECT replaced_at FROM ({_superseded(table)})" for _, _, table in _raw_tables(con)]
    rows, first, last = con.execute(
        f"SELECT count(*), min(replaced_at), max(replaced_at) FROM ({' UNION ALL '.join(parts)}) WHERE replaced_at < ?", [before]
    ).fetchall()[0]
    return rows, first, last


def drop_superseded(con: duckdb.DuckDBPyConnection, before: datetime) -> dict[str, int]:
    """Remove them; rows removed, by table. A record's newest row stays, also one that says that it is gone."""
    done = {}
    for source, stream, table in _raw_tables(con):
        old = f"SELECT source_record_id, version FROM ({_superseded(table)}) WHERE replaced_at < $before"
        rows = _rows(con, f"DELETE FROM {table} WHERE (source_record_id, version) IN ({old})", {"before": before})
        _uncount(con, source, stream, rows)
        if rows:
            done[f"raw.{source}__{stream}"] = rows
    return done


def _superseded(table: str) -> str:
    return (
        "SELECT source_record_id, version, lead(extracted_at) OVER (PARTITION BY source_record_id ORDER BY version) AS replaced_at"
        f" FROM {table}"
    )


def _raw_tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Source, stream and table of each stream that raw has."""
    there = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()}
    streams = con.execute("SELECT DISTINCT source_system, stream FROM ops.raw_load ORDER BY ALL").fetchall()
    return [(source, stream, table_name(source, stream)) for source, stream in streams if f"{source}__{stream}" in there]


def _uncount(con: duckdb.DuckDBPyConnection, source: str, stream: str, rows: int) -> None:
    """Note that rows which once came in are no more in raw, so that the count of all rows still comes out."""
    if rows:
        con.execute(
            f"INSERT INTO ops.raw_load VALUES ($run, $source, $stream, '{ERASURE}', $rows, $rows, 0, 0, 0, 0, NULL, NULL, $now)",
            {"run": ERASURE, "source": source, "stream": stream, "rows": -rows, "now": datetime.now(UTC).replace(tzinfo=None)},
        )


def _from_stream(
    con: duckdb.DuckDBPyConnection, source: str, stream: str, known: tuple[SourcePlace, Sequence[Block]] | None
) -> int:
    table = table_name(source, stream)
    if not con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = ? AND database_name = current_database()",
        [f"{source}__{stream}"],
    ).fetchall()[0][0]:
        return 0
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE arrived AS
        FROM {table} WHERE source_record_id IN
          (SELECT source_record_id FROM erasing_fact WHERE source_system = $source AND stream = $stream)
        QUALIFY row_number() OVER (PARTITION BY source_record_id ORDER BY version DESC) = 1""",
        {"source": source, "stream": stream},
    )
    con.execute(f"DELETE FROM arrived WHERE op = 'upsert' AND {IS_REDUCED}")
    left = _reduced(con, source, stream, known)
    # a record that is gone at its source stays known as gone
    removed = _rows(
        con,
        f"DELETE FROM {table} WHERE source_record_id IN (SELECT source_record_id FROM arrived)"
        " AND NOT (op = 'delete' AND payload IS NULL"
        " AND (source_record_id, version) IN (SELECT source_record_id, version FROM arrived)"
        f" AND $place || source_record_id NOT IN {_KEYS})",
        {"place": f"{source}:{stream}:"},
    )
    if left:
        ids, payloads = zip(*left, strict=True)
        digests = [hashlib.blake2b(payload.encode(), digest_size=16).hexdigest() for payload in payloads]
        con.register("reduced_left", pa.table({"source_record_id": ids, "payload": payloads, "digest": digests}))
        con.execute(
            f"""INSERT INTO {table}
            SELECT nextval('raw.raw_seq'), source_system, stream, source_record_id, version + 1, 'upsert', l.payload, l.digest,
                   source_updated_at, extracted_at, NULL, sync_run_id
            FROM arrived JOIN reduced_left l USING (source_record_id) ORDER BY source_record_id"""
        )
        con.unregister("reduced_left")
    _uncount(con, source, stream, removed - len(left))
    return removed


def _reduced(
    con: duckdb.DuckDBPyConnection, source: str, stream: str, known: tuple[SourcePlace, Sequence[Block]] | None
) -> list[tuple[str, str]]:
    """IDs and reduced payloads of the records in ``arrived`` that hold facts."""
    if known is None:
        return []
    place, blocks = known
    make_source(con, place, has_parties=False)
    con.execute("CREATE OR REPLACE TEMP TABLE known_erased AS SELECT source_record_id FROM arrived")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE known_past AS SELECT source_record_id FROM past_fact WHERE source_system = ? AND stream = ?",
        [source, stream],
    )
    reduce(con, place, stream, blocks, past="known_past")
    left: list[tuple[str, str]] = con.execute("FROM reduced WHERE payload IS NOT NULL ORDER BY source_record_id").fetchall()
    con.execute("DROP TABLE reduced")
    return left


def _rows(con: duckdb.DuckDBPyConnection, statement: str, values: object = None) -> int:
    return int(con.execute(statement, values).fetchall()[0][0])
