"""Vendors with several facts: read at the same time, each stream lands what it lands read by itself, and nothing known of one
request is taken to be of another thread's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from connectors.ads.google_ads_api import CutShortError, GoogleAdsApi, GoogleAdsSettings
from connectors.ads.meta_api import Graph
from connectors.ads.meta_errors import TooMuchDataError
from connectors.ads.meta_settings import MetaSettings
from connectors.contract import Connector
from connectors.extract import Extraction, extract_stream
from connectors.invoicing.xero_api import XeroSession, XeroSettings
from connectors.invoicing.xero_pages import Place
from connectors.landing import StreamLanding
from connectors.reading_lock import ReadingLock
from connectors.readings import Readings
from connectors.registry import connector_class
from connectors.sandbox import SandboxHandle, credentials, running
from connectors.sandbox.systems import systems
from tests.loopback import Reply, Request, serve
from tests.pipelines.world import sandbox_config

ESCAPE = 30.0  # seconds after which a test that hangs fails instead
RETRY = {"attempts": 8, "backoff_seconds": 0.0, "timeout_seconds": 30.0}
VENDORS = ("stripe", "xero", "google_ads", "meta")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with running(seed=7, people=60) as handle:
        yield handle


def connected(sandbox: SandboxHandle, name: str, private: Path, patch: pytest.MonkeyPatch) -> Connector:
    sources: dict[str, Any] = sandbox_config(sandbox.base_url)["sources"]
    for system in systems():
        sources[system.name] = {**system.source, "base_url": sandbox.url(system.name)}
    variables = credentials.env() | {name: value for system in systems() for name, value in system.env.items()}
    for variable, value in variables.items():
        patch.setenv(variable, value)
    cls = connector_class(name)
    return cls(name, cls.Settings(**{**sources[name], "retry": RETRY}), private)


def landed(root: Path, name: str, stream: str) -> list[tuple[Any, ...]]:
    parts = StreamLanding(root, name, stream).parts()
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return [(row["source_record_id"], row["op"], row["payload_hash"], row["reject_reason"]) for row in rows]


@pytest.mark.parametrize("name", VENDORS)
def test_what_is_read_at_the_same_time_is_what_is_read_one_after_the_other(
    name: str, sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("connectors.http.pause", waits.append)
    apart, together, private = tmp_path / "apart", tmp_path / "together", tmp_path / "private"
    with closing(connected(sandbox, name, private, monkeypatch)) as alone:
        one_by_one = {s.name: extract_stream(alone, s, apart, sync_run_id="run") for s in alone.streams()}
    sandbox.fault(name, status=429, count=7, retry_after=3)
    with closing(connected(sandbox, name, private, monkeypatch)) as connector:
        streams = connector.streams()
        lock = ReadingLock(together, name)
        lock.acquire()
        read = partial(extract_stream, connector, root=together, sync_run_id="run")
        readings = Readings(streams, lambda stream: read(stream), at_a_time=connector.most_streams, lock=lock)
        at_once: dict[str, Extraction] = {stream.name: readings.take(stream.name) for stream in streams}
    assert sum(one.retries for one in at_once.values()) == 7
    assert {s: landed(together, name, s) for s in at_once} == {s: landed(apart, name, s) for s in at_once}
    assert sum(bool(one.rows) for one in at_once.values()) >= 3
    # what is asked once for the whole source, a token or a time zone, is asked by whichever stream comes first
    calls = sum(one.api_calls for one in at_once.values()) - 7
    assert abs(calls - sum(one.api_calls for one in one_by_one.values())) <= 1
    assert connector.most_streams > 1


def test_whether_a_query_to_google_may_be_split_is_known_by_the_thread_that_asks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE", "secret")
    secrets = dict.fromkeys(("developer_token", "client_secret", "refresh_token"), "${GOOGLE}")
    asked, meanwhile = threading.Event(), threading.Event()

    def answer(request: Request) -> Reply:
        if request.path == "/token":
            return Reply({"access_token": "t", "expires_in": 3600})
        if request.json()["query"] == "WHOLE":
            return Reply([])
        asked.set()
        assert meanwhile.wait(ESCAPE)
        return Reply(b'[{"results": [')  # broken off

    with serve(answer) as server, ThreadPoolExecutor(1) as pool:
        settings = {"type": "google_ads", "base_url": server.base_url, "customer_id": "1", "client_id": "c", "retry": RETRY}
        with closing(GoogleAdsApi(GoogleAdsSettings(**settings, **secrets), "google_ads")) as api:
            first = pool.submit(api.search, "SPLIT", "ad_spend_daily", may_split=True)
            assert asked.wait(ESCAPE)
            assert api.search("WHOLE", "leads") == []
            meanwhile.set()
            with pytest.raises(CutShortError):
                first.result(ESCAPE)


def test_whether_meta_may_be_asked_for_less_is_known_by_the_thread_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("META", "secret")
    asked, meanwhile = threading.Event(), threading.Event()

    def answer(request: Request) -> Reply:
        if request.path.endswith("/small"):
            return Reply({"id": "small"})
        asked.set()
        assert meanwhile.wait(ESCAPE)
        return Reply({"error": {"code": 1, "message": "Please reduce the amount of data you're asking for"}}, 500)

    with serve(answer) as server, ThreadPoolExecutor(1) as pool:
        given = {"type": "meta", "base_url": server.base_url, "account_id": "1", "access_token": "${META}", "retry": RETRY}
        graph = Graph(MetaSettings(**given), "meta", lambda: session)
        with closing(graph.open_session()) as session:
            first = pool.submit(graph.get, "large", {}, stream="ads", may_ask_less=True)
            assert asked.wait(ESCAPE)
            assert graph.get("small", {}, stream="leads") == {"id": "small"}
            meanwhile.set()
            with pytest.raises(TooMuchDataError):
                first.result(ESCAPE)


def test_a_call_to_xero_that_another_thread_has_under_way_counts_as_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XERO", "secret")
    asked, waited, waits = threading.Event(), threading.Event(), list[float]()

    def pause(seconds: float) -> None:
        waits.append(seconds)
        waited.set()

    def answer(request: Request) -> Reply:
        if request.path.endswith("/CreditNotes"):
            asked.set()
            assert waited.wait(ESCAPE)
        return Reply({}, headers={"x-minlimit-remaining": "1"})

    monkeypatch.setattr("connectors.http.pause", pause)
    with serve(answer) as server, ThreadPoolExecutor(1) as pool:
        given = {"type": "xero", "base_url": server.base_url, "client_id": "c", "client_secret": "${XERO}", "retry": RETRY}
        auth = httpx.BasicAuth("user", "password")
        with closing(XeroSession(XeroSettings(**given), source="xero", auth=auth, remedy="")) as session:
            session.page("Invoices", Place(None), {}, "invoices")  # one call is left, it says
            first = pool.submit(session.page, "CreditNotes", Place(None), {}, "credit_notes")
            assert asked.wait(ESCAPE)
            session.page("Payments", Place(None), {}, "payments")
            first.result(ESCAPE)
    assert len(waits) == 1
    assert 0 < waits[0] <= 60
