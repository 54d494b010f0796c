"""Publishing: the candidate becomes a new read-only file, and the link that analysts open is repointed to it in one step.

The gate is enforced here: without a passing verdict for exactly this candidate nothing is published. The link is the truth of what
is published; the stores share no transaction, so whatever a crash leaves behind is settled by looking where it points.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from hub.contract.errors import PublishRefusedError, WarehouseAccessError
from warehouse.connection import is_of_the_disk
from warehouse.describing import Meaning, describe
from warehouse.differences import PublishedTable, RowChanges, Shapes, apply_changes, content_digest, copy_whole, shapes
from warehouse.settings import WarehouseSettings
from warehouse.sharing import prune_shared, repoint_shared

LIVE = "live"  # the name under which the published load is attached to the working warehouse


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


def publish(
    con: duckdb.DuckDBPyConnection,
    settings: WarehouseSettings,
    *,
    load_id: str,
    judged: Sequence[PublishedTable],
    carried: Sequence[PublishedTable],
    views: Sequence[tuple[str, str]],
    comments: Mapping[str, Meaning] | None = None,
    settle: Callable[[Mapping[str, RowChanges]], None] | None = None,
    gone: Mapping[str, str] | None = None,
    share: Callable[[Path], None] | None = None,
) -> dict[str, RowChanges]:
    """Publish the candidate that lies in the working warehouse.

    The new file is the previous one with the differences applied, so it costs what changed. It is what the gate judged, or nothing.

    Args:
        judged: tables the verdict speaks of.
        carried: further tables copied along (quality and ops), not part of the verdict.
        views: schema and DDL of the views, made in the new file.
        comments: what tables and views mean, by ``schema.name``.
        settle: called with what changed once the judged tables are written; it may still change those that are carried.
        gone: relations with the keys of rows that this load removes, by name of the table, where they are known.
        share: called with the new file before anybody sees it; makes what is shared of it.

    Returns:
        What changed in each stamped table, by its name without schema.

    Raises:
        PublishRefusedError: no verdict for this load, one that holds it, or a candidate that changed since it was judged.
        WarehouseAccessError: the file or the link cannot be written.
    """
    judged_digest = _passed(con, load_id)
    target, temporary = load_file(settings, load_id), settings.published / f".golden-{load_id}.duckdb.tmp"
    try:
        settings.published.mkdir(parents=True, exist_ok=True)
        for leftover in settings.published.glob(".golden-*"):
            leftover.unlink()
        if live_load(settings) is not None:
            shutil.copyfile(settings.golden.resolve(), temporary)
        changes = _write(con, temporary, load_id, judged_digest, (judged, carried), views, comments or {}, settle, gone or {})
        _sync(temporary)
        if share is not None:
            share(temporary)
        os.replace(temporary, target)
        _sync(settings.published)
        repoint(settings, load_id)
    except (OSError, duckdb.Error) as error:
        if isinstance(error, duckdb.Error) and not is_of_the_disk(error):
            raise
        raise WarehouseAccessError(
            f"cannot write the load to {settings.published} ({str(error).splitlines()[0]})",
            remedy="the last good load stays; free disk space or mend permissions, then run hub sync again",
        ) from error
    return changes


def demand_verdict(con: duckdb.DuckDBPyConnection, load_id: str, digest: str) -> None:
    """Raise `PublishRefusedError` unless the gate let exactly this candidate pass; `digest` is that of its content."""
    if _passed(con, load_id) != digest:
        raise PublishRefusedError(
            f"load {load_id} changed after the gate judged it",
            remedy="run hub sync again; another process may have built meanwhile",
        )


def _passed(con: duckdb.DuckDBPyConnection, load_id: str) -> str:
    """The digest of what the gate let pass; `PublishRefusedError` where it did not."""
    rows = con.execute("SELECT decision, content_digest FROM quality.gate_decision WHERE load_id = ?", [load_id]).fetchall()
    if not rows:
        raise PublishRefusedError(
            f"load {load_id} has no verdict of the gate", remedy="run hub sync, which judges before it publishes"
        )
    decision, judged = rows[0]
    if decision != "pass" and not _overridden(con, load_id, judged):
        raise PublishRefusedError(f"the gate holds load {load_id}", remedy="see hub gate show for the checks that failed")
    return str(judged)


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
    load_id: str,
    judged_digest: str,
    tables: tuple[Sequence[PublishedTable], Sequence[PublishedTable]],
    views: Sequence[tuple[str, str]],
    comments: Mapping[str, Meaning],
    settle: Callable[[Mapping[str, RowChanges]], None] | None,
    gone: Mapping[str, str],
) -> dict[str, RowChanges]:
    judged, carried = tables
    con.execute(f"ATTACH '{_quoted(path)}' AS target")
    try:
        for schema in dict.fromkeys(table.schema for table in (*judged, *carried)):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS target.{schema}")
        known = shapes(con)
        changes = _write_judged(con, judged, known, load_id, judged_digest, gone)
        if settle is not None:
            settle(changes)
        con.execute("BEGIN")
        apply_changes(con, carried, known, load_id=load_id)
        con.execute("COMMIT")
        working = con.execute("SELECT current_database()").fetchall()[0][0]
        con.execute("USE target")
        try:
            for _, ddl in views:
                con.execute(ddl)
            describe(con, comments)
        finally:
            con.execute(f'USE "{working}"')
        con.execute("CHECKPOINT target")
    finally:
        con.execute("DETACH target")
    return changes


def _write_judged(
    con: duckdb.DuckDBPyConnection,
    judged: Sequence[PublishedTable],
    known: Shapes,
    load_id: str,
    judged_digest: str,
    gone: Mapping[str, str],
) -> dict[str, RowChanges]:
    """Bring the judged tables of the file to the candidate's content, and make sure that it is what the gate judged."""
    con.execute("BEGIN")
    done = apply_changes(con, judged, known, load_id=load_id, gone=gone)
    con.execute("COMMIT")
    if content_digest(con, judged, load_id=load_id, catalog="target.", known=done.contents) != judged_digest:
        demand_verdict(con, load_id, content_digest(con, judged, load_id=load_id))
        # the candidate is what was judged, so a row that no load of ours stamped stands in the way
        con.execute("BEGIN")
        for table in judged:
            copy_whole(con, table)
        con.execute("COMMIT")
    return done.changes


def repoint(settings: WarehouseSettings, load_id: str) -> None:
    """Point the link at a load's file, atomically; then that for analysts who are to know no person, where the load is shared."""
    target = load_file(settings, load_id)
    temporary = settings.golden.with_name(f".{settings.golden.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.relative_to(settings.golden.parent))
    os.replace(temporary, settings.golden)
    _sync(settings.golden.parent)
    repoint_shared(settings, load_id)


def prune(settings: WarehouseSettings) -> list[str]:
    """Remove the oldest published files beyond `keep_loads`; never the live one. Open sessions keep what they read."""
    live = live_load(settings)
    gone = [load for load in kept_loads(settings)[: -settings.keep_loads] if load != live]
    for load in gone:
        load_file(settings, load).unlink()
    prune_shared(settings, kept_loads(settings))
    return gone


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
