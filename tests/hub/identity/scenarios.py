"""Stories of a few records as sources send them, each with the customers it should become, for the tests of people and companies.

A story is resolved alone, where the documented defaults decide, and among a population, where a learnt model does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd

from bench.people import population
from hub.contract.columns import PARTY
from hub.identity import IdentitySettings
from tests.hub.identity.helpers import groups, load
from tests.hub.parties import stage_parties, warehouse

Fields = dict[str, str]


@dataclass(frozen=True)
class Story:
    """Records and what should become of them.

    Attributes:
        records: canonical party columns as text, by ``source:name``; the name need only differ within the story.
        customers: the records of each customer, by the same names; those not named are customers of their own.
    """

    name: str
    records: Mapping[str, Fields]
    customers: tuple[frozenset[str], ...] = ()

    def key(self, record: str) -> str:
        """The record key of one of the records."""
        source, name = record.split(":")
        return f"{source}:contacts:{self.name}-{name}"

    def expected(self) -> set[frozenset[str]]:
        """The record keys of each customer."""
        named = frozenset().union(*self.customers)
        alone = [frozenset({record}) for record in self.records if record not in named]
        return {frozenset(map(self.key, group)) for group in (*self.customers, *alone)}


def story(name: str, records: Mapping[str, Fields], *customers: Iterable[str]) -> Story:
    """A story; see `Story`."""
    return Story(name, records, tuple(map(frozenset, customers)))


def resolved(stories: Iterable[Story], settings: IdentitySettings | None = None, *, among: int = 0) -> duckdb.DuckDBPyConnection:
    """A warehouse in which the stories are resolved, together with a population of ``among`` records."""
    con = warehouse()
    stage_parties(con, [{"key": s.key(record), **fields} for s in stories for record, fields in s.records.items()])
    if among:
        _stage_population(con, population(among, seed=5))
    load(con, settings=settings)
    return con


def _stage_population(con: duckdb.DuckDBPyConnection, people: pd.DataFrame) -> None:
    names = [column.name for column in PARTY.columns if column.name in people]
    records = [
        {"key": ":".join(row[:3]), **dict(zip(names, row[3:], strict=True))}
        for row in people[["source_system", "stream", "source_record_id", *names]].itertuples(index=False)
    ]
    stage_parties(con, records)


def found(con: duckdb.DuckDBPyConnection, told: Story) -> set[frozenset[str]]:
    """The customers that hold records of the story; with records of others, should there be any."""
    keys = {told.key(record) for record in told.records}
    return {group for group in groups(con) if group & keys}


def at(address: str) -> Fields:
    """An address: street, city, postal code and perhaps country (GB if not)."""
    street, city, postal, *country = address.split(", ")
    return {"address_line1": street, "city": city, "postal_code": postal, "country": country[0] if country else "GB"}


def person(name: str, **fields: str) -> Fields:
    """A person's record; the family name is what follows the first word."""
    given, family = name.split(" ", 1)
    return {"given_name": given, "family_name": family, **fields}
