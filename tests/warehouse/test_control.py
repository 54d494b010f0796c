"""The control store behaves alike on SQLite and PostgreSQL."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from tests.servers import POSTGRES, demand
from warehouse import control_tables as t
from warehouse.control import ControlStore, utcnow
from warehouse.copies import copy_control

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - stores keep UTC without zone


def test_processes_that_find_no_store_make_it_together(tmp_path: Path) -> None:
    """As the readers of a first sync do."""
    code = (
        "import sys, time; from warehouse.control import ControlStore; print(flush=True); sys.stdin.readline();"
        " [ControlStore(f'{sys.argv[1]}/{n}.db').close() for n in range(8)]"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipe = subprocess.PIPE
    readers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for reader in readers:
        assert reader.stdout is not None
        reader.stdout.readline()
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
    assert [reader.communicate(timeout=120)[1] for reader in readers] == [""] * 4
    store = ControlStore(str(tmp_path / "0.db"), prepare=False)
    assert store.missing() == []
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ControlStore]:
    if request.param == "sqlite":
        made = ControlStore(str(tmp_path / "control.db"))
        yield made
        made.close()
        return
    url = demand(POSTGRES)
    schema = f"hub_{secrets.token_hex(4)}"
    admin = sa.create_engine(url)
    with admin.begin() as con:
        con.execute(sa.text(f"CREATE SCHEMA {schema}"))
    made = ControlStore(f"{url}?options=-csearch_path%3D{schema}")
    try:
        yield made
    finally:
        made.close()
        with admin.begin() as con:
            con.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


def sync(run: str, source: str = "shop", stream: str = "orders", **more: Any) -> dict[str, Any]:
    return {
        "sync_run_id": run,
        "source_system": source,
        "stream": stream,
        "status": "succeeded",
        "started_at": NOW,
        "ended_at": NOW,
    } | more


def test_putting_a_row_again_replaces_what_is_named_and_keeps_the_rest(store: ControlStore) -> None:
    store.put(t.sync_run, [sync("r1", api_calls=5, status="running", ended_at=None)])
    store.put(t.sync_run, [sync("r1", rows_inserted=3)])
    row = store.rows(sa.select(t.sync_run))[0]
    assert (row["status"], row["api_calls"], row["rows_inserted"], row["ended_at"]) == ("succeeded", 5, 3, NOW)


def test_adding_a_row_that_is_there_leaves_it(store: ControlStore) -> None:
    store.add(t.sync_run, [sync("r1")])
    store.add(t.sync_run, [sync("r1", status="failed"), sync("r2")])
    assert [row["status"] for row in store.rows(sa.select(t.sync_run))] == ["succeeded", "succeeded"]


def test_a_secret_is_made_once_even_by_many_at_a_time(store: ControlStore) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(store.secret("id_secret"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert store.secret("another") != found[0]


def test_the_last_sync_of_each_stream_comes_with_the_last_that_succeeded(store: ControlStore) -> None:
    store.put(t.sync_run, [sync("r1")])
    store.put(t.sync_run, [sync("r2", status="failed", ended_at=NOW + timedelta(hours=1))])
    store.put(t.sync_run, [sync("r3", status="running", ended_at=None, started_at=NOW + timedelta(hours=2))])
    store.put(t.sync_run, [sync("r4", stream="customers", status="failed")])
    found = {row["stream"]: (row["sync_run_id"], row["succeeded_at"]) for row in store.last_syncs()}
    assert found == {"orders": ("r2", NOW), "customers": ("r4", None)}


def test_the_warehouse_gets_exact_copies(store: ControlStore, con: duckdb.DuckDBPyConnection) -> None:
    copy_control(con, store)
    assert con.execute("SELECT count(*) FROM ops.sync_run").fetchall() == [(0,)]
    store.put(t.sync_run, [sync("r1", rows_inserted=3, error="ein Fehler, möglichst mit Umlaut")])
    store.put(
        t.reconciliation,
        [
            {
                "load_id": "L1",
                "source_system": "shop",
                "measure": "customer_order.gross_amount",
                "currency": "GBP",
                "source_value": "10000000000000.01",
                "golden_value": "10000000000000.00",
                "difference": "-0.01",
            }
        ],
    )
    copy_control(con, store)
    assert con.execute("SELECT ended_at, rows_inserted, error, dagster_run_id FROM ops.sync_run").fetchall() == [
        (NOW, 3, "ein Fehler, möglichst mit Umlaut", None)
    ]
    assert con.execute("SELECT difference::VARCHAR, source_value::VARCHAR FROM quality.reconciliation").fetchall() == [
        ("-0.010000", "10000000000000.010000")
    ]


def test_a_store_that_cannot_be_reached_is_an_error_of_one_line_without_its_password() -> None:
    with pytest.raises(WarehouseAccessError, match="cannot use the control store") as caught:
        ControlStore("postgresql+psycopg://hub:very-secret@127.0.0.1:9/none?connect_timeout=2")
    assert "very-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_store_of_an_older_version_gets_the_columns_that_came_later(store: ControlStore, con: duckdb.DuckDBPyConnection) -> None:
    row = {"task_id": "t1", "kind": "near_miss", "status": "open", "created_at": NOW}
    store.put(t.review_task, [row])
    with store._engine.begin() as older:
        older.exec_driver_sql("ALTER TABLE review_task DROP COLUMN worth")
    again = ControlStore(store._engine.url.render_as_string(hide_password=False))
    again.put(t.review_task, [row | {"worth": 2.5}])
    assert [(found["task_id"], found["worth"]) for found in again.rows(sa.select(t.review_task))] == [("t1", 2.5)]
    again.close()


def test_a_moment_is_after_all_that_ended_whatever_the_clock_says(store: ControlStore) -> None:
    now = utcnow()
    assert now <= store.moment() <= utcnow()
    future = now + timedelta(days=2)
    load = {"status": "published", "input_digest": "x", "records": 1, "customers": 1}
    store.put(t.load_batch, [{"load_id": "L1", **load, "started_at": future, "ended_at": future}])
    assert store.moment() == future + timedelta(seconds=1)
    sync = {"sync_run_id": "s", "source_system": "shop", "stream": "orders", "mode": "full", "status": "succeeded"}
    store.put(t.sync_run, [{**sync, "started_at": store.moment(), "ended_at": store.moment()}])
    assert store.moment() == future + timedelta(seconds=2)
