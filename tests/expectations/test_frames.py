"""Figures that are not as defined are an error of whoever measured them, named by frame and column."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from expectations import FRAMES, GateSettings, judge
from hub.contract.errors import GateError
from tests.expectations.figures import NOW, Figures, changed, healthy, to_frames, verdict


@pytest.mark.parametrize("name", ["uniqueness", "crosswalk"])
@pytest.mark.parametrize("empty", [True, False])
def test_no_load_is_judged_without_the_figures_that_every_load_has(name: str, empty: bool) -> None:
    frames = to_frames(healthy())
    frames[name] = frames[name].iloc[:0]
    if not empty:
        del frames[name]
    with pytest.raises(GateError, match=f"figures '{name}' are missing"):
        judge(frames, GateSettings(), load_id="L2", now=NOW)


def test_an_unknown_frame_is_named_with_the_nearest_known_one() -> None:
    frames = to_frames(healthy())
    frames["volumes"] = frames.pop("volume")
    with pytest.raises(GateError, match="no figures are known as 'volumes'; hand in volume"):
        judge(frames, GateSettings(), load_id="L2", now=NOW)


@pytest.mark.parametrize(("name", "column"), [(name, column) for name, columns in FRAMES.items() for column in columns])
def test_a_missing_column_is_named(name: str, column: str) -> None:
    frames = to_frames(healthy())
    frames[name] = frames[name].drop(columns=column)
    with pytest.raises(GateError, match=f"figures '{name}' lack {column}"):
        judge(frames, GateSettings(), load_id="L2", now=NOW)


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        (changed("volume", 0, rows=-1), "field rows: figures 'volume' hold no count but int; hand in a whole number from 0"),
        (changed("volume", 0, rows=1.5), "field rows: figures 'volume' hold no count but float; hand in a whole number from 0"),
        (changed("volume", 0, rows=None), "field rows: figures 'volume' hold no count but float; it may not be NULL"),
        (changed("volume", 0, rows="many"), "field rows: figures 'volume' hold no count but str; hand in a number"),
        (changed("volume", 0, table=""), "field table: figures 'volume' hold no text but str; hand in a name"),
        (changed("freshness", 0, hours_since_success=float("inf")), "hold no hours? but float; hand in a finite number"),
        (changed("reconciliation", 0, golden_value=0.1), "field golden_value: figures 'reconciliation' hold no money but float"),
        (changed("reconciliation", 0, golden_value=np.float64(3)), "hold no money but float"),
        (changed("reconciliation", 0, golden_value="12,5"), "hold no money but str; hand in a number"),
    ],
)
def test_a_figure_of_the_wrong_kind_is_refused(figures: Figures, message: str) -> None:
    with pytest.raises(GateError) as caught:
        verdict(figures)
    assert message in str(caught.value)


def test_a_thing_measured_twice_is_refused() -> None:
    figures = healthy()
    figures["volume"].append(dict(figures["volume"][1]))
    with pytest.raises(GateError, match="measure customer_order/shopify more than once"):
        verdict(figures)


def money_from(con: duckdb.DuckDBPyConnection, value: str) -> dict[str, Any]:
    query = f"""SELECT 's' AS source_system, 'invoice.total_amount' AS measure, 'EUR' AS currency,
        {value} AS source_value, {value} AS golden_value"""
    frames = to_frames(healthy()) | {"reconciliation": con.execute(query).df()}
    result = judge(frames, GateSettings(), load_id="L2", now=NOW)
    return {"decision": result.decision, "observed": next(r.observed for r in result.results if r.check_id == "reconciled")}


def test_money_that_duckdb_turned_into_floats_is_refused_and_text_is_exact() -> None:
    with duckdb.connect() as con:
        with pytest.raises(GateError, match="cast it to VARCHAR in the query"):
            money_from(con, "10000000000000.01::DECIMAL(24, 4)")
        exact = money_from(con, "(10000000000000.01::DECIMAL(24, 4))::VARCHAR")
    assert exact == {"decision": "pass", "observed": Decimal("10000000000000.0100")}


def test_counts_that_duckdb_summed_into_floats_are_taken() -> None:
    with duckdb.connect() as con:
        frame = con.execute(
            """SELECT 'ticket' AS "table", 'zendesk' AS source_system, sum(n) AS rows, NULL AS rows_before,
               0 AS backfilled FROM range(100) t(n)"""
        ).df()
    assert frame["rows"].dtype == np.float64
    result = judge(to_frames(healthy()) | {"volume": frame}, GateSettings(), load_id="L2", now=NOW)
    assert next(r.status for r in result.results if r.check_id == "volume_drop") == "not_applicable"


def test_examples_come_as_duckdb_lists_them() -> None:
    with duckdb.connect() as con:
        frame = con.execute(
            """SELECT 'ticket' AS "table", 'zendesk' AS source_system, 10 AS facts, 0 AS unresolved, 2 AS dangling,
               10 AS facts_before, 0 AS unresolved_before, ['zendesk:tickets:7', 'zendesk:tickets:9'] AS reference_valid_examples
               UNION ALL SELECT 'lead', 'ads', 10, 0, 0, 10, 0, NULL"""
        ).df()
    assert isinstance(frame, pd.DataFrame)
    result = judge(to_frames(healthy()) | {"references": frame}, GateSettings(), load_id="L2", now=NOW)
    assert next(r.examples for r in result.results if r.check_id == "reference_valid") == ("zendesk:tickets:7", "zendesk:tickets:9")
