"""What must not link, however much it has in common: junk, crowded values, contradictions, clusters too large, weak bridges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from hub.identity import IdentitySettings, explain
from tests.hub.identity.helpers import Record, customers, decide, groups, load, record, stage, together, warehouse
from tests.hub.parties import stage_parties
from tests.hub.parties import warehouse as full_warehouse

UNIQUE = IdentitySettings(unique=("tax_id", "birth_date"))
HOME = {"street": "1 high street", "city": "york", "postal": "yo17"}
NAMES = ("Aldous", "Beatrix", "Crispin", "Dorothea", "Eustace", "Fenella", "Gideon", "Hester")
FAMILIES = ("Ambleside", "Birtwhistle", "Cholmondeley", "Dalrymple", "Entwistle", "Fotheringay", "Gillingham", "Hogarth")


def tasks(con: duckdb.DuckDBPyConnection) -> set[tuple[str, frozenset[str]]]:
    found = con.execute(
        "SELECT kind, record_key_l, record_key_r FROM identity.review_task WHERE record_key_r IS NOT NULL"
    ).fetchall()
    return {(kind, frozenset((left, right))) for kind, left, right in found}


def people(count: int, **shared: str) -> list[dict[str, Any]]:
    """Different people as a source has them, who share a value."""
    return [
        {"key": f"crm:contacts:{n}", "given_name": NAMES[n % 8], "family_name": FAMILIES[(n * 3 + n // 8) % 8], **shared}
        for n in range(count)
    ]


JUNK = [
    {"email": "test@test.com"},
    {"email": "noreply@shop-mails.net"},
    {"email": "no-reply@marketplace.amazon.de"},
    {"email": "n/a"},
    {"email": "none@none.com"},
    {"email": "info@marketplace.amazon.co.uk"},
    {"phone": "000000000"},
    {"phone": "+44 0000000000"},
    {"phone": "1234567890"},
    {"phone": "n/a"},
    {"tax_id": "n/a"},
    {"tax_id": "000000000"},
    {"tax_id": "GB000000000"},
    {"tax_id": "123456789"},
    {"birth_date": "1900-01-01"},
    {"birth_date": "0000-00-00"},
    {"address_line1": "n/a", "city": "unknown", "postal_code": "00000"},
]
REAL = [
    {"email": "margaret77@mail.net"},
    {"phone": "+44 20 7946 0018"},
    {"tax_id": "GB404833048"},
    {"birth_date": "1961-03-04"},
    {"address_line1": "14 Larchfield Road", "city": "Harrogate", "postal_code": "HG2 7RT"},
]


@pytest.fixture(scope="module")
def namesakes() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in which two namesakes share each of the values, and two records have nothing else."""
    con = full_warehouse()
    records: list[dict[str, Any]] = []
    for number, value in enumerate((*JUNK, *REAL)):
        name = {"given_name": NAMES[number % 8], "family_name": FAMILIES[number // 8], "country": "GB"}
        records += [{"key": f"{source}:named:{number}", **name, **value} for source in "ab"]
        records += [{"key": f"{source}:bare:{number}", **value} for source in "ab" if number < len(JUNK)]
    stage_parties(con, records)
    load(con)
    yield con
    con.close()


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: " ".join(junk.values()))
def test_junk_links_nobody(junk: dict[str, str], namesakes: duckdb.DuckDBPyConnection) -> None:
    number = JUNK.index(junk)
    assert len({customers(namesakes)[f"{source}:{kind}:{number}"] for source in "ab" for kind in ("named", "bare")}) == 4


@pytest.mark.parametrize("real", REAL, ids=lambda real: next(iter(real)))
def test_a_real_value_does_link_namesakes(real: dict[str, str], namesakes: duckdb.DuckDBPyConnection) -> None:
    number = len(JUNK) + REAL.index(real)
    assert together(namesakes, f"a:named:{number}", f"b:named:{number}")


@pytest.mark.parametrize("crowded", [{"email": "kasse@laden.net"}, {"phone": "+44 20 7946 0018"}, {"tax_id": "GB404833048"}])
def test_an_identifier_that_too_many_hold_links_nobody_and_is_shown(crowded: dict[str, str]) -> None:
    con = full_warehouse()
    settings = IdentitySettings(max_block_size=6)
    stage_parties(con, people(8, **crowded))
    load(con, settings=settings)
    assert len(groups(con)) == 8
    ((id_type, records, reason),) = con.execute("SELECT id_type, records, reason FROM identity.blocked_value").fetchall()
    assert (id_type, records, reason) == (next(iter(crowded)), 8, "shared by too many records")
    assert con.execute("SELECT count(*) FROM identity.review_task WHERE kind = 'capped_value'").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"company": "acme", "email": "info@acme.net", "role": True, "tax": "GB404833048"}, {"tax": "GB980780684"}),
        ({"given": "jo", "family": "smith", "email": "jo@mail.net", "birth": "1980-02-01"}, {"birth": "1980-02-02"}),
    ],
)
def test_two_values_of_a_unique_identifier_are_two_customers_and_a_task(left: dict[str, Any], right: dict[str, Any]) -> None:
    pair = [record("crm:c:1", **HOME, **left), record("shop:c:1", **HOME, **left | right)]
    con = warehouse()
    stage(con, pair)
    load(con)
    assert together(con, "crm:c:1", "shop:c:1")  # by default nothing contradicts
    load(con, settings=UNIQUE)
    assert not together(con, "crm:c:1", "shop:c:1")
    assert tasks(con) == {("id_contradiction", frozenset({"crm:c:1", "shop:c:1"}))}
    identifier = "tax_id" if "tax" in right else "birth_date"
    ((detail,),) = con.execute("SELECT detail FROM identity.review_task").fetchall()
    assert detail.startswith(f"kept apart: {identifier} contradicts; ")
    shown = explain(con, "identity", "shop:c:1", "crm:c:1", unique=UNIQUE.unique)
    assert shown.match_weight > 0
    assert shown.kept_apart_by == (identifier,)
    load(con)
    assert explain(con, "identity", "shop:c:1", "crm:c:1", unique=UNIQUE.unique).kept_apart_by == ()


def test_other_generations_of_one_name_are_two_customers_and_a_task() -> None:
    father = {"given": "walter", "family": "brackenbury", "phone": "441423561777", **HOME}
    con = warehouse()
    suffixes = {"a:c:1": "Sr", "b:c:1": "Jr.", "c:c:1": "II", "d:c:1": None}
    stage(con, [record(key, **father, suffix=suffix) for key, suffix in suffixes.items()])
    load(con)
    found = customers(con)
    assert found["a:c:1"] != found["b:c:1"] == found["c:c:1"]
    assert found["d:c:1"] in found.values()
    assert {kind for kind, _ in tasks(con)} == {"id_contradiction"}
    assert explain(con, "identity", "a:c:1", "c:c:1").kept_apart_by == ("generation",)


def test_a_contradiction_ranks_below_doubts_of_the_same_size() -> None:
    apart = [
        record("a:c:1", given="walter", family="brackenbury", phone="441423561777", suffix="Sr", **HOME),
        record("b:c:1", given="walter", family="brackenbury", phone="441423561777", suffix="Jr", **HOME),
    ]
    doubtful = [
        record("a:c:2", given="ida", family="hollingsworth", city="hull", postal="hu12"),
        record("b:c:2", given="ada", family="hollingsworth", city="hull", postal="hu12"),
    ]
    con = warehouse()
    stage(con, [*apart, *doubtful])
    report = load(con, settings=IdentitySettings(review_floor=1e-6))
    kinds = con.execute("SELECT kind, records_l, records_r FROM identity.review_task ORDER BY worth DESC").fetchall()
    assert kinds == [("near_miss", 1, 1), ("id_contradiction", 1, 1)]
    assert report.contradictions == 1


def test_a_value_that_links_nobody_contradicts_nobody() -> None:
    firm = {"given": "jo", "family": "smith", "birth": "1980-02-01", **HOME}
    con = warehouse()
    stage(con, [record("a:c:1", **firm, tax="GB1"), record("b:c:1", **firm, tax="GB2")])
    load(con, settings=UNIQUE)
    assert explain(con, "identity", "a:c:1", "b:c:1", unique=("tax_id",)).kept_apart_by == ("tax_id",)
    con.execute("INSERT INTO identity.blocked_value VALUES ('tax_id', '1', 99, 'shared by too many records')")
    assert explain(con, "identity", "a:c:1", "b:c:1", unique=("tax_id",)).kept_apart_by == ()


@pytest.mark.parametrize("other", ["gb 404.833.048", "404833048", None])
def test_one_value_written_in_two_ways_or_missing_is_no_contradiction(other: str | None) -> None:
    con = warehouse()
    firm = {"company": "acme", "email": "info@acme.net", "role": True, **HOME}
    stage(con, [record("crm:c:1", **firm, tax="GB404833048"), record("shop:c:1", **firm, tax=other)])
    load(con, settings=UNIQUE)
    assert together(con, "crm:c:1", "shop:c:1")


def test_a_record_without_the_identifier_brings_no_contradiction_together() -> None:
    firm = {"company": "acme", "email": "info@acme.net", "role": True, **HOME}
    con = warehouse()
    stage(
        con,
        [
            record("a:c:1", **firm, tax="GB1"),
            record("b:c:1", **firm),
            record("c:c:1", **firm, tax="GB2"),
            record("d:c:1", **firm, tax="GB2"),
        ],
    )
    load(con, settings=UNIQUE)
    found = customers(con)
    assert found["a:c:1"] != found["c:c:1"] == found["d:c:1"]
    assert found["b:c:1"] in (found["a:c:1"], found["c:c:1"])


def test_a_steward_may_say_that_one_customer_has_two_values() -> None:
    def firms(town: str, name: str) -> list[Record]:
        firm = {"company": name, "email": f"info@{name}.net", "role": True, "street": f"1 {name} street", "city": town}
        return [
            record(f"{source}:{town}:1", **firm, tax=f"{name}{ending}") for source, ending in zip("abcd", (1, 2, 2, 3), strict=True)
        ]

    con = warehouse()
    stage(con, [*firms("york", "acmetools"), *firms("hull", "zarbo")])
    load(con, settings=UNIQUE, decisions=decide(con, ("a:york:1", "b:york:1", "must_link")))
    assert together(con, "a:york:1", "b:york:1", "c:york:1")
    assert not together(con, "a:york:1", "d:york:1")
    assert together(con, "b:hull:1", "c:hull:1")
    assert not together(con, "a:hull:1", "b:hull:1")  # the decision was on York


def test_only_known_identifiers_can_be_declared_unique() -> None:
    with pytest.raises(ValidationError, match="tax_id"):
        IdentitySettings(unique=("favourite_colour",))  # type: ignore[arg-type]


def test_a_cluster_never_outgrows_its_limit_and_what_was_left_out_is_a_task() -> None:
    con = warehouse()
    # one person with a new phone and street each time: each record is different, and all are linked by the mailbox
    stage(con, [record(f"s:c:{n}", given="jo", family="smith", email="jo@mail.net", phone=f"4930{n:06}") for n in range(7)])
    load(con, settings=IdentitySettings(max_cluster_size=5))
    assert max(map(len, groups(con))) == 5
    assert "oversized_cluster" in {kind for kind, _ in tasks(con)}


def test_a_weak_bridge_between_two_people_does_not_make_them_one_and_is_a_task() -> None:
    name = {"given": "john", "family": "smith"}
    one = {**name, "email": "smithy50@mail.net", "birth": "1950-03-04", **HOME}
    two = {
        **name,
        "email": "quarterback@mail.net",
        "birth": "1985-10-12",
        "street": "9 mill lane",
        "city": "hull",
        "postal": "hu12",
    }
    records = [record(f"crm:c:a{n}", **one, phone=f"441904{n:06}") for n in range(3)]
    records += [record(f"crm:c:b{n}", **two, phone=f"441482{n:06}") for n in range(3)]
    # a namesake's phone with the other's mailbox
    records.append(record("shop:c:bridge", **name, email="quarterback@mail.net", phone="441904000000"))
    con = warehouse()
    stage(con, records)
    load(con)
    found = customers(con)
    assert len({found[f"crm:c:a{n}"] for n in range(3)}) == len({found[f"crm:c:b{n}"] for n in range(3)}) == 1
    assert found["crm:c:a0"] != found["crm:c:b0"]
    edges = con.execute(
        "SELECT record_key_l FROM identity.match_edge WHERE record_key_r = 'shop:c:bridge' AND match_weight > 0"
    ).fetchall()
    assert {key[:7] for (key,) in edges} == {"crm:c:a", "crm:c:b"}  # it looks like both
    assert [len({found[key] for key in pair}) for kind, pair in tasks(con) if kind == "refused_join"] == [2]


def test_a_mailbox_that_went_to_another_person_joins_nobody() -> None:
    con = full_warehouse()
    shared = {"email": "box77@mail.net"}
    first = {"key": "shop:customers:1", "given_name": "Ann", "family_name": "Lee", "phone": "+44 20 7946 0018", **shared}
    then = {"key": "shop:customers:2", "given_name": "Boris", "family_name": "Novak", "phone": "+44 20 7946 0999", **shared}
    stage_parties(con, [first, then])
    load(con)
    assert len(set(con.execute("SELECT customer_id FROM identity.customer_xref WHERE is_current").fetchall())) == 2
    con.close()
