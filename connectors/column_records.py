"""A page's records that came as columns: to whoever asks a sequence of records, to the landing zone columns as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, overload

import pyarrow as pa
import simplejson

from connectors.columns import Column, payload_hashes, payload_texts
from connectors.contract import Record

TIME = pa.timestamp("us", tz="UTC")


class ColumnRecords(Sequence[Record]):
    """Records of one shape.

    Args:
        ids: the source's own IDs; none may be null by the time they are landed.
        columns: key of the payloads -> values.
        updated_at: when the source says each changed, microseconds in UTC; null where it does not.
        deleted: which of them are gone; None: none.
    """

    def __init__(
        self,
        ids: pa.StringArray,
        columns: Mapping[str, Column],
        updated_at: pa.TimestampArray,
        deleted: pa.BooleanArray | None = None,
    ) -> None:
        self.ids, self.columns, self.updated_at, self.deleted = ids, columns, updated_at, deleted

    def chosen(self, kept: Sequence[bool]) -> ColumnRecords:
        """Those of them that are kept."""
        mask = pa.array(kept, pa.bool_())
        columns = {name: column.chosen(mask) for name, column in self.columns.items()}
        deleted = None if self.deleted is None else self.deleted.filter(mask)
        return ColumnRecords(self.ids.filter(mask), columns, self.updated_at.filter(mask), deleted)

    @cached_property
    def texts(self) -> pa.StringArray:
        """The payloads as JSON."""
        return payload_texts(self.columns)

    @cached_property
    def hashes(self) -> pa.StringArray:
        """What says whether each payload changed."""
        return payload_hashes(self.columns, self.texts)

    def fields(self) -> dict[str, list[str]] | None:
        """Key -> types of its values, for `hub.contract.landed`; None where one holds what only a look at each value tells."""
        if self.deleted is not None or any(column.kind == "other" for column in self.columns.values()):
            return None
        return {name: [column.kind] for name, column in self.columns.items()}

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        number = place % len(self)
        payload = simplejson.loads(self.texts[number].as_py(), parse_float=_number)
        changed: datetime | None = self.updated_at[number].as_py()
        gone = self.deleted is not None and self.deleted[number].as_py()
        return Record(self.ids[number].as_py(), payload, changed, "delete" if gone else "upsert")


def _number(text: str) -> Any:
    """A number that is written again with the same digits."""
    value = float(text)
    return value if repr(value) == text else Decimal(text)
