"""Files: CSV, JSON lines and Parquet that other systems export, mapped to the canonical columns by `fields:` in hub.yaml.

A new or changed file is read whole; one that was only touched is not read again. Rows are never passed over for their
`updated_at`: exports are patched by hand. A file that is gone says nothing about its rows, unless ``deletes: snapshot`` declares
that the files together hold every row: then a change in any of them has all of them read again.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from connectors.contract import Checkpoint, Connector, Deletes, Family, Page, Record, Reject, Stream
from connectors.files_mapping import mapping_sql
from connectors.files_progress import FoundFile, Progress
from connectors.files_read import BATCH_ROWS, BadRow, Place, Row, Shape, as_json, as_text, read_rows
from connectors.files_settings import FieldSource, FilesSettings, FileStream
from hub.contract.errors import SourceDataError


class FilesConnector(Connector):
    """One folder's worth of exports."""

    type_name: ClassVar[str] = "files"
    family: ClassVar[Family] = "files"
    Settings = FilesSettings

    def __init__(self, name: str, settings: FilesSettings, private: Path | None = None) -> None:
        super().__init__(name, settings, private)
        self._root = settings.root
        self._zone = ZoneInfo(settings.timezone)

    def streams(self) -> tuple[Stream, ...]:
        """The streams of hub.yaml, facts before parties."""
        ordered = sorted(self.settings.streams.items(), key=lambda item: item[1].kind == "party")
        return tuple(
            Stream(
                name=name,
                kind=stream.kind,
                primary_key=":".join(stream.id),
                cursor_field=None,
                deletes=Deletes.SNAPSHOT if stream.deletes == "snapshot" else Deletes.NONE,
                read=partial(self._read, name, stream),
            )
            for name, stream in ordered
        )

    def check(self) -> str:
        """Find the files and see that each has the columns hub.yaml names."""
        said = []
        for name, stream in self.settings.streams.items():
            files = self._matching(name, stream)
            if not files:
                raise self._none_found(name, stream)
            for file in files:
                self._open(name, stream, file)
            said.append(f"{name}: {len(files)} file{'s' if len(files) > 1 else ''}")
        return ", ".join(said)

    def mapping(self) -> str:
        """Made from `fields:`."""
        return mapping_sql(self.settings)

    def _matching(self, name: str, stream: FileStream) -> list[FoundFile]:
        exact = self._root / stream.path
        paths = [exact] if exact.is_file() else [Path(found) for found in glob.glob(str(exact), recursive=True)]
        found = [self._look_at(name, path) for path in paths if path.is_file()]
        return sorted(found, key=lambda file: file.name)

    def _look_at(self, stream: str, path: Path) -> FoundFile:
        name = str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)
        try:
            status = path.stat()
        except OSError as error:
            raise self._place(stream, name).error(f"cannot look at the file ({error.strerror})") from error
        return FoundFile(name, path, status.st_size, status.st_mtime_ns)

    def _place(self, stream: str, file: str) -> Place:
        return Place(self.name, stream, file)

    def _none_found(self, name: str, stream: FileStream) -> SourceDataError:
        return SourceDataError(
            f"no file matches {stream.path}",
            source=self.name,
            stream=name,
            field="path",
            remedy="correct path in hub.yaml, or put the export there",
        )

    def _open(self, name: str, stream: FileStream, file: FoundFile) -> Iterator[Row | BadRow]:
        shape = Shape(stream.used_columns, stream.delimiter, stream.encoding)
        return read_rows(file.path, shape, self._place(name, file.name))

    def _read(self, name: str, stream: FileStream, checkpoint: Checkpoint | None) -> Iterator[Page]:
        progress = Progress.of(checkpoint)
        snapshot = stream.deletes == "snapshot"
        files = self._matching(name, stream)
        # files that were read and are gone say nothing; but a snapshot of nothing would delete everything
        if not files and (snapshot or checkpoint is None):
            raise self._none_found(name, stream)
        before = dict(progress.files)
        try:
            plan = progress.plan(files, snapshot=snapshot)
        except OSError as error:
            raise self._place(name, str(error.filename)).error(f"cannot read the file ({error.strerror})") from error
        if not plan and progress.files != before:  # files were touched, no more
            yield Page([], progress.checkpoint())
        if progress.begins:
            yield Page([], progress.checkpoint(), begins=True)
        for number, (file, digest) in enumerate(plan, 1):
            yield from self._pages(name, stream, file, digest, progress)
            progress.finished(file, digest, last=number == len(plan))
            if number == len(plan):  # files that are gone need no mark any more
                there = {found.name for found in files}
                progress.files = {known: mark for known, mark in progress.files.items() if known in there}
            yield Page([], progress.checkpoint())

    def _pages(self, name: str, stream: FileStream, file: FoundFile, digest: str, progress: Progress) -> Iterator[Page]:
        rows = self._open(name, stream, file)
        done = progress.rows_done(file, digest)
        remaining = islice(rows, done, None)
        while batch := self._batch(name, file, remaining):
            done += len(batch)
            progress.partial = (file.name, digest, done)
            page = Page([], progress.checkpoint())
            for row in batch:
                made = self._made(stream, file, row)
                if isinstance(made, Record):
                    page.records.append(made)
                else:
                    page.rejects.append(made)
            yield page

    def _batch(self, name: str, file: FoundFile, rows: Iterator[Row | BadRow]) -> list[Row | BadRow]:
        try:
            return list(islice(rows, BATCH_ROWS))
        except (OSError, UnicodeDecodeError) as error:
            raise self._place(name, file.name).error(
                f"the file breaks off ({type(error).__name__})", remedy="export it again"
            ) from error

    def _made(self, stream: FileStream, file: FoundFile, row: Row | BadRow) -> Record | Reject:
        where = f"{file.name}:{row.line}"
        if isinstance(row, BadRow):
            return Reject(row.content, row.reason, where)
        parts = [as_text(row.values.get(column)) for column in stream.id]
        present = [part for part in parts if part is not None]
        if len(present) < len(parts):
            empty = stream.id[parts.index(None)]
            return Reject(as_json(row.values), f"column {empty} that identifies the row is empty", where)
        return Record(":".join(present), row.values, self._updated_at(stream.updated_at, row))

    def _updated_at(self, source: FieldSource | None, row: Row) -> datetime | None:
        """The row's own time, in UTC; None where it cannot be read, which costs the row nothing."""
        if source is None:
            return None
        text = next((found for column in source.column if (found := as_text(row.values.get(column)))), None)
        if text is None:
            return None
        try:
            # a time without a zone is the source's, and gets it in the next line
            moment = datetime.strptime(text, source.format) if source.format else _moment(text)  # noqa: DTZ007
            return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None


def _moment(text: str) -> datetime:
    """ISO 8601, or seconds or milliseconds since 1970."""
    if text.isdecimal() and len(text) in (10, 13):
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), tz=UTC)
    return datetime.fromisoformat(text)
