"""What hub.yaml says of rows whose meaning we cannot know: which column is which canonical field.

Shared by the sources that hold whatever their owners put there, files and SQL databases. Here belongs what can be judged without
looking at a row; how it becomes a mapping is in `connectors.fields_mapping`.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from textwrap import shorten
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue

from connectors.contract import SourceSettings
from hub.contract.columns import BY_KIND, CONSENT, PARTY
from hub.contract.tables import Kind, StagingTable

# what other systems call a field; difflib alone would point elsewhere
_OTHER_NAMES = {
    other: field
    for field, others in {
        "given_name": "first_name firstname",
        "family_name": "last_name lastname surname",
        "full_name": "name",
        "company_name": "company organisation organization",
        "birth_date": "dob",
        "address_line1": "street address",
        "postal_code": "zip zip_code postcode",
        "region": "state",
        "country": "country_code",
        "phone": "mobile",
        "party_id": "customer_id",
        "total_amount": "total",
    }.items()
    for other in others.split()
}
# what both Python's strptime and DuckDB's understand
_DIRECTIVE = re.compile(r"%-?(.?)", re.DOTALL)
_DIRECTIVES = frozenset("aAbBdHIjmMpSfyYzZ%")
_DATED = ("date", "time")
_DIGITS = 1_000
_LISTED = 1_000  # names that a hint looks through: comparing takes time, and a file may have any number of columns


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class FieldSource(BaseModel):
    """Where a field comes from: the first non-empty of some columns; ``format`` (strftime's) says how a date or time is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(min_length=1)
    format: str | None = None

    @field_validator("format")
    @classmethod
    def _format(cls, value: str | None) -> str | None:
        directives = _DIRECTIVE.findall(value) if value is not None else ["Y"]
        if not directives or not set(directives) <= _DIRECTIVES:
            raise ValueError(
                f"must be a strftime format such as %d/%m/%Y, made of {' '.join('%' + d for d in sorted(_DIRECTIVES))}"
            )
        return value


def _as_source(given: Any) -> Any:
    return {"column": given} if isinstance(given, str | list | tuple) else given


# hub.yaml may say it shorter than the models do, and editors that use the JSON Schema must know
_COLUMNS: list[JsonSchemaValue] = [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
_DATED_FIELD: JsonSchemaValue = {
    "type": "object",
    "properties": {"column": {"anyOf": _COLUMNS}, "format": {"type": "string"}},
    "required": ["column"],
    "additionalProperties": False,
}
AnyField = Annotated[FieldSource, BeforeValidator(_as_source), WithJsonSchema({"anyOf": [*_COLUMNS, _DATED_FIELD]})]
Columns = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1), WithJsonSchema({"anyOf": _COLUMNS})]


Channel = Literal["email", "sms", "call", "all"]


class ConsentSource(BaseModel):
    """Where a party's row says whether the person may be contacted, for what, and since when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    at: AnyField | None = Field(None, description="column with the time at which they said so; without, a yes overrides no denial")
    purpose: str = Field("marketing", description="what contact is for")
    means: dict[str, Literal["granted", "denied", "pending", "not_given"]] = Field(
        default_factory=dict, description="what a word of the column means, beside true, false, yes, no, subscribed and the like"
    )


AnyConsent = Annotated[ConsentSource, BeforeValidator(lambda given: {"column": given} if isinstance(given, str) else given)]


class MappedStream(BaseModel):
    """One stream of rows: what they are, what identifies one, and which column is which field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_of: ClassVar[str]  # what a stream's rows lie in, for hints

    kind: Kind
    id: Columns = Field(description="column that identifies a row, or several that do together")
    fields: dict[str, AnyField] = Field(default_factory=dict, description="canonical field: column")
    customer: Columns | None = Field(None, description="of facts: column with the ID of the party the row belongs to")
    customer_stream: str | None = Field(None, description="stream of that party, where the source has more than one")

    consent: dict[Channel, AnyConsent] = Field(
        default_factory=dict, description="of parties: channel and the column that says whether they may be contacted by it"
    )

    @property
    def staging(self) -> StagingTable:
        """The staging table its rows go to."""
        return BY_KIND[self.kind]

    @property
    def used_columns(self) -> tuple[tuple[str, ...], ...]:
        """The columns that must be there: one at least of each group."""
        of_fields = (source.column for source in self.fields.values())
        alone = ((column,) for column in (*self.id, *(self.customer or ())))
        consents = ((said.column,) for said in self.consent.values())
        times = (said.at.column for said in self.consent.values() if said.at is not None)
        return tuple(dict.fromkeys((*alone, *of_fields, *consents, *times)))

    @model_validator(mode="after")
    def _fields(self) -> Self:
        for name, source in self.fields.items():
            column = self.staging.column(name)
            if column is None:
                raise ValueError(self._unknown_field(name))
            if source.format is not None and column.type not in _DATED:
                raise ValueError(f"field {name} takes no format; only dates and times do")
        for column in self.staging.columns:
            if column.required and column.name not in self.fields:
                raise ValueError(f"fields must say which column is {column.name}; a row of kind {self.kind} is nothing without it")
        return self

    @model_validator(mode="after")
    def _customer(self) -> Self:
        owned = self.staging.column("party_id") is not None
        if not owned and (self.customer or self.customer_stream):
            raise ValueError(f"customer is for kinds that belong to a customer, and {self.kind} does not")
        if self.consent and self.staging is not PARTY:
            raise ValueError(f"consent is for kind party; of kind {self.kind}, name status, channel and identifier in fields")
        if self.consent and not {"email", "phone"} & set(self.fields):
            raise ValueError("consent says who may be contacted, and fields name neither email nor phone")
        if self.customer and "party_id" in self.fields:
            raise ValueError("customer and fields.party_id say the same; give one of them")
        return self

    def _unknown_field(self, name: str) -> str:
        table = self.staging
        known = [column.name for column in table.columns]
        other = _OTHER_NAMES.get(name)
        hint = f"did you mean {other}?" if other in known else nearest(name, known)
        if table is PARTY and CONSENT.column(name) is not None and name != "party_id":
            hint = f"{hint}; what parties say of being contacted stands in consent: {{email: COLUMN}}"
        if table is not PARTY and PARTY.column(name) is not None:
            hint = f"it is a field of parties: give a second stream of kind party over the same {self.made_of}"
        return f"unknown field {name!r} for kind {table.kind}; {hint}"


class MappedSettings(SourceSettings):
    """Settings of a source whose streams hub.yaml maps. A subclass says of what class its `streams` are."""

    streams: Mapping[str, MappedStream] = Field(min_length=1)

    @field_validator("streams")
    @classmethod
    def _names(cls, streams: Mapping[str, MappedStream]) -> Mapping[str, MappedStream]:
        for name in streams:
            # it becomes part of record keys, of a folder's and of a table's name
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"stream name {name!r} will not do; use lower-case letters, digits and _")
        return streams

    @model_validator(mode="after")
    def _owners(self) -> Self:
        parties = [name for name, stream in self.streams.items() if stream.kind == "party"]
        for name, stream in self.streams.items():
            named = "party_stream" in stream.fields
            if stream.customer_stream is not None and stream.customer_stream not in parties:
                hint = nearest(stream.customer_stream, parties)
                raise ValueError(f"streams.{name}.customer_stream: no party stream is called {stream.customer_stream!r}; {hint}")
            if (stream.customer or "party_id" in stream.fields) and len(parties) > 1 and not (stream.customer_stream or named):
                raise ValueError(f"streams.{name} must say with customer_stream which of {', '.join(parties)} its customers are in")
        return self

    def owner_stream(self, stream: MappedStream) -> str | None:
        """The stream a fact's party is in, where hub.yaml settles it."""
        parties = [name for name, other in self.streams.items() if other.kind == "party"]
        return stream.customer_stream or (parties[0] if len(parties) == 1 else None)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, else all there is."""
    names = list(itertools.islice(known, _LISTED))
    lower = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    listed = shorten(", ".join(names), 500, placeholder=" ...") or "none"
    return f"did you mean {lower[near[0]]}?" if near else f"there are {listed}"


def as_text(value: Any) -> str | None:
    """A column's value as text, as the mapping's SQL has it; None if it is empty, or no single value."""
    match value:
        case None | dict() | list():
            return None
        case bool():
            return "true" if value else "false"
        case Decimal():
            # an exponent of a million would be written out as so many zeros
            return format(value, "f") if abs(value.adjusted()) < _DIGITS else str(value)
        case str():
            return value.strip(" \t\r\n") or None
        case _:
            return str(value)


def as_json(values: Mapping[str, Any]) -> str:
    """A row for people to look at in quarantine."""
    return json.dumps(values, ensure_ascii=False, default=str)
