"""The classic shapes of entity resolution, each as one full load and as three incremental ones, with the IDs that must come of it.

A stage says which customer each record is: ``a1 b1 c2`` are three records of two customers. A digit stands for one customer ID
throughout a scenario; ``2>1`` says that ID 2 leads to ID 1, ``2-`` that it is retired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from hub.identity import IdentitySettings, current_customer
from hub.identity.registry import mint
from tests.hub.identity.helpers import SECRET, Record, customers, groups, load, record, stage, together, warehouse

# shapes are the matter here, not evidence: one value in common links, whatever the model of so few records thinks of it
EASY = IdentitySettings(match_threshold=0.02)


def person(email: str = "", phone: str = "", tax: str = "") -> dict[str, Any]:
    """Fields of a record: what it shares with others is its e-mail user, its phone or its tax ID."""
    values = {"email": email and f"{email}@mail.net", "phone": phone and f"44207946{phone}", "tax": tax}
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Scenario:
    """Three batches of records, new ones and changes (None: deleted at the source), and the customers after each."""

    batches: tuple[dict[str, dict[str, Any] | None], ...]
    stages: tuple[str, str, str]
    settings: IdentitySettings = EASY

    def records(self, batches: int) -> list[Record]:
        """The records as they are after so many batches."""
        now: dict[str, dict[str, Any] | None] = {}
        for batch in self.batches[:batches]:
            now.update(batch)
        return [record(f"s{ord(name)}:c:{name}", **fields) for name, fields in now.items() if fields is not None]


SCENARIOS = {
    "chain": Scenario(
        ({"a": person("ann"), "b": person("ann", "0001")}, {"c": person("", "0001", "T1")}, {"d": person("", "", "T1")}),
        ("a1 b1", "a1 b1 c1", "a1 b1 c1 d1"),
    ),
    "fan-in": Scenario(
        ({"a": person("ann", "0001"), "b": person("ann")}, {"c": person("ann", "0003")}, {"d": person("ann", "", "T4")}),
        ("a1 b1", "a1 b1 c1", "a1 b1 c1 d1"),
    ),
    "fan-out": Scenario(
        ({"a": person("ann", "0001", "T1")}, {"b": person("ann"), "c": person("", "0001")}, {"d": person("", "", "T1")}),
        ("a1", "a1 b1 c1", "a1 b1 c1 d1"),
    ),
    "diamond": Scenario(
        ({"a": person("ann", "0001")}, {"b": person("ann", "", "T1"), "c": person("", "0001", "T1")}, {"d": person("", "", "T1")}),
        ("a1", "a1 b1 c1", "a1 b1 c1 d1"),
    ),
    "bridge created late": Scenario(
        ({"a": person("ann"), "b": person("ann", "", "T1")}, {"c": person("", "0001")}, {"x": person("ann", "0001")}),
        ("a1 b1", "a1 b1 c2", "a1 b1 c1 x1 2>1"),
    ),
    "bridge removed": Scenario(
        ({"a": person("ann"), "b": person("ann", "", "T1"), "c": person("", "0001")}, {"x": person("ann", "0001")}, {"x": None}),
        ("a1 b1 c2", "a1 b1 c1 x1 2>1", "a1 b1 c2"),
    ),
    "merged again": Scenario(
        (
            {"a": person("ann"), "b": person("ann", "", "T1"), "c": person("", "0001"), "x": person("ann", "0001")},
            {"x": None},
            {"x": person("ann", "0001")},
        ),
        ("a1 b1 c1 x1", "a1 b1 c2", "a1 b1 c1 x1 2>1"),
    ),
    "three-way bridge": Scenario(
        (
            {"a": person("ann"), "b": person("ann")},
            {"c": person("", "0001"), "d": person("", "", "T1")},
            {"x": person("ann", "0001", "T1")},
        ),
        ("a1 b1", "a1 b1 c2 d3", "a1 b1 c1 d1 x1 2>1 3>1"),
    ),
    "unique conflict": Scenario(
        ({"a": person("ann", "", "T1")}, {"b": person("ann", "", "T2")}, {"c": person("ann", "", "T1")}),
        ("a1", "a1 b2", "a1 b2 c1"),
        IdentitySettings(match_threshold=0.02, unique=("tax_id",)),
    ),
    "interleaved merges": Scenario(
        (
            {
                "a": person("ann"),
                "b": person("ann"),
                "c": person("", "0001"),
                "e": person("eve"),
                "f": person("eve"),
                "g": person("", "", "T1"),
            },
            {"x": person("ann", "0001"), "y": person("eve", "", "T1")},
            {"x": person("eve", "0001"), "y": person("ann", "", "T1")},
        ),
        ("a1 b1 c2 e3 f3 g4", "a1 b1 c1 x1 e3 f3 g3 y3 2>1 4>3", "a1 b1 g1 y1 e3 f3 c3 x3 2>3 4>1"),
    ),
}


def read(stage_: str) -> tuple[dict[str, str], dict[str, str | None]]:
    """The customer of each record, and where IDs lead that have none any more (None: retired)."""
    words = stage_.split()
    ended = {word[0]: word[2] if ">" in word else None for word in words if word[1] in ">-"}
    return {word[0]: word[1] for word in words if word[0] not in ended}, ended


def of_record(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The customer ID of each record, by the record's letter."""
    return {key[-1]: customer for key, customer in customers(con).items()}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_as_one_full_load(scenario: Scenario) -> None:
    con = warehouse()
    stage(con, scenario.records(3))
    load(con, 1, scenario.settings)
    expected, _ = read(scenario.stages[2])
    members: dict[str, list[str]] = {}
    for name, label in expected.items():
        members.setdefault(label, []).append(f"s{ord(name)}:c:{name}")
    # a first load names each customer after its first record
    assert of_record(con) == {name: mint(SECRET, min(members[label]), 0) for name, label in expected.items()}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_as_three_incremental_loads(scenario: Scenario) -> None:
    con = warehouse()
    ids: dict[str, str] = {}
    for number, said in enumerate(scenario.stages, 1):
        stage(con, scenario.records(number))
        load(con, number, scenario.settings)
        found, (expected, ended) = of_record(con), read(said)
        assert found.keys() == expected.keys()
        for name, label in expected.items():
            assert found[name] == ids.setdefault(label, found[name]), f"{name} in load {number}"
        assert len(set(ids.values())) == len(ids)
        for label, heir in ended.items():
            assert current_customer(con, "identity", ids[label]) == ids[heir or label]
    assert set(ids.values()) == {row[0] for row in con.execute("SELECT customer_id FROM identity.customer_registry").fetchall()}


def test_a_weak_bridge_between_two_dense_groups_is_asked_about_instead_of_merged() -> None:
    ann = {"given": "zephyrine", "family": "quillfeather", "birth": "1980-02-01", "email": "ann@mail.net"}
    bob = {"given": "theobald", "family": "wintergreen", "birth": "1971-07-09", "email": "bob@post.net"}
    groups_of_three = [record(f"s{n}:c:{n}", **who, phone=f"4420794600{n}", city=city) for who, city, numbers in
                       ((ann, "leeds", (1, 2, 3)), (bob, "york", (4, 5, 6))) for n in numbers]  # fmt: skip
    con = warehouse()
    bridge = record("s7:c:7", email="ann@mail.net", phone="44207946004")
    stage(con, [*groups_of_three, bridge])
    load(con, 1)
    assert {frozenset(key[-1] for key in group) for group in groups(con)} >= {frozenset("456")}
    assert not together(con, "s1:c:1", "s4:c:4")
    tasks = con.execute("SELECT kind, record_key_l, record_key_r, worth FROM identity.review_task").fetchall()
    asked = [worth for _, left, right, worth in tasks if {left[-1], right[-1]} == {"4", "7"}]
    assert len(asked) == 1
    assert asked[0] > 0
