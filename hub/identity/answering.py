"""What a steward's answers teach about the questions that nobody has answered yet. Numbers in, answers out; no SQL.

Each question comes with how likely its answer changes something, by what ``evidence`` knows of customers in general. The answers
show how far that is off in this hub: for each of the two answers that change something one shift of the ln odds of that likelihood,
held to none by a prior that is worth a few answers. Only the shift is learnt, as questions are answered that are worth most: of how
the others spread around it they say little, and a slope fitted to them proved wild. Where an open question is then likelier than
not to change something, that answer is learnt. It is a decision like a steward's, but for this: it yields to every word of a
steward, and goes when the answers no longer teach it. From a handful of answers nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hub.identity.comparisons import Flags, Floats
from hub.identity.decisions import CANNOT_LINK, MUST_LINK, Decision, Standing

# kind of question -> the answer that changes something. Of other kinds nothing is learnt: they ask whether an identifier is wrong
CHANGING = {"near_miss": MUST_LINK, "shared_mailbox": MUST_LINK, "refused_join": MUST_LINK, "weak_link": CANNOT_LINK}
AT_LEAST = 40  # answers to such questions before anything is learnt from them
LIKELY = 0.5  # from which on an answer is learnt: then it puts more right than wrong
DEVIATION = 0.5  # of the shift from none in ln odds, as is believed before there are answers
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
        shift: what the ln odds of such a question are beyond those that the queue had.
    """

    answers: int
    changing: int
    expected: float
    shift: float

    def likelihood(self, likely: float) -> float:
        """How likely a question is answered so that something changes, given how likely the queue had it."""
        return float(1 / (1 + np.exp(-(self.shift + _odds(np.array([likely]))[0]))))


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
            found[verdict] = Lesson(
                len(questions), int(changed.sum()), round(float(likely.sum()), 1), _shift(_odds(likely), changed)
            )
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


def _shift(odds: Floats, changed: Flags) -> float:
    """The likeliest shift, by Newton's method; by the prior there is one, and it is finite."""
    shift = 0.0
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-(odds + shift)))
        gradient = float((changed - expected).sum()) - shift / DEVIATION**2
        shift += gradient / (float((expected * (1 - expected)).sum()) + 1 / DEVIATION**2)
    # answers come in any order, and how a sum is rounded depends on it
    return round(shift, 6)
