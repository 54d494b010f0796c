"""What a steward's answers teach about open questions, and how far."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.identity.answering import AT_LEAST, CHANGING, LIKELY, Lesson, Question, learnt, lessons
from hub.identity.decisions import CANNOT_LINK, MUST_LINK, Decision, Standing

RECORDS = [f"r{n}" for n in range(8)]
KINDS = st.sampled_from([*CHANGING, "id_contradiction"])
PAIRS = st.tuples(st.sampled_from(RECORDS), st.sampled_from(RECORDS)).filter(lambda pair: pair[0] < pair[1])
VERDICTS = (MUST_LINK, CANNOT_LINK)
AS_EXPECTED = {verdict: Lesson(100, 50, 50.0, 0.0) for verdict in VERDICTS}


def answered(verdict: str, times: int, kind: str = "refused_join", likely: float = 0.6) -> list[Question]:
    return [Question("a", "b", kind, likely, verdict) for _ in range(times)]


def test_nothing_is_learnt_from_a_handful_of_answers_nor_from_those_to_other_questions() -> None:
    assert lessons(answered(MUST_LINK, AT_LEAST - 1)) == {}
    assert lessons(answered(MUST_LINK, 100, "id_contradiction")) == {}
    assert set(lessons(answered(MUST_LINK, AT_LEAST))) == {MUST_LINK}
    assert set(lessons(answered(MUST_LINK, 100, "weak_link"))) == {CANNOT_LINK}
    assert learnt({}, [Question("a", "b", "near_miss", 0.99)], []) == []


def test_answers_as_expected_change_nothing_and_others_move_the_likelihood_towards_them() -> None:
    as_expected = lessons([*answered(MUST_LINK, 60), *answered(CANNOT_LINK, 40)])[MUST_LINK]
    assert as_expected.likelihood(0.3) == pytest.approx(0.3, abs=1e-6)
    assert (as_expected.answers, as_expected.changing, as_expected.expected) == (100, 60, 60.0)
    seldom = lessons([*answered(MUST_LINK, 30), *answered(CANNOT_LINK, 170)])[MUST_LINK]
    assert 0.15 < seldom.likelihood(0.6) < 0.25
    assert seldom.likelihood(0.3) < 0.1
    often = lessons([*answered(CANNOT_LINK, 90, "weak_link", 0.2), *answered(MUST_LINK, 10, "weak_link", 0.2)])[CANNOT_LINK]
    assert often.likelihood(0.2) > 0.6


def test_few_answers_move_it_less_than_many() -> None:
    few, many = (lessons(answered(CANNOT_LINK, n))[MUST_LINK] for n in (AT_LEAST, 1000))
    assert 0.6 > few.likelihood(0.6) > many.likelihood(0.6)


@given(st.integers(0, 2**32), st.integers(AT_LEAST, 200))
def test_the_order_of_answers_does_not_matter_and_likelihoods_keep_theirs(seed: int, times: int) -> None:
    drawn = Random(seed)
    questions = [
        Question("a", "b", drawn.choice(list(CHANGING)), drawn.choice((0.0, 1.0, drawn.random())), drawn.choice(VERDICTS))
        for _ in range(times)
    ]
    found = lessons(questions)
    drawn.shuffle(questions)
    assert lessons(questions) == found
    for lesson in found.values():
        raised = [lesson.likelihood(n / 20) for n in range(21)]
        assert raised == sorted(raised)
        assert 0.0 < raised[0] < raised[-1] < 1.0


@given(
    st.lists(st.tuples(PAIRS, KINDS, st.floats(0.0, 1.0)), max_size=20, unique_by=lambda asked: asked[0]),
    st.lists(st.tuples(PAIRS, st.sampled_from(VERDICTS)), max_size=6),
    st.dictionaries(st.sampled_from(RECORDS), st.sampled_from("xyz")),
    st.sets(st.sampled_from("xyz"), max_size=1),
)
def test_what_is_learnt_contradicts_no_steward_and_settles_a_customer_once(
    asked: list[tuple[tuple[str, str], str, float]],
    decided: list[tuple[tuple[str, str], str]],
    owner: dict[str, str],
    busy: set[str],
) -> None:
    standing, steward = Standing([]), []
    for number, ((left, right), verdict) in enumerate(decided):
        decision = Decision(str(number), left, right, verdict)
        if not standing.against(decision):
            standing.add(decision)
            steward.append(decision)
    questions = [Question(*pair, kind, likely) for pair, kind, likely in asked]
    found = learnt(AS_EXPECTED, questions, steward, owner, busy)
    named = [customer for q, _ in found for customer in {owner[key] for key in (q.left, q.right) if key in owner}]
    assert len(named) == len(set(named))
    assert busy.isdisjoint(named)
    for question, chance in found:
        assert chance >= LIKELY
        assert chance == pytest.approx(question.likely, abs=1e-3)
        answer = Decision("", question.left, question.right, CHANGING[question.kind])
        assert not standing.against(answer)
        standing.add(answer)
    # the likeliest goes first, and nothing that may be learnt is left out
    assert [chance for _, chance in found] == sorted((chance for _, chance in found), reverse=True)
    taken = {question for question, _ in found}
    for question in questions:
        if question not in taken and CHANGING.get(question.kind) and question.likely > LIKELY + 1e-3:
            customers = {owner[key] for key in (question.left, question.right) if key in owner}
            answer = Decision("", question.left, question.right, CHANGING[question.kind])
            assert standing.against(answer) or customers & (busy | set(named))
