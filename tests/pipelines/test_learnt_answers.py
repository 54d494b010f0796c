"""hub review learn: what a steward's answers teach settles open questions, yields to every word, is shown, and goes again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub.identity.answering import AT_LEAST
from hub.identity.decisions import LEARNT
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_stewardship import configure, first_load, owner, question
from tests.pipelines.world import Command, World
from warehouse import control_tables as t

THEN = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
PAIR = ("crm:contacts:4", "crm:contacts:5")


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    copy_of(built_once(tmp_path_factory, "stewardship", first_load), tmp_path)
    return configure(tmp_path)


def answer_many(world: World, verdict: str, times: int = AT_LEAST) -> None:
    """As if a steward had answered so many questions that were likely to be one customer, about records that are gone by now."""
    asked, said = [], []
    for n in range(times):
        pair = {"record_key_l": f"crm:contacts:a{n}", "record_key_r": f"crm:contacts:b{n}"}
        sizes: dict[str, Any] = {"worth": 2.4, "records_l": 2, "records_r": 2}
        asked.append({"task_id": f"t{n}", "kind": "refused_join", **pair, **sizes, "status": "decided", "created_at": THEN})
        said.append({"decision_id": f"d{n}", **pair, "decision": verdict, "decided_by": "ada", "decided_at": THEN})
    with world.hub() as opened:
        opened.control.add(t.review_task, asked)
        opened.control.add(t.match_decision, said)


def make_likely(world: World, hub: Command) -> dict[str, Any]:
    """The question about records 4 and 5, as if the queue had it at four fifths."""
    task = question(hub)
    row = t.review_task.c
    with world.hub() as opened:
        likely = 0.8 * task["records_l"] * task["records_r"]
        opened.control.run(sa.update(t.review_task).where(row.task_id == task["task_id"]).values(worth=likely))
    return task


def learnt(hub: Command) -> list[dict[str, Any]]:
    return [row for row in hub("review", "decisions") if row["decided_by"] == LEARNT]


def test_answers_settle_a_question_like_them_and_explain_says_so(world: World, hub: Command) -> None:
    task = make_likely(world, hub)
    assert hub("review", "learn")["learnt"] == []  # nobody has answered anything
    answer_many(world, "must_link")
    tried = hub("review", "learn", "--dry-run")
    assert [(a["record_key_l"], a["record_key_r"], a["decision"]) for a in tried["learnt"]] == [(*PAIR, "must_link")]
    assert tried["lessons"]["must_link"]["answers"] == AT_LEAST
    assert learnt(hub) == []
    assert "dry run" in hub("review", "learn", "--dry-run", text=True)
    done = hub("review", "learn", "--by", "ada", "--now")
    assert done["action"] == "published"
    assert owner(world, "4") == owner(world, "5")
    (row,) = learnt(hub)
    assert row["act_id"] == done["act_id"]
    assert f"by {AT_LEAST} answers" in row["reason"]
    assert task["task_id"] not in {open_task["task_id"] for open_task in hub("review", "list", "--limit", "100")}
    explained = hub("explain", *PAIR)
    assert (explained["decision"], explained["learnt"]) == ("must_link", row["reason"])
    assert [step["how"] for step in explained["path"]] == ["learnt"]
    assert "was learnt from a steward's answers" in hub("explain", *PAIR, text=True)
    with world.hub() as opened:
        told = opened.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "learn"))
    assert [(row["actor"], json.loads(row["detail"])["learnt"]) for row in told][-1] == ("ada", 1)
    assert hub("review", "learn")["learnt"] == []  # and not twice


def test_answers_to_the_contrary_settle_nothing(world: World, hub: Command) -> None:
    make_likely(world, hub)
    answer_many(world, "cannot_link", 10 * AT_LEAST)
    done = hub("review", "learn")
    assert (done["act_id"], done["learnt"]) == (None, [])
    assert done["lessons"]["must_link"]["changing"] == 0


def test_a_learnt_answer_yields_to_a_steward_and_is_not_learnt_again(world: World, hub: Command) -> None:
    make_likely(world, hub)
    answer_many(world, "must_link")
    hub("review", "learn")
    # by what follows from a steward's words too: 3 is one with 4, and not with 5
    hub("review", "decide", PAIR[0], "crm:contacts:3", "must_link")
    assert len(learnt(hub)) == 1
    hub("review", "decide", "crm:contacts:3", PAIR[1], "cannot_link")
    assert learnt(hub) == []
    gone = next(row for row in hub("review", "decisions", "--all") if row["decided_by"] == LEARNT)
    assert gone["revoked_by"] == LEARNT
    assert hub("review", "learn")["learnt"] == []


def test_a_learnt_answer_that_somebody_takes_back_is_not_learnt_again(world: World, hub: Command) -> None:
    make_likely(world, hub)
    answer_many(world, "must_link")
    act = hub("review", "learn")["act_id"]
    assert len(hub("review", "revoke", act, "--reason", "they are siblings")["revoked"]) == 1
    row = t.review_task.c
    with world.hub() as opened:  # as the next load would, which raises the question again
        opened.control.run(sa.update(t.review_task).where(row.status == "gone").values(status="open"))
    assert hub("review", "learn", "--dry-run")["learnt"] == []


def test_what_was_learnt_goes_with_the_answers_that_taught_it(world: World, hub: Command) -> None:
    make_likely(world, hub)
    answer_many(world, "must_link")
    hub("review", "learn")
    assert len(learnt(hub)) == 1
    hub("review", "revoke", "d0", "--reason", "a slip")
    assert learnt(hub) == []
