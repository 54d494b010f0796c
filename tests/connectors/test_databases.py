"""SQL databases: read by cursor without loss, on the systems themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from connectors.contract import Deletes
from connectors.databases import reading as databases_reading
from connectors.databases.postgres import Postgres
from connectors.databases.settings import SqlSettings
from connectors.databases.system import System
from connectors.extract import extract_stream, extract_window
from connectors.landing import StreamLanding
from connectors.registry import connector_class
from hub.contract.errors import ConfigError, CredentialsError, SourceDataError, SourceUnavailableError
from tests.connectors.databases import (
    CUSTOMERS,
    NOW,
    SYSTEMS,
    Database,
    at,
    connector,
    database,
    ids,
    pages,
    payloads,
    records,
    rejects,
    stream_of,
)
from tests.servers import POSTGRES, demand

pytestmark = pytest.mark.server


@pytest.fixture(params=SYSTEMS)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Database]:
    with database("postgres", tmp_path) as made:
        yield made


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Database]:
    with database("mariadb", tmp_path) as made:
        yield made


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows a page, in the order of the cursor, which a first reading of a table need not follow."""
    monkeypatch.setattr(Postgres, "blocks", System.blocks)
    monkeypatch.setattr(databases_reading, "PAGE_ROWS", 3)
    monkeypatch.setattr(databases_reading, "COPIED_ROWS", 3)
    monkeypatch.setattr("connectors.databases.server._FIRST_ROWS", 3)
    monkeypatch.setattr("connectors.databases.server._CHUNK_ROWS", 3)


def test_it_is_known_by_its_type() -> None:
    assert connector_class("sql").family == "databases"


# what changed --------------------------------------------------------------------------------------------------------


def test_rows_become_records_with_their_columns_and_their_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(2, "Jané 😀", "2026-06-30 10:00:00.25")
    db.put(1, "Joe", "2026-06-30 12:00:00")
    source = at(connector(db, monkeypatch, timezone="Europe/Berlin"), monkeypatch)
    read = records(pages(source))
    assert [(record.id, record.payload["name"]) for record in read] == [("2", "Jané 😀"), ("1", "Joe")]
    assert [record.updated_at for record in read] == [
        datetime(2026, 6, 30, 8, 0, 0, 250_000, tzinfo=UTC),
        datetime(2026, 6, 30, 10, tzinfo=UTC),
    ]
    assert list(read[0].payload) == ["id", "name", "modified"]
    assert (stream_of(source).cursor_field, stream_of(source).deletes) == ("modified", Deletes.NONE)


def test_only_what_changed_is_read_again_and_an_idle_table_lands_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    db.customers()
    for key in range(1, 6):
        db.put(key, "x", f"2026-06-30 10:00:0{key}")
    source = at(connector(db, monkeypatch), monkeypatch)
    first = pages(source)
    assert ids(first) == ["1", "2", "3", "4", "5"]
    second = pages(source, first[-1].checkpoint)
    assert ids(second) == []
    assert second[-1].checkpoint == first[-1].checkpoint
    db.put(2, "changed", "2026-06-30 11:00:00")
    db.put(6, "new", "2026-06-30 11:00:01")
    third = pages(source, second[-1].checkpoint)
    assert ids(third)[-2:] == ["2", "6"]
    assert ids(pages(source, third[-1].checkpoint)) == []
    extract_stream(source, stream_of(source), tmp_path, sync_run_id="r1")
    landing = StreamLanding(tmp_path, "erp", "customers")
    last = landing.info(landing.parts()[-1])
    landing.committed(last.checkpoint, last.seq)
    extract_stream(source, stream_of(source), tmp_path, sync_run_id="r2")
    assert landing.parts() == []


def test_a_change_that_commits_within_the_look_back_is_read(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", "2026-06-30 10:00:00")
    source = at(connector(db, monkeypatch), monkeypatch)
    first = pages(source)
    db.put(2, "late", "2026-06-30 09:55:01")  # 299 seconds behind what was read, and committed after it
    assert ids(pages(source, first[-1].checkpoint)) == ["2", "1"]
    later = pages(source, first[-1].checkpoint)[-1].checkpoint
    assert ids(pages(source, later)) == [], "once it is known, it is passed over"


def test_a_change_in_the_instant_that_was_read_last_is_not_lost(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", "2026-07-01 11:59:59")
    source = at(connector(db, monkeypatch, lookback_seconds=0), monkeypatch, NOW - timedelta(seconds=1))
    first = pages(source)
    db.put(1, "again", "2026-07-01 11:59:59")
    db.put(2, "beside", "2026-07-01 11:59:59")
    assert {p["name"] for p in payloads(pages(source, first[-1].checkpoint))} == {"again", "beside"}


def test_many_rows_of_one_instant_are_all_read_wherever_reading_breaks_off(
    db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    db.customers()
    db.run(*(f"INSERT INTO customers VALUES ({key}, 'x', '2026-06-30 10:00:00')" for key in range(1, 11)))
    source = at(connector(db, monkeypatch), monkeypatch)
    whole = pages(source)
    assert ids(whole) == [str(key) for key in range(1, 11)]
    for number, page in enumerate(whole[:-1], 1):
        rest = ids(pages(source, json.loads(json.dumps(page.checkpoint))))
        assert rest == ids(whole)[min(3 * number, 10) - 1 :], "the row it broke off at comes again, and all after it"
        assert rest[0] == page.records[-1].id


def test_rows_without_a_time_are_read_each_time(db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    db.customers()
    for key in range(1, 6):
        db.put(key, "never touched", None)
    db.put(9, "x", "2026-06-30 10:00:00")
    source = at(connector(db, monkeypatch), monkeypatch)
    first = pages(source)
    assert ids(first) == ["1", "2", "3", "4", "5", "9"]
    assert set(ids(first)) == set(ids(first[:1])) | set(ids(pages(source, first[0].checkpoint))), "also when it broke off there"
    db.put(3, "changed", None)
    second = payloads(pages(source, first[-1].checkpoint))
    assert [(p["id"], p["name"]) for p in second if p["name"] == "changed"] == [(3, "changed")]
    assert len(second) == 5


def test_the_cursor_never_passes_the_moment_the_reading_began(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "a clock that is wrong", "2031-01-01 00:00:00")
    db.put(2, "x", "2026-07-01 11:00:00")
    source = at(connector(db, monkeypatch, lookback_seconds=0), monkeypatch)
    first = pages(source)
    db.put(3, "y", "2026-07-01 12:00:01")
    assert ids(pages(source, first[-1].checkpoint)) == ["3", "1"]


def test_a_checkpoint_from_the_future_yields_nothing_and_heals(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", "2026-06-30 10:00:00")
    source = at(connector(db, monkeypatch), monkeypatch)
    checkpoint = dict(pages(source)[-1].checkpoint)
    checkpoint["since"] = {"time": "2039-01-01T00:00:00"} if db.system != "sqlite" else "2039-01-01 00:00:00"
    read = pages(source, checkpoint)
    assert ids(read) == []
    db.put(2, "y", "2026-07-01 12:00:01")
    assert ids(pages(source, read[-1].checkpoint)) == ["2"]


def test_rows_that_change_while_they_are_read_are_not_lost(
    db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    if db.system == "sqlite":
        db.run("PRAGMA journal_mode = WAL")
    db.customers()
    for key in range(1, 10):
        db.put(key, "x", f"2026-06-30 10:00:0{key}")
    source = at(connector(db, monkeypatch), monkeypatch)
    reading = stream_of(source).read(None)
    read = [next(reading)]
    db.put(1, "moved", "2026-07-01 12:00:01")
    db.put(8, "moved", "2026-07-01 12:00:02")
    db.run("DELETE FROM customers WHERE id = 5")
    read += reading
    read += pages(at(source, monkeypatch, NOW + timedelta(minutes=1)), read[-1].checkpoint)
    last = {record.id: record.payload["name"] for record in records(read)}
    assert last == {str(key): "moved" if key in (1, 8) else "x" for key in range(1, 10)}


def test_what_changes_between_a_reading_s_breaking_off_and_its_going_on_is_read(
    db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    db.customers()
    for key in range(1, 8):
        db.put(key, "x", f"2026-06-30 10:00:0{key}")
    source = at(connector(db, monkeypatch), monkeypatch)
    with closing(stream_of(source).read(None)) as reading:
        broken_off = [next(reading), next(reading)]
    db.put(9, "behind where it stands", "2026-06-30 10:00:02.5")
    db.put(1, "changed", "2026-07-01 12:00:30")
    rest = pages(at(source, monkeypatch, NOW + timedelta(hours=1)), broken_off[-1].checkpoint)
    assert ids(rest) == ["6", "7", "1"]
    nexts = pages(source, rest[-1].checkpoint)
    assert "1" in ids(nexts), "the cursor stands where the reading began, not where it went on"


def test_another_column_as_cursor_begins_anew(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.run(f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(9), modified {db.time}, seen {db.time})")
    db.run("INSERT INTO customers VALUES (1, 'x', '2026-06-30 10:00:00', '2026-01-01 10:00:00')")
    source = at(connector(db, monkeypatch), monkeypatch)
    checkpoint = pages(source)[-1].checkpoint
    other = connector(db, monkeypatch, {"customers": {**CUSTOMERS, "updated_at": "seen"}})
    assert ids(pages(other, checkpoint)) == ["1"]


@pytest.mark.parametrize(
    ("column", "values", "new"),
    [
        ("bigint", ["1", "2", "500"], "501"),
        ("numeric(20,3)", ["1.5", "2.25", "10000.001"], "10000.002"),
        ("date", ["'2026-01-01'", "'2026-01-02'", "'2026-06-01'"], "'2026-06-02'"),
        ("varchar(30)", ["'2026-01-01T10:00:00Z'", "'2026-01-02T10:00:00Z'", "'2026-06-01T10:00:00Z'"], "'2026-06-01T10:00:01Z'"),
        ("varchar(30)", ["'a'", "'b'", "'c'"], "'d'"),
        ("double precision", ["0.5", "1.5", "10000.5"], "10000.75"),
    ],
    ids=["version", "decimal", "date", "text time", "text", "float"],
)
def test_a_cursor_may_be_of_any_type_that_grows(
    db: Database, monkeypatch: pytest.MonkeyPatch, column: str, values: list[str], new: str, small_pages: None
) -> None:
    db.run(f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(9), modified {column})")
    for key, value in enumerate(values):
        db.run(f"INSERT INTO customers VALUES ({key}, 'x', {value})")
    source = at(connector(db, monkeypatch), monkeypatch)
    first = pages(source)
    assert ids(first) == ["0", "1", "2"]
    checkpoint = json.loads(json.dumps(first[-1].checkpoint))
    db.run(f"INSERT INTO customers VALUES (7, 'new', {new})")
    second = pages(source, checkpoint)
    assert "7" in ids(second)
    assert not {"0", "1"} & set(ids(second)), "what lies farther back than the look-back is not asked for"
    middle = json.loads(json.dumps(first[0].checkpoint))
    assert ids(pages(source, middle))[-1] == "7"


@pytest.mark.parametrize("column", ["bigint", "numeric(20,3)", "numeric"])
def test_the_look_back_of_a_number_is_so_many_numbers(db: Database, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    db.run(f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(9), modified {column})")
    db.run("INSERT INTO customers VALUES (1, 'x', 900), (2, 'y', 10000)")
    source = connector(db, monkeypatch)
    first = pages(source)
    db.run("INSERT INTO customers VALUES (3, 'late', 9701)", "INSERT INTO customers VALUES (4, 'too late', 9699)")
    second = pages(source, first[-1].checkpoint)
    assert ids(second) == ["3", "2"]
    db.run("INSERT INTO customers VALUES (5, 'z', 10500)")
    third = pages(source, second[-1].checkpoint)
    assert ids(third)[-1] == "5"
    assert ids(pages(source, third[-1].checkpoint)) == ["5"]


@pytest.mark.parametrize(
    ("system", "kind", "value"),
    [
        ("postgres", "uuid", "md5('{}')::uuid"),
        ("postgres", "bytea", "decode(md5('{}'), 'hex')"),
        ("postgres", "text", "'Ä{}'"),
        ("postgres", "numeric", "{}.50"),
        ("postgres", "timestamptz", "'2026-01-{:02} 10:00:00+02'"),
        ("mariadb", "binary(16)", "unhex(md5('{}'))"),
        ("mariadb", "uuid", "'8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e{}'"),
        ("mariadb", "varchar(20)", "'Ä{}'"),
        ("mariadb", "datetime", "'2026-01-{:02} 10:00:00'"),
        ("sqlite", "blob", "x'ff{:02}'"),
    ],
)
def test_an_id_may_be_of_any_type_that_has_an_order(
    system: str, kind: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    with database(system, tmp_path) as db:
        db.run(f"CREATE TABLE customers (id {kind} PRIMARY KEY, modified int)")
        db.run(*(f"INSERT INTO customers VALUES ({value.format(key)}, 1)" for key in range(10, 20)))
        for more in ({}, {"updated_at": "modified"}):
            source = connector(db, monkeypatch, {"customers": {**WHOLE, **more}})
            whole = pages(source)
            assert len(set(ids(whole))) == 10
            for number, page in enumerate(whole[:-1], 1):
                rest = ids(pages(source, json.loads(json.dumps(page.checkpoint))))
                assert rest == ids(whole)[min(3 * number, 10) - 1 :]


def test_the_hour_that_comes_twice_loses_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    first_passing = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)  # 02:50 in Berlin, for the first time
    db.put(1, "x", "2026-10-25 02:49:00")
    source = at(connector(db, monkeypatch, timezone="Europe/Berlin"), monkeypatch, first_passing)
    checkpoint = pages(source)[-1].checkpoint
    db.put(2, "y", "2026-10-25 02:05:00")  # an hour after the first 02:05
    second = pages(at(source, monkeypatch, first_passing + timedelta(minutes=20)), checkpoint)
    assert "2" in ids(second)
    db.put(3, "z", "2026-10-25 02:20:00")
    assert "3" in ids(pages(at(source, monkeypatch, first_passing + timedelta(minutes=35)), second[-1].checkpoint))


def test_postgres_tells_of_transactions_that_are_open_and_the_cursor_waits_for_them(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified timestamptz DEFAULT now())")
    source = connector(postgres, monkeypatch, lookback_seconds=0)
    with postgres.engine.connect() as slow:
        slow.exec_driver_sql("INSERT INTO customers VALUES (1, 'slow')")  # now() is when the transaction began
        postgres.run("INSERT INTO customers VALUES (2, 'quick')")
        first = pages(source)
        assert ids(first) == ["2"]
        slow.commit()
    assert "1" in ids(pages(source, first[-1].checkpoint))


def test_mariadb_tells_of_transactions_that_are_open_and_the_cursor_waits_for_them(
    mariadb: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified timestamp(6) DEFAULT current_timestamp(6))")
    source = connector(mariadb, monkeypatch, lookback_seconds=0)
    with mariadb.engine.connect() as slow:
        slow.exec_driver_sql("INSERT INTO customers (id, name) VALUES (1, 'slow')")
        mariadb.run("INSERT INTO customers (id, name) VALUES (2, 'quick')")
        first = pages(source)
        assert ids(first) == ["2"]
        slow.commit()
    assert "1" in ids(pages(source, first[-1].checkpoint))


def test_a_window_is_read_without_regard_to_the_cursor(db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    db.customers()
    for day in range(1, 10):
        db.put(day, "x", f"2026-06-0{day} 00:00:00")
    db.put(99, "no time", None)
    source = at(connector(db, monkeypatch), monkeypatch)
    stream = stream_of(source)
    assert stream.window is not None
    read = list(stream.window(datetime(2026, 6, 3, tzinfo=UTC), datetime(2026, 6, 6, tzinfo=UTC)))
    assert ids(read) == ["3", "4", "5"]
    extract_stream(source, stream, tmp_path, sync_run_id="r1")
    landing = StreamLanding(tmp_path, "erp", "customers")
    last = landing.info(landing.parts()[-1])
    landing.committed(last.checkpoint, last.seq)
    extract_window(
        source, stream, tmp_path, sync_run_id="r2", since=datetime(2026, 6, 3, tzinfo=UTC), until=datetime(2026, 6, 6, tzinfo=UTC)
    )
    assert landing.info(landing.parts()[-1]).checkpoint == last.checkpoint


def test_a_window_of_versions_is_refused(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified int)", "INSERT INTO customers VALUES (1, 'x', 7)")
    window = stream_of(connector(db, monkeypatch)).window
    assert window is not None
    with pytest.raises(ConfigError, match="erp/customers: modified holds no times, and a backfill is by time; use hub sync --full"):
        list(window(NOW, NOW))


# whole ---------------------------------------------------------------------------------------------------------------

WHOLE = {"table": "customers", "kind": "party", "id": "id"}


def test_without_a_cursor_everything_is_read_in_the_order_of_the_id_and_resumes(
    db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    db.customers()
    for key in (5, 3, 1, 4, 2, 6, 7):
        db.put(key, "x", None)
    source = connector(db, monkeypatch, {"customers": WHOLE})
    assert (stream_of(source).cursor_field, stream_of(source).window) == (None, None)
    whole = pages(source)
    assert ids(whole) == ["1", "2", "3", "4", "5", "6", "7"]
    assert ids(pages(source, whole[0].checkpoint)) == ["3", "4", "5", "6", "7"]
    assert ids(pages(source, whole[-1].checkpoint)) == ids(whole)
    assert not any(page.begins for page in pages(source, whole[-1].checkpoint))


def test_an_id_of_several_columns_resumes_at_each_of_them(db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    db.run("CREATE TABLE customers (shop varchar(5), no int, modified int, PRIMARY KEY (shop, no))")
    rows = [(shop, no) for shop in ("A", "B", "C") for no in (1, 2, 3, 10)]
    db.run(*(f"INSERT INTO customers VALUES ('{shop}', {no}, 1)" for shop, no in rows))
    expected = [f"{shop}:{no}" for shop, no in rows]
    for more in ({}, {"updated_at": "modified"}):
        source = connector(db, monkeypatch, {"customers": {**WHOLE, "id": ["shop", "no"], **more}})
        whole = pages(source)
        assert ids(whole) == expected
        for number, page in enumerate(whole[:-1], 1):
            assert ids(pages(source, page.checkpoint)) == expected[3 * number - 1 :]


def test_a_snapshot_is_landed_as_a_whole_each_time(db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    db.customers()
    db.put(1, "x", "2026-06-30 10:00:00")
    db.put(2, "y", "2026-06-30 10:00:00")
    source = connector(db, monkeypatch, {"customers": {**CUSTOMERS, "deletes": "snapshot"}})
    stream = stream_of(source)
    assert (stream.deletes, stream.cursor_field) == (Deletes.SNAPSHOT, None)
    landing = StreamLanding(tmp_path, "erp", "customers")
    for run, expected in (("r1", ["1", "2"]), ("r2", ["1", "2"]), ("r3", ["2"])):
        if run == "r3":
            db.run("DELETE FROM customers WHERE id = 1")
        extract_stream(source, stream, tmp_path, sync_run_id=run)
        infos = [landing.info(part) for part in landing.parts()]
        assert (infos[0].begins, infos[-1].complete, infos[-1].snapshot) == (True, True, True)
        assert [key for part in landing.parts() for key in pq.read_table(part)["source_record_id"].to_pylist()] == expected
        landing.committed(infos[-1].checkpoint, infos[-1].seq)


def test_a_snapshot_that_broke_off_goes_on_and_does_not_begin_again(
    db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    db.customers()
    for key in range(1, 8):
        db.put(key, "x", None)
    source = connector(db, monkeypatch, {"customers": {**WHOLE, "deletes": "snapshot"}})
    first = pages(source)
    again = pages(source, first[-1].checkpoint)
    assert [page.begins for page in again] == [True, False, False, False, False]
    rest = pages(source, again[1].checkpoint)
    assert (ids(rest), any(page.begins for page in rest)) == (["3", "4", "5", "6", "7"], False)


def test_an_emptied_table_does_not_delete_everything_unless_it_is_told_to(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", None)
    source = connector(db, monkeypatch, {"customers": {**WHOLE, "deletes": "snapshot"}})
    checkpoint = pages(source)[-1].checkpoint
    db.run("DELETE FROM customers")
    with pytest.raises(SourceDataError, match=r"erp/customers: there are no rows any more.*hub sync erp --full"):
        pages(source, checkpoint)
    assert ids(pages(source, None)) == []


@pytest.mark.parametrize(
    ("column", "no", "yes"),
    [("int", "0", "1"), ("varchar(9)", "'No'", "'Y'"), ("varchar(30)", "NULL", "'2026-06-30 10:00:00'")],
)
def test_a_flag_becomes_a_deletion(db: Database, monkeypatch: pytest.MonkeyPatch, column: str, no: str, yes: str) -> None:
    db.run(f"CREATE TABLE customers (id int PRIMARY KEY, name text, gone {column})")
    db.run(f"INSERT INTO customers VALUES (1, 'x', {no}), (2, 'y', {yes})")
    source = connector(db, monkeypatch, {"customers": {**WHOLE, "deleted_flag": "gone"}})
    assert stream_of(source).deletes is Deletes.FEED
    assert [(record.id, record.op) for record in records(pages(source))] == [("1", "upsert"), ("2", "delete")]


def test_rows_without_an_id_are_rejected_and_none_is_lost(db: Database, monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    db.run(f"CREATE TABLE customers (id varchar(9), name varchar(50), modified {db.time})")
    for key, name in (("'1'", "a"), ("NULL", "b"), ("' '", "c"), ("'2'", "d"), ("NULL", "e"), ("'3'", "f"), ("NULL", "g")):
        db.run(f"INSERT INTO customers VALUES ({key}, '{name}', '2026-06-30 10:00:00')")
    for stream in (WHOLE, CUSTOMERS):
        source = at(connector(db, monkeypatch, {"customers": stream}), monkeypatch)
        whole = pages(source)
        assert sorted(ids(whole)) == ["1", "2", "3"]
        assert sorted(json.loads(reject.content)["name"] for reject in rejects(whole)) == ["b", "c", "e", "g"]
        assert {reject.reason for reject in rejects(whole)} == {"column id that identifies the row is empty"}
        assert len({reject.where for reject in rejects(whole)}) == 4
        for number in range(1, len(whole)):
            read = [*whole[:number], *pages(source, whole[number - 1].checkpoint)]
            assert set(ids(read)) == {"1", "2", "3"}
            assert {json.loads(reject.content)["name"] for reject in rejects(read)} == {"b", "c", "e", "g"}


def test_rows_that_share_an_id_are_rejected_but_for_the_first(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.run("CREATE TABLE customers (id int, name text)", "INSERT INTO customers VALUES (1, 'x'), (1, 'y'), (2, 'z')")
    read = pages(connector(db, monkeypatch, {"customers": WHOLE}))
    assert ids(read) == ["1", "2"]
    assert [reject.reason for reject in rejects(read)] == [
        "another row has the same ID; name in id the columns that together tell rows apart"
    ]


# tables, views, queries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Mixed Case", "select", "naïve.table", 'quo"te', "100%", "a:b"])
def test_names_of_any_kind_are_found(db: Database, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def quoted(word: str) -> str:
        return f"`{word}`" if db.system == "mariadb" else '"' + word.replace('"', '""') + '"'

    columns = ("Id", f"{name} at")
    db.run(f"CREATE TABLE {quoted(name)} ({quoted(columns[0])} int, {quoted(columns[1])} int)")
    db.run(f"INSERT INTO {quoted(name)} VALUES (1, 7)")
    table = '"' + name.replace('"', '""') + '"'
    tables = [table, f"{db.schema}.{table}"] if db.schema else [table]
    for written in tables:
        stream = {"table": written, "kind": "party", "id": "Id", "updated_at": columns[1]}
        source = connector(db, monkeypatch, {"customers": stream})
        source.check()
        first = pages(source)
        assert payloads(first) == [{"Id": 1, columns[1]: 7}]
        assert ids(pages(source, first[0].checkpoint)) == ["1"]


def test_a_view_is_read_like_a_table(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", "2026-06-30 10:00:00")
    db.run("CREATE VIEW nice AS SELECT id, name, modified FROM customers")
    source = at(connector(db, monkeypatch, {"customers": {**CUSTOMERS, "table": "nice"}}), monkeypatch)
    source.check()
    first = pages(source)
    assert ids(first) == ["1"]
    assert ids(pages(source, first[-1].checkpoint)) == []


def test_a_query_is_read_like_a_table_and_texts_in_it_stay_texts(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    db.put(1, "x", "2026-06-30 10:00:00")
    db.put(2, "y", "2026-06-30 10:00:01")
    query = """
        WITH named AS (SELECT id, name, modified FROM customers)
        SELECT n.id, n.name, n.modified, '12:30 :x; 100%' AS said  -- a comment; with a semicolon
        FROM named n  /* DELETE FROM x; */
        WHERE n.name <> 'z' ORDER BY n.name; -- the end
    """
    query = query.replace("; -- the end", " -- the end")
    source = at(connector(db, monkeypatch, {"customers": {**CUSTOMERS, "table": None, "query": query}}), monkeypatch)
    source.check()
    first = pages(source)
    assert [(p["id"], p["said"]) for p in payloads(first)] == [(1, "12:30 :x; 100%"), (2, "12:30 :x; 100%")]
    assert ids(pages(source, first[0].checkpoint)) == ["2"]
    db.put(3, "new", "2026-06-30 11:00:00")
    assert ids(pages(source, first[-1].checkpoint)) == ["3"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1; DELETE FROM customers", "must be one SELECT"),
        ("DELETE FROM customers", "must be a SELECT"),
        ("WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "must be a SELECT"),
        ("-- a comment\nUPDATE customers SET name = 'x'", "must be a SELECT"),
        ("/* x */ INSERT INTO customers VALUES (1)", "must be a SELECT"),
        ("CALL something()", "must be a SELECT"),
        ("", "at least 1 character"),
    ],
)
def test_what_is_no_single_select_is_refused_when_hub_yaml_is_read(query: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SqlSettings(type="sql", url="${ERP_URL}", streams={"customers": {"query": query, "kind": "party", "id": "id"}})


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1;",
        "(SELECT 1) UNION (SELECT 2)",
        "select 'a;b', \"update \" from x",
        "SELECT $$;$$",
        "/* ; */ WITH a AS (SELECT 1) SELECT * FROM a",
    ],
)
def test_a_single_select_is_taken_however_it_is_written(query: str) -> None:
    SqlSettings(type="sql", url="${ERP_URL}", streams={"customers": {"query": query, "kind": "party", "id": "id"}})


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ({"table": None}, "give either table or query"),
        ({"query": "SELECT 1"}, "give either table or query"),
        ({"table": "a.b.c.d"}, "must be a table, or schema.table"),
        ({"table": "a."}, "must be a table, or schema.table"),
        ({"deletes": "snapshot", "deleted_flag": "gone"}, "deleted_flag and deletes: snapshot both say what is gone"),
        ({"fields": {"emial": "x"}}, "unknown field 'emial' for kind party; did you mean email?"),
        ({"kind": "order", "fields": {}}, "fields must say which column is ordered_at"),
        ({"wehre": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_right_is_said_when_hub_yaml_is_read(stream: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SqlSettings(type="sql", url="${ERP_URL}", streams={"customers": {**CUSTOMERS, **stream}})
    assert message in str(caught.value)


def test_the_url_must_come_from_the_environment() -> None:
    with pytest.raises(ValidationError, match=r"a secret must be given as \$\{ENV_VAR\}"):
        SqlSettings(type="sql", url="postgresql://user:secret@host/db", streams={"customers": CUSTOMERS})


# what is said when it does not work ------------------------------------------------------------------------------------


def test_check_says_where_it_is_connected(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    source = connector(db, monkeypatch)
    name = {"postgres": "PostgreSQL ", "mariadb": "MariaDB ", "sqlite": "SQLite "}[db.system]
    assert source.check().startswith(name)
    assert source.check().endswith(": customers")


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ({"table": "custmers"}, "erp/customers field table: no table custmers; did you mean customers?; mend hub.yaml"),
        ({"id": "idd"}, "erp/customers field idd: no column 'idd'; did you mean id?; mend hub.yaml"),
        ({"updated_at": "modifed"}, "field modifed: no column 'modifed'; did you mean modified?"),
        ({"fields": {"full_name": ["Name", "nam"]}}, "field Name: no column 'Name'; did you mean name?"),
        ({"deleted_flag": "gone"}, "field gone: no column 'gone'; did you mean name?"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    db: Database, monkeypatch: pytest.MonkeyPatch, stream: dict[str, Any], message: str
) -> None:
    db.customers()
    source = connector(db, monkeypatch, {"customers": {**CUSTOMERS, **stream}})
    for act in (source.check, lambda: pages(source)):
        with pytest.raises(SourceDataError) as caught:
            act()
        assert message in str(caught.value)


def test_two_columns_of_one_name_lose_no_value(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.customers()
    query = {"table": None, "updated_at": None, "query": "SELECT id, name, name FROM customers"}
    with pytest.raises(SourceDataError, match="two columns are called 'name'; give one of them another name in the query"):
        pages(connector(postgres, monkeypatch, {"customers": {**CUSTOMERS, **query}}))


def test_a_query_that_the_database_refuses_is_one_line_without_its_text(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    query = {"table": None, "query": "SELECT 'jane@secret.example' AS id, nonsense(1) FROM nowhere"}
    with pytest.raises(SourceDataError) as caught:
        pages(connector(db, monkeypatch, {"customers": {**CUSTOMERS, **query}}))
    assert "\n" not in str(caught.value)
    assert "secret.example" not in str(caught.value)
    assert str(caught.value).startswith("erp/customers: ")


WRONG = [
    ("postgresql://nobody_known:geheim@127.0.0.1:{port}/test", CredentialsError, "refused user or password"),
    ("postgresql://postgres:geheim@127.0.0.1:{port}/not_there", ConfigError, "there is no such database"),
    ("mysql://nobody_known:geheim@127.0.0.1:3306/test", CredentialsError, "refused user or password"),
    ("mysql://root:@127.0.0.1:3306/not_there", ConfigError, "there is no such database"),
    ("postgresql://u:geheim@127.0.0.1:1/test", SourceUnavailableError, "no database answers at 127.0.0.1:1/test"),
    ("mysql://u:geheim@127.0.0.1:1/test", SourceUnavailableError, "no database answers at 127.0.0.1:1/test"),
    ("sqlite:////not/there/geheim.db", ConfigError, "there is no file"),
    ("postgresql://postgres:geheim@127.0.0.1:{port}/test?nonsense=geheim", ConfigError, "the driver does not take the URL"),
    ("mysql://root@127.0.0.1:3306/test?nonsense=geheim", ConfigError, "the driver does not take the URL"),
    ("geheim", ConfigError, "ERP_URL holds no database URL"),
    ("nosuchdb://u:geheim@host/db", ConfigError, "no database system is called nosuchdb"),
]


@pytest.mark.parametrize(("url", "kind", "message"), WRONG, ids=[message + str(n) for n, (_, _, message) in enumerate(WRONG)])
def test_what_is_wrong_with_the_url_is_said_without_the_url(
    monkeypatch: pytest.MonkeyPatch, mariadb: Database, url: str, kind: type[Exception], message: str
) -> None:
    port = sa.make_url(demand(POSTGRES)).port or 5432
    made = replace(mariadb, url=url.format(port=port))
    source = connector(made, monkeypatch, retry={"attempts": 2, "timeout_seconds": 2})
    with pytest.raises(kind) as caught:
        source.check()
    text = str(caught.value)
    assert message in text
    assert text.startswith("erp")
    assert "\n" not in text
    if "there is no file" not in message:
        assert "geheim" not in text
    assert "geheim" not in repr(source.settings)


def test_a_variable_that_is_not_set_is_named_when_it_is_used(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    source = connector(sqlite_db, monkeypatch)
    monkeypatch.delenv("ERP_URL")
    with pytest.raises(ConfigError, match="environment variable ERP_URL is not set"):
        source.check()


@pytest.fixture
def sqlite_db(tmp_path: Path) -> Iterator[Database]:
    with database("sqlite", tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://u:geheim@h/d", "psycopg", "postgres"), ("mariadb://u:geheim@h/d", "pymysql", "mysql")],
)
def test_a_driver_that_is_not_installed_is_said_with_how_to_install_it(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    source = connector(replace(sqlite_db, url=url), monkeypatch)
    with pytest.raises(ConfigError) as caught:
        source.check()
    assert f'pip install "customer-hub[{extra}]"' in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_table_one_may_not_read_is_a_failure_and_never_empty(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.customers()
    postgres.put(1, "x", "2026-06-30 10:00:00")
    role = f"{postgres.schema}_reader"
    postgres.run(f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA {postgres.schema} TO {role}")
    try:
        url = sa.make_url(postgres.url).set(username=role).render_as_string(hide_password=False)
        source = connector(replace(postgres, url=url), monkeypatch)
        with pytest.raises(CredentialsError, match=r"erp/customers: the user may not read this .*grant it SELECT"):
            pages(source)
        assert source.calls()[1] == 0
        postgres.run(f"GRANT SELECT ON customers TO {role}")
        assert ids(pages(source)) == ["1"]
    finally:
        postgres.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def kill_readers(db: Database) -> None:
    """End the connections of the hub's readers of this database, as a server that restarts does."""
    with db.engine.connect() as con:
        if db.system == "postgres":
            con.exec_driver_sql(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n"
                f" ON n.oid = c.relnamespace WHERE n.nspname = '{db.schema}' AND l.pid <> pg_backend_pid()"
            )
            return
        listed = f"SELECT id FROM information_schema.processlist WHERE db = '{db.schema}' AND id <> connection_id()"
        for number in con.exec_driver_sql(listed).scalars().all():
            con.exec_driver_sql(f"KILL {number}")


@pytest.mark.parametrize("system", ["postgres", "mariadb"])
def test_a_connection_lost_in_the_middle_is_taken_up_again_after_the_last_page(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    with database(system, tmp_path) as db:
        db.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified int)")
        wide = "repeat('x', 20000)"
        db.run(*(f"INSERT INTO customers VALUES ({key}, {wide}, {key})" for key in range(1, 1001)))
        source = connector(db, monkeypatch, retry={"attempts": 3, "backoff_seconds": 0})
        read = []
        for page in stream_of(source).read(None):
            read.append(page)
            if len(read) == 2:
                kill_readers(db)
        assert set(ids(read)) == {str(key) for key in range(1, 1001)}
        assert source.calls()[1] >= 1
        assert len(ids(read)) <= 1002


@pytest.mark.parametrize("system", ["postgres", "mariadb"])
def test_a_connection_that_is_lost_again_and_again_ends_the_reading_and_the_next_goes_on(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    with database(system, tmp_path) as db:
        db.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified int)")
        db.run(*(f"INSERT INTO customers VALUES ({key}, repeat('x', 20000), {key})" for key in range(1, 1001)))
        source = connector(db, monkeypatch, retry={"attempts": 1})
        reading = stream_of(source).read(None)
        read = [next(reading)]
        kill_readers(db)
        with pytest.raises(SourceUnavailableError, match=r"erp/customers: the connection to .* was lost .*goes on where it"):
            read.extend(reading)
        assert set(ids(read)) | set(ids(pages(source, read[-1].checkpoint))) == {str(key) for key in range(1, 1001)}


def test_nothing_is_ever_written(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.customers()
    source = connector(db, monkeypatch)
    with source._server.reading("customers") as snapshot, pytest.raises(sa.exc.DBAPIError):
        snapshot.con.exec_driver_sql("INSERT INTO customers VALUES (1, 'x', NULL)")


@pytest.mark.parametrize("system", ["postgres", "mariadb"])
def test_a_reading_that_is_given_up_leaves_no_connection_behind(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pages: None
) -> None:
    with database(system, tmp_path) as db:
        db.run("CREATE TABLE customers (id int PRIMARY KEY, name text, modified int)")
        db.run(*(f"INSERT INTO customers VALUES ({key}, repeat('x', 20000), {key})" for key in range(1, 501)))
        source = connector(db, monkeypatch)
        with closing(stream_of(source).read(None)) as reading:
            next(reading)
        watched = (
            "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE n.nspname = '{db.schema}' AND l.pid <> pg_backend_pid()"
            if system == "postgres"
            else f"SELECT count(*) FROM information_schema.processlist WHERE db = '{db.schema}' AND id <> connection_id()"
        )
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
            for _ in range(200):
                left = con.exec_driver_sql(watched).scalar_one()
                if not left:
                    break
                time.sleep(0.05)
        assert left == 0


def test_facts_come_before_parties_and_the_mapping_is_made_from_fields(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = {
        "table": "orders",
        "kind": "order",
        "id": "no",
        "customer": "who",
        "fields": {"ordered_at": "at", "currency": "cur", "gross_amount": "total"},
    }
    source = connector(sqlite_db, monkeypatch, {"customers": CUSTOMERS, "orders": orders})
    assert [stream.name for stream in source.streams()] == ["orders", "customers"]
    assert "-- stage: orders -> customer_order" in source.mapping()
    assert "'customers' AS \"party_stream\"" in source.mapping()
