"""Two syncs of a source at the same time, interleaved at the places where one may be in the other's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Page, Record
from connectors.landing import PartWriter, StreamLanding
from hub.contract.errors import WarehouseBusyError
from pipelines import ingest
from pipelines.context import Hub
from pipelines.ingest import SyncRef, SyncReport, align_mirrors, ingest_stream, take_in
from tests.pipelines.world import World
from warehouse import raw
from warehouse.connection import writer
from warehouse.raw import RawLoad

ESCAPE = 30.0  # seconds after which a test that hangs fails instead
CONTACTS = {"path": "in/*.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "in").mkdir()
    with World(tmp_path, {"sources": {"crm": {"type": "files", "streams": {"contacts": CONTACTS}}}}).hub() as hub:
        yield hub


def put(hub: Hub, number: int) -> None:
    folder = hub.config.warehouse.landing.parents[1] / "in"
    (folder / f"{number}.jsonl").write_text(f'{{"id": {number}, "name": "Ada Berg"}}\n')


def synced(hub: Hub, run: str) -> SyncReport:
    connector = hub.config.connector("crm")
    return ingest_stream(hub, connector, connector.streams()[0], SyncRef(run))


def landing(hub: Hub) -> StreamLanding:
    return hub.landing("crm", "contacts")


def land(hub: Hub, number: int, *, follows: dict[str, Any] | None = None, begins: bool = False) -> None:
    """A reading of one record, as another sync lands it."""
    point = landing(hub).resume_point()
    parts = PartWriter(
        landing(hub),
        sync_run_id="other",
        follows=follows or point.checkpoint,
        seq=point.seq,
        begins=begins,
        owes_end=False,
        snapshot=False,
    )
    parts.add(Page([Record(str(number), {"id": number})], {"n": number}))
    parts.finish()


def in_raw(hub: Hub) -> list[str]:
    with writer(hub.config.warehouse) as con:
        return [row[0] for row in con.execute('SELECT source_record_id FROM raw."crm__contacts" ORDER BY ALL').fetchall()]


def test_parts_that_another_sync_took_in_meanwhile_are_no_longer_looked_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    land(hub, 1, begins=True)
    listed, asks, taken = StreamLanding.parts, threading.Event(), list[Any]()

    def parts(self: StreamLanding) -> list[Path]:
        found = listed(self)
        if threading.current_thread() is second:
            asks.set()
        return found

    def take() -> None:
        try:
            taken.append(take_in(hub, "crm", "contacts", SyncRef("second")))
        except BaseException as error:
            taken.append(error)

    monkeypatch.setattr(StreamLanding, "parts", parts)
    second = threading.Thread(target=take)
    with writer(hub.config.warehouse) as con:
        second.start()
        assert asks.wait(ESCAPE)
        found = [(path, landing(hub).info(path)) for path in listed(landing(hub))]
        raw.load(con, "crm", "contacts", found, sync_run_id="first", now=ingest.utcnow())
        landing(hub).committed({"n": 1}, 1)
    second.join(ESCAPE)
    assert taken == [(RawLoad(), ())]
    assert in_raw(hub) == ["1"]


def test_the_mirror_of_the_cursor_moves_before_anybody_else_writes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    committed, moved = StreamLanding.committed, list[int]()

    def alone(self: StreamLanding, checkpoint: Any, seq: int) -> None:
        with pytest.raises(WarehouseBusyError), writer(hub.config.warehouse.model_copy(update={"lock_timeout_seconds": 0})):
            pass
        moved.append(seq)
        committed(self, checkpoint, seq)

    monkeypatch.setattr(StreamLanding, "committed", alone)
    land(hub, 1, begins=True)
    take_in(hub, "crm", "contacts", SyncRef("first"))
    committed(landing(hub), {"n": 0}, 9)  # as a warehouse from a backup finds it
    align_mirrors(hub, "crm", ["contacts"])
    assert moved == [1, 1]
    assert landing(hub).mirror() == ({"n": 1}, 1)


def test_a_reading_of_another_history_that_another_sync_lands_in_between_is_set_aside_too(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hub, 1)
    synced(hub, "first")
    strange = {"of": "another history"}
    land(hub, 8, follows=strange)
    read, again = ingest.extract, [True]

    def beside_another(*args: Any) -> Any:
        if again and not landing(hub).parts():
            again.clear()
            land(hub, 9, follows=strange)  # it began before the first of them was set aside
        return read(*args)

    monkeypatch.setattr(ingest, "extract", beside_another)
    put(hub, 2)
    report = synced(hub, "second")
    assert not again
    assert (report.counts.inserted, in_raw(hub)) == (1, ["1", "2"])
