"""What merge and unmerge mean in decisions: exact undo, whoever made the merge, and through records that are gone."""

from __future__ import annotations

import pytest

from hub.contract.errors import ConfigError, NotFoundError
from hub.identity.decisions import Decision
from hub.identity.stewardship import Undoing, members, merging, undoing
from tests.hub.identity.helpers import customers, load, record, stage, warehouse

Link = tuple[str, str, str]  # record, record, act


class Hub:
    """A row of loads. Records of one e-mail address are one customer by linkage; a steward's acts are kept as a hub keeps them."""

    def __init__(self) -> None:
        self.con, self.loads = warehouse(), 0
        self.decisions: list[Decision] = []

    def load(self, **emails: str) -> None:
        """Resolve these records, each given with the user of its e-mail address."""
        self.loads += 1
        self.con.execute("DELETE FROM identity.match_decision")
        names = "decision_id, record_key_l, record_key_r, decision, decided_by, decided_at"
        for d in self.decisions:
            values = [d.decision_id, d.left, d.right, d.verdict]
            self.con.execute(f"INSERT INTO identity.match_decision ({names}) VALUES (?, ?, ?, ?, 'ada', now())", values)
        stage(self.con, [record(f"s:c:{name}", email=f"{user}@mail.net") for name, user in emails.items()])
        load(self.con, self.loads, decisions="identity.match_decision")

    def id(self, name: str) -> str:
        return customers(self.con)[f"s:c:{name}"]

    def merge(self, left: str, right: str) -> None:
        """`hub merge` of the customers of two records."""
        act = f"m{len(self.decisions)}"
        for n, (a, b) in enumerate(merging(self.con, "live", self.id(left), self.id(right))):
            self.decisions.append(Decision(f"{act}.{n}", a, b, "must_link", act))

    def unmerge(self, any_id: str) -> Undoing:
        """`hub unmerge`."""
        undo = undoing(self.con, "live", any_id, self.decisions)
        self.decisions = [d for d in self.decisions if d.decision_id not in undo.revoke]
        self.decisions += [Decision(f"u{n}", a, b, "cannot_link", "u") for n, (a, b) in enumerate(undo.part)]
        return undo


def test_an_unmerge_takes_back_the_whole_act_and_nothing_else() -> None:
    hub = Hub()
    records = {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z"}
    hub.load(**records)
    before = customers(hub.con)
    hub.decisions.append(Decision("older", "s:c:a", "s:c:b", "must_link"))
    hub.merge("a", "c")
    hub.load(**records)
    assert len(set(customers(hub.con).values())) == 2
    undo = hub.unmerge(before["s:c:c"])
    assert (undo.former_id, undo.part) == (before["s:c:c"], ())
    assert [d.decision_id for d in hub.decisions] == ["older"]
    hub.load(**records)
    assert customers(hub.con) == before


def test_a_merge_holds_when_the_records_it_began_with_are_deleted_and_can_still_be_undone() -> None:
    hub = Hub()
    hub.load(a="x", b="x", c="y", d="y")
    x, y = hub.id("a"), hub.id("c")
    hub.merge("a", "c")
    hub.load(a="x", b="x", c="y", d="y")
    hub.load(b="x", d="y")
    assert hub.id("b") == hub.id("d") == x
    assert hub.unmerge(x).former_id == y
    assert hub.decisions == []
    hub.load(b="x", d="y")
    assert (hub.id("b"), hub.id("d")) == (x, y)


def test_what_linkage_merged_is_parted_for_good_and_newcomers_stay_free() -> None:
    hub = Hub()
    hub.load(a="x", b="x", c="y")
    x, y = hub.id("a"), hub.id("c")
    hub.load(a="x", b="x", c="x")
    assert hub.id("c") == x
    hub.load(a="x", b="x", c="x", n="x")
    undo = hub.unmerge(y)
    assert undo == Undoing(x, y, part=(("s:c:a", "s:c:c"), ("s:c:b", "s:c:c")))
    for _ in range(2):
        hub.load(a="x", b="x", c="x", n="x")
        assert (hub.id("a"), hub.id("b"), hub.id("c")) == (x, x, y)
        assert hub.id("n") in (x, y)


def test_a_merge_that_no_load_has_applied_is_simply_taken_back() -> None:
    hub = Hub()
    hub.load(a="x", c="y", e="z")
    hub.merge("a", "c")
    hub.merge("a", "e")
    assert hub.unmerge(hub.id("a")).former_id is None
    assert {d.act for d in hub.decisions} == {"m0"}
    assert hub.unmerge(hub.id("c")).former_id is None
    assert hub.decisions == []


def test_of_several_merges_the_newest_is_undone_and_of_several_at_a_time_one_must_be_named() -> None:
    hub = Hub()
    records = {"a": "x", "b": "x", "c": "y", "e": "z", "g": "v"}
    hub.load(**records)
    x, y, z, v = (hub.id(name) for name in "aceg")
    hub.merge("a", "c")
    hub.load(**records)
    hub.merge("a", "e")
    hub.merge("a", "g")
    hub.load(**records)
    with pytest.raises(ConfigError, match="name one of"):
        hub.unmerge(x)
    assert hub.unmerge(z).former_id == z
    hub.load(**records)
    assert (hub.id("e"), hub.id("g"), hub.id("c")) == (z, x, x)
    assert hub.unmerge(x).former_id == v
    hub.load(**records)
    assert hub.unmerge(x).former_id == y
    hub.load(**records)
    assert [hub.id(name) for name in "abceg"] == [x, x, y, z, v]


def test_what_cannot_be_merged_or_undone_is_said() -> None:
    hub = Hub()
    hub.load(a="x", c="y")
    with pytest.raises(ConfigError, match="one customer already"):
        merging(hub.con, "live", hub.id("a"), hub.id("a"))
    with pytest.raises(NotFoundError, match="no records any more"):
        merging(hub.con, "live", hub.id("a"), "c_none")
    with pytest.raises(NotFoundError, match="c_none"):
        hub.unmerge("c_none")
    with pytest.raises(NotFoundError, match="nothing was merged"):
        hub.unmerge(hub.id("a"))
    y = hub.id("c")
    hub.merge("a", "c")
    hub.load(a="x", c="y")
    hub.load(a="x")
    with pytest.raises(NotFoundError, match="are gone"):
        hub.unmerge(y)
    assert members(hub.con, "live", y) == []
