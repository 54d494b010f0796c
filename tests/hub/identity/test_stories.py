"""Households, companies and changed people in many variants, among a population from which the model is learnt.

No variant is written by hand: names, countries and missing fields are drawn (``stories.cast``), so that what makes one sample right
cannot be all that is mended. In some worlds the stories are there when the model is made, in others they come later: all at
once, or their records trickle in, so that it shows only in a later load that a line is a switchboard or a mailbox that of a chain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import combinations

import pytest

from bench.identity import add
from bench.people import population
from hub.identity import IdentitySettings
from tests.hub.identity.helpers import customers, load
from tests.hub.identity.scenarios import Story
from tests.hub.identity.stories import firms, households, persons
from tests.hub.identity.stories.cast import Cast
from tests.hub.parties import stage_parties, warehouse

Kind = Callable[[Cast, str], Story]
KINDS: tuple[Kind, ...] = (*households.KINDS, *firms.KINDS, *persons.KINDS)
VARIANTS = 6
ASKED = IdentitySettings(max_review_tasks=100_000)


def told(seed: int) -> dict[Kind, list[Story]]:
    """Every kind of story, some times over."""
    cast = Cast(seed)
    times = {kind: 2 if kind is firms.forty_at_a_switchboard else VARIANTS for kind in KINDS}
    return {kind: [kind(cast, f"{kind.__name__} {n}") for n in range(times[kind])] for kind in KINDS}


class World:
    """A population with all stories in it, resolved.

    Attributes:
        batches: loads in which the stories come after the model; 0: they are there when it is made.
        compared: pairs that the last load compared.
    """

    def __init__(self, seed: int, people: int, batches: int) -> None:
        self.stories, self.con = told(seed), warehouse()
        records = [{"key": s.key(r), **f} for stories in self.stories.values() for s in stories for r, f in s.records.items()]
        random.Random(seed).shuffle(records)
        self.con.execute("CREATE TABLE truth (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, entity_id VARCHAR)")
        add(self.con, population(people, seed))
        if batches:
            load(self.con, 1, ASKED)
        for number in range(max(batches, 1)):
            stage_parties(self.con, records[number :: max(batches, 1)])
            self.compared = load(self.con, number + 1 + bool(batches), ASKED).candidate_pairs
        self.customers = customers(self.con)

    def found(self, story: Story) -> set[frozenset[str]]:
        """The story's records of each customer."""
        groups: dict[str, set[str]] = {}
        for record in story.records:
            groups.setdefault(self.customers[story.key(record)], set()).add(story.key(record))
        return {frozenset(group) for group in groups.values()}


@pytest.fixture(
    scope="module", params=[(1, 5000, 0), (2, 5000, 1), (4, 5000, 3), (3, 10_000, 0)], ids=lambda p: "-".join(map(str, p))
)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(*request.param)
    assert made.con.execute("SELECT parameters->>'origin' FROM identity.model").fetchall() == [("trained",)]
    assert request.param[2] < 2 or made.compared < 5_000  # the last load is one on top
    yield made
    made.con.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_story_becomes_its_customers(kind: Kind, world: World) -> None:
    wrong = [story.name for story in world.stories[kind] if world.found(story) != story.expected()]
    assert wrong == []


def test_what_a_story_keeps_apart_against_the_weights_is_a_question(world: World) -> None:
    """A pair that the weights would join, and a rule does not, is in the review queue, once for each two customers."""
    asked = {frozenset(pair) for pair in world.con.execute(_ASKED).fetchall()}
    weights = {frozenset(pair): weight for *pair, weight in world.con.execute(_LIKELY).fetchall()}
    for stories in world.stories.values():
        for story in stories:
            for a, b in combinations(sorted(map(story.key, story.records)), 2):
                ends = frozenset((world.customers[a], world.customers[b]))
                if frozenset((a, b)) in weights and len(ends) == 2:
                    assert ends in asked, (a, b)


_ASKED = """
    SELECT a.customer_id, b.customer_id FROM identity.review_task
    JOIN identity.customer_xref AS a ON a.record_key = record_key_l JOIN identity.customer_xref AS b ON b.record_key = record_key_r
    WHERE a.is_current AND b.is_current"""
_LIKELY = "SELECT record_key_l, record_key_r, match_weight FROM identity.match_edge WHERE match_weight > 0"
