"""What a stored model says, for people: when it was made, on what, and how much each level of each comparison weighs.

Reads any version in a schema's table of models, those made for other comparisons too: they can still be shown, but not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import log2
from typing import Any

from hub.contract.errors import NotFoundError
from hub.identity.comparisons import comparisons, is_readable
from hub.identity.sql import Connection, rows


@dataclass(frozen=True)
class LevelWeight:
    """One level of one comparison.

    Attributes:
        m, u: probability of the level if two records are one customer, and if they are strangers.
        weight: log2(m / u), the bits by which the level speaks for a match against chance.
        household, workplace: the same against people of one household, and of one company.
    """

    comparison: str
    level: str
    m: float
    u: float
    weight: float
    household: float
    workplace: float


@dataclass(frozen=True)
class ModelCard:
    """One version of the model.

    Attributes:
        origin: "trained", or "default" where there was too little to learn from or the gate refused what was learnt.
        readable: made for the comparisons of this version of the hub; else the next load makes a new model.
        notes: figures of the training; ``why_default`` says why nothing was learnt.
    """

    version: str
    origin: str
    trained_at: datetime
    trained_records: int
    readable: bool
    notes: Mapping[str, Any]
    levels: tuple[LevelWeight, ...]


def model_cards(con: Connection, schema: str) -> tuple[ModelCard, ...]:
    """Every model of a schema, such as ``identity``; the newest, which is in use, first."""
    query = f"""
        SELECT model_version, trained_at, trained_records, parameters FROM {schema}.model
        ORDER BY trained_at DESC, model_version DESC"""
    return tuple(_card(*found) for found in rows(con, query))


def model_card(con: Connection, schema: str, version: str | None = None) -> ModelCard:
    """One model; the newest unless a version is named.

    Raises:
        NotFoundError: there is none, or none of that version.
    """
    cards = model_cards(con, schema)
    if not cards:
        raise NotFoundError("there is no model yet", remedy="run a sync, which makes one")
    found = [card for card in cards if version in (None, card.version)]
    if not found:
        raise NotFoundError(f"there is no model {version}", remedy="hub model lists the versions")
    return found[0]


def _card(version: str, trained_at: datetime, records: int, parameters: str) -> ModelCard:
    content = json.loads(parameters)
    order = {(c.name, level): n for n, (c, level) in enumerate((c, level) for c in comparisons() for level in c.levels)}
    levels = [_weight(name, level, p) for name, levels in content["levels"].items() for level, p in levels.items()]
    levels.sort(key=lambda w: (order.get((w.comparison, w.level), len(order)), w.comparison, -w.weight))
    readable = is_readable(content["definition"])
    return ModelCard(version, content["origin"], trained_at, records, readable, content["notes"], tuple(levels))


def _weight(comparison: str, level: str, p: Mapping[str, float]) -> LevelWeight:
    m, u = p["match"], p["unrelated"]
    return LevelWeight(comparison, level, m, u, log2(m / u), log2(m / p["household"]), log2(m / p["workplace"]))
