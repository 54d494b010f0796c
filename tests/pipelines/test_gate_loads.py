"""Every check of the gate has a load that it alone holds: real candidates of the demo's kind, each spoilt in one way.

The candidate is a copy of a published load's warehouse; it is spoilt in SQL, measured and judged as a build would do it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from expectations import CHECKS, Verdict, judge
from expectations.history import FigureKey, history_frames
from hub.golden import TABLES
from pipelines.context import Hub
from pipelines.load_history import noted_figures
from tests.pipelines.world import World
from warehouse.connection import connect
from warehouse.figures import load_figures
from warehouse.measure import Scope, measure
from warehouse.publish import live_attached
from warehouse.settings import WarehouseSettings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPOILT = (Path(__file__).parent / "spoilt_loads.sql").read_text()
HELD = dict(re.findall(r"^-- spoil: (\w+)\n(.*?)(?=^-- spoil|\Z)", SPOILT, re.DOTALL | re.MULTILINE))
USUAL = dict(re.findall(r"^-- spoil with history: (\w+)\n(.*?)(?=^-- spoil|\Z)", SPOILT, re.DOTALL | re.MULTILINE))
# judged on a figure of the control store, not of the warehouse
STALE = "source_fresh"


@pytest.fixture
def candidate(first_day: Path, tmp_path: Path) -> Iterator[tuple[Hub, duckdb.DuckDBPyConnection]]:
    """A working warehouse that was just published, unchanged: the plainest benign load there is."""
    shutil.copytree(first_day / "data", tmp_path / "data", symlinks=True)
    shutil.copy(first_day / "hub.yaml", tmp_path)
    world = World(tmp_path, yaml.safe_load((first_day / "hub.yaml").read_text()))
    with world.hub() as hub:
        con = connect(tmp_path / "data" / "hub.duckdb")
        yield hub, con
        con.close()


def judged(
    hub: Hub, con: duckdb.DuckDBPyConnection, *, hours: float = 1.0, max_cluster_size: int | None = None, usual_loads: int = 0
) -> Verdict:
    settings: WarehouseSettings = hub.config.warehouse
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    with live_attached(con, settings) as live:
        assert live is not None
        run_id, began = con.execute("SELECT load_id, started_at FROM ops.candidate").fetchall()[0]
        scope = Scope(
            keys=TABLES,
            streams=[(c.name, s.name) for c in connectors for s in c.streams()],
            live=live,
            since=began + timedelta(seconds=1),
            max_cluster_size=max_cluster_size or hub.config.identity.max_cluster_size,
        )
        frames = measure(con, scope, run_id=run_id, now=datetime.now(UTC).replace(tzinfo=None))
    figures = {FigureKey(*f[:4]): f.value for f in load_figures(con, load_id=run_id, run_id=run_id)}
    before = noted_figures(hub.control, [run_id])[run_id]
    frames |= history_frames(figures, before, [before] * usual_loads)
    frames["freshness"] = pd.DataFrame(
        [(name, hours, 26.0) for name in hub.config.enabled()],
        columns=["source_system", "hours_since_success", "fresh_within_hours"],
    )
    return judge(frames, hub.config.gate, load_id=run_id, now=NOW)


def failed(verdict: Verdict) -> set[str]:
    return {result.check_id for result in verdict.results if result.status == "failed"}


def test_every_check_has_a_load_that_it_holds() -> None:
    assert {check.check_id for check in CHECKS} == {*HELD, *USUAL, STALE}


def test_an_unchanged_load_passes_every_check(candidate: tuple[Hub, duckdb.DuckDBPyConnection]) -> None:
    verdict = judged(*candidate)
    assert (verdict.decision, failed(verdict)) == ("pass", set())
    assert {r.check_id for r in verdict.results if r.status == "not_applicable"} == {"quarantine_share", *USUAL}


def test_an_unchanged_load_is_as_usual(candidate: tuple[Hub, duckdb.DuckDBPyConnection]) -> None:
    verdict = judged(*candidate, usual_loads=6)
    assert (verdict.decision, failed(verdict)) == ("pass", set())
    assert {r.check_id for r in verdict.results if r.status == "not_applicable"} == {"quarantine_share"}


@pytest.mark.parametrize("check_id", USUAL)
def test_what_strays_from_its_usual_course_warns(candidate: tuple[Hub, duckdb.DuckDBPyConnection], check_id: str) -> None:
    hub, con = candidate
    con.execute(USUAL[check_id])
    result = next(r for r in judged(hub, con, usual_loads=6).results if r.check_id == check_id)
    assert (result.status, result.severity) == ("failed", "warning"), result.message


@pytest.mark.parametrize("check_id", HELD)
def test_a_spoilt_load_is_held_by_its_check_alone(candidate: tuple[Hub, duckdb.DuckDBPyConnection], check_id: str) -> None:
    hub, con = candidate
    con.execute(HELD[check_id])
    verdict = judged(hub, con)
    assert failed(verdict) == {check_id}, {r.check_id: r.message for r in verdict.results if r.status == "failed"}
    critical = {check.check_id for check in CHECKS if check.severity == "critical"}
    assert verdict.decision == ("hold" if check_id in critical else "pass")
    result = next(r for r in verdict.results if r.check_id == check_id)
    assert result.failed_rows >= 1
    assert "\n" not in result.message


def test_a_stale_source_warns(candidate: tuple[Hub, duckdb.DuckDBPyConnection]) -> None:
    verdict = judged(*candidate, hours=27.0)
    assert (verdict.decision, failed(verdict)) == ("pass", {STALE})


@pytest.mark.parametrize(("check", "names"), [("id_churn", r"\w+:\w+:.+"), ("merged_share", r"c_\w+")])
def test_a_load_held_for_its_ids_says_which(candidate: tuple[Hub, duckdb.DuckDBPyConnection], check: str, names: str) -> None:
    hub, con = candidate
    con.execute(HELD[check])
    result = next(r for r in judged(hub, con).results if r.check_id == check)
    assert result.examples
    assert all(re.fullmatch(names, example) for example in result.examples)


def test_customers_that_are_too_large_are_named(candidate: tuple[Hub, duckdb.DuckDBPyConnection]) -> None:
    hub, con = candidate
    sizes = con.execute(
        "SELECT customer_id, count(DISTINCT node_key) AS n FROM identity.customer_xref JOIN identity.match_key USING (record_key)"
        " WHERE is_current GROUP BY customer_id ORDER BY n DESC, customer_id"
    ).fetchall()
    largest = sizes[0][1]
    result = next(r for r in judged(hub, con, max_cluster_size=largest - 1).results if r.check_id == "cluster_size")
    assert result.status == "failed"
    assert result.examples == tuple(customer for customer, n in sizes if n == largest)[:20]
