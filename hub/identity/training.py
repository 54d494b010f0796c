"""Learning the model without labels: recordlinkage's ECM kernel on comparison patterns and their counts.

The data is the whole space of pairs: the candidates of blocking, each pattern with its count, and all other pairs, known to be
strangers and seen through a sample. So what chance brings is measured where it happens, and neither more blocking rules nor more
records shift the model. These things are known beforehand and held:

* a missing value says nothing (it has no level);
* each class starts from the defaults of levels.csv and is smoothed towards them, so that classes cannot swap and levels that the
  data hardly shows keep a sensible weight (a MAP estimate with Dirichlet priors);
* what makes a household or a workplace (names, birth dates, addresses) is fixed, else they would take the place of the matches;
* how many strangers bear one name follows from the frequencies of its parts: at least so many, and not many times more; and
  strangers seldom share an e-mail address, a phone number or a tax ID;
* how often one person's records show another given name or quite another name is measured where the birth dates agree, since
  relatives seldom share one; where there are few birth dates, hardly ever.

With labels (pairs that a steward has decided, or that share an ID a system gave) it is semi-supervised: these pairs keep their
class in every expectation, whatever the model thinks of them (Nigam, McCallum, Thrun and Mitchell 2000).

What it learns from is said in ``training_data``; scoring and storing are the affair of ``model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from hub.identity.comparisons import CLASSES, Floats, among, comparisons, indicators, masks
from hub.identity.doubts import BIRTH, GIVEN, unproven
from hub.identity.model import DEFAULT_RATES, MATCH, UNRELATED, Model, default_model
from hub.identity.training_data import Evidence, Labels, told_apart

MAX_ITERATIONS = 300
TOLERANCE = 1e-5  # of any match probability
MASK_STRENGTH = 30.0  # matches' worth of belief that the match rate does not depend on what is missing
RATE_STRENGTH = 100.0  # pairs' worth of belief in the default match rate
FIXED = 1e6
EXCLUDED = 1e-12  # of its prior share is what a label leaves to a class
HEAVIEST = 26.0  # bits a single level may weigh: chance is never rarer than the data can show
# pairs' worth of belief in the defaults of levels.csv
STRENGTH = {"match": 20.0, "unrelated": 100.0, "household": 20.0, "workplace": FIXED}
FIXED_OF_HOUSEHOLD = ("name", "birth", "address", "tax")
# given and family names are not independent (they follow region and generation): chance brings more namesakes than their product
NAMESAKES_AT_MOST = 8.0
RARE_NAMES = 7  # exact-name levels, the rarest first, for which that bound holds
# One person's records seldom show the family name with quite another given name, and hardly ever another name altogether; and
# where there are people, there are relatives and colleagues. Without these bounds, where a source holds more relatives than
# duplicates, the matches would become the relatives. Kin of levels with their share of all matches; shares of the match rate.
SELDOM = {"other given": 0.005, "near relative": 0.002, "other name": 0.005}
SELDOM_STRENGTH = 1000.0  # matches of one birth date that tell as much as these shares
ONE_BIRTH = (1, 3)  # the same date, or but for a slip; not 1 January, which many have
RATE_AT_LEAST = {"household": 0.005, "workplace": 0.02}
# A field is unreliable if at least so many matches, and such a share of them, differ in it altogether.
MANY_DIFFER, OFTEN_DIFFER = 100.0, 0.015
WITH_COMPANIES = 0.01  # share of candidates with a company on both sides from which there are workplaces
# Of the candidates with one e-mail address, phone or tax ID, at most this share are strangers to each other: households and
# workplaces, which do share them, are classes of their own. Without names or addresses the data itself could not tell.
SHARED_BY_CHANCE = 0.3
IDENTIFIERS = {"email": (1,), "phone": (1,), "tax": (1, 2)}  # and the levels that mean the same value
# No two companies have one tax ID but by a mistake, however seldom a hub's own data could show it.
PROOF = {"tax": 2}


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


def train(evidence: Evidence, now: datetime, records: int, notes: Mapping[str, Any], labels: Labels | None = None) -> Model:
    """Fits the model by expectation and maximisation.

    Args:
        now: UTC without zone, becomes ``trained_at``.
        records: live records, becomes ``trained_records``.
        labels: pairs of the candidates whose class is known.
    """
    fit = _Fit(evidence, default_model(now, records, {}), labels)
    iterations = 1
    while fit.step() >= TOLERANCE and iterations < MAX_ITERATIONS:
        iterations += 1
    figures = {
        "iterations": iterations,
        "expected_matches": round(fit.matches, 1),
        "patterns": len(evidence.patterns),
        "unreliable": fit.unreliable(),
        **notes,
    }
    return Model("trained", now, records, fit.probability, fit.rates, fit.mask_rates(), figures)


class _Fit:
    """The state of one training: the first expectation is the defaults' judgement."""

    def __init__(self, evidence: Evidence, defaults: Model, labels: Labels | None) -> None:
        patterns, self.counts, known = told_apart(evidence, labels)
        # forty people at one switchboard make 780 pairs: what links none of them must not teach what a match looks like
        switchboard = among(patterns, "phone", "many") & unproven(patterns)
        self.known = np.where((known < 0) & switchboard, 0, known)
        # a pattern has one level of each comparison at most, of some ninety
        self.features, self.evidence = csr_matrix(indicators(patterns)), evidence
        self.masks, mask_of = np.unique(np.concatenate([masks(patterns), evidence.strangers.masks]), return_inverse=True)
        self.mask_of = mask_of[: len(self.counts)]
        weight_of_mask = np.concatenate([self.counts, evidence.strangers.pairs])
        self.pairs_of_mask = np.bincount(mask_of, weight_of_mask, len(self.masks))
        self.pairs = float(self.pairs_of_mask.sum())
        self.pseudo = defaults.probability * _strengths()
        self.sole = np.array([code in IDENTIFIERS.get(c.name, ()) for c in comparisons() for code in range(1, 1 + len(c.levels))])
        self.proof = np.array([code == PROOF.get(c.name) for c in comparisons() for code in range(1, 1 + len(c.levels))])
        level = {c.name: c.level(patterns) for c in comparisons()}
        self.one_birth = np.isin(level["birth"], ONE_BIRTH).astype(np.float64)
        self.other_given, self.other_birth = among(patterns, "name", "other given"), among(patterns, "birth", "other")
        self.named, self.with_birth = among(patterns, "name", "exact", "same"), level["birth"] > 0
        working = self.counts[level["company"] > 0].sum() >= WITH_COMPANIES * self.counts.sum()
        self.least = np.array([RATE_AT_LEAST.get(c, 0.0) if working or c != "workplace" else 0.0 for c in CLASSES])
        self.probability, self.rates, self.matches = defaults.probability, defaults.rates, 0.0
        self.match_rate = np.full(len(self.masks), defaults.rates[MATCH])
        self.kernel = _kernel()()
        self.kernel.update(self.probability, self._priors())

    def _priors(self) -> Floats:
        """Prior shares of the classes, one row a pattern; those that a label excludes are nearly nothing."""
        priors = np.tile(self.rates, (len(self.counts), 1))
        priors[:, MATCH] = self.match_rate[self.mask_of]
        priors[self.known == 1, MATCH + 1 :] *= EXCLUDED
        priors[self.known == 0, MATCH] *= EXCLUDED
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
        fresh[UNRELATED] = np.where(self.proof, fresh[UNRELATED], np.maximum(fresh[UNRELATED], fresh[MATCH] * 2.0**-HEAVIEST))
        change = float(np.abs(fresh[MATCH] - self.probability[MATCH]).max())
        self.probability = fresh
        self.kernel.update(self.probability, self._priors())
        return change

    def _counted(self, shares: Floats) -> Floats:
        """How many pairs of each class have each level, within the bounds that are known beforehand."""
        counted = np.asarray(shares.T @ self.features)
        counted[UNRELATED] += self.evidence.strangers.levels
        seen = self.counts @ self.features
        counted[UNRELATED, self.sole] = np.minimum(counted[UNRELATED, self.sole], SHARED_BY_CHANCE * seen[self.sole])
        counted[UNRELATED, self.proof] = 0.0
        others = counted.sum(axis=0) - counted[UNRELATED]
        counted[UNRELATED] = np.maximum.reduce([counted[UNRELATED], self.evidence.chance, self.evidence.everybody - others])
        rare = counted[UNRELATED, :RARE_NAMES]  # the exact-name levels come first
        np.minimum(rare, NAMESAKES_AT_MOST * (self.evidence.chance[:RARE_NAMES] + 1.0), out=rare)
        names = counted[MATCH, : len(comparisons()[0].levels)]
        born = (shares[:, MATCH] * self.one_birth) @ self.features[:, : len(names)]
        for kin, share in SELDOM.items():
            levels = comparisons()[0].of_kin(kin)
            measured = (born[levels].sum() + SELDOM_STRENGTH * share) / (born.sum() + SELDOM_STRENGTH)
            names[levels] /= max(names[levels].sum() / max(max(share, measured) * names.sum(), 1e-9), 1.0)
        return counted

    def unreliable(self) -> list[str]:
        """Fields in which so many matches differ altogether that a difference forbids nothing (``doubts``).

        Given names are judged by those of one birth date, as relatives seldom share one.
        """
        matches = self.kernel.predict_proba(self.features)[:, MATCH] * self.counts
        born = matches * self.one_birth
        named = matches * self.named
        differing = {
            GIVEN: (float(born[self.other_given].sum()), float(born.sum())),
            BIRTH: (float(named[self.other_birth].sum()), float(named[self.with_birth].sum())),
        }
        return [field for field, (n, of) in differing.items() if n >= MANY_DIFFER and n >= OFTEN_DIFFER * of]

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
