"""What landed and raw does not hold as it landed, record by record, for whoever looks through it before it is taken in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from warehouse.raw import table_name
from warehouse.reduced import IS_REDUCED
from warehouse.sql import statement


def put_landed(con: duckdb.DuckDBPyConnection, source: str, stream: str, parts: Sequence[Path]) -> int:
    """Make the temporary table ``landed_anew`` of rows whose payload is not their record's current one in raw.

    Returns:
        The most rows that any record has among them.
    """
    table = table_name(source, stream)
    con.execute(statement("raw_table").format(table=table))
    con.execute(
        statement("landed_anew").replace("{table}", table).replace("{is_reduced}", IS_REDUCED),
        {"parts": [str(path) for path in parts], "source": source, "stream": stream},
    )
    return int(con.execute("SELECT coalesce(max(round), 0) FROM landed_anew").fetchall()[0][0])


def put_round(con: duckdb.DuckDBPyConnection, round_: int) -> None:
    """Make ``arrived``, which staging reads, of each record's row of a round, from 1; with its part and its number there."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS FROM landed_anew WHERE round = {int(round_)}")
