"""Publishing is refused without a verdict for exactly this candidate, is atomic, and keeps what readers have open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from hub.contract.errors import PublishRefusedError, WarehouseAccessError
from warehouse.connection import connect, published
from warehouse.differences import PublishedTable, content_digest
from warehouse.publish import kept_loads, live_attached, live_load, load_file, prune, publish
from warehouse.settings import WarehouseSettings

CUSTOMER = PublishedTable("golden", "customer", ("customer_id",))
CARRIED = PublishedTable("quality", "gate_decision", ("load_id",))
VIEW = ("golden", "CREATE OR REPLACE VIEW golden.names AS SELECT name FROM golden.customer ORDER BY name")


def candidate(con: duckdb.DuckDBPyConnection, rows: dict[str, str]) -> None:
    con.execute("CREATE OR REPLACE TABLE golden.customer (customer_id VARCHAR, name VARCHAR)")
    for row in rows.items():
        con.execute("INSERT INTO golden.customer VALUES (?, ?)", list(row))


def verdict(con: duckdb.DuckDBPyConnection, load_id: str, decision: str = "pass", digest: str | None = None) -> None:
    con.execute("CREATE TABLE IF NOT EXISTS quality.gate_decision (load_id VARCHAR, decision VARCHAR, content_digest VARCHAR)")
    con.execute(
        "INSERT INTO quality.gate_decision VALUES (?, ?, ?)",
        [load_id, decision, digest or content_digest(con, [CUSTOMER], load_id=load_id)],
    )


def put(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings, load_id: str) -> Path:
    publish(con, settings, load_id=load_id, judged=[CUSTOMER], carried=[CARRIED], views=[VIEW])
    return load_file(settings, load_id)


def seen(settings: WarehouseSettings) -> dict[str, str]:
    with published(settings) as con:
        return dict(con.execute("SELECT customer_id, name FROM golden.customer ORDER BY 1").fetchall())


def test_the_link_shows_the_newest_load_and_each_load_keeps_its_file(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    candidate(con, {"c1": "Ann", "c2": "Bob"})
    verdict(con, "L1")
    put(con, settings, "L1")
    assert (live_load(settings), seen(settings)) == ("L1", {"c1": "Ann", "c2": "Bob"})
    candidate(con, {"c1": "Anna", "c3": "Cy"})
    verdict(con, "L2")
    put(con, settings, "L2")
    assert (live_load(settings), seen(settings)) == ("L2", {"c1": "Anna", "c3": "Cy"})
    with connect(load_file(settings, "L1"), read_only=True) as old:
        assert old.execute("SELECT name FROM golden.names").fetchall() == [("Ann",), ("Bob",)]
    assert not list(settings.published.glob(".golden-*"))


def test_without_a_verdict_nothing_is_published(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "another load")
    with pytest.raises(PublishRefusedError, match="L1 has no verdict"):
        put(con, settings, "L1")
    assert live_load(settings) is None


def test_a_held_load_is_not_published_and_the_last_good_one_stays(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1")
    candidate(con, {})
    verdict(con, "L2", "hold")
    with pytest.raises(PublishRefusedError, match="the gate holds load L2"):
        put(con, settings, "L2")
    assert seen(settings) == {"c1": "Ann"}


def test_a_candidate_that_changed_after_the_verdict_is_refused(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    con.execute("UPDATE golden.customer SET name = 'Eve'")
    with pytest.raises(PublishRefusedError, match="changed after the gate judged it"):
        put(con, settings, "L1")
    assert live_load(settings) is None


def test_a_changed_schema_is_published_whole(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1")
    con.execute("ALTER TABLE golden.customer ADD COLUMN city VARCHAR")
    verdict(con, "L2")
    put(con, settings, "L2")
    with published(settings) as reader:
        assert reader.execute("SELECT * FROM golden.customer").fetchall() == [("c1", "Ann", None)]


READER = """
import duckdb, sys
con = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(con.execute("SELECT string_agg(name, ',' ORDER BY name) FROM golden.customer").fetchall()[0][0], flush=True)
"""


def test_an_open_session_answers_during_and_after_a_publish_and_a_new_one_sees_the_new_load(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1")
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(settings.golden)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask() -> str:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("?\n")
        reader.stdin.flush()
        return reader.stdout.readline().strip()

    try:
        assert ask() == "Ann"
        candidate(con, {"c1": "Bea"})
        verdict(con, "L2")
        put(con, settings, "L2")
        assert ask() == "Ann"
        # in the same process as another session, too: the link is resolved when a session opens
        with duckdb.connect(str(settings.golden), read_only=True) as fresh:
            assert fresh.execute("SELECT name FROM golden.customer").fetchall() == [("Bea",)]
        load_file(settings, "L1").unlink()
        assert ask() == "Ann"
    finally:
        reader.kill()
        reader.wait()


def test_old_loads_are_pruned_but_never_the_live_one(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> None:
    few = settings.model_copy(update={"keep_loads": 2})
    for number in range(4):
        candidate(con, {"c1": str(number)})
        verdict(con, f"L{number}")
        put(con, few, f"L{number}")
    assert prune(few) == ["L0", "L1"]
    assert kept_loads(few) == ["L2", "L3"]
    assert seen(few) == {"c1": "3"}


def test_a_target_that_cannot_be_written_leaves_the_last_good_load(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1")
    load_file(settings, "L2").mkdir()
    candidate(con, {"c1": "Bea"})
    verdict(con, "L2")
    with pytest.raises(WarehouseAccessError, match="the last good load stays") as caught:
        put(con, settings, "L2")
    assert "\n" not in str(caught.value)
    assert seen(settings) == {"c1": "Ann"}


def test_the_published_load_is_attached_read_only(con: duckdb.DuckDBPyConnection, settings: WarehouseSettings) -> None:
    with live_attached(con, settings) as live:
        assert live is None
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1")
    with live_attached(con, settings) as live:
        assert con.execute(f"SELECT name FROM {live}.golden.customer").fetchall() == [("Ann",)]
        with pytest.raises(duckdb.Error):
            con.execute(f"DELETE FROM {live}.golden.customer")


def test_a_published_load_that_is_gone_is_not_taken_for_a_first_load(
    con: duckdb.DuckDBPyConnection, settings: WarehouseSettings
) -> None:
    candidate(con, {"c1": "Ann"})
    verdict(con, "L1")
    put(con, settings, "L1").unlink()
    with pytest.raises(WarehouseAccessError, match="load L1 is gone"), live_attached(con, settings):
        pass
