"""The world: the systems' books, who truly stands behind each party record, and an agenda of what is still to happen.

Whatever happens, in the past, on a later day or through a vendor's API, happens in order of time through the agenda or through
writes.py, so that the same steps always make the same world. What people do is told in accounts.py, commerce.py and support.py.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from connectors.sandbox import credentials
from connectors.sandbox.google_books import GoogleBooks
from connectors.sandbox.people import Owner
from connectors.sandbox.population import DAY, HISTORY_DAYS, populate
from connectors.sandbox.shopify_books import ShopifyBooks
from connectors.sandbox.stripe_books import StripeBooks
from connectors.sandbox.systems import systems
from connectors.sandbox.zendesk_books import ZendeskBooks

EVENTS_LIVE = 30 * DAY

Action = Callable[[int], None]
PartyKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """A party record in one system and who is behind it; the owner is unknown where it came through a vendor's API."""

    system: str
    stream: str
    key: str
    entity_id: str
    owner: Owner | None
    opened: int


class World:
    """One population in many systems.

    Args:
        seed: the same seed, people and origin give the same world, to the byte.
        people: how many natural persons.
        origin: unix seconds at which the past ends and day 1 begins.
    """

    def __init__(self, seed: int, people: int, origin: int) -> None:
        self.seed, self.origin = seed, origin
        self.population = populate(seed, people, origin)
        self.stripe = StripeBooks(seed, origin - EVENTS_LIVE)
        self.zendesk = ZendeskBooks(seed, credentials.ZENDESK_URL, origin - (HISTORY_DAYS + 30) * DAY)
        self.shopify = ShopifyBooks(seed)
        self.google = GoogleBooks(seed, credentials.GOOGLE_ADS_CUSTOMER_ID, origin)
        self.books: dict[str, Any] = {system.name: system.books(seed, origin) for system in systems()}
        self.accounts: dict[PartyKey, Account] = {}
        self._mailboxes: dict[str, list[str]] = {}
        self._strangers = 0
        self._agenda: list[tuple[int, int, Action]] = []
        self._order = count()

    # time --------------------------------------------------------------------------------------------------------

    def later(self, at: int, action: Action) -> None:
        """Note that something happens at a time."""
        heapq.heappush(self._agenda, (at, next(self._order), action))

    def run(self, until: int, not_before: int = 0) -> None:
        """Let everything happen that is due before ``until``; what is overdue happens at ``not_before``."""
        while self._agenda and self._agenda[0][0] < until:
            at, _, action = heapq.heappop(self._agenda)
            action(max(at, not_before))

    # truth -------------------------------------------------------------------------------------------------------

    def enter(self, account: Account, email: str | None) -> Account:
        """A party record has come into being."""
        self.accounts[account.system, account.stream, account.key] = account
        self.note_email(account.entity_id, email)
        return account

    def leave(self, system: str, stream: str, key: str) -> None:
        """A party record was deleted."""
        self.accounts.pop((system, stream, key), None)

    def note_email(self, entity_id: str, email: str | None) -> None:
        """Somebody is reached at that address."""
        if email:
            known = self._mailboxes.setdefault(email.lower(), [])
            if entity_id not in known:
                known.append(entity_id)

    def entity_behind(self, email: str | None) -> str:
        """Who writes to a system from outside: the first known user of that mailbox, else somebody new."""
        known = self._mailboxes.get((email or "").lower())
        if known:
            return known[0]
        self._strangers += 1
        return f"stranger-{self._strangers:06d}"

    def live(self, system: str, stream: str) -> list[Account]:
        """The live accounts of a stream, oldest first, whose owner this world plays."""
        return [a for a in self.accounts.values() if a.system == system and a.stream == stream and a.owner is not None]

    def truth(self) -> Iterator[tuple[str, str, str, str]]:
        """(source_system, stream, source_record_id, entity_id) of every live party record, in order."""
        for key in sorted(self.accounts):
            yield (*key, self.accounts[key].entity_id)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many live records each system has."""
        return {
            "stripe": {
                "customers": len(self.stripe.customers),
                "invoices": len(self.stripe.invoices),
                "charges": len(self.stripe.charges),
            },
            "zendesk": {
                "users": sum(1 for u in self.zendesk.users if u["active"]),
                "tickets": sum(1 for t in self.zendesk.tickets if t["status"] != "deleted"),
            },
            "shopify": {"customers": len(self.shopify.customers), "orders": len(self.shopify.orders)},
            "google_ads": {
                "campaigns": len(self.google.campaigns),
                "spend_days": len(self.google.spend),
                "leads": len(self.google.leads),
            },
            **{system.name: system.counts(self.books[system.name]) for system in systems()},
        }
