"""PostgreSQL: rows come in by COPY, beside the live tables, and one transaction brings those up to date.

The live tables stay the same tables: what others made of them (grants, owners, views, policies) is untouched, readers wait for
nobody, and a reader in a transaction of its own goes on seeing what it began with. A renamed table could promise none of that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from warehouse.targets.changes import Change, TableState
from warehouse.targets.ddl import STATE, Drifted, as_state, foreign_owner, in_the_way, state_row
from warehouse.targets.postgres_ddl import columns_ddl, literal, name_of, names_of, own, staged
from warehouse.targets.tables import TargetColumn, TargetTable, columns_of
from warehouse.targets.wire import Wire, csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_WIRE = Wire(null="", zero=False)
_PATIENCE = "10s"


class Postgres:
    """A publish into one PostgreSQL database, over one connection."""

    def __init__(self, con: Any, prefix: str, name: str) -> None:
        self._con, self._prefix, self._name = con, prefix, name
        con.autocommit = True
        self._cursor = con.cursor()
        for setting in (f"lock_timeout = '{_PATIENCE}'", "timezone = 'UTC'", "datestyle = 'ISO'", "client_encoding = 'UTF8'"):
            self._run(f"SET {setting}")

    def _run(self, statement: str) -> int:
        self._cursor.execute(statement)
        return int(self._cursor.rowcount)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement)
        return list(self._cursor.fetchall())

    def _place(self, table: TargetTable) -> str:
        return f"{name_of(self._prefix + table.schema)}.{name_of(table.name)}"

    @property
    def _state(self) -> str:
        return f"{name_of(self._prefix + STATE.schema)}.{name_of(STATE.name)}"

    def version(self) -> str:
        """Name and version of the server."""
        return f"PostgreSQL {self._rows('SHOW server_version')[0][0].split(' ')[0]}"

    def try_out(self, schemas: Collection[str]) -> None:
        """Make the schemas and a table in each, and take it all back."""
        with self._transaction(commit=False):
            self._make_schemas(schemas)
            for schema in sorted(schemas):
                self._run(f"CREATE TABLE {name_of(self._prefix + schema)}.hub_check (n integer)")

    def only_one(self) -> None:
        """Hold other publishes of the same schemas off for as long as the connection lasts."""
        number = int.from_bytes(hashlib.blake2b(f"customer hub {self._prefix}".encode(), digest_size=8).digest(), signed=True)
        self._run(f"SELECT pg_advisory_lock({number})")

    def states(self, owner: str) -> dict[str, TableState]:
        """What it was given last; raises `TargetError` if another hub gave it."""
        if not self._rows(f"SELECT 1 WHERE to_regclass({literal(self._state)}) IS NOT NULL"):
            return {}
        names = ", ".join(column.name for column in STATE.columns)
        found = self._rows(f"SELECT {names} FROM {self._state}")
        foreign_owner({row[1] for row in found}, owner, self._name)
        return dict(as_state(row) for row in found)

    def apply(self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], states: Mapping[str, TableState], owner: str) -> int:
        """Make the changes, all at once for whoever reads; the rows written and deleted.

        Raises:
            Drifted: a table is not what it was said to be; it has to be loaded whole.
        """
        there = self._columns()
        in_the_way(
            [str(c.table) for c in changes if c.action != "drop" and str(c.table) in there], states, self._name, self._prefix
        )
        touched = 0
        with self._transaction():
            self._make_schemas({change.table.schema for change in changes if change.action != "drop"} | {STATE.schema})
            waiting = [change for change in changes if change.action in ("load", "delta") and str(change.table) in there]
            for change in waiting:
                self._stage(con, change)
            for change in changes:
                known = there.get(str(change.table))
                touched += self._change(con, change, known, states.get(str(change.table)))
            self._note(changes, owner)
        return touched

    @contextmanager
    def _transaction(self, *, commit: bool = True) -> Iterator[None]:
        self._run("BEGIN")
        try:
            yield
        except BaseException:
            if not self._con.closed:
                self._run("ROLLBACK")
            raise
        self._run("COMMIT" if commit else "ROLLBACK")

    def _columns(self) -> dict[str, set[str]]:
        """The tables in our schemas, with the columns of each."""
        rows = self._rows(
            "SELECT n.nspname, c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            f" WHERE starts_with(n.nspname, {literal(self._prefix)})"
        )
        found: dict[str, set[str]] = {}
        for schema, table, column in rows:
            found.setdefault(f"{schema.removeprefix(self._prefix)}.{table}", set()).add(column)
        return found

    def _make_schemas(self, schemas: Iterable[str]) -> None:
        # asked first: whoever may not create schemas may not say IF NOT EXISTS either
        there = {name for (name,) in self._rows("SELECT nspname FROM pg_namespace")}
        for schema in sorted({self._prefix + schema for schema in schemas} - there):
            self._run(f"CREATE SCHEMA {name_of(schema)}")

    # one table -------------------------------------------------------------------------------------------------

    def _stage(self, con: duckdb.DuckDBPyConnection, change: Change) -> None:
        """Bring what has to come over next to the live table, which nobody is kept from yet."""
        table, columns = change.table, change.table.columns
        if change.action == "delta":
            columns = tuple(table.column(key) for key in table.keys)
        self._run(f"CREATE TEMP TABLE {staged(table)} ({columns_ddl(columns)}) ON COMMIT DROP")
        self._copy(con, change.gone if change.action == "delta" else change.relation, staged(table), columns)
        self._run(f"ANALYZE {staged(table)}")

    def _copy(
        self, con: duckdb.DuckDBPyConnection, relation: str, place: str, columns: Sequence[TargetColumn], options: str = ""
    ) -> None:
        names = ", ".join(name_of(column.name) for column in columns)
        with self._cursor.copy(f"COPY {place} ({names}) FROM STDIN (FORMAT csv{options})") as copy:
            for lines in csv(con, relation, columns, _WIRE):
                copy.write(lines)

    def _change(self, con: duckdb.DuckDBPyConnection, change: Change, columns: set[str] | None, known: TableState | None) -> int:
        table, place = change.table, self._place(change.table)
        if change.action == "drop":
            self._run(f"DROP TABLE IF EXISTS {place}")
            return 0
        if change.action == "keep":
            if columns is None:
                raise Drifted(str(table))
            return 0
        if columns is None:
            if change.action != "load":
                raise Drifted(str(table))
            self._create(con, change)
            return change.inserts
        if change.action == "describe":
            self._describe(table)
            return 0
        if change.action == "delta":
            return self._delta(con, change)
        return self._replace(change, columns, known)

    def _create(self, con: duckdb.DuckDBPyConnection, change: Change) -> None:
        table, place = change.table, self._place(change.table)
        self._run(f"CREATE TABLE {place} ({columns_ddl(table.columns)})")
        # frozen rows need no vacuum, and a transaction that is older than the table sees it full rather than empty
        self._copy(con, change.relation, place, table.columns, ", FREEZE")
        self._index(table)
        self._describe(table)
        self._run(f"ANALYZE {place}")

    def _index(self, table: TargetTable) -> None:
        place = self._place(table)
        if table.keys:
            self._run(f"ALTER TABLE {place} ADD CONSTRAINT {own(table, 'pkey')} PRIMARY KEY ({names_of(table.keys)})")
        for column in table.indexed:
            self._run(f"CREATE INDEX {own(table, column)} ON {place} ({name_of(column)})")

    def _describe(self, table: TargetTable) -> None:
        place = self._place(table)
        self._run(f"COMMENT ON TABLE {place} IS {literal(table.comment)}")
        for column in table.columns:
            self._run(f"COMMENT ON COLUMN {place}.{name_of(column.name)} IS {literal(column.comment)}")

    def _delta(self, con: duckdb.DuckDBPyConnection, change: Change) -> int:
        table, place = change.table, self._place(change.table)
        same = " AND ".join(f"t.{name_of(key)} = g.{name_of(key)}" for key in table.keys)
        if self._run(f"DELETE FROM {place} t USING {staged(table)} g WHERE {same}") != change.removals:
            raise Drifted(str(table))
        try:
            self._copy(con, change.relation, place, table.columns)
        except Exception as error:
            if getattr(error, "sqlstate", None) == "23505":  # a key is there that should not be
                raise Drifted(str(table)) from error
            raise
        return change.removals + change.inserts

    def _replace(self, change: Change, columns: set[str], known: TableState | None) -> int:
        """Make the live table equal to the staged one; rows that are equal already are not touched."""
        table, place, source = change.table, self._place(change.table), staged(change.table)
        reshaped = known is None or known.shape != table.shape
        if reshaped:
            self._reshape(table, columns, {} if known is None else columns_of(known.shape))
        every = ", ".join(name_of(column.name) for column in table.columns)
        if table.keys and not reshaped:
            key = " AND ".join(f"t.{name_of(key)} = s.{name_of(key)}" for key in table.keys)
            t, s = (", ".join(f"{side}.{name_of(column.name)}" for column in table.columns) for side in "ts")
            equal = f"{key} AND ROW({t}) IS NOT DISTINCT FROM ROW({s})"
            gone = self._run(f"DELETE FROM {place} t WHERE NOT EXISTS (SELECT FROM {source} s WHERE {equal})")
            missing = f" s WHERE NOT EXISTS (SELECT FROM {place} t WHERE {key})"
        else:
            gone, missing = self._run(f"DELETE FROM {place}"), ""
        come = self._run(f"INSERT INTO {place} ({every}) SELECT {every} FROM {source}{missing}")
        if reshaped:
            self._index(table)
        self._describe(table)
        self._run(f"ANALYZE {place}")
        return gone + come

    def _reshape(self, table: TargetTable, there: set[str], before: Mapping[str, str]) -> None:
        """Give the live table the columns of now; columns that somebody else added to it stay. All its rows are to be replaced."""
        place = self._place(table)
        self._run(f"ALTER TABLE {place} DROP CONSTRAINT IF EXISTS {own(table, 'pkey')}")
        schema = literal(self._prefix + table.schema)
        named = self._rows(
            f"SELECT indexname FROM pg_indexes WHERE schemaname = {schema} AND tablename = {literal(table.name)}"
            f" AND indexname LIKE 'hub\\_%'"
        )
        for (index,) in named:
            self._run(f"DROP INDEX {name_of(self._prefix + table.schema)}.{name_of(index)}")
        now = {column.name: column.type for column in table.columns}
        for name, type_ in before.items():
            if name in there and now.get(name) != type_:
                self._run(f"ALTER TABLE {place} DROP COLUMN {name_of(name)}")
                there = there - {name}
        for column in table.columns:
            if column.name not in there:
                self._run(f"ALTER TABLE {place} ADD COLUMN {columns_ddl([column])}")

    def _note(self, changes: Sequence[Change], owner: str) -> None:
        self._run(f"CREATE TABLE IF NOT EXISTS {self._state} ({', '.join(f'{c.name} text' for c in STATE.columns)})")
        names = ", ".join(column.name for column in STATE.columns)
        self._run(f"DELETE FROM {self._state}")
        for change in changes:
            if change.state is not None:
                row = ", ".join(literal(value) for value in state_row(str(change.table), owner, change.state))
                self._run(f"INSERT INTO {self._state} ({names}) VALUES ({row})")
