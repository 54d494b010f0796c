"""Overrides on the command line: what a steward says of a value wins, lasts, is shown and audited, and can be taken back."""

from __future__ import annotations

import csv
import getpass
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.decision_rows import Steward
from pipelines.overrides import override, revoke_override
from pipelines.plan import plan_build
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import Command, World
from warehouse import control_tables as t
from warehouse.connection import writer

FIELDS = {"given_name": "given", "family_name": "family", "email": "email", "phone": "phone", "city": "city"}
PEOPLE = {
    "crm": [
        ("1", "Ann", "Lee", "ann.lee@mail.net", "020 7946 0001", "Leeds"),
        ("2", "Robert", "Quillfeather", "rob@first.example", "", "Bath"),
        ("3", "Maja", "Benning", "maja@own.example", "", "Hull"),
    ],
    "shop": [
        ("7", "Ann", "Lee", "ann.lee@mail.net", "020 7946 0001", "York"),
        ("8", "Igor", "Wolkow", "igor@own.example", "020 7946 0008", "Hull"),
        ("9", "Leila", "Haddad", "leila@own.example", "", "Hull"),
    ],
}


def configure(root: Path, **more: Any) -> World:
    sources = {
        name: {
            "type": "files",
            "country": "GB",
            "streams": {"contacts": {"path": f"in/{name}.csv", "kind": "party", "id": "id", "fields": FIELDS}},
        }
        for name in PEOPLE
    }
    return World(root, {"sources": sources, "gate": {"max_id_churn": 0.9}, **more})


def first_load(root: Path) -> None:
    (root / "in").mkdir()
    for name, rows in PEOPLE.items():
        with open(root / "in" / f"{name}.csv", "w", newline="", encoding="utf-8") as sink:
            csv.writer(sink).writerows([("id", "given", "family", "email", "phone", "city"), *rows])
    assert configure(root).sync().action == "published"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    copy_of(built_once(tmp_path_factory, "overrides", first_load), tmp_path)
    return configure(tmp_path)


WHY = ("--reason", "she wrote to us")


def test_what_a_steward_says_wins_with_the_next_load_and_is_shown_with_its_reason(world: World, hub: Command) -> None:
    ann = hub("customer", "crm:contacts:1")[0]["customer"]["customer_id"]
    with world.hub() as opened, writer(opened.config.warehouse):  # as a sync that runs would hold it
        (named,) = hub("override", "set", ann, "name", "given_name=Anna", "family_name=Lee-Smith", *WHY)["overrides"]
        (pinned,) = hub("override", "pin", "shop:contacts:7", "address", "--by", "ada", *WHY)["overrides"]
        ignored = hub("override", "ignore", "ann.lee@mail.net", "phone_e164", *WHY)["overrides"]
    assert (named["anchor_record_key"], named["created_by"]) == ("crm:contacts:1", getpass.getuser())
    assert {row["anchor_record_key"] for row in ignored} == {"crm:contacts:1", "shop:contacts:7"}  # both say the same number
    assert {row["state"] for row in hub("override", "list")} == {"waiting"}
    built = hub("sync")
    assert (built["action"], built["exit_code"]) == ("published", 0)
    card = hub("customer", ann)[0]
    golden = card["customer"]
    assert (golden["full_name"], golden["family_name"], golden["city"]) == ("Anna Lee-Smith", "Lee-Smith", "York")
    assert golden["phone_e164"] is None
    origin = {value["attribute"]: value for value in card["values"]}
    assert origin["family_name"]["override_id"] == named["override_id"]
    assert (origin["city"]["record_key"], origin["city"]["survivorship_rule"]) == ("shop:contacts:7", "override_pin")
    assert {row["state"] for row in card["overrides"]} == {"applied"}
    shown = hub("customer", ann, text=True)
    assert pinned["override_id"] in shown
    assert "she wrote to us" in shown
    assert "Sources disagree" in shown
    assert hub("sync")["action"] == "unchanged"

    assert len(hub("override", "list", ann)) == 4
    assert [row["override_id"] for row in hub("override", "list", "shop:contacts:7") if row["action"] == "pin"] == [
        pinned["override_id"]
    ]
    assert hub("override", "list", "crm:contacts:2") == []
    hub("override", "revoke", named["override_id"], "--reason", "a misunderstanding", "--now")
    assert hub("customer", ann)[0]["customer"]["full_name"] == "Ann Lee"
    assert len(hub("override", "list")) == 3
    revoked = next(row for row in hub("override", "list", "--all") if row["revoked_at"])
    assert (revoked["override_id"], revoked["state"], revoked["revoke_reason"]) == (
        named["override_id"],
        "revoked",
        "a misunderstanding",
    )
    kept = world.ask("SELECT state FROM golden.attribute_override WHERE override_id = ?", named["override_id"])
    assert kept == [("revoked",)]

    with world.hub() as opened:
        said = opened.control.rows(sa.select(t.audit_log).order_by(t.audit_log.c.at))
    assert [row["action"] for row in said] == [
        "override_set",
        "override_pin",
        "override_ignore",
        "override_ignore",
        "override_revoke",
    ]
    assert said[1]["actor"] == "ada"
    assert not any("Anna" in row["detail"] for row in said)  # what was written is in the override alone


def test_an_override_survives_a_rebuild_from_the_sources(world: World, hub: Command) -> None:
    hub("override", "set", "rob@first.example", "email", "Bob@Second.example", *WHY)
    hub("sync")
    query = "SELECT customer_id, full_name, email FROM golden.customer ORDER BY 1"
    before = world.ask(query)
    assert "bob@second.example" in {email for _, _, email in before}
    shutil.rmtree(world.root / "data" / "landing")
    (world.root / "data" / "hub.duckdb").unlink()
    hub("sync", "--full")
    assert world.ask(query) == before
    assert hub("customer", "bob@second.example")[0]["customer"]["full_name"] == "Robert Quillfeather"


def test_a_load_is_due_when_an_override_comes_goes_or_expires(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by = Steward("ada", "tried")
    with world.hub() as opened:
        connectors = [opened.config.connector(name) for name in opened.config.enabled()]

        def action() -> str:
            return plan_build(opened, connectors).action

        assert action() == "unchanged"
        (row,) = override(opened, "crm:contacts:1", "email", "pin", by, expires="2999-01-01T00:00:00+02:00")
        assert f"{row['expires_at']}" == "2998-12-31 22:00:00"
        assert action() == "build"
        opened.control.run(sa.update(t.attribute_override).values(expires_at=row["created_at"]))
        assert action() == "unchanged"  # as before it
        opened.control.run(sa.update(t.attribute_override).values(expires_at=None))
        assert action() == "build"
        revoke_override(opened, row["override_id"], by)
        assert action() == "unchanged"


def test_what_is_decided_while_a_load_is_built_waits_for_the_next_one(
    world: World, hub: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import build_assets

    built = build_assets.build

    def meanwhile(opened: Any, **how: Any) -> Any:
        # after identity copied the decisions, before the gate judges: a steward is at work
        override(opened, "crm:contacts:2", "email", "ignore", Steward("ada", "bounced"))
        hub("review", "decide", "crm:contacts:2", "crm:contacts:3", "cannot_link")
        return built(opened, **how)

    hub("override", "pin", "crm:contacts:1", "email", *WHY)
    monkeypatch.setattr(build_assets, "build", meanwhile)
    assert hub("sync")["action"] == "published"
    monkeypatch.setattr(build_assets, "build", built)
    assert [row[0] for row in world.ask("SELECT action FROM golden.attribute_override")] == ["pin"]
    assert world.ask("SELECT count(*) FROM identity.match_decision") == [(0,)]
    assert hub("sync")["action"] == "published"
    assert world.ask("SELECT email FROM golden.customer WHERE family_name = 'Quillfeather'") == [(None,)]
    assert world.ask("SELECT count(*) FROM identity.match_decision") == [(1,)]


def test_mistakes_are_named_in_one_line_that_repeats_no_value(hub: Command) -> None:
    for arguments, said in (
        (("set", "nobody@nowhere.example", "email", "a@b.example"), "no customer is known"),
        (("set", "crm:contacts:1", "emial", "a@b.example"), "did you mean email?"),
        (("set", "crm:contacts:1", "city", "York"), "override address"),
        (("set", "crm:contacts:1", "email", "no address"), "field email: says nothing that can be kept"),
        (("set", "crm:contacts:1", "phone_e164", "12"), "field phone_e164: says nothing"),
        (("set", "crm:contacts:1", "name", "town=York"), "columns are full_name, given_name"),
        (("pin", "crm:contacts:2", "phone_e164"), "record crm:contacts:2 has no phone_e164"),
        (("ignore", "rob@first.example", "tax_id"), "has no tax_id"),
        (("pin", "crm:contacts:1", "email", "--expires", "2001-01-01"), "that time is past"),
        (("pin", "crm:contacts:1", "email", "--expires", "soon"), "no date or time"),
    ):
        err = hub("override", *arguments, *WHY, fails=True)
        assert said in err
        assert "no address" not in err
    assert "no override o_none is in force" in hub("override", "revoke", "o_none", *WHY, fails=True)
    (row,) = hub("override", "pin", "crm:contacts:1", "email", *WHY)["overrides"]
    assert row["override_id"] in hub("override", "pin", "crm:contacts:1", "email", *WHY, fails=True)


def test_what_a_steward_wrote_is_taken_back_not_pinned(hub: Command) -> None:
    written = hub("override", "set", "crm:contacts:1", "email", "new@mail.net", *WHY)["overrides"][0]
    hub("sync")
    for action in ("pin", "ignore"):
        assert written["override_id"] in hub("override", action, "new@mail.net", "email", *WHY, fails=True)
    # a second value is about the record of the first
    again = hub("override", "set", "new@mail.net", "email", "newer@mail.net", *WHY)["overrides"][0]
    assert again["anchor_record_key"] == "crm:contacts:1"
    hub("sync")
    found = {row["override_id"]: (row["state"], row["overruled_by"]) for row in hub("override", "list")}
    assert found == {written["override_id"]: ("overruled", again["override_id"]), again["override_id"]: ("applied", None)}
