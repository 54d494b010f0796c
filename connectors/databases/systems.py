"""What differs between database systems: how a reading is begun, what time it is there, and how values come.

A reading is one read-only transaction with one view of the data. `open_since` says from when on a change may not be visible to it:
the server's clock before that view was taken, or when the oldest transaction began that was open then, whichever is earlier. What
is committed later than its own time can so not fall behind the cursor, wherever the server tells us of open transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.databases import values
from connectors.databases.blocks import Blocks, blocks_of
from connectors.databases.values import Converter
from connectors.databases.whole import Copy, Line, readers

APPLICATION = "customer-hub"


class System:
    """Any database that SQLAlchemy knows. Its clock is not known, so ours stands in for it."""

    extra: str | None = None  # extra of this package that brings the driver

    def engine_options(self, timeout: float) -> dict[str, Any]:
        """Arguments of create_engine."""
        return {}

    def open_since(self, con: sa.Connection) -> datetime:
        """See above."""
        return datetime.now(UTC)

    def begin(self, con: sa.Connection) -> None:
        """Begin the reading's transaction."""

    def converters(self, description: Sequence[Any]) -> list[Converter | None]:
        """For each column how its values become JSON; None: as they are."""
        return [values.anything] * len(description)

    def temporal(self, column: Any) -> bool:
        """Whether a column's values are times that come as text."""
        return False

    def decimal(self, column: Any) -> bool:
        """Whether a column's values are decimals that come as text."""
        return False

    def no_time(self, column: sa.ColumnElement[Any], described: Any) -> sa.ColumnElement[bool]:
        """Which rows bear no time of a change that could be compared."""
        return column.is_(None)

    def copy(self, con: sa.Connection, statement: sa.Select[Any], description: Sequence[Any]) -> Copy | None:
        """The rows of a statement as the text of its columns; None where the system does not give them so."""
        return None

    def blocks(self, con: sa.Connection, parts: tuple[str, ...], ids: tuple[str, ...]) -> Blocks | None:
        """How a table's rows lie, see `connectors.databases.blocks`; None where the system does not say."""
        return None

    def give_up(self, con: sa.Connection) -> None:
        """Make a COPY that another thread waits for end soon."""

    def abandon(self, con: sa.Connection, result: sa.CursorResult[Any], driver_cursor: Any) -> None:
        """Let go of a result that was not read to its end."""
        result.close()


_CANCEL_SECONDS = 5.0


class Postgres(System):
    """PostgreSQL by psycopg 3. Everything but numbers, booleans, JSON and bytes comes in PostgreSQL's own text form."""

    extra = "postgres"
    _TYPED = frozenset({"bool", "int2", "int4", "int8", "oid", "float4", "float8", "json", "jsonb", "bytea"})
    _TIMESTAMP, _TIMESTAMPTZ, _DATE = 1114, 1184, 1082
    _CONVERTERS: dict[int, Converter] = {  # noqa: RUF012 - a constant
        700: values.number,
        701: values.number,
        17: values.binary,
        _TIMESTAMP: values.local_text,
        _TIMESTAMPTZ: values.utc_text,
        # arrays of these
        1021: values.listed(values.number),
        1022: values.listed(values.number),
        1001: values.listed(values.binary),
        1115: values.listed(values.local_text),
        1185: values.listed(values.utc_text),
    }
    _NUMERIC, _NUMERICS = 1700, 1231

    def engine_options(self, timeout: float) -> dict[str, Any]:
        return {
            "json_deserializer": values.parsed_json,
            "connect_args": {
                "connect_timeout": max(2, round(timeout)),
                "application_name": APPLICATION,
                # a server that is gone without a word is noticed within a minute or two
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 6,
                "client_encoding": "utf8",
            },
        }

    def open_since(self, con: sa.Connection) -> datetime:
        row = con.exec_driver_sql(
            "SELECT extract(epoch FROM least(clock_timestamp(), (SELECT min(xact_start) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            f" AND application_name <> '{APPLICATION}')))::float8"
        ).scalar_one()
        con.rollback()
        return datetime.fromtimestamp(float(row), UTC) - timedelta(microseconds=1)

    def begin(self, con: sa.Connection) -> None:
        self._take_text(con.connection.dbapi_connection)
        con.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        con.exec_driver_sql(
            "SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),"
            " set_config('IntervalStyle', 'iso_8601', true), set_config('extra_float_digits', '1', true)"
        )

    def _take_text(self, connection: Any) -> None:
        from psycopg.postgres import types
        from psycopg.types.string import TextLoader

        for info in types:
            if info.name not in self._TYPED:
                connection.adapters.register_loader(info.oid, TextLoader)

    def converters(self, description: Sequence[Any]) -> list[Converter | None]:
        return [self._converter(column) for column in description]

    def _converter(self, column: Any) -> Converter | None:
        if column.type_code in (self._NUMERIC, self._NUMERICS):
            # a numeric comes as text; where it fits into a double it becomes a number, by its declared precision, so that a
            # column is always the one or always the other
            if column.precision is None or column.precision > values.EXACT_DIGITS:
                return None
            return values.short_number if column.type_code == self._NUMERIC else values.listed(values.short_number)
        return self._CONVERTERS.get(column.type_code)

    def temporal(self, column: Any) -> bool:
        return column.type_code in (self._TIMESTAMP, self._TIMESTAMPTZ, self._DATE)

    def decimal(self, column: Any) -> bool:
        return bool(column.type_code == self._NUMERIC)

    def no_time(self, column: sa.ColumnElement[Any], described: Any) -> sa.ColumnElement[bool]:
        if not self.temporal(described):
            return column.is_(None)
        return sa.or_(column.is_(None), column == bound("-infinity"))

    def copy(self, con: sa.Connection, statement: sa.Select[Any], description: Sequence[Any]) -> Copy:
        loads, taking = readers(con.connection.dbapi_connection, description, self.converters(description))
        return Copy(self._lines(con, statement), loads, taking)

    def blocks(self, con: sa.Connection, parts: tuple[str, ...], ids: tuple[str, ...]) -> Blocks | None:
        return blocks_of(con, parts, ids)

    def give_up(self, con: sa.Connection) -> None:
        import psycopg

        driver: Any = con.connection.dbapi_connection
        with suppress(psycopg.Error):  # a server that cannot be reached any more ends it too
            driver.cancel_safe(timeout=_CANCEL_SECONDS)

    def _lines(self, con: sa.Connection, statement: sa.Select[Any]) -> Generator[Line, None, None]:
        import psycopg

        driver: Any = con.connection.dbapi_connection
        compiled = statement.compile(dialect=con.dialect)
        # with no parameters to fill in, the driver leaves its %% as they are
        text = str(compiled) if compiled.params else str(compiled) % ()
        # a COPY is one statement, however long we take to land what it brings
        con.exec_driver_sql("SET LOCAL statement_timeout = 0")
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY ({text}) TO STDOUT (FORMAT csv)", compiled.params) as copy:
                yield from copy
        except psycopg.Error as error:
            gone = bool(driver.closed)
            raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, True, gone) from error


class MySql(System):
    """MariaDB and MySQL by PyMySQL. Dates and times come as text, because not each of theirs is one of ours (0000-00-00)."""

    extra = "mysql"
    _DECIMALS, _FLOATS, _BIT, _JSON = (0, 246), (4, 5), 16, 245
    _TIMESTAMP, _DATE, _DATETIME, _TIME = 7, 10, 12, 11
    _STRINGS = frozenset({15, 249, 250, 251, 252, 253, 254, 255})

    def engine_options(self, timeout: float) -> dict[str, Any]:
        from pymysql.converters import conversions

        as_text = (self._TIMESTAMP, self._DATE, self._DATETIME, self._TIME)
        kept = {kind: how for kind, how in conversions.items() if kind not in as_text}
        return {
            "connect_args": {
                "connect_timeout": max(1, round(timeout)),
                "read_timeout": 3600,
                "conv": kept,
                "charset": "utf8mb4",
                "program_name": APPLICATION,
            }
        }

    def open_since(self, con: sa.Connection) -> datetime:
        now = con.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
        try:
            oldest = con.exec_driver_sql(
                "SELECT TIMESTAMPDIFF(MICROSECOND, min(trx_started), NOW(6)) FROM information_schema.innodb_trx"
                " WHERE trx_is_read_only = 0 AND trx_mysql_thread_id <> connection_id()"
            ).scalar_one()
        except sa.exc.DBAPIError:
            oldest = None  # it takes the right PROCESS to see them; then the look-back alone stands for late commits
        con.rollback()
        return datetime.fromisoformat(str(now)).replace(tzinfo=UTC) - timedelta(microseconds=max(0, int(oldest or 0)))

    def begin(self, con: sa.Connection) -> None:
        # the server must not hang up while we write a part
        con.exec_driver_sql("SET SESSION time_zone = '+00:00', net_write_timeout = 3600")
        con.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        con.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def converters(self, description: Sequence[Any]) -> list[Converter | None]:
        return [self._converter(column) for column in description]

    def _converter(self, column: Any) -> Converter | None:
        kind, length, scale = column[1], column[4] or 0, column[5] or 0
        if kind in self._DECIMALS:
            # the length counts the sign, which unsigned columns have not, and the point
            return None if length - (1 if scale else 0) <= values.EXACT_DIGITS else values.wide_number
        if kind in self._FLOATS:
            return values.number
        if kind in self._STRINGS:
            return values.binary
        return {
            self._BIT: values.bits,
            self._JSON: values.parsed_json,
            self._TIMESTAMP: values.utc_stamp,
            self._DATETIME: values.local_text,
        }.get(kind)

    def temporal(self, column: Any) -> bool:
        return column[1] in (self._TIMESTAMP, self._DATE, self._DATETIME)

    def no_time(self, column: sa.ColumnElement[Any], described: Any) -> sa.ColumnElement[bool]:
        if not self.temporal(described):
            return column.is_(None)
        return sa.or_(column.is_(None), column < bound("1000-01-01"))  # 0000-00-00: no date

    def abandon(self, con: sa.Connection, result: sa.CursorResult[Any], driver_cursor: Any) -> None:
        # PyMySQL would read it to its end before it closes it, however long it is; so the connection is dropped
        if driver_cursor is not None and driver_cursor._result is not None:
            driver_cursor._result.unbuffered_active = False
        if not con.invalidated:
            driver: Any = con.connection.dbapi_connection
            driver._force_close()
            con.invalidate()


class Sqlite(System):
    """SQLite by Python's own driver."""

    def engine_options(self, timeout: float) -> dict[str, Any]:
        return {"connect_args": {"timeout": timeout}}

    def open_since(self, con: sa.Connection) -> datetime:
        now = con.exec_driver_sql("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").scalar_one()
        con.rollback()
        return datetime.fromisoformat(str(now)).replace(tzinfo=UTC)

    def begin(self, con: sa.Connection) -> None:
        driver: Any = con.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.text_factory = partial(str, encoding="utf-8", errors="replace")
        con.exec_driver_sql("PRAGMA query_only = ON")
        con.exec_driver_sql("BEGIN")


def bound(value: Any) -> sa.BindParameter[Any]:
    """A value to compare a column with; the server takes it as being of the column's type."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)


def system_of(url: sa.URL) -> System:
    """The system a URL speaks to."""
    by_name: dict[str, type[System]] = {"postgresql+psycopg": Postgres, "mysql+pymysql": MySql, "mariadb+pymysql": MySql}
    return by_name.get(url.drivername, Sqlite if url.get_backend_name() == "sqlite" else System)()


def missing_file(url: sa.URL) -> str | None:
    """The SQLite file a URL names and that is not there; SQLite would make an empty one."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return None
    return None if Path(url.database).exists() else url.database
