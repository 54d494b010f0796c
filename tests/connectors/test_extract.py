"""The one loop over pages: what breaks off resumes, and nothing half is taken for whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import connectors.landing as landing_module
from connectors.contract import Checkpoint, Connector, Deletes, Page, Record, SourceSettings, Stream
from connectors.extract import extract_stream, stream_of
from connectors.landing import StreamLanding, digest
from hub.contract.errors import NotFoundError, SourceUnavailableError


class Numbers(Connector):
    """A source of numbered records, one per page; `breaks_at` is where it fails, `asked` what it was asked to go on from."""

    type_name = "numbers"
    family = "files"
    Settings = SourceSettings

    def __init__(self, size: int, *, deletes: Deletes = Deletes.NONE) -> None:
        super().__init__("numbers", SourceSettings(type="numbers"))
        self.size, self.deletes = size, deletes
        self.breaks_at: int | None = None
        self.asked: list[Checkpoint | None] = []
        self.requests = 0

    def streams(self) -> tuple[Stream, ...]:
        return (Stream("ones", "order", "id", "n", self.deletes, partial(self._read)),)

    def check(self) -> str:
        return "numbers"

    def mapping(self) -> str:
        return ""

    def calls(self) -> tuple[int, int]:
        return (self.requests, 0)

    def _read(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        self.asked.append(checkpoint)
        for number in range(checkpoint["n"] + 1 if checkpoint else 1, self.size + 1):
            self.requests += 1
            if number == self.breaks_at:
                raise SourceUnavailableError("it broke", source=self.name, stream="ones")
            yield Page([Record(str(number), {"id": number})], {"n": number})


def run(source: Numbers, root: Path, run_id: str = "run", **settings: Any) -> Any:
    return extract_stream(source, source.streams()[0], root, sync_run_id=run_id, **settings)


def landed(root: Path) -> list[str]:
    parts = StreamLanding(root, "numbers", "ones").parts()
    return [row["source_record_id"] for part in parts for row in pq.read_table(part).to_pylist()]


def commit(root: Path) -> None:
    """What the warehouse does once the parts are in raw."""
    landing = StreamLanding(root, "numbers", "ones")
    last = landing.info(landing.parts()[-1])
    landing.committed(last.checkpoint, last.seq)


def test_a_reading_reports_what_it_did(tmp_path: Path) -> None:
    done = run(Numbers(3), tmp_path)
    assert (done.source, done.stream, done.sync_run_id, done.rows, done.api_calls, done.retries) == (
        "numbers",
        "ones",
        "run",
        3,
        3,
        0,
    )
    assert done.seconds >= 0
    assert landed(tmp_path) == ["1", "2", "3"]


def test_the_next_reading_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    source = Numbers(2)
    run(source, tmp_path)
    commit(tmp_path)
    source.size = 4
    assert run(source, tmp_path).rows == 2
    assert landed(tmp_path) == ["3", "4"]
    assert source.asked == [None, {"n": 2}]


def test_an_empty_sync_lands_nothing(tmp_path: Path) -> None:
    source = Numbers(2)
    run(source, tmp_path)
    commit(tmp_path)
    assert run(source, tmp_path).rows == 0
    assert landed(tmp_path) == []


@pytest.mark.parametrize("part_rows", [1, 2, 100])
@pytest.mark.parametrize("breaks_at", [1, 2, 3, 4])
def test_wherever_it_breaks_nothing_is_lost_or_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_rows: int, breaks_at: int
) -> None:
    monkeypatch.setattr(landing_module, "PART_ROWS", part_rows)
    source = Numbers(4)
    source.breaks_at = breaks_at
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path)
    source.breaks_at = None
    run(source, tmp_path, "second run")
    assert landed(tmp_path) == ["1", "2", "3", "4"]
    infos = [StreamLanding.info(part) for part in StreamLanding(tmp_path, "numbers", "ones").parts()]
    assert [i.complete for i in infos] == [False] * (len(infos) - 1) + [True]
    assert [i.begins for i in infos] == [True] + [False] * (len(infos) - 1)
    assert [i.follows for i in infos] == [digest(None), *(digest(i.checkpoint) for i in infos[:-1])]
    assert [i.seq for i in infos] == list(range(1, len(infos) + 1))


def test_a_broken_reading_never_claims_to_be_complete(tmp_path: Path) -> None:
    source = Numbers(3)
    source.breaks_at = 3
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path)
    infos = [StreamLanding.info(part) for part in StreamLanding(tmp_path, "numbers", "ones").parts()]
    assert [(i.checkpoint, i.complete) for i in infos] == [({"n": 2}, False)]


def test_a_resumed_reading_with_nothing_left_still_lands_its_end(tmp_path: Path) -> None:
    source = Numbers(3)
    source.breaks_at = 3
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path)
    source.breaks_at, source.size = None, 2
    run(source, tmp_path)
    infos = [StreamLanding.info(part) for part in StreamLanding(tmp_path, "numbers", "ones").parts()]
    assert [i.complete for i in infos] == [False, True]


def test_full_reads_everything_again(tmp_path: Path) -> None:
    source = Numbers(2)
    run(source, tmp_path)
    commit(tmp_path)
    run(source, tmp_path, full=True)
    assert landed(tmp_path) == ["1", "2"]
    assert StreamLanding.info(StreamLanding(tmp_path, "numbers", "ones").parts()[0]).begins


def test_a_broken_full_reading_is_gone_on_with_unless_full_is_asked_for_again(tmp_path: Path) -> None:
    source = Numbers(3)
    source.breaks_at = 2
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path, full=True)
    source.breaks_at = None
    run(source, tmp_path)
    assert source.asked == [None, {"n": 1}]
    assert landed(tmp_path) == ["1", "2", "3"]
    # a cursor that the vendor refuses must not keep --full from starting over
    source.breaks_at = 2
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path, full=True)
    source.breaks_at = None
    run(source, tmp_path, full=True)
    assert source.asked[2:] == [None, None]


def test_full_after_a_broken_incremental_reading_begins_anew(tmp_path: Path) -> None:
    source = Numbers(2)
    run(source, tmp_path)
    commit(tmp_path)
    source.size, source.breaks_at = 4, 4
    with pytest.raises(SourceUnavailableError):
        run(source, tmp_path)
    source.breaks_at = None
    run(source, tmp_path, full=True)
    assert source.asked[-1] is None
    assert landed(tmp_path) == ["3", "1", "2", "3", "4"]


def test_a_limit_ends_the_reading_and_the_next_goes_on_there(tmp_path: Path) -> None:
    source = Numbers(5)
    assert run(source, tmp_path, limit=2).rows == 2
    assert StreamLanding(tmp_path, "numbers", "ones").resume_point().broken_off is False
    run(source, tmp_path)
    assert landed(tmp_path) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("limit", "snapshot"), [(None, True), (1, False)])
def test_only_a_whole_reading_counts_as_a_snapshot(tmp_path: Path, limit: int | None, snapshot: bool) -> None:
    run(Numbers(2, deletes=Deletes.SNAPSHOT), tmp_path, limit=limit)
    assert [StreamLanding.info(p).snapshot for p in StreamLanding(tmp_path, "numbers", "ones").parts()] == [snapshot]


def test_an_unknown_stream_is_an_error_that_lists_the_known_ones() -> None:
    source = Numbers(1)
    assert stream_of(source, "ones").name == "ones"
    with pytest.raises(NotFoundError, match="numbers: no stream 'twos'; streams are ones"):
        stream_of(source, "twos")
