"""The landing zone: parts with their checkpoints, visible whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

import connectors.landing as landing_module
from connectors.contract import Page, Record, Reject
from connectors.landing import PartWriter, StreamLanding, digest
from connectors.parts import SCHEMA
from connectors.payload import encode
from hub.contract.errors import WarehouseAccessError
from tests.small_disk import small_disk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def page(*ids: str, at: int, rejects: list[Reject] | None = None) -> Page:
    return Page([Record(i, {"id": i}, datetime(2026, 1, 1, tzinfo=UTC)) for i in ids], {"at": at}, rejects or [])


def writer(landing: StreamLanding, **settings: Any) -> PartWriter:
    defaults = {"sync_run_id": "run-1", "follows": None, "seq": 1, "begins": True, "owes_end": False, "snapshot": False}
    return PartWriter(landing, **{**defaults, **settings})


@pytest.fixture
def landing(tmp_path: Path) -> StreamLanding:
    return StreamLanding(tmp_path, "shop", "orders")


def rows(landing: StreamLanding) -> list[dict[str, Any]]:
    return [row for part in landing.parts() for row in pq.read_table(part).to_pylist()]


# payloads ----------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_a_payload_comes_back_as_it_was(payload: dict[str, Any]) -> None:
    text, _ = encode(payload)
    text.encode()
    assert simplejson.loads(text, use_decimal=True) == payload


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5), st.randoms())
def test_the_hash_does_not_depend_on_the_order_of_keys(payload: dict[str, Any], random: Any) -> None:
    keys = list(payload)
    random.shuffle(keys)
    assert encode(payload)[1] == encode({key: payload[key] for key in keys})[1]


def test_the_hash_tells_two_spellings_of_an_amount_apart() -> None:
    assert encode({"amount": Decimal("10.10")})[0] == '{"amount":10.10}'
    assert encode({"amount": Decimal("10.10")})[1] != encode({"amount": Decimal("10.1")})[1]


def test_half_a_surrogate_pair_becomes_the_replacement_character_and_a_whole_one_stays() -> None:
    text, _ = encode({"name": "J\ud83dane \U0001f600"})
    assert text == '{"name":"J\ufffdane \U0001f600"}'


def test_the_digest_of_a_checkpoint_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert len({digest(None), digest({}), digest({"a": 1})}) == 3


# writing -----------------------------------------------------------------------------------------------------------


def test_a_part_holds_records_deletes_merges_and_rejects(landing: StreamLanding) -> None:
    changed = datetime(2026, 3, 1, 9, tzinfo=UTC)
    parts = writer(landing)
    parts.add(
        Page(
            [
                Record("1", {"id": "1", "total": Decimal("5.00")}, changed),
                Record("2", {}, changed, "delete"),
                Record("3", {"id": "3"}, None, "merge", merged_into="1"),
            ],
            {"at": 1},
            [Reject("{broken", "unreadable", "page 1")],
        )
    )
    parts.finish()
    found = rows(landing)
    assert [(r["source_record_id"], r["op"], r["payload"], r["merged_into"], r["reject_reason"]) for r in found] == [
        ("1", "upsert", '{"id":"1","total":5.00}', None, None),
        ("2", "delete", "{}", None, None),
        ("3", "merge", '{"id":"3"}', "1", None),
        ("page 1", "reject", "{broken", None, "unreadable"),
    ]
    assert [r["source_updated_at"] for r in found] == [changed, changed, None, None]
    assert pq.read_schema(landing.parts()[0]).remove_metadata() == SCHEMA


def test_many_rows_become_several_parts_that_form_a_chain(landing: StreamLanding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "PART_ROWS", 2)
    parts = writer(landing)
    for number in range(5):
        parts.add(page(f"{number}", at=number))
    parts.finish()
    infos = [landing.info(part) for part in landing.parts()]
    assert [(i.seq, i.checkpoint, i.begins, i.complete) for i in infos] == [
        (1, {"at": 1}, True, False),
        (2, {"at": 3}, False, False),
        (3, {"at": 4}, False, True),
    ]
    assert [i.follows for i in infos] == [digest(None), digest({"at": 1}), digest({"at": 3})]
    assert [i.leads_to for i in infos] == [digest({"at": 1}), digest({"at": 3}), digest({"at": 4})]


def test_large_payloads_end_a_part_before_many_rows_do(landing: StreamLanding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_module, "PART_BYTES", 100)
    parts = writer(landing)
    parts.add(Page([Record("1", {"text": "x" * 100})], {"at": 1}))
    assert len(landing.parts()) == 1


def test_a_reading_that_brought_nothing_lands_nothing(landing: StreamLanding) -> None:
    parts = writer(landing, follows={"at": 4}, seq=5, begins=False)
    parts.finish()
    assert landing.parts() == []


def test_a_moved_checkpoint_lands_even_without_rows(landing: StreamLanding) -> None:
    parts = writer(landing, follows={"at": 4}, seq=5, begins=False)
    parts.add(page(at=9))
    parts.finish()
    assert [(landing.info(p).checkpoint, landing.info(p).complete) for p in landing.parts()] == [({"at": 9}, True)]


def test_a_first_reading_lands_its_end_even_if_the_source_is_empty(landing: StreamLanding) -> None:
    writer(landing).finish()
    assert [(landing.info(p).begins, landing.info(p).complete) for p in landing.parts()] == [(True, True)]


def test_a_flush_does_not_say_that_the_reading_is_complete(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.flush()
    parts.flush()
    assert [landing.info(p).complete for p in landing.parts()] == [False]


def test_a_part_that_cannot_be_written_leaves_nothing_visible(landing: StreamLanding, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    parts = writer(landing)
    parts.add(page("1", at=1))
    with pytest.raises(WarehouseAccessError, match=r"shop/orders: cannot write to the landing folder .*No space left") as error:
        parts.finish()
    assert "free disk space" in str(error.value)
    assert landing.parts() == []


def test_a_landing_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("a file where a folder should be")
    parts = writer(StreamLanding(tmp_path, "shop", "orders"))
    parts.add(page("1", at=1))
    with pytest.raises(WarehouseAccessError, match="shop/orders: cannot write"):
        parts.finish()


def test_large_rows_are_in_small_groups_so_that_few_are_held_at_a_time(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(Page([Record(str(n), {"note": f"{n}" * 200_000}) for n in range(10, 20)], {"at": 1}))
    parts.finish()
    (part,) = landing.parts()
    read = pq.read_metadata(part)
    assert [read.row_group(n).num_rows for n in range(read.num_row_groups)] == [5, 5]


# resuming ----------------------------------------------------------------------------------------------------------


def test_nothing_known_means_from_the_beginning(landing: StreamLanding) -> None:
    point = landing.resume_point()
    assert (point.checkpoint, point.seq, point.broken_off) == (None, 1, False)


def test_reading_goes_on_after_the_last_whole_part(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.flush()
    (landing.folder / ".part-00000002.77.tmp").write_bytes(b"half a part of a killed process")
    point = landing.resume_point()
    assert (point.checkpoint, point.seq, point.broken_off) == ({"at": 1}, 2, True)
    landing.clear()
    assert [file.name for file in landing.folder.iterdir()] == ["part-00000001.parquet"]


def test_once_committed_reading_goes_on_after_the_cursor_and_parts_are_gone(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.finish()
    landing.committed({"at": 1}, 1)
    point = landing.resume_point()
    assert (point.checkpoint, point.seq, point.broken_off) == ({"at": 1}, 2, False)
    assert [f.name for f in landing.folder.iterdir()] == ["committed.json"]


@pytest.mark.parametrize("done", [lambda landing: landing.committed({"at": 1}, 1), lambda landing: landing.discard()])
def test_a_part_that_another_sync_is_about_to_land_lands(
    landing: StreamLanding, monkeypatch: pytest.MonkeyPatch, done: Callable[[StreamLanding], None]
) -> None:
    first = writer(landing)
    first.add(page("1", at=1))
    first.finish()
    second = writer(landing, follows={"at": 1}, seq=2, begins=False)
    second.add(page("2", at=2))
    replace = os.replace

    def interrupted(source: str | Path, target: str | Path) -> None:
        if str(target).endswith(".parquet"):
            done(landing)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    second.finish()
    assert [landing.info(part).seq for part in landing.parts()] == [2]


def test_parts_that_are_taken_in_while_a_reading_looks_for_its_place_are_passed_over(
    landing: StreamLanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.finish()
    listed = StreamLanding.parts
    with monkeypatch.context() as patch:

        def taken_in_meanwhile(self: StreamLanding) -> list[Path]:
            found = listed(self)
            patch.setattr(StreamLanding, "parts", listed)
            self.committed({"at": 1}, 1)
            return found

        patch.setattr(StreamLanding, "parts", taken_in_meanwhile)
        point = landing.resume_point()
    assert (point.checkpoint, point.seq, point.broken_off) == ({"at": 1}, 2, False)


def test_a_commit_keeps_parts_that_landed_after_it(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.flush()
    parts.add(page("2", at=2))
    parts.finish()
    landing.committed({"at": 1}, 1)
    assert [landing.info(p).seq for p in landing.parts()] == [2]
    assert landing.resume_point().checkpoint == {"at": 2}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"checkpoint": {}}', '{"checkpoint": null, "seq": "x"}'])
def test_a_mirror_that_cannot_be_read_costs_a_full_reading(landing: StreamLanding, text: str) -> None:
    landing.folder.mkdir(parents=True)
    (landing.folder / "committed.json").write_text(text)
    assert landing.mirror() == (None, 0)
    assert landing.resume_point().checkpoint is None


def test_discarding_forgets_parts_and_cursor(landing: StreamLanding) -> None:
    parts = writer(landing)
    parts.add(page("1", at=1))
    parts.finish()
    landing.committed({"at": 1}, 1)
    landing.discard()
    landing.discard()
    assert landing.resume_point().checkpoint is None


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3))
def test_a_checkpoint_comes_back_from_a_part_as_the_connector_gave_it(checkpoint: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing = StreamLanding(Path(folder), "shop", "orders")
        parts = writer(landing)
        parts.add(Page([Record("1", {})], checkpoint))
        parts.finish()
        assert landing.resume_point().checkpoint == checkpoint
        assert landing.info(landing.parts()[0]).leads_to == digest(checkpoint)


def test_a_full_disk_under_the_landing_zone_is_an_error_of_one_line_and_nothing_is_visible_of_it(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as disk:
        landing = StreamLanding(disk.root, "shop", "orders")
        writing = writer(landing)
        writing.add(page("1", at=1))
        writing.finish()
        landing.committed({"at": 1}, 1)
        disk.fill()
        writing = writer(landing, seq=2, begins=False, follows={"at": 1})
        writing.add(page(*map(str, range(4000)), at=2))
        for act in (writing.finish, lambda: landing.committed({"at": 2}, 2)):
            with pytest.raises(WarehouseAccessError, match=r"No space left on device\); free disk space") as caught:
                act()
            assert "\n" not in str(caught.value)
        assert (landing.parts(), landing.mirror()) == ([], ({"at": 1}, 1))
