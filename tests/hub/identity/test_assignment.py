"""Which known ID each cluster keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.identity.assignment import Overlap, keep_ids, restore_ids

OLD, NEW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def test_a_merge_keeps_the_id_with_more_records() -> None:
    assert keep_ids([Overlap("a", 1, 2, True, OLD), Overlap("b", 1, 3, False, NEW)]) == {1: "b"}


def test_a_tie_goes_to_the_older_id_then_to_the_lesser() -> None:
    assert keep_ids([Overlap("b", 1, 2, False, OLD), Overlap("a", 1, 2, True, NEW)]) == {1: "b"}
    assert keep_ids([Overlap("b", 1, 2, False, OLD), Overlap("a", 1, 2, False, OLD)]) == {1: "a"}


def test_a_split_keeps_the_id_on_the_larger_part_or_with_its_seed() -> None:
    assert keep_ids([Overlap("a", 1, 2, True, OLD), Overlap("a", 2, 3, False, OLD)]) == {2: "a"}
    assert keep_ids([Overlap("a", 1, 2, False, OLD), Overlap("a", 2, 2, True, OLD)]) == {2: "a"}


def test_as_many_records_as_possible_keep_their_id_even_against_greed() -> None:
    overlaps = [Overlap("a", 1, 3, True, OLD), Overlap("a", 2, 2, False, OLD), Overlap("b", 1, 3, True, NEW)]
    assert keep_ids(overlaps) == {1: "b", 2: "a"}


def test_a_former_id_goes_to_the_record_it_was_minted_for_first() -> None:
    candidates = [
        Overlap("a", 1, 5, False, OLD),
        Overlap("a", 2, 1, True, OLD),
        Overlap("b", 2, 4, False, OLD),
        Overlap("b", 1, 1, False, NEW),
    ]
    assert restore_ids(candidates) == {2: "a", 1: "b"}


@st.composite
def overlap_lists(draw: st.DrawFn) -> list[Overlap]:
    cells = draw(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), unique=True, max_size=10))
    minted = {i: draw(st.sampled_from([OLD, NEW])) for i in "abcd"}
    return [Overlap(i, c, draw(st.integers(1, 4)), draw(st.booleans()), minted[i]) for i, c in cells]


@given(overlap_lists())
@settings(max_examples=100, deadline=None)
def test_it_is_the_best_assignment_whatever_the_order(overlaps: list[Overlap]) -> None:
    kept = keep_ids(overlaps)
    assert kept == keep_ids(list(reversed(overlaps)))
    assert len(set(kept.values())) == len(kept)
    worth = {(o.cluster, o.customer_id): o.records for o in overlaps}
    best = max(sum(worth.get((c, i), 0) for c, i in enumerate(ids, 1)) for ids in permutations("abcd"))
    assert sum(worth[item] for item in kept.items()) == best
