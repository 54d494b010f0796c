"""The Dagster UI answers what ops ask: figures, reasons and columns are there as the hub's own tables have them, and are seen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from bench.tour.browser import PageError, browsing, chromium
from bench.tour.days import ROOT, UNREADABLE, live_through
from bench.tour.pages import HELD_BY, PAGES
from bench.tour.serving import graphql, serving
from hub.contract.columns import TABLES
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import open_instance
from pipelines.report import hub_status
from tests.pipelines.shared import built_once
from warehouse.connection import connect

SETTLED = ("inserted", "updated", "unchanged", "deleted", "quarantined")
FIGURES = (
    "rows_in",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
    "quarantined",
    "api_calls",
    "retries",
    "seconds",
    "field_changes",
)


def eventful(root: Path) -> None:
    """A hub of the CRM alone whose third load is held."""
    assert [outcome.action for outcome in live_through(root, None)] == ["published", "published", "held"]


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Such a hub, to read from only."""
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that what an instance sets is gone after the test
    monkeypatch.delenv("DAGSTER_HOME")
    return built_once(tmp_path_factory, "eventful", eventful)


@pytest.fixture
def hub(root: Path) -> Iterator[Hub]:
    hub = Hub(load_config(root / "hub.yaml"))
    yield hub
    hub.close()


@pytest.fixture
def instance(hub: Hub) -> Iterator[dg.DagsterInstance]:
    with open_instance(hub.config) as instance:
        yield instance


def shown(instance: dg.DagsterInstance, *key: str) -> dict[str, Any]:
    """The metadata of an asset's last materialisation."""
    event = instance.get_latest_materialization_event(dg.AssetKey(list(key)))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def answered(instance: dg.DagsterInstance, check: str, *key: str) -> tuple[bool, str, dict[str, Any]]:
    """The last answer of a check, as the UI shows it."""
    record = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(dg.AssetKey(list(key)), check), limit=1)[
        0
    ]
    assert record.event is not None
    found: Any = record.event.dagster_event.event_specific_data  # type: ignore[union-attr]
    return found.passed, found.description, {name: value.value for name, value in found.metadata.items()}


def test_every_stream_shows_how_fresh_it_is_and_what_the_last_sync_brought(hub: Hub, instance: dg.DagsterInstance) -> None:
    specs = {spec.key: spec for spec in build_defs(hub).resolve_all_asset_specs()}
    streams = hub.control.last_syncs()
    assert {row["stream"] for row in streams} == {"contacts", "deals"}
    for last in streams:
        source, stream = last["source_system"], last["stream"]
        spec = specs[dg.AssetKey(["raw", source, stream])]
        assert (spec.freshness_policy is not None, spec.tags["source"], spec.owners) == (True, source, ["team:sales-ops"])
        found = shown(instance, "raw", source, stream)
        assert set(FIGURES) <= set(found)
        assert (found["rows_in"], found["api_calls"]) == (last["rows_extracted"], last["api_calls"])


def test_what_was_turned_down_is_seen_on_the_stream_as_ops_sync_run_has_it(hub: Hub, instance: dg.DagsterInstance) -> None:
    for last in hub.control.last_syncs():
        passed, _, found = answered(instance, "rows_fit", "raw", last["source_system"], last["stream"])
        told = {name: found["rows_in" if name == "extracted" else name] for name in (*SETTLED, "extracted")}
        assert told == {name: last[f"rows_{name}"] for name in told}
        assert passed is (last["rows_quarantined"] == 0)
    passed, why, found = answered(instance, "rows_fit", "raw", "crm", "deals")
    # the copies of what cannot be read cannot be read either, and what was turned down before is not new
    assert (passed, found["quarantined"], found["in_quarantine"]) == (False, UNREADABLE, 2 * UNREADABLE)
    assert "3 of 416 rows were turned down (customer_order.gross_amount.unreadable: 6 in quarantine)" in why
    assert sorted(found["failing_keys"].split(", ")) == sorted(f"{x}D-0020{n}" for x in ("", "X-") for n in range(UNREADABLE))
    assert found["next"] == "hub quarantine list --source crm --stream deals"


def test_the_check_that_holds_a_load_shows_keys_page_and_the_section_of_the_runbook(
    hub: Hub, root: Path, instance: dg.DagsterInstance
) -> None:
    held = hub_status(hub)["held"]
    (failed,) = held["failed_checks"]
    passed, why, found = answered(instance, HELD_BY, "golden", "customer")
    assert (passed, why) == (False, failed["message"])
    assert found["failing_keys"].split(", ") == failed["examples"]
    assert (found["load_id"], found["failed_rows"]) == (held["load_id"], failed["failed_rows"])
    assert (root / found["page"]).read_text().startswith("<!DOCTYPE html>")
    (section,) = re.fullmatch(r'docs/ops\.md, "(.+)"', found["runbook"]).groups()  # type: ignore[union-attr]
    assert f"\n## {section}\n" in (ROOT / "docs" / "ops.md").read_text()


def test_the_crosswalk_shows_what_became_of_the_ids(hub: Hub, instance: dg.DagsterInstance) -> None:
    found, load = shown(instance, "identity", "customer_xref"), hub.control.last_load()
    assert load is not None
    assert (found["load_id"], found["customers"], found["records"]) == (load["load_id"], load["customers"], load["records"])
    assert {"id_churn_rate", "created_ids", "merged_ids", "split_ids", "kept_ids", "retired_ids", "review_tasks"} <= set(found)
    assert found["seconds"] == round(found["seconds"], 3)


def test_columns_lead_to_the_staged_columns_that_they_are_made_of(hub: Hub, instance: dg.DagsterInstance) -> None:
    customer = shown(instance, "golden", "customer")
    deps = customer["dagster/column_lineage"].deps_by_column
    assert deps["email"] == [dg.TableColumnDep(dg.AssetKey(["staging", "party_record"]), "email_norm")]
    assert deps["customer_id"] == [dg.TableColumnDep(dg.AssetKey(["identity", "customer_xref"]), "customer_id")]
    orders = shown(instance, "golden", "customer_order")["dagster/column_lineage"].deps_by_column
    assert orders["gross_amount"] == [dg.TableColumnDep(dg.AssetKey(["staging", "customer_order"]), "gross_amount")]
    for of_table in (deps, orders):
        for dep in (dep for found in of_table.values() for dep in found if dep.asset_key.path[0] == "staging"):
            schema = shown(instance, *dep.asset_key.path)["dagster/column_schema"]
            assert dep.column_name in {column.name for column in schema.columns}, dep


def test_a_golden_fact_has_the_values_of_the_staged_columns_that_its_lineage_names(first_day: Path) -> None:
    found = {}
    with open_instance(load_config(first_day / "hub.yaml")) as instance:
        for table in ("customer_order", "order_line", "invoice", "payment", "refund", "ticket", "lead", "ad_spend_daily"):
            deps = shown(instance, "golden", table)["dagster/column_lineage"].deps_by_column
            found[table] = sorted({dep.column_name for of in deps.values() for dep in of if dep.asset_key.path[0] == "staging"})
    con, compared = connect(first_day / "data" / "hub.duckdb", read_only=True), 0
    try:
        for table, columns in found.items():
            key = TABLES[table].key
            for column in columns:
                query = f"""SELECT count(*), count(*) FILTER (g.{column} IS DISTINCT FROM s.{column} AND s.{column} IS NOT NULL)
                            FROM golden.{table} g JOIN staging.{table} s USING ({key})"""
                rows, other = con.execute(query).fetchall()[0]
                assert other == 0, f"{table}.{column}"
                compared += rows
    finally:
        con.close()
    assert compared > 10_000, compared


def test_the_page_of_the_docs_has_each_question_and_its_picture() -> None:
    text = (ROOT / "docs" / "tour.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [page.question for page in PAGES]
    assert re.findall(r"\(tour/(.+)\.png\)", text) == [page.name for page in PAGES]
    assert {path.stem for path in (ROOT / "docs" / "tour").glob("*.png")} == {page.name for page in PAGES}
    assert all(path.stat().st_size <= 150_000 for path in (ROOT / "docs" / "tour").iterdir())


@pytest.mark.skipif(chromium() is None, reason="there is no Chromium on the PATH to look at the UI with")
def test_the_pages_show_what_the_hubs_tables_say(root: Path, hub: Hub, tmp_path: Path) -> None:
    own = tmp_path / "hub"  # the daemon writes into its instance, which knows where it lies
    shutil.copytree(root, own, symlinks=True)
    settings = own / "var" / "dagster" / "dagster.yaml"
    settings.write_text(settings.read_text().replace(str(root), str(own)))
    with serving(own) as base_url, browsing() as browser:
        for page in PAGES:
            page.visit(browser, base_url, hub)
        fresh = graphql(
            base_url, '{ assetNodeOrError(assetKey: {path: ["raw", "crm", "deals"]}) { ... on AssetNode { description } } }'
        )
        assert "deals of crm" in str(fresh)
        browser._patience = 3
        with pytest.raises(PageError, match="does not show \\['no such figure'\\]"):
            browser.shows("no such figure")
