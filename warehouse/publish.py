"""Publishing: the candidate becomes a new read-only file, and the link that analysts open is repointed to it in one step.

The gate is enforced here: without a passing verdict for exactly this candidate nothing is published. The link is the truth of what
is published; the stores share no transaction, so whatever a crash leaves behind is settled by looking where it points.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub.contract.errors import PublishRefusedError, WarehouseAccessError
from warehouse.settings import WarehouseSettings

LIVE = "live"  # the name under which the published load is attached to the working warehouse


@dataclass(frozen=True)
class PublishedTable:
    """A table of a published file, and the columns that tell its rows apart."""

    schema: str
    name: str
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Meaning:
    """What a table or view means, and its columns."""

    table: str
    columns: Mapping[str, str]


def load_file(settings: WarehouseSettings, load_id: str) -> Path:
    """The file of a published load."""
    return settings.published / f"golden-{load_id}.duckdb"


def live_load(settings: WarehouseSettings) -> str | None:
    """The load that the link points to, or None before the first."""
    if not settings.golden.is_symlink():
        return None
    return Path(os.readlink(settings.golden)).stem.removeprefix("golden-")


def kept_loads(settings: WarehouseSettings) -> list[str]:
    """The loads whose files are there, oldest first (load IDs begin with their time)."""
    return sorted(path.stem.removeprefix("golden-") for path in settings.published.glob("golden-*.duckdb"))


@contextmanager
def live_attached(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> Iterator[str | None]:
    """Attach the published load read-only as `live` for the length of a with block; None before the first load.

    Raises:
        WarehouseAccessError: the link leads nowhere. It is not taken for a first load, which would mint every ID anew.
    """
    load_id = live_load(settings)
    if load_id is None:
        yield None
        return
    if not settings.golden.exists():
        raise WarehouseAccessError(
            f"the published load {load_id} is gone from {settings.published}",
            remedy=f"put its file back, or point {settings.golden.name} at another load there; customer IDs are kept in it",
        )
    con.execute(f"ATTACH '{_quoted(settings.golden.resolve())}' AS {LIVE} (READ_ONLY)")
    try:
        yield LIVE
    finally:
        con.execute(f"DETACH {LIVE}")


def content_digest(con: duckdb.DuckDBPyConnection, tables: Iterable[PublishedTable]) -> str:
    """A digest of the candidate's rows, independent of their order: what the gate judged and what is published must be the same."""
    parts = []
    for table in tables:
        count, total = con.execute(f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {table} t").fetchall()[0]
        parts.append(f"{table}:{count}:{total}")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: WarehouseSettings,
    *,
    load_id: str,
    judged: Sequence[PublishedTable],
    carried: Sequence[PublishedTable],
    views: Sequence[tuple[str, str]],
    comments: Mapping[str, Meaning] | None = None,
) -> Path:
    """Publish the candidate that lies in the working warehouse.

    The new file is the previous one with the differences applied, so it costs what changed.

    Args:
        judged: tables the verdict speaks of.
        carried: further tables copied along (quality and ops), not part of the verdict.
        views: schema and DDL of the views, made in the new file.
        comments: what tables and views mean, by ``schema.name``.

    Returns:
        The new file.

    Raises:
        PublishRefusedError: no verdict for this load, one that holds it, or a candidate that changed since it was judged.
        WarehouseAccessError: the file or the link cannot be written.
    """
    demand_verdict(con, load_id, content_digest(con, judged))
    target, temporary = load_file(settings, load_id), settings.published / f".golden-{load_id}.duckdb.tmp"
    try:
        settings.published.mkdir(parents=True, exist_ok=True)
        for leftover in settings.published.glob(".golden-*"):
            leftover.unlink()
        if live_load(settings) is not None:
            shutil.copyfile(settings.golden.resolve(), temporary)
        _write(con, temporary, [*judged, *carried], views, comments or {})
        _sync(temporary)
        os.replace(temporary, target)
        _sync(settings.published)
        repoint(settings, load_id)
    except (OSError, duckdb.IOException) as error:
        raise WarehouseAccessError(
            f"cannot write the load to {settings.published} ({str(error).splitlines()[0]})",
            remedy="the last good load stays; free disk space or mend permissions, then run hub sync again",
        ) from error
    return target


def demand_verdict(con: duckdb.DuckDBPyConnection, load_id: str, digest: str) -> None:
    """Raise `PublishRefusedError` unless the gate let exactly this candidate pass; `digest` is that of its content."""
    rows = con.execute("SELECT decision, content_digest FROM quality.gate_decision WHERE load_id = ?", [load_id]).fetchall()
    if not rows:
        raise PublishRefusedError(
            f"load {load_id} has no verdict of the gate", remedy="run hub sync, which judges before it publishes"
        )
    decision, judged = rows[0]
    if decision != "pass" and not _overridden(con, load_id, judged):
        raise PublishRefusedError(f"the gate holds load {load_id}", remedy="see hub gate show for the checks that failed")
    if judged != digest:
        raise PublishRefusedError(
            f"load {load_id} changed after the gate judged it",
            remedy="run hub sync again; another process may have built meanwhile",
        )


def _overridden(con: duckdb.DuckDBPyConnection, load_id: str, judged: str) -> bool:
    """Whether somebody answers for publishing exactly what the gate judged and holds."""
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'quality' AND table_name = 'gate_override'"
        " AND database_name = current_database()"
    ).fetchall()[0][0]
    if not known:
        return False
    rows = con.execute("SELECT content_digest FROM quality.gate_override WHERE load_id = ?", [load_id]).fetchall()
    return rows == [(judged,)]


def _write(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    tables: Sequence[PublishedTable],
    views: Sequence[tuple[str, str]],
    comments: Mapping[str, Meaning],
) -> None:
    con.execute(f"ATTACH '{_quoted(path)}' AS target")
    try:
        for schema in dict.fromkeys(table.schema for table in tables):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS target.{schema}")
        con.execute("BEGIN")
        for table in tables:
            _apply(con, table)
        con.execute("COMMIT")
        working = con.execute("SELECT current_database()").fetchall()[0][0]
        con.execute("USE target")
        try:
            for _, ddl in views:
                con.execute(ddl)
            _describe(con, comments)
        finally:
            con.execute(f'USE "{working}"')
        con.execute("CHECKPOINT target")
    finally:
        con.execute("DETACH target")


def _describe(con: duckdb.DuckDBPyConnection, comments: Mapping[str, Meaning]) -> None:
    """Give the tables, views and columns of the current database their comments, where they do not have them."""
    kinds: dict[str, tuple[str, str | None]] = {
        f"{schema}.{name}": (kind, comment)
        for kind in ("TABLE", "VIEW")
        for schema, name, comment in con.execute(
            f"SELECT schema_name, {kind}_name, comment FROM duckdb_{kind}s() WHERE database_name = current_database()"
        ).fetchall()
    }
    columns = con.execute(
        "SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()"
        " WHERE database_name = current_database() ORDER BY ALL"
    ).fetchall()
    for place, (kind, comment) in sorted(kinds.items()):
        if place in comments and comments[place].table != (comment or ""):
            con.execute(f"COMMENT ON {kind} {place} IS {_literal(comments[place].table)}")
    for place, column, comment in columns:
        meaning = comments[place].columns.get(column, "") if place in comments else ""
        if meaning and meaning != comment:
            con.execute(f'COMMENT ON COLUMN {place}."{column}" IS {_literal(meaning)}')


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _apply(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Make target's table equal to the candidate's, touching only rows that differ."""
    if _shape(con, "target", table) != _shape(con, None, table):
        con.execute(f"DROP TABLE IF EXISTS target.{table} CASCADE")
        con.execute(f"CREATE TABLE target.{table} AS FROM {table}")
        return
    keys = ", ".join(table.keys)
    con.execute(f"CREATE OR REPLACE TEMP TABLE stale AS SELECT {keys} FROM (FROM target.{table} EXCEPT ALL FROM {table})")
    matches = " AND ".join(f"t.{key} IS NOT DISTINCT FROM s.{key}" for key in table.keys)
    con.execute(f"DELETE FROM target.{table} t USING stale s WHERE {matches}")
    con.execute(f"INSERT INTO target.{table} (FROM {table} EXCEPT ALL FROM target.{table})")
    con.execute("DROP TABLE stale")


def _shape(con: duckdb.DuckDBPyConnection, catalog: str | None, table: PublishedTable) -> list[tuple[str, str]]:
    return con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = coalesce(?, current_database())"
        " AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [catalog, table.schema, table.name],
    ).fetchall()


def repoint(settings: WarehouseSettings, load_id: str) -> None:
    """Point the link at a load's file, atomically."""
    target = load_file(settings, load_id)
    temporary = settings.golden.with_name(f".{settings.golden.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.relative_to(settings.golden.parent))
    os.replace(temporary, settings.golden)
    _sync(settings.golden.parent)


def prune(settings: WarehouseSettings) -> list[str]:
    """Remove the oldest published files beyond `keep_loads`; never the live one. Open sessions keep what they read."""
    live = live_load(settings)
    gone = [load for load in kept_loads(settings)[: -settings.keep_loads] if load != live]
    for load in gone:
        load_file(settings, load).unlink()
    return gone


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
