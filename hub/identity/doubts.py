"""What forbids to call two records one customer, or leaves it unproven, whatever the sum of their weights says.

A weight adds up what agrees; but no number of shared values makes twins one person. A pair that is *forbidden* keeps its two
records apart in every cluster. One that is *unproven* may still come together through other records. Either is a question for the
steward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.identity.comparisons import Flags, Ints, among
from hub.identity.model import Model

GIVEN, BIRTH = "given", "birth"  # how a model names the fields that forbid nothing (``Model.unreliable``)


@dataclass(frozen=True)
class Doubt:
    """What stands against calling a pair one customer.

    Attributes:
        forbids: the two records are never in one cluster; else they are only if other records lead from one to the other.
        because: the rule, in words without values.
    """

    forbids: bool
    because: str


def forbidden(model: Model, vectors: Ints) -> Flags:
    """Two people, by what they are called or when they were born.

    One surname and quite another given name at one home or company: relatives, even twins. One name and quite another birth
    date: parent and child, or namesakes. A tax ID in common outweighs both. Where one person's records are known to differ so
    (``model.unreliable``), the weights have to tell.
    """
    return _any(vectors, _forbidding(model, vectors))


def unproven(vectors: Ints) -> Flags:
    """Pairs that share only what many may share.

    Two names under one phone or company are colleagues, unless a mailbox or a birth date says otherwise. Companies of different
    names share mailboxes, lines and roofs within a group, companies of one name in two countries seldom more than a mailbox, and
    the branches of a chain their name as well.
    """
    return _any(vectors, _unproving(vectors))


def doubts(model: Model, vector: Ints) -> tuple[Doubt, ...]:
    """What stands against one pair.

    Args:
        vector: of that pair alone.
    """
    found = [Doubt(True, because) for because, flags in _forbidding(model, vector).items() if flags[0]]
    return (*found, *(Doubt(False, because) for because, flags in _unproving(vector).items() if flags[0]))


def _forbidding(model: Model, vectors: Ints) -> dict[str, Flags]:
    found, no_tax = {}, ~among(vectors, "tax", "same")
    if GIVEN not in model.unreliable:
        near = among(vectors, "address", "street") | among(vectors, "phone", "same", "many") | among(vectors, "company", "same")
        other = among(vectors, "name", "other given") & (near | among(vectors, "birth", "same")) & no_tax
        found["one family name and quite another given name at one home, line, company or birth date: relatives, even twins"] = (
            other
        )
    if BIRTH not in model.unreliable:
        found["quite another birth date: parent and child, or namesakes"] = among(vectors, "birth", "other") & no_tax
    return found


def _unproving(vectors: Ints) -> dict[str, Flags]:
    tax, email = among(vectors, "tax", "same"), among(vectors, "email", "same")
    phone, switchboard = among(vectors, "phone", "same", "many"), among(vectors, "phone", "many")
    at_work = among(vectors, "company", "same") | switchboard
    colleagues = among(vectors, "name", "other name", "near relative") & (phone | at_work)
    colleagues |= among(vectors, "name", "other family", "like given") & at_work
    return {
        "two names under one phone or company: colleagues": colleagues & ~(email | tax | among(vectors, "birth", "same")),
        "companies of different names, such as those of a group": among(vectors, "name", "other firm") & ~tax,
        "companies of one name in two countries": among(vectors, "name", "firm abroad") & ~(email | phone | tax),
        "one mailbox at different addresses: branches of a chain": among(vectors, "email", "many")
        & among(vectors, "address", "elsewhere")
        & ~(phone | tax),
    }


def _any(vectors: Ints, found: dict[str, Flags]) -> Flags:
    any_of_them = np.zeros(len(vectors), dtype=np.bool_)
    for flags in found.values():
        any_of_them |= flags
    return any_of_them
