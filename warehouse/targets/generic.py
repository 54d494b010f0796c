"""Any other database that SQLAlchemy knows: batches of rows in one transaction. No fast path, and not tested but on SQLite."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from warehouse.targets.changes import Change, TableState
from warehouse.targets.ddl import STATE, Drifted, as_state, foreign_owner, in_the_way, state_row
from warehouse.targets.tables import TargetColumn, TargetTable

if TYPE_CHECKING:
    import duckdb

_BATCH = 1000
_TYPES: dict[str, Any] = {
    "boolean": sa.Boolean,
    "integer": sa.Integer,
    "bigint": sa.BigInteger,
    "double": sa.Double,
    "date": sa.Date,
    "time": sa.Time,
    "timestamp": sa.DateTime,
}


class Generic:
    """A publish into one database, through SQLAlchemy."""

    def __init__(self, engine: sa.Engine, prefix: str, name: str) -> None:
        self._engine, self._prefix, self._name = engine, prefix, name

    @property
    def _has_schemas(self) -> bool:
        return self._engine.dialect.name != "sqlite"

    def version(self) -> str:
        """Name and version of the server."""
        with self._engine.connect() as con:
            number = ".".join(str(part) for part in con.dialect.server_version_info or ())
        return f"{self._engine.dialect.name} {number}, which is not tested".replace("  ", " ")

    def try_out(self, schemas: Collection[str]) -> None:
        """Make the schemas and a table in each, and drop the table."""
        with self._engine.begin() as con:
            self._make_schemas(con, schemas)
            for schema in sorted(schemas):
                table = self._table(TargetTable(schema, "hub_check", STATE.columns, (), (), ""))
                table.create(con)
                table.drop(con)

    def only_one(self) -> None:
        """There is no lock that all databases have; the hub's own build lock has to do."""

    def states(self, owner: str) -> dict[str, TableState]:
        """What it was given last; raises `TargetError` if another hub gave it."""
        table = self._table(STATE)
        with self._engine.connect() as con:
            if not self._exists(con, STATE):
                return {}
            found = [tuple(row) for row in con.execute(sa.select(table))]
        foreign_owner({row[1] for row in found}, owner, self._name)
        return dict(as_state(row) for row in found)

    def apply(self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], states: Mapping[str, TableState], owner: str) -> int:
        """Make the changes in one transaction; the rows written and deleted.

        Raises:
            Drifted: a table is not what it was said to be; it has to be loaded whole.
        """
        touched = 0
        with self._transaction() as target:
            self._make_schemas(target, {change.table.schema for change in changes if change.action != "drop"} | {STATE.schema})
            there = {str(change.table) for change in changes if self._exists(target, change.table)}
            in_the_way(
                [str(c.table) for c in changes if c.action != "drop" and str(c.table) in there], states, self._name, self._prefix
            )
            for change in changes:
                touched += self._change(con, target, change, str(change.table) in there)
            state = self._table(STATE)
            state.create(target, checkfirst=True)
            target.execute(state.delete())
            for change in changes:
                if change.state is not None:
                    target.execute(state.insert().values(state_row(str(change.table), owner, change.state)))
        return touched

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as con:
            yield con

    def _make_schemas(self, con: sa.Connection, schemas: Collection[str]) -> None:
        if self._has_schemas:
            there = set(sa.inspect(con).get_schema_names())
            for schema in sorted({self._prefix + schema for schema in schemas} - there):
                con.execute(sa.schema.CreateSchema(schema))

    def _exists(self, con: sa.Connection, table: TargetTable) -> bool:
        made = self._table(table)
        return sa.inspect(con).has_table(made.name, schema=made.schema)

    def _change(self, con: duckdb.DuckDBPyConnection, target: sa.Connection, change: Change, is_there: bool) -> int:
        table = self._table(change.table)
        if change.action == "drop":
            table.drop(target, checkfirst=True)
            return 0
        if change.action != "load" and not is_there:
            raise Drifted(str(change.table))
        if change.action in ("keep", "describe"):
            return 0
        if change.action == "load":
            table.drop(target, checkfirst=True)
            table.create(target)
            return self._insert(con, target, change, table)
        gone = self._delete(con, target, change, table)
        if gone != change.removals:
            raise Drifted(str(change.table))
        return gone + self._insert(con, target, change, table)

    def _delete(self, con: duckdb.DuckDBPyConnection, target: sa.Connection, change: Change, table: sa.Table) -> int:
        keys = change.table.keys
        delete = table.delete().where(*(table.c[key] == sa.bindparam(f"k{n}") for n, key in enumerate(keys)))
        done = 0
        names = ", ".join(f'"{key}"' for key in keys)
        for batch in _batches(con, f"SELECT {names} FROM {change.gone}"):
            done += target.execute(delete, [{f"k{n}": value for n, value in enumerate(row)} for row in batch]).rowcount
        return done

    def _insert(self, con: duckdb.DuckDBPyConnection, target: sa.Connection, change: Change, table: sa.Table) -> int:
        columns = change.table.columns
        for batch in _batches(con, f"SELECT {', '.join(_value(column) for column in columns)} FROM {change.relation}"):
            target.execute(table.insert(), [{c.name: v for c, v in zip(columns, row, strict=True)} for row in batch])
        return change.inserts

    def _table(self, table: TargetTable) -> sa.Table:
        schema = self._prefix + table.schema
        columns = [
            sa.Column(
                c.name, _type(c, c.name in (*table.keys, *table.indexed)), primary_key=c.name in table.keys, comment=c.comment
            )
            for c in table.columns
        ]
        name = table.name if self._has_schemas else f"{schema}_{table.name}"
        metadata = sa.MetaData(schema=schema if self._has_schemas else None)
        made: sa.Table = sa.Table(name, metadata, *columns, comment=table.comment)
        for column in table.indexed:
            sa.Index(f"hub_{table.name}_{column}"[:60], made.c[column])
        return made


def _batches(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[tuple[Any, ...]]]:
    cursor = con.cursor()
    try:
        cursor.execute(query)
        while batch := cursor.fetchmany(_BATCH):
            yield batch
    finally:
        cursor.close()


def _value(column: TargetColumn) -> str:
    name = f'"{column.name}"'
    if column.type == "JSON" or column.is_text:
        return f"{name}::VARCHAR"
    if column.is_json:
        return f"to_json({name})::VARCHAR"
    return f"({name} AT TIME ZONE 'UTC')" if column.type == "TIMESTAMP WITH TIME ZONE" else name


def _type(column: TargetColumn, looked_up: bool) -> Any:
    if column.plain is None:
        return sa.String(255) if looked_up else sa.Text()
    name, parameters = column.plain
    if name == "decimal":
        precision, scale = parameters or (39, 0)
        return sa.Numeric(precision, scale)
    return _TYPES[name]()
