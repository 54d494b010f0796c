"""What a person and a company are: what truly belongs to them, over time. How many there are and how they relate: population.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from connectors.sandbox.names import Name
from connectors.sandbox.places import Address, City

T = TypeVar("T")


class Changing(Generic[T]):
    """A value that changes over time (unix seconds)."""

    __slots__ = ("_since",)

    def __init__(self, first: T) -> None:
        self._since: list[tuple[int, T]] = [(0, first)]

    def at(self, when: int) -> T:
        """The value at a time."""
        return next(value for since, value in reversed(self._since) if since <= when)

    def change(self, when: int, value: T) -> None:
        """From that time on it is another one; changes come in order of time."""
        self._since.append((when, value))

    @property
    def now(self) -> T:
        """The newest value."""
        return self._since[-1][1]

    @property
    def changed_at(self) -> int:
        """When it last changed; 0 if it never did."""
        return self._since[-1][0]

    def all(self) -> list[T]:
        """Every value it ever had, oldest first."""
        return [value for _, value in self._since]


@dataclass(slots=True)
class Company:
    """A company; its mailboxes belong to roles, its phone is a switchboard."""

    entity_id: str
    country: str
    core_name: str
    name: str
    address: Address
    domain: str
    mailboxes: list[str]
    phone: str
    tax_id: str | None
    joined: int


@dataclass(slots=True)
class Person:
    """A natural person. ``joined`` is when they first met one of the systems; ``known_as`` is a nickname they go by."""

    entity_id: str
    country: str
    sex: str
    given: Name
    middle: str | None
    suffix: str | None
    known_as: str | None
    family: Changing[Name]
    city: City
    address: Changing[Address]
    email: Changing[str]
    second_email: str | None
    mobile: str
    landline: str | None
    employer: Company | None
    joined: int


Owner = Person | Company
