"""The guard: joins along the best edges, and only while all cross pairs together agree."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.identity.clustering import FORBIDDEN, UNCOMPARED, WEIGHT_CAP, Clustering, cluster
from tests.hub.identity.plain_guard import plainly

Edges = dict[tuple[int, int], float]


def run(
    n: int,
    edges: Edges,
    must: list[tuple[int, int]] | None = None,
    cannot: list[tuple[int, int]] | None = None,
    *,
    max_size: int = 50,
    kinds: list[int] | None = None,
    order: list[int] | None = None,
) -> Clustering:
    pairs = list(edges)
    pairs = [pairs[i] for i in order] if order is not None else pairs
    left, right = np.array([p[0] for p in pairs], dtype=np.int64), np.array([p[1] for p in pairs], dtype=np.int64)
    weight = np.array([edges[p] for p in pairs], dtype=np.float64)
    kind = np.array(kinds or [4] * n, dtype=np.int64)
    return cluster(kind, left, right, weight, must or [], cannot or [], max_size=max_size)


def parts(found: Clustering) -> set[frozenset[int]]:
    members: dict[int, set[int]] = {}
    for node, label in enumerate(found.cluster.tolist()):
        members.setdefault(label, set()).add(node)
    return {frozenset(m) for m in members.values()}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    n = draw(st.integers(1, 9))
    pairs = list(combinations(range(n), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    # whole weights, so that ties happen
    return n, {pair: float(draw(st.integers(-12, 12))) for pair in chosen}


def test_pairs_and_cliques_pass() -> None:
    edges = {(0, 1): 3.0, (2, 3): 1.0, (2, 4): 1.0, (3, 4): 1.0}
    assert parts(run(6, edges)) == {frozenset({0, 1}), frozenset({2, 3, 4}), frozenset({5})}


def test_a_bridge_between_two_dense_groups_is_refused_and_kept_for_review() -> None:
    edges = {pair: 8.0 for group in ((0, 1, 2), (3, 4, 5)) for pair in combinations(group, 2)}
    edges |= {(2, 3): 7.0, (1, 4): -9.0}
    found = run(6, edges)
    assert parts(found) == {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert len(found.refused) == 1


def test_a_record_that_lacks_what_the_others_share_still_finds_them() -> None:
    edges = dict.fromkeys(combinations(range(4), 2), 9.0) | {(0, 4): 3.0, (1, 4): -1.0, (2, 4): -2.0, (3, 4): -2.0}
    assert parts(run(5, edges)) == {frozenset(range(5))}


def test_two_groups_that_repeat_one_weak_agreement_stay_two() -> None:
    edges = {pair: 9.0 for group in ((0, 1, 2), (3, 4, 5)) for pair in combinations(group, 2)}
    across = [(a, b) for a in range(3) for b in range(3, 6)]
    weak = run(6, edges | dict.fromkeys(across[:-1], 2.0) | {across[-1]: -0.5})
    assert parts(weak) == {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert weak.refused
    assert parts(run(6, edges | dict.fromkeys(across[:-1], 7.0) | {across[-1]: -0.5})) == {frozenset(range(6))}


def test_a_chain_of_strong_links_holds_without_every_pair_compared() -> None:
    assert parts(run(4, {(0, 1): 9.0, (1, 2): 9.0, (2, 3): 9.0})) == {frozenset({0, 1, 2, 3})}


def test_a_cluster_does_not_outgrow_its_limit() -> None:
    edges = dict.fromkeys(combinations(range(7), 2), 5.0)
    found = run(7, edges, max_size=3)
    assert max(len(p) for p in parts(found)) == 3
    assert found.oversized


def test_persons_and_companies_do_not_mix_even_through_a_third() -> None:
    found = run(3, {(0, 1): 9.0, (1, 2): 8.0}, kinds=[1, 4, 2])
    assert parts(found) == {frozenset({0, 1}), frozenset({2})}


def test_decisions_beat_any_weight() -> None:
    edges = {(0, 1): 20.0, (1, 2): 20.0, (0, 2): 20.0, (3, 4): -20.0}
    found = parts(run(5, edges, must=[(3, 4)], cannot=[(0, 2)]))
    assert frozenset({3, 4}) in found
    assert not any({0, 2} <= p for p in found)


def test_what_a_steward_made_one_is_not_parted_by_what_forbids_it() -> None:
    # 0, 1, 2 are records of one person; 3, 4 of another, whom the birth date of the first forbids until the steward says otherwise
    edges = {(0, 1): 9.0, (0, 2): 9.0, (1, 2): 9.0, (3, 4): 9.0} | {(a, b): FORBIDDEN for a in (0, 1, 2) for b in (3, 4)}
    assert parts(run(5, edges)) == {frozenset({0, 1, 2}), frozenset({3, 4})}
    together = parts(run(5, edges, must=[(0, 3)]))
    assert any({0, 1, 2, 3} <= found for found in together)
    assert not any({0, 4} <= found for found in parts(run(5, edges, must=[(0, 3)], cannot=[(0, 4)])))


def test_a_cannot_link_reaches_what_was_joined_by_must_links() -> None:
    found = parts(run(4, {(1, 2): 20.0}, must=[(0, 1), (2, 3)], cannot=[(0, 3)]))
    assert found == {frozenset({0, 1}), frozenset({2, 3})}


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_edges_does_not_matter(graph: tuple[int, Edges], random: object) -> None:
    n, edges = graph
    order = list(range(len(edges)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert parts(run(n, edges)) == parts(run(n, edges, order=order))


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_clusters_hold_together_and_no_join_that_pays_is_left_undone_along_an_untouched_edge(graph: tuple[int, Edges]) -> None:
    n, edges = graph
    found = parts(run(n, edges))
    assert set().union(*found) == set(range(n))
    linking = {pair for pair, w in edges.items() if w > 0}
    for part in found:
        # every cluster is connected by linking edges
        seen, queue = {min(part)}, [min(part)]
        while queue:
            here = queue.pop()
            for a, b in linking:
                other = b if a == here else a if b == here else None
                if other in part and other not in seen:
                    seen.add(other)
                    queue.append(other)
        assert seen == part
    for a, b in linking:
        one, two = (next(p for p in found if x in p) for x in (a, b))
        if one is not two and len(one) == len(two) == 1:
            raise AssertionError("two single nodes with a link between them were not joined")


@given(graphs(), st.data())
@settings(max_examples=150, deadline=None)
def test_decisions_always_hold(graph: tuple[int, Edges], data: st.DataObject) -> None:
    n, edges = graph
    pairs = list(combinations(range(n), 2))
    must = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    joined = parts(run(n, {}, must=must))
    free = [(a, b) for a, b in pairs if not any({a, b} <= p for p in joined)]
    cannot = data.draw(st.lists(st.sampled_from(free), unique=True, max_size=3)) if free else []
    found = parts(run(n, edges, must=must, cannot=cannot))
    assert all(any({a, b} <= p for p in found) for a, b in must)
    assert not any({a, b} <= p for p in found for a, b in cannot)


@st.composite
def communities(draw: st.DrawFn) -> tuple[int, Edges]:
    """Graphs with several components of up to fourteen nodes, beyond what is guarded side by side."""
    edges: Edges = {}
    n = 0
    for size in draw(st.lists(st.integers(1, 14), min_size=1, max_size=4)):
        pairs = list(combinations(range(n, n + size), 2))
        chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40)) if pairs else []
        edges |= {pair: draw(st.one_of(st.integers(-9, 12).map(float), st.floats(-30, 30))) for pair in chosen}
        n += size
    return n, edges


@given(communities(), st.data())
@settings(max_examples=200, deadline=None)
def test_every_way_to_guard_does_what_the_plain_one_does(graph: tuple[int, Edges], data: st.DataObject) -> None:
    n, edges = graph
    kinds = data.draw(st.lists(st.sampled_from([1, 2, 4, 4, 4]), min_size=n, max_size=n))
    max_size = data.draw(st.sampled_from([2, 5, 50]))
    pairs = list(combinations(range(n), 2))
    must = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2)) if pairs else []
    joined = parts(run(n, {}, must=must))
    free = [(a, b) for a, b in pairs if not any({a, b} <= p for p in joined)]
    cannot = data.draw(st.lists(st.sampled_from(free), unique=True, max_size=2)) if free else []
    found = run(n, edges, must=must, cannot=cannot, max_size=max_size, kinds=kinds)
    expected, refused, oversized = plainly(kinds, edges, must, cannot, max_size)
    assert parts(found) == expected
    assert {list(edges)[i] for i in found.refused} == set(refused)
    assert {list(edges)[i] for i in found.oversized} == set(oversized)


def test_weights_are_capped_so_that_one_pair_cannot_outvote_all() -> None:
    edges = {(0, 1): 1000.0, (1, 2): 5.0, (0, 2): -1000.0}
    assert parts(run(3, edges)) == {frozenset({0, 1}), frozenset({2})}
    assert WEIGHT_CAP > UNCOMPARED
