"""Writing back: all that a connector implements to have fields of its records written, on one page.

A connector that can be written to has a `Writer` per stream of parties, and says in its settings what a field's name looks like
there. A writer knows how its vendor is asked what a record holds, and how it is told. What is to be written, and whether it may
be, is none of its affair: see `connectors.delivery`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

ValueKind = Literal["text", "integer", "decimal", "boolean", "date", "time"]
Text = str | None
"""A value as its canonical text (see `canonical`); None where there is none."""


class WriteBackSettings(BaseModel):
    """What the hub writes into the records of a source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: dict[str, str] = Field(
        min_length=1,
        description="what of the customer is written -> the field there; customer_id is the common ID, segments the names of the"
        " segments, anything else a column of golden.customer_360",
    )
    overwrite: bool = Field(
        False, description="also replace what somebody else put into these fields; else it stays and is reported"
    )


@dataclass(frozen=True)
class Takes:
    """What a field's name looks like at a vendor.

    Attributes:
        pattern: all names that can be.
        example: one of them, for the error.
    """

    pattern: str
    example: str

    def demand(self, name: str) -> None:
        """Raise `ValueError` if there can be no such field."""
        if not re.fullmatch(self.pattern, name):
            raise ValueError(f"there can be no field {name!r}; write it as {self.example}")


@dataclass(frozen=True)
class Standing:
    """What a record holds at the vendor.

    Attributes:
        fields: those that were asked for, with their text.
        updated_at: when the vendor says the record changed (aware), None where it does not.
        marks: whatever the writer needs again to write these very fields, such as a digest to compare with.
    """

    fields: Mapping[str, Text]
    updated_at: datetime | None = None
    marks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What is to be written into one record.

    Attributes:
        record: its source record ID.
        fields: the new texts; None empties a field.
        standing: what the vendor held just before.
        key: the same whenever this very change is tried, for vendors that take an idempotency key.
    """

    record: str
    fields: Mapping[str, Text]
    standing: Standing
    key: str


@dataclass(frozen=True)
class Written:
    """The vendor took a change.

    Attributes:
        fields: what it now holds.
        updated_at: when it says the record changed by that; it comes back with the next sync and is our own echo.
    """

    fields: Mapping[str, Text]
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Refused:
    """The vendor does not take a change.

    Attributes:
        reason: its error code and the field, never free text, which may quote a person's values.
        again: whether that may be otherwise later, as when the record changed in between.
    """

    reason: str
    again: bool = False


class Writer(ABC):
    """How the fields of one stream's records are read and written.

    Args:
        kinds: the fields that are written, and what kind of value each holds.

    Class attributes:
        reads, writes: how many records one call of `read` and of `write` takes.
        unique: patterns of fields in which the vendor takes a value once only, so that one record of a customer can have it.
    """

    reads: ClassVar[int] = 1
    writes: ClassVar[int] = 1
    unique: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kinds: Mapping[str, ValueKind]) -> None:
        self.kinds = kinds

    @abstractmethod
    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """What at most `reads` records hold; a record that is gone is left out. Raises `SourceError`."""

    @abstractmethod
    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """Write at most `writes` changes, and say of each record what became of it.

        Raises:
            CredentialsError: the key may not write.
            SourceUnavailableError: nothing useful came back; the change may have been made or not.
        """

    def is_unique(self, name: str) -> bool:
        """Whether the vendor takes a value of that field once only."""
        return any(re.fullmatch(pattern, name) for pattern in self.unique)


def canonical(kind: ValueKind, value: Any) -> Text:
    """A value's one text, however a vendor writes it: 12.50 and 12.5 are one, an empty text is none.

    What is not of its kind (somebody's own words in a field for numbers) is its own text.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    try:
        if kind in ("integer", "decimal"):
            return _plain(Decimal(text))
        if kind == "boolean":
            return text.lower() if text.lower() in ("true", "false") else text
        if kind == "date":
            return date.fromisoformat(text[:10]).isoformat()
        if kind == "time":
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, InvalidOperation):
        return text
    return text


def json_value(kind: ValueKind, text: Text) -> Any:
    """A canonical text as JSON has its kind; for vendors whose fields have types."""
    if text is None:
        return None
    match kind:
        case "integer":
            return int(text)
        case "decimal":
            return float(text)  # JSON has one kind of number, and what people keep there has no more digits than that
        case "boolean":
            return text == "true"
        case _:
            return text


def _plain(number: Decimal) -> str:
    if not number.is_finite():
        raise ValueError("no number")
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text
