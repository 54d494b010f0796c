"""The database a source reads: connecting to it, one transaction per reading, and its errors in our words."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa

from connectors.databases import ahead, select
from connectors.databases.blocks import Blocks
from connectors.databases.copied import CopiedRows, pages
from connectors.databases.errors import Place, trouble
from connectors.databases.rows import Shape
from connectors.databases.settings import SqlSettings, SqlStream
from connectors.databases.system import System
from connectors.databases.systems import missing_file, system_of
from connectors.fields import nearest
from hub.contract.errors import ConfigError, HubError, SourceDataError

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
T = TypeVar("T")
_CHUNK_ROWS = 400  # rows asked for at once at most, so that even rows of a megabyte do not fill the memory
_FIRST_ROWS = 200
_CHUNK_BYTES = 4 * 1024 * 1024


class Server:
    """One database.

    Attributes:
        queries: statements that asked for rows or counts.
    """

    def __init__(self, source: str, settings: SqlSettings) -> None:
        self.source, self.settings, self.queries = source, settings, 0

    @cached_property
    def url(self) -> sa.URL:
        """The URL, resolved; a system named without a driver gets the one we are tested with."""
        variable = self.settings.url.variable
        try:
            url = sa.make_url(self.settings.url.resolve().strip())
        except (sa.exc.ArgumentError, ValueError):
            raise ConfigError(
                f"{variable} holds no database URL",
                source=self.source,
                field="url",
                remedy="write it like postgresql://user:password@host/database, with / @ : % in the password as %2F %40 %3A %25",
            ) from None
        return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))

    @cached_property
    def system(self) -> System:
        """What is particular to this system."""
        return system_of(self.url)

    @cached_property
    def engine(self) -> sa.Engine:
        """Connections are made anew for each reading and closed after it."""
        where: dict[str, Any] = {"source": self.source, "field": "url"}
        try:
            options = self.system.engine_options(self.settings.retry.timeout_seconds)
            return sa.create_engine(self.url, poolclass=sa.pool.NullPool, hide_parameters=True, **options)
        except sa.exc.NoSuchModuleError:
            raise ConfigError(
                f"no database system is called {self.url.drivername}",
                **where,
                remedy="postgresql, mysql, mariadb and sqlite are usual",
            ) from None
        except ImportError as error:
            extra = self.system.extra
            remedy = f'pip install "customer-hub[{extra}]"' if extra else f"install the Python package of {self.url.drivername}"
            raise ConfigError(
                f"the driver for {self.url.drivername} is not installed ({error.name})", **where, remedy=remedy
            ) from None

    @property
    def place(self) -> Place:
        """Where it is, without user and password."""
        url = self.url
        host = f"{url.host}{f':{url.port}' if url.port else ''}/" if url.host else ""
        return Place(self.source, f"{host}{url.database or ''}", self.settings.url.variable)

    @contextmanager
    def connected(self, stream: str | None = None) -> Iterator[sa.Connection]:
        """A connection; whatever goes wrong inside is one of our errors. Nothing is ever written."""
        place = replace(self.place, stream=stream)
        if file := missing_file(self.url):
            raise ConfigError(f"there is no file {file}", source=self.source, field="url", remedy="correct the URL's path")
        connecting = True
        try:
            with self.engine.connect() as con:
                connecting = False
                yield con
        except (HubError, GeneratorExit):
            raise
        except (sa.exc.SQLAlchemyError, ValueError, OverflowError, TypeError) as error:
            if isinstance(error, TypeError) and not connecting:
                raise
            raise trouble(error, place, connecting=connecting) from error

    @contextmanager
    def reading(self, stream: str) -> Iterator[Snapshot]:
        """A read-only transaction with one view of the data."""
        with self.connected(stream) as con:
            open_since = self.system.open_since(con)
            self.system.begin(con)
            yield Snapshot(self, con, stream, open_since)

    def version(self, con: sa.Connection) -> str:
        """Name and version of the server."""
        number = ".".join(str(part) for part in con.dialect.server_version_info or ())
        name = "MariaDB" if getattr(con.dialect, "is_mariadb", False) else _NAMES.get(con.dialect.name, con.dialect.name)
        return f"{name} {number}".strip()


_NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite", "mssql": "SQL Server", "oracle": "Oracle"}


class Snapshot:
    """A reading's view of the data."""

    def __init__(self, server: Server, con: sa.Connection, stream: str, open_since: datetime) -> None:
        self._server, self.con, self._stream, self.open_since = server, con, stream, open_since

    def described(self, stream: SqlStream) -> tuple[Sequence[str], Sequence[Any]]:
        """Names of the columns, and what the driver says of each. Raises `SourceDataError` if one hub.yaml names is missing."""
        self._there(stream)
        with self.con.execute(select.everything(stream, sa.false())) as result:
            names, description = list(result.keys()), list(result.cursor.description if result.cursor else ())
        for group in stream.used_columns:
            if not set(group) & set(names):
                raise self._error(f"no column {group[0]!r}", group[0], f"{nearest(group[0], names)}; mend hub.yaml")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise self._error(f"two columns are called {repeated[0]!r}", repeated[0], "give one of them another name in the query")
        return names, description

    def shape(self, stream: SqlStream) -> tuple[Shape, sa.ColumnElement[bool]]:
        """What is made of the columns, and which rows bear no time of change."""
        names, description = self.described(stream)
        shape = Shape.of(stream, names, description, self._server.system)
        if shape.updated is None:
            return shape, sa.false()
        return shape, self._server.system.no_time(sa.column(names[shape.updated]), description[shape.updated])

    def _there(self, stream: SqlStream) -> None:
        if stream.query is not None or type(self._server.system) is System:
            return  # what other systems call a table (synonyms, links) may not be listed as one
        *schema, name = stream.parts
        look = sa.inspect(self.con)
        where = ".".join(schema) or None
        if look.has_table(name, schema=where):
            return
        known = [*look.get_table_names(schema=where), *look.get_view_names(schema=where)]
        raise self._error(f"no table {stream.table}", "table", f"{nearest(name, known)}; mend hub.yaml")

    def _error(self, what: str, field: str, remedy: str) -> SourceDataError:
        return SourceDataError(what, source=self._server.source, stream=self._stream, field=field, remedy=remedy)

    def count(self, statement: sa.Select[Any]) -> int:
        """What a counting statement counts."""
        self._server.queries += 1
        return int(self.con.execute(statement).scalar_one())

    def first(self, statement: sa.Select[Any]) -> Sequence[Any] | None:
        """The first row of a statement, if there is one."""
        self._server.queries += 1
        return self.con.execute(statement.limit(1)).first()

    def blocks(self, stream: SqlStream) -> Blocks | None:
        """How the rows of a stream's table lie; None where that is not known, or it is no table."""
        return self._server.system.blocks(self.con, stream.parts, tuple(stream.id)) if stream.query is None else None

    def copied(self, statement: sa.Select[Any], shape: Shape, rows: int, size: int) -> Generator[CopiedRows, None, None] | None:
        """The rows of a statement as columns, so many or of so many bytes at a time; None where the system gives only rows."""
        copy = self._server.system.copy(self.con, statement, shape.description)
        if copy is None:
            return None
        self._server.queries += 1
        return pages(copy, rows, size)

    def ahead(self, items: Generator[T, None, None]) -> Iterator[T]:
        """What is made of rows that come as columns, one ahead; nothing else may be asked of the database before its end."""
        return ahead.ahead(items, lambda: self._server.system.give_up(self.con))

    def chunks(self, statement: sa.Select[Any]) -> Iterator[tuple[Sequence[Sequence[Any]], int]]:
        """The rows of a statement, by and by, from a cursor on the server: few where they are large, which is said too."""
        self._server.queries += 1
        result = self.con.execution_options(stream_results=True).execute(statement)
        driver_cursor, size, whole = result.cursor, _FIRST_ROWS, False
        try:
            while rows := result.fetchmany(size):
                heaviest = max(sum([len(value) for value in row if isinstance(value, str | bytes)]) for row in rows[::16])
                yield rows, heaviest
                size = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // max(1, heaviest)))
            whole = True
        finally:
            if whole:
                result.close()
            else:
                self._server.system.abandon(self.con, result, driver_cursor)
