"""Rows to records: what identifies one, and when it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from connectors.column_records import TIME, ColumnRecords
from connectors.columns import of_values
from connectors.contract import Record, Reject
from connectors.fields import FieldSource, as_json, as_text
from connectors.files.rows import BadRow, Batch, Row
from connectors.files.settings import FileStream


class RecordMaker:
    """Makes the records of one stream.

    Args:
        stream: what hub.yaml says of it.
        zone: of times that name none.
    """

    def __init__(self, stream: FileStream, zone: ZoneInfo) -> None:
        self._id, self._updated, self._zone = stream.id, stream.updated_at, zone

    def records(self, batch: Batch, file: str) -> tuple[Sequence[Record], list[Reject]]:
        """Rows as records; as rejects those that are none, or that nothing identifies."""
        rows: list[Row] = []
        keys: list[str] = []
        rejects: list[Reject] = []
        for row in batch.rows:
            if isinstance(row, BadRow):
                rejects.append(Reject(row.content, row.reason, f"{file}:{row.line}"))
                continue
            parts = [_text(row.values.get(column)) for column in self._id]
            if None in parts:
                reason = f"column {self._id[parts.index(None)]} that identifies the row is empty"
                rejects.append(Reject(as_json(row.values), reason, f"{file}:{row.line}"))
                continue
            rows.append(row)
            keys.append(str(parts[0]) if len(parts) == 1 else ":".join(filter(None, parts)))
        updated = self._updated
        times = [None] * len(rows) if updated is None else [self._updated_at(updated, row) for row in rows]
        if not rows or batch.names is None:
            made = zip(keys, rows, times, strict=True)
            return [Record(key, row.values, time) for key, row, time in made], rejects
        columns = zip(*(row.values.values() for row in rows), strict=True)
        named = {name: of_values(column) for name, column in zip(batch.names, columns, strict=True)}
        return ColumnRecords(pa.array(keys, pa.string()), named, pa.array(times, TIME)), rejects

    def _updated_at(self, source: FieldSource, row: Row) -> datetime | None:
        """The row's own time, in UTC; None where it cannot be read, which costs the row nothing."""
        for column in source.column:
            if text := _text(row.values.get(column)):
                break
        else:
            return None
        try:
            # a time without a zone is the source's, and gets it in the next line
            moment = datetime.strptime(text, source.format) if source.format else _moment(text)  # noqa: DTZ007
            if moment.tzinfo is UTC:
                return moment
            return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None


def _text(value: Any) -> str | None:
    # what nearly every value is; the order of a match is felt in a million rows
    return value.strip(" \t\r\n") or None if type(value) is str else as_text(value)


def _moment(text: str) -> datetime:
    """ISO 8601, also with UTC or GMT behind it as BigQuery writes it, or seconds or milliseconds since 1970."""
    if len(text) in (10, 13) and text.isdecimal():
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), tz=UTC)
    if text.endswith((" UTC", " GMT")):
        return datetime.fromisoformat(text[:-4]).replace(tzinfo=UTC)
    return datetime.fromisoformat(text)
