"""Where a hub's Dagster instance keeps runs, events and ticks unless dagster.yaml says otherwise: SQLite files, kept open.

Dagster's own storages open a file for every statement, close it after it (which writes the log back and waits for the disk), and
have Alembic look at each file of a run. That was a third of the processor time of a small sync. Here a process opens a file once.
The files are the same: either class reads and goes on with what the other has written.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from watchdog.events import FileSystemEvent
from watchdog.observers import Observer

_MOST = 16  # files of runs that are kept open; the UI looks at one after the other


class OpenFiles:
    """SQLite files of this process, each opened when it is first asked for, and those closed that were not for the longest time.

    Args:
        most: so many are open.
        kept: they stay open; else only what was compiled for them stays.
    """

    def __init__(self, most: int = _MOST, *, kept: bool = True) -> None:
        self._most, self._kept = most, kept
        self._engines: dict[str, sa.Engine] = {}
        self._process = os.getpid()
        self._changing = threading.Lock()

    def engine(self, url: str) -> sa.Engine:
        """The engine of a file. It keeps one connection, and opens more while several threads ask at the same time."""
        with self._changing:
            if self._process != os.getpid():  # SQLite's connections must not be used, nor closed, on the other side of a fork
                for inherited in self._engines.values():
                    inherited.dispose(close=False)
                self._engines, self._process = {}, os.getpid()
            engine = self._engines.pop(url, None) or _engine(url, self._kept)
            self._engines[url] = engine
            while len(self._engines) > self._most:
                self._engines.pop(next(iter(self._engines))).dispose()
            return engine

    def close(self) -> None:
        """Close them all; who asks again has them opened again."""
        with self._changing:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _engine(url: str, kept: bool) -> sa.Engine:
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": -1} if kept else {"poolclass": sa.NullPool}
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}, **pool)
    sa.event.listen(engine, "connect", _wait_for_no_disk)
    return engine


def _wait_for_no_disk(connection: sqlite3.Connection, _: Any) -> None:
    # a killed process loses nothing so, a power cut the last events at most; the files are journalled ahead (WAL) and stay whole
    connection.execute("PRAGMA synchronous=NORMAL")


def _is_ready(con: sa.Connection, *tables: str) -> bool:
    """Whether these tables are there, and Alembic has stamped their file."""
    there = set(con.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    return (
        there.issuperset({"alembic_version", *tables})
        and con.scalar(sa.text("SELECT version_num FROM alembic_version")) is not None
    )


class RunStorage(SqliteRunStorage):
    """Dagster's runs, in `history/runs.db`."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles()
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in a folder; what is not there or not finished is made by Dagster."""
        if Path(base_dir, "runs.db").exists():
            storage = cls(create_db_conn_string(base_dir, "runs"), inst_data)
            with storage.connect() as con:
                if _is_ready(con, "runs", "instance_info"):
                    return storage
            storage.dispose()
        return super().from_local(base_dir, inst_data)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with self._files.engine(self._conn_string).begin() as con:
            yield con

    def dispose(self) -> None:
        """Close the file."""
        self._files.close()


class ScheduleStorage(SqliteScheduleStorage):
    """The ticks of Dagster's schedules and sensors, in `schedules/schedules.db`."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles(kept=False)  # Dagster disposes of the other two storages only
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> SqliteScheduleStorage:
        """The storage in a folder; what is not there or not finished is made by Dagster."""
        if Path(base_dir, "schedules.db").exists():
            storage = cls(create_db_conn_string(base_dir, "schedules"), inst_data)
            with storage.connect() as con:
                if _is_ready(con, "job_ticks"):
                    return storage
            storage.dispose()
        return super().from_local(base_dir, inst_data)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with self._files.engine(self._conn_string).begin() as con:
            yield con

    def dispose(self) -> None:
        """Close the file."""
        self._files.close()


class EventLogStorage(SqliteEventLogStorage):
    """Dagster's events: a file for each run, and the index of them all."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles()
        self._known: set[str] = set()  # tables and migrations that are there, which do not go again
        self._empty: bytes | None = None
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._files.engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._prepare(shard, engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as con:
                yield con

    def _prepare(self, shard: str, engine: sa.Engine) -> None:
        """See that a file is there with its tables. That of a run begins as a copy: Alembic takes a tenth of a second for each."""
        path = Path(self.path_for_shard(shard))
        if not path.exists() and shard != INDEX_SHARD_NAME and (empty := self._empty_log()) is not None:
            _place(empty, path, Path(self.path_for_shard(INDEX_SHARD_NAME)).stat().st_mode)
        with engine.connect() as con:
            ready = _is_ready(con, "event_logs")
        if not ready:
            self._initdb(engine)

    def _empty_log(self) -> bytes | None:
        """A file without events: the tables of the index, which are those of a run, and their revision. None if it has none."""
        if self._empty is None:
            with self._files.engine(self.conn_string_for_shard(INDEX_SHARD_NAME)).connect() as con:
                if not _is_ready(con, "event_logs"):
                    return None
                made = con.scalars(sa.text("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY rowid")).all()
                revision = con.scalar(sa.text("SELECT version_num FROM alembic_version"))
            with TemporaryDirectory(dir=self._base_dir, prefix=".") as folder:
                draft = Path(folder, "empty")
                with closing(sqlite3.connect(draft)) as new, new:
                    new.execute("PRAGMA journal_mode=WAL")
                    for sql in made:
                        new.execute(sql)
                    new.execute("INSERT INTO alembic_version VALUES (?)", [revision])
                self._empty = draft.read_bytes()
        return self._empty

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        if table_name not in self._known:
            with self._files.engine(self.conn_string_for_shard(INDEX_SHARD_NAME)).connect() as con:
                if not sa.inspect(con).has_table(table_name):
                    return False
            self._known.add(table_name)
        return True

    def has_secondary_index(self, name: str) -> bool:
        """Whether a migration of the data is done."""
        done = f"migration {name}"
        if done not in self._known and super().has_secondary_index(name):
            self._known.add(done)
        return done in self._known

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call back for each event of a run from now on."""
        observer: Any = self._obs
        if observer is None:
            observer = Observer()
            self._obs = observer
            observer.start()
        watchdog = _Watchdog(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = watchdog, observer.schedule(watchdog, self._base_dir, recursive=True)

    def wipe(self) -> None:
        """Forget all events."""
        self._files.close()  # before their files are removed
        super().wipe()

    def dispose(self) -> None:
        """Close the files and watch nothing any more."""
        super().dispose()
        self._files.close()


class _Watchdog(SqliteEventLogStorageWatchdog):
    """Sees events in a file that stays open: they stand in the log beside it until SQLite writes them back."""

    @property
    def patterns(self) -> list[str]:
        return [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:
        self._process_log()


def _place(content: bytes, path: Path, mode: int) -> None:
    """Make a file whole or not at all. One that another process has made meanwhile stays."""
    with NamedTemporaryFile(dir=path.parent, prefix=".") as draft:
        os.fchmod(draft.fileno(), mode & 0o777)  # a draft is its maker's alone
        draft.write(content)
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, path)


class HubStorage(DagsterSqliteStorage):
    """The three of them, in the places where Dagster's own storage has them."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]  # the one between opens files of its own
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = RunStorage.from_local(_runs_directory(base_dir))
        self._event_log_storage = EventLogStorage(_event_logs_directory(base_dir))
        self._schedule_storage = ScheduleStorage.from_local(_schedule_directory(base_dir))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> HubStorage:
        """What dagster.yaml asks for."""
        return cls.from_local(inst_data=inst_data, **config_value)
