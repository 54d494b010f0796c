"""Which pairs are compared, and that no rule explodes."""

from __future__ import annotations

import duckdb

from hub.identity import IdentitySettings
from hub.identity.blocking import block, rules
from hub.identity.decisions import Decisions
from hub.identity.linkage import given_forms, make_nodes
from hub.identity.sql import run
from tests.hub.identity.helpers import Record, record, stage, warehouse


def blocked(
    records: list[Record], settings: IdentitySettings | None = None
) -> tuple[duckdb.DuckDBPyConnection, set[tuple[str, str]]]:
    """The candidate pairs, as record keys."""
    con, chosen = warehouse(), settings or IdentitySettings()
    stage(con, records)
    make_nodes(con, chosen, Decisions())
    run(con, "frequency")
    given_forms(con)
    run(con, "enrich")
    block(con, chosen)
    query = "SELECT a.record_key, b.record_key FROM id_pair JOIN id_record AS a ON a.rid = l JOIN id_record AS b ON b.rid = r"
    return con, set(con.execute(query).fetchall())


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len({rule.name for rule in rules()}) == len(rules())
    assert any(rule.loose for rule in rules())


def test_pairs_share_a_whole_key_and_are_named_once_in_order() -> None:
    _, pairs = blocked(
        [
            record("a:c:1", given="ann", family="lee", email="al@mail.net", phone="49301"),
            record("b:c:1", given="ann", family="lee", email="al@mail.net", phone="49301"),
            record("b:c:2", city="york"),
            record("b:c:3", city="york"),
        ]
    )
    assert pairs == set()  # the first two are one node, the others share nothing that identifies
    _, pairs = blocked([record("a:c:1", email="al@mail.net", phone="1"), record("b:c:1", email="al@mail.net", phone="2")])
    assert pairs == {("a:c:1", "b:c:1")}


def test_typing_errors_nicknames_and_swaps_still_meet() -> None:
    for other in (
        {"given": "will", "family": "oakley"},
        {"given": "william", "family": "oakly"},
        {"given": "oakley", "family": "william"},
    ):
        _, pairs = blocked([record("a:c:1", given="william", family="oakley"), record("b:c:1", **other)])
        assert pairs == {("a:c:1", "b:c:1")}


def test_a_name_in_the_wrong_column_meets_the_right_one() -> None:
    """Somebody's family name alone, written where the given name belongs."""
    _, pairs = blocked(
        [record("a:c:1", given="walter", family="bryant", postal="s66ab"), record("b:c:1", given="bryant", postal="s66ab")]
    )
    assert pairs == {("a:c:1", "b:c:1")}


def test_a_value_beyond_the_cap_brings_nothing_together() -> None:
    crowd = [record(f"a:c:{n}", given=f"g{n}x", email="all@mail.net") for n in range(6)]
    assert len(blocked(crowd, IdentitySettings(max_block_size=6))[1]) == 15
    con, pairs = blocked(crowd, IdentitySettings(max_block_size=5))
    assert pairs == set()
    assert con.execute("SELECT id_type, value, nodes FROM id_busy").fetchall() == [("email", "all@mail.net", 6)]


def test_a_loose_rule_spends_its_budget_on_the_smallest_blocks() -> None:
    people = [record(f"a:c:{n}", given=f"q{n}", family="miller") for n in range(10)]
    people += [record(f"b:c:{n}", given=f"q{n}", family="oakley") for n in range(2)]
    _, all_pairs = blocked(people, IdentitySettings(loose_pairs_per_record=10))
    _, few = blocked(people, IdentitySettings(loose_pairs_per_record=0.5))
    assert ("b:c:0", "b:c:1") in few
    assert len(few) < len(all_pairs)
    assert not any(a.startswith("a:") and b.startswith("a:") for a, b in few)


def test_companies_and_persons_and_test_records_are_not_compared() -> None:
    _, pairs = blocked(
        [
            record("a:c:1", company="acme", email="x@acme.net"),
            record("a:c:2", given="ann", family="lee", email="x@acme.net"),
            record("a:c:3", email="x@acme.net", test=True),
            record("a:c:4", email="x@acme.net"),
        ]
    )
    assert pairs == {("a:c:1", "a:c:4"), ("a:c:2", "a:c:4")}
