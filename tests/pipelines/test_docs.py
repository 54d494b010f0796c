"""The documentation keeps up: every command and setting is described, every query of the analyst page runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from connectors.registry import connector_class, types
from expectations import CHECKS
from pipelines.cli.app import app
from tests.pipelines.world import ROOT

DOCS = {path.stem: path.read_text() for path in (ROOT / "docs").glob("*.md")} | {"README": (ROOT / "README.md").read_text()}


def indented_blocks(text: str) -> list[str]:
    return [
        re.sub(r"^    ", "", block, flags=re.MULTILINE).strip()
        for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    ]


def queries(page: str) -> list[str]:
    return [block for block in indented_blocks(DOCS[page]) if block.upper().startswith(("SELECT", "WITH"))]


COMPLAINTS = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", DOCS["contributor"])


def test_every_complaint_has_a_test_that_is_there() -> None:
    table = DOCS["contributor"].partition("## Complaints")[2]
    without = [line for line in table.splitlines() if line.startswith("| ") and "::test_" not in line]
    assert without == ["| complaint | test |"]
    missing = [(path, name) for path, name in COMPLAINTS if f"\ndef {name}(" not in (ROOT / path).read_text()]
    assert (missing, len(COMPLAINTS) > 20) == ([], True)
    own = ("tests/hub/golden/test_complaints.py", "tests/hub/identity/test_complaints.py")
    unlisted = [
        (p, n) for p in own for n in re.findall(r"^def (test_\w+)", (ROOT / p).read_text(), re.M) if (p, n) not in COMPLAINTS
    ]
    assert unlisted == []


def test_every_danger_that_is_guarded_against_has_a_test_that_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", DOCS["security"])
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]
    assert (missing, len(named) > 20) == ([], True)


QUERIES = [*queries("analyst"), *queries("questions")]


def test_the_pages_for_analysts_have_queries_to_test() -> None:
    assert len(queries("analyst")) >= 2
    assert len(queries("questions")) >= 15


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_pages_for_analysts_runs(first_day: Path, query: str) -> None:
    with duckdb.connect(str(first_day / "data" / "golden.duckdb"), read_only=True) as con:
        con.execute(query).fetchall()


def asked() -> list[tuple[str, str]]:
    """The questions of the page with their SQL; those that may have an empty answer are left out."""
    found = []
    for part in re.split(r"\n(?=\S)", DOCS["questions"]):
        question, _, sql = part.partition("\n\n")
        blocks = indented_blocks(sql + "\n")
        if blocks and "*May be empty.*" not in question:
            found.append((question.splitlines()[0], blocks[0]))
    return found


@pytest.mark.parametrize(("question", "query"), asked(), ids=[question[:40] for question, _ in asked()])
def test_a_question_has_an_answer_unless_it_says_otherwise(first_day: Path, question: str, query: str) -> None:
    with duckdb.connect(str(first_day / "data" / "golden.duckdb"), read_only=True) as con:
        assert con.execute(query).fetchall(), question


def test_most_questions_are_asked() -> None:
    assert len(asked()) >= 15


def test_every_table_the_analyst_page_names_is_published(first_day: Path) -> None:
    with duckdb.connect(str(first_day / "data" / "golden.duckdb"), read_only=True) as con:
        there = {f"{s}.{t}" for s, t in con.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()}
        macros = "SELECT schema_name || '.' || function_name FROM duckdb_functions() WHERE function_type = 'table_macro'"
        there |= {name for (name,) in con.execute(macros).fetchall()}
    named = set(re.findall(r"\b((?:golden|identity|quality|ops)\.[a-z_0-9]+)\b", DOCS["analyst"])) - {"golden.duckdb"}
    assert {name for name in named if name.count(".") == 1 and name not in there} <= {
        "identity.customer_registry.current_customer_id"
    }


def commands() -> list[str]:
    return sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_and_is_documented(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output) > 100
    assert any(f"hub {command}" in text for text in DOCS.values()), command


def test_every_command_the_docs_name_exists() -> None:
    named = {name for text in DOCS.values() for name in re.findall(r"(?:`|^    (?:\.venv/bin/)?)hub ([a-z]+)", text, re.MULTILINE)}
    assert named <= set(commands())


def documented_lines() -> list[str]:
    """Every `hub ...` line of an indented block, without its comment."""
    lines = [line for text in DOCS.values() for block in indented_blocks(text) for line in block.splitlines()]
    plain = (line.split("  #")[0].strip().removeprefix(".venv/bin/") for line in lines)
    return sorted({line for line in plain if line.startswith("hub ")})


@pytest.mark.parametrize("line", documented_lines())
def test_every_command_line_of_the_docs_is_understood(line: str) -> None:
    # options are parsed before --help answers
    shown = CliRunner().invoke(app, [*shlex.split(line)[1:], "--help"])
    assert shown.exit_code == 0, shown.output


def test_every_setting_of_every_source_is_documented() -> None:
    page = DOCS["sources"]
    for type_name in types():
        for name, field in connector_class(type_name).Settings.model_fields.items():
            if name not in ("type", "root") and not field.exclude:
                assert f"`{name}`" in page, f"{type_name}.{name}"


def test_every_check_of_the_gate_is_in_the_runbook() -> None:
    page = DOCS["ops"].replace("`record_*`", "`record_placed` `record_once` `record_known`")
    page = page.replace("`key_unique`", "`key_unique` `key_present`")
    assert [check.check_id for check in CHECKS if f"`{check.check_id}`" not in page] == []


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in DOCS.items():
        folder = ROOT if name == "README" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (folder / target).exists(), f"{name}: {target}"
