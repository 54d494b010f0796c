"""PostgreSQL, which gives rows as the text of their columns, and says where they lie."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.databases import values
from connectors.databases.blocks import Blocks, blocks_of
from connectors.databases.system import APPLICATION, System, bound
from connectors.databases.values import Converter
from connectors.databases.whole import Copy, Line, readers

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
        790: values.money_number,
        _TIMESTAMP: values.local_text,
        _TIMESTAMPTZ: values.utc_text,
        # arrays of these
        791: values.listed(values.money_number),
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
                yield from _arrived(driver, copy)
        except psycopg.Error as error:
            gone = bool(driver.closed)
            raise sa.exc.DBAPIError.instance(None, None, error, psycopg.Error, True, gone) from error


def _arrived(driver: Any, copy: Any) -> Generator[Line, None, None]:
    """A COPY's lines, those that have arrived without psycopg's waiting around each, which takes it longer than the line."""
    import psycopg
    from psycopg.generators import fetch_many

    while line := copy.read():
        yield line
        length, line = driver.pgconn.get_copy_data(1)
        while length > 0:
            yield line
            length, line = driver.pgconn.get_copy_data(1)
        if length < 0:  # that was the last one; what became of the statement comes after it
            for result in driver.wait(fetch_many(driver.pgconn)):
                if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                    raise psycopg.errors.error_from_result(result, driver.info.encoding)
            return
