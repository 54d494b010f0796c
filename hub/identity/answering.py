"""What a steward's answers teach about the questions that nobody has answered yet. Numbers in, answers out; no SQL.

Each question comes with how likely its answer changes something, by what ``evidence`` knows of customers in general. The answers
show how far that holds in this hub: for each of the two answers that change something a logistic regression on the ln odds of that
likelihood (Platt 1999), held to "it is right as it is" by a prior that is worth a few answers. Where an open question is then
likely enough to change something, that answer is learnt. It is a decision like a steward's, but for this: it yields to every word
of a steward, and goes when the answers no longer teach it. From a handful of answers nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hub.identity.comparisons import Flags, Floats
from hub.identity.decisions import CANNOT_LINK, MUST_LINK, Decision, Standing

LEARNT = "hub (learnt)"  # who a learnt answer is decided by
# kind of question -> the answer that changes something. Of other kinds nothing is learnt: they ask whether an identifier is wrong
CHANGING = {"near_miss": MUST_LINK, "shared_mailbox": MUST_LINK, "refused_join": MUST_LINK, "weak_link": CANNOT_LINK}
AT_LEAST = 40  # answers to such questions before anything is learnt from them
LIKELY = 0.6  # from which on an answer is learnt
# How far intercept and slope of a hub may be from 0 and 1, as is believed before there are answers.
DEVIATION = np.array([1.0, 0.3])
_FURTHEST = 8.0  # ln odds beyond which a likelihood tells no more
_STEPS = 25


@dataclass(frozen=True)
class Question:
    """A question about a pair of records.

    Attributes:
        left, right: their keys, in order.
        likely: how likely its answer changes something, as the queue had it.
        verdict: what a steward answered; None if nothing yet.
    """

    left: str
    right: str
    kind: str
    likely: float
    verdict: str | None = None


@dataclass(frozen=True)
class Lesson:
    """What the answers to one sort of question teach.

    Attributes:
        answers: how many there are.
        changing: how many changed something.
        expected: how many were expected to.
        intercept, slope: the ln odds of a question are intercept + slope * what the queue had.
    """

    answers: int
    changing: int
    expected: float
    intercept: float
    slope: float

    def likelihood(self, likely: float) -> float:
        """How likely a question is answered so that something changes, given how likely the queue had it."""
        return float(1 / (1 + np.exp(-(self.intercept + self.slope * _odds(np.array([likely]))[0]))))


def lessons(answered: Iterable[Question]) -> dict[str, Lesson]:
    """What answered questions teach, by the verdict that changes something; nothing of a verdict with too few answers."""
    by_verdict: dict[str, list[Question]] = {MUST_LINK: [], CANNOT_LINK: []}
    for question in answered:
        if question.kind in CHANGING and question.verdict is not None:
            by_verdict[CHANGING[question.kind]].append(question)
    found = {}
    for verdict, questions in by_verdict.items():
        if len(questions) >= AT_LEAST:
            likely, changed = np.array([q.likely for q in questions]), np.array([q.verdict == verdict for q in questions])
            intercept, slope = _fit(_odds(likely), changed)
            found[verdict] = Lesson(len(questions), int(changed.sum()), round(float(likely.sum()), 1), intercept, slope)
    return found


def learnt(
    found: Mapping[str, Lesson],
    questions: Sequence[Question],
    steward: Iterable[Decision],
    owner: Mapping[str, str] | None = None,
    busy: Collection[str] = (),
) -> list[tuple[Question, float]]:
    """Which of the questions are answered so that something changes, and how likely that is; the likeliest first.

    Args:
        steward: decisions that none of them may contradict.
        owner: customer of each record; of a customer one question is answered at a time, as the answer changes the others.
        busy: customers of which none is.
    """
    standing, taken, chosen = Standing(steward), set(busy), []
    likely = ((q, found[CHANGING[q.kind]].likelihood(q.likely)) for q in questions if CHANGING.get(q.kind) in found)
    for question, chance in sorted(likely, key=lambda pair: (-pair[1], pair[0].left, pair[0].right)):
        customers = {owner[key] for key in (question.left, question.right) if key in owner} if owner else set()
        answer = Decision("", question.left, question.right, CHANGING[question.kind])
        if chance < LIKELY or customers & taken or standing.against(answer):
            continue
        standing.add(answer)
        taken |= customers
        chosen.append((question, chance))
    return chosen


def _odds(likely: Floats) -> Floats:
    """ln of the odds, within bounds."""
    least = 1 / (1 + np.exp(_FURTHEST))
    inside = np.clip(likely, least, 1 - least)
    return np.asarray(np.log(inside / (1 - inside)))


def _fit(odds: Floats, changed: Flags) -> tuple[float, float]:
    """Intercept and slope by Newton's method; by the prior there is one optimum, and it is finite."""
    believed, strength = np.array([0.0, 1.0]), DEVIATION**-2
    features, at = np.stack([np.ones_like(odds), odds], axis=1), np.array([0.0, 1.0])
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-features @ at))
        gradient = features.T @ (changed - expected) - strength * (at - believed)
        curvature = (features.T * (expected * (1 - expected))) @ features + np.diag(strength)
        at = at + np.linalg.solve(curvature, gradient)
    # answers come in any order, and how a sum is rounded depends on it
    return round(float(at[0]), 6), round(float(at[1]), 6)
