"""What two hubs over the same days must have in common: raw, who is who, and every golden table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config import load_config
from pipelines.publishing import JUDGED
from warehouse.connection import connect

Contents = Counter[tuple[Any, ...]]
_RAW = "SELECT source_record_id, version, op, payload_hash, payload FROM {table}"
_SHOWN = 3
_ACCURACY = 9  # digits of a figure that was added up, which DuckDB does in whatever order its threads come
# what tells of a load's own work, which is less where one that was cut off had done some of it
_ITS_OWN = {"identity.merge_log": ("event_id",)}
_OF_WORK = ("identity.resolution_run",)


def brought(root: Path) -> dict[str, Contents]:
    """Rows of raw, and which streams have a cursor."""
    found = {}
    with connect(load_config(root / "hub.yaml").warehouse.path, read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1").fetchall()
        for (name,) in names:
            if name == "reject":
                found["raw.reject"] = _rows(con, "SELECT source_system, stream, payload_hash FROM raw.reject", {})
            else:
                found[f"raw.{name}"] = _rows(con, _RAW.format(table=f'raw."{name}"'), {})
        found["ops.sync_cursor"] = _rows(con, "SELECT source_system, stream FROM ops.sync_cursor", {})
    return found


def published(root: Path) -> dict[str, Contents]:
    """Rows of every published table that was judged; loads are told by their number, not by ID and time."""
    found = {}
    with connect(load_config(root / "hub.yaml").warehouse.golden.resolve(), read_only=True) as con:
        numbers: dict[Any, str] = {}
        loads = con.execute("SELECT load_id, started_at FROM ops.load_batch WHERE status = 'published' ORDER BY 2").fetchall()
        for number, (load_id, started) in enumerate(loads):
            numbers |= {load_id: f"load {number}", started: f"load {number}"}
        for (version,) in con.execute("SELECT model_version FROM identity.model").fetchall():
            numbers[version] = version.partition("-")[2]  # after the time of its training comes the digest of what was learnt
        for table in (table for table in JUDGED if str(table) not in _OF_WORK):
            left_out = _ITS_OWN.get(str(table), ())
            columns = f"* EXCLUDE ({chr(44).join(left_out)})" if left_out else "*"
            found[str(table)] = _rows(con, f"SELECT {columns} FROM {table}", numbers)
        found["loads"] = Counter({(len(loads),): 1})
    return found


def contents(root: Path) -> dict[str, Contents]:
    """Rows of every table that must be the same in both hubs."""
    return brought(root) | published(root)


def differences(one: Path, other: Path, seen: Callable[[Path], dict[str, Contents]] = contents) -> dict[str, Any]:
    """Per table that differs, the rows of each hub that the other lacks: how many, and some."""
    ours, theirs = seen(one), seen(other)
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


def _rows(con: duckdb.DuckDBPyConnection, query: str, numbers: dict[Any, str]) -> Contents:
    return Counter(tuple(_told(value, numbers) for value in row) for row in con.execute(query).fetchall())


def _told(value: Any, numbers: dict[Any, str]) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_ACCURACY}g}")
    if isinstance(value, (str, datetime)):
        return numbers.get(value, value)
    if isinstance(value, (list, dict)):
        return repr(value)
    return value
