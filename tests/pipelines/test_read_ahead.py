"""A source's streams are read ahead of their steps: at the same time, facts before parties, and each told of as its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connectors.contract import Page, Record
from connectors.landing import PartWriter, StreamLanding
from connectors.reading_lock import ReadingLock
from pipelines import ingest
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import clear_dead_runs, open_instance
from pipelines.raw_assets import raw_key
from pipelines.source_runs import SyncOptions, sync_side_by_side, sync_source
from tests.loopback import Handler, Loopback, Reply, Request, serve
from tests.pipelines.world import IMPATIENT, World
from warehouse import control_tables as t
from warehouse.connection import writer

ESCAPE = 30.0  # seconds after which a test that hangs fails instead
FACTS = ("invoices", "charges", "refunds", "credit_notes")
EMPTY = {"object": "list", "data": [], "has_more": False}


def stream_of(request: Request) -> str | None:
    """The stream whose list is asked for; None for other requests."""
    name = request.path.rpartition("/")[2]
    return name if name in (*FACTS, "customers") else None


def listed(request: Request) -> Reply:
    """One object in each list, and no events."""
    name = stream_of(request)
    if name is None:
        return Reply(EMPTY)
    return Reply({**EMPTY, "data": [{"id": f"{name}_1", "object": name.rstrip("s"), "created": 1_790_000_000}]})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_read_ahead")


@contextmanager
def stripe_hub(folder: Path, answer: Handler, **settings: Any) -> Iterator[tuple[Hub, Loopback]]:
    with serve(answer) as server:
        stripe = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": IMPATIENT, **settings}
        with World(folder, {"sources": {"stripe": stripe}}).hub() as hub:
            yield hub, server


def synced(hub: Hub, batch: str = "batch", **options: Any) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """What a sync of the source says, and its sync_run rows by stream."""
    with dg.DagsterInstance.ephemeral() as instance:
        said = sync_source(hub, build_defs(hub), instance, "stripe", batch, SyncOptions(**options))
    rows = hub.control.rows(sa.select(t.sync_run).where(t.sync_run.c.batch_id == batch))
    return said, {row["stream"]: row for row in rows}


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read ")]


@pytest.mark.parametrize("at_a_time", [1, 4])
def test_customers_are_read_after_whatever_may_belong_to_them(tmp_path: Path, at_a_time: int) -> None:
    with stripe_hub(tmp_path, listed, streams_at_a_time=at_a_time) as (hub, server):
        said, rows = synced(hub)
    assert said is None
    assert {name: row["rows_inserted"] for name, row in rows.items()} == dict.fromkeys((*FACTS, "customers"), 1)
    asked = list(dict.fromkeys(filter(None, map(stream_of, server.requests))))
    assert asked[-1] == "customers"
    if at_a_time == 1:
        assert asked == [*FACTS, "customers"]


def test_streams_of_a_source_are_read_at_the_same_time(tmp_path: Path) -> None:
    all_four = threading.Barrier(4, timeout=ESCAPE)

    def answer(request: Request) -> Reply:
        if stream_of(request) in FACTS:
            all_four.wait()  # nobody is answered before all of them have asked
        return listed(request)

    with stripe_hub(tmp_path, answer) as (hub, _):
        said, rows = synced(hub)
    assert said is None
    assert {row["rows_inserted"] for row in rows.values()} == {1}
    assert reading_threads() == []


def test_no_more_streams_are_read_at_the_same_time_than_the_setting_says(tmp_path: Path) -> None:
    turn, here, most = threading.Lock(), Counter[str](), list[int]()
    two = threading.Barrier(2, timeout=ESCAPE)

    def answer(request: Request) -> Reply:
        name = stream_of(request)
        if name is None:
            return listed(request)
        with turn:
            here[name] += 1
            most.append(here.total())
        try:
            if name in FACTS:
                two.wait()
            return listed(request)
        finally:
            with turn:
                here[name] -= 1

    with stripe_hub(tmp_path, answer, streams_at_a_time=2) as (hub, _):
        said, _ = synced(hub)
    assert said is None
    assert max(most) == 2


def test_each_stream_is_told_of_with_its_own_requests_and_repeats(tmp_path: Path) -> None:
    turn, left = threading.Lock(), {"invoices": 1, "credit_notes": 1}

    def answer(request: Request) -> Reply:
        with turn:
            if left.get(name := stream_of(request) or "", 0):
                left[name] -= 1
                return Reply({}, 429)
        return listed(request)

    with stripe_hub(tmp_path, answer) as (hub, server):
        said, rows = synced(hub)
        assert said is None
        assert {name: row["retries"] for name, row in rows.items()} == {
            **dict.fromkeys((*FACTS, "customers"), 0),
            "invoices": 1,
            "credit_notes": 1,
        }
        assert sum(row["api_calls"] for row in rows.values()) == len(server.requests)


def test_a_stream_that_fails_stops_no_other(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        return Reply({}, 500) if stream_of(request) == "charges" else listed(request)

    with stripe_hub(tmp_path, answer) as (hub, _):
        said, rows = synced(hub)
        assert said is not None
        assert "stripe/charges: answered 500" in said
        failed = {"charges"}
        assert {name for name, row in rows.items() if row["status"] == "failed"} == failed
        assert {name for name, row in rows.items() if row["status"] == "succeeded"} == {*FACTS, "customers"} - failed


def test_only_the_streams_of_the_run_are_read(tmp_path: Path) -> None:
    chosen = [raw_key("stripe", name) for name in ("refunds", "customers")]
    with stripe_hub(tmp_path, listed) as (hub, server), dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(hub).resolve_job_def("sync_stripe")
        assert job.execute_in_process(instance=instance, asset_selection=chosen).success
    assert set(filter(None, map(stream_of, server.requests))) == {"refunds", "customers"}


def test_each_stream_is_read_as_the_run_asks(tmp_path: Path) -> None:
    with stripe_hub(tmp_path, listed) as (hub, server):
        assert synced(hub, "first")[0] is None
        del server.requests[:]
        assert synced(hub, "second")[0] is None
        assert not any(map(stream_of, server.requests)), "what did not change is not listed"
        said, rows = synced(hub, "third", full=True)
        assert said is None
    assert {(row["mode"], row["rows_unchanged"]) for row in rows.values()} == {("full", 1)}


def test_a_run_that_is_broken_off_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **how: Any) -> Any:
        raise KeyboardInterrupt

    with stripe_hub(tmp_path, listed, streams_at_a_time=2) as (hub, _):
        with monkeypatch.context() as patch:
            patch.setattr(ingest, "take_in", interrupted)
            said, rows = synced(hub, "broken off")
        assert said is not None
        assert {name: row["status"] for name, row in rows.items()} == {"invoices": "failed"}
        assert reading_threads() == []
        said, rows = synced(hub, "next")
        assert said is None
        assert {row["rows_inserted"] for row in rows.values()} == {1}


def test_parts_of_another_history_are_read_again_and_the_customers_after_them(tmp_path: Path) -> None:
    with stripe_hub(tmp_path, listed) as (hub, server):
        assert synced(hub, "first")[0] is None
        elsewhere = StreamLanding(hub.config.warehouse.landing, "stripe", "invoices")
        # parts that continue a checkpoint which this warehouse never had
        checkpoint, seq = elsewhere.mirror()
        with ReadingLock(hub.config.warehouse.landing, "stripe").held():
            strange_part(elsewhere, {**(checkpoint or {}), "watermark": 1}, seq + 1)
        del server.requests[:]
        said, rows = synced(hub, "second")
        assert said is None
        assert {row["status"] for row in rows.values()} == {"succeeded"}
        assert (elsewhere.parts(), elsewhere.mirror()) == ([], (checkpoint, seq))
        with writer(hub.config.warehouse) as con:
            assert con.execute('SELECT source_record_id FROM raw."stripe__invoices"').fetchall() == [("invoices_1",)]
        assert sum(row["api_calls"] for row in rows.values()) == len(server.requests)
        of = [
            kind for r in server.requests for kind in ("invoice.created", "customer.created") if kind in r.query.get("types[]", ())
        ]
        assert (of.count("invoice.created"), of[-1]) == (2, "customer.created")


def strange_part(landing: StreamLanding, follows: dict[str, Any], seq: int) -> None:
    parts = PartWriter(landing, sync_run_id="x", follows=follows, seq=seq, begins=False, owes_end=False, snapshot=False)
    parts.add(Page([Record("in_x", {"id": "in_x"})], {**follows, "watermark": 2}))
    parts.finish()


def test_a_source_killed_again_and_again_while_its_streams_are_read_loses_and_doubles_nothing(tmp_path: Path) -> None:
    size, last, turn, deadly = 100, 250, threading.Lock(), [4, 17]  # requests at which the process dies, one life each

    def answer(request: Request) -> Reply:
        with turn:
            if deadly and len(server.requests) >= deadly[0]:
                del deadly[0]
                (child,) = multiprocessing.active_children()
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
                del server.requests[:]
        name = stream_of(request)
        if name is None:
            return Reply(EMPTY)
        after = int(request.query.get("starting_after", ["x_0"])[0].rpartition("_")[2])
        found = range(after + 1, min(after + size, last) + 1)
        data = [{"id": f"{name}_{n}", "object": name.rstrip("s"), "created": 1_790_000_000} for n in found]
        return Reply({"object": "list", "data": data, "has_more": after + size < last})

    with stripe_hub(tmp_path, answer) as (hub, server):
        for life in range(len(deadly)):
            said = sync_side_by_side(hub.config, ["stripe"], f"life {life}", SyncOptions(), 1)["stripe"]
            assert said is not None
            assert "its process ended with -9" in said
            with open_instance(hub.config) as instance:
                clear_dead_runs(instance)
        assert sync_side_by_side(hub.config, ["stripe"], "at last", SyncOptions(), 1) == {"stripe": None}
        with writer(hub.config.warehouse) as con:
            for name in (*FACTS, "customers"):
                rows = con.execute(f'SELECT count(*), count(DISTINCT source_record_id) FROM raw."stripe__{name}"').fetchall()
                assert rows == [(last, last)], name
