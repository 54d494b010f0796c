"""A steward at work on the command line: the queue, decisions, merge and its undo, a dry run; and what is left in the audit log."""

from __future__ import annotations

import csv
import getpass
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.cli import main
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import Command, World
from warehouse import control_tables as t
from warehouse.connection import writer

FIELDS = {"full_name": "name", "email": "email", "phone": "phone", "city": "city", "postal_code": "zip"}
CONTACTS = {"path": "in/contacts.csv", "kind": "party", "id": "id", "fields": FIELDS}
# three records that are one customer, one that a steward knows to be the same, and two people of one name and town
PEOPLE = [
    ("1", "Ann Lee", "ann.lee@mail.net", "+44 20 7946 0001", "Leeds", "LS1 1AA"),
    ("2", "Ann Lee", "ann.lee@mail.net", "", "Leeds", "LS1 1AA"),
    ("3", "Ann Smith", "annsmith@post.org", "+44 20 7946 0003", "York", "YO1 1AA"),
    ("4", "Robert Quillfeather", "rob@first.example", "", "Bath", "BA1 1AA"),
    ("5", "Zelda Quillfeather", "quill@second.example", "", "Bath", "BA1 1AA"),
    ("6", "Ann Lee", "ann.lee@mail.net", "+44 20 7946 0001", "Leeds", "LS1 1AA"),
]
OTHERS = [
    (f"x{n}", name, f"{name.split()[1].lower()}@own{n}.example", "", "Hull", f"HU{n} 1AA")
    for n, name in enumerate(
        ("Igor Wolkow", "Maja Benning", "Tomas Urquiza", "Leila Haddad", "Oskar Fjord", "Priya Nair", "Cem Yilmaz")
    )
]
IDENTITY = {"review_floor": 1e-12}  # however unlikely, a pair that was compared is a question


def write(root: Path, rows: list[tuple[str, ...]]) -> None:
    (root / "in").mkdir(exist_ok=True)
    with open(root / "in" / "contacts.csv", "w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([("id", "name", "email", "phone", "city", "zip"), *rows])


def configure(root: Path, **more: Any) -> World:
    source = {"type": "files", "country": "GB", "streams": {"contacts": CONTACTS}}
    return World(root, {"sources": {"crm": source}, "identity": IDENTITY, "gate": {"max_id_churn": 0.9}, **more})


def first_load(root: Path) -> None:
    write(root, [*PEOPLE, *OTHERS])
    assert configure(root).sync().action == "published"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    copy_of(built_once(tmp_path_factory, "stewardship", first_load), tmp_path)
    return configure(tmp_path)


def owner(world: World, record: str) -> str:
    query = "SELECT customer_id FROM identity.customer_xref WHERE is_current AND source_record_id = ?"
    return str(world.ask(query, record)[0][0])


def question(hub: Command) -> dict[str, Any]:
    """The task that asks whether records 4 and 5 are one customer."""
    asked = {"crm:contacts:4", "crm:contacts:5"}
    found = hub("review", "list", "--kind", "near_miss")
    return next(task for task in found if {task["record_key_l"], task["record_key_r"]} == asked)


def test_the_queue_shows_both_sides_in_short_and_the_commands_that_decide(hub: Command) -> None:
    tasks = hub("review", "list")
    assert {task["kind"] for task in tasks} == {"near_miss", "weak_link"}
    assert [task["worth"] for task in tasks] == sorted((task["worth"] for task in tasks), reverse=True)
    assert len(hub("review", "list", "--limit", "1")) == 1
    task = question(hub)
    assert {task["left"]["full_name"], task["right"]["full_name"]} == {"Robert Quillfeather", "Zelda Quillfeather"}
    assert "name:" in task["detail"]
    shown = hub("review", "list", text=True)
    assert f"hub review decide {task['task_id']} must_link" in shown
    assert f"hub review decide {task['task_id']} cannot_link" in shown
    for secret in ("rob@first.example", "+442079460001"):
        assert secret not in shown


def test_a_decision_settles_its_task_and_a_contradictory_one_is_refused_at_once(world: World, hub: Command) -> None:
    task = question(hub)
    with world.hub() as opened, writer(opened.config.warehouse):  # as a sync that runs would hold it
        done = hub("review", "decide", task["task_id"], "cannot_link", "--reason", "they are siblings")
    assert (done["decision"], done["decided_by"], done["reason"]) == ("cannot_link", getpass.getuser(), "they are siblings")
    assert task["task_id"] not in {open_task["task_id"] for open_task in hub("review", "list")}
    left, right = done["record_key_l"], done["record_key_r"]
    err = hub("review", "decide", left, right, "must_link", fails=True)
    assert done["decision_id"] in err
    hub("review", "decide", left, "crm:contacts:3", "must_link", "--by", "ada")
    err = hub("review", "decide", "crm:contacts:3", right, "must_link", fails=True)
    assert done["decision_id"] in err
    assert "decided already" in hub("review", "decide", task["task_id"], "cannot_link", fails=True)
    assert [d["decided_by"] for d in hub("review", "decisions")] == ["ada", getpass.getuser()]
    assert hub("review", "revoke", done["decision_id"], "--reason", "wrong")["revoked"] == [done["decision_id"]]
    hub("review", "decide", "crm:contacts:3", right, "must_link")
    assert len(hub("review", "decisions")) == 2
    revoked = next(d for d in hub("review", "decisions", "--all") if d["revoked_at"])
    assert (revoked["decision_id"], revoked["revoked_by"], revoked["revoke_reason"]) == (
        done["decision_id"],
        getpass.getuser(),
        "wrong",
    )


def test_a_merge_takes_effect_with_the_next_load_and_its_undo_gives_the_former_id_back(world: World, hub: Command) -> None:
    lee, smith = owner(world, "1"), owner(world, "3")
    done = hub("merge", "ann.lee@mail.net", smith, "--reason", "she married")
    assert done["customer_ids"] == [lee, smith]
    assert owner(world, "3") == smith  # not before a load
    tried = hub("sync", "--dry-run")
    assert tried["ids"] == {"minted": 0, "merged": 1, "split": 0, "restored": 0, "retired": 0}
    assert [(e["what"], e["customer_id"], e["other_customer_id"], e["cause"]) for e in tried["events"]] == [
        ("merged", lee, smith, "steward")
    ]
    # undone before any load has applied it, and done again
    assert hub("unmerge", smith)["former_id"] is None
    assert hub("sync", "--dry-run")["events"] == []
    built = hub("merge", lee, smith, "--now")
    assert (built["action"], built["exit_code"]) == ("published", 0)
    assert {owner(world, record) for record in "1236"} == {lee}
    told = world.ask("SELECT action FROM ops.audit_log ORDER BY acted_at")
    assert told == [("merge",), ("unmerge",), ("merge",)]
    assert [card["customer"]["customer_id"] for card in hub("customer", smith)] == [lee]
    assert "one customer already" in hub("merge", lee, smith, fails=True)

    undone = hub("unmerge", lee)
    assert (undone["customer_id"], undone["former_id"], undone["forbidden"]) == (lee, smith, 0)
    tried = hub("sync", "--dry-run")
    assert [(e["what"], e["customer_id"], e["other_customer_id"], e["cause"]) for e in tried["events"]] == [
        ("restored", smith, lee, "steward")
    ]
    assert "IDs that would change" in hub("sync", "--dry-run", text=True)
    assert owner(world, "3") == lee  # a dry run changes nothing
    assert not list((world.root / "data").glob(".dry-run*"))
    said = audit(world)
    assert [action for action, _, _ in said] == ["merge", "unmerge", "merge", "unmerge"]
    assert {actor for _, actor, _ in said} == {getpass.getuser()}
    assert json.loads(said[0][2])["reason"] == "she married"


def audit(world: World) -> list[tuple[str, str, str]]:
    with world.hub() as opened:
        rows = opened.control.rows(sa.select(t.audit_log).order_by(t.audit_log.c.at))
    return [(row["action"], row["actor"], row["detail"]) for row in rows]


def test_a_rule_is_tried_without_effect(world: World, hub: Command) -> None:
    before = [path.stat().st_mtime_ns for path in sorted((world.root / "data" / "published").iterdir())]
    world.configure({**world.config, "identity": {**IDENTITY, "blocked_values": ["ann.lee@mail.net", "442079460001"]}})
    tried = hub("sync", "--dry-run")
    assert tried["exit_code"] == 0
    assert tried["report"]["records"] == len(PEOPLE) + len(OTHERS)
    assert [path.stat().st_mtime_ns for path in sorted((world.root / "data" / "published").iterdir())] == before
    with world.hub() as opened:
        assert len(opened.control.rows(sa.select(t.load_batch))) == 1
    assert "reads nothing" in hub("sync", "crm", "--dry-run", fails=True)


def test_mistakes_are_named_in_one_line(world: World, hub: Command) -> None:
    lee = owner(world, "1")
    for arguments, said in (
        (("review", "decide", "t_none", "must_link"), "no review task t_none"),
        (("review", "decide", "crm:contacts:1", "crm:contacts:none", "must_link"), "no record has the key"),
        (("review", "decide", "crm:contacts:1", "crm:contacts:1", "must_link"), "is one record"),
        (("review", "decide", "crm:contacts:1", "crm:contacts:2", "crm:contacts:3", "must_link"), "one task or two records"),
        (("review", "revoke", "d_none", "--reason", "x"), "no decision d_none is in force"),
        (("merge", lee), "needs two customers"),
        (("merge", lee, "nobody@nowhere.example"), "no customer is known"),
        (("unmerge", lee), "nothing was merged into"),
        (("unmerge", "c_none"), "no customer is known"),
    ):
        assert said in hub(*arguments, fails=True)


@pytest.mark.parametrize(
    "words", [("review", "decide", "TASK", "maybe"), ("sync", "--dry-rum"), ("review", "frobnicate"), ("merge",)]
)
def test_a_mistake_on_the_command_line_is_answered_with_the_usage(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["hub", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert "Usage: hub" in err
    assert "unexpected" not in err
