"""What landed, held against the cut-offs: facts that are past theirs, and people who went by age and are here again.

By an own time, a fact that raw holds as it came is let in however old it is: the next run takes it out with all its versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hub.contract.columns import PARTY, TABLES
from pipelines.privacy.people import RETENTION
from pipelines.retention_settings import CUSTOMER
from warehouse.candidates import make_candidate
from warehouse.mapped import Block, SourcePlace
from warehouse.past import AGED, aged_sql
from warehouse.raw import table_name
from warehouse.reduced import IS_REDUCED

if TYPE_CHECKING:
    import duckdb

_BY_AGE = f"(SELECT hmac FROM erased_list WHERE kind = 'record' AND starts_with(request_id, '{RETENTION}'))"


def put_past(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], cut_offs: Mapping[str, datetime]
) -> list[str]:
    """Make the temporary table ``past_landed`` (source_record_id) of what is past its cut-off among ``arrived``, and take off
    ``erased_list`` who is here again; `hub.identity.erased.prepare` was called, ``src`` is made.

    Returns:
        The HMACs of the latter.

    Raises:
        ConfigError: the mapping's SQL does not run.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE aged_landed (target VARCHAR, source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR,"
        " party_record_key VARCHAR, happened_at TIMESTAMP, is_open BOOLEAN, is_old BOOLEAN, is_past BOOLEAN)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE party_landed (source_record_id VARCHAR)")
    con.execute("CREATE OR REPLACE TEMP TABLE past_landed (source_record_id VARCHAR)")
    if not cut_offs and not con.execute(f"SELECT EXISTS (FROM {_BY_AGE})").fetchall()[0][0]:
        return []  # who was erased is all that there is to look for
    for block in (block for block in blocks if block.stream == stream):
        table = TABLES[block.table]
        if table is PARTY:
            make_candidate(con, place, block, table)
            con.execute("INSERT INTO party_landed SELECT source_record_id FROM candidate WHERE record_key IS NOT NULL")
        elif table in AGED:
            make_candidate(con, place, block, table)
            con.execute(f"INSERT INTO aged_landed {aged_sql(table, 'candidate', cut_offs)}")
    here = _here_again(con, place, stream, cut_offs.get(CUSTOMER))
    con.execute(f"DELETE FROM erased_list WHERE hmac IN (SELECT unnest($here)) AND hmac IN {_BY_AGE}", {"here": here})
    con.execute(
        """CREATE OR REPLACE TEMP TABLE past_landed AS
        SELECT source_record_id FROM aged_landed WHERE target IN (SELECT unnest($tables))
        GROUP BY source_record_id HAVING bool_and(is_past)""",
        {"tables": list(cut_offs)},
    )
    # what is a party's record, too, goes with its customer
    con.execute(
        "DELETE FROM past_landed WHERE source_record_id IN (FROM party_landed)"
        " AND erased_key('record|' || $place || source_record_id) NOT IN (SELECT hmac FROM erased_list)",
        {"place": f"{place.name}:{stream}:"},
    )
    con.execute(
        f"""DELETE FROM past_landed WHERE source_record_id IN (
          SELECT source_record_id FROM (
            SELECT source_record_id, arg_max(op, version) AS op, arg_max({IS_REDUCED}, version) AS is_reduced
            FROM {table_name(place.name, stream)} SEMI JOIN past_landed USING (source_record_id) GROUP BY source_record_id)
          WHERE op <> 'delete' AND NOT coalesce(is_reduced, false))"""
    )
    return here


def _here_again(con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, inactive: datetime | None) -> list[str]:
    """HMACs of the listed whose record is not what it was when it went, or of whom a fact tells that is not as old."""
    found = con.execute(
        f"""SELECT erased_key('record|' || $place || source_record_id) AS hmac
        FROM arrived SEMI JOIN party_landed USING (source_record_id)
        WHERE hmac IN {_BY_AGE}
          AND coalesce(source_updated_at >= $inactive, true)
          AND erased_key('payload|' || $place || source_record_id || '|' || payload_hash) NOT IN
            (SELECT hmac FROM erased_list WHERE kind = 'payload')
        UNION
        SELECT erased_key('record|' || party_record_key) AS hmac FROM aged_landed
        WHERE NOT is_past AND coalesce(happened_at >= $inactive, true) AND hmac IN {_BY_AGE}
        ORDER BY 1""",
        {"place": f"{place.name}:{stream}:", "inactive": inactive},
    ).fetchall()
    return [hmac for (hmac,) in found]
