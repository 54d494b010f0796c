"""Facts of erased people that landed before the party was known for one of them, as sources tell of orders before customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.contract import Connector
from hub.contract.columns import FACTS
from hub.identity.erased import prepare
from pipelines.context import Hub
from pipelines.privacy import erased_list
from warehouse.erasing import erase_from_raw
from warehouse.privacy_tables import PRIVACY_SECRET

if TYPE_CHECKING:
    import duckdb

_OWNED = [
    f"SELECT party_record_key, source_system, stream, source_record_id FROM staging.{table.name}"
    for table in FACTS
    if table.column("party_id") is not None
]


def keep_out(con: duckdb.DuckDBPyConnection, hub: Hub, connectors: Sequence[Connector]) -> bool:
    """Take what was staged of erased people out of raw and staging again, but for what a reduced payload holds.

    Only facts are looked at whose party staging does not have: that of an erased one was not taken in.

    Returns:
        Whether there was something, so that staging must be brought up to date once more.
    """
    entries = erased_list.entries(hub.control)
    if not entries:
        return False
    prepare(con, hub.control.secret(PRIVACY_SECRET), entries)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE erasing_owned AS
        FROM ({" UNION ALL ".join(_OWNED)}) ANTI JOIN staging.party_record ON party_record_key = record_key
        WHERE NOT contains(party_record_key, ':erased-')
          AND erased_key('record|' || party_record_key) IN (SELECT hmac FROM erased_list WHERE kind = 'record')"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE erasing AS"
        " SELECT DISTINCT party_record_key AS record_key, '' AS customer_id FROM erasing_owned"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE erasing_fact AS SELECT DISTINCT * EXCLUDE (party_record_key) FROM erasing_owned")
    found = bool(con.execute("SELECT count(*) FROM erasing_fact").fetchall()[0][0])
    if found:
        con.execute("BEGIN")
        try:
            erase_from_raw(con, {connector.name: (hub.place(connector), hub.mapping(connector)) for connector in connectors})
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise
    for name in ("erasing_owned", "erasing", "erasing_fact", "erased_list"):
        con.execute(f"DROP TABLE {name}")
    return found
