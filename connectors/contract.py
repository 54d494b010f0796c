"""All that a new connector implements, on one page.

A connector is a module with three things: a settings model (what stands under its key in hub.yaml), a `Connector` subclass that
names its streams and reads them page by page, and a `.sql` file beside it that maps each payload to the canonical columns.

Reading is incremental by checkpoints: `Stream.read(checkpoint)` yields pages, and each page carries the checkpoint from which
reading goes on after it. The core lands the pages as Parquet parts, each with its checkpoint, and hands the newest durable one
back at the next sync; what it means is the connector's own affair. A checkpoint must be small JSON, must not move past records
that were not yielded, and should overlap rather than skip: a record that comes twice costs nothing, an unchanged payload adds
no row.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from connectors.writeback import Takes, ValueKind, WriteBackSettings, Writer
from hub.contract.secret import Secret as Secret  # connectors' settings have it from here
from hub.contract.tables import Kind

Checkpoint = Mapping[str, Any]
# what facts are of: customers, and what money was spent on
OWNERS: frozenset[Kind] = frozenset({"party", "ad_campaign", "ad_group", "ad"})
Family = Literal["invoicing", "ticketing", "ecommerce", "ads", "databases", "files"]


class Deletes(StrEnum):
    """How a stream tells of records that are gone."""

    FEED = "feed"  # the source reports them; the stream yields Record(op="delete")
    FLAG = "flag"  # the record stays and says so itself; the mapping reads the flag
    SNAPSHOT = "snapshot"  # each read is the whole; what is absent from it is gone
    NONE = "none"  # the source does not tell; declared, so that nobody relies on it


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the source sent it.

    Attributes:
        id: the source's own ID, unique within the stream.
        payload: the record, parsed with numbers as `Decimal` so that writing it again gives the same digits. For a delete: what
            the source sent about it, or an empty mapping.
        updated_at: when the source says it changed (aware), or None.
        op: what happened to it.
        merged_into: for ``op="merge"``: the ID that lives on.
    """

    id: str
    payload: Mapping[str, Any]
    updated_at: datetime | None = None
    op: Literal["upsert", "delete", "merge"] = "upsert"
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that came but is no record: no ID, or a payload that cannot be read. It is quarantined, never dropped.

    Attributes:
        content: what came, as text.
        reason: what is wrong with it, naming the field, without personal data.
        where: how to find it again (file and line, page); stands in for the missing record ID.
    """

    content: str
    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one read step brought, and the checkpoint that follows it.

    Attributes:
        records: a list, or `connectors.column_records.ColumnRecords` where they came as columns, which land without a look at each.
        begins: whether a reading of everything starts here although a checkpoint was handed in; only a snapshot stream knows that.
    """

    records: Sequence[Record]
    checkpoint: Checkpoint
    rejects: list[Reject] = field(default_factory=list)
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of a source.

    Attributes:
        name: plural, as the vendor calls it (``customers``); part of the record key ``source:stream:id``.
        kind: what its records are.
        primary_key: the payload's ID field, for people and docs.
        cursor_field: what incremental reading goes by, in the vendor's words; None where every read is full.
        deletes: how deletions are learnt.
        read: yields the pages after a checkpoint; None means from the beginning. It ends when the source has no more for now.
        window: for a backfill: yields what was created or changed from a time up to another (aware, the end not included), by
            whatever time the source can be asked for. Checkpoints of its pages are ignored: a backfill does not move the cursor.
            None where the source can only be read whole.
    """

    name: str
    kind: Kind
    primary_key: str
    cursor_field: str | None
    deletes: Deletes
    read: Callable[[Checkpoint | None], Iterator[Page]]
    window: Callable[[datetime, datetime], Iterator[Page]] | None = None


class RetrySettings(BaseModel):
    """How patiently a source is asked again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempts: int = Field(6, ge=1, le=20, description="how often one request is tried in all")
    backoff_seconds: float = Field(1.0, ge=0, description="first wait; doubles each time, with full jitter")
    max_wait_seconds: float = Field(300.0, ge=0, description="longest single wait, also when the vendor asks for more")
    timeout_seconds: float = Field(60.0, gt=0, description="for connecting and for each read")
    max_answer_mb: int = Field(512, ge=1, description="an answer over HTTP that unpacks to more is refused")


class SourceSettings(BaseModel):
    """What every source may say in hub.yaml; a connector's own settings extend it."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    type: str
    enabled: bool = True
    base_url: str | None = Field(None, description="overrides the vendor's host, e.g. for the sandbox")
    country: str | None = Field(None, description="ISO 3166 code: region for phones and addresses that name none")
    timezone: str = Field("UTC", description="IANA zone of times that name none")
    schedule: str | None = Field(None, description="cron expression of this source's own sync")
    fresh_within_hours: float = Field(26.0, gt=0, description="older than this, the source counts as stale")
    owner: str | None = Field(None, description="whom to ask about it, as the Dagster UI shows: an e-mail address, or team:NAME")
    credentials_end: date | None = Field(None, description="the last day of its key or token, to be warned two weeks before")
    schema_drift: Literal["evolve", "warn", "stop"] = Field(
        "warn",
        description="what a new, missing or retyped field does: evolve notes it, warn also warns, stop takes nothing in before it"
        " is accepted with --accept-schema; raw keeps every field in each case",
    )
    streams_at_a_time: int = Field(
        4,
        ge=1,
        le=32,
        description="streams read at the same time, where the vendor permits it; 1: each is read and taken in by itself",
    )
    retry: RetrySettings = Field(default_factory=RetrySettings)
    write_back: WriteBackSettings | None = Field(
        None, description="what the hub writes into this source's records; without: nothing"
    )

    takes: ClassVar[Takes | None] = None  # what a field's name looks like; None: nothing can be written to sources of this type

    @field_validator("write_back")
    @classmethod
    def _write_back(cls, value: WriteBackSettings | None) -> WriteBackSettings | None:
        if value is not None:
            if cls.takes is None:
                raise ValueError("nothing can be written back to a source of this type")
            for name in value.fields.values():
                cls.takes.demand(name)
            twice = next((name for name in value.fields.values() if list(value.fields.values()).count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"two values are to be written to field {twice!r}")
        return value

    @field_validator("owner")
    @classmethod
    def _owner(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"team:[A-Za-z0-9_.-]+|[^\s@:]+@[^\s@:]+\.[^\s@:]+", value):
            raise ValueError("an owner is an e-mail address, or team: and a name of letters, digits, _, . and -")
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if unset := re.search(r"\$\{([^}:]+)", value):
            raise ValueError(f"environment variable {unset.group(1)} is not set")
        if not re.match(r"https?://[^/]", value):
            raise ValueError("must begin with https:// (or http:// on loopback)")
        return value

    @field_validator("country")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z]{2}", value):
            raise ValueError("must be a two-letter ISO 3166 code such as GB")
        return value.upper() if value else None

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError("must be an IANA zone such as Europe/London") from None
        return value


class Connector(ABC):
    """One configured source. Cheap to make: it opens nothing before `check` or a stream's `read`.

    Args:
        name: its key under ``sources:``.
        settings: an instance of the class's ``Settings``.
        private: a folder of this source's own for what must outlive a run and is no checkpoint, such as a rotated refresh token
            (see `connectors.oauth`); made when first used. None where nothing is to be kept.

    Class attributes:
        most_streams: how many of its streams may be read at the same time, each by a thread of its own. More than one only where
            they share nothing that is not made for it, and the vendor takes that many requests at a time. One is all there is to
            gain for a source of one fact and one party, which are never read at the same time; also then a stream is read while
            another is taken in.
    """

    type_name: ClassVar[str]
    family: ClassVar[Family]
    api_version: ClassVar[str | None] = None
    most_streams: ClassVar[int] = 1
    Settings: ClassVar[type[SourceSettings]]

    def __init__(self, name: str, settings: Any, private: Path | None = None) -> None:
        self.name, self.settings, self.private = name, settings, private

    @abstractmethod
    def streams(self) -> tuple[Stream, ...]:
        """The streams, facts before their `OWNERS`: the owner of any fact read is then in what is read after it.

        In this order they are read. Several facts may be read at the same time, then several of what facts are of, which is read
        after the last fact was; see `connectors.readings`.
        """

    @abstractmethod
    def check(self) -> str:
        """Try the credentials with one cheap call and say who we are there. Raises `SourceError`."""

    def mapping(self) -> str:
        """The SQL that maps payloads to canonical columns, from the file beside the module; see `connectors.mapping`."""
        module = sys.modules[type(self).__module__].__file__
        assert module is not None
        return Path(module).with_suffix(".sql").read_text(encoding="utf-8")

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> Writer | None:
        """How these fields of a stream's records are written; None where they cannot be. See `connectors.writeback`."""
        return None

    def calls(self) -> tuple[int, int]:
        """Requests that this thread has made so far, and how many of them were retries.

        A stream is read by one thread, so that what a reading cost is the difference. Where `most_streams` is 1, the requests of
        all threads may be counted as one.
        """
        return (0, 0)

    def close(self) -> None:  # noqa: B027 - a connector that holds nothing open has nothing to do here
        """Let go of connections."""
