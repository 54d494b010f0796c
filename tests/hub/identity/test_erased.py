"""By what erased people are known again, and that nobody else is taken for them."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from typing import NamedTuple

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.identity.erased import Entry, entries_of, prepare, recognised

SECRET = b"s" * 32


class Party(NamedTuple):
    """What of a party counts here; the customer it is of."""

    customer: str
    given: str | None
    family: str | None
    email: str | None
    phone: str | None


@cache
def one_for_all() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def staged(con: duckdb.DuckDBPyConnection, relation: str, parties: dict[str, Party]) -> None:
    con.execute(
        f"CREATE OR REPLACE TABLE {relation} (record_key VARCHAR, given_key VARCHAR, family_key VARCHAR, company_key VARCHAR,"
        " email_key VARCHAR, email_is_role BOOLEAN, phone_key VARCHAR)"
    )
    for key, p in parties.items():
        role = (p.email or "").startswith("info@")
        con.execute(f"INSERT INTO {relation} VALUES (?, ?, ?, NULL, ?, ?, ?)", [key, p.given, p.family, p.email, role, p.phone])


def listed(con: duckdb.DuckDBPyConnection, known: dict[str, Party], who: str) -> list[Entry]:
    """Erase a customer of those known, and leave the list ready."""
    con.execute("CREATE SCHEMA IF NOT EXISTS staging")
    staged(con, "staging.party_record", known)
    prepare(con, SECRET)
    con.execute("CREATE OR REPLACE TEMP TABLE erasing (record_key VARCHAR, customer_id VARCHAR)")
    for key, party in known.items():
        if party.customer == who:
            con.execute("INSERT INTO erasing VALUES (?, ?)", [key, who])
    entries = entries_of(con)
    prepare(con, SECRET, entries)
    return entries


def theirs(known: dict[str, Party], new: dict[str, Party], who: str) -> set[str]:
    """The rule as the documentation has it."""
    own = [p for p in known.values() if p.customer == who]
    others = [p for p in known.values() if p.customer != who]
    givens, families = {p.given for p in own if p.given}, {p.family for p in own if p.family}

    def is_theirs(key: str, p: Party) -> bool:
        if key in known and known[key].customer == who:
            return True
        if key in known:
            return False  # somebody's already
        both = p.given in givens and p.family in families
        if p.email is not None and p.email in {o.email for o in own}:
            alone = p.email not in {o.email for o in others} and not p.email.startswith("info@")
            nameless = p.given is None and p.family is None
            if both or (alone and (nameless or p.given in givens or p.family in families)):
                return True
        return p.phone is not None and p.phone in {o.phone for o in own} and both

    return {key for key, party in new.items() if is_theirs(key, party)}


def maybe(*words: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from((None, *words))


parties = st.builds(
    Party,
    st.sampled_from(("c_1", "c_2", "c_3")),
    maybe("ann", "bob"),
    maybe("lee", "hill"),
    maybe("a@x.org", "b@x.org", "info@x.org"),
    maybe("4420", "4930"),
)
keys = st.integers(1, 9).map(lambda n: f"crm:contacts:{n}")


@settings(max_examples=60, deadline=None)
@given(known=st.dictionaries(keys, parties, max_size=5), new=st.dictionaries(keys, parties, max_size=5))
def test_the_erased_are_known_again_and_nobody_else_is_taken_for_them(known: dict[str, Party], new: dict[str, Party]) -> None:
    with one_for_all().cursor() as con:
        listed(con, known, "c_1")
        staged(con, "came", new)
        assert set(recognised(con, "came", "staging.party_record")) == theirs(known, new, "c_1")


def test_the_list_holds_hmacs_and_names_nobody() -> None:
    known = {
        "crm:contacts:1": Party("c_1", "ann", "lee", "ann@x.org", "4420"),
        "crm:contacts:2": Party("c_2", "bob", None, None, None),
    }
    with duckdb.connect() as con:
        entries = listed(con, known, "c_1")
        (name,) = con.execute("SELECT erased_name('crm:contacts:1')").fetchall()[0]
    made = {entry.hmac for entry in entries}
    assert hmac.new(SECRET, b"record|crm:contacts:1", hashlib.sha256).hexdigest() in made
    assert hmac.new(SECRET, b"email|ann@x.org|given|ann", hashlib.sha256).hexdigest() in made
    assert {entry.kind for entry in entries} == {"record", "email", "email_name", "phone_name"}
    assert name == "crm:contacts:erased-" + hmac.new(SECRET, b"record|crm:contacts:1", hashlib.sha256).hexdigest()[:24]
