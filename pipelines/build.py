"""From raw to the published load, one function per stage: stage, resolve, golden, judge, publish.

Each stage opens the warehouse, does its part and closes it. The candidate they speak of is noted in the warehouse, and publishing
refuses one that is not exactly what the gate judged, so that stages of two builds can never mix unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.contract import Connector
from expectations import Verdict, judge, judge_relation
from expectations.own import with_own
from hub.contract.columns import TABLES as STAGING_TABLES
from hub.contract.errors import PublishRefusedError
from hub.golden import TABLES, VIEWS, TableDelta, as_of_macro, attributes, build_golden, table_deltas
from hub.golden.build import sql as golden_sql
from hub.identity import ResolutionReport, resolve
from hub.normalise import NORMALISER_VERSION, normalise_parties
from pipelines.context import Hub
from pipelines.freshness import freshness
from pipelines.load_history import backfilled_rows, compared_figures
from pipelines.meanings import meanings
from pipelines.own_expectations import own_results
from pipelines.pins import active_pin
from pipelines.rates import read_rates
from pipelines.records import note_rejects, note_tasks, note_verdict
from warehouse import control_tables as t
from warehouse.build_state import Candidate, begin_candidate, current_candidate, new_load_id
from warehouse.connection import frugal, linking, writer
from warehouse.control import utcnow
from warehouse.copies import CARRIED, copy_control, copy_decisions
from warehouse.differences import PublishedTable, RowChanges, content_digest
from warehouse.measure import Scope, measure
from warehouse.publish import demand_verdict, live_attached, live_load, prune, publish
from warehouse.sql import statement
from warehouse.staging import Handlers, Staged, stage_stream

if TYPE_CHECKING:
    import duckdb

IDENTITY_TABLES: dict[str, tuple[str, ...]] = {
    "customer_registry": ("customer_id",),
    "customer_xref": ("record_key", "valid_from"),
    "match_edge": ("record_key_l", "record_key_r"),
    "match_decision": ("decision_id",),
    "match_key": ("record_key",),
    "merge_log": ("event_id",),
    "blocked_value": ("id_type", "value"),
    "model": ("model_version",),
    "term_frequency": ("term_type", "term"),
    "resolution_run": ("run_id",),
    "review_task": ("task_id",),
}
_LINKAGE_MB = 600
JUDGED: tuple[PublishedTable, ...] = (
    *(PublishedTable("golden", name, keys, stamped=True) for name, keys in TABLES.items()),
    *(PublishedTable("identity", name, keys) for name, keys in IDENTITY_TABLES.items()),
)


@dataclass(frozen=True)
class Built:
    """The golden tables of a candidate: what changed in each, and the names and types of its columns."""

    deltas: dict[str, TableDelta]
    columns: dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class Published:
    """A published load and what it changed in each golden table; or one that passed the gate and was withheld.

    Attributes:
        pinned: the load that somebody went back to, over which nothing is published; None if this one was.
    """

    load_id: str
    deltas: dict[str, TableDelta]
    pruned: list[str]
    pinned: str | None = None


def stage(hub: Hub, connectors: Sequence[Connector], *, digest: str, run_id: str) -> dict[tuple[str, str], Staged]:
    """Bring staging up to date with raw and begin a candidate.

    Args:
        digest: of everything the load is made from; see `pipelines.plan`.
        run_id: the run whose later stages may go on with the candidate, and no other's.

    Returns:
        What was staged, per source and stream that had something new.
    """
    now = utcnow()
    with writer(hub.config.warehouse) as con:
        begin_candidate(con, Candidate(new_load_id(now), live_load(hub.config.warehouse), digest, now, run_id))
        done = stage_all(con, hub, connectors, now=now)
        note_rejects(con, hub.control)
    return done


def stage_all(
    con: duckdb.DuckDBPyConnection, hub: Hub, connectors: Sequence[Connector], *, now: datetime
) -> dict[tuple[str, str], Staged]:
    """Bring the staging of an open warehouse up to date with its raw; nothing outside of it is written."""
    judge_rows = partial(_judge_rows, in_sql_from=hub.config.gate.in_sql_from)
    handlers = Handlers(normalise=normalise_parties, judge=judge_rows, version=NORMALISER_VERSION)
    done: dict[tuple[str, str], Staged] = {}
    for connector in connectors:
        blocks, place = hub.mapping(connector), hub.place(connector)
        for stream in connector.streams():
            own = [block for block in blocks if block.stream == stream.name]
            staged = stage_stream(con, place, stream.name, own, handlers, now=now)
            if staged is not None:
                done[connector.name, stream.name] = staged
    return done


def _judge_rows(con: duckdb.DuckDBPyConnection, table: str, relation: str, into: str, *, in_sql_from: int) -> None:
    key = STAGING_TABLES[table].key
    judge_relation(con, table, relation, key=key, place="row_no", into=into, in_sql_from=in_sql_from)


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
    """What identity may hold in memory: enough that little of what it works on goes to disk and back, however many records."""
    records = con.execute("SELECT count(*) FROM staging.party_record").fetchall()[0][0]
    return f"{_LINKAGE_MB + records // 1_500}MB"


def build(hub: Hub, *, run_id: str) -> Built:
    """Build the candidate's golden tables."""
    with writer(hub.config.warehouse) as con, live_attached(con, hub.config.warehouse) as live:
        candidate = current_candidate(con, run_id)
        rates = read_rates(hub.config.reporting)
        deltas = build_golden(con, hub.config.golden, load_id=candidate.load_id, live=live, now=candidate.started_at, rates=rates)
        columns = {table: [row[:2] for row in con.execute(f"DESCRIBE golden.{table}").fetchall()] for table in TABLES}
    return Built(deltas, columns)


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
        )
        frames = measure(con, scope, run_id=candidate.load_id, now=candidate.started_at)
        frames["freshness"] = freshness(hub)
        frames |= compared_figures(con, hub, candidate)
        verdict = judge(frames, hub.config.gate, load_id=candidate.load_id, now=datetime.now(UTC))
        verdict = with_own(verdict, own_results(con, hub.config.gate))
        note_verdict(hub.control, verdict, digest, frames["reconciliation"])
        if verdict.decision == "hold":
            hub.control.put(t.load_batch, [_load_row(con, candidate, "held")])
        copy_control(con, hub.control)
    return verdict


def _began(con: duckdb.DuckDBPyConnection, live: str | None, load_id: str | None) -> Any:
    if live is None:
        return None
    rows = con.execute(f"SELECT started_at FROM {live}.ops.load_batch WHERE load_id = ?", [load_id]).fetchall()
    return rows[0][0] if rows else None


def _load_row(con: duckdb.DuckDBPyConnection, candidate: Candidate, status: str) -> dict[str, Any]:
    records, customers = con.execute(
        "SELECT (SELECT count(*) FROM identity.customer_xref WHERE is_current),"
        " (SELECT count(*) FROM golden.customer WHERE status = 'active')"
    ).fetchall()[0]
    return {
        "load_id": candidate.load_id,
        "status": status,
        "follows": candidate.follows,
        "input_digest": candidate.input_digest,
        "records": records,
        "customers": customers,
        "dagster_run_id": candidate.run_id,
        "started_at": candidate.started_at,
        "ended_at": utcnow(),
    }


def publish_candidate(hub: Hub, *, run_id: str) -> Published:
    """Publish the candidate if its verdict allows it and no load is pinned, then note it in the control store.

    Raises:
        PublishRefusedError: the gate holds it, it is not what the gate judged, or the live load is not the one it follows.
    """
    settings = hub.config.warehouse
    with writer(settings) as con, linking(settings):
        candidate = current_candidate(con, run_id)
        if candidate.follows != live_load(settings):
            raise PublishRefusedError(
                f"load {candidate.load_id} follows load {candidate.follows}, which is not the live one any more",
                remedy="run hub sync, which builds it anew",
            )
        pin = active_pin(hub)
        if pin is not None:
            return _withhold(hub, con, candidate, pin["load_id"])
        row: dict[str, Any] = {}

        def settle(changes: Mapping[str, RowChanges]) -> None:
            """The new file must name its own load; the control store learns of it once the link points there."""
            row.update(_load_row(con, candidate, "published") | _of_customers(changes["customer"]))
            con.execute("DELETE FROM ops.load_batch WHERE load_id = ?", [candidate.load_id])
            con.execute(f"INSERT INTO ops.load_batch ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

        views = published_views(con)
        changes = publish(
            *(con, settings),
            load_id=candidate.load_id,
            judged=JUDGED,
            carried=CARRIED,
            views=views,
            comments=meanings(),
            settle=settle,
        )
        hub.control.put(t.load_batch, [row])
        deltas = {name: TableDelta(*astuple(changed)) for name, changed in changes.items()}
        return Published(candidate.load_id, deltas, prune(settings))


def _withhold(hub: Hub, con: duckdb.DuckDBPyConnection, candidate: Candidate, pinned: str) -> Published:
    """Note that the candidate passed the gate and is not published, since another load is pinned."""
    demand_verdict(con, candidate.load_id, content_digest(con, JUDGED, load_id=candidate.load_id))
    with live_attached(con, hub.config.warehouse) as live:
        deltas = table_deltas(con, load_id=candidate.load_id, live=live)
    hub.control.put(t.load_batch, [_load_row(con, candidate, "withheld") | _of_customers(deltas["customer"])])
    return Published(candidate.load_id, deltas, [], pinned)


def _of_customers(delta: TableDelta | RowChanges) -> dict[str, int]:
    return {"inserted": delta.inserted, "changed": delta.changed, "removed": delta.removed}


def published_views(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and DDL of the views and macros that a published load has beside its tables."""
    return [
        *(("golden", golden_sql(view)) for view in VIEWS),
        ("golden", as_of_macro(attributes(con))),
        ("identity", statement("customer_redirect")),
    ]


def adopt_published(hub: Hub) -> None:
    """Make the control store know the load that the link points to, should a crash have come between the two."""
    load_id = live_load(hub.config.warehouse)
    if load_id is None:
        return
    known = hub.control.rows(sa.select(t.load_batch.c.status).where(t.load_batch.c.load_id == load_id))
    if known and known[0]["status"] == "published":
        return
    from warehouse.connection import published

    with published(hub.config.warehouse) as con:
        cursor = con.execute("SELECT * FROM ops.load_batch WHERE load_id = ?", [load_id])
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    hub.control.put(t.load_batch, rows)
