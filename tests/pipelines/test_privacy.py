"""Privacy on the command line: consent as files tell it, and people whom nobody contacts whatever they once agreed to."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.privacy.requests import due
from pipelines.privacy.scanning import _CHUNK, _in_files, scan, scan_target
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.world import Command, World
from tests.warehouse.targets.kit import LIVE, target_database
from warehouse import privacy_tables as t
from warehouse.connection import writer

FIELDS = {"full_name": "name", "email": "email", "phone": "phone"}
CONSENT = {"email": {"column": "news", "at": "since", "means": {"ja": "granted"}}, "sms": "texts"}
ANN = ("1", "Ann Lee", "ann.lee@mail.net", "020 7946 0001", "ja", "2026-01-02", "yes")
PEOPLE = {
    "crm": [ANN, ("2", "Igor Wolkow", "igor@own.example", "020 7946 0008", "ja", "2026-01-02", "perhaps")],
    "shop": [
        ("7", "Ann Lee", "ann.lee@mail.net", "020 7946 0001", "no", "2025-12-01", ""),
        ("9", "Leila Haddad", "leila@own.example", "", "no", "", ""),
    ],
}
FLAGS = "SELECT full_name, can_email, can_sms, can_call FROM golden.customer ORDER BY ALL"
AGREED = [("Ann Lee", True, True, False), ("Igor Wolkow", True, False, False), ("Leila Haddad", False, False, False)]
WHY = ("--reason", "letter 17")


def configure(root: Path) -> World:
    def contacts(name: str) -> dict[str, Any]:
        return {"path": f"in/{name}.csv", "kind": "party", "id": "id", "fields": FIELDS, "consent": CONSENT}

    sources = {name: {"type": "files", "country": "GB", "streams": {"contacts": contacts(name)}} for name in PEOPLE}
    return World(root, {"sources": sources, "gate": {"max_id_churn": 0.9}})


def export(root: Path, name: str, rows: list[tuple[str, ...]]) -> None:
    (root / "in").mkdir(exist_ok=True)
    with open(root / "in" / f"{name}.csv", "w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([("id", "name", "email", "phone", "news", "since", "texts"), *rows])


def first_load(root: Path) -> None:
    for name, rows in PEOPLE.items():
        export(root, name, rows)
    assert configure(root).sync().action == "published"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    copy_of(built_once(tmp_path_factory, "privacy", first_load), tmp_path)
    return configure(tmp_path)


def test_whoever_asks_to_be_left_alone_is_and_the_list_names_nobody(world: World, hub: Command) -> None:
    assert world.ask(FLAGS) == AGREED  # the newer word counts, and a word that nobody knows is no yes
    made = hub("privacy", "suppress", "ann.lee@mail.net", *WHY, "--received", "2026-01-31", "--by", "ada")
    (listed,) = hub("privacy", "list")
    request = made["request"]["request_id"]
    assert (listed["request_id"], listed["status"], listed["due_at"]) == (request, "open", "2026-02-28T00:00:00Z")
    assert world.sync().action == "published"
    assert world.ask(FLAGS) == [("Ann Lee", False, False, False), *AGREED[1:]]
    assert hub("privacy", "list") == []
    with world.hub() as opened:
        (row,) = opened.control.rows(sa.select(t.privacy_request))
        assert row["status"] == "done"
        assert row["done_load_id"] == world.ask("SELECT max(load_id) FROM ops.load_batch")[0][0]
    # a word that is newer still, at a source, changes nothing; taken back, consent alone counts
    export(world.root, "crm", [(*ANN[:5], "2026-03-01", "yes"), PEOPLE["crm"][1]])
    assert world.sync().action == "published"
    assert world.ask(FLAGS)[0] == ("Ann Lee", False, False, False)
    assert hub("privacy", "lift", request, "--reason", "she wrote again", "--by", "ada")["identifiers"] == 2
    assert world.sync().action == "published"
    assert world.ask(FLAGS) == AGREED
    known = b"".join(file.read_bytes() for file in (world.root / "data").glob("control.db*"))
    for word in (b"ann.lee", b"+442079460001", b"7946 0001"):
        assert word not in known
    acts = world.ask("SELECT action, actor FROM ops.audit_log WHERE action LIKE 'privacy%' ORDER BY acted_at")
    assert acts == [("privacy_suppress", "ada"), ("privacy_lift", "ada")]


def test_access_hands_over_every_value_with_its_source_and_nobody_elses(world: World, hub: Command) -> None:
    export(world.root, "crm", [(*ANN[:2], "ann@new.example", *ANN[3:]), PEOPLE["crm"][1]])
    assert world.sync().action == "published"
    made = hub("privacy", "access", "crm:contacts:1", "--to", "for-ann", *WHY)
    told, page = (Path(name) for name in made["files"])
    assert told.stat().st_mode & 0o077 == 0
    package = json.loads(told.read_text())
    assert {(r["source"], r["id"], r["version"]): r["payload"]["email"] for r in package["records"]} == {
        ("crm", "1", 1): "ann.lee@mail.net",
        ("crm", "1", 2): "ann@new.example",
        ("shop", "7", 1): "ann.lee@mail.net",
    }
    tables = {table["name"]: table for table in package["tables"]}
    assert {"golden.customer", "golden.customer_attribute", "golden.consent", "golden.customer_history"} <= set(tables)
    assert all(table["use"] for table in tables.values())
    shown = page.read_text()
    for text in (told.read_text(), shown):
        assert "ann@new.example" in text
        assert "igor@own.example" not in text
        assert "Haddad" not in text
    assert not re.search(r"(src|href|url)\s*[=(]|<script|@import", shown)
    (request,) = hub("privacy", "list", "--all")
    assert (request["kind"], request["status"], request["subject_ref"]) == ("access", "done", package["customer_id"])


def test_a_page_shows_what_sources_sent_and_runs_none_of_it(world: World, hub: Command) -> None:
    export(world.root, "crm", [("1", "<script>alert(1)</script>", *ANN[2:]), PEOPLE["crm"][1]])
    assert world.sync().action == "published"
    page = Path(hub("privacy", "access", "crm:contacts:1", "--to", "for-ann", *WHY)["files"][1]).read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_a_scan_finds_what_lies_in_any_store_and_nothing_where_there_is_nothing(world: World) -> None:
    word, upper = "quillfeather", "xx Quillfeather yy"
    landing = world.root / "data" / "landing" / "crm" / "contacts"
    landing.mkdir(parents=True, exist_ok=True)
    with world.hub() as opened:
        assert scan(opened, [word, "someone@nowhere.example"]) == []
        opened.control.audit("noted", upper, actor="me")
        pq.write_table(pa.table({"payload": [upper, None], "n": [1, 2]}), landing / "part-00000009.parquet")
        (world.root / "data" / "gate").mkdir(exist_ok=True)
        (world.root / "data" / "gate" / "note.html").write_bytes(b"x" * (_CHUNK - 5) + upper.encode())
        with writer(opened.config.warehouse) as con:
            con.execute("CREATE TABLE ops.kept AS SELECT [{'a': 'Quillfeather'}] AS told, 1 AS n")
        hits = {(hit.place, hit.where.rpartition("/")[2], hit.rows) for hit in scan(opened, [word])}
        stored = {hit for hit in hits if hit[1].startswith("control.db")}  # or beside it, until SQLite puts it in
        assert stored
        assert hits - stored == {
            ("working", "ops.kept.told", 1),
            ("landing", "part-00000009.parquet.payload", 1),
            ("control", "audit_log.subject", 1),
            ("file", "note.html", 1),
        }
        found = {hit.where for hit in scan(opened, ["ann.lee@mail.net"]) if hit.place.startswith("load ")}
    assert {"golden.customer.email", "golden.customer_history.snapshot", "golden.consent.identifier"} <= found


@pytest.mark.parametrize("system", LIVE)
def test_a_scan_looks_into_every_text_column_of_a_target(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with target_database(system, monkeypatch) as db:
        schema = "SCHEMA" if system == "postgres" else "DATABASE"
        db.run(f"CREATE {schema} {db.place('golden')}", f"CREATE {schema} {db.place('ops')}")
        db.run(
            "CREATE TABLE {golden.customer} (n INTEGER, told VARCHAR(80), data JSON)", "CREATE TABLE {ops.audit_log} (note TEXT)"
        )
        db.run("""INSERT INTO {golden.customer} VALUES (1, 'xQUILLfeather', '["50% Quillfeather"]'), (2, 'Quill', NULL)""")
        db.run("INSERT INTO {ops.audit_log} VALUES ('quillfeather'), ('quillfeather')")
        found = {(hit.where.removeprefix(db.prefix), hit.rows) for hit in scan_target(db.settings, ["quillfeather"])}
        assert found == {("golden.customer.told", 1), ("golden.customer.data", 1), ("ops.audit_log.note", 2)}
        assert scan_target(db.settings, ["quill%feather", "nobody at all"]) == []


def test_mistakes_are_named_in_one_line(hub: Command, world: World) -> None:
    for command, said in (
        (("suppress", "nobody@mail.net", *WHY), "no customer is known"),
        (("suppress", "crm:contacts:1", *WHY, "--received", "2999-01-01"), "yet to come"),
        (("lift", "p_1", *WHY), "no request p_1 suppresses anybody"),
    ):
        assert said in hub("privacy", *command, fails=True)


@pytest.mark.parametrize(
    ("received", "month_later"),
    [
        ((2026, 1, 31), (2026, 2, 28)),
        ((2027, 12, 15), (2028, 1, 15)),
        ((2028, 1, 30), (2028, 2, 29)),
        ((2026, 11, 1), (2026, 12, 1)),
    ],
)
def test_a_request_is_due_a_month_after_it_was_received(received: tuple[int, int, int], month_later: tuple[int, int, int]) -> None:
    assert due(datetime(*received)) == datetime(*month_later)  # noqa: DTZ001 - stores keep UTC without zone


def test_a_file_is_looked_through_without_regard_to_case_in_any_script(tmp_path: Path) -> None:
    for name, content in {"log": "for MÜLLER-LÜDENSCHEIDT", "packed": "MÜLLER-LÜDENSCHEIDT", "other": "Muller"}.items():
        (tmp_path / name).write_bytes(b"\xe2\xc3" + content.encode() + b"\xff\x00")
    assert [Path(hit.where).name for hit in _in_files([tmp_path], ["müller-lüdenscheidt"])] == ["log", "packed"]
