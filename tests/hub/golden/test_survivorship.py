"""Which value survives: every rule, the order of ties, what never wins, and what a steward says of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.contract.errors import ConfigError
from hub.golden import TABLES, GoldenSettings, SurvivorshipSettings, build_golden
from hub.golden.attributes import ATTRIBUTES, DECIDED_BY
from hub.golden.build import sql
from hub.golden.lookup import customer_card, find_customers
from hub.golden.maker import Maker
from hub.golden.overrides import attribute_named, given_values, written_value
from hub.golden.survivorship import put_in_force, rank_attributes
from tests.hub.parties import T0, assign, stage_parties, warehouse

SOURCES = ("shop", "bill", "help")
DAY = timedelta(days=1)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    made = warehouse()
    yield made
    made.close()


def party(key: str, **values: Any) -> dict[str, Any]:
    return {"key": key, "given_name": "Ann", "family_name": "Lee", "country": "GB"} | values


def one_customer(con: duckdb.DuckDBPyConnection, *records: dict[str, Any]) -> None:
    stage_parties(con, records)
    assign(con, {"c_1": [record["key"] for record in records]})


def override(con: duckdb.DuckDBPyConnection, id_: str, record: str, attribute: str, action: str, **more: Any) -> None:
    """Write an override down, as the copy of the control store has it."""
    con.execute("CREATE SCHEMA IF NOT EXISTS steward")
    con.execute(
        "CREATE TABLE IF NOT EXISTS steward.attribute_override (override_id VARCHAR, anchor_record_key VARCHAR, attribute VARCHAR,"
        " action VARCHAR, value VARCHAR, reason VARCHAR, created_by VARCHAR, created_at TIMESTAMP, expires_at TIMESTAMP,"
        " revoked_at TIMESTAMP, revoked_by VARCHAR, revoke_reason VARCHAR)"
    )
    row = {"override_id": id_, "anchor_record_key": record, "attribute": attribute, "action": action, "reason": "because"}
    row |= {"created_by": "ada", "created_at": T0} | more
    con.execute(
        f"INSERT INTO steward.attribute_override ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )


def golden_settings(con: duckdb.DuckDBPyConnection, rules: Mapping[str, Any] | None = None) -> GoldenSettings:
    known = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'attribute_override' AND schema_name = 'steward'")
    overrides = "steward.attribute_override" if known.fetchall()[0][0] else None
    return GoldenSettings(SOURCES, SurvivorshipSettings(**rules or {}), overrides=overrides)


def build(
    con: duckdb.DuckDBPyConnection,
    rules: Mapping[str, Any] | None = None,
    *,
    load: str = "L1",
    live: str | None = None,
    now: datetime = T0,
) -> Any:
    return build_golden(con, golden_settings(con, rules), load_id=load, live=live, now=now)


def rank(con: duckdb.DuckDBPyConnection, rules: Mapping[str, Any] | None = None, now: datetime = T0) -> list[tuple[Any, ...]]:
    """The whole of golden.customer_attribute; the other golden tables are not built."""
    con.execute("CREATE SCHEMA IF NOT EXISTS golden")
    con.execute(sql("owner"))
    settings = golden_settings(con, rules)
    put_in_force(con, settings, now)
    rank_attributes(Maker(con, TABLES, "L1", None), settings, now)
    return con.execute("SELECT * EXCLUDE (load_id) FROM golden.customer_attribute ORDER BY ALL").fetchall()


def ranking(con: duckdb.DuckDBPyConnection, attribute: str) -> list[tuple[str, str]]:
    """Values of an attribute with the rules that decided, best first."""
    query = "SELECT value, survivorship_rule FROM golden.customer_attribute WHERE attribute = ? ORDER BY rank_no, record_key"
    return con.execute(query, [attribute]).fetchall()


def winner(con: duckdb.DuckDBPyConnection, attribute: str) -> str | None:
    query = "SELECT value FROM golden.customer_attribute WHERE attribute = ? AND is_winner"
    found = con.execute(query, [attribute]).fetchall()
    assert len(found) <= 1
    return found[0][0] if found else None


# rules ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "email", "rule"),
    [
        (["source_priority"], "zoe@mail.org", "source_priority"),
        (["recency"], "eve@mail.org", "recency"),
        (["oldest"], "ann.lee.two@mail.org", "oldest"),
        (["longest"], "ann.lee.two@mail.org", "longest"),
        (["min"], "ann.lee.two@mail.org", "min"),
        (["max"], "zoe@mail.org", "max"),
        (["trust"], "eve@mail.org", "trust"),
        (["verified", "max"], "zoe@mail.org", "max"),
        ([{"expression": "CASE WHEN source_system = 'bill' THEN 1 END"}], "ann.lee.two@mail.org", "expression"),
        ([{"expression": "source_updated_at > '2026-01-02' AND stream = 'users'"}, "recency"], "eve@mail.org", "expression"),
        ([{"follow": "company_name"}], "ann.lee.two@mail.org", "follow"),
    ],
)
def test_a_rule_picks_its_winner_and_is_named(con: duckdb.DuckDBPyConnection, rules: list[Any], email: str, rule: str) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="zoe@mail.org", updated=T0 + 5 * DAY),
        party("bill:customers:1", email="ann.lee.two@mail.org", company_name="Lee Ltd", updated=T0 + 1 * DAY),
        party("help:users:1", email="eve@mail.org", updated=T0 + 9 * DAY),
    )
    trust = {"trust": {"help": {"max": 0.9}, "*": {"max": 0.5}}} if "trust" in rules else {}
    rank(con, {"fields": {"email": rules}, **trust})
    assert winner(con, "email") == email
    assert ranking(con, "email")[0] == (email, rule)


def test_a_loser_is_told_the_rule_by_which_it_lost(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", phone="020 7946 0018"),
        party("shop:customers:2", phone="020 7946 0019", updated=T0 - DAY),
        party("help:users:1", phone="020 7946 0020"),
        party("bill:customers:1", phone="+44 20 7946 00"),  # too short to be more than possible
    )
    rank(con)
    assert ranking(con, "phone_e164")[:3] == [
        ("+442079460018", "recency"),
        ("+442079460019", "recency"),
        ("+442079460020", "source_priority"),
    ]


def test_an_email_that_its_source_verified_stands_before_one_of_a_better_source(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="new@mail.org", email_verified="false", updated=T0 + 9 * DAY),
        party("bill:customers:1", email="billed@mail.org", updated=T0 + 9 * DAY),
        party("help:users:1", email="ann@mail.org", email_verified="true"),
        party("help:users:2", email="sales@acme.org", email_verified="true", updated=T0 + DAY),
    )
    build(con)
    query = "SELECT value, is_verified, survivorship_rule FROM golden.customer_attribute WHERE attribute = 'email' ORDER BY rank_no"
    # a source that says no is as one that says nothing; a role mailbox stays behind, confirmed or not
    assert con.execute(query).fetchall() == [
        ("ann@mail.org", True, "verified"),
        ("new@mail.org", False, "verified"),
        ("billed@mail.org", None, "verified"),
        ("sales@acme.org", True, "own_mailbox"),
    ]
    assert con.execute("SELECT count(*) FROM golden.customer_attribute WHERE attribute <> 'email' AND is_verified IS NOT NULL").fetchall() == [(0,)]  # fmt: skip # noqa: E501
    query = "SELECT id_value, is_verified FROM golden.customer_identifier WHERE id_type = 'email' ORDER BY id_value"
    assert con.execute(query).fetchall() == [
        ("ann@mail.org", True),
        ("billed@mail.org", None),
        ("new@mail.org", False),
        ("sales@acme.org", True),
    ]


def test_an_email_that_one_source_verified_is_verified_whatever_another_says(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="ann@mail.org", email_verified="false"),
        party("help:users:1", email="ANN@mail.org", email_verified="true"),
        party("bill:customers:1", email="ann@mail.org"),
    )
    build(con)
    assert con.execute("SELECT is_verified FROM golden.customer_identifier WHERE id_type = 'email'").fetchall() == [(True,)]


def test_of_two_role_mailboxes_the_verified_one_wins_and_verifying_costs_the_others_no_trust(
    con: duckdb.DuckDBPyConnection,
) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="info@acme.org", updated=T0 + DAY),
        party("help:users:1", email="sales@acme.org", email_verified="true"),
    )
    build(con)
    assert winner(con, "email") == "sales@acme.org"
    one_customer(con, party("bill:customers:1", email="ann@mail.org"), party("bill:customers:2", email="zoe@mail.org", email_verified="true"))  # fmt: skip # noqa: E501
    rank(con, {"fields": {"email": ["trust", "recency"]}, "trust": {"bill": {"max": 0.8}}})
    assert con.execute("SELECT DISTINCT trust_score FROM golden.customer_attribute WHERE attribute = 'email'").fetchall() == [
        (0.8,)
    ]


def test_frequency_counts_sources_and_not_rows_and_no_spelling(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        *(party(f"shop:customers:{n}", company_name="Acme Holding Ltd") for n in range(5)),
        party("bill:customers:1", company_name="Lee & Sons"),
        party("help:users:1", company_name="LEE AND SONS LTD"),
    )
    rank(con)
    assert winner(con, "company_name") == "Lee & Sons"  # two sources; of two spellings that of the first source
    assert ranking(con, "company_name")[-1] == ("Acme Holding Ltd", "frequency")


def test_a_value_agrees_with_the_winner_however_it_is_spelt(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", company_name="Acme Ltd", city="St. Albans"),
        party("bill:customers:1", company_name="ACME", city="Saint Albans"),
        party("help:users:1", company_name="Other GmbH"),
    )
    build(con)
    query = "SELECT value, agrees_with_winner FROM golden.customer_attribute WHERE attribute = 'company_name' ORDER BY rank_no"
    assert con.execute(query).fetchall() == [("Acme Ltd", True), ("ACME", True), ("Other GmbH", False)]
    conflicts = con.execute(
        "SELECT attribute, golden_value, distinct_values, source_count, is_settled, candidates FROM golden.conflicting_attribute"
    ).fetchall()
    assert [row[:5] for row in conflicts] == [("company_name", "Acme Ltd", 3, 3, False)]
    assert [(said["value"], said["source_systems"], said["is_winner"]) for said in conflicts[0][5]] == [
        ("Acme Ltd", ["shop"], True),
        ("ACME", ["bill"], False),
        ("Other GmbH", ["help"], False),
    ]


def test_a_group_follows_the_record_of_another_attribute_whole(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="a@mail.org", address_line1="1 Old Road", city="Leeds", postal_code="LS1 1AA"),
        party("bill:customers:1", email="b@mail.org", address_line1="2 New Street"),
    )
    rank(con, {"fields": {"email": [{"expression": "source_system = 'bill'"}]}, "groups": {"address": [{"follow": "email"}]}})
    assert (winner(con, "address_line1"), winner(con, "city"), winner(con, "postal_code")) == ("2 New Street", None, None)


def test_by_default_each_attribute_goes_by_what_suits_it(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", locale="en-GB", tax_id="GB123456789", company_name="Solo"),
        party("bill:customers:1", locale="de-DE", tax_id="GB999999999", company_name="Pair", updated=T0 + DAY),
        party("help:users:1", company_name="Pair", updated=T0 - DAY),
    )
    rank(con)
    assert [winner(con, name) for name in ("locale", "tax_id", "company_name")] == ["de-DE", "GB123456789", "Pair"]
    rank(con, {"default": ["oldest"]})
    assert [winner(con, name) for name in ("locale", "tax_id", "company_name")] == ["en-GB", "GB123456789", "Pair"]
    assert ranking(con, "company_name")[0][1] == "oldest"


# trust ------------------------------------------------------------------------------------------------------------------

DECAY = {"default": ["trust"], "trust": {"shop": {"max": 0.9, "min": 0.2, "half_life_days": 100}, "help": {"max": 0.6}}}


def test_trust_decays_by_the_sources_time_until_another_source_is_trusted_more(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org"))
    # .2 + .7 * .5 ** (age / 100) falls below .6 after 81 days
    for age, email in ((0, "a@mail.org"), (80, "a@mail.org"), (81, "b@mail.org"), (1000, "b@mail.org")):
        rank(con, DECAY, now=T0 + age * DAY)
        assert winner(con, "email") == email, age
    assert ranking(con, "email") == [("b@mail.org", "trust"), ("a@mail.org", "trust")]
    con.execute("UPDATE staging.party_record SET source_updated_at = NULL WHERE source_system = 'shop'")
    rank(con, DECAY)
    assert winner(con, "email") == "b@mail.org"  # of unknown age is as old as can be


def test_a_day_that_changes_no_winner_changes_no_row(con: duckdb.DuckDBPyConnection) -> None:
    records = [party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org")]
    others = [party("shop:customers:2", email="c@mail.org"), party("shop:customers:3", email="d@mail.org")]
    stage_parties(con, records + others)
    assign(con, {"c_1": [r["key"] for r in records], "c_2": [r["key"] for r in others]})
    build(con, DECAY)
    con.execute("ATTACH ':memory:' AS live")
    con.execute("CREATE SCHEMA live.golden")
    for table in TABLES:
        con.execute(f"CREATE TABLE live.golden.{table} AS FROM golden.{table}")
    quiet = build(con, DECAY, load="L2", live="live", now=T0 + 80 * DAY)
    figures = {table: (d.inserted, d.changed, d.removed) for table, d in quiet.items()}
    # the one row that tells the load's day
    assert figures == {**dict.fromkeys(TABLES, (0, 0, 0)), "reporting": (1, 0, 1)}
    turned = build(con, DECAY, load="L3", live="live", now=T0 + 81 * DAY)
    assert turned["customer"].changed == 1
    assert {row[0] for row in con.execute("SELECT customer_id FROM golden.customer_attribute WHERE load_id = 'L3'").fetchall()} == {
        "c_1"
    }


def test_trust_at_any_day_follows_from_what_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    rules = {
        "default": ["trust"],
        "trust": {"shop": {"max": 0.8, "min": 0.4, "half_life_days": 10, "attributes": {"email": {"max": 1}}}},
    }
    one_customer(
        con, party("shop:customers:1", email="a@mail.org", phone="020 7946 0018"), party("help:users:1", email="b@mail.org")
    )
    rank(con, rules)
    query = (
        "SELECT trust_score, trust_floor, trust_half_life_days FROM golden.customer_attribute WHERE attribute = ? ORDER BY rank_no"
    )
    assert con.execute(query, ["email"]).fetchall() == [(1.0, 0.4, 10), (0.0, 0.0, None)]
    assert con.execute(query, ["phone_e164"]).fetchall() == [(0.8, 0.4, 10)]


def test_a_value_that_did_not_pass_every_check_is_trusted_less(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", address_line1="1 Old Road"),
        party("help:users:1", address_line1="2 New Street", city="York", postal_code="YO1 7HH"),
    )
    rules = {"groups": {"address": ["trust"]}, "trust": {"shop": {"max": 0.9}, "help": {"max": 0.5}}}
    rank(con, rules)
    assert winner(con, "address_line1") == "2 New Street"
    rules["trust"]["shop"]["downgrade"] = 0.4
    rank(con, rules)
    assert winner(con, "address_line1") == "1 Old Road"


# what never wins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [["verified"], ["recency"], ["longest"], ["source_priority"], ["frequency"]])
def test_blanks_and_placeholders_never_win_and_a_role_mailbox_loses(con: duckdb.DuckDBPyConnection, rules: list[str]) -> None:
    later = {"updated": T0 + 9 * DAY}
    one_customer(
        con,
        party("shop:customers:1", given_name="Guest", family_name="Guest", email="information@acme.org", phone="000000", **later),
        party("shop:customers:2", given_name="Guest", family_name="Guest", email="sales@acme.org", company_name="n/a", **later),
        party("bill:customers:1", given_name=" ", family_name="unknown", email="noreply@example.com", company_name=" - ", **later),
        party("help:users:1", given_name="Bo", family_name="Li", email="b@i.io", company_name="X Co", phone="020 7946 0018"),
    )
    rank(con, {"default": rules})
    names = ("full_name", "email", "phone_e164", "company_name")
    assert [winner(con, name) for name in names] == ["Bo Li", "b@i.io", "+442079460018", "X Co"]
    assert ranking(con, "email")[0][1] == "own_mailbox"
    status = "SELECT DISTINCT validation_status FROM golden.customer_attribute WHERE attribute = 'email' AND NOT is_winner"
    assert con.execute(status).fetchall() == [("role_mailbox",)]


def test_a_record_that_is_gone_gives_no_candidates(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("bill:customers:1", email="b@mail.org"))
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ? WHERE source_system = 'shop'", [T0])
    rank(con)
    assert ranking(con, "email") == [("b@mail.org", "only_candidate")]


# order ------------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["verified", "source_priority", "recency", "oldest", "frequency", "longest"])
RULES = st.lists(WORDS, min_size=1, max_size=3)
CROWD = [
    party("shop:customers:1", email="a@mail.org", phone="020 7946 0018", company_name="Acme", address_line1="1 Old Road"),
    party("shop:customers:2", email="b@mail.org", phone="020 7946 0019", company_name="ACME Ltd", city="York"),
    party("bill:customers:1", email="b@mail.org", given_name="Anne", company_name="Lee", locale="en"),
    party("bill:customers:2", email="A@mail.org", given_name="Anne", birth_date="1980-02-03", tax_id="GB123456789"),
    party("help:users:1", email="info@mail.org", birth_date="1980-02-03", locale="de", postal_code="YO1 7HH"),
    party("help:users:2", given_name=None, family_name="Leigh", updated=T0 + DAY, address_line1="1 Old Road", city="York"),
]


@pytest.fixture(scope="module")
def crowd() -> Iterator[duckdb.DuckDBPyConnection]:
    """One customer of six records, and a second way to have them: two of three; two overrides besides."""
    made = warehouse()
    one_customer(made, *CROWD)
    override(made, "o_1", "bill:customers:1", "email", "pin")
    override(made, "o_2", "help:users:1", "locale", "ignore")
    yield made
    made.close()


@given(order=st.permutations(range(len(CROWD))), rules=RULES)
@example(order=list(range(len(CROWD)))[::-1], rules=["verified"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_does_not_matter_and_ranks_are_total(
    crowd: duckdb.DuckDBPyConnection, order: Sequence[int], rules: list[str]
) -> None:
    assign(crowd, {"c_1": [record["key"] for record in CROWD]})
    before = rank(crowd, {"default": rules})
    crowd.execute("CREATE OR REPLACE TEMP TABLE shuffled AS FROM staging.party_record")
    crowd.execute("DELETE FROM staging.party_record")
    for position in order:
        crowd.execute("INSERT INTO staging.party_record FROM shuffled WHERE record_key = ?", [CROWD[position]["key"]])
    assign(crowd, {"c_1": [CROWD[position]["key"] for position in order]})
    assert rank(crowd, {"default": rules}) == before
    # within an attribute or group every rank is one record's, and one record wins, unless a steward ignores them all
    of_record: dict[tuple[str, int], set[str]] = {}
    for _, attribute, _, record, *_rest, rank_no, _status, _verified, _agrees, _score, _floor, _half, _override in before:
        of_record.setdefault((DECIDED_BY[attribute], rank_no), set()).add(record)
    assert all(len(records) == 1 for records in of_record.values())
    wins = [row for row in before if row[6]]
    assert len({DECIDED_BY[row[1]] for row in wins}) == len({(DECIDED_BY[row[1]], row[3]) for row in wins})


@given(parts=st.lists(st.integers(0, 2), min_size=len(CROWD), max_size=len(CROWD)), rules=RULES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_merging_and_parting_again_gives_the_same_values_back(
    crowd: duckdb.DuckDBPyConnection, parts: list[int], rules: list[str]
) -> None:
    def parted() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for record, part in zip(CROWD, parts, strict=True):
            found.setdefault(f"c_{part}", []).append(record["key"])
        return found

    assign(crowd, parted())
    before = rank(crowd, {"default": rules})
    assign(crowd, {"c_0": [record["key"] for record in CROWD]})
    together = rank(crowd, {"default": rules})
    assert {row[3] for row in together} == {row[3] for row in before}
    assign(crowd, parted())
    assert rank(crowd, {"default": rules}) == before


# overrides --------------------------------------------------------------------------------------------------------------


def states(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str | None]]:
    return con.execute("SELECT override_id, state, overruled_by FROM golden.attribute_override ORDER BY 1").fetchall()


def test_a_pinned_value_wins_an_ignored_one_never_does_a_written_one_is_nobody_elses(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", email="a@mail.org", phone="020 7946 0018", birth_date="1980-02-03"),
        party("help:users:1", email="info@mail.org", phone="020 7946 0019"),
    )
    override(con, "o_pin", "help:users:1", "email", "pin")
    override(con, "o_ignore", "shop:customers:1", "phone_e164", "ignore")
    override(con, "o_all", "shop:customers:1", "birth_date", "ignore")
    override(con, "o_set", "help:users:1", "name", "set", value=json.dumps({"full_name": "Anna Lee", "given_name": "Anna"}))
    build(con)
    assert con.execute("SELECT email, phone_e164, birth_date, full_name, family_name FROM golden.customer").fetchall() == [
        ("info@mail.org", "+442079460019", None, "Anna Lee", None)
    ]
    assert ranking(con, "email") == [("info@mail.org", "override_pin"), ("a@mail.org", "override_pin")]
    assert ranking(con, "phone_e164") == [("+442079460019", "override_ignore"), ("+442079460018", "override_ignore")]
    assert ranking(con, "birth_date") == [("1980-02-03", "override_ignore")]
    assert ranking(con, "given_name")[0] == ("Anna", "override_set")
    written = (
        "SELECT record_key, source_system, override_id FROM golden.customer_attribute WHERE survivorship_rule = 'override_set'"
    )
    assert con.execute(written + " AND is_winner AND attribute = 'full_name'").fetchall() == [
        ("steward:override:o_set", "steward", "o_set")
    ]
    assert {state for _, state, _ in states(con)} == {"applied"}
    card = customer_card(con, "c_1")
    assert [(o["override_id"], o["state"]) for o in card["overrides"]] == [
        ("o_all", "applied"),
        ("o_pin", "applied"),
        ("o_set", "applied"),
        ("o_ignore", "applied"),
    ]
    settled = {c["attribute"]: c["is_settled"] for c in card["conflicts"]}
    assert settled["email"] is True
    assert "phone_e164" not in settled  # the only one that disagrees is ignored


def test_a_customer_is_found_by_the_value_that_a_steward_wrote(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"))
    override(con, "o_1", "shop:customers:1", "email", "set", value="new@mail.org")
    override(con, "o_2", "shop:customers:1", "phone_e164", "set", value="+442079460018")
    build(con)
    assert (
        find_customers(con, "new@mail.org")
        == find_customers(con, "+44 20 7946 0018")
        == find_customers(con, "a@mail.org")
        == ["c_1"]
    )
    primary = "SELECT id_value, source_systems FROM golden.customer_identifier WHERE id_type = 'email' AND is_primary"
    assert con.execute(primary).fetchall() == [("new@mail.org", ["steward"])]


def test_an_override_counts_until_it_is_revoked_or_expires(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org"))
    override(con, "o_1", "help:users:1", "email", "pin", expires_at=T0 + 2 * DAY)
    override(con, "o_2", "help:users:1", "email", "set", value="c@mail.org", revoked_at=T0 + DAY)
    rank(con, now=T0 + DAY)
    assert winner(con, "email") == "b@mail.org"
    assert states(con) == [("o_1", "applied", None), ("o_2", "revoked", None)]
    rank(con, now=T0 + 2 * DAY)
    assert winner(con, "email") == "a@mail.org"
    assert states(con)[0] == ("o_1", "expired", None)


def test_overrides_follow_their_records_through_merge_and_split_and_of_two_that_meet_the_newer_wins(
    con: duckdb.DuckDBPyConnection,
) -> None:
    stage_parties(
        con,
        [party(key, email=f"my.{key.split(':')[0]}@mail.org") for key in ("shop:customers:1", "bill:customers:1", "help:users:1")],
    )
    override(con, "o_1", "bill:customers:1", "email", "set", value="older@mail.org", created_at=T0)
    override(con, "o_2", "help:users:1", "email", "pin", created_at=T0 + DAY)
    apart = {"c_1": ["shop:customers:1", "bill:customers:1"], "c_2": ["help:users:1"]}
    assign(con, apart)
    before = rank(con)
    emails = "SELECT customer_id, value FROM golden.customer_attribute WHERE attribute = 'email' AND is_winner ORDER BY 1"
    assert con.execute(emails).fetchall() == [("c_1", "older@mail.org"), ("c_2", "my.help@mail.org")]
    assign(con, {"c_1": ["shop:customers:1", "bill:customers:1", "help:users:1"]})
    rank(con)
    assert con.execute(emails).fetchall() == [("c_1", "my.help@mail.org")]
    assert states(con) == [("o_1", "overruled", "o_2"), ("o_2", "applied", None)]
    assign(con, apart)
    assert rank(con) == before
    # the part that its record went to keeps the value, whatever its ID
    assign(con, {"c_1": ["shop:customers:1"], "c_3": ["bill:customers:1"], "c_2": ["help:users:1"]})
    rank(con)
    assert con.execute(emails).fetchall() == [("c_1", "my.shop@mail.org"), ("c_2", "my.help@mail.org"), ("c_3", "older@mail.org")]


def test_of_what_is_said_of_one_record_the_newest_counts(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org"))
    override(con, "o_1", "shop:customers:1", "email", "pin", created_at=T0)
    override(con, "o_2", "shop:customers:1", "email", "ignore", created_at=T0 + DAY)
    rank(con)
    assert winner(con, "email") == "b@mail.org"
    assert states(con) == [("o_1", "overruled", "o_2"), ("o_2", "applied", None)]


def test_a_written_value_outlives_its_record_but_not_its_customer(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org"))
    override(con, "o_1", "shop:customers:1", "email", "set", value="c@mail.org")
    override(con, "o_2", "shop:customers:1", "name", "pin")
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ? WHERE source_system = 'shop'", [T0])
    build(con)
    assert winner(con, "email") == "c@mail.org"
    assert states(con) == [("o_1", "applied", None), ("o_2", "without_value", None)]
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ?", [T0])
    con.execute("DELETE FROM staging.party_record")
    build(con)
    assert con.execute("SELECT count(*) FROM golden.customer_attribute").fetchall() == [(0,)]
    assert states(con)[0] == ("o_1", "without_value", None)


@given(order=st.permutations(range(4)))
@settings(max_examples=6, deadline=None)
def test_overrides_count_by_their_time_in_whatever_order_they_are_read(order: list[int]) -> None:
    con = warehouse()
    one_customer(con, party("shop:customers:1", email="a@mail.org"), party("help:users:1", email="b@mail.org"))
    said = [
        ("o_1", "shop:customers:1", "set", "x@mail.org", T0),
        ("o_2", "help:users:1", "pin", None, T0),
        ("o_3", "shop:customers:1", "set", "y@mail.org", T0),
        ("o_4", "help:users:1", "ignore", None, T0 - DAY),
    ]
    for position in order:
        id_, record, action, value, at = said[position]
        override(con, id_, record, "email", action, value=value, created_at=at)
    rank(con)
    assert winner(con, "email") == "y@mail.org"  # of one moment the greater ID
    assert states(con) == [
        ("o_1", "overruled", "o_3"),
        ("o_2", "overruled", "o_3"),
        ("o_3", "applied", None),
        ("o_4", "overruled", "o_2"),
    ]
    con.close()


@pytest.mark.parametrize(
    ("name", "words", "kept"),
    [
        ("email", [" Ann.Lee+x@Mail.ORG "], "ann.lee+x@mail.org"),
        ("phone_e164", ["020 7946 0018"], "+442079460018"),
        ("birth_date", ["1980-02-03"], "1980-02-03"),
        ("company_name", ["  Acme   Ltd "], "Acme Ltd"),
        ("tax_id", ["GB 123456789"], "GB 123456789"),
        ("name", ["given_name=Ann", "family_name=Lee"], {"full_name": "Ann Lee", "given_name": "Ann", "family_name": "Lee"}),
        ("name", ["full_name=Ann Lee"], {"full_name": "Ann Lee", "given_name": "Ann", "family_name": "Lee"}),
        (
            "name",
            ["given_name=Ann", "family_name=Lee", "name_suffix=Jr"],
            {"full_name": "Ann Lee Jr", "given_name": "Ann", "family_name": "Lee", "name_suffix": "Jr"},
        ),
        ("name", ["full_name=Acme Ltd"], {"full_name": "Acme Ltd"}),
        (
            "address",
            ["address_line1=1 Old Road", "city=York", "country_code=Germany"],
            {"address_line1": "1 Old Road", "city": "York", "country_code": "DE"},
        ),
    ],
)
def test_a_written_value_is_read_as_a_sources(con: duckdb.DuckDBPyConnection, name: str, words: list[str], kept: Any) -> None:
    attribute = attribute_named(name)
    value = written_value(con, attribute, given_values(attribute, words), country="GB")
    assert (json.loads(value) if attribute.is_group else value) == kept


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("email", ["ann at mail"], "field email: says nothing that can be kept; give an address"),
        ("email", ["noreply@example.com"], "field email: says nothing"),
        ("phone_e164", ["12"], "field phone_e164: says nothing"),
        ("birth_date", ["2999-01-01"], "field birth_date: says nothing"),
        ("company_name", ["n/a"], "field company_name: says nothing"),
        ("name", ["given_name=Guest"], "field name: is a placeholder"),
        ("address", ["country_code=Nowhere"], "field country_code: says nothing"),
        ("address", ["city= "], "field city: says nothing"),
        ("name", ["Ann Lee"], "name takes column=value"),
        ("name", [], "name needs a value"),
        ("email", ["a@mail.org", "b@mail.org"], "email takes one value, not 2"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_without_being_repeated(
    con: duckdb.DuckDBPyConnection, name: str, words: list[str], said: str
) -> None:
    attribute = attribute_named(name)
    with pytest.raises(ConfigError) as caught:
        written_value(con, attribute, given_values(attribute, words), country="GB")
    assert said in str(caught.value)
    for word in words:
        assert word.rpartition("=")[2].strip() == "" or word.rpartition("=")[2] not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [("city", "override address"), ("phone", "did you mean phone_e164?"), ("xyzzy", "known are email")],
)
def test_an_attribute_that_is_none_names_the_right_one(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        attribute_named(name)
    assert said in str(caught.value)


# settings ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_settings", "said"),
    [
        ({"fields": {"email": ["newest"]}}, "input should be 'verified', 'source_priority', 'trust'"),
        ({"fields": {"email": [{"follow": "emial"}]}}, "cannot follow 'emial'; known are email"),
        ({"fields": {"email": [{"follow": "name"}]}, "groups": {"name": [{"follow": "email"}]}}, "follow each other in a circle"),
        ({"fields": {"email": [{"follow": "email"}]}}, "follow each other in a circle"),
        ({"groups": {"address": ["min"]}}, "address is a group"),
        ({"default": ["trust"]}, "trust names no source"),
        ({"trust": {"shop": {"max": 0.5}}}, "no rules name it"),
        ({"default": ["trust"], "trust": {"shop": {"max": 0.5, "min": 0.6}}}, "min 0.6 is above max 0.5"),
        ({"default": ["trust"], "trust": {"shop": {"max": 0.5, "attributes": {"email": {"min": 0.6}}}}}, "above max 0.5 for email"),
        ({"default": ["trust"], "trust": {"shop": {"max": 2}}}, "less than or equal to 1"),
        ({"default": ["trust"], "trust": {"shop": {"half_life_days": 0}}}, "greater than 0"),
        ({"default": ["trust"], "trust": {"shop": {"attributes": {"emial": {}}}}}, "unknown name 'emial'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SurvivorshipSettings(**given_settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("vlaue", "column vlaue is not allowed in an expression; did you mean value?"),
        ("p.value", "column p.value is not allowed"),
        ("(SELECT 1)", "a subquery is not allowed"),
        ("exists(SELECT 1 FROM golden.customer)", "a subquery is not allowed"),
        ("value IN (SELECT value FROM x)", "a subquery is not allowed"),
        ("1 FROM 'secrets.csv'", "no FROM"),
        ("read_text('/etc/passwd')", "function read_text is not allowed"),
        ("getenv('HOME')", "function getenv is not allowed"),
        ("main.lower(value)", "function main.lower is not allowed"),
        ("now()", "function now is not allowed"),
        ("current_date", "column current_date is not allowed"),
        ("random()", "function random is not allowed"),
        ("count(value)", "function count is not allowed"),
        ("sum(1) OVER ()", "a window function is not allowed"),
        ("$1", "a parameter is not allowed"),
        ("value::TIMESTAMPTZ", "type TIMESTAMPTZ is not allowed"),
        ("1; DROP TABLE staging.party_record", "not one SQL expression"),
        ("1) FROM x --", "not one SQL expression"),
        ("1, 2", "one expression is wanted"),
        ("1 AS x", "leave out AS"),
        ("1 ORDER BY 1", "no FROM, WHERE, WITH or ORDER BY"),
        ("length(source_updated_at)", "cannot be computed (Binder Error"),
        ("[value]", "function list_value is not allowed"),
        ("", "an expression has 1 to"),
    ],
)
def test_an_expression_that_looks_beyond_its_candidate_is_refused_when_the_settings_are_read(expression: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SurvivorshipSettings(fields={"email": [{"expression": expression}]})
    assert said in str(caught.value)


def test_what_an_expression_cannot_compute_for_a_candidate_is_least(con: duckdb.DuckDBPyConnection) -> None:
    one_customer(
        con,
        party("shop:customers:1", tax_id="no number"),
        party("help:users:1", tax_id="12"),
        party("bill:customers:1", tax_id="7"),
    )
    rank(con, {"fields": {"tax_id": [{"expression": "CAST(value AS INTEGER) -- the greatest number"}]}})
    assert [value for value, _ in ranking(con, "tax_id")] == ["12", "7", "no number"]


def test_every_column_that_wins_belongs_to_one_attribute_or_group() -> None:
    columns = list(itertools.chain.from_iterable((m.name for m in a.members) for a in ATTRIBUTES.values()))
    assert len(columns) == len(set(columns)) == len(DECIDED_BY)
