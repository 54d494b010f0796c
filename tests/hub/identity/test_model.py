"""The model as a value, its gate, and what training makes of patterns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from hub.identity.comparisons import CLASSES, SAME_LEVELS, comparisons, indicators, name_only
from hub.identity.gate import objections
from hub.identity.model import MATCH, Model, default_model, load_model
from hub.identity.strangers import Strangers
from hub.identity.training import _kernel, train
from hub.identity.training_data import Evidence, Labels
from tests.hub.identity.helpers import START, warehouse

NOW: datetime = START.replace(tzinfo=None)


def vector(**levels: int) -> int:
    """A packed comparison vector; what is not named is missing."""
    return sum(levels.get(c.name, 0) << c.shift for c in comparisons())


def code(comparison: str, beginning: str) -> int:
    """The first level of a comparison whose name begins so."""
    (levels,) = (c.levels for c in comparisons() if c.name == comparison)
    return 1 + next(i for i, level in enumerate(levels) if level.startswith(beginning))


def column(comparison: str, level: int) -> int:
    """The position of a level in a model's probabilities."""
    before = 0
    for c in comparisons():
        if c.name == comparison:
            return before + level - 1
        before += len(c.levels)
    raise KeyError(comparison)


def evidence(counts: dict[int, float], pairs: float) -> Evidence:
    """Candidates as given, and ``pairs`` strangers who agree on nothing."""
    differ = vector(name=OTHER_NAME, email=OTHER_EMAIL, phone=3, source=1)
    levels = indicators(np.array([differ]))[0] * pairs
    mask = sum(1 << i for i, c in enumerate(comparisons()) if c.name in ("name", "email", "phone", "source"))
    strangers = Strangers(levels, np.array([mask]), np.array([pairs]))
    vectors = np.array(sorted(counts), dtype=np.int64)
    nothing = np.zeros(len(levels))
    return Evidence(vectors, np.array([counts[v] for v in vectors.tolist()]), strangers, nothing, nothing)


OTHER_NAME, OTHER_EMAIL = code("name", "different name"), code("email", "different")
ONE = vector(name=1, email=1, phone=1, source=1)
NEAR = vector(name=code("name", "slip in given name"), email=1, phone=3, source=1)
NAMESAKES = vector(name=code("name", "same name (2 to 4"), email=OTHER_EMAIL, phone=3, source=1)
OTHERS = vector(name=OTHER_NAME, email=OTHER_EMAIL, phone=1, source=1)
SEEN = {ONE: 900.0, NEAR: 200.0, NAMESAKES: 3000.0, OTHERS: 150.0}


def test_levels_fit_their_bits_and_defaults_are_probabilities() -> None:
    for c in comparisons():
        assert len(c.levels) < 1 << c.bits
        assert c.defaults.sum(axis=1) == pytest.approx(np.ones(len(CLASSES)))
    assert comparisons()[-1].shift + comparisons()[-1].bits < 63


def test_a_model_survives_its_json() -> None:
    con = warehouse()
    made = train(evidence(SEEN, 1e6), NOW, 1000, {"candidate_pairs": 4250})
    made.store(con, "identity.model")
    made.store(con, "identity.model")
    read = load_model(con, "identity")
    assert read is not None
    vectors = np.array([*SEEN, vector(email=1), 0])
    assert read.version == made.version
    assert read.weights(vectors) == pytest.approx(made.weights(vectors))


def test_a_model_for_other_comparisons_is_not_used() -> None:
    con = warehouse()
    default_model(NOW, 1, {}).store(con, "identity.model")
    con.execute(
        'UPDATE identity.model SET parameters = replace(parameters::VARCHAR, \'"definition": "\', \'"definition": "x\')::JSON'
    )
    assert load_model(con, "identity") is None


def test_a_model_under_whose_definition_levels_meant_the_same_is_read_and_keeps_its_version() -> None:
    con = warehouse()
    made = replace(default_model(NOW, 1, {}), made_for=next(iter(SAME_LEVELS)))
    made.store(con, "identity.model")
    read = load_model(con, "identity")
    assert read is not None
    assert read.version == made.version != default_model(NOW, 1, {}).version


def test_training_tells_people_from_namesakes_and_is_repeatable() -> None:
    made = train(evidence(SEEN, 1e6), NOW, 1000, {})
    weight = dict(zip(SEEN, made.weights(np.array([*SEEN])).tolist(), strict=True))
    assert weight[ONE] > weight[NEAR] > 0
    assert weight[NAMESAKES] < 0
    assert weight[OTHERS] < 0
    assert made.rates[MATCH] == pytest.approx(1100 / 1e6, rel=0.1)
    assert objections(made) == []
    again = train(evidence(SEEN, 1e6), NOW, 1000, {})
    assert again.version == made.version


def test_more_strangers_do_not_shift_what_a_person_looks_like() -> None:
    few, many = (train(evidence(SEEN, pairs), NOW, 1000, {}) for pairs in (1e6, 1e8))
    email = column("email", 1)
    assert many.probability[MATCH, email] == pytest.approx(few.probability[MATCH, email], rel=0.05)


def test_labels_hold_against_what_the_model_thinks() -> None:
    """Pairs with one phone number and another name look like relatives; a steward says that here they are one."""
    vectors = np.array([OTHERS])
    weight = {}
    for matches in (True, False):
        labels = Labels(np.repeat(vectors, 60), np.full(60, matches))
        weight[matches] = train(evidence(SEEN, 1e6), NOW, 1000, {}, labels).weights(vectors)[0]
    unlabelled = train(evidence(SEEN, 1e6), NOW, 1000, {}).weights(vectors)[0]
    assert weight[False] < weight[True]
    assert weight[True] > unlabelled + 0.5


def test_labelled_pairs_leave_the_unlabelled_they_came_from_and_count_by_their_weight() -> None:
    labels = Labels(np.repeat(np.array([ONE]), 900), np.ones(900, dtype=np.bool_))
    once, heavy = (train(evidence(SEEN, 1e6), NOW, 1000, {}, replace(labels, weight=w)) for w in (1.0, 10.0))
    assert once.rates[MATCH] == pytest.approx(train(evidence(SEEN, 1e6), NOW, 1000, {}).rates[MATCH], rel=0.01)
    assert heavy.rates[MATCH] > 5 * once.rates[MATCH]
    unseen = vector(name=1, email=1, source=2)
    kept = train(evidence(SEEN, 1e6), NOW, 1000, {}, Labels(np.array([unseen]), np.array([True])))
    assert kept.notes["expected_matches"] > train(evidence(SEEN, 1e6), NOW, 1000, {}).notes["expected_matches"]


def test_other_given_names_count_only_where_birth_dates_vouch_for_them() -> None:
    """The same family name with another given name is a relative, unless people of one birth date show that it is the custom."""
    other = code("name", "family name and other given")
    same, kin = vector(name=1, birth=1, source=1), vector(name=other, birth=1, source=1)
    many = {same: 8000.0, kin: 2000.0}
    few = {vector(name=1, email=1, source=1): 8000.0, vector(name=other, email=1, source=1): 2000.0}
    share = [train(evidence(seen, 1e9), NOW, 1000, {}).probability[MATCH, column("name", other)] for seen in (many, few)]
    assert share[0] > 0.1
    assert share[1] < 0.015


def test_hardly_any_evidence_hardly_moves_the_defaults() -> None:
    made = train(evidence({ONE: 1.0}, 10.0), NOW, 5, {})
    default = default_model(NOW, 5, {}).probability[MATCH]
    assert np.abs(made.probability[MATCH] - default).max() < 0.05


def test_the_expectation_step_of_recordlinkage_and_frozen_scoring_agree() -> None:
    made = train(evidence(SEEN, 1e6), NOW, 1000, {})
    vectors = np.array([*SEEN])
    kernel = _kernel()()
    kernel.update(made.probability, np.exp2(made.log_priors(vectors)))
    posterior = kernel.predict_proba(indicators(vectors))[:, MATCH]
    assert posterior == pytest.approx(1 / (1 + np.exp2(-made.weights(vectors))), abs=1e-9)


def test_the_gate_refuses_nonsense() -> None:
    sound = default_model(NOW, 1, {})
    assert objections(sound) == []
    swapped = sound.probability.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert any("weighs no more" in o for o in objections(replace(sound, probability=swapped)))
    assert objections(replace(sound, probability=sound.probability * np.nan)) == ["a probability is not a number"]
    assert any("all possible pairs" in o for o in objections(replace(sound, rates=np.array([0.9, 1.0, 0.0001, 0.0001]))))


def test_a_missing_value_says_nothing() -> None:
    made: Model = default_model(NOW, 1, {})
    with_phone, without = made.weights(np.array([vector(email=1, phone=1), vector(email=1)]))
    assert with_phone > without
    assert indicators(np.array([0])).sum() == 0


def test_names_alone_are_known_as_such() -> None:
    vectors = np.array(
        [
            vector(name=1),
            vector(name=1, email=OTHER_EMAIL),
            vector(name=1, email=1),
            vector(name=OTHER_NAME),
            vector(name=code("name", "nickname"), address=code("address", "same postal code")),
        ]
    )
    assert name_only(vectors).tolist() == [True, True, False, False, False]
