"""The assets of the build: staging, identity, golden, published. Thin: each materialises what a step of `pipelines.build` did."""

# no `from __future__ import annotations` here: Dagster reads the config classes from the annotations themselves

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, TypeVar

import dagster as dg

from connectors.contract import Connector
from hub.contract.columns import TABLES as STAGING_TABLES
from hub.contract.errors import HubError, TargetUnavailableError
from hub.golden import TABLES as GOLDEN_TABLES
from pipelines.build import build, resolve_identity, stage
from pipelines.column_metadata import XREF, golden_lineage, golden_schema, staged_columns, staging_schema
from pipelines.context import Hub
from pipelines.model_metadata import model_metadata
from pipelines.plan import plan_build
from pipelines.publishing import publish_candidate
from pipelines.raw_assets import raw_key
from pipelines.rows_fit import when_staged
from pipelines.targets import bring_up
from warehouse.staging import Staged

WAREHOUSE_POOL = "warehouse"
PUBLISHED = dg.AssetKey(["published", "golden"])
T = TypeVar("T")
# with a target that does not answer
_PATIENCE = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


class ResolveConfig(dg.Config):
    """What a run may ask of the identity stage: to learn a new model, or to link all records anew with the current one."""

    retrain: bool = False
    full: bool = False


class GoldenConfig(dg.Config):
    """What a run may ask of the golden stage: to make everything from scratch, not only what the day touched."""

    full: bool = False


def staging_key(table: str) -> dg.AssetKey:
    """The asset key of a staging table."""
    return dg.AssetKey(["staging", table])


def golden_key(table: str) -> dg.AssetKey:
    """The asset key of a golden table."""
    return dg.AssetKey(["golden", table])


def plainly(work: Callable[[], T]) -> T:
    """Run a step; an error of ours ends the Dagster step with its one line, not a traceback. Only absent targets are retried."""
    try:
        return work()
    except HubError as error:
        raise dg.Failure(str(error), allow_retries=isinstance(error, TargetUnavailableError)) from error


def build_assets(hub: Hub, connectors: list[Connector]) -> list[dg.AssetsDefinition]:
    """The assets from staging to the published load."""
    feeds: dict[str, list[dg.AssetKey]] = {table: [] for table in STAGING_TABLES}
    for connector in connectors:
        read = {stream.name for stream in connector.streams()}  # a stream may be switched off
        for block in hub.mapping(connector):
            if block.stream in read:
                feeds[block.table].append(raw_key(connector.name, block.stream))
    targets = [_target(hub, target.name) for target in hub.config.publish]
    return [_staging(hub, connectors, feeds), _identity(hub), _golden(hub), _published(hub), *targets]


def _staging(hub: Hub, connectors: list[Connector], feeds: dict[str, list[dg.AssetKey]]) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            staging_key(table),
            deps=feeds[table],
            group_name="staging",
            description=f"{table}: one typed row per live source record; normalised parties, or a fact keyed by source record.",
            kinds={"duckdb", "sql"},
        )
        for table in STAGING_TABLES
    ]

    @dg.multi_asset(specs=specs, name="staging", pool=WAREHOUSE_POOL)
    def staging(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        started = time.monotonic()
        digest = plainly(lambda: plan_build(hub, connectors)).digest
        done = plainly(lambda: stage(hub, connectors, digest=digest, run_id=context.run.run_id))
        columns = plainly(lambda: staged_columns(hub))
        seconds = round(time.monotonic() - started, 3)
        for answer in when_staged(hub, {place: raw_key(*place) for place in done}):
            context.instance.report_runless_asset_event(answer)
        for table in STAGING_TABLES:
            schema = {"dagster/column_schema": staging_schema(table, columns[table])}
            yield dg.MaterializeResult(
                asset_key=staging_key(table), metadata={**_staged(done, table), "seconds": seconds, **schema}
            )

    return staging


def _staged(done: dict[tuple[str, str], Staged], table: str) -> dict[str, Any]:
    return {
        "rows_staged": sum(staged.rows.get(table, 0) for staged in done.values()),
        "quarantined": sum(staged.rejected.get(table, 0) for staged in done.values()),
    }


def _identity(hub: Hub) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        XREF,
        deps=[staging_key("party_record")],
        group_name="identity",
        description="The crosswalk: which customer each source record belongs to, with history.",
        kinds={"duckdb", "python"},
    )

    @dg.multi_asset(specs=[spec], name="identity", pool=WAREHOUSE_POOL)
    def identity(context: dg.AssetExecutionContext, config: ResolveConfig) -> dg.MaterializeResult[Any]:
        report = plainly(lambda: resolve_identity(hub, run_id=context.run.run_id, retrain=config.retrain, full=config.full))
        figures = {k: v for k, v in asdict(report).items() if v is not None and k != "run_id"}
        figures |= {"seconds": round(report.seconds, 3), "load_id": report.run_id}
        model = plainly(lambda: model_metadata(hub, made=report.trained))
        return dg.MaterializeResult(asset_key=XREF, metadata={**figures, **model})

    return identity


def _golden(hub: Hub) -> dg.AssetsDefinition:
    facts = [table for table in GOLDEN_TABLES if table in STAGING_TABLES]
    specs = [
        dg.AssetSpec(
            golden_key(table),
            deps=[XREF, *(staging_key(feed) for feed in (table if table in facts else "party_record", *_NAMED.get(table, ())))],
            group_name="golden",
            description=_GOLDEN.get(table, f"{table} of every source, with the customer it belongs to."),
            kinds={"duckdb", "sql"},
        )
        for table in GOLDEN_TABLES
    ]

    @dg.multi_asset(specs=specs, name="golden", pool=WAREHOUSE_POOL)
    def golden(context: dg.AssetExecutionContext, config: GoldenConfig) -> Iterator[dg.MaterializeResult[Any]]:
        started = time.monotonic()
        built = plainly(lambda: build(hub, run_id=context.run.run_id, full=config.full))
        staged = plainly(lambda: staged_columns(hub))
        seconds = round(time.monotonic() - started, 3)
        how = {f"built_{name}": value for name, value in asdict(built.how).items() if value is not None}
        for table, delta in built.deltas.items():
            yield dg.MaterializeResult(
                asset_key=golden_key(table),
                metadata={
                    "dagster/row_count": delta.rows,
                    "dagster/column_schema": golden_schema(table, built.columns[table]),
                    "dagster/column_lineage": golden_lineage(table, built.columns[table], staged),
                    "inserted": delta.inserted,
                    "changed": delta.changed,
                    "removed": delta.removed,
                    "seconds": seconds,
                    **how,
                },
            )

    return golden


# golden facts that take a customer or a key from the other facts they name
_NAMED = {
    "customer": ("consent",),
    "consent": ("party_record",),
    "order_line": ("customer_order",),
    "payment": ("invoice",),
    "refund": ("customer_order", "invoice", "payment"),
    "ad_group": ("ad_campaign",),
    "ad": ("ad_campaign", "ad_group"),
    "lead": ("ad_campaign", "ad_group", "ad"),
    "ad_spend_daily": ("ad_campaign", "ad_group", "ad"),
    "touchpoint": ("customer_order", "lead", "ad_campaign"),
    "acquisition_cost": ("customer_order", "refund", "lead", "ad_campaign", "ad_spend_daily"),
    "customer_metrics": ("customer_order", "refund", "invoice", "ticket", "lead", "ad_campaign", "ad_spend_daily"),
    "segment_member": ("customer_order", "refund", "invoice", "payment", "ticket", "lead", "ad_campaign", "ad_spend_daily"),
}
_GOLDEN = {
    "customer": "One row per customer: the surviving values of all its records.",
    "consent": "What customers said of being contacted, source by source, and what of it is in force.",
    "customer_identifier": "Every e-mail, phone and source record ID of a customer.",
    "order_line": "One row per line of an order: what was bought, how many and for how much.",
    "refund": "What went back to customers, and credit notes, with the order, invoice or payment they are about.",
    "ad_campaign": "The campaigns of the ad platforms.",
    "ad_group": "The ad groups (ad sets, in Meta's words) of the campaigns.",
    "ad": "The ads of the ad groups.",
    "ad_spend_daily": "What was spent per day and ad, in the account's own time zone.",
    "touchpoint": "What brought each order and lead: channel, click, campaign, and the order it led to.",
    "acquisition_cost": "Spend per campaign and month over the customers it brought, as resolved over all systems.",
    "customer_metrics": "Lifetime value, order value, recency, frequency and money scores, balance and tickets per customer.",
    "segment_member": "Who is in which segment of hub.yaml, since when and until when.",
    "reporting": "The day of the load and its base currency: one row.",
    "customer_history": "What a customer was, in two times: when it was so in the business, and when the hub held it to be so.",
    "customer_attribute": "Every candidate value with its source record, rule and rank: why a golden value is what it is.",
    "attribute_override": "What stewards said of golden values, and what became of it.",
}


def _published(hub: Hub) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        PUBLISHED,
        deps=[golden_key(table) for table in GOLDEN_TABLES],
        group_name="publish",
        description="What analysts open: data/golden.duckdb, a link to the newest load that passed the gate.",
        kinds={"duckdb"},
        skippable=True,  # nothing is published over a load that is pinned
    )

    @dg.multi_asset(specs=[spec], name="publish", pool=WAREHOUSE_POOL)
    def published(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        done = plainly(lambda: publish_candidate(hub, run_id=context.run.run_id))
        if done.pinned is not None:
            context.log.info(f"load {done.load_id} passed the gate and is withheld: load {done.pinned} is pinned")
            return
        customer = done.deltas["customer"]
        yield dg.MaterializeResult(
            asset_key=PUBLISHED,
            metadata={
                "load_id": done.load_id,
                "customers": customer.rows,
                "inserted": customer.inserted,
                "changed": customer.changed,
                "removed": customer.removed,
            },
        )

    return published


def target_key(name: str) -> dg.AssetKey:
    """The asset key of a further target."""
    return dg.AssetKey(["published", name])


def target_step(name: str) -> str:
    """The name of the step that brings a further target up to date."""
    return f"publish_to_{name}"


def _target(hub: Hub, name: str) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        target_key(name),
        deps=[PUBLISHED],
        group_name="publish",
        description="The published load in a further database. It is brought up to what data/golden.duckdb points to.",
        kinds={"sql"},
    )

    @dg.multi_asset(specs=[spec], name=target_step(name), retry_policy=_PATIENCE)
    def target(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        done = plainly(lambda: bring_up(hub, name))
        return dg.MaterializeResult(
            asset_key=target_key(name),
            metadata={
                "load_id": done.load_id,
                "dagster/row_count": done.rows,
                "rows_written": done.written,
                "tables_loaded": len(done.loaded),
                "tables_updated": len(done.updated),
                "seconds": done.seconds,
            },
        )

    return target
