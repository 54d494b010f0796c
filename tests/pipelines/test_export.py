"""Export: one load, whole or not at all, readable by anyone, and nobody's formula."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

import pipelines.export as under_test
from hub.contract.errors import ConfigError, HubError, NotFoundError, WarehouseAccessError
from pipelines.cli import main
from pipelines.export import ExportOptions, export
from tests.pipelines.world import World, sandbox_config
from warehouse.connection import writer
from warehouse.control_tables import audit_log

NOW = datetime(2026, 6, 1)  # noqa: DTZ001 - stores keep UTC without zone


@pytest.fixture(scope="module")
def world(first_day: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub after its first sync; its sources are never asked."""
    root = tmp_path_factory.mktemp("export")
    shutil.copytree(first_day / "data", root / "data", symlinks=True)
    return World(root, sandbox_config("http://127.0.0.1:1"))


def run(world: World, folder: Path, **options: Any) -> dict[str, Any]:
    with world.hub() as hub:
        return export(hub, ExportOptions(folder, **options), actor="ann", now=NOW)


def test_every_golden_table_comes_out_as_it_is_published(world: World, tmp_path: Path) -> None:
    manifest = run(world, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest
    tables = {row[0] for row in world.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'golden'")}
    assert {file["table"] for file in manifest["tables"]} == {f"golden.{name}" for name in tables}
    for file in manifest["tables"]:
        content = (tmp_path / "out" / file["file"]).read_bytes()
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        there = duckdb.sql(f"FROM '{tmp_path}/out/{file['file']}'")
        assert (len(there), there.columns) == (file["rows"], [column["name"] for column in file["columns"]])
        differing = f"(FROM {file['table']} EXCEPT ALL FROM '{tmp_path}/out/{file['file']}')"
        assert world.ask(f"SELECT count(*) FROM {differing}") == [(0,)], file["table"]
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_same_load_gives_the_same_bytes(world: World, tmp_path: Path, form: str) -> None:
    assert run(world, tmp_path / "a", format=form) == run(world, tmp_path / "b", format=form)


def test_csv_is_what_any_program_reads(world: World, tmp_path: Path) -> None:
    run(world, tmp_path / "out", format="csv", tables=("customer", "customer_360"))
    raw = (tmp_path / "out" / "customer.csv").read_bytes()
    assert raw.decode("utf-8").count("\r\n") == raw.count(b"\n")
    with (tmp_path / "out" / "customer.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    golden = world.ask("SELECT customer_id, full_name, source_systems, first_seen_at FROM golden.customer ORDER BY customer_id")
    assert [(row["customer_id"], row["full_name"] or None, json.loads(row["source_systems"])) for row in rows] == [
        row[:3] for row in golden
    ]
    seen = next(row[3] for row in golden if row[3])
    assert f"{seen:%Y-%m-%dT%H:%M:%S.%fZ}" in {row["first_seen_at"] for row in rows}
    with (tmp_path / "out" / "customer_360.csv").open(encoding="utf-8", newline="") as file:
        assert all(json.loads(row["order_net_by_currency"] or "{}") is not None for row in csv.DictReader(file))


def test_no_cell_of_a_safe_csv_begins_a_formula(world: World, tmp_path: Path) -> None:
    run(world, tmp_path / "plain", format="csv", tables=("customer",))
    run(world, tmp_path / "safe", format="csv", tables=("customer",), safe_csv=True)

    def phones(name: str) -> list[str]:
        with (tmp_path / name / "customer.csv").open(encoding="utf-8", newline="") as file:
            return [row["phone_e164"] for row in csv.DictReader(file) if row["phone_e164"]]

    assert phones("plain")
    assert phones("safe") == [f"'{phone}" for phone in phones("plain")]
    with (tmp_path / "safe" / "customer.csv").open(encoding="utf-8", newline="") as file:
        assert [cell for row in csv.reader(file) for cell in row if cell[:1] in tuple("=+-@\t\r")] == []
    with pytest.raises(ConfigError, match="add --format csv"):
        run(world, tmp_path / "never", safe_csv=True)


def test_no_beginning_of_a_formula_is_forgotten() -> None:
    begins = ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"]
    fine = ["a=1", "'=1", " ", "", "1-2"]
    picked = under_test._picked("v", "VARCHAR", ExportOptions(Path("x"), "csv", safe_csv=True))
    found = duckdb.execute(f"SELECT {picked} FROM (SELECT unnest($values) AS v)", {"values": [*begins, *fine]}).fetchall()
    assert [value for (value,) in found] == [*(f"'{value}" for value in begins), *fine]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tables": ("custmer",)}, "there is no table golden.custmer; did you mean 'customer'?"),
        ({"schema": "gold"}, "there is no schema 'gold' to export; did you mean 'golden'?"),
        ({"tables": ("secret",), "schema": "ops"}, "there is no table ops.secret; there are audit_log"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(world: World, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(NotFoundError) as error:
        run(world, tmp_path / "out", **options)
    assert said in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(world: World, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty; name a new one"):
        run(world, tmp_path / "out")
    with pytest.raises(ConfigError, match="is not a folder"):
        run(world, tmp_path / "out" / "mine.txt")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").unlink()
    assert run(world, tmp_path / "out", tables=("lead",))["tables"]


def test_an_export_that_fails_leaves_nothing_behind(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(under_test.hashlib, "file_digest", full)
    with pytest.raises(WarehouseAccessError, match="nothing was exported"):
        run(world, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(HubError):
        run(world, tmp_path / "file" / "out")


def test_the_command_works_while_somebody_writes_and_is_audited(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)
    arguments = ["export", str(tmp_path / "out"), "--format", "csv", "--tables", "customer, ticket", "--by", "ann", "--json"]
    monkeypatch.setattr(sys, "argv", ["hub", *arguments])
    with world.hub() as hub, writer(hub.config.warehouse):
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        manifest = json.loads(capsys.readouterr().out)
        noted = hub.control.rows(sa.select(audit_log).where(audit_log.c.action == "export"))
    assert [file["file"] for file in manifest["tables"]] == ["customer.csv", "ticket.csv"]
    entry = next(row for row in noted if str(tmp_path) in row["detail"])
    assert (entry["actor"], entry["subject"], entry["is_automatic"]) == ("ann", manifest["load_id"], False)
    assert json.loads(entry["detail"])["tables"] == {file["table"]: file["rows"] for file in manifest["tables"]}
