"""Sources read side by side: what goes wrong with one, even the death of its process, is its own affair."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import dagster as dg
import pytest

from pipelines.instance import PROCESS_TAG, open_instance
from pipelines.runner import EXIT_OK, EXIT_SOURCE_FAILED
from tests.loopback import Reply, Request, serve
from tests.pipelines.world import IMPATIENT, World

EMPTY = {"object": "list", "data": [], "has_more": False}


def test_a_process_that_dies_takes_only_its_own_source_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_side_by_side")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "contacts.jsonl").write_text('{"id": 1, "name": "Ada Berg"}\n')
    contacts = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}}
    deadly = [True]

    def answer(request: Request) -> Reply:
        if deadly:
            deadly.clear()
            with world.hub() as hub, open_instance(hub.config) as instance:
                (run,) = instance.get_runs(filters=dg.RunsFilter(job_name="sync_stripe"))
            pid = int(run.tags[PROCESS_TAG])
            assert pid != os.getpid()
            os.kill(pid, signal.SIGKILL)
        return Reply(EMPTY)

    with serve(answer) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": IMPATIENT}
        sources = {"stripe": stripe, "crm": {"type": "files", "streams": {"contacts": contacts}}}
        world = World(tmp_path, {"sync": {"at_a_time": 2}, "sources": sources})
        outcome = world.sync()
        assert (outcome.action, outcome.exit_code) == ("published", EXIT_SOURCE_FAILED)
        assert outcome.errors == {
            "stripe": "stripe: its process ended with -9; run the sync again, it goes on where it stopped",
        }
        assert world.ask("SELECT full_name FROM golden.customer") == [("Ada Berg",)]
        assert world.sync().exit_code == EXIT_OK
