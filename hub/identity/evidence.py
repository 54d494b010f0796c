"""How likely the answer to a question changes something: what its two sides share, and what they hold against each other.

A first ranking goes by weights alone, and is cheap. It leaves the best questions to this: what is added up in a weight says too
little of two groups of records, such as a father's and his son's, whose every pair shares name, street and line, while each group
has a mailbox of its own. Numbers in, numbers out; ``worth.csv`` holds what each of them counts.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np

from hub.identity.clustering import UNCOMPARED, UNIT, WEIGHT_CAP
from hub.identity.comparisons import Floats, Ints, comparisons
from hub.identity.sql import Connection, run

FIELDS = ("email", "mailbox_user", "phone", "street", "postal", "birth", "given", "family")
_COUNTED = ("email", "phone")  # fields of which a person may have several: how many tells
_MOST = 4  # values beyond these tell no more
FEATURES = (
    *("bias", "link", "second", "average", "agreeing", "differing", "size", "smaller", "larger", "streams"),
    *("same_name", "name_rarity", "like_name"),
    *(f"{field}_{what}" for field in FIELDS for what in ("shared", "differs")),
    *(f"{field}_{what}" for field in _COUNTED for what in ("own", "own_least", "known", "known_differs")),
)


def evidence(con: Connection, links: Floats, vectors: Ints) -> Floats:
    """One row a question of id_side, numbered from 0, one column for each of FEATURES. Both sides of each have records.

    Needs id_node, id_node_record, id_compared and id_weight of all records.

    Args:
        links, vectors: weight and pattern of the pair that each question names.
    """
    run(con, "evidence", weight_cap=WEIGHT_CAP, unit=UNIT, uncompared=UNCOMPARED)
    known = con.execute("SELECT * FROM id_known_pair ORDER BY question").fetchnumpy()
    values = con.execute("SELECT * FROM id_known_value").fetchnumpy()
    out = np.zeros((len(links), len(FEATURES)))
    column = {name: out[:, i] for i, name in enumerate(FEATURES)}
    column["bias"][:] = 1.0
    column["link"][:] = np.clip(links, -WEIGHT_CAP, WEIGHT_CAP)
    column["size"][:] = np.log2(np.asarray(known["records_l"]) * np.asarray(known["records_r"]))
    for name in ("second", "average", "agreeing", "differing", "smaller", "larger", "streams"):
        column[name][:] = known[name]
    name_of = next(c for c in comparisons() if c.name == "name")
    level = name_of.level(vectors)
    exact, like = (np.isin(level, 1 + np.flatnonzero(name_of.of_kin(kin))) for kin in ("exact", "same"))
    column["same_name"][exact] = column["like_name"][like] = 1.0
    column["name_rarity"][exact] = level[exact]
    fields = np.asarray(values["field"], dtype=object)
    for field in FIELDS:
        chosen = fields == field
        question = np.asarray(values["question"][chosen], dtype=np.int64)
        shared, fewer, more, records = (
            np.asarray(values[n][chosen], dtype=np.float64) for n in ("shared", "fewer", "more", "known")
        )
        differs = (shared == 0) & (fewer > 0)
        column[f"{field}_shared"][question] = shared > 0
        column[f"{field}_differs"][question] = differs
        if field in _COUNTED:
            column[f"{field}_own"][question] = np.minimum(more - shared, _MOST)
            column[f"{field}_own_least"][question] = np.minimum(fewer - shared, _MOST)
            column[f"{field}_known"][question] = np.log2(1 + records)
            column[f"{field}_known_differs"][question] = np.log2(1 + records) * differs
    return out


@cache
def _counts(answer: str) -> Floats:
    table = files(__package__).joinpath("worth.csv").read_text(encoding="utf-8")
    entries = {entry["feature"]: float(entry[answer]) for entry in csv.DictReader(table.splitlines())}
    return np.array([entries[feature] for feature in FEATURES])


def likelihood(answer: str, known: Floats) -> Floats:
    """How likely each question is answered so that something changes.

    Args:
        answer: ``one_customer`` of two customers, ``two_customers`` of one.
        known: what ``evidence`` found.
    """
    # how a sum is rounded depends on which others are summed with it; a worth must not
    return np.asarray(1 / (1 + np.exp(-np.round(known @ _counts(answer), 8))))
