"""Metrics: text that a strict reader of OpenMetrics takes, true to the stores, told while a sync writes, written whole."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from pipelines.openmetrics import Gauge, exposition
from tests.pipelines.days import Days, copied, second_day
from tests.pipelines.test_cli import Shell
from warehouse.connection import writer

Labels = tuple[tuple[str, str], ...]
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
_UNESCAPED = {r"\\": "\\", r"\n": "\n", r"\"": '"'}


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    """What a strict reader of OpenMetrics 1.0 makes of it: families in one piece, metadata before samples, no sample twice."""
    assert text.endswith("# EOF\n")
    found: dict[str, dict[Labels, float]] = {}
    family, said, sampled = "", set[str](), False
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# "):
            _, keyword, name, value = line.split(" ", 3)
            if name != family:
                assert name not in found, "a family comes in one piece"
                family, said, sampled = name, set(), False
                found[name] = {}
            assert not sampled, "metadata come before samples"
            assert keyword in {"TYPE", "UNIT", "HELP"} - said
            said.add(keyword)
            assert keyword != "TYPE" or value == "gauge"
            assert keyword != "UNIT" or name.endswith(f"_{value}")
            continue
        match = _SAMPLE.fullmatch(line)
        assert match is not None, line
        name, inner, number = match.groups()
        assert name == family, "samples follow their family's metadata"
        sampled = True
        labels = _LABEL.findall(inner or "")
        assert ",".join(f'{key}="{value}"' for key, value in labels) == (inner or ""), line
        key = tuple((name, re.sub(r"\\.", lambda m: _UNESCAPED[m.group()], value)) for name, value in labels)
        assert key not in found[family], "no sample comes twice"
        found[family][key] = float(number)
    return found


@pytest.fixture
def days(settled_days: Path, tmp_path: Path) -> Days:
    return copied(settled_days, tmp_path)


@pytest.fixture
def shell(days: Days, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(days.world, capsys, monkeypatch)


def test_labels_numbers_and_units_are_written_as_the_format_says() -> None:
    odd = Gauge("hub_odd", 'a "quoted" \\ help\nof two lines', "seconds")
    values = {"plain": 1.0, 'quote " back \\ line \n': 0.1, "large": 12345678901234.0, "none": None, "inf": math.inf}
    for label, value in values.items():
        odd.set(value, what=label)
    odd.set(math.nan)
    text = exposition([odd, Gauge("hub_silent", "has no samples")])
    assert text.splitlines()[:3] == [
        "# TYPE hub_odd_seconds gauge",
        "# UNIT hub_odd_seconds seconds",
        '# HELP hub_odd_seconds a \\"quoted\\" \\\\ help\\nof two lines',
    ]
    found = parsed(text)
    assert set(found) == {"hub_odd_seconds"}
    assert {key[0][1]: value for key, value in found["hub_odd_seconds"].items() if key} == {
        label: value for label, value in values.items() if value is not None
    }
    assert math.isnan(found["hub_odd_seconds"][()])


def test_the_figures_are_those_of_the_last_syncs_and_the_published_load(days: Days, shell: Shell) -> None:
    code, out, _ = shell("metrics")
    assert code == 0
    found = parsed(out)
    orders = (("source", "shop"), ("stream", "orders"))
    rows = {key[2][1]: value for key, value in found["hub_sync_last_rows"].items() if key[:2] == orders}
    assert rows == {"inserted": 8, "updated": 0, "unchanged": 480, "deleted": 0, "quarantined": 0}
    assert found["hub_sync_last_succeeded"] == dict.fromkeys(found["hub_sync_last_succeeded"], 1.0)
    assert len(found["hub_sync_last_succeeded"]) == 4
    assert 0 < found["hub_sync_success_age_seconds"][orders] < 86400
    assert found["hub_source_fresh"] == {(("source", "shop"),): 1, (("source", "crm"),): 1}
    assert found["hub_quarantine_open_rows"] == {(("source", "shop"),): 0, (("source", "crm"),): 0}
    assert found["hub_load_held"] == {(): 0}
    for table in ("customer", "customer_order", "ticket"):
        assert days.world.ask(f"SELECT count(*) FROM golden.{table}") == [(found["hub_golden_rows"][(("table", table),)],)]
    ids = {key[0][1]: value for key, value in found["hub_load_customer_ids"].items()}
    assert (ids["minted"], ids["merged"], ids["split"]) == (0, 0, 0)
    assert ids["kept"] == days.world.ask("SELECT count(*) FROM golden.customer WHERE status = 'active'")[0][0]
    live = days.world.ask("SELECT epoch(max(ended_at)) FROM ops.load_batch")[0][0]
    assert found["hub_load_published_timestamp_seconds"][()] == pytest.approx(live)


def test_a_held_load_and_rows_in_quarantine_show(days: Days, shell: Shell) -> None:
    files = second_day()
    files["orders"] = files["orders"][:100]
    files["orders"][0]["total"] = "twelve"
    days.write(files)
    verdict = days.load()
    assert verdict is not None
    found = parsed(shell("metrics")[1])
    assert found["hub_load_held"] == {(): 1}
    assert found["hub_quarantine_open_rows"][(("source", "shop"),)] == 1
    failed = [result for result in verdict.results if result.status == "failed"]
    assert sum(found["hub_gate_failed_checks"].values()) == len(failed) > 0


def test_it_is_told_before_the_first_sync_and_while_one_writes(days: Days, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "hub.prom"
    with days.world.hub() as hub, writer(hub.config.warehouse):
        assert shell("metrics", "--file", str(file)) == (0, "", "")
    assert "hub_golden_rows" in parsed(file.read_text())
    assert list(tmp_path.glob(".hub.prom*")) == []
    days.world.configure(
        {
            **days.world.config,
            "warehouse": {"path": "new/hub.duckdb", "golden": "new/golden.duckdb"},
        }
    )
    days.world.configure({**days.world.config, "warehouse": {**days.world.config["warehouse"], "control": "new/control.db"}})
    assert parsed(shell("metrics")[1])["hub_load_held"] == {(): 0}


def test_a_folder_that_is_not_there_is_one_line(shell: Shell, tmp_path: Path) -> None:
    code, _, err = shell("metrics", "--file", str(tmp_path / "nowhere" / "hub.prom"))
    assert (code, err.count("\n")) == (1, 1)
