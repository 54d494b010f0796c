"""The systems we know by name: MariaDB and MySQL, SQLite, and which one a URL speaks to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.databases import values
from connectors.databases.postgres import Postgres
from connectors.databases.system import APPLICATION, System, bound
from connectors.databases.values import Converter


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


def system_of(url: sa.URL) -> System:
    """The system a URL speaks to."""
    by_name: dict[str, type[System]] = {"postgresql+psycopg": Postgres, "mysql+pymysql": MySql, "mariadb+pymysql": MySql}
    return by_name.get(url.drivername, Sqlite if url.get_backend_name() == "sqlite" else System)()


def missing_file(url: sa.URL) -> str | None:
    """The SQLite file a URL names and that is not there; SQLite would make an empty one."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return None
    return None if Path(url.database).exists() else url.database
