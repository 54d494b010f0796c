"""Days of a stream read again from the Dagster UI: as partitions of an asset beside the raw one, in one run for a range of days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from connectors.sandbox import SandboxHandle
from hub.contract.errors import ConfigError
from pipelines.context import Hub
from pipelines.definitions import build_defs
from pipelines.instance import open_instance
from pipelines.pauses import pause
from pipelines.source_runs import SyncOptions, sync_source
from tests.pipelines.world import World
from warehouse import control_tables as t

ORDERS = dg.AssetKey(["backfill", "shopify", "orders"])


@pytest.fixture
def shop(synced: World) -> World:
    """A hub of one source, which was synced."""
    synced.only("shopify")
    return synced


def backfilled(hub: Hub, instance: dg.DagsterInstance, first: str, last: str) -> dg.ExecuteInProcessResult:
    """One run over a range of days, as the backfill daemon launches it."""
    job = build_defs(hub).resolve_job_def("backfill_shopify")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags, asset_selection=[ORDERS])


def orders_runs(hub: Hub) -> list[dict[str, Any]]:
    """What the control store noted of the backfills of orders."""
    row = t.sync_run.c
    return hub.control.rows(sa.select(t.sync_run).where(row.stream == "orders", row.mode == "backfill"))


def test_a_range_of_days_is_read_again_in_one_run_and_a_build_of_it_is_asked_for(shop: World, sandbox: SandboxHandle) -> None:
    placed = sandbox.post_order("mara.winterfeldt@somewhere-else.example")
    today = datetime.fromisoformat(sandbox.state()["clock"]).astimezone(UTC)
    first, last = f"{today - timedelta(days=60):%Y-%m-%d}", f"{today - timedelta(days=1):%Y-%m-%d}"
    with shop.hub() as hub, open_instance(hub.config) as instance:
        result = backfilled(hub, instance, first, last)
        assert result.success
        (noted,) = orders_runs(hub)
        assert noted["rows_inserted"] == 1
        assert noted["rows_unchanged"] > 5, "the orders of those days were read again"
        assert len(instance.get_materialized_partitions(ORDERS)) == 60
        assert instance.get_latest_materialization_event(dg.AssetKey(["raw", "shopify", "orders"])) is None, "no sign of freshness"
        metadata = result.get_asset_materialization_events()[0].step_materialization_data.materialization.metadata
        assert (str(metadata["since"].value)[:10], str(metadata["until"].value)[:10]) == (first, f"{today:%Y-%m-%d}")
        with dg.build_sensor_context(instance=instance) as context:
            assert isinstance(build_defs(hub).resolve_sensor_def("build_after_sync")(context), dg.RunRequest)
    with shop.working() as con:
        assert con.execute("SELECT count(*) FROM raw.shopify__orders WHERE source_record_id = ?", [placed]).fetchall() == [(1,)]


def test_a_day_is_one_of_the_zone_that_hub_yaml_names(shop: World) -> None:
    shop.configure({**shop.config, "schedules": {"timezone": "Pacific/Auckland", "backfill_from": "2026-01-01"}})
    with shop.hub() as hub:
        asset = build_defs(hub).resolve_assets_def(ORDERS)
        assert isinstance(asset.partitions_def, dg.DailyPartitionsDefinition)
        window = asset.partitions_def.time_window_for_partition_key("2026-01-01")
        assert window.start.astimezone(UTC) == datetime(2025, 12, 31, 11, tzinfo=UTC)
        assert asset.backfill_policy == dg.BackfillPolicy.single_run()


def test_days_of_a_paused_source_are_not_read(shop: World) -> None:
    with shop.hub() as hub, open_instance(hub.config) as instance:
        pause(hub, "shopify", by="mara")
        result = backfilled(hub, instance, "2026-03-01", "2026-03-02")
        assert result.success
        assert (orders_runs(hub), instance.get_materialized_partitions(ORDERS)) == ([], set())


def test_a_source_that_does_not_answer_fails_the_backfill_with_its_line(shop: World, sandbox: SandboxHandle) -> None:
    sandbox.fault("shopify", status=503, count=100)
    with shop.hub() as hub, open_instance(hub.config) as instance:
        result = backfilled(hub, instance, "2026-03-01", "2026-03-02")
        failure = next(event for event in result.all_events if event.is_step_failure)
        assert "shopify/orders" in str(failure.step_failure_data.user_failure_data)
        assert instance.get_materialized_partitions(ORDERS) == set()


def test_hub_sync_reads_one_stream_if_that_is_asked(shop: World) -> None:
    options = SyncOptions(("shopify",), since="2026-03-01", until="2026-03-03", streams=("orders",))
    with shop.hub() as hub, open_instance(hub.config) as instance:
        assert sync_source(hub, build_defs(hub), instance, "shopify", "batch", options) is None
        noted = hub.control.rows(sa.select(t.sync_run).where(t.sync_run.c.batch_id == "batch"))
        assert [(row["stream"], row["mode"]) for row in noted] == [("orders", "backfill")]
    with pytest.raises(ConfigError, match="there is no stream 'order'; it has orders, customers"):
        shop.sync("shopify", streams=("order",))
    with pytest.raises(ConfigError, match="name the source"):
        shop.sync(streams=("orders",))
