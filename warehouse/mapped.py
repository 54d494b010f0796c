"""What the warehouse must know of a source and of a mapping to read payloads, whoever reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

# no more than the connectors take off a record's own ID: a plain trim takes off any Unicode blank, and the two would be apart
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"


class Block(Protocol):
    """One SELECT of a mapping: from a stream's payloads to a staging table."""

    @property
    def stream(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def select(self) -> str: ...


@dataclass(frozen=True)
class SourcePlace:
    """What staging must know of a source: how to read values that name no region or zone, and whose parties facts belong to."""

    name: str
    country: str | None
    timezone: str
    party_streams: tuple[str, ...]


def owner_sql(text_id: str, text_stream: str, place: SourcePlace, source: str) -> str:
    """SQL of the record key of the party a fact belongs to; a source with one party stream need not name it."""
    only = f"'{place.party_streams[0]}'" if len(place.party_streams) == 1 else "NULL"
    stream = f"coalesce(nullif(trim({text_stream}), ''), {only})"
    return f"{source} || ':' || {stream} || ':' || nullif(trim({text_id}, {_BLANKS}), '')"
