"""Conditions of sources, from the control store: syncs that failed, freshness missed, fields that changed, ends that draw near."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from connectors import versions
from pipelines.alerts.condition import Condition, moment
from pipelines.context import Hub
from pipelines.dead_syncs import DIED, dead_syncs
from pipelines.pauses import active_pauses
from warehouse import control_tables as t
from warehouse.drift import FieldChange

_NEWS = timedelta(hours=24)  # fields that changed longer ago are no news; evaluations come far more often than that
_RENEWAL = timedelta(days=14)  # time to get a new token from whoever may make one
_NAMED = 5  # fields that a message names


def source_conditions(hub: Hub, instance: dg.DagsterInstance, now: datetime) -> Iterator[Condition]:
    """What is wrong with the sources that syncs read; those switched off are left in peace, and paused ones are not late."""
    last, paused = hub.control.last_syncs(), active_pauses(hub)
    dead = dead_syncs(hub.control, instance)
    for source in hub.config.enabled():
        connector = hub.config.connector(source)
        read = {stream.name for stream in connector.streams()}  # a stream may have been taken out of hub.yaml
        type_name = connector.type_name
        connector.close()
        streams = [row for row in last if row["source_system"] == source and row["stream"] in read]
        died = [row for row in dead if row["source_system"] == source and row["stream"] in read]
        yield from _run_failed(hub, source, len(read), streams, died)
        if source not in paused:
            yield from _freshness_missed(hub, source, streams, now)
        yield from _expiring(hub, source, type_name, now)
    yield from _schema_changed(hub, now)


def _run_failed(hub: Hub, source: str, of: int, streams: list[dict[str, Any]], died: list[dict[str, Any]]) -> Iterator[Condition]:
    failed = {row["stream"]: row["error"] for row in streams if row["status"] == "failed"}
    good = {row["stream"]: row["succeeded_at"] or datetime.min for row in streams}  # noqa: DTZ901 - the store's times have no zone
    # what died beside another sync that succeeded since is made good
    died = [row for row in died if row["started_at"] >= good.get(row["stream"], row["started_at"])]
    failed |= {row["stream"]: DIED for row in died}
    if not failed:
        return
    past = hub.control.rows(
        sa.select(t.sync_run).where(
            t.sync_run.c.source_system == source, t.sync_run.c.stream.in_(failed), t.sync_run.c.status == "failed"
        )
    )
    bad = [row for row in past if row["ended_at"] >= good[row["stream"]]] + died
    stream, error = next(iter(failed.items()))
    told = " ".join(str(error or "no reason is noted").split())
    place = "" if told.startswith(f"{source}/{stream}") else f"{stream}: "
    yield Condition(
        key=f"run_failed/{source}",
        kind="run_failed",
        severity="error",
        where=f"source {source}",
        what=f"the sync failed in {len(failed)} of {of} streams ({', '.join(sorted(failed))}); {place}{told}",
        next_step=f"hub sync {source}",
        runbook="A source failed",
        since=min(row["started_at"] for row in bad),
        times=max(sum(row["stream"] == name for row in bad) for name in failed),
    )


def _freshness_missed(hub: Hub, source: str, streams: list[dict[str, Any]], now: datetime) -> Iterator[Condition]:
    hours = hub.config.sources[source].fresh_within_hours
    read = {row["stream"]: row["succeeded_at"] for row in streams if row["succeeded_at"] is not None}
    if read:
        oldest = min(read, key=lambda stream: read[stream])
        due, what = read[oldest] + timedelta(hours=hours), f"{oldest} was last read at {moment(read[oldest])}"
    elif streams:  # one that nobody ever tried to read is new
        due, what = min(row["started_at"] for row in streams) + timedelta(hours=hours), "it was never read"
    else:
        return
    if due < now:
        yield Condition(
            key=f"freshness_missed/{source}",
            kind="freshness_missed",
            severity="error",
            where=f"source {source}",
            what=f"{what}, and counts as fresh for {hours:g} hours",
            next_step=f"hub sync {source}",
            runbook="A source is late",
            since=due,
        )


def _expiring(hub: Hub, source: str, type_name: str, now: datetime) -> Iterator[Condition]:
    pin = versions.VERSIONS.get(type_name)
    if pin is not None and pin.served_until is not None:
        yield from _ending(
            Condition(
                key=f"expiring/{source}/api_version",
                kind="expiring",
                severity="warning",
                where=f"source {source}",
                # without the days that are left, which are other ones each day
                what=f"API version {pin.version} of {type_name} is served until {pin.served_until}",
                next_step="upgrade customer-hub to a release that uses a newer version, then hub check",
                runbook="A source failed",
            ),
            pin.served_until,
            timedelta(days=versions.WARN_DAYS),
            now,
        )
    end = hub.config.sources[source].credentials_end
    if end is not None:
        yield from _ending(
            Condition(
                key=f"expiring/{source}/credentials",
                kind="expiring",
                severity="warning",
                where=f"source {source}",
                what=f"its key or token ends on {end}, as hub.yaml says",
                next_step=f"renew it at the vendor and in the environment, set sources.{source}.credentials_end, then hub check",
                runbook="A source failed",
            ),
            end,
            _RENEWAL,
            now,
        )


def _ending(condition: Condition, end: date, ahead: timedelta, now: datetime) -> Iterator[Condition]:
    """A condition that begins so long before a day, and is an error after it."""
    since = datetime.combine(end, time()) - ahead
    if since <= now:
        yield replace(condition, since=since, severity="error" if end < now.date() else "warning")


def _schema_changed(hub: Hub, now: datetime) -> Iterator[Condition]:
    change = t.schema_change.c
    rows = hub.control.rows(
        sa.select(t.schema_change)
        .where(change.detected_at > now - _NEWS, change.policy != "evolve", change.source_system.in_(hub.config.enabled()))
        .order_by(change.detected_at, change.field)
    )
    runs: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        runs.setdefault((row["source_system"], row["stream"], row["sync_run_id"]), []).append(row)
    found: dict[str, Condition] = {}
    for (source, stream, _), changes in runs.items():
        condition = _of_changes(source, stream, changes)
        # a source that stops at them finds the same ones with each sync: that is one piece of news
        found.setdefault(condition.key, condition)
    yield from found.values()


def _of_changes(source: str, stream: str, rows: list[dict[str, Any]]) -> Condition:
    said = [str(FieldChange(row["field"], row["change"], row["type_before"], row["type_now"])) for row in rows]
    more = f", and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    stops = rows[0]["policy"] == "stop"
    return Condition(
        key=f"schema_changed/{source}/{stream}/{hashlib.sha256(repr(said).encode()).hexdigest()[:12]}",
        kind="schema_changed",
        severity="error" if stops else "warning",
        where=f"source {source}, stream {stream}",
        what=f"fields changed: {', '.join(said[:_NAMED])}{more}",
        next_step=f"hub sync {source} --accept-schema" if stops else f"look at ops.schema_change and at the mapping of {source}",
        runbook="A source failed",
        since=rows[0]["detected_at"],
        is_event=True,
    )
