"""What two hubs over the same days must have in common: raw, who is who, and every golden table."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config import load_config
from pipelines.contents import JUDGED
from warehouse.connection import connect

_RAW = "SELECT source_record_id, version, op, payload_hash, payload FROM {table}"
_SHOWN = 3
_ACCURACY = 9  # digits of a figure that was added up, which DuckDB does in whatever order its threads come
# what tells of a load's own work, which is less where one that was cut off had done some of it
_ITS_OWN = {"identity.merge_log": ("event_id",)}
_OF_WORK = ("identity.resolution_run",)
# what tells how knowledge came load by load
_OF_THE_COURSE = ("golden.customer_history", "identity.merge_log")


def contents(root: Path, *, in_parts: bool = False) -> dict[str, Counter[tuple[Any, ...]]]:
    """Rows of every table that must be the same in both hubs; loads are told by their number, not by ID and time.

    Args:
        in_parts: a day may have been published in two loads, as where one source's reader died: then loads are not told apart, and
            what tells of their course is left out.
    """
    settings = load_config(root / "hub.yaml").warehouse
    found = {}
    with connect(settings.path, read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1").fetchall()
        for (name,) in names:
            if name == "reject":
                found["raw.reject"] = _rows(con, "SELECT source_system, stream, payload_hash FROM raw.reject", {})
            else:
                found[f"raw.{name}"] = _rows(con, _RAW.format(table=f'raw."{name}"'), {})
        found["ops.sync_cursor"] = _rows(con, "SELECT source_system, stream FROM ops.sync_cursor", {})
    with connect(settings.golden.resolve(), read_only=True) as con:
        numbers: dict[Any, str] = {}
        loads = con.execute("SELECT load_id, started_at FROM ops.load_batch WHERE status = 'published' ORDER BY 2").fetchall()
        for number, (load_id, started) in enumerate(loads):
            told = "a load" if in_parts else f"load {number}"
            numbers |= {load_id: told, started: told}
        for (version,) in con.execute("SELECT model_version FROM identity.model").fetchall():
            numbers[version] = version.partition("-")[2]  # after the time of its training comes the digest of what was learnt
        left_out_wholly = {*_OF_WORK, *(_OF_THE_COURSE if in_parts else ())}
        for table in (table for table in JUDGED if str(table) not in left_out_wholly):
            left_out = _ITS_OWN.get(str(table), ())
            columns = f"* EXCLUDE ({chr(44).join(left_out)})" if left_out else "*"
            found[str(table)] = _rows(con, f"SELECT {columns} FROM {table}", numbers)
        if not in_parts:
            found["loads"] = Counter({(len(loads),): 1})
    return found


def differences(one: Path, other: Path, *, in_parts: bool = False) -> dict[str, Any]:
    """Per table that differs, the rows of each hub that the other lacks: how many, and some; see `contents`."""
    ours, theirs = contents(one, in_parts=in_parts), contents(other, in_parts=in_parts)
    found = {}
    for table in sorted(ours.keys() | theirs.keys()):
        missing = ours.get(table, Counter()) - theirs.get(table, Counter())
        extra = theirs.get(table, Counter()) - ours.get(table, Counter())
        if missing or extra:
            found[table] = {
                "missing": missing.total(),
                "extra": extra.total(),
                "of": ours.get(table, Counter()).total(),
                "rows": [("-", row) for row in sorted(missing, key=repr)[:_SHOWN]]
                + [("+", row) for row in sorted(extra, key=repr)[:_SHOWN]],
            }
    return found


def _rows(con: duckdb.DuckDBPyConnection, query: str, numbers: dict[Any, str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(_told(value, numbers) for value in row) for row in con.execute(query).fetchall())


def _told(value: Any, numbers: dict[Any, str]) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_ACCURACY}g}")
    if isinstance(value, (str, datetime)):
        return numbers.get(value, value)
    if isinstance(value, (list, dict)):
        return repr(value)
    return value
