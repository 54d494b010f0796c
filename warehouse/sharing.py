"""The shared file: a published load with masks on, in a folder of its own, for those who are to know no person.

It is made beside the load's own file, before the link is repointed, and follows it wherever that leads; what is masked, and how, is
said by whoever publishes. Nobody without that secret can go back from it, and nothing in it has to be hidden by rights.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.connection import connect
from warehouse.describing import Meaning, describe
from warehouse.differences import STAMP, PublishedTable
from warehouse.settings import WarehouseSettings

_STATE = "ops.shared_state"  # which load it shows, and by which masks
_Columns = Sequence[tuple[str, str]]  # names and types, or names and SQL


@dataclass(frozen=True)
class Sharing:
    """How a load is shared.

    Attributes:
        tables: all that a load may have.
        masked: the tables that are shared among those given with their columns; per column, SQL of what is shown of it, over ``t``.
        prepare: makes in a session what that SQL needs.
        views: schema and DDL of the views, asked for once the tables are there.
        digest: of the masks; where it is another, nothing of an earlier file is kept.
    """

    tables: Sequence[PublishedTable]
    masked: Callable[[Mapping[str, _Columns]], Mapping[str, _Columns]]
    prepare: Callable[[duckdb.DuckDBPyConnection], None]
    views: Callable[[duckdb.DuckDBPyConnection], Sequence[tuple[str, str]]]
    comments: Mapping[str, Meaning]
    digest: str


def shared_file(settings: WarehouseSettings, load_id: str) -> Path:
    """The shared file of a load."""
    return settings.shared_loads / f"golden-{load_id}.duckdb"


def shared_load(settings: WarehouseSettings) -> str | None:
    """The load that the link for analysts points to; None before the first, or where nothing is shared."""
    if settings.shared is None or not settings.shared.is_symlink():
        return None
    return Path(os.readlink(settings.shared)).stem.removeprefix("golden-")


def share(settings: WarehouseSettings, load_id: str, load: Path, sharing: Sharing, *, anew: bool = False) -> None:
    """Make the shared file of a load, from that of an earlier one where it is there; the link stays. Raises what those raise.

    Args:
        load: where the load's own file lies.
        anew: whatever there is of an earlier one does not count, as where the load's rows are others than they were.
    """
    folder = settings.shared_loads
    folder.mkdir(parents=True, exist_ok=True)
    spill = folder / ".spill"
    shutil.rmtree(spill, ignore_errors=True)
    for leftover in folder.glob(".golden-*"):
        leftover.unlink()
    temporary = folder / f".golden-{load_id}.duckdb.tmp"
    earlier = [shared_file(settings, name) for name in (load_id, shared_load(settings)) if name is not None]
    for path in [path for path in earlier if path.exists() and not anew][:1]:
        shutil.copyfile(path, temporary)
        if _digest_of(temporary) != sharing.digest:
            temporary.unlink()
    con = connect(None, memory_limit=settings.memory_limit)
    try:
        con.execute(f"SET temp_directory = '{_quoted(spill)}'")
        con.execute(f"ATTACH '{_quoted(load)}' AS load (READ_ONLY)")
        con.execute(f"ATTACH '{_quoted(temporary)}' AS shared")
        sharing.prepare(con)
        _bring(con, load_id, sharing)
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)
    with open(temporary, "rb") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, shared_file(settings, load_id))


def _digest_of(path: Path) -> str | None:
    """The digest of the masks by which a shared file was made; None if it does not say."""
    con = connect(path, read_only=True)
    try:
        rows = con.execute(f"SELECT masks FROM {_STATE}").fetchall()
        return str(rows[0][0]) if rows else None
    except duckdb.CatalogException:
        return None
    finally:
        con.close()


def _bring(con: duckdb.DuckDBPyConnection, load_id: str, sharing: Sharing) -> None:
    there, had = _columns(con, "load"), _columns(con, "shared")
    chosen = {str(table): there[str(table)] for table in sharing.tables if str(table) in there}
    masked, follows = sharing.masked(chosen), _follows(con, load_id)
    con.execute("BEGIN")
    for schema in dict.fromkeys(name.partition(".")[0] for name in (*masked, _STATE)):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS shared.{schema}")
    for name in _tables(con, "shared") - set(masked):
        con.execute(f"DROP TABLE shared.{name} CASCADE")
    for table in sharing.tables:
        if str(table) in masked:
            picked = masked[str(table)]
            same = [tuple(column) for column in there[str(table)]] == [tuple(column) for column in had.get(str(table), ())]
            if not (table.stamped and same and follows and _exchange(con, table, picked, load_id)):
                con.execute(f"CREATE OR REPLACE TABLE shared.{table} AS SELECT {_list(picked)} FROM load.{table} t")
    con.execute(
        f"CREATE OR REPLACE TABLE shared.{_STATE} AS SELECT ?::VARCHAR AS load_id, ?::VARCHAR AS masks", [load_id, sharing.digest]
    )
    con.execute("COMMIT")
    con.execute("USE shared")
    for _, ddl in sharing.views(con):
        con.execute(ddl)
    describe(con, sharing.comments)
    con.execute("USE memory")
    con.execute("CHECKPOINT shared")
    con.execute("DETACH shared")


def _follows(con: duckdb.DuckDBPyConnection, load_id: str) -> bool:
    """Whether what lies in the shared file is the load before this one, or this one: then it tells which rows it changed."""
    try:
        had = con.execute(f"SELECT load_id FROM shared.{_STATE}").fetchall()
        before = con.execute("SELECT follows FROM load.ops.load_batch WHERE load_id = ?", [load_id]).fetchall()
    except duckdb.CatalogException:
        return False
    return bool(had) and had[0][0] in (load_id, *(row[0] for row in before))


def _exchange(con: duckdb.DuckDBPyConnection, table: PublishedTable, picked: _Columns, load_id: str) -> bool:
    """Bring a stamped table from the load before to this one; whether it then has as many rows as the load.

    Only rows that this load changed are masked; what is gone is looked for only where there are too many rows.
    """
    shown = dict(picked)
    keys = ", ".join(f'{shown[key]} AS "{key}"' for key in table.keys)
    same = " AND ".join(f's."{key}" IS NOT DISTINCT FROM n."{key}"' for key in table.keys)
    changed = f"FROM load.{table} t WHERE t.{STAMP} = $load"
    con.execute(f"DELETE FROM shared.{table} s USING (SELECT {keys} {changed}) n WHERE {same}", {"load": load_id})
    con.execute(f"INSERT INTO shared.{table} SELECT {_list(picked)} {changed}", {"load": load_id})
    rows, wanted = (con.execute(f"SELECT count(*) FROM {place}.{table}").fetchall()[0][0] for place in ("shared", "load"))
    if rows > wanted:
        gone = f"NOT EXISTS (FROM (SELECT {keys} FROM load.{table} t) n WHERE {same})"
        rows -= con.execute(f"DELETE FROM shared.{table} s WHERE {gone}").fetchall()[0][0]
    return bool(rows == wanted)


def _list(picked: _Columns) -> str:
    return ", ".join(f'{expression} AS "{name}"' for name, expression in picked)


def _columns(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    rows = con.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ?"
        " ORDER BY 1, column_index",
        [catalog],
    )
    for table, column, type_ in rows.fetchall():
        found.setdefault(table, []).append((column, type_))
    return found


def _tables(con: duckdb.DuckDBPyConnection, catalog: str) -> set[str]:
    rows = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [catalog])
    return {name for (name,) in rows.fetchall()}


def repoint_shared(settings: WarehouseSettings, load_id: str) -> None:
    """Point the link for analysts at a load's shared file, atomically; where that is not there, the link stays."""
    file = shared_file(settings, load_id) if settings.shared is not None else None
    if settings.shared is None or file is None or not file.exists():
        return
    temporary = settings.shared.with_name(f".{settings.shared.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(file.relative_to(settings.shared.parent))
    os.replace(temporary, settings.shared)


def prune_shared(settings: WarehouseSettings, kept: Sequence[str]) -> None:
    """Remove the shared files of loads that are not kept; open sessions keep what they read."""
    if settings.shared is None:
        return
    for path in settings.shared_loads.glob("golden-*.duckdb"):
        if path.stem.removeprefix("golden-") not in kept and path.stem.removeprefix("golden-") != shared_load(settings):
            path.unlink()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
