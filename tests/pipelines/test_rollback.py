"""Going back to an earlier load: at once, pinned until released, and without forgetting or reusing any customer ID."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError, WarehouseBusyError
from pipelines.rollback import release, rollback
from pipelines.runner import EXIT_HELD, EXIT_OK
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World
from warehouse import control_tables as t
from warehouse.connection import linking, writer
from warehouse.publish import live_load

STREAM = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}


def write(root: Path, people: range, **others: str) -> None:
    """Contacts of these numbers; `others` are further ones, with the e-mail of each."""
    (root / "in").mkdir(exist_ok=True)
    rows = [{"id": f"{n}", "name": f"Person{n} Family{n}", "email": f"p{n}@mail{n}.org"} for n in people]
    rows += [{"id": key, "name": f"{key} Alone", "email": email} for key, email in others.items()]
    (root / "in" / "contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


CONFIG = {"sources": {"crm": {"type": "files", "streams": {"contacts": {**STREAM, "deletes": "snapshot"}}}}}


def two_loads(root: Path) -> None:
    made = World(root, CONFIG)
    for people in (30, 36):
        write(root, range(people))
        assert made.sync().exit_code == EXIT_OK


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub with two loads; the second one brought customers."""
    copy_of(built_once(tmp_path_factory, "two-loads", two_loads), tmp_path)
    return World(tmp_path, CONFIG)


def live(world: World) -> str:
    with world.hub() as hub:
        return live_load(hub.config.warehouse) or ""


def loads(world: World) -> list[str]:
    with world.hub() as hub:
        rows = hub.control.rows(sa.select(t.load_batch).where(t.load_batch.c.status == "published"))
    return sorted(row["load_id"] for row in rows)


def ids(world: World) -> dict[str, str]:
    """The customer of each current record."""
    return dict(world.ask("SELECT source_record_id, customer_id FROM identity.customer_xref WHERE is_current"))


def registry(world: World) -> dict[str, tuple[str, str]]:
    query = "SELECT customer_id, status, current_customer_id FROM identity.customer_registry"
    return {known: (status, current) for known, status, current in world.ask(query)}


def go_back(world: World, load_id: str | None = None) -> Any:
    with world.hub() as hub:
        return rollback(hub, load_id, by="ops", reason="wrong prices")


def test_a_rollback_shows_the_earlier_load_and_every_id_issued_since_resolves(world: World) -> None:
    first, second = loads(world)
    then = ids(world)
    done = go_back(world)
    assert (done.load_id, done.left, done.carried_ids) == (first, second, 6)
    assert live(world) == first
    assert world.ask("SELECT count(*) FROM golden.customer") == [(30,)]
    known = registry(world)
    assert set(then.values()) <= known.keys()
    assert {known[then[f"{n}"]] for n in range(30, 36)} == {("retired", then[f"{n}"]) for n in range(30, 36)}
    assert [current for _, current in known.values() if current not in known] == []
    causes = world.ask("SELECT event_type, cause FROM identity.merge_log WHERE cause = 'rollback'")
    assert causes == [("retire", "rollback")] * 6
    with world.hub() as hub:
        audited = hub.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "rollback"))
    assert [(row["subject"], row["actor"], row["is_automatic"]) for row in audited] == [(first, "ops", False)]
    assert "wrong prices" in audited[0]["detail"]


def test_syncs_go_on_but_publish_nothing_over_the_pin_until_it_is_released(world: World) -> None:
    first, second = loads(world)
    then = ids(world)
    go_back(world)
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code) == ("withheld", EXIT_HELD)
    assert outcome.load is not None
    assert outcome.load["status"] == "withheld"
    assert live(world) == first
    again = world.sync()
    assert (again.action, (again.load or {})["load_id"]) == ("withheld", outcome.load["load_id"]), (
        "the same input is not built twice"
    )
    with world.hub() as hub:
        assert release(hub, by="ops") == first
        with pytest.raises(NotFoundError, match="no load is pinned"):
            release(hub, by="ops")
    assert live(world) == first
    freed = world.sync()
    assert (freed.action, freed.exit_code) == ("published", EXIT_OK)
    assert ids(world) == then, "records get the very IDs back that they had in the load gone back from"
    assert len(registry(world)) == 36
    assert live(world) not in (first, second)


def test_an_id_of_a_load_gone_back_from_is_never_given_to_another_customer(world: World) -> None:
    then = ids(world)
    go_back(world)
    # the customers of 30 to 35 do not come again, others do
    write(world.root, range(30), new="new@elsewhere.example")
    with world.hub() as hub:
        release(hub, by="ops")
    assert world.sync().action == "published"
    now = ids(world)
    assert now["new"] not in then.values()
    known = registry(world)
    assert {known[then[f"{n}"]][0] for n in range(30, 36)} == {"retired"}
    # and when they come, they have the IDs they had
    write(world.root, range(36), new="new@elsewhere.example")
    assert world.sync().action == "published"
    assert {key: ids(world)[key] for key in then} == then


def test_an_id_whose_records_were_known_before_leads_to_their_customer(tmp_path: Path) -> None:
    made = World(tmp_path, {"sources": {"crm": {"type": "files", "streams": {"contacts": STREAM}}}})
    write(tmp_path, range(30), Alone1="p3@mail3.org")
    rows = (tmp_path / "in" / "contacts.jsonl").read_text().replace("Alone1 Alone", "Person3 Family3")
    (tmp_path / "in" / "contacts.jsonl").write_text(rows)
    made.sync()
    before = ids(made)
    assert before["3"] == before["Alone1"]
    rows = rows.replace(
        '"id": "Alone1", "name": "Person3 Family3", "email": "p3@mail3.org"',
        '"id": "Alone1", "name": "Zed Quux", "email": "z@q.example"',
    )
    (tmp_path / "in" / "contacts.jsonl").write_text(rows)
    made.configure({**made.config, "gate": {"max_id_churn": 1.0, "max_merged_share": 1.0}})
    assert made.sync().action == "published"
    parted = ids(made)
    fresh = next(parted[key] for key in ("3", "Alone1") if parted[key] not in before.values())
    go_back(made)
    assert ids(made) == before
    assert registry(made)[fresh] == ("merged", before["3"])
    assert made.ask("SELECT customer_id FROM identity.customer_redirect WHERE old_customer_id = ?", fresh) == [(before["3"],)]


def test_going_forth_again_and_naming_loads(world: World) -> None:
    first, second = loads(world)
    go_back(world)
    with world.hub() as hub:
        with pytest.raises(NotFoundError, match=f"no load older than {first} is kept"):
            rollback(hub, None, by="ops")
        with pytest.raises(ConfigError, match=f"load {first} is what analysts see already"):
            rollback(hub, first, by="ops")
        with pytest.raises(NotFoundError, match=f"load nowhere is not kept; kept are {first}, {second}"):
            rollback(hub, "nowhere", by="ops")
        assert rollback(hub, second, by="ops").carried_ids == 0
        pins = hub.control.rows(sa.select(t.load_pin).where(t.load_pin.c.released_at.is_(None)))
    assert [pin["load_id"] for pin in pins] == [second], "one pin at a time"
    assert live(world) == second


def test_a_rollback_waits_for_a_publish_but_not_for_a_build(world: World) -> None:
    first, _ = loads(world)
    world.configure({**world.config, "warehouse": {"lock_timeout_seconds": 0.2}})
    with world.hub() as hub:
        with linking(hub.config.warehouse), pytest.raises(WarehouseBusyError, match="is being written by process"):
            rollback(hub, None, by="ops")
        with writer(hub.config.warehouse):
            assert rollback(hub, None, by="ops").load_id == first


def test_a_build_begun_before_a_rollback_publishes_nothing_after_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import pipelines.gate_checks

    first, _ = loads(world)
    write(world.root, range(38))
    judge = pipelines.gate_checks.judge_candidate

    def meanwhile(hub: Any, *arguments: Any, **named: Any) -> Any:
        verdict = judge(hub, *arguments, **named)
        rollback(hub, None, by="ops")
        release(hub, by="ops")  # even if nothing is pinned any more: it follows a load that is not live
        return verdict

    with monkeypatch.context() as patched:
        patched.setattr(pipelines.gate_checks, "judge_candidate", meanwhile)
        outcome = world.sync()
    assert outcome.action == "failed"
    assert "is not the live one any more" in (outcome.error or "")
    assert live(world) == first
    assert world.sync().action == "published"
    assert world.ask("SELECT count(*) FROM golden.customer") == [(38,)]


def test_a_crash_between_pin_and_link_is_ended_by_running_it_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import pipelines.rollback

    first, second = loads(world)

    def crash(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, world.hub() as hub:
        patched.setattr(pipelines.rollback, "go_back", crash)
        with pytest.raises(KeyboardInterrupt):
            rollback(hub, None, by="ops")
    assert live(world) == second
    go_back(world)
    assert live(world) == first


def test_commands_tell_what_is_live_pinned_and_withheld(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Shell(world, capsys, monkeypatch)
    first, second = loads(world)
    code, out, _ = hub("rollback", "--reason", "wrong prices", "--by", "jo")
    assert code == 0
    assert f"live: load {first}, pinned; load {second} is kept" in out
    assert "6 customer IDs issued since stay known" in out
    found = {load["load_id"]: load for load in hub.json("loads")}
    assert [(found[key]["live"], found[key]["pinned"], found[key]["kept"]) for key in (first, second)] == [
        (True, True, True),
        (False, False, True),
    ]
    assert found[first]["size_bytes"] > 100_000
    _, out, _ = hub("loads")
    assert f"{first} <- live, pinned" in out
    _, out, _ = hub("status")
    assert f"pinned: load {first} by jo since" in out
    assert "(wrong prices)" in out
    code, out, _ = hub("sync")
    assert code == EXIT_HELD
    assert "passed the gate, but another one is pinned; hub rollback --release" in out
    code, _, err = hub("rollback", first, "--release")
    assert (code, err.count("\n")) == (1, 1)
    code, out, _ = hub("rollback", "--release")
    assert (code, out) == (0, f"released: load {first} is still live; the next hub sync publishes again\n")
    code, out, _ = hub("sync")
    assert code == 0
    assert "published load" in out
