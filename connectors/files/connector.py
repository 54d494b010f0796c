"""Files that other systems export: CSV, JSON lines, Parquet and Excel, mapped to the canonical columns by `fields:` in hub.yaml.

They lie in folders, or in any storage that fsspec speaks to. A new or changed file is read whole; one that was only touched is
not read again. Rows are never passed over for their `updated_at`: exports are patched by hand. A file that is gone says nothing
about its rows, unless ``deletes: snapshot`` declares that the files together hold every row: then a change in any of them has all
of them read again. Where nothing matches at all, the export or its folder has moved: that is an error, except for a folder which
``may_be_empty``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from connectors.contract import OWNERS, Checkpoint, Connector, Deletes, Family, Page, Stream
from connectors.fields_mapping import mapping_sql
from connectors.files.options import is_url, shown
from connectors.files.progress import FoundFile, Progress
from connectors.files.read import read_batches
from connectors.files.records import RecordMaker
from connectors.files.rows import Batches, Place, Position, Shape
from connectors.files.settings import FilesSettings, FileStream
from connectors.files.store import RemoteStore, find_local, fixed_folder
from connectors.files.watch import Watch
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
        self._store = RemoteStore(name, settings.storage, settings.retry)

    def streams(self) -> tuple[Stream, ...]:
        """The streams of hub.yaml, facts before their owners."""
        ordered = sorted(self.settings.streams.items(), key=lambda item: item[1].kind in OWNERS)
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
            if not files and not self._may_be_empty(stream):
                raise self._none_found(name, stream)
            # what lies elsewhere costs time and money to look into: one file shows that it can be read
            for file in files[-1:] if is_url(stream.path) else files:
                self._open(name, stream, file)
            said.append(f"{name}: {len(files)} file{'s' if len(files) != 1 else ''}")
        return ", ".join(said)

    def mapping(self) -> str:
        """Made from `fields:`."""
        return mapping_sql(self.settings)

    def calls(self) -> tuple[int, int]:
        """What was asked of storages, and how often again; folders are not counted."""
        return self._store.patience.calls, self._store.patience.retries

    def _matching(self, name: str, stream: FileStream) -> list[FoundFile]:
        if is_url(stream.path):
            return self._store.find(name, stream.path)
        return find_local(self._root, stream.path, partial(self._place, name), links=stream.links)

    def _place(self, stream: str, file: str) -> Place:
        return Place(self.name, stream, file)

    def _may_be_empty(self, stream: FileStream) -> bool:
        # a folder that is gone is no empty one; storages of objects have no folders that could be
        return stream.may_be_empty and (is_url(stream.path) or (self._root / fixed_folder(stream.path)).is_dir())

    def _none_found(self, name: str, stream: FileStream, read: Collection[str] = ()) -> SourceDataError:
        correct = "correct path in hub.yaml"
        before = f" any more; {len(read)} did at the last sync, such as {max(read)}" if read else ""
        remedy = f"{correct}, or put the export there{' again' if read else ''}"
        if stream.may_be_empty:
            before, remedy = f"{before}, and there is no folder {fixed_folder(stream.path)}", f"{correct}, or make the folder again"
        elif stream.deletes == "none":
            remedy += "; if files are taken away once they were read, set may_be_empty: true"
        return SourceDataError(
            f"no file matches {shown(stream.path)}{before}", source=self.name, stream=name, field="path", remedy=remedy
        )

    def _open(self, name: str, stream: FileStream, file: FoundFile, after: Position | None = None) -> Batches:
        shape = Shape(
            stream.used_columns, stream.delimiter, stream.encoding, stream.sheet, stream.header_row, self.settings.country
        )
        return read_batches(file, shape, self._place(name, file.name), after, self.settings.limits)

    def _read(self, name: str, stream: FileStream, checkpoint: Checkpoint | None) -> Iterator[Page]:
        progress = Progress.of(checkpoint)
        snapshot = stream.deletes == "snapshot"
        files = self._matching(name, stream)
        if not files and not self._may_be_empty(stream):
            raise self._none_found(name, stream, progress.files)
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

    def _watched(self, stream: str, path: Path, file: str) -> Watch:
        try:
            return Watch(path)
        except OSError as error:
            raise self._place(stream, file).error(f"cannot read the file ({error.strerror})") from error

    def _pages(self, name: str, stream: FileStream, file: FoundFile, digest: str, progress: Progress) -> Iterator[Page]:
        maker = RecordMaker(stream, self._zone)
        watch = None if file.path is None else self._watched(name, file.path, file.name)
        for batch in self._open(name, stream, file, progress.position(file, digest)):
            if watch is not None and watch.changed():
                raise self._place(name, file.name).error(
                    "somebody wrote into the file while it was read",
                    remedy="run the sync again; an export is best written beside its place and moved there when it is whole",
                )
            progress.partial = (file.name, digest, batch.position)
            records, rejects = maker.records(batch, file.name)
            yield Page(records, progress.checkpoint(), rejects)
