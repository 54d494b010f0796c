"""Households, namesakes and companies as sources send them: who is one customer, with the defaults and with a learnt model."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.hub.identity.helpers import customers
from tests.hub.identity.scenarios import Fields, Story, found, resolved, story

PEOPLE = (
    "Urs Aebi", "Beat Bodmer", "Reto Caduff", "Anja Danioth", "Nina Egli",
    "Lea Frei", "Jonas Gasser", "Luca Huber", "Noah Iten", "Mia Jost",
    "Lara Kunz", "Elin Lauener", "Sven Meier", "Timo Naef", "Jan Odermatt",
    "Kai Pfister", "Eva Quadri", "Ida Roth", "Pia Suter", "Uwe Tanner",
    "Lutz Ulrich", "Jens Vogt", "Karl Weber", "Otto Ximenes", "Emil Yersin",
    "Anton Zaugg", "Moritz Amstutz", "Felix Baumann", "Paul Christen", "Max Deplazes",
    "Elsa Eberle", "Greta Furrer", "Hanna Graf", "Clara Hess", "Marta Imhof",
    "Rosa Jenni", "Vera Kaspar", "Olga Lutz", "Nora Moser", "Edda Niederer",
)  # fmt: skip
BRANCHES = {"York": "YO1 7AA", "Leeds": "LS1 2BB", "Bath": "BA1 1CC", "Derby": "DE1 1DD", "Truro": "TR1 1EE"}


def at(address: str) -> Fields:
    """A British address: street, city, postal code."""
    street, city, postal = address.split(", ")
    return {"address_line1": street, "city": city, "postal_code": postal, "country": "GB"}


def person(name: str, **fields: str) -> Fields:
    given, family = name.split(" ", 1)
    return {"given_name": given, "family_name": family, **fields}


def oberholzer() -> dict[str, Fields]:
    """A company, and forty of its people at its switchboard."""
    firm = {"company_name": "Oberholzer Logistik AG", "phone": "+41 44 668 18 00", "country": "CH"}
    return {"xero:1": firm} | {f"crm:{n}": {**person(name), **firm} for n, name in enumerate(PEOPLE)}


def branches(name: str, mailbox: str) -> dict[str, Fields]:
    """Franchisees of one name and domain in five towns."""
    return {
        f"erp:{town}": {
            "company_name": f"{name} {town}",
            "email": f"{mailbox or town.lower()}@{name.replace(' ', '').lower()}.com",
            "city": town,
            "postal_code": postal,
            "address_line1": f"{number} High Street",
            "country": "GB",
        }
        for number, (town, postal) in enumerate(BRANCHES.items(), 1)
    }


ALIKE = {"country": "GB", "city": "Leeds", "address_line1": "1 Kirkgate", "postal_code": "LS1 1AA"}
ABROAD = {"country": "DE", "city": "Bremen", "address_line1": "Am Wall 4", "postal_code": "28195"}
STORIES = (
    story(
        "a woman who married and moved",
        {
            "crm:1": person(
                "Helena Jarrold", email="h.jarrold@mail.net", birth_date="1988-04-11", **at("12 Quarry Bank, Malvern, WR14 2AA")
            ),
            "shop:1": person(
                "Helena Kettlewell",
                email="h.jarrold@mail.net",
                birth_date="1988-04-11",
                **at("44 Saltmarsh Drive, Whitby, YO21 3DD"),
            ),
        },
        ["crm:1", "shop:1"],
    ),
    story(
        "senior and junior, with birth dates",
        {
            "crm:1": person("Alan Crowhurst Sr", birth_date="1946-11-23", **at("6 Beacon Rise, Buxton, SK17 6FF")),
            "shop:1": person("Alan Crowhurst Jr", birth_date="1976-06-09", **at("6 Beacon Rise, Buxton, SK17 6FF")),
        },
    ),
    story(
        "senior and junior",
        {
            "crm:1": person("Walter Brackenbury Sr", phone="01423 561777", **at("5 Castle View, Alnwick, NE66 1HH")),
            "shop:1": person("Walter Brackenbury Jr", phone="01423 561777", **at("5 Castle View, Alnwick, NE66 1HH")),
        },
    ),
    story(
        "role mailboxes of one company",
        {
            "crm:1": {"company_name": "Lindqvist Marine AB", "email": "info@lindqvistmarine.se", "country": "SE"},
            "xero:1": {"company_name": "Lindqvist Marine", "email": "info@lindqvistmarine.se", "country": "SE"},
            "crm:2": person("Astrid Nyberg", company_name="Lindqvist Marine AB", email="info@lindqvistmarine.se"),
            "crm:3": person("Olof Sandstrom", company_name="Lindqvist Marine AB", email="info@lindqvistmarine.se"),
            "desk:1": person("Olof Sandstrom", company_name="Lindqvist Marine", email="billing@lindqvistmarine.se"),
        },
        ["crm:1", "xero:1"],
        ["crm:3", "desk:1"],
    ),
    story(
        "a company, its invoice contact and the person behind",
        {
            "xero:1": {"company_name": "Vandermeer Optics BV", "email": "v.smit@vandermeeroptics.nl", "country": "NL"},
            "crm:1": person("Veerle Smit", company_name="Vandermeer Optics BV", email="v.smit@vandermeeroptics.nl"),
            "desk:1": person("Veerle Smit", email="v.smit@vandermeeroptics.nl"),
        },
        ["crm:1", "desk:1"],
    ),
    story(
        "a sole trader",
        {
            "xero:1": {"full_name": "Tobias Wackernagel", "company_name": "Tobias Wackernagel", "email": "tobias@wackernagel.de"},
            "crm:1": person("Tobias Wackernagel", email="tobias@wackernagel.de"),
            "shop:1": person("Tobias Wackernagel", company_name="Tobias Wackernagel", email="tobias@wackernagel.de"),
        },
        ["crm:1", "shop:1"],
    ),
    story(
        "one company with and without its legal form",
        {
            "a:1": {
                "company_name": "Müller & Söhne GmbH",
                "city": "Kassel",
                "address_line1": "Hafenstr. 5",
                "postal_code": "34125",
                "country": "DE",
            },
            "b:1": {
                "company_name": "Müller und Söhne",
                "city": "Kassel",
                "address_line1": "Hafenstraße 5",
                "postal_code": "34125",
                "country": "DE",
            },
            "c:1": {
                "company_name": "MÜLLER & SÖHNE GmbH & Co. KG",
                "city": "Kassel",
                "address_line1": "Hafenstrasse 5",
                "postal_code": "34125",
                "country": "DE",
            },
            "d:1": {
                "company_name": "Müller + Söhne G.m.b.H.",
                "city": "Kassel",
                "address_line1": "Hafenstr 5",
                "postal_code": "34125",
                "country": "DE",
            },
        },
        ["a:1", "b:1", "c:1", "d:1"],
    ),
    story("franchisees in one domain", branches("Tavernier Burger", "")),
)
# a model learnt from a population whose households and workplaces are few still takes some of these for one
CAREFUL = (
    story(
        "companies of one name in two countries",
        {
            "a:1": {"company_name": "Sturmvogel Ltd", "tax_id": "GB404833048", **ALIKE},
            "b:1": {"company_name": "Sturmvogel GmbH", "tax_id": "DE812345678", **ABROAD},
        },
    ),
    story(
        "a couple with one landline and one mailbox",
        {
            "crm:1": person(
                "Margaret Thistlewood",
                phone="01423 560123",
                email="thistlewoods@btinternet.com",
                **at("14 Larchfield Road, Harrogate, HG2 7RT"),
            ),
            "shop:1": person(
                "Desmond Thistlewood",
                phone="01423 560123",
                email="thistlewoods@btinternet.com",
                **at("14 Larchfield Road, Harrogate, HG2 7RT"),
            ),
            "shop:2": person(
                "Margaret Thistlewood", email="thistlewoods@btinternet.com", **at("14 Larchfield Road, Harrogate, HG2 7RT")
            ),
            "desk:1": person("Desmond Thistlewood", phone="01423 560123", email="thistlewoods@btinternet.com"),
        },
        ["crm:1", "shop:2"],
        ["shop:1", "desk:1"],
    ),
    story(
        "orders of a wife with her husband's mailbox",
        {
            "crm:1": person(
                "Helena Ingoldsby",
                email="helena.ingoldsby@mail.net",
                phone="07700 900111",
                **at("11 Tithebarn Lane, Ludlow, SY8 1BB"),
            ),
            "crm:2": person(
                "Rupert Ingoldsby",
                email="rupert.ingoldsby@mail.net",
                phone="07700 900222",
                **at("11 Tithebarn Lane, Ludlow, SY8 1BB"),
            ),
            "shop:9": person("Helena Ingoldsby", email="rupert.ingoldsby@mail.net", **at("11 Tithebarn Lane, Ludlow, SY8 1BB")),
            "pay:1": person("Rupert Ingoldsby", email="rupert.ingoldsby@mail.net"),
        },
        ["crm:1", "shop:9"],
        ["crm:2", "pay:1"],
    ),
    story(
        "parent and child of one name under one roof",
        {
            "crm:1": person(
                "Gordon Applegarth", birth_date="1951-03-02", phone="01423 560777", **at("3 Orchard Mews, Totnes, TQ9 5EE")
            ),
            "shop:1": person(
                "Gordon Applegarth", birth_date="1981-07-19", phone="01423 560777", **at("3 Orchard Mews, Totnes, TQ9 5EE")
            ),
        },
    ),
    story(
        "parent and child with a mailbox each",
        {
            "crm:1": person(
                "Piers Dunwoody", birth_date="1949-03-02", email="piers.dunwoody@mail.net", **at("7 Heron Close, Penrith, CA11 7GG")
            ),
            "shop:1": person(
                "Piers Dunwoody", birth_date="1979-05-12", email="piersd79@mail.net", **at("7 Heron Close, Penrith, CA11 7GG")
            ),
            "desk:1": person("Piers Dunwoody", email="piersd79@mail.net", **at("7 Heron Close, Penrith, CA11 7GG")),
            "desk:2": person("Piers Dunwoody", email="piers.dunwoody@mail.net", **at("7 Heron Close, Penrith, CA11 7GG")),
        },
        ["crm:1", "desk:2"],
        ["shop:1", "desk:1"],
    ),
    story("forty people at a switchboard", oberholzer()),
    story(
        "subsidiaries with the group's mailbox",
        {
            "a:1": {"company_name": "Rotherwick UK Ltd", "email": "info@rotherwick.com", **ALIKE},
            "b:1": {"company_name": "Rotherwick Germany GmbH", "email": "info@rotherwick.com", **ABROAD},
            "c:1": {"company_name": "Rotherwick France SARL", "email": "info@rotherwick.com", "country": "FR", "city": "Lyon"},
        },
    ),
    story("franchisees with one mailbox", branches("Underhill Pizza", "info")),
)


@pytest.fixture(scope="module")
def learnt() -> Iterator[duckdb.DuckDBPyConnection]:
    """The stories among a population that is large enough to learn from."""
    con = resolved(STORIES, among=5000)
    assert con.execute("SELECT parameters->>'origin' FROM identity.model").fetchall() == [("trained",)]
    yield con
    con.close()


@pytest.mark.parametrize("told", [*STORIES, *CAREFUL], ids=lambda told: told.name)
def test_people_and_companies_alone(told: Story) -> None:
    con = resolved([told])
    assert found(con, told) == told.expected()
    assert len(customers(con)) == len(told.records)


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.name)
def test_people_and_companies_among_others(told: Story, learnt: duckdb.DuckDBPyConnection) -> None:
    assert found(learnt, told) == told.expected()
