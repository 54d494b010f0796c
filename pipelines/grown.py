"""What of a candidate the gate has known since the published load: rows that were left alone, and were looked at then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.golden import how_built, table_deltas
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.build_state import Candidate
from warehouse.publish import live_load

if TYPE_CHECKING:
    import duckdb

_KEYS = "key_unique"  # the check that each key of a golden table occurs once


def replaced_rows(con: duckdb.DuckDBPyConnection, hub: Hub, candidate: Candidate, live: str | None) -> dict[str, int] | None:
    """Per golden table, how many published rows the candidate changed or removed.

    None where it was not made from the published load, but whole, or where that load is not known to have each key once.

    Args:
        live: catalog of the attached published load, None before the first.
    """
    if live is None or candidate.follows != live_load(hub.config.warehouse) or how_built(con).whole is not None:
        return None
    row = t.check_result.c
    found = hub.control.rows(sa.select(row.status).where(row.load_id == candidate.follows, row.check_id == _KEYS))
    if [result["status"] for result in found] != ["passed"]:
        return None
    deltas = table_deltas(con, load_id=candidate.load_id, live=live)
    return {table: delta.changed + delta.removed for table, delta in deltas.items()}
