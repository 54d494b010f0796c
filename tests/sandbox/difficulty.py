"""How hard a sandbox's population is to link, measured on what its systems hold, with the plainest of means.

Not a linker: it compares exactly, and knows the truth. It tells what one kind of evidence finds and what any linker could find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import phonenumbers
from anyascii import anyascii

from connectors.sandbox.noise import JUNK_EMAILS, JUNK_NAMES, JUNK_PHONES
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World
from tests.sandbox.conftest import first_accounts


@dataclass(frozen=True)
class Record:
    """A party record by its match keys; None where the value is missing or junk."""

    entity: str
    system: str
    name: frozenset[str]
    email: str | None
    phone: str | None
    postcode: str | None


def raw(world: World, account: Account) -> tuple[str | None, str | None, str | None, Object]:
    """Name, e-mail, phone and address (under Stripe's or Shopify's names) as the system has them."""
    key = account.key
    held: Object | None
    if account.system == "stripe":
        held = world.stripe.customers.get(key) or (world.stripe.charges.get(key) or {}).get("billing_details")
        assert held is not None
        return held["name"], held["email"], held["phone"], held["address"] or {}
    if account.system == "zendesk":
        held = world.zendesk.users.get(key)
        assert held is not None
        return held["name"], held["email"], held["phone"], {}
    if account.system == "google_ads":
        held = world.google.leads.get(key)
        assert held is not None
        said = dict(held["fields"])
        name = said.get("FULL_NAME") or f"{said.get('FIRST_NAME', '')} {said.get('LAST_NAME', '')}"
        place = {"postal_code": said.get("POSTAL_CODE"), "city": said.get("CITY")}
        return name, said.get("EMAIL") or said.get("WORK_EMAIL"), said.get("PHONE_NUMBER") or said.get("WORK_PHONE"), place
    held = world.shopify.customers.get(key) or world.shopify.orders.get(key)
    assert held is not None
    place = (held["addresses"] or [{}])[0] if "addresses" in held else held["billing"] or {}
    given, family = (held.get(n) or place.get(n) for n in ("firstName", "lastName"))
    name = " ".join(filter(None, (given, family))) or place.get("company")
    return name, held["email"], held["phone"] or place.get("phone"), {**place, "postal_code": place.get("zip")}


def records(world: World) -> Iterator[Record]:
    """All live party records whose owner the world plays."""
    for account in first_accounts(world):
        if account.owner is not None:
            name, email, phone, place = raw(world, account)
            yield Record(
                account.entity_id,
                account.system,
                _words(name),
                _email(email),
                _phone(phone, account.owner.country),
                place.get("postal_code"),
            )


def _words(name: str | None) -> frozenset[str]:
    if not name or name in JUNK_NAMES:
        return frozenset()
    return frozenset(word for word in anyascii(name).lower().replace(",", " ").replace(".", " ").split() if len(word) > 1)


def _email(email: str | None) -> str | None:
    if not email or email in JUNK_EMAILS:
        return None
    local, _, domain = email.lower().partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _phone(phone: str | None, country: str) -> str | None:
    if not phone or phone in JUNK_PHONES:
        return None
    try:
        return str(phonenumbers.format_number(phonenumbers.parse(phone, country), phonenumbers.PhoneNumberFormat.E164))
    except phonenumbers.NumberParseException:
        return None


def pairs_by(found: list[Record], key: Callable[[Record], object]) -> tuple[float, float]:
    """Pairwise recall and precision of linking all records that share a key."""
    true = sum(n * (n - 1) // 2 for n in _sizes(found, lambda record: record.entity))
    blocks: dict[object, list[Record]] = defaultdict(list)
    for record in found:
        if key(record):
            blocks[key(record)].append(record)
    hits = [a.entity == b.entity for block in blocks.values() for a, b in combinations(block, 2)]
    return sum(hits) / true, sum(hits) / len(hits)


def findable(found: list[Record], evidence: Callable[[Record, Record], bool]) -> float:
    """Share of the true pairs joined, directly or through others of the same entity, by some evidence."""
    by_entity: dict[str, list[Record]] = defaultdict(list)
    for record in found:
        by_entity[record.entity].append(record)
    joined = total = 0
    for group in by_entity.values():
        total += len(group) * (len(group) - 1) // 2
        joined += sum(n * (n - 1) // 2 for n in _components(group, evidence))
    return joined / total


def shares_something(a: Record, b: Record) -> bool:
    """More than a name in common: the e-mail, the phone, a name word with the post code or with the e-mail's local part."""
    if (a.email and a.email == b.email) or (a.phone and a.phone == b.phone):
        return True
    if not a.name & b.name:
        return False
    local = a.email and b.email and a.email.split("@")[0] == b.email.split("@")[0]
    return bool(local or (a.postcode and a.postcode == b.postcode))


def _components(group: list[Record], evidence: Callable[[Record, Record], bool]) -> list[int]:
    parent = list(range(len(group)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in combinations(range(len(group)), 2):
        if evidence(group[i], group[j]):
            parent[root(i)] = root(j)
    roots = [root(i) for i in range(len(group))]
    return [roots.count(i) for i in set(roots)]


def _sizes(found: list[Record], key: Callable[[Record], object]) -> list[int]:
    counts: dict[object, int] = defaultdict(int)
    for record in found:
        counts[key(record)] += 1
    return list(counts.values())
