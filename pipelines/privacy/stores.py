"""Taking people out of the stores that make up a hub, wherever they lie: in place, or fetched from a backup and not yet in place.

Each step is done at once or not at all, and doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from hub.golden.erasing import blank, erase_from_load
from hub.identity.erased import Entry, prepare
from pipelines.context import Hub
from pipelines.privacy.people import People, put
from warehouse.compacting import rewritten
from warehouse.connection import connect, is_of_the_disk
from warehouse.control import utcnow
from warehouse.copies import COPIES, DECIDED, ECHOES
from warehouse.erasing import Sources, drop_superseded, erase_from_raw, erase_from_rejects, forget_made

if TYPE_CHECKING:
    from hub.contract.errors import WarehouseAccessError  # noqa: F401 - named in docstrings


@dataclass(frozen=True)
class Task:
    """Whom to take out, and by what they are known.

    Attributes:
        entries: the list of the erased, these people included.
        sources: by name, the mappings at hand.
    """

    people: People
    entries: Sequence[Entry]
    secret: bytes
    sources: Sources
    memory_limit: str | None = None

    def begin(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make what the wings' functions read."""
        prepare(con, self.secret, self.entries)
        put(con, self.people)


def sources_of(hub: Hub) -> Sources:
    """What staging must know of each source whose mapping is at hand."""
    connectors = [hub.config.connector(name) for name in hub.config.sources]  # those that are not read, too
    return {connector.name: (hub.place(connector), hub.mapping(connector)) for connector in connectors}


def erase_working(path: Path, task: Task) -> dict[str, int]:
    """Take people out of a working warehouse that nobody has open; rows removed or emptied, by table.

    Raises:
        WarehouseAccessError: it cannot be written; it is as it was.
    """

    def change(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
        before, done = task.people.superseded_before, {}
        if before is not None:
            done = drop_superseded(con, before)
        if not task.people.facts:
            return done
        task.begin(con)
        for table, rows in _erase_open(con, task).items():
            done[table] = done.get(table, 0) + rows
        return done

    return rewritten(path, change, memory_limit=task.memory_limit)


def _erase_open(con: duckdb.DuckDBPyConnection, task: Task) -> dict[str, int]:
    con.execute("BEGIN")
    done = erase_from_raw(con, task.sources)
    rejects = erase_from_rejects(con)
    forget_made(con)
    con.execute("COMMIT")
    for name in _copied(con):
        columns = {row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()}
        if {"source_system", "stream", "source_record_id"} <= columns:
            con.execute(f"DELETE FROM {name} WHERE (source_system, stream, source_record_id) IN (FROM erasing_fact)")
        if "anchor_record_key" in columns:
            con.execute(f"DELETE FROM {name} WHERE anchor_record_key IN (SELECT record_key FROM erasing)")
        blank(con, name)
    return done | ({"raw.reject": rejects} if rejects else {})


def _copied(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The copies of the control store's tables that an open working warehouse has."""
    copies = [(schema, table.name) for held in (COPIES, DECIDED, ECHOES) for schema, tables in held.items() for table in tables]
    there = set(
        con.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()").fetchall()
    )
    return [f"{schema}.{name}" for schema, name in copies if (schema, name) in there]


def count_working(con: duckdb.DuckDBPyConnection, task: Task) -> dict[str, int]:
    """What `erase_working` would do to an open working warehouse; nothing of it stays."""
    task.begin(con)
    con.execute("BEGIN")
    try:
        done = erase_from_raw(con, task.sources)
        rejects = erase_from_rejects(con)
    finally:
        con.execute("ROLLBACK")
    return done | ({"raw.reject": rejects} if rejects else {})


def erase_load(path: Path, task: Task) -> dict[str, int]:
    """Take people out of a published load; rows removed or emptied, by table.

    Raises:
        WarehouseAccessError: it cannot be written; it is as it was.
        duckdb.Error: it is of a version of the hub whose tables are others.
    """

    def change(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
        task.begin(con)
        return erase_from_load(con, now=utcnow())

    return rewritten(path, change, memory_limit=task.memory_limit)


def erase_loads(paths: Sequence[Path], live: Path | None, task: Task) -> tuple[dict[str, int], list[str]]:
    """Take people out of published loads, of the live one last: by it they are found until all else is done.

    An older load that cannot be changed, as its tables are those of another version, is removed.

    Returns:
        What was done to the live one, and the names of the files removed.
    """
    removed = []
    for path in sorted(path for path in paths if path != live):
        try:
            erase_load(path, task)
        except duckdb.Error as error:
            if is_of_the_disk(error):
                raise
            path.unlink()
            removed.append(path.name)
    return (erase_load(live, task) if live is not None else {}), removed


def remove_pages(folder: Path, texts: Sequence[str]) -> None:
    """Remove pages of the gate that name somebody: they are drawn from loads that do so no more."""
    for page in (page for page in folder.rglob("*") if page.is_file()):
        said = page.read_text(encoding="utf-8", errors="replace").lower()
        if any(text in said for text in texts):
            page.unlink()


@contextmanager
def as_candidate(working: Path, live: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the golden and identity tables of a published load stand beside staging, as those of a candidate do."""
    con = connect(None)
    try:
        for path, name in ((working, "working"), (live, "load")):
            quoted = str(path).replace("'", "''")
            con.execute(f"ATTACH '{quoted}' AS \"{name}\" (READ_ONLY)")
        tables = con.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE (database_name = 'load'"
            " AND schema_name IN ('golden', 'identity')) OR (database_name = 'working' AND schema_name = 'staging') ORDER BY ALL"
        ).fetchall()
        for schema in ("golden", "identity", "staging"):
            con.execute(f"CREATE SCHEMA {schema}")
        for database, schema, name in tables:
            con.execute(f'CREATE VIEW {schema}."{name}" AS FROM "{database}".{schema}."{name}"')
        yield con
    finally:
        con.close()
