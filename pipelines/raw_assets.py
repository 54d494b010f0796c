"""Raw assets: one per stream, `raw/<source>/<stream>`; materialising one syncs that stream. Only the Dagster side of it is here."""

# no `from __future__ import annotations` here: Dagster reads the config classes from the annotations themselves

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg

from connectors import versions
from connectors.contract import Connector, Stream
from hub.contract.errors import ConfigError, HubError, SourceUnavailableError, WarehouseBusyError
from pipelines import rows_fit
from pipelines.context import Hub
from pipelines.ingest import SyncRef, SyncReport, SyncRequest, ingest_stream
from pipelines.pauses import active_pauses, pause_line
from pipelines.read_ahead import ReadAhead

BATCH_TAG = "hub/batch"
PAUSED_TAG = "hub/paused"
LATER_TAG = "hub/try_later"  # its ID, on a run that failed for what passes; a re-execution in the UI takes over its tags
_CHECKS = {
    "fields_as_before": "No field of the payloads is new, missing or of another type.",
    rows_fit.CHECK: rows_fit.DESCRIPTION,
    "api_version_served": "The vendor serves the API version for 60 days or longer.",
}


class SyncConfig(dg.Config):
    """What a run may ask of a stream's sync."""

    full: bool = False
    limit: int | None = None
    since: str | None = None
    until: str | None = None
    accept_schema: bool = False


def raw_key(source: str, stream: str) -> dg.AssetKey:
    """The asset key of a stream's raw table."""
    return dg.AssetKey(["raw", source, stream])


def source_pool(source: str) -> str:
    """The pool of one in which whatever reads a source waits for its turn."""
    return f"source_{source}"


def raw_assets(hub: Hub, connector: Connector) -> list[dg.AssetsDefinition]:
    """The assets of one source."""
    ahead = ReadAhead(hub, connector)
    return [_raw_asset(hub, connector, stream, number, ahead) for number, stream in enumerate(connector.streams())]


def _raw_asset(hub: Hub, connector: Connector, stream: Stream, number: int, ahead: ReadAhead) -> dg.AssetsDefinition:
    settings = hub.config.sources[connector.name]
    key = raw_key(connector.name, stream.name)

    @dg.asset(
        key=key,
        group_name=f"ingest_{connector.family}",
        description=_description(connector, stream),
        kinds={connector.type_name, "parquet", "duckdb"},
        tags={"source": connector.name, "kind": stream.kind},
        owners=[settings.owner] if settings.owner else None,
        pool=source_pool(connector.name),
        # else Dagster runs steps that do not depend on each other by name, and customers before their invoices
        op_tags={"dagster/priority": str(-number)},
        output_required=False,  # nothing is materialised of a source that is paused
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=settings.fresh_within_hours)),
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=description) for name, description in _CHECKS.items()],
    )
    def raw(context: dg.AssetExecutionContext, config: SyncConfig) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        if (paused := active_pauses(hub).get(connector.name)) is not None:
            line = pause_line(paused)
            say_left_out(context, connector.name, line)
            for name in _CHECKS:  # a step must give its checks
                yield dg.AssetCheckResult(check_name=name, passed=True, description=f"not looked at, {connector.name} is {line}")
            return
        ref = SyncRef(context.run.run_id, context.run.tags.get(BATCH_TAG), context.run.run_id)
        try:
            with ending_plainly(context):
                asked, of_run = request_of(config, connector.name), requests_of_run(context, connector)
                begin = partial(ahead.readings, ref, of_run) if ahead.serves(of_run) else None
                report = ingest_stream(hub, connector, stream, ref, asked, begin)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            ahead.stop()  # no later step will take what is being read
            raise
        fit = rows_fit.when_read(connector.name, stream.name, report)
        checks = [_fields_as_before(report, settings.schema_drift), fit, _api_version_served(connector)]
        yield dg.MaterializeResult(metadata=sync_metadata(report), check_results=checks)

    return raw


@contextmanager
def ending_plainly(context: dg.AssetExecutionContext) -> Iterator[None]:
    """An error of ours ends the step with its one line; the run is marked if the fault is one that passes."""
    try:
        yield
    except HubError as error:
        if isinstance(error, (SourceUnavailableError, WarehouseBusyError)):
            context.instance.add_run_tags(context.run.run_id, {LATER_TAG: context.run.run_id})
        raise dg.Failure(str(error), allow_retries=False) from error


def say_left_out(context: dg.AssetExecutionContext, source: str, line: str) -> None:
    """Say of a run whose source is paused that it read nothing, in its log and in its tags."""
    context.log.warning(f"{source} is {line}: nothing was read; hub resume {source} ends it")
    context.instance.add_run_tags(context.run.run_id, {PAUSED_TAG: source})


def request_of(config: SyncConfig, source: str) -> SyncRequest:
    """What a run asks of a stream. Raises `ConfigError` for a window that is none."""
    window = None
    if config.since or config.until:
        window = (_moment(config.since, source, "since"), _moment(config.until, source, "until"))
        if window[0] >= window[1]:
            raise ConfigError("the window ends before it begins", source=source, field="until", remedy="give a later time")
    return SyncRequest(config.full, config.limit, window, config.accept_schema)


def requests_of_run(context: dg.AssetExecutionContext, connector: Connector) -> Mapping[str, SyncRequest]:
    """What a Dagster run asks of each stream of a source that it syncs. Raises `ConfigError` as `request_of` does."""
    chosen: Sequence[str] | None = context.run.step_keys_to_execute
    config: Any = context.run.run_config.get("ops", {})
    steps = {node.name for node in context.job_def.nodes if chosen is None or node.name in chosen}
    names = {stream.name: raw_key(connector.name, stream.name).to_python_identifier() for stream in connector.streams()}
    asked = {name: SyncConfig(**config.get(step, {}).get("config", {})) for name, step in names.items() if step in steps}
    return {name: request_of(one, connector.name) for name, one in asked.items()}


def _moment(text: str | None, source: str, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise ConfigError(
            "a backfill needs two times", source=source, field=field, remedy="give ISO dates or times, as 2026-03-01"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fields_as_before(report: SyncReport, policy: str) -> dg.AssetCheckResult:
    changes = [str(change) for change in report.changes]
    return dg.AssetCheckResult(
        check_name="fields_as_before",
        passed=not changes or policy == "evolve",
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(changes[:20]) or "as before",
        metadata={"changes": len(changes), "policy": policy},
    )


def _api_version_served(connector: Connector) -> dg.AssetCheckResult:
    told = versions.warning(connector.type_name, datetime.now(UTC).date())
    return dg.AssetCheckResult(
        check_name="api_version_served", passed=told is None, severity=dg.AssetCheckSeverity.WARN, description=told or "served"
    )


def _description(connector: Connector, stream: Stream) -> str:
    version = f", API version {connector.api_version}" if connector.api_version else ""
    cursor = f"incremental by {stream.cursor_field}" if stream.cursor_field else "read in full each time"
    if connector.family == "files":
        cursor = "a new or changed file is read whole"
    return (
        f"{stream.name} of {connector.name} ({connector.type_name}{version}), as sent, append-only."
        f" Key {stream.primary_key}; {cursor}; deletes: {stream.deletes.value}."
    )


def sync_metadata(report: SyncReport) -> dict[str, Any]:
    """The figures of a sync, for plots over time. Counts and seconds only."""
    counts = report.counts
    return {
        "dagster/partition_row_count": counts.extracted,
        "rows_in": counts.extracted,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "quarantined": counts.quarantined,
        "api_calls": report.api_calls,
        "retries": report.retries,
        "seconds": round(report.seconds, 3),
        "field_changes": len(report.changes),
    }
