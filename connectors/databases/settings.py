"""What hub.yaml says of a `sql` source: which table or query a stream is, and which column is which canonical field.

Everything that can be judged without asking the database is judged here, when hub.yaml is read.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.contract import Secret
from connectors.fields import MappedSettings, MappedStream
from connectors.writeback import Takes, WriteBackSettings

_NAME_PART = re.compile(r'\s*(?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|([^."`]+?))\s*(\.|$)')
# what may hold any character (texts, quoted names, comments), and the marks and words that are looked for outside of it
_TOKEN = re.compile(
    r"""(?P<opaque>'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<end>;)|(?P<change>(?:^|\()\s*(?:insert\s+into|update\s|delete\s+from|merge\s+into))""",
    re.DOTALL | re.IGNORECASE,
)
_READS = re.compile(r"\(*\s*(select|with|values|table)\b", re.IGNORECASE)


class SqlStream(MappedStream):
    """One stream: the rows of a table, a view or a query."""

    made_of: ClassVar[str] = "table"

    table: str | None = Field(None, min_length=1, description="table or view, with its schema where it needs one: public.customers")
    query: str | None = Field(None, min_length=1, description="a SELECT, instead of a table")
    updated_at: str | None = Field(
        None, min_length=1, description="column that grows with each change of a row; without one every reading is whole"
    )
    deletes: Literal["none", "snapshot"] = Field(
        "none", description="snapshot: each reading is whole, and a row absent from it is gone"
    )
    deleted_flag: str | None = Field(
        None, min_length=1, description="column that says that a row is gone: true, not 0, or the time of its deletion"
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """The table's name without quotes, its schema before it."""
        return parts(self.table or "")

    @property
    def incremental(self) -> bool:
        """Whether a reading asks only for what changed."""
        return self.updated_at is not None and self.deletes == "none"

    @property
    def used_columns(self) -> tuple[tuple[str, ...], ...]:
        """The columns the rows must have: one at least of each group."""
        alone = ((column,) for column in (self.updated_at, self.deleted_flag) if column)
        return tuple(dict.fromkeys((*super().used_columns, *alone)))

    @field_validator("table")
    @classmethod
    def _table(cls, value: str | None) -> str | None:
        if value is not None and not 1 <= len(parts(value)) <= 3:
            raise ValueError('must be a table, or schema.table; a name with a dot or a quote in it goes in "quotes"')
        return value

    @field_validator("query")
    @classmethod
    def _query(cls, value: str | None) -> str | None:
        if value is None:
            return None
        text = value.strip().rstrip(";").rstrip()
        bare = _TOKEN.sub(lambda found: "" if found["comment"] else found[0], text).strip()
        found = {kind for match in _TOKEN.finditer(bare) for kind, group in match.groupdict().items() if group}
        if "end" in found:
            raise ValueError("must be one SELECT; it holds a ; that ends it before its end")
        if "change" in found or not _READS.match(bare):
            raise ValueError("must be a SELECT (or WITH ... SELECT); the hub only reads")
        return text

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        return self

    @model_validator(mode="after")
    def _gone(self) -> Self:
        if self.deleted_flag and self.deletes == "snapshot":
            raise ValueError("deleted_flag and deletes: snapshot both say what is gone; give one of them")
        return self


class SqlWriteBackSettings(WriteBackSettings):
    """What is written into a database, and into which table."""

    stream: str | None = Field(None, description="the stream whose records are told; needed where several are of parties")
    table: str | None = Field(
        None,
        min_length=1,
        description="a table beside that stream's own, in which the hub makes a row per record; without, its own",
    )
    key: str | None = Field(None, min_length=1, description="column of that table with the record's ID; without, the stream's id")

    @field_validator("table")
    @classmethod
    def _table(cls, value: str | None) -> str | None:
        if value is not None and not 1 <= len(parts(value)) <= 3:
            raise ValueError('must be a table, or schema.table; a name with a dot or a quote in it goes in "quotes"')
        return value


class SqlSettings(MappedSettings):
    """Settings of a source of type `sql`."""

    url: Secret = Field(description="SQLAlchemy URL of the database, with user and password: postgresql://user:password@host/db")
    lookback_seconds: float = Field(
        300.0,
        ge=0,
        description="how far behind the last change each reading begins, for transactions that commit late; in an updated_at of"
        " whole numbers that are no Unix time, so many numbers",
    )
    streams: dict[str, SqlStream] = Field(min_length=1)
    write_back: SqlWriteBackSettings | None = Field(None, description="what the hub writes into its rows; without: nothing")

    takes: ClassVar[Takes | None] = Takes(r"[^\s.](.{0,126}[^\s.])?", "hub_customer_id, a column")

    @model_validator(mode="after")
    def _written(self) -> Self:
        told = self.write_back
        if told is None:
            return self
        parties = [name for name, stream in self.streams.items() if stream.kind == "party"]
        if told.stream is not None and told.stream not in parties:
            raise ValueError(f"write_back.stream must be a stream of kind party; there are {', '.join(parties) or 'none'}")
        if told.stream is None and len(parties) != 1:
            raise ValueError(f"write_back needs stream: which one of {', '.join(parties) or 'kind party'} is told")
        stream = self.streams[told.stream or parties[0]]
        if told.table is None and (stream.table is None or len(stream.id) > 1):
            raise ValueError("write_back needs table and key: rows of a query, or of an id of several columns, cannot be written")
        if told.key is None and len(stream.id) > 1:
            raise ValueError("write_back needs key: the column of its table with the record's ID, its parts joined by :")
        used = {column for group in stream.used_columns for column in group}
        read = sorted(used & set(told.fields.values()))
        if told.table is None and read:
            raise ValueError(f"the hub reads column {read[0]}, and must not write what it reads")
        return self

    @field_validator("base_url")
    @classmethod
    def _no_base_url(cls, value: Any) -> Any:
        if value is not None:
            raise ValueError("a database has no base_url; its address is in url")
        return value


def parts(name: str) -> tuple[str, ...]:
    """`schema."odd.name"` -> its parts; nothing if it cannot be read."""
    found_parts: list[str] = []
    at = 0
    while at < len(name):
        found = _NAME_PART.match(name, at)
        if not found:
            return ()
        quoted, ticked, plain, dot = found.groups()
        found_parts.append(quoted.replace('""', '"') if quoted else ticked.replace("``", "`") if ticked else plain)
        at = found.end()
        if dot and at == len(name):
            return ()
    return tuple(found_parts)
