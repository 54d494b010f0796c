"""The Fellegi-Sunter model: how likely each level is for one person, for strangers, for a household and for colleagues.

A model is a value: it scores comparison vectors and turns into JSON and back. How it is learnt is the affair of ``training``.

The weight of a pair is log2 of the odds that both records are one customer against all other explanations together. Besides pure
chance ("unrelated") there are two: people of one household share surname, address, line or mailbox, and colleagues share company,
switchboard and role mailbox. Their values agree without being evidence of identity, which a two-class model counts twice
(Fellegi and Sunter 1969 for the weights; Winkler 1993 for a third class in the mixture).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np

from hub.identity.comparisons import CLASSES, Comparison, Floats, Ints, comparisons, definition, indicators, is_readable, masks
from hub.identity.sql import Connection, rows

MATCH, UNRELATED = CLASSES.index("match"), CLASSES.index("unrelated")
DEFAULT_RATES = np.array([1e-3, 1.0, 5e-4, 2e-4])  # in the order of CLASSES


@dataclass(frozen=True)
class Model:
    """A scoring model.

    Attributes:
        probability: P(level | class, both values there); one row a class of CLASSES, one column a level, comparison by comparison.
        rates: how many of all pairs, blocked or not, are of each class; "unrelated" is taken as 1.
        mask_rates: the same for matches, by which comparisons had both values; other masks take ``rates``.
        notes: figures of the training, for reports.
        made_for: the definition of the levels that it was made for; part of its version, so it stays what it was.
    """

    origin: Literal["trained", "default"]
    trained_at: datetime
    trained_records: int
    probability: Floats
    rates: Floats
    mask_rates: Mapping[int, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    made_for: str = field(default_factory=definition)

    def log_priors(self, vectors: Ints) -> Floats:
        """log2 of the prior share of each class, one row a vector."""
        priors = np.tile(self.rates, (len(vectors), 1))
        priors[:, MATCH] = [self.mask_rates.get(mask, self.rates[MATCH]) for mask in masks(vectors).tolist()]
        return np.asarray(np.log2(priors))

    def log_joint(self, vectors: Ints) -> Floats:
        """log2 of prior times likelihood of each class, one row a vector."""
        return np.asarray(self.log_priors(vectors) + indicators(vectors) @ np.log2(self.probability).T)

    def weights(self, vectors: Ints) -> Floats:
        """log2 of the posterior odds of a match."""
        joint = self.log_joint(vectors)
        return np.asarray(joint[:, MATCH] - np.logaddexp2.reduce(joint[:, MATCH + 1 :], axis=1))

    def levels(self, comparison: Comparison) -> Floats:
        """The part of ``probability`` that belongs to one comparison."""
        start = sum(len(c.levels) for c in comparisons() if c.shift < comparison.shift)
        return self.probability[:, start : start + len(comparison.levels)]

    @property
    def unreliable(self) -> frozenset[str]:
        """Fields in which one person's records often differ altogether, by what the training saw; see ``doubts``."""
        return frozenset(self.notes.get("unreliable", ()))

    @property
    def version(self) -> str:
        """Names the model: when it was made, and a fingerprint of what is in it."""
        digest = hashlib.sha256(self._parameters().encode()).hexdigest()[:8]
        return f"{self.trained_at:%Y%m%dT%H%M%S}-{digest}"

    def _parameters(self) -> str:
        named = {
            c.name: {
                level: dict(zip(CLASSES, column, strict=True))
                for level, column in zip(c.levels, self.levels(c).T.tolist(), strict=True)
            }
            for c in comparisons()
        }
        rates = dict(zip(CLASSES, self.rates.tolist(), strict=True))
        content = {
            "definition": self.made_for,
            "origin": self.origin,
            "rates": rates,
            "mask_rates": dict(self.mask_rates),
            "levels": named,
        }
        return json.dumps({**content, "notes": dict(self.notes)}, sort_keys=True)

    def store(self, con: Connection, relation: str) -> None:
        """Adds the model to a relation with the columns of identity.model, unless it is there."""
        if not rows(con, f"SELECT 1 FROM {relation} WHERE model_version = ?", self.version):
            values = [self.version, self.trained_at, self.trained_records, self._parameters()]
            con.execute(f"INSERT INTO {relation} VALUES (?, ?, ?, ?)", values)


def default_model(now: datetime, records: int, notes: Mapping[str, Any]) -> Model:
    """What is believed before any data is seen: careful enough that a name alone never links."""
    return Model("default", now, records, np.hstack([c.defaults for c in comparisons()]), DEFAULT_RATES, {}, notes)


def load_model(con: Connection, schema: str) -> Model | None:
    """The newest model of a schema, or None where there is none or it was made for other comparisons."""
    newest = (
        f"SELECT trained_at, trained_records, parameters FROM {schema}.model ORDER BY trained_at DESC, model_version DESC LIMIT 1"
    )
    found = rows(con, newest)
    if not found:
        return None
    trained_at, records, parameters = found[0]
    content = json.loads(parameters)
    if not is_readable(content["definition"]):
        return None
    columns = [content["levels"][c.name][level] for c in comparisons() for level in c.levels]
    probability = np.array([[column[name] for column in columns] for name in CLASSES])
    rates = np.array([content["rates"][name] for name in CLASSES])
    mask_rates = {int(mask): rate for mask, rate in content["mask_rates"].items()}
    return Model(content["origin"], trained_at, records, probability, rates, mask_rates, content["notes"], content["definition"])
