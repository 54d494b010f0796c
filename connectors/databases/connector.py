"""SQL databases: tables, views and queries of any database that SQLAlchemy reaches, mapped by `fields:` in hub.yaml.

With `updated_at` a reading asks for what changed, in the order of that column and the ID, which the server sends as we go on (by
PostgreSQL's COPY, whose columns land without a look at each row; by a cursor on the server from other systems); each page
carries the place in that order from which reading goes on. Rows whose `updated_at` is NULL are read each time, for nobody can tell
whether they changed. Without `updated_at`, or with ``deletes: snapshot``, each reading is whole, in the order of the ID.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from connectors import http
from connectors.contract import OWNERS, Checkpoint, Connector, Deletes, Family, Page, SourceSettings, Stream
from connectors.databases.reading import Reading, Window
from connectors.databases.server import Server
from connectors.databases.settings import SqlSettings, SqlStream
from connectors.fields_mapping import mapping_sql
from connectors.writeback import ValueKind, Writer
from hub.contract.errors import SourceUnavailableError


class SqlConnector(Connector):
    """One database."""

    type_name: ClassVar[str] = "sql"
    family: ClassVar[Family] = "databases"
    Settings: ClassVar[type[SourceSettings]] = SqlSettings
    settings: SqlSettings

    def __init__(self, name: str, settings: SqlSettings, private: Path | None = None) -> None:
        super().__init__(name, settings, private)
        self._server = Server(name, settings)
        self._zone = UTC if settings.timezone == "UTC" else ZoneInfo(settings.timezone)
        self._retries = 0

    def streams(self) -> tuple[Stream, ...]:
        """The streams of hub.yaml, facts before their owners."""
        ordered = sorted(self.settings.streams.items(), key=lambda item: item[1].kind in OWNERS)
        return tuple(
            Stream(
                name=name,
                kind=stream.kind,
                primary_key=":".join(stream.id),
                cursor_field=stream.updated_at if stream.incremental else None,
                deletes=Deletes.SNAPSHOT if stream.deletes == "snapshot" else Deletes.FEED if stream.deleted_flag else Deletes.NONE,
                read=partial(self._read, name, stream),
                window=partial(self._window, name, stream) if stream.incremental else None,
            )
            for name, stream in ordered
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> Writer | None:
        """Columns of the rows, or of a table beside them."""
        told = self.settings.write_back
        parties = [name for name, about in self.settings.streams.items() if about.kind == "party"]
        if told is None or stream != (told.stream or parties[0]):
            return None
        from connectors.databases.writer import SqlWriter

        return SqlWriter(self._server, stream, self.settings.streams[stream], told, kinds, self._zone)

    def check(self) -> str:
        """Connect, and see that each table is there with the columns hub.yaml names."""
        with self._server.connected() as con:
            said = self._server.version(con)
        for name, stream in self.settings.streams.items():
            with self._server.reading(name) as snapshot:
                self._reading(name, stream).try_out(snapshot)
        return f"{said} at {self._server.place.address}: {', '.join(self.settings.streams)}"

    def mapping(self) -> str:
        """Made from `fields:`."""
        return mapping_sql(self.settings)

    def calls(self) -> tuple[int, int]:
        """Queries made so far, and how often a reading was taken up again after its connection was lost."""
        return (self._server.queries, self._retries)

    def close(self) -> None:
        """See `Connector`."""
        if "engine" in self._server.__dict__:
            self._server.engine.dispose()

    def _read(self, name: str, stream: SqlStream, checkpoint: Checkpoint | None) -> Iterator[Page]:
        yield from self._patiently(self._reading(name, stream), checkpoint)

    def _window(self, name: str, stream: SqlStream, since: datetime, until: datetime) -> Iterator[Page]:
        yield from self._patiently(self._reading(name, stream, Window(since, until)), None)

    def _reading(self, name: str, stream: SqlStream, window: Window | None = None) -> Reading:
        return Reading(self.name, name, stream, self.settings.lookback_seconds, self._zone, window)

    def _patiently(self, reading: Reading, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Read; where the database is away for a moment, go on after the last page."""
        patience, failures = self.settings.retry, 0
        while True:
            try:
                with self._server.reading(reading.name) as snapshot:
                    for page in reading.pages(snapshot, checkpoint):
                        yield page
                        # a page that leaves off where the one before it did is no headway
                        checkpoint, failures = page.checkpoint, 0 if page.checkpoint != checkpoint else failures
                return
            except SourceUnavailableError:
                failures += 1
                if failures >= patience.attempts:
                    raise
            self._retries += 1
            # full jitter, as in connectors.http
            http.pause(random.uniform(0, min(patience.backoff_seconds * 2 ** (failures - 1), patience.max_wait_seconds)))
