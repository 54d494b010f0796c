"""What is told of the stored models: versions, origin, and the weight of every level."""

from __future__ import annotations

from math import log2

import duckdb
import pytest

from hub.contract.errors import NotFoundError
from hub.identity import model_card, model_cards
from hub.identity.comparisons import comparisons
from hub.identity.model import load_model
from tests.hub.identity.helpers import load, record, stage, warehouse

ANN = {"given": "ann", "family": "lee"}


@pytest.fixture
def resolved() -> duckdb.DuckDBPyConnection:
    """Two loads, each with a model of its own."""
    con = warehouse()
    stage(con, [record("a:c:1", **ANN, email="ann@mail.net"), record("b:c:1", **ANN, email="ann@mail.net", phone="49301")])
    load(con)
    load(con, 2, retrain=True)
    return con


def test_versions_are_listed_newest_first(resolved: duckdb.DuckDBPyConnection) -> None:
    cards = model_cards(resolved, "identity")
    assert len(cards) == 2
    assert cards[0].trained_at > cards[1].trained_at
    assert {(c.origin, c.trained_records, c.readable) for c in cards} == {("default", 2, True)}
    assert "fewer than" in cards[0].notes["why_default"]


def test_every_level_is_told_in_order_with_the_weight_the_linkage_uses(resolved: duckdb.DuckDBPyConnection) -> None:
    card, model = model_card(resolved, "identity"), load_model(resolved, "identity")
    assert model is not None
    assert card.version == model.version
    assert [(w.comparison, w.level) for w in card.levels] == [(c.name, level) for c in comparisons() for level in c.levels]
    email = next(c for c in comparisons() if c.name == "email")
    match, unrelated, household, workplace = model.levels(email)[:, 0]
    told = next(w for w in card.levels if (w.comparison, w.level) == ("email", "same address"))
    assert (told.m, told.u) == (match, unrelated)
    assert told.weight == pytest.approx(log2(match / unrelated))
    assert (told.household, told.workplace) == pytest.approx((log2(match / household), log2(match / workplace)))


def test_a_model_of_other_comparisons_is_shown_but_not_readable(resolved: duckdb.DuckDBPyConnection) -> None:
    old = model_cards(resolved, "identity")[1].version
    resolved.execute(
        'UPDATE identity.model SET parameters = replace(replace(parameters::VARCHAR, \'"definition": "\', \'"definition": "x\'),'
        " 'one slip', 'a level of old') WHERE model_version = ?",
        [old],
    )
    card = model_card(resolved, "identity", old)
    assert not card.readable
    assert "a level of old" in {w.level for w in card.levels}
    assert model_card(resolved, "identity").readable


def test_a_version_that_is_not_there_is_named(resolved: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NotFoundError, match="there is no model 1999"):
        model_card(resolved, "identity", "1999")
    with pytest.raises(NotFoundError, match="no model yet"):
        model_card(warehouse(), "identity")
