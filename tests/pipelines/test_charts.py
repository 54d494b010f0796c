"""The pictures of the linkage: whole, small, the same each time, and nobody's values in them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from hub.contract.errors import ConfigError
from hub.identity import explain, model_card
from pipelines.charts import model_chart, pair_chart
from tests.hub.identity.helpers import load, record, stage, warehouse
from tests.pipelines.world import ROOT

ANN = {"given": "annabel", "family": "leeward"}
RECORDS = [record("a:c:1", **ANN, email="annabel@mail.net", phone="4930123456"), record("b:c:1", **ANN, email="other@post.net")]


@pytest.fixture
def resolved() -> duckdb.DuckDBPyConnection:
    con = warehouse()
    stage(con, RECORDS)
    load(con)
    return con


def words(path: Path) -> list[str]:
    """The text that an SVG shows."""
    return ["".join(node.itertext()).strip() for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_the_models_chart_names_every_level_and_stays_small(resolved: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    card = model_card(resolved, "identity")
    model_chart(card, tmp_path / "model.svg")
    shown = words(tmp_path / "model.svg")
    assert {w.level for w in card.levels} | {w.comparison for w in card.levels} <= set(shown)
    assert any(card.version in word for word in shown)
    assert (tmp_path / "model.svg").stat().st_size < 60_000
    assert not re.search(r"@import|url\(\s*['\"]?http|href=['\"]http", (tmp_path / "model.svg").read_text())


def test_a_pairs_chart_shows_what_adds_up_and_no_value(resolved: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    found = explain(resolved, "identity", "a:c:1", "b:c:1")
    pair_chart(found, tmp_path / "pair.svg")
    shown = words(tmp_path / "pair.svg")
    for comparison in found.comparisons:
        assert (f"{comparison.comparison}: {comparison.level}" in shown) == (comparison.m is not None)
        if comparison.m is not None:
            assert f"{comparison.weight:+.1f}" in shown
    assert f"{found.match_weight:+.1f}" in shown
    text = (tmp_path / "pair.svg").read_text()
    assert not any(value in text for value in ("annabel", "leeward", "mail.net", "4930123456"))


def test_the_same_model_gives_the_same_picture(resolved: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    card = model_card(resolved, "identity")
    for name in ("first.svg", "second.svg"):
        model_chart(card, tmp_path / name)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.pdf", b"%PDF"), ("X.SVG", b"<?xml")])
def test_the_files_name_gives_the_format(resolved: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, begins: bytes) -> None:
    model_chart(model_card(resolved, "identity"), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_file_that_cannot_be_drawn_is_refused_with_what_to_do(resolved: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    card = model_card(resolved, "identity")
    with pytest.raises(ConfigError, match=r"model\.docx is no picture"):
        model_chart(card, tmp_path / "model.docx")
    with pytest.raises(ConfigError, match="cannot write"):
        model_chart(card, tmp_path / "nowhere" / "model.svg")
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_imported_only_to_draw() -> None:
    asked = "import sys, pipelines.charts, pipelines.definitions, pipelines.cli; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
