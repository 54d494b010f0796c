"""What forbids to call two records one customer, or leaves it unproven, whatever the sum of their weights says.

A weight adds up what agrees; but no number of shared values makes twins one person. A pair that is *forbidden* keeps its two
records apart in every cluster. One that is *unproven* may still come together through other records. Either is a question for the
steward.
"""

from __future__ import annotations

import numpy as np

from hub.identity.comparisons import Flags, Ints, among
from hub.identity.model import Model

GIVEN, BIRTH = "given", "birth"  # how a model names the fields that forbid nothing (``Model.unreliable``)


def forbidden(model: Model, vectors: Ints) -> Flags:
    """Two people, by what they are called or when they were born.

    One surname and quite another given name: relatives, even twins. One name and quite another birth date: parent and child, or
    namesakes. A tax ID in common outweighs both. Where one person's records are known to differ so (``model.unreliable``), the
    weights have to tell.
    """
    found = np.zeros(len(vectors), dtype=np.bool_)
    if GIVEN not in model.unreliable:
        found |= among(vectors, "name", "other given")
    if BIRTH not in model.unreliable:
        found |= among(vectors, "birth", "other")
    return found & ~among(vectors, "tax", "same")


def unproven(vectors: Ints) -> Flags:
    """Pairs that share only what many may share.

    Two names under one phone or company are colleagues, unless a mailbox or a birth date says otherwise. Companies of different
    names share mailboxes, lines and roofs within a group, companies of one name in two countries seldom more than a mailbox, and
    the branches of a chain their name as well.
    """
    tax, email = among(vectors, "tax", "same"), among(vectors, "email", "same")
    phone, switchboard = among(vectors, "phone", "same", "many"), among(vectors, "phone", "many")
    at_work = among(vectors, "company", "same") | switchboard
    colleagues = among(vectors, "name", "other name", "near relative") & (phone | at_work)
    colleagues |= among(vectors, "name", "other family", "like given") & at_work
    of_a_group = among(vectors, "name", "other firm") & ~tax
    abroad = among(vectors, "name", "firm abroad") & ~(email | phone | tax)
    chain = among(vectors, "email", "many") & among(vectors, "address", "elsewhere") & ~(phone | tax)
    return (colleagues & ~(email | tax | among(vectors, "birth", "same"))) | of_a_group | abroad | chain
