"""MySQL and MariaDB: rows come in by LOAD DATA from a pipe, or in batches where the server forbids that.

Few changed rows go into the live tables in one transaction. Else new tables are made beside them, those with few changes as copies
made on the server, and one RENAME TABLE swaps all of them. Grants are by name there and stay, as do views.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hub.contract.errors import TargetError, TargetUnavailableError
from warehouse.targets.changes import Change, TableState
from warehouse.targets.ddl import STATE, Drifted, as_state, foreign_owner, in_the_way, state_row
from warehouse.targets.errors import code_of
from warehouse.targets.mysql_ddl import create, fits, name_of
from warehouse.targets.pipe import Pipe
from warehouse.targets.tables import TargetColumn, TargetTable
from warehouse.targets.wire import Wire, csv, rows

if TYPE_CHECKING:
    import duckdb

_WIRE = Wire(null="NULL", boolean="{}::INTEGER::VARCHAR")
_NEXT, _LAST = "hub_next_", "hub_last_"
_BATCH = 1000
_LOCK_SECONDS, _SWAPS = 5, 6
_DUPLICATE = "1062"
# MariaDB's, MySQL's since 8.0.17, and that of all others, to which trailing blanks are nothing
_COLLATIONS = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin")


class MySql:
    """A publish into one MySQL or MariaDB server, over one connection."""

    def __init__(self, con: Any, prefix: str, name: str) -> None:
        self._con, self._prefix, self._name = con, prefix, name
        con.autocommit(True)
        con._local_infile = False  # whatever is asked, a server may answer that it wants a file of ours; see `_stream`
        self._cursor = con.cursor()
        self._server, self._streams = self._rows("SELECT version(), @@local_infile")[0]
        self._run("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'")
        # whoever reads meanwhile waits behind a swap that waits; so it waits briefly, and again
        self._run(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")

    def _run(self, statement: str) -> int:
        return int(self._cursor.execute(statement))

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        return list(self._cursor.fetchall())

    def _text(self, value: str) -> str:
        return str(self._con.escape(value))

    def _place(self, table: TargetTable, how: str = "") -> str:
        return f"{name_of(self._prefix + table.schema)}.{name_of(how + table.name)}"

    @cached_property
    def _collation(self) -> str:
        """Compares as the hub does: case, accents and trailing blanks count, the last where the server can tell them."""
        listed = ", ".join(self._text(name) for name in _COLLATIONS)
        found = self._rows(f"SELECT collation_name FROM information_schema.collations WHERE collation_name IN ({listed})")
        there = {name for (name,) in found}
        return next(name for name in _COLLATIONS if name in there)

    def version(self) -> str:
        """Name and version of the server."""
        number = re.match(r"[\d.]+", self._server)
        return f"{'MariaDB' if 'mariadb' in self._server.lower() else 'MySQL'} {number.group(0) if number else ''}".strip()

    def try_out(self, schemas: Collection[str]) -> None:
        """Make the schemas and a table in each, and take it all back."""
        made = self._make_schemas(schemas)
        try:
            for schema in sorted(schemas):
                place = f"{name_of(self._prefix + schema)}.hub_check"
                self._run(f"CREATE TABLE {place} (n INT PRIMARY KEY)")
                self._run(f"DROP TABLE {place}")
        finally:
            for schema in made:
                self._run(f"DROP DATABASE {name_of(schema)}")

    def only_one(self) -> None:
        """Hold other publishes of the same schemas off for as long as the connection lasts."""
        lock = self._text(f"customer hub {self._prefix}"[:64])
        if self._rows(f"SELECT GET_LOCK({lock}, {2 * _LOCK_SECONDS})")[0][0] != 1:
            raise TargetUnavailableError(
                "another publish into it is under way",
                field=f"publish.{self._name}",
                remedy="wait for it to end, then run hub sync",
            )

    def states(self, owner: str) -> dict[str, TableState]:
        """What it was given last; raises `TargetError` if another hub gave it."""
        if str(STATE) not in self._tables():
            return {}
        names = ", ".join(column.name for column in STATE.columns)
        found = self._rows(f"SELECT {names} FROM {self._place(STATE)}")
        foreign_owner({row[1] for row in found}, owner, self._name)
        return dict(as_state(row) for row in found)

    def apply(self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], states: Mapping[str, TableState], owner: str) -> int:
        """Make the changes, all at once for whoever reads; the rows written and deleted.

        Raises:
            Drifted: a table is not what it was said to be; it has to be loaded whole.
        """
        self._make_schemas({change.table.schema for change in changes if change.action != "drop"} | {STATE.schema})
        there = self._tables()
        for table in [table for table in there if table.partition(".")[2].startswith((_NEXT, _LAST))]:
            self._drop(table)
            there.discard(table)
        in_the_way(
            [str(c.table) for c in changes if c.action != "drop" and str(c.table) in there], states, self._name, self._prefix
        )
        for change in changes:
            if change.action not in ("load", "drop") and str(change.table) not in there:
                raise Drifted(str(change.table))
        small = str(STATE) in there and all(change.action in ("keep", "delta") for change in changes)
        return self._in_place(con, changes, owner) if small else self._beside(con, changes, there, owner)

    def _tables(self) -> set[str]:
        start = self._text(self._prefix.replace("_", "\\_") + "%")
        query = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        found = self._rows(f"{query} AND table_schema LIKE {start}")
        return {f"{schema.removeprefix(self._prefix)}.{table}" for schema, table in found}

    def _drop(self, table: str) -> None:
        schema, _, name = table.partition(".")
        self._run(f"DROP TABLE {name_of(self._prefix + schema)}.{name_of(name)}")

    def _make_schemas(self, schemas: Iterable[str]) -> list[str]:
        there = {name for (name,) in self._rows("SELECT schema_name FROM information_schema.schemata")}
        missing = sorted({self._prefix + schema for schema in schemas} - there)
        for schema in missing:
            self._run(f"CREATE DATABASE {name_of(schema)} CHARACTER SET utf8mb4 COLLATE {self._collation}")
        return missing

    # few changes -----------------------------------------------------------------------------------------------

    def _in_place(self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], owner: str) -> int:
        touched = 0
        self._con.begin()
        try:
            for change in changes:
                if change.action == "delta":
                    touched += self._delta(con, change, self._place(change.table))
            self._run(f"DELETE FROM {self._place(STATE)}")
            self._note(self._place(STATE), changes, owner)
        except BaseException:
            with suppress(self._con.Error):
                self._con.rollback()
            raise
        self._con.commit()
        return touched

    def _delta(self, con: duckdb.DuckDBPyConnection, change: Change, place: str) -> int:
        table = change.table
        keys = [table.column(key) for key in table.keys]
        gone = self._place(table, "hub_gone_")
        self._run(f"CREATE TEMPORARY TABLE {gone} {create(con, change.gone, table, keys, self._collation)}")
        self._load(con, change.gone, gone, keys, change.removals)
        same = " AND ".join(f"t.{name_of(key)} = g.{name_of(key)}" for key in table.keys)
        if self._run(f"DELETE t FROM {place} t JOIN {gone} g ON {same}") != change.removals:
            raise Drifted(str(table))
        self._run(f"DROP TEMPORARY TABLE {gone}")
        if not fits(con, change.relation, table):
            raise Drifted(str(table))
        self._load(con, change.relation, place, table.columns, change.inserts, table=str(table))
        return change.removals + change.inserts

    # many changes ----------------------------------------------------------------------------------------------

    def _beside(self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], there: set[str], owner: str) -> int:
        touched, swapped, dropped = 0, [STATE], []
        for change in changes:
            table = change.table
            if change.action == "drop":
                dropped += [table] if str(table) in there else []
            elif change.action != "keep":
                touched += self._make_next(con, change)
                swapped.append(table)
        self._run(f"CREATE TABLE {self._place(STATE, _NEXT)} ({', '.join(_state_column(c.name) for c in STATE.columns)})")
        self._note(self._place(STATE, _NEXT), changes, owner)
        self._swap(swapped, dropped, there)
        for table in (*swapped, *dropped):
            if str(table) in there:
                self._run(f"DROP TABLE {self._place(table, _LAST)}")
        return touched

    def _make_next(self, con: duckdb.DuckDBPyConnection, change: Change) -> int:
        table, place = change.table, self._place(change.table, _NEXT)
        whole = change.action == "load"
        source = change.relation if whole else f"new.{table}"
        self._run(f"CREATE TABLE {place} {create(con, source, table, table.columns, self._collation, escape=self._text)}")
        if whole:
            self._load(con, change.relation, place, table.columns, change.inserts)
            return change.inserts
        every = ", ".join(name_of(column.name) for column in table.columns)
        self._run(f"INSERT INTO {place} ({every}) SELECT {every} FROM {self._place(table)}")
        return self._delta(con, change, place) if change.action == "delta" else 0

    def _swap(self, swapped: Sequence[TargetTable], dropped: Sequence[TargetTable], there: set[str]) -> None:
        away = [f"{self._place(t)} TO {self._place(t, _LAST)}" for t in (*swapped, *dropped) if str(t) in there]
        here = [f"{self._place(t, _NEXT)} TO {self._place(t)}" for t in swapped]
        for attempt in range(_SWAPS):
            try:
                self._run(f"RENAME TABLE {', '.join([*away, *here])}")
                return
            except self._con.Error as error:
                if code_of(error) != "1205" or attempt == _SWAPS - 1:
                    raise
                time.sleep(1)

    def _note(self, place: str, changes: Sequence[Change], owner: str) -> None:
        names = ", ".join(column.name for column in STATE.columns)
        for change in changes:
            if change.state is not None:
                row = ", ".join(self._text(value) for value in state_row(str(change.table), owner, change.state))
                self._run(f"INSERT INTO {place} ({names}) VALUES ({row})")

    # rows ------------------------------------------------------------------------------------------------------

    def _load(
        self,
        con: duckdb.DuckDBPyConnection,
        relation: str,
        place: str,
        columns: Sequence[TargetColumn],
        expected: int,
        *,
        table: str | None = None,
    ) -> None:
        """Put a relation's rows into a table; `table` is named if a key is there that should not be."""
        if not expected:
            return
        try:
            put = self._stream(con, relation, place, columns) if self._streams else self._batches(con, relation, place, columns)
        except self._con.Error as error:
            if table is not None and code_of(error) == _DUPLICATE:
                raise Drifted(table) from error
            raise
        if put != expected:
            # loading a file locally turns duplicates and values that do not fit into warnings
            if table is not None:
                raise Drifted(table)
            raise TargetError(
                f"{put:,} of {expected:,} rows of {relation} came in", field=f"publish.{self._name}", remedy="see the server's log"
            )

    def _stream(self, con: duckdb.DuckDBPyConnection, relation: str, place: str, columns: Sequence[TargetColumn]) -> int:
        names = ", ".join(name_of(column.name) for column in columns)
        with Pipe(csv(con, relation, columns, _WIRE)) as pipe:
            self._con._local_infile = True
            try:
                put = self._run(
                    f"LOAD DATA LOCAL INFILE '{pipe}' INTO TABLE {place} CHARACTER SET utf8mb4"
                    f" FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' ({names})"
                )
            finally:
                self._con._local_infile = False
        warned = self._rows("SHOW WARNINGS LIMIT 1")
        if warned and str(warned[0][1]) != _DUPLICATE:
            column = re.search(r"column .?[`']?(?:\w+[`']?\.[`']?)*(\w+)[`']? at row", str(warned[0][2]))
            where = f" of column {column.group(1)}" if column else ""
            raise TargetError(
                f"a value{where} of {relation} does not fit there ({warned[0][1]})",
                field=f"publish.{self._name}",
                remedy="report it; the published load stays",
            )
        return put

    def _batches(self, con: duckdb.DuckDBPyConnection, relation: str, place: str, columns: Sequence[TargetColumn]) -> int:
        names = ", ".join(name_of(column.name).replace("%", "%%") for column in columns)
        insert = f"INSERT INTO {place.replace('%', '%%')} ({names}) VALUES ({', '.join(['%s'] * len(columns))})"
        return sum(self._cursor.executemany(insert, batch) or 0 for batch in rows(con, relation, columns, _WIRE, _BATCH))


def _state_column(name: str) -> str:
    # many managed servers take no table without a primary key
    return f"{name} VARCHAR(255) NOT NULL PRIMARY KEY" if name == "table_name" else f"{name} LONGTEXT"
