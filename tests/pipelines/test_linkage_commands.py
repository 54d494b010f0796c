"""The commands that judge the linkage, and what its asset tells: models, charts, blocking."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sandbox import SandboxHandle
from hub.identity import explain
from pipelines.cli.explore import _print_explanation
from pipelines.model_metadata import model_metadata
from tests.hub.identity.helpers import load, record, stage, warehouse
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World
from warehouse.connection import writer


@pytest.fixture
def hub(synced: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(synced, capsys, monkeypatch)


def test_model_lists_versions_and_weights_and_draws_them(synced: World, hub: Shell, tmp_path: Path) -> None:
    version = synced.ask("SELECT model_version FROM identity.model")[0][0]
    found = hub.json("model", "--chart", str(tmp_path / "model.svg"))
    assert [card["version"] for card in found["versions"]] == [version]
    assert {level["comparison"] for level in found["shown"]["levels"]} >= {"name", "address", "email", "phone"}
    assert version in (tmp_path / "model.svg").read_text()
    _, out, _ = hub("model", version)
    for word in (version, "trained", "in use", "strangers", "household", "same address"):
        assert word in out
    code, _, err = hub("model", "other")
    assert (code, err) == (1, "error: there is no model other; hub model lists the versions\n")


def test_explain_draws_the_pair(synced: World, hub: Shell, tmp_path: Path) -> None:
    left, right = synced.ask("SELECT record_key_l, record_key_r FROM identity.match_edge ORDER BY ALL LIMIT 1")[0]
    code, out, _ = hub("explain", left, right, "--chart", str(tmp_path / "pair.png"))
    assert code == 0
    assert "posterior probability" in out
    assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = hub("explain", left, right, "--chart", str(tmp_path / "pair.txt"))
    assert (code, err.count("\n")) == (1, 1)


def test_explain_names_the_rule_that_keeps_two_records_apart_and_where_it_is_not_theirs_whose_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    con, line = warehouse(), {"given": "ann", "family": "lee", "phone": "4930123456"}
    born = {"a:c:1": "1951-05-22", "b:c:1": None, "a:c:2": "1984-11-03", "b:c:2": None}
    stage(con, [record(key, **line, email=f"ann{key[-1]}@mail.net", birth=birth) for key, birth in born.items()])
    load(con)
    _print_explanation(explain(con, "identity", "a:c:1", "a:c:2"))
    said = capsys.readouterr().out
    assert "never one customer: quite another birth date" in said
    assert "kept apart through" not in said
    _print_explanation(explain(con, "identity", "b:c:1", "b:c:2"))
    said = capsys.readouterr().out
    assert "never one customer" not in said
    assert "kept apart through a:c:1 and a:c:2: quite another birth date" in said


def test_blocking_is_analysed_while_somebody_writes_the_warehouse(synced: World, hub: Shell) -> None:
    with synced.hub() as opened, writer(opened.config.warehouse):
        found = hub.json("evaluate", "--blocking")
    assert found["pairs"] == synced.ask("SELECT candidate_pairs FROM identity.resolution_run")[0][0]
    assert {"name", "pairs", "only", "capped", "cost"} <= found["rules"][0].keys()
    assert found["recall"] is None


def test_blocking_is_measured_against_a_truth_file(hub: Shell, sandbox: SandboxHandle, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text(sandbox.truth())
    found = hub.json("evaluate", "--blocking", "--truth", str(tmp_path / "truth.csv"))
    assert 0.9 < found["recall"] <= 1
    assert sum(missed["pairs"] for missed in found["missed"]) == found["true_pairs"] - found["equal_keys"] - found["found"]
    _, out, _ = hub("evaluate", "--blocking", "--truth", str(tmp_path / "truth.csv"))
    for word in ("pairs per true", "email", "recall of blocking"):
        assert word in out


def test_evaluate_needs_a_truth_or_blocking(hub: Shell) -> None:
    code, _, err = hub("evaluate")
    assert (code, err) == (1, "error: field --truth: nothing to evaluate; give a truth file, or --blocking\n")


def test_the_asset_tells_the_weights_and_draws_a_new_model(synced: World) -> None:
    with synced.hub() as hub:
        told = model_metadata(hub, made=True)
        again = model_metadata(hub, made=False)
    assert told.keys() == {"match_weights", "match_weights_chart"}
    assert again.keys() == {"match_weights"}
    assert "| email | same address | +" in str(told["match_weights"].value)
    assert str(told["match_weights_chart"].value).startswith("![match weights](data:image/svg+xml;base64,")
    values = {v for row in synced.ask("SELECT email, family FROM identity.match_key") for v in row if v and len(v) > 5}
    assert values
    assert not any(f" {value} " in str(told["match_weights"].value) for value in values)
