"""From raw to a judged load, one function per stage: stage, resolve, golden, judge. Publishing it is `pipelines.publishing`.

Each stage opens the warehouse, does its part and closes it. The candidate they speak of is noted in the warehouse, and publishing
refuses one that is not exactly what the gate judged, so that stages of two builds can never mix unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.contract import Connector
from expectations import Verdict, judge, judge_relation
from expectations.own import with_own
from hub.contract.columns import TABLES as STAGING_TABLES
from hub.golden import TABLES, HowBuilt, Suppressions, TableDelta, build_golden, how_built
from hub.identity import ResolutionReport, resolve
from hub.normalise import NORMALISER_VERSION, normalise_consents, normalise_parties
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.freshness import freshness
from pipelines.grown import replaced_rows
from pipelines.load_history import backfilled_rows, compared_figures, doubled_before
from pipelines.logs import step
from pipelines.own_expectations import own_results
from pipelines.privacy.late import keep_out
from pipelines.publishing import load_row
from pipelines.rates import read_rates
from pipelines.records import note_rejects, note_tasks, note_verdict
from warehouse import control_tables as t
from warehouse.build_state import Candidate, begin_candidate, current_candidate, new_load_id
from warehouse.connection import frugal, writer
from warehouse.control import utcnow
from warehouse.copies import copy_control, copy_decisions, copy_echoes
from warehouse.differences import content_digest
from warehouse.measure import Scope, measure
from warehouse.measure_doubled import doubled
from warehouse.privacy_tables import PRIVACY_SECRET
from warehouse.publish import live_attached, live_load
from warehouse.staging import Handlers, Staged, StreamToStage, stage_streams

if TYPE_CHECKING:
    import duckdb

_LINKAGE_MB = 600


@dataclass(frozen=True)
class Built:
    """The golden tables of a candidate: what changed in each, the names and types of its columns, and how it was built."""

    deltas: dict[str, TableDelta]
    columns: dict[str, list[tuple[str, str]]]
    how: HowBuilt


@step
def stage(hub: Hub, connectors: Sequence[Connector], *, digest: str, run_id: str) -> dict[tuple[str, str], Staged]:
    """Bring staging up to date with raw and begin a candidate.

    Args:
        digest: of everything the load is made from; see `pipelines.plan`.
        run_id: the run whose later stages may go on with the candidate, and no other's.

    Returns:
        What was staged, per source and stream that had something new.
    """
    now = hub.control.moment()
    with writer(hub.config.warehouse) as con:
        begin_candidate(con, Candidate(new_load_id(now), live_load(hub.config.warehouse), digest, now, run_id))
        done = stage_all(con, hub, connectors, now=now)
        if keep_out(con, hub, connectors):
            stage_all(con, hub, connectors, now=now)
        note_rejects(con, hub.control)
    return done


def stage_all(
    con: duckdb.DuckDBPyConnection, hub: Hub, connectors: Sequence[Connector], *, now: datetime
) -> dict[tuple[str, str], Staged]:
    """Bring the staging of an open warehouse up to date with its raw; nothing outside of it is written."""
    copy_echoes(con, hub.control)
    judge_rows = partial(_judge_rows, in_sql_from=hub.config.gate.in_sql_from)
    handlers = Handlers(normalise_parties, judge_rows, NORMALISER_VERSION, normalise_consents)
    return stage_streams(con, _streams(hub, connectors), handlers, now=now)


def _streams(hub: Hub, connectors: Sequence[Connector]) -> Iterator[StreamToStage]:
    for connector in connectors:
        blocks, place = hub.mapping(connector), hub.place(connector)
        for stream in connector.streams():
            yield StreamToStage(place, stream.name, [block for block in blocks if block.stream == stream.name])


def _judge_rows(con: duckdb.DuckDBPyConnection, table: str, relation: str, into: str, *, in_sql_from: int) -> None:
    key = STAGING_TABLES[table].key
    judge_relation(con, table, relation, key=key, place="row_no", into=into, in_sql_from=in_sql_from)


@step
def resolve_identity(hub: Hub, *, run_id: str, retrain: bool = False, full: bool = False) -> ResolutionReport:
    """Resolve the candidate's records to customers; writes schema identity of the working warehouse."""
    with writer(hub.config.warehouse) as con, live_attached(con, hub.config.warehouse) as live:
        candidate = current_candidate(con, run_id)
        report = resolve_staged(
            con, hub, load_id=candidate.load_id, now=candidate.started_at, live=live, retrain=retrain, full=full
        )
        note_tasks(con, hub.control)
    return report


def resolve_staged(
    con: duckdb.DuckDBPyConnection,
    hub: Hub,
    *,
    load_id: str,
    now: datetime,
    live: str | None,
    retrain: bool = False,
    full: bool = False,
) -> ResolutionReport:
    """Resolve what an open warehouse has staged; nothing outside of it is written.

    Args:
        live: catalog of the attached published load, None before the first.
    """
    copy_control(con, hub.control)
    copy_decisions(con, hub.control)
    with frugal(con, linkage_memory(con)):
        return resolve(
            con,
            hub.config.identity,
            run_id=load_id,
            now=now,
            id_secret=hub.control.secret("id_secret"),
            live=f"{live}.identity" if live else None,
            retrain=retrain,
            full=full,
            decisions="identity.match_decision",
        )


def linkage_memory(con: duckdb.DuckDBPyConnection) -> str:
    """What identity may hold in memory: enough that little of what it works on goes to disk and back, however many records.

    Up to a million records that is little. Of more, both sides of a comparison are held whole where the machine has the memory:
    beyond what a smaller machine could do as well, no more than half of what DuckDB may take.
    """
    query = "SELECT count(*), parse_formatted_bytes(current_setting('memory_limit')) // 2_000_000 FROM staging.party_record"
    records, half = con.execute(query).fetchall()[0]
    least = _LINKAGE_MB + records // 1_500
    return f"{max(least, min(least + max(records - 1_000_000, 0) // 1_000, half))}MB"


@step
def build(hub: Hub, *, run_id: str, full: bool = False) -> Built:
    """Build the candidate's golden tables; from scratch if `full`, else what the day touched."""
    with writer(hub.config.warehouse) as con, live_attached(con, hub.config.warehouse) as live:
        candidate = current_candidate(con, run_id)
        rates = read_rates(hub.config.reporting)
        # if somebody went back to another load meanwhile, this one will not be published
        follows = candidate.follows if candidate.follows == live_load(hub.config.warehouse) else None
        deltas = build_golden(
            con,
            replace(hub.config.golden, suppressions=Suppressions("steward.suppression", hub.control.secret(PRIVACY_SECRET))),
            load_id=candidate.load_id,
            live=live,
            now=_by_the_clock(candidate),
            rates=rates,
            follows=follows,
            full=full,
        )
        columns = {table: [row[:2] for row in con.execute(f"DESCRIBE golden.{table}").fetchall()] for table in TABLES}
        how = how_built(con)
    return Built(deltas, columns, how)


@step
def judge_candidate(hub: Hub, connectors: Sequence[Connector], *, run_id: str) -> Verdict:
    """Measure the candidate, judge it and note the verdict; a held load is noted as such."""
    with writer(hub.config.warehouse) as con, live_attached(con, hub.config.warehouse) as live:
        candidate = current_candidate(con, run_id)
        digest = content_digest(con, JUDGED, load_id=candidate.load_id)
        since = _began(con, live, candidate.follows)
        scope = Scope(
            keys=TABLES,
            streams=[(connector.name, stream.name) for connector in connectors for stream in connector.streams()],
            live=live,
            since=since,
            max_cluster_size=hub.config.identity.max_cluster_size,
            backfilled=backfilled_rows(hub.control, since),
            replaced=replaced_rows(con, hub, candidate, live),
            doubled_before=doubled_before(hub.control, candidate.follows if live else None),
        )
        frames = measure(con, scope, run_id=candidate.load_id, now=_by_the_clock(candidate))
        frames["freshness"] = freshness(hub)
        frames |= compared_figures(con, hub, candidate, doubled(frames["duplicates"]))
        verdict = judge(frames, hub.config.gate, load_id=candidate.load_id, now=datetime.now(UTC))
        verdict = with_own(verdict, own_results(con, hub.config.gate))
        note_verdict(hub.control, verdict, digest, frames["reconciliation"])
        if verdict.decision == "hold":
            hub.control.put(t.load_batch, [load_row(con, candidate, "held")])
        copy_control(con, hub.control)
    return verdict


def _by_the_clock(candidate: Candidate) -> datetime:
    """When it began. Its own time is ahead of the clock where that was put back, and its day is that of the clock."""
    return min(candidate.started_at, utcnow())


def _began(con: duckdb.DuckDBPyConnection, live: str | None, load_id: str | None) -> Any:
    if live is None:
        return None
    rows = con.execute(f"SELECT started_at FROM {live}.ops.load_batch WHERE load_id = ?", [load_id]).fetchall()
    return rows[0][0] if rows else None
