"""The default population: its size, the noise it states, and that it is neither trivial nor hopeless to link."""

from __future__ import annotations

from collections import Counter

import phonenumbers
import pytest
from email_validator import validate_email

from connectors.sandbox import Sandbox
from connectors.sandbox.noise import JUNK_EMAILS, JUNK_PHONES, MD5_OF_NOTHING, RATES
from connectors.sandbox.people import Company, Person
from connectors.sandbox.population import (
    CHANGED_EMAIL,
    EMPLOYED,
    IN_HOUSEHOLD,
    MOVED,
    RENAMED,
    SECOND_EMAIL,
    populate,
)
from connectors.sandbox.world import Account, World
from tests.sandbox.conftest import first_accounts
from tests.sandbox.difficulty import Record, findable, pairs_by, raw, records, shares_something


@pytest.fixture(scope="module")
def world(default_world: Sandbox) -> World:
    return default_world.world


@pytest.fixture(scope="module")
def found(world: World) -> list[Record]:
    return list(records(world))


def of_people(world: World) -> list[tuple[Account, Person]]:
    return [(a, a.owner) for a in first_accounts(world) if isinstance(a.owner, Person)]


def test_five_thousand_people_leave_about_twelve_thousand_records_in_four_systems(world: World) -> None:
    assert len(world.population.people) == 5_000
    assert 11_000 < len(first_accounts(world)) < 13_000
    counts = Counter((a.system, a.stream) for a in first_accounts(world))
    assert min(counts[key] for key in (("stripe", "customers"), ("zendesk", "users"), ("shopify", "customers"))) > 2_000
    assert counts["google_ads", "leads"] > 1_000
    assert counts["shopify", "orders"] > 1_000
    assert counts["stripe", "charges"] > 80


def test_no_customer_has_more_than_twelve_records(world: World) -> None:
    sizes = Counter(a.entity_id for a in first_accounts(world))
    assert 5 <= max(sizes.values()) <= 12
    assert sum(n > 1 for n in sizes.values()) > 0.6 * len(sizes)


def test_exact_email_does_a_good_part_but_not_all(found: list[Record]) -> None:
    recall, precision = pairs_by(found, lambda record: record.email)
    assert 0.60 < recall < 0.85
    assert 0.90 < precision < 0.985


def test_the_target_is_within_reach_and_a_rest_is_not(found: list[Record]) -> None:
    share = findable(found, shares_something)
    # recall 0.90 is asked for; pairs that share no more than a name stay in the truth and out of reach
    assert 0.93 < share < 0.985


def test_other_evidence_than_email_is_needed(found: list[Record]) -> None:
    by_email = findable(found, lambda a, b: bool(a.email and a.email == b.email))
    by_both = findable(found, lambda a, b: bool((a.email and a.email == b.email) or (a.phone and a.phone == b.phone)))
    assert by_email + 0.08 < by_both < findable(found, shares_something) - 0.02


def test_a_name_alone_misleads(found: list[Record]) -> None:
    _, precision = pairs_by(found, lambda record: record.name if len(record.name) > 1 else None)
    assert 0.85 < precision < 0.97


@pytest.mark.parametrize(
    ("stated", "has"),
    [
        (SECOND_EMAIL, lambda p: p.second_email is not None),
        (MOVED, lambda p: len(p.address.all()) > 1),
        (RENAMED, lambda p: len(p.family.all()) > 1),
        (CHANGED_EMAIL, lambda p: len(p.email.all()) > 1),
        (EMPLOYED, lambda p: p.employer is not None),
    ],
)
def test_stated_shares_of_people_hold(world: World, stated: float, has: object) -> None:
    assert callable(has)
    share = sum(map(has, world.population.people)) / len(world.population.people)
    assert share == pytest.approx(stated, rel=0.2)


def test_households_share_address_and_name_and_some_a_mailbox_or_a_landline(world: World) -> None:
    homes: dict[object, list[Person]] = {}
    for person in world.population.people:
        homes.setdefault(person.address.all()[0], []).append(person)
    shared = [people for people in homes.values() if len(people) > 1]
    assert sum(map(len, shared)) / 5_000 == pytest.approx(IN_HOUSEHOLD, rel=0.2)
    assert all(len({p.family.all()[0] for p in people}) == 1 for people in shared)
    mailboxes = sum(len({p.email.all()[0] for p in people}) < len(people) for people in shared)
    lines = sum(people[0].landline is not None and len({p.landline for p in people}) == 1 for people in shared)
    one_name = sum(len({p.given for p in people}) < len(people) for people in shared)
    assert 0.15 < mailboxes / len(shared) < 0.4
    assert 0.3 < lines / len(shared) < 0.6
    assert 0.05 < one_name / len(shared) < 0.25


def test_some_mailboxes_went_from_one_person_to_another(world: World) -> None:
    users: dict[str, set[str]] = {}
    for person in world.population.people:
        for address in person.email.all():
            users.setdefault(address, set()).add(person.entity_id)
    passed_on = [p for p in world.population.people if len(p.email.all()) > 1 and len(users[p.email.all()[0]]) > 1]
    assert len(passed_on) >= 10


def test_stated_rates_of_the_second_email_hold(world: World) -> None:
    two = [(a, p) for a, p in of_people(world) if p.second_email and a.stream == "customers" and a.system == "stripe"]
    used = sum((raw(world, account)[1] or "").lower() == person.second_email for account, person in two)
    assert used / len(two) == pytest.approx(RATES.second_email, rel=0.25)


def test_stated_rates_of_damaged_names_hold(world: World) -> None:
    seen: Counter[str] = Counter()
    for account, person in of_people(world):
        if account.system == "shopify" and account.stream == "customers":
            customer = world.shopify.customers.get(account.key)
            assert customer is not None
            given = customer["firstName"]
            seen["all"] += 1
            seen["with nickname"] += person.known_as is not None
            seen["nickname"] += person.known_as is not None and given.lower() == person.known_as.lower()
            seen["initial"] += given == f"{person.given.latin[0]}."
            seen["swapped"] += given.lower() == person.family.all()[0].latin.lower()
            seen["shouted"] += given.isupper() and len(given) > 2 and given.isascii()
    assert seen["nickname"] / seen["with nickname"] == pytest.approx(RATES.nickname, rel=0.3)
    assert seen["initial"] / seen["all"] == pytest.approx(RATES.initial, rel=0.5)
    assert seen["swapped"] / seen["all"] == pytest.approx(RATES.swapped, rel=0.5)
    assert seen["shouted"] / seen["all"] == pytest.approx(RATES.shouted, rel=0.5)


def test_stated_coverage_of_the_channels_holds(world: World) -> None:
    stated = {"stripe": (0.96, 0.45, 0.80), "zendesk": (0.94, 0.41, 0.0), "google_ads": (0.95, 0.90, 0.85)}
    for system, shares in stated.items():
        held = [raw(world, a) for a, _ in of_people(world) if a.system == system and a.stream in ("customers", "users", "leads")]
        for column, share in zip((1, 2, 3), shares, strict=True):
            has = sum(bool(values[column] and (column < 3 or any(values[3].values()))) for values in held) / len(held)
            assert has == pytest.approx(share, abs=0.03), (system, column)


def test_junk_values_come_where_the_system_lets_them_in_and_only_there(world: World) -> None:
    junk: Counter[str] = Counter()
    for account in first_accounts(world):
        _, email, phone, _ = raw(world, account)
        place = f"{account.system}/{account.stream}"
        junk[f"{place} email"] += email in JUNK_EMAILS
        junk[f"{place} phone"] += phone in JUNK_PHONES
        junk["md5"] += email == MD5_OF_NOTHING
    assert junk["stripe/customers email"] > 10
    assert junk["google_ads/leads phone"] > 5
    assert junk["shopify/orders email"] > 5
    assert junk["md5"] >= 1
    # a shop account and a help desk need an address that can be written to
    assert junk["shopify/customers email"] == junk["shopify/customers phone"] == junk["zendesk/users email"] == 0


def test_all_other_emails_are_well_formed_and_reach_nobody(world: World) -> None:
    addresses = {email for a in first_accounts(world) if (email := raw(world, a)[1]) and email not in JUNK_EMAILS}
    sample = sorted(addresses)[::10]
    assert len(sample) > 500
    for address in sample:
        assert validate_email(address, check_deliverability=False).domain.endswith(".example")


def test_most_phones_are_valid_numbers_of_real_areas(world: World) -> None:
    grades: Counter[bool] = Counter()
    for account in first_accounts(world):
        phone = raw(world, account)[2]
        if phone and phone not in JUNK_PHONES and account.owner:
            grades[phonenumbers.is_valid_number(phonenumbers.parse(phone, account.owner.country))] += 1
    assert grades[True] / grades.total() > 0.95


def test_names_come_from_several_countries_in_their_own_letters(world: World) -> None:
    names = [name for a in first_accounts(world) if (name := raw(world, a)[0])]
    for letters in ("ü", "ß", "é", "ñ", "ł", "ś", "佐藤"):
        assert any(letters in name for name in names), letters
    assert {p.country for p in world.population.people} == {"US", "GB", "DE", "FR", "ES", "PL", "JP"}


def test_family_names_are_skewed_with_a_long_tail(world: World) -> None:
    counts = Counter(p.family.now.latin for p in world.population.people if p.country == "US")
    ranked = [n for _, n in counts.most_common()]
    assert ranked[0] > 5 * ranked[len(ranked) // 3]
    assert sum(n == 1 for n in ranked) > 0.3 * len(ranked)


def test_companies_have_role_mailboxes_and_people_who_work_there(world: World) -> None:
    companies = [a for a in first_accounts(world) if isinstance(a.owner, Company)]
    assert len(companies) > 400
    locals_ = {(raw(world, a)[1] or "").split("@")[0].lower() for a in companies}
    assert {"info", "billing"} <= locals_
    mailboxes = {m for c in world.population.companies for m in c.mailboxes}
    assert sum((raw(world, a)[1] or "").lower() in mailboxes for a, _ in of_people(world)) > 15
    switchboards = {c.phone for c in world.population.companies}
    assert sum(raw(world, a)[2] in switchboards for a, _ in of_people(world)) > 10


def test_a_person_stays_who_they_are_when_there_are_more_of_them() -> None:
    few, many = populate(5, 50, 1_800_000_000), populate(5, 200, 1_800_000_000)
    same = [a.given == b.given and a.mobile == b.mobile for a, b in zip(few.people[:40], many.people, strict=False)]
    assert sum(same) > 30
