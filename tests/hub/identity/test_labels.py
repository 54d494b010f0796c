"""Pairs whose class is known before any model is: steward's decisions and IDs that systems share."""

from __future__ import annotations

import duckdb

from bench.identity import staged
from bench.people import population
from hub.identity import IdentitySettings
from hub.identity.blocking import block
from hub.identity.decisions import LEARNT, Decisions, read_decisions
from hub.identity.labels import known_pairs
from hub.identity.linkage import given_forms, make_nodes
from hub.identity.sql import run
from hub.identity.training_data import Labels
from tests.hub.identity.helpers import Record, decide, load, record, stage, warehouse

ANN, BOB = {"given": "ann", "family": "lee"}, {"given": "bob", "family": "ray"}


def compared(records: list[Record], legacy: dict[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """A warehouse as it is when a model is to be made."""
    con = warehouse()
    stage(con, records)
    for key, legacy_id in (legacy or {}).items():
        con.execute("UPDATE staging.party_record SET legacy_id = ? WHERE record_key = ?", [legacy_id, key])
    make_nodes(con, IdentitySettings(), Decisions())
    run(con, "frequency")
    given_forms(con)
    run(con, "enrich")
    block(con, IdentitySettings())
    run(con, "compare", {"pairs": "id_pair", "compared": "id_compared"})
    return con


def verdicts(labels: Labels) -> list[bool]:
    return sorted(labels.matches.tolist())


def test_decisions_are_labels_with_the_vectors_of_their_pairs() -> None:
    con = compared(
        [
            record("a:c:1", **ANN, email="al@mail.net", phone="1"),
            record("b:c:1", **ANN, email="al@mail.net", phone="2"),
            record("a:c:2", **BOB, email="ray@mail.net"),
            record("b:c:2", given="bill", family="ray", email="ray@mail.net"),
        ]
    )
    labels = known_pairs(con, Decisions(together=(("a:c:1", "b:c:1"),), apart=(("a:c:2", "b:c:2"), ("a:c:1", "a:c:9"))), 3.0)
    seen = {vector for (vector,) in con.execute("SELECT vector FROM id_compared").fetchall()}
    assert verdicts(labels) == [False, True]
    assert set(labels.patterns.tolist()) == seen
    assert labels.weight == 3.0


def test_what_was_learnt_from_answers_is_no_label_though_it_holds() -> None:
    con = compared(
        [
            record("a:c:1", **ANN, email="al@mail.net", phone="1"),
            record("b:c:1", **ANN, email="al@mail.net", phone="2"),
            record("a:c:2", **BOB, email="ray@mail.net"),
            record("b:c:2", given="bill", family="ray", email="ray@mail.net"),
        ]
    )
    relation = decide(con, ("b:c:1", "a:c:1", "must_link"), ("a:c:2", "b:c:2", "cannot_link"))
    assert verdicts(known_pairs(con, read_decisions(con, relation), 1.0)) == [False, True]
    con.execute(f"UPDATE {relation} SET decided_by = ?", [LEARNT])
    decisions = read_decisions(con, relation)
    assert (decisions.together, decisions.apart) == ((("a:c:1", "b:c:1"),), (("a:c:2", "b:c:2"),))
    assert verdicts(known_pairs(con, decisions, 1.0)) == []


def test_an_id_that_another_system_gave_is_a_label_unless_a_steward_says_otherwise() -> None:
    people = [
        record("shop:c:77", **ANN, email="al@mail.net", phone="1"),
        record("stripe:c:x", **ANN, email="al@mail.net", phone="2"),
    ]
    con = compared(people, {"stripe:c:x": "77"})
    assert verdicts(known_pairs(con, Decisions(), 1.0)) == [True]
    assert verdicts(known_pairs(con, Decisions(apart=(("shop:c:77", "stripe:c:x"),)), 1.0)) == [False]


def test_numbers_that_two_systems_give_out_each_for_itself_are_no_labels() -> None:
    shop = [record(f"shop:c:{n}", given=f"ann{n}", family=f"lee{n}", email=f"u{n}@mail.net") for n in range(9)]
    desk = [record(f"desk:c:d{n}", given=f"bob{n}", family=f"ray{n}", email=f"x{n}@mail.net") for n in range(8)]
    pair = record("desk:c:d8", given="ann8", family="lee8", email="u8@mail.net", phone="2")
    con = compared([*shop, *desk, pair], {f"desk:c:d{n}": str(n) for n in range(9)})
    assert len(con.execute("FROM id_compared").fetchall()) == 1
    assert verdicts(known_pairs(con, Decisions(), 1.0)) == []


def test_an_id_that_several_systems_know_names_nobody() -> None:
    people = [record(f"{s}:c:7", **ANN, email="al@mail.net", phone=str(n)) for n, s in enumerate(("shop", "erp", "desk"))]
    con = compared(people, {"desk:c:7": "7"})
    assert verdicts(known_pairs(con, Decisions(), 1.0)) == []


def test_a_model_says_of_how_many_labels_it_was_learnt() -> None:
    con = staged(population(1500, 5))
    con.execute(
        "UPDATE staging.party_record AS p SET legacy_id = o.source_record_id FROM truth AS t, truth AS o "
        "WHERE t.source_record_id = p.source_record_id AND t.source_system = p.source_system AND p.source_system = 'tickets' "
        "AND o.entity_id = t.entity_id AND o.source_system = 'crm'"
    )
    report = load(con)
    (found,) = con.execute("SELECT (parameters ->> '$.notes.labels')::INTEGER FROM identity.model").fetchall()
    assert report.model_origin == "trained"
    assert found[0] > 50
