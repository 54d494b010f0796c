"""One writer at a time, and whoever is in the way is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from hub.contract.errors import NotFoundError, WarehouseAccessError, WarehouseBusyError
from warehouse.connection import connect, frugal, published, unordered, writer
from warehouse.migrations import VERSION
from warehouse.settings import WarehouseSettings

HOLD = """
import sys, time
from pathlib import Path
from warehouse.connection import writer
from warehouse.settings import WarehouseSettings
with writer(WarehouseSettings().resolved(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(root: Path, script: str = HOLD) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_told_who_holds_the_warehouse(settings: WarehouseSettings, tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with (
            pytest.raises(WarehouseBusyError, match=rf"being written by process {process.pid} on .*waited") as caught,
            writer(settings),
        ):
            pass
        assert "\n" not in str(caught.value)
    finally:
        process.kill()
        process.wait()


def test_a_killed_writer_blocks_nobody(settings: WarehouseSettings, tmp_path: Path) -> None:
    process = holder(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with writer(settings) as con:
        assert con.execute("SELECT version FROM ops.schema_version").fetchall() == [(VERSION,)]


def test_a_foreign_process_that_has_the_file_open_is_named(settings: WarehouseSettings) -> None:
    with writer(settings):
        pass
    script = f"import duckdb, time; c = duckdb.connect({str(settings.path)!r}); print('open', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(WarehouseBusyError, match=rf"open in process {process.pid}"), writer(settings):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_writer_waits_for_its_turn(tmp_path: Path) -> None:
    process = holder(tmp_path)
    killer = subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({process.pid}, 9)"])
    with writer(WarehouseSettings(lock_timeout_seconds=30).resolved(tmp_path)) as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]
    process.wait()
    killer.wait()


BUILD = """
import sys, time
from pathlib import Path
from warehouse.connection import writer
from warehouse.settings import WarehouseSettings
with writer(WarehouseSettings().resolved(Path(sys.argv[1]))):
    print("held", flush=True)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        pass
"""


def test_a_writer_that_gets_on_is_waited_for_however_long_it_takes(
    settings: WarehouseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("warehouse.locks._SILENT_SECONDS", 0.0)
    process = holder(tmp_path, BUILD)
    with writer(settings.model_copy(update={"lock_timeout_seconds": 2.0})) as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]
    assert process.wait() == 0
    (line,) = caplog.messages
    assert f"waiting for process {process.pid} on " in line


def test_a_file_that_is_no_warehouse_is_an_error_of_one_line(settings: WarehouseSettings) -> None:
    settings.path.parent.mkdir(parents=True)
    settings.path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(WarehouseAccessError, match=r"cannot open .*hub\.duckdb") as caught, writer(settings):
        pass
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with (
        pytest.raises(WarehouseAccessError, match="cannot write beside the warehouse"),
        writer(WarehouseSettings().resolved(tmp_path)),
    ):
        pass


def test_a_warehouse_of_a_newer_version_is_refused(settings: WarehouseSettings) -> None:
    with writer(settings) as con:
        con.execute("UPDATE ops.schema_version SET version = 99")
    with pytest.raises(WarehouseAccessError, match="schema version 99"), writer(settings):
        pass


def test_reading_before_anything_is_published_says_what_to_do(settings: WarehouseSettings) -> None:
    with pytest.raises(NotFoundError, match="run hub sync first"), published(settings):
        pass


def test_no_extension_is_ever_installed_at_run_time() -> None:
    with connect(None) as con:
        settings = dict(
            con.execute("SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'").fetchall()
        )
        assert settings == {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        with pytest.raises(duckdb.Error):
            con.execute("SELECT * FROM sqlite_scan('x', 'y')")


@pytest.mark.parametrize(("limit", "meanwhile"), [(None, 160_000_000), ("2GB", 160_000_000), ("120MB", 120_000_000)])
def test_memory_is_spared_for_a_while_and_then_as_it_was(settings: WarehouseSettings, limit: str | None, meanwhile: int) -> None:
    with writer(settings.model_copy(update={"memory_limit": limit})) as con:

        def allowed() -> int:
            return int(con.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()[0][0])

        before = allowed()
        for _ in range(3):
            with frugal(con):
                assert 0.99 * meanwhile < allowed() <= meanwhile
            assert allowed() == before
        with pytest.raises(duckdb.BinderException), frugal(con):
            con.execute("SELECT nothing")
        assert allowed() == before


def test_the_order_of_rows_is_left_open_for_a_while_and_then_kept_as_before(settings: WarehouseSettings) -> None:
    with writer(settings) as con:

        def kept() -> str:
            return str(con.execute("SELECT current_setting('preserve_insertion_order')").fetchall()[0][0])

        with unordered(con):
            assert kept() == "False"
        with pytest.raises(duckdb.BinderException), unordered(con):
            con.execute("SELECT nothing")
        assert kept() == "True"
