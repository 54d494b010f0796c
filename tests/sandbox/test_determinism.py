"""The same seed makes the same world: to the byte, in another process, day by day, and after a restart."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.population import DAY
from hub.contract.errors import ConfigError
from tests.sandbox.conftest import TODAY

NOON = datetime(2026, 9, 20, 12, tzinfo=UTC).timestamp()


class RealTime:
    """A real clock that tests turn."""

    def __init__(self, at: float = NOON) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def make(people: int = 80, seed: int = 3, state_dir: Path | None = None, real: RealTime | None = None) -> Sandbox:
    return Sandbox(seed, people, state_dir, today=TODAY, real_clock=real or RealTime())


def contents(sandbox: Sandbox) -> bytes:
    """Everything that the four systems hold, and the truth."""
    world = sandbox.world
    shelves = {
        "stripe": (world.stripe.customers, world.stripe.invoices, world.stripe.charges, world.stripe.events),
        "zendesk": (world.zendesk.users, world.zendesk.tickets, world.zendesk.organizations),
        "shopify": (world.shopify.customers, world.shopify.orders, world.shopify.events),
        "google_ads": (world.google.leads, world.google.spend.values(), world.google.campaigns),
    }
    held = {name: [list(shelf) for shelf in all_of] for name, all_of in shelves.items()}
    return json.dumps([held, list(world.truth())], default=str, ensure_ascii=False).encode()


def test_same_seed_same_bytes_and_another_seed_other_bytes() -> None:
    assert contents(make(seed=3)) == contents(make(seed=3))
    assert contents(make(seed=3)) != contents(make(seed=4))


def test_another_process_with_another_hash_seed_makes_the_same_world() -> None:
    program = (
        "import hashlib; from tests.sandbox.test_determinism import contents, make; "
        "s = make(); s.advance(2); print(hashlib.sha256(contents(s)).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, env=environment, check=True, timeout=120
    )
    here = make()
    here.advance(2)
    assert done.stdout.strip() == hashlib.sha256(contents(here)).hexdigest()


def test_two_days_at_once_are_two_days_one_by_one() -> None:
    at_once, one_by_one = make(), make()
    at_once.advance(2)
    one_by_one.advance()
    one_by_one.advance()
    assert contents(at_once) == contents(one_by_one)
    assert at_once.day == one_by_one.day == 3


def test_a_day_changes_only_what_happens_in_it() -> None:
    sandbox = make(people=400)
    start = sandbox.now()
    before = {str(u["id"]): json.dumps(u, sort_keys=True) for u in sandbox.world.zendesk.users}
    events = len(sandbox.world.stripe.events)
    sandbox.advance()
    end = sandbox.now()
    for user in sandbox.world.zendesk.users:
        key = str(user["id"])
        changed = before.get(key) != json.dumps(user, sort_keys=True)
        assert changed == (sandbox.world.zendesk.user_stamp[key] > start)
    new_events = list(sandbox.world.stripe.events)[events:]
    assert new_events
    # nothing happens at the edge, where a reader that has just read would miss it or a help desk's export keep it back
    assert all(start < event["created"] < end - 60 for event in new_events)
    assert all(start < at < end - 60 for at in sandbox.world.zendesk.ticket_stamp.values() if at > start)


def test_a_day_brings_new_changed_and_deleted_records_of_about_one_percent() -> None:
    sandbox = make(people=2_000)
    before = set(sandbox.world.accounts)
    stripe_events, shopify_events = len(sandbox.world.stripe.events), len(sandbox.world.shopify.events)
    start = sandbox.now()
    sandbox.advance()
    now = set(sandbox.world.accounts)
    kinds = {event["type"] for event in list(sandbox.world.stripe.events)[stripe_events:]}
    assert {"customer.created", "customer.updated", "customer.deleted", "invoice.paid", "charge.refunded"} <= kinds
    assert "destroy" in {event["action"] for event in list(sandbox.world.shopify.events)[shopify_events:]}
    assert any(not user["active"] for user in sandbox.world.zendesk.users)
    assert any(ticket["status"] == "deleted" for ticket in sandbox.world.zendesk.tickets)
    told = {e["data"]["object"]["id"] for e in list(sandbox.world.stripe.events)[stripe_events:] if e["type"] == "customer.updated"}
    stamps = sum(at > start for at in sandbox.world.zendesk.user_stamp.values())
    touched = len(now ^ before) + len(told) + stamps
    assert 0.005 * len(before) < touched < 0.03 * len(before)


def test_the_clock_ticks_with_real_time_and_a_day_passes_from_where_it_stands() -> None:
    real = RealTime()
    sandbox = make(real=real)
    assert datetime.fromtimestamp(sandbox.now(), UTC) == datetime(2026, 9, 13, tzinfo=UTC)
    real.at += 90
    assert datetime.fromtimestamp(sandbox.now(), UTC) == datetime(2026, 9, 13, 0, 1, 30, tzinfo=UTC)
    sandbox.advance()
    assert datetime.fromtimestamp(sandbox.now(), UTC) == datetime(2026, 9, 14, 0, 1, 30, tzinfo=UTC)
    sandbox.push_clock(30)
    assert datetime.fromtimestamp(sandbox.now(), UTC) == datetime(2026, 9, 14, 0, 2, tzinfo=UTC)


def test_the_world_never_passes_the_real_now() -> None:
    sandbox = make()
    told = sandbox.advance(20)
    assert told["advanced"] == 7
    assert "caught up" in told["note"]
    assert sandbox.now() == datetime(2026, 9, 20, tzinfo=UTC).timestamp()
    sandbox.push_clock(10 * DAY)
    assert sandbox.now() == NOON
    assert sandbox.advance()["advanced"] == 0


def test_a_restart_gives_the_same_world_with_its_writes_days_and_clock(tmp_path: Path) -> None:
    real = RealTime()
    first = make(state_dir=tmp_path, real=real)
    first.write(
        "stripe.create_customer", fields={"name": "Zoë Ångström", "email": "zoe@quickmail.example"}, request={"id": "req_1"}
    )
    first.advance()
    first.push_clock(500)
    ticket = {"requester": {"email": "zoe@quickmail.example"}, "subject": "Hi", "text": "Hi", "fields": {}}
    first.write("zendesk.create_ticket", **ticket)
    real.at += 40
    first.close()
    again = make(state_dir=tmp_path, real=real)
    assert contents(again) == contents(first)
    assert (again.day, again.now()) == (first.day, first.now())
    # and from there on both go the same way
    first.advance()
    again.advance()
    assert contents(again) == contents(first)


def test_a_killed_sandbox_loses_at_most_the_line_it_was_writing(tmp_path: Path) -> None:
    first = make(state_dir=tmp_path)
    first.advance()
    held = contents(first)
    del first  # not closed: only its lock is gone, as after a kill
    with (tmp_path / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write('{"do": "advance", "at": 17')
    again = make(state_dir=tmp_path)
    assert contents(again) == held
    again.advance()
    held = contents(again)
    del again
    assert contents(make(state_dir=tmp_path)) == held


def test_a_refused_write_is_not_replayed(tmp_path: Path) -> None:
    first = make(state_dir=tmp_path)
    with pytest.raises(KeyError):
        first.write("stripe.update_customer", key="cus_nobody", fields={"name": "x"}, request={})
    first.close()
    assert contents(make(state_dir=tmp_path)) == contents(first)


def test_a_state_folder_of_another_world_is_refused_with_a_remedy(tmp_path: Path) -> None:
    make(seed=3, state_dir=tmp_path).close()
    with pytest.raises(ConfigError, match=r"another world \(seed 3, 80 people\); ask for that one"):
        make(seed=4, state_dir=tmp_path)


def test_a_state_folder_is_held_by_one_sandbox_at_a_time(tmp_path: Path) -> None:
    first = make(state_dir=tmp_path)
    with pytest.raises(ConfigError, match="another sandbox is using this state folder; end it"):
        make(state_dir=tmp_path)
    first.close()
    assert make(state_dir=tmp_path).day == 1


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("state.json", "{", "damaged"),
        ("state.json", '{"seed": 3}', "another version"),
        ("journal.jsonl", "[]\n", "damaged"),
        ("journal.jsonl", '{"do": "stripe.delete_customer", "at": 1, "with": {"key": "x", "request": {}}}\n', "cannot be repeated"),
    ],
)
def test_a_state_folder_that_does_not_fit_is_refused_with_a_remedy(tmp_path: Path, file: str, content: str, why: str) -> None:
    make(state_dir=tmp_path).close()
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{why}.*delete the folder to begin a new world"):
        make(state_dir=tmp_path)


def test_day_one_is_seven_days_before_the_day_of_creation() -> None:
    sandbox = Sandbox(3, 20, today=date(2026, 3, 1), real_clock=RealTime())
    assert datetime.fromtimestamp(sandbox.world.origin, UTC).date() == date(2026, 2, 22)
