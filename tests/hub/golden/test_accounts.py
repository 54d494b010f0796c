"""Which company a customer belongs to, and when it is better not to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from hub.golden import GoldenSettings, build_golden
from tests.hub.parties import T0, assign, stage_parties, warehouse

ACME = {"company_name": "Acme Tools GmbH", "email": "info@acmetools.de", "country": "DE"}
Records = dict[str, dict[str, Any]]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    made = warehouse()
    yield made
    made.close()


def person(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"given_name": "Ann", "family_name": f"Lee{'abcdefghij'[number % 10]}", **fields}


def accounts(con: duckdb.DuckDBPyConnection, records: Records, customers: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """The company and the rule of every customer that has one; a record is a customer of its own unless said otherwise."""
    stage_parties(con, [{"key": _key(name), **fields} for name, fields in records.items()])
    named = customers or {}
    grouped = {record for members in named.values() for record in members}
    alone = {record: [record] for record in records if record not in grouped}
    assign(con, {customer: [_key(record) for record in members] for customer, members in (named | alone).items()})
    build_golden(con, GoldenSettings(("crm",)), load_id="L1", live=None, now=T0)
    found = con.execute("SELECT customer_id, account_customer_id, account_rule FROM golden.customer ORDER BY 1").fetchall()
    assert {row[0] for row in found} == {*named, *alone}
    return {customer: (account, rule) for customer, account, rule in found if account is not None}


def _key(name: str) -> str:
    source, _, record = name.rpartition("/")
    return f"{source or 'crm'}:contacts:{record}"


@pytest.mark.parametrize(
    ("company", "member", "rule"),
    [
        (ACME, person(company_name="ACME TOOLS"), "company_name"),
        (ACME, person(company_name="Acme Tools Ltd", email="ann@mail.net"), "company_name"),
        (ACME, person(email="ann@acmetools.de"), "email_domain"),
        ({**ACME, "tax_id": "DE 811-234-567"}, person(tax_id="de811234567"), "tax_id"),
        # the domain need not look like the name where the company's role mailbox is in it
        ({"company_name": "Zarbo Holding", "email": "office@getpizza.io"}, person(email="hanna@getpizza.io"), "email_domain"),
        # nobody's name: a mailbox of the company
        (ACME, {"email": "billing@acmetools.de"}, "email_domain"),
        # a sole trader: the person and the firm share a mailbox, at a provider's
        (
            {"full_name": "Jan Novak", "company_name": "Jan Novak", "email": "jan.novak77@seznam.cz"},
            {"given_name": "Jan", "family_name": "Novak", "email": "jan.novak77@seznam.cz"},
            "mailbox",
        ),
        ({"company_name": "Globex Inc"}, person(account_id="company"), "record"),
    ],
)
def test_a_person_carries_the_id_of_their_company(
    con: duckdb.DuckDBPyConnection, company: dict[str, Any], member: dict[str, Any], rule: str
) -> None:
    assert accounts(con, {"company": company, "member": member}) == {"member": ("company", rule)}


@pytest.mark.parametrize(
    "records",
    [
        # nothing in common, or nothing that says so
        {"firm": ACME, "ann": person(email="ann@mail.net")},
        {"firm": {**ACME, "phone": "+49 30 901820"}, "ann": person(phone="+49 30 901820")},
        # a provider's domain is nobody's, and neither is a relay's
        {"firm": {"company_name": "Smith Plumbing", "email": "info.smithplumbing@gmail.com"}, "ann": person(email="ann@gmail.com")},
        {"firm": {"company_name": "Bluewin Kiosk", "email": "kiosk@bluewin.ch"}, "ann": person(email="ann.lee@bluewin.ch")},
        {
            "firm": {"company_name": "Amazon Seller", "email": "abc@marketplace.amazon.de"},
            "ann": person(email="x1@marketplace.amazon.de"),
        },
        # a domain that does not look like the company, and no role mailbox in it
        {
            "firm": {"company_name": "Smith Plumbing", "email": "joe@regionalnet.example.se"},
            "ann": person(email="ann@regionalnet.example.se"),
        },
        # two companies in one domain
        {
            "york": {"company_name": "Burger York", "email": "info@burgerhouse.co.uk"},
            "bath": {"company_name": "Burger Bath", "email": "info@burgerhouse.co.uk"},
            "ann": person(email="ann@burgerhouse.co.uk"),
        },
        # of another company by their own word
        {"firm": ACME, "ann": person(email="ann@acmetools.de", company_name="Globex Consulting")},
        # two companies of one name, and nothing that tells which
        {
            "one": {"company_name": "Acme", "country": "DE"},
            "two": {"company_name": "Acme", "country": "FR"},
            "ann": person(company_name="Acme"),
        },
        # one record names one company, one another
        {
            "one": {"company_name": "Acme"},
            "two": {"company_name": "Globex"},
            "a": person(company_name="Acme"),
            "b": person(company_name="Globex"),
        },
        # the ID of the company's record means that only within its source
        {"erp/7": {"company_name": "Globex Inc"}, "ann": person(account_id="7")},
        {"firm": {**ACME, "is_test": "true"}, "ann": person(company_name="Acme Tools")},
    ],
)
def test_what_is_ambiguous_or_too_little_names_no_company(con: duckdb.DuckDBPyConnection, records: Records) -> None:
    both = {"b1": ["a", "b"]} if "b" in records else None
    assert accounts(con, records, both) == {}


def test_companies_of_one_name_are_told_apart_by_what_else_is_known(con: duckdb.DuckDBPyConnection) -> None:
    records = {
        "uk": {"company_name": "Acme Ltd", "country": "GB", "city": "Leeds"},
        "de": {"company_name": "Acme GmbH", "country": "DE", "email": "info@acme.de"},
        "spelt": person(1, company_name="Acme GmbH", country="GB"),
        "placed": person(2, company_name="Acme", country="GB"),
        "mailed": person(3, company_name="Acme", email="ann@acme.de", country="GB"),
        "lost": person(4, company_name="Acme"),
    }
    assert accounts(con, records) == {
        "spelt": ("de", "company_name"),
        "placed": ("uk", "company_name"),
        "mailed": ("de", "company_name"),
    }


def test_stronger_evidence_outweighs_weaker(con: duckdb.DuckDBPyConnection) -> None:
    records = {"acme": ACME, "7": {"company_name": "Globex"}}
    assert accounts(con, {**records, "ann": person(company_name="Acme Tools", account_id="7")})["ann"] == ("7", "record")


def test_a_domain_belongs_to_the_company_that_its_people_name(con: duckdb.DuckDBPyConnection) -> None:
    records = {"firm": {"company_name": "Zarbo Holding", "email": "joe@getpizza.io"}, "quiet": person(0, email="quiet@getpizza.io")}
    named = {f"p{n}": person(n, email=f"p{n}@getpizza.io", company_name="Zarbo Holding AG") for n in (1, 2)}
    assert accounts(con, {**records, **named})["quiet"] == ("firm", "email_domain")
    assert "quiet" not in accounts(warehouse(), {**records, "p1": named["p1"]})


def test_a_provider_that_no_list_knows_shows_by_how_many_use_it(con: duckdb.DuckDBPyConnection) -> None:
    firm = {"company_name": "Smith Plumbing", "email": "office@valley-telecom.net"}
    few = {f"p{n}": person(n, email=f"p{n}@valley-telecom.net") for n in range(3)}
    many = {f"p{n}": person(n, email=f"p{n}@valley-telecom.net") for n in range(61)}
    assert set(accounts(con, {"firm": firm, **few})) == set(few)
    assert accounts(warehouse(), {"firm": firm, **many}) == {}


def test_a_value_that_is_blocked_names_no_company(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("INSERT INTO identity.blocked_value VALUES ('tax_id', '999999973', 99, 'shared by too many records')")
    records = {"firm": {"company_name": "Acme", "tax_id": "GB999999973"}, "ann": person(tax_id="GB 999999973")}
    assert accounts(con, records) == {}


def test_a_customer_with_a_person_is_no_company_and_a_company_belongs_to_none(con: duckdb.DuckDBPyConnection) -> None:
    records = {
        "firm": ACME,
        "other": {"company_name": "Acme Tools Service GmbH", "email": "service@globex.de"},
        "boss": person(1, company_name="Acme Tools"),
        "ann": person(2, company_name="Acme Tools"),
    }
    assert accounts(con, records, {"mixed": ["firm", "boss"]}) == {}


def test_the_company_follows_the_customer_it_became(con: duckdb.DuckDBPyConnection) -> None:
    records = {
        "one": ACME,
        "erp/two": {"company_name": "Acme Tools", "tax_id": "DE811234567"},
        "ann": person(company_name="Acme Tools"),
    }
    assert accounts(con, records, {"c_acme": ["one", "erp/two"]}) == {"ann": ("c_acme", "company_name")}
