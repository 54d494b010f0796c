"""Payloads of people who were erased: what is left of a fact once nothing in it tells whose it was, and how staging reads it.

A reduced payload is not what the source sent. It holds the canonical columns of each fact that the source's mapping makes of the
record, but for personal ones, and the owner under the name that erased records go by: amounts, currencies, times, states. So the
same record, sent again, gives the same reduced payload, and raw sees that nothing changed.

Whose records are erased is said by the caller, on the same connection: macros ``erased_key`` and ``erased_name`` and the temporary
table ``erased_list`` (hmac); see `hub.identity.erased`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from hub.contract.columns import CONSENT, PARTY, TABLES
from hub.contract.tables import StagingTable
from warehouse.mapped import Block, SourcePlace, owner_sql
from warehouse.past import WHOLE

_HEAD = "hub_erased"
IS_REDUCED = f"starts_with(payload::VARCHAR, '{{\"{_HEAD}\":')"
_OWNER = ("party_id", "party_stream")
_PAGE, _CLICKS = "landing_url", "gclid|gbraid|wbraid|fbclid|msclkid|ttclid|li_fat_id|twclid|rdt_cid|epik|ScCid"
_ON_PAGE = {"utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "click_id_type"}


def reduce(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], *, past: str | None = None
) -> None:
    """Make the temporary table ``reduced`` (source_record_id, payload) of those records in ``src`` that are an erased person's: by
    their own key or their owner's on the list, or named in the temporary table ``known_erased`` (source_record_id).

    payload is NULL where no fact is left of the record. The mapping runs over ``src``, which the caller has made. A
    fact that is named itself stays its owner's, unless the owner is erased.

    Args:
        past: relation with the source_record_id of those of which nothing stays that carries no money.

    Raises:
        duckdb.Error: the mapping's SQL does not run.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE told (source_record_id VARCHAR, target VARCHAR, is_theirs BOOLEAN, content VARCHAR)")
    for block in blocks:
        table = TABLES[block.table]
        if block.stream == stream and table not in (PARTY, CONSENT):
            _tell(con, place, block, table)
    if past is not None:
        con.execute(f"DELETE FROM told WHERE target IN {WHOLE} AND source_record_id IN (SELECT source_record_id FROM {past})")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE reduced AS
        WITH theirs AS (
          FROM known_erased UNION SELECT source_record_id FROM told WHERE is_theirs
          UNION SELECT source_record_id FROM src
          WHERE erased_key('record|' || $place || source_record_id) IN (SELECT hmac FROM erased_list)
        ), listed AS (
          SELECT source_record_id, target, list(content ORDER BY content) AS contents FROM told GROUP BY ALL
        ), packed AS (
          SELECT source_record_id,
                 string_agg('"' || target || '":[' || array_to_string(contents, ',') || ']', ',' ORDER BY target) AS facts
          FROM listed GROUP BY source_record_id
        )
        SELECT source_record_id, '{{"{_HEAD}":{{' || facts || '}}}}' AS payload
        FROM theirs SEMI JOIN src USING (source_record_id) LEFT JOIN packed USING (source_record_id)""",
        {"place": f"{place.name}:{stream}:"},
    )
    con.execute("DROP TABLE told")


def _tell(con: duckdb.DuckDBPyConnection, place: SourcePlace, block: Block, table: StagingTable) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {block.select}")
    yielded = {row[0] for row in con.execute("DESCRIBE mapped").fetchall()}
    texts = {name: f'm."{name}"::VARCHAR' if name in yielded else "NULL::VARCHAR" for name in _OWNER}
    owner = (
        owner_sql(texts["party_id"], texts["party_stream"], place, f"'{place.name}'") if "party_id" in yielded else "NULL::VARCHAR"
    )
    is_theirs = f"coalesce(erased_key('record|' || {owner}) IN (SELECT hmac FROM erased_list), false)"
    kept = [f'"{name}" := {_text(name, yielded)}' for name in _kept(table, yielded)]
    if "party_id" in yielded:
        kept += [
            # the fact of an erased record, or one that is the erased party's itself, belongs to nobody who could be named
            f"party_id := CASE WHEN {is_theirs} THEN split_part(erased_name({owner}), ':', 3) ELSE trim({texts['party_id']}) END",
            f"party_stream := split_part({owner}, ':', 2)",
        ]
    con.execute(
        f"INSERT INTO told SELECT m.source_record_id, '{table.name}', {is_theirs}, to_json(struct_pack({', '.join(kept)}))::VARCHAR"
        " FROM mapped m SEMI JOIN src USING (source_record_id)"
    )
    con.execute("DROP TABLE mapped")


def _kept(table: StagingTable, yielded: set[str]) -> list[str]:
    told = yielded | (_ON_PAGE if _PAGE in yielded else set())
    return [c.name for c in table.columns if c.name in told and not c.personal and c.name not in _OWNER]


def _text(name: str, yielded: set[str]) -> str:
    """SQL of a column as text. Of the page that a visit began on, which goes, its campaign stays, and that it came by a click."""
    told = f'm."{name}"::VARCHAR' if name in yielded else "NULL::VARCHAR"
    if _PAGE not in yielded or name not in _ON_PAGE:
        return told
    name = _CLICKS if name == "click_id_type" else name
    found = f"regexp_extract(m.\"{_PAGE}\"::VARCHAR, '[?&]({name})=([^&#]+)', ['name', 'value'])"
    if name == _CLICKS:
        return f"coalesce(nullif(trim({told}), ''), nullif({found}.name, ''))"
    return f"coalesce(nullif(trim({told}), ''), nullif(trim(TRY(url_decode(replace({found}.value, '+', ' ')))), ''))"


def add_reduced(con: duckdb.DuckDBPyConnection, table: StagingTable) -> None:
    """Add to ``mapped`` the rows that reduced payloads among ``arrived`` hold for a table, in the columns that it has."""
    if not con.execute(f"SELECT EXISTS (FROM arrived WHERE op = 'upsert' AND {IS_REDUCED})").fetchall()[0][0]:
        return
    yielded = {row[0] for row in con.execute("DESCRIBE mapped").fetchall()}
    names = [*_kept(table, yielded), *(name for name in _OWNER if "party_id" in yielded)]
    shape = ", ".join(f'"{name}": "VARCHAR"' for name in names)
    con.execute("ALTER TABLE mapped RENAME TO mapped_whole")
    con.execute(
        f"""CREATE TEMP TABLE mapped AS
        WITH row_of AS (
          SELECT source_record_id, unnest(from_json(payload -> '{_HEAD}' -> '{table.name}', '[{{{shape}}}]')) AS r
          FROM arrived WHERE op = 'upsert' AND {IS_REDUCED}
        )
        SELECT COLUMNS(*)::VARCHAR FROM mapped_whole
        UNION ALL BY NAME
        SELECT source_record_id, {", ".join(f'r."{name}" AS "{name}"' for name in names)} FROM row_of"""
    )
    con.execute("DROP TABLE mapped_whole")
