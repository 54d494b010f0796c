"""Sources read side by side: what goes wrong with one, even the death of its process, is its own affair."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from pipelines.instance import PROCESS_TAG, open_instance
from pipelines.runner import EXIT_OK, EXIT_SOURCE_FAILED
from pipelines.source_runs import SyncOptions, sync_side_by_side
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


def test_a_process_reads_one_source_after_the_other_and_another_goes_on_where_it_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_side_by_side")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "contacts.jsonl").write_text('{"id": 1, "name": "Ada Berg"}\n')
    contacts = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}}
    files = {"type": "files", "streams": {"contacts": contacts}}

    def process_of(source: str) -> int:
        with world.hub() as hub, open_instance(hub.config) as instance:
            (run,) = instance.get_runs(filters=dg.RunsFilter(job_name=f"sync_{source}"))
        return int(run.tags[PROCESS_TAG])

    def answer(request: Request) -> Reply:
        os.kill(process_of("stripe"), signal.SIGKILL)
        return Reply(EMPTY)

    with serve(answer) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": IMPATIENT}
        world = World(tmp_path, {"sources": {"crm": files, "shop": files, "stripe": stripe, "till": files, "erp": files}})
        with world.hub() as hub:
            order = ["crm", "shop", "stripe", "till", "erp"]
            said = sync_side_by_side(hub.config, order, "batch", SyncOptions(), 1)
    died = "stripe: its process ended with -9; run the sync again, it goes on where it stopped"
    assert said == {"crm": None, "shop": None, "stripe": died, "till": None, "erp": None}
    assert len({process_of(source) for source in ("crm", "shop", "stripe")}) == 1
    assert len({process_of(source) for source in ("till", "erp")}) == 1
    assert process_of("till") not in {process_of("stripe"), os.getpid()}


def test_a_source_is_read_no_further_when_the_command_that_asked_for_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_side_by_side")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "in").mkdir()
    readers, parents = list[int](), list[int]()

    def answer(request: Request) -> Reply:
        if not readers:
            with world.hub() as hub, open_instance(hub.config) as instance:
                (run,) = instance.get_runs(filters=dg.RunsFilter(job_name="sync_stripe"))
            readers.append(int(run.tags[PROCESS_TAG]))
            parents.append(int(Path(f"/proc/{readers[0]}/stat").read_text().rpartition(")")[2].split()[1]))
            command.kill()
        return Reply({}, 429, {"retry-after": "240"})  # so it has nothing to do but wait

    with serve(answer) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}"}
        crm = {"type": "files", "streams": {"contacts": {"path": "in/*.jsonl", "kind": "party", "id": "id", "fields": {}}}}
        world = World(tmp_path, {"sync": {"at_a_time": 2}, "sources": {"stripe": stripe, "crm": crm}})
        asked = [sys.executable, "-m", "pipelines.cli", "--config", str(tmp_path / "hub.yaml"), "sync"]
        command = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert command.wait(120) == -signal.SIGKILL
        assert parents[0] == command.pid, "the command forked it"
        deadline = time.monotonic() + 60
        while is_running(readers[0]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not is_running(readers[0])


_FORKED = """
import json
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.source_runs import SyncOptions, forked_readers, sync_side_by_side

hub = Hub(load_config())
with forked_readers(hub, build_defs(hub), 2) as readers:
    said = sync_side_by_side(hub.config, ["stripe", "crm", "shop"], "batch", SyncOptions(), 2, readers)
print(json.dumps({"said": said, "readers": [reader.process.pid for reader in readers]}))
"""


def test_a_forked_reader_that_dies_takes_only_its_own_source_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_side_by_side")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "contacts.jsonl").write_text('{"id": 1, "name": "Ada Berg"}\n')
    contacts = {"path": "contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}}
    files = {"type": "files", "streams": {"contacts": contacts}}

    def process_of(source: str) -> int:
        with world.hub() as hub, open_instance(hub.config) as instance:
            (run,) = instance.get_runs(filters=dg.RunsFilter(job_name=f"sync_{source}"))
        return int(run.tags[PROCESS_TAG])

    def answer(request: Request) -> Reply:
        os.kill(process_of("stripe"), signal.SIGKILL)
        return Reply(EMPTY)

    with serve(answer) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": IMPATIENT}
        world = World(tmp_path, {"sources": {"stripe": stripe, "crm": files, "shop": files}})
        done = subprocess.run(
            [sys.executable, "-c", _FORKED], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
    told = json.loads(done.stdout)
    died = "stripe: its process ended with -9; run the sync again, it goes on where it stopped"
    assert told["said"] == {"stripe": died, "crm": None, "shop": None}
    assert process_of("stripe") == told["readers"][0]
    assert process_of("crm") == told["readers"][1]


def test_a_sync_that_is_refused_waits_for_no_reader(tmp_path: Path) -> None:
    contacts = {"path": "contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}}
    files = {"type": "files", "streams": {"contacts": contacts}}
    World(tmp_path, {"sync": {"at_a_time": 2}, "sources": {"crm": files, "shop": files}})
    asked = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "--config",
        str(tmp_path / "hub.yaml"),
        "sync",
        "--since",
        "never",
        "--until",
        "now",
    ]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
