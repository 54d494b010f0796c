"""Learning the model without labels: recordlinkage's ECM kernel on comparison patterns and their counts.

The data is the whole space of pairs: the candidates of blocking, each pattern with its count, and all other pairs, known to be
strangers and seen through a sample. So what chance brings is measured where it happens, and neither more blocking rules nor more
records shift the model. These things are known beforehand and held:

* a missing value says nothing (it has no level);
* each class starts from the defaults of levels.csv and is smoothed towards them, so that classes cannot swap and levels that the
  data hardly shows keep a sensible weight (a MAP estimate with Dirichlet priors);
* what makes a household or a workplace (names, birth dates, addresses) is fixed, else they would take the place of the matches;
* how many strangers bear one name follows from the frequencies of its parts: at least so many, and not many times more; and
  strangers seldom share an e-mail address, a phone number or a tax ID.

Scoring and storing are the affair of ``model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np

from hub.identity.comparisons import CLASSES, Floats, Ints, comparisons, indicators, masks
from hub.identity.model import DEFAULT_RATES, MATCH, UNRELATED, Model, default_model
from hub.identity.strangers import Strangers

MAX_ITERATIONS = 300
TOLERANCE = 1e-5  # of any match probability
MASK_STRENGTH = 30.0  # matches' worth of belief that the match rate does not depend on what is missing
RATE_STRENGTH = 100.0  # pairs' worth of belief in the default match rate
FIXED = 1e6
HEAVIEST = 26.0  # bits a single level may weigh: chance is never rarer than the data can show
# pairs' worth of belief in the defaults of levels.csv
STRENGTH = {"match": 20.0, "unrelated": 100.0, "household": 20.0, "workplace": FIXED}
FIXED_OF_HOUSEHOLD = ("name", "birth", "address", "tax")
# given and family names are not independent (they follow region and generation): chance brings more namesakes than their product
NAMESAKES_AT_MOST = 8.0
RARE_NAMES = 4  # exact-name levels, the rarest first, for which that bound holds
# One person's records seldom show the family name with quite another given name, and hardly ever another name altogether; and
# where there are people, there are relatives and colleagues. Without these bounds, where a source holds more relatives than
# duplicates, the matches would become the relatives. Positions of levels with their share of all matches; shares of the match rate.
SELDOM = ((slice(32, 36), 0.01), (slice(38, 39), 0.01))
RATE_AT_LEAST = {"household": 0.005, "workplace": 0.02}
WITH_COMPANIES = 0.01  # share of candidates with a company on both sides from which there are workplaces
# Of the candidates with one e-mail address, phone or tax ID, at most this share are strangers to each other: households and
# workplaces, which do share them, are classes of their own. Without names or addresses the data itself could not tell.
SHARED_BY_CHANCE = 0.3
IDENTIFIERS = ("email", "phone", "tax")  # their first level


@dataclass(frozen=True)
class Evidence:
    """What a model learns from.

    Attributes:
        patterns, counts: distinct vectors of the candidate pairs and how many pairs have each.
        strangers: all other pairs.
        namesakes: for each exact-name level, how many pairs of strangers chance alone gives that name.
    """

    patterns: Ints
    counts: Floats
    strangers: Strangers
    namesakes: Floats


@cache
def _kernel() -> Any:
    """The subclass of recordlinkage's ECM; made on first use, since importing recordlinkage takes seconds."""
    from recordlinkage.algorithms.nb_sklearn import ECM

    class CountECM(ECM):  # type: ignore[misc]
        """ECM whose rows are distinct patterns, given as indicators of levels, each standing for many pairs.

        The expectation step is recordlinkage's own ``predict_proba``. The priors of the classes may differ by row:
        ``class_log_prior_`` then has one row a pattern.
        """

        def _transform_data(self, X: Floats) -> Floats:
            return X

        def update(self, probability: Floats, priors: Floats) -> None:
            self.classes_ = np.arange(len(probability))
            self.feature_log_prob_, self.class_log_prior_ = np.log(probability), np.log(priors)

    return CountECM


def train(evidence: Evidence, now: datetime, records: int, notes: Mapping[str, Any]) -> Model:
    """Fits the model by expectation and maximisation.

    Args:
        now: UTC without zone, becomes ``trained_at``.
        records: live records, becomes ``trained_records``.
    """
    fit = _Fit(evidence, default_model(now, records, {}))
    iterations = 1
    while fit.step() >= TOLERANCE and iterations < MAX_ITERATIONS:
        iterations += 1
    figures = {"iterations": iterations, "expected_matches": round(fit.matches, 1), "patterns": len(evidence.patterns), **notes}
    return Model("trained", now, records, fit.probability, fit.rates, fit.mask_rates(), figures)


class _Fit:
    """The state of one training: the first expectation is the defaults' judgement."""

    def __init__(self, evidence: Evidence, defaults: Model) -> None:
        self.counts, self.features = evidence.counts, indicators(evidence.patterns)
        self.strangers, self.namesakes = evidence.strangers, evidence.namesakes
        self.masks, mask_of = np.unique(np.concatenate([masks(evidence.patterns), evidence.strangers.masks]), return_inverse=True)
        self.mask_of = mask_of[: len(self.counts)]
        weight_of_mask = np.concatenate([self.counts, evidence.strangers.pairs])
        self.pairs_of_mask = np.bincount(mask_of, weight_of_mask, len(self.masks))
        self.pairs = float(self.pairs_of_mask.sum())
        self.pseudo = defaults.probability * _strengths()
        self.sole = np.array([c.name in IDENTIFIERS and code == 0 for c in comparisons() for code in range(len(c.levels))])
        companies = next(c for c in comparisons() if c.name == "company").level(evidence.patterns) > 0
        working = self.counts[companies].sum() >= WITH_COMPANIES * self.counts.sum()
        self.least = np.array([RATE_AT_LEAST.get(c, 0.0) if working or c != "workplace" else 0.0 for c in CLASSES])
        self.probability, self.rates, self.matches = defaults.probability, defaults.rates, 0.0
        self.match_rate = np.full(len(self.masks), defaults.rates[MATCH])
        self.kernel = _kernel()()
        self.kernel.update(self.probability, self._priors())

    def _priors(self) -> Floats:
        priors = np.tile(self.rates, (len(self.counts), 1))
        priors[:, MATCH] = self.match_rate[self.mask_of]
        return priors

    def step(self) -> float:
        """One expectation and one maximisation; yields the greatest change of a match probability."""
        shares = self.kernel.predict_proba(self.features) * self.counts[:, None]
        totals = shares.sum(axis=0)
        self.matches = float(totals[MATCH])
        self.rates = (totals + RATE_STRENGTH * DEFAULT_RATES) / (self.pairs + RATE_STRENGTH)
        self.rates[UNRELATED] = 1.0
        self.rates = np.maximum(self.rates, self.least * self.rates[MATCH])
        of_mask, rate = np.bincount(self.mask_of, shares[:, MATCH], len(self.masks)), self.rates[MATCH]
        self.match_rate = rate * (of_mask + MASK_STRENGTH) / (rate * self.pairs_of_mask + MASK_STRENGTH)
        fresh = _normalised(self._counted(shares) + self.pseudo)
        fresh[UNRELATED] = np.maximum(fresh[UNRELATED], fresh[MATCH] * 2.0**-HEAVIEST)
        change = float(np.abs(fresh[MATCH] - self.probability[MATCH]).max())
        self.probability = fresh
        self.kernel.update(self.probability, self._priors())
        return change

    def _counted(self, shares: Floats) -> Floats:
        """How many pairs of each class have each level, within the bounds that are known beforehand."""
        counted = np.asarray(shares.T @ self.features)
        counted[UNRELATED] += self.strangers.levels
        seen = self.counts @ self.features
        counted[UNRELATED, self.sole] = np.minimum(counted[UNRELATED, self.sole], SHARED_BY_CHANCE * seen[self.sole])
        exact = counted[UNRELATED, : len(self.namesakes)]  # the exact-name levels come first
        np.maximum(exact, self.namesakes, out=exact)
        np.minimum(exact[:RARE_NAMES], NAMESAKES_AT_MOST * (self.namesakes[:RARE_NAMES] + 1.0), out=exact[:RARE_NAMES])
        names = counted[MATCH, : len(comparisons()[0].levels)]
        for levels, share in SELDOM:
            names[levels] /= max(names[levels].sum() / max(share * names.sum(), 1e-9), 1.0)
        return counted

    def mask_rates(self) -> dict[int, float]:
        """The match rate of every mask that candidates or strangers had."""
        return dict(zip(self.masks.tolist(), self.match_rate.tolist(), strict=True))


def _strengths() -> Floats:
    """How many pairs' worth the defaults count, by class and level."""
    columns = []
    for c in comparisons():
        held = {name: FIXED if name == "household" and c.name in FIXED_OF_HOUSEHOLD else STRENGTH[name] for name in CLASSES}
        columns.append(np.tile([[held[name]] for name in CLASSES], (1, len(c.levels))))
    return np.hstack(columns)


def _normalised(counts: Floats) -> Floats:
    """Counts of levels to probabilities, each comparison by itself."""
    parts, start = [], 0
    for c in comparisons():
        part = counts[:, start : start + len(c.levels)]
        parts.append(part / part.sum(axis=1, keepdims=True))
        start += len(c.levels)
    return np.hstack(parts)
