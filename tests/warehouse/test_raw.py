"""Raw keeps every version once, counts every row, and moves its cursor only with the rows."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Reject
from connectors.landing import StreamLanding
from hub.contract.errors import LineageError
from tests.warehouse.parts import T0, land, landed, record
from warehouse import raw
from warehouse.connection import connect
from warehouse.migrations import migrate
from warehouse.raw import RawLoad

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone


def take(con: duckdb.DuckDBPyConnection, root: Path, stream: str = "orders") -> RawLoad | None:
    return raw.load(con, "shop", stream, landed(root, stream=stream), sync_run_id="run", now=NOW)


def current(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, str, str | None]]:
    rows = con.execute(
        "SELECT source_record_id, max(version), arg_max(op, version), arg_max_null(payload, version)"
        ' FROM raw."shop__orders" GROUP BY 1'
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def commit(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    value, seq, _ = raw.cursor(con, "shop", "orders")
    StreamLanding(root, "shop", "orders").committed(value, seq)


def test_an_unchanged_payload_adds_no_row_whatever_the_order_of_its_keys(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {"a": 1, "b": Decimal("2.50")})])
    assert take(con, tmp_path) == RawLoad(extracted=1, inserted=1)
    land(tmp_path, [record("1", {"b": Decimal("2.50"), "a": 1})])
    assert take(con, tmp_path) == RawLoad(extracted=1, unchanged=1)
    assert current(con) == {"1": (1, "upsert", '{"a":1,"b":2.50}')}


def test_a_value_that_returns_is_a_version_of_its_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for value in "ABA":
        land(tmp_path, [record("1", {"v": value})])
        take(con, tmp_path)
    assert current(con)["1"][0] == 3


def test_within_one_sync_the_greatest_source_time_is_current_then_the_last_read(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    later = T0 + timedelta(seconds=1)
    land(
        tmp_path,
        [
            record("1", {"v": "new"}, at=later),
            record("1", {"v": "stale"}, at=T0),
            record("2", {"v": "first read"}),
            record("2", {"v": "last read"}),
        ],
    )
    assert take(con, tmp_path) == RawLoad(extracted=4, inserted=2, updated=2)
    assert {key: value[2] for key, value in current(con).items()} == {"1": '{"v":"new"}', "2": '{"v":"last read"}'}


def test_the_latest_sync_wins_even_with_an_older_source_time(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {"v": 1}, at=T0 + timedelta(days=1))])
    take(con, tmp_path)
    land(tmp_path, [record("1", {"v": 2}, at=T0)])
    take(con, tmp_path)
    assert current(con)["1"][2] == '{"v":2}'


def test_parts_are_taken_in_the_order_in_which_they_were_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for n in range(12):
        land(tmp_path, [record("1", {"v": n}), record("2", {"v": -n})], complete=n == 11)
    assert take(con, tmp_path) == RawLoad(extracted=24, inserted=2, updated=22)
    versions = con.execute('SELECT source_record_id, version, payload FROM raw."shop__orders" ORDER BY ALL').fetchall()
    assert versions == [(key, n + 1, f'{{"v":{sign * n}}}') for key, sign in (("1", 1), ("2", -1)) for n in range(12)]
    assert con.execute('SELECT count(DISTINCT raw_seq) FROM raw."shop__orders"').fetchall() == [(24,)]


def test_a_first_reading_keeps_the_order_of_arrival_and_what_comes_next_goes_on_from_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for part in range(5):
        numbers = range(part * 10, part * 10 + 10)
        land(tmp_path, [record(str(n), {}) for n in numbers], rejects=[Reject("x", "no ID", f"line {part}")], complete=part == 4)
    take(con, tmp_path)
    land(tmp_path, [record("other", {})], stream="refunds")
    take(con, tmp_path, stream="refunds")
    arrived = con.execute('SELECT source_record_id FROM raw."shop__orders" ORDER BY raw_seq').fetchall()
    assert arrived == [(str(n),) for n in range(50)]
    assert con.execute('SELECT count(DISTINCT raw_seq) FROM raw."shop__orders"').fetchall() == [(50,)]
    after = 'SELECT raw_seq > (SELECT max(raw_seq) FROM raw."shop__orders") FROM raw."shop__refunds"'
    assert con.execute(after).fetchall() == [(True,)]


def test_deletes_and_rejects_are_counted_and_kept(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {"v": 1})])
    take(con, tmp_path)
    land(tmp_path, [record("1", {}, op="delete"), record("1", {}, op="delete")], rejects=[Reject("junk", "no ID", "f.csv line 3")])
    assert take(con, tmp_path) == RawLoad(extracted=3, unchanged=1, deleted=1, quarantined=1)
    assert current(con)["1"] == (2, "delete", None)
    assert con.execute("SELECT place, reason, content FROM raw.reject").fetchall() == [("f.csv line 3", "no ID", "junk")]


def test_what_a_complete_snapshot_lacks_is_deleted_and_returns_when_it_is_back(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(tmp_path, [record("1", {}), record("2", {})], snapshot=True)
    take(con, tmp_path)
    land(tmp_path, [record("2", {})], snapshot=True, begins=True)
    assert take(con, tmp_path) == RawLoad(extracted=2, unchanged=1, deleted=1)
    assert current(con)["1"][1] == "delete"
    land(tmp_path, [record("1", {}), record("2", {})], snapshot=True, begins=True)
    assert take(con, tmp_path) == RawLoad(extracted=2, updated=1, unchanged=1)
    assert current(con)["1"][:2] == (3, "upsert")


def test_an_unfinished_reading_stays_out_until_it_is_complete(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {})], complete=False)
    assert take(con, tmp_path) is None
    land(tmp_path, [record("2", {})])
    assert take(con, tmp_path) == RawLoad(extracted=2, inserted=2)


def test_parts_that_a_crash_left_after_the_commit_are_not_taken_twice(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {})])
    take(con, tmp_path)
    assert take(con, tmp_path) is None
    commit(tmp_path, con)
    assert landed(tmp_path) == []


def test_parts_of_another_history_are_refused_and_nothing_moves(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land(tmp_path, [record("1", {})])
    take(con, tmp_path)
    commit(tmp_path, con)
    StreamLanding(tmp_path, "shop", "orders").committed({"from": "elsewhere"}, 1)
    land(tmp_path, [record("2", {})])
    before = raw.cursor(con, "shop", "orders")
    with pytest.raises(LineageError, match=r"shop/orders.*do not continue"):
        take(con, tmp_path)
    assert raw.cursor(con, "shop", "orders") == before
    assert set(current(con)) == {"1"}


def test_parts_of_a_landing_zone_that_was_lost_are_not_taken_for_those_that_were_taken_in(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    land(tmp_path, [record("1", {})])
    take(con, tmp_path)
    StreamLanding(tmp_path, "shop", "orders").discard()
    land(tmp_path, [record("1", {}), record("2", {})], checkpoint={"n": "later"})  # numbered from one again
    with pytest.raises(LineageError, match=r"shop/orders.*do not continue"):
        take(con, tmp_path)
    assert set(current(con)) == {"1"}


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from(["upsert", "delete"])), max_size=6),
        max_size=4,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_in_are_rows_accounted_for(tmp_path_factory: pytest.TempPathFactory, syncs: list[list[tuple[str, int, Any]]]) -> None:
    root, con = tmp_path_factory.mktemp("landing"), connect(None)
    migrate(con)
    totals = RawLoad()
    for sync in syncs:
        land(root, [record(id_, {} if op == "delete" else {"v": value}, op=op) for id_, value, op in sync])
        counts = take(con, root)
        assert counts is not None
        assert counts.extracted == len(sync)
        assert counts.extracted == counts.inserted + counts.updated + counts.unchanged + counts.deleted + counts.quarantined
        totals = RawLoad(
            inserted=totals.inserted + counts.inserted,
            updated=totals.updated + counts.updated,
            deleted=totals.deleted + counts.deleted,
        )
        # the current state is what applying the sync's last word per record gives; deleting what was never seen is no event
        for id_, value, op in {entry[0]: entry for entry in sync}.values():
            _, state, payload = current(con).get(id_, (0, "delete", None))
            assert (state, payload) == (op, None if op == "delete" else f'{{"v":{value}}}')
    if syncs:
        assert (
            con.execute('SELECT count(*) FROM raw."shop__orders"').fetchall()[0][0]
            == totals.inserted + totals.updated + totals.deleted
        )
    con.close()


def test_values_larger_than_what_duckdb_can_put_aside_are_taken_in_all_the_same(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.connection._FRUGAL", "24MB")
    noise = "".join(hashlib.blake2b(str(number).encode()).hexdigest() for number in range(8192))  # a megabyte, hardly compressible
    land(tmp_path, [record(str(number), {"v": f"{number}{noise}"}) for number in range(40)])
    assert take(con, tmp_path) == RawLoad(extracted=40, inserted=40)
    assert con.execute('SELECT count(*), min(length(payload)) FROM raw."shop__orders"').fetchall() == [(40, len(noise) + 9)]
    assert con.execute("SELECT count(*) FROM ops.raw_load").fetchall() == [(1,)]
