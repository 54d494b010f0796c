"""The fit behind the ranking of the review queue, over a population small enough for a test."""

from __future__ import annotations

import numpy as np

from bench.worth import fit, sample
from hub.identity import IdentitySettings
from hub.identity.evidence import FEATURES


def test_each_question_has_its_evidence_and_its_answer() -> None:
    samples = sample(1_500, 7, IdentitySettings())
    assert set(samples) == {"one_customer", "two_customers"}
    for known, answered in samples.values():
        assert known.shape == (len(answered), len(FEATURES))
        assert 0 < answered.sum() < len(answered)
        assert np.isfinite(known).all()


def test_the_fit_finds_what_made_the_answers() -> None:
    rng = np.random.default_rng(1)
    known = np.column_stack([np.ones(20_000), rng.normal(3, 2, 20_000), np.zeros(20_000), rng.normal(0, 1, 20_000)])
    likely = 1 / (1 + np.exp(-(known @ np.array([1.0, -0.5, 7.0, 2.0]))))
    counts = fit(known, rng.random(20_000) < likely)
    np.testing.assert_allclose(counts, [1.0, -0.5, 0.0, 2.0], atol=0.15)
