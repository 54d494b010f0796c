"""A first reading of a table in the order in which its rows lie; see `connectors.databases.blocks` for what makes that whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import tzinfo

import sqlalchemy as sa

from connectors.contract import Page
from connectors.databases import select
from connectors.databases.blocks import Blocks, Place
from connectors.databases.copied import CopiedRows
from connectors.databases.progress import Progress
from connectors.databases.rows import Shape
from connectors.databases.server import Snapshot
from connectors.databases.settings import SqlStream


def blocks(
    snapshot: Snapshot, stream: SqlStream, shape: Shape, no_time: sa.ColumnElement[bool], progress: Progress
) -> Blocks | None:
    """How the rows lie, if the reading under way is a first one by that; else None.

    As it begins, the last time of change is asked for beforehand: later ones are left to the next reading.
    """
    if progress.since is not None or progress.at or not progress.undated:
        return None
    found = snapshot.blocks(stream)
    if progress.place is not None:
        if found is not None and found.start.file == progress.place.file:
            return found
        progress.begin(snapshot.open_since)  # the table was written anew, so how far it came means nothing
    if found is None:
        return None
    last = select.everything(stream, sa.not_(no_time)).order_by(sa.column(str(stream.updated_at)).desc())
    row = snapshot.first(last)
    seen = None if row is None else shape.changed(row)
    if row is not None and not shape.comparable(seen):
        return None
    progress.seen, progress.place = seen, found.start
    return found


def pages(
    snapshot: Snapshot, stream: SqlStream, shape: Shape, progress: Progress, lie: Blocks, size: int, zone: tzinfo
) -> Iterator[Page]:
    """The rows from where the reading is, in pages of so many bytes at most, or little more."""

    def read(where: sa.ColumnElement[bool]) -> Generator[CopiedRows, None, None]:
        copied = snapshot.copied(select.everything(stream, where), shape, sys.maxsize, size)
        assert copied is not None  # whoever knows of blocks gives columns
        return copied

    def page(rows: CopiedRows) -> Page:
        records, rejects = rows.records(shape, zone)
        return Page(records, progress.checkpoint(), rejects)

    place = progress.place
    assert place is not None
    if place.block:
        yield from map(page, snapshot.ahead(read(place.written_since())))
    for progress.place, rows in snapshot.ahead(_ranges(read, place, lie)):
        yield page(rows)


def _ranges(
    read: Callable[[sa.ColumnElement[bool]], Iterator[CopiedRows]], start: Place, lie: Blocks
) -> Generator[tuple[Place, CopiedRows], None, None]:
    """The rows of one range of blocks after the other, and from where on to read after them."""
    for block in range(start.block, lie.count, lie.each):
        place = replace(start, block=block)
        # beyond the blocks there were lies nothing that this view of the data shows
        end = block + lie.each if block + lie.each < lie.count else None
        copied = read(place.ahead(end))
        rows = next(copied, None)
        while rows is not None:
            following = next(copied, None)
            if following is None and end is not None:
                place = replace(place, block=end)
            yield place, rows
            rows = following
