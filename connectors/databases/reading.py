"""One reading of a stream: which SELECTs it is made of, and the pages their rows become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

import sqlalchemy as sa

from connectors.contract import Checkpoint, Page
from connectors.databases import cursor, lying, select
from connectors.databases.copied import CopiedRows
from connectors.databases.progress import Progress, identity_of
from connectors.databases.rows import Shape
from connectors.databases.server import Snapshot
from connectors.databases.settings import SqlStream
from connectors.databases.systems import bound
from hub.contract.errors import ConfigError, SourceDataError

PAGE_ROWS = 5_000
COPIED_ROWS = 20_000  # of those that come as columns, of which each page costs about the same
PAGE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Window:
    """A backfill's bounds; the end is not included."""

    since: datetime
    until: datetime


@dataclass
class Reading:
    """How a stream of a source is read."""

    source: str
    name: str
    stream: SqlStream
    lookback: float
    zone: tzinfo
    window: Window | None = None

    def try_out(self, snapshot: Snapshot) -> None:
        """See that the columns are there and that rows can be put in the order reading needs. Raises `SourceError`."""
        snapshot.shape(self.stream)
        order = [*([self.stream.updated_at] if self.stream.incremental and self.stream.updated_at else []), *self.stream.id]
        for _ in snapshot.chunks(select.everything(self.stream, sa.false(), order=order)):
            pass

    def pages(self, snapshot: Snapshot, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """The pages after a checkpoint, within one view of the data."""
        progress = Progress.of_checkpoint(checkpoint, identity_of(self.stream))
        shape, no_time = snapshot.shape(self.stream)
        before, resumed = progress.rows, progress.began is not None
        if not resumed:
            progress.begin(snapshot.open_since)
        if self.stream.incremental:
            yield from self._changes(snapshot, shape, no_time, progress)
        else:
            if self.stream.deletes == "snapshot" and checkpoint is not None and not resumed:
                yield Page([], progress.checkpoint(), begins=True)
            yield from self._whole(snapshot, shape, progress)
            if self.stream.deletes == "snapshot" and before and not progress.rows:
                raise SourceDataError(
                    "there are no rows any more, and a snapshot of nothing would delete everything",
                    source=self.source,
                    stream=self.name,
                    remedy=f"if all of them are gone, say so with hub sync {self.source} --full",
                )
        progress.close()
        yield Page([], progress.checkpoint())

    # whole ---------------------------------------------------------------------------------------------------------

    def _whole(self, snapshot: Snapshot, shape: Shape, progress: Progress) -> Iterator[Page]:
        after = [select.from_row(self.stream.id, progress.at, nulls=True)] if progress.at else []
        statement = select.everything(self.stream, *after, order=self.stream.id)
        yield from self._rows(snapshot, shape, progress, statement, dated=False)

    # what changed --------------------------------------------------------------------------------------------------

    def _changes(self, snapshot: Snapshot, shape: Shape, no_time: sa.ColumnElement[bool], progress: Progress) -> Iterator[Page]:
        column = self.stream.updated_at
        assert column is not None
        changed: sa.ColumnClause[Any] = sa.column(column)
        if self.window is None and (blocks := lying.blocks(snapshot, self.stream, shape, no_time, progress)) is not None:
            from_start = progress.place == blocks.start
            yield from lying.pages(snapshot, self.stream, shape, progress, blocks, PAGE_BYTES, self.zone)
            progress.end(self.zone)
            if from_start:
                self._note_window(snapshot, progress, None, passed_over=False)
            return
        if progress.undated and self.window is None:
            after = [select.from_row(self.stream.id, progress.at, nulls=True)] if progress.at else []
            statement = select.everything(self.stream, no_time, *after, order=self.stream.id)
            yield from self._rows(snapshot, shape, progress, statement, dated=False)
        if progress.undated:
            progress.dated()
        known = None if progress.since is None else self._lookback(progress.since)
        passed_over = False
        # rows from where on this view of the data is read; None: all of them
        start: Any = progress.at[0] if progress.at else None
        if self.window is not None:
            conditions = self._within(snapshot, shape, no_time)
        elif known is None:
            conditions = [sa.not_(no_time)] if not progress.at else []
        elif progress.at:
            conditions = []
        elif progress.window is not None and snapshot.count(self._count(progress.since)) == progress.window:
            conditions, start, passed_over = [changed > bound(progress.since)], progress.since, True
        else:
            conditions, start = [changed >= bound(known)], known
        if progress.at:
            conditions.append(select.from_cursor(column, self.stream.id, progress.at))
        statement = select.everything(self.stream, *conditions, order=(column, *self.stream.id))
        yield from self._rows(snapshot, shape, progress, statement, dated=True)
        if self.window is None:
            progress.end(self.zone)
            self._note_window(snapshot, progress, start, passed_over=passed_over)

    def _note_window(self, snapshot: Snapshot, progress: Progress, start: Any, *, passed_over: bool) -> None:
        """Count the rows in the look-back behind the new cursor, if all of them were read in this view of the data."""
        if progress.window is not None and passed_over:
            return  # nothing came after it
        progress.window = None
        if progress.settled(self.lookback, self.zone):
            reach = self._lookback(progress.since)
            if start is None or cursor.later(reach, start, self.zone) or (reach == start and not passed_over):
                progress.window = snapshot.count(self._count(progress.since))

    def _count(self, since: Any) -> sa.Select[Any]:
        changed: sa.ColumnClause[Any] = sa.column(str(self.stream.updated_at))
        return select.count(self.stream, changed >= bound(self._lookback(since)), changed <= bound(since))

    def _lookback(self, since: Any) -> Any:
        return cursor.set_back(since, self.lookback, self.zone)

    def _within(self, snapshot: Snapshot, shape: Shape, no_time: sa.ColumnElement[bool]) -> list[sa.ColumnElement[bool]]:
        assert self.window is not None
        changed: sa.ColumnClause[Any] = sa.column(str(self.stream.updated_at))
        sample = self._sample(snapshot, shape, no_time)
        if sample is None:
            return [sa.false()]
        since, until = (cursor.written_as(time, sample, self.zone) for time in (self.window.since, self.window.until))
        if since is None or until is None:
            raise ConfigError(
                f"{self.stream.updated_at} holds no times, and a backfill is by time",
                source=self.source,
                stream=self.name,
                remedy="use hub sync --full for it",
            )
        # in the hour that comes twice, that hour is read whole; of a column of dates, the day
        day = (isinstance(sample, str) and len(sample) == 10) or (isinstance(sample, date) and not isinstance(sample, datetime))
        end = changed <= bound(until) if day else changed < bound(until)
        return [changed >= bound(cursor.set_back(since, 0, self.zone)), end]

    def _sample(self, snapshot: Snapshot, shape: Shape, no_time: sa.ColumnElement[bool]) -> Any:
        """A value of the cursor's column; None if there is none."""
        row = snapshot.first(select.everything(self.stream, sa.not_(no_time)))
        return None if row is None else shape.changed(row)

    # pages ---------------------------------------------------------------------------------------------------------

    def _rows(
        self, snapshot: Snapshot, shape: Shape, progress: Progress, statement: sa.Select[Any], *, dated: bool
    ) -> Iterator[Page]:
        copied = snapshot.copied(statement, shape, COPIED_ROWS, PAGE_BYTES)
        for rows in _gathered(snapshot.chunks(statement)) if copied is None else snapshot.ahead(copied):
            yield self._page(rows, shape, progress, dated=dated)

    def _page(self, rows: Sequence[Sequence[Any]], shape: Shape, progress: Progress, *, dated: bool) -> Page:
        records, rejects = rows.records(shape, self.zone) if isinstance(rows, CopiedRows) else shape.records(rows, self.zone)
        progress.rows += 0 if self.stream.incremental else len(rows)
        for row in reversed(rows):
            at = shape.place(row, cursor=dated)
            if at is not None:
                progress.at = at
                break
        if dated:
            self._saw(shape, rows, progress)
        return Page(records, progress.checkpoint(), rejects)

    def _saw(self, shape: Shape, rows: Sequence[Sequence[Any]], progress: Progress) -> None:
        """Note the last value of the cursor that we can compare too."""
        for row in reversed(rows):
            value = shape.changed(row)
            if shape.comparable(value):
                progress.seen = value
                return


def _gathered(chunks: Iterator[tuple[Sequence[Sequence[Any]], int]]) -> Iterator[list[Sequence[Any]]]:
    """A result's rows, a page's worth at a time."""
    gathered: list[Sequence[Any]] = []
    weight = 0
    for rows, bytes_each in chunks:
        gathered.extend(rows)
        weight += bytes_each * len(rows)
        if len(gathered) >= PAGE_ROWS or weight >= PAGE_BYTES:
            yield gathered
            gathered, weight = [], 0
    if gathered:
        yield gathered
