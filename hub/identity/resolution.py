"""The whole of identity for one load: staging.party_record in, schema identity out.

The schema is the candidate's; what is published is only read. Nothing outside it is written, so a held load leaves no trace.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from hub.contract.errors import ConfigError
from hub.identity.decisions import Decisions, read_decisions
from hub.identity.linkage import Linked, link
from hub.identity.registry import assign, churn
from hub.identity.review import queue
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, drop_temporary, one, rows, run, table


@dataclass(frozen=True)
class ResolutionReport:
    """What one resolution did.

    Attributes:
        records: live records; each is in the crosswalk once.
        customers: clusters.
        largest_cluster: most distinct records (sets of match keys) of one customer.
        largest_customer: most records of one customer, equal ones counted too.
        trained: a model was made in this load, learnt or the defaults.
        id_churn_rate: records whose ID changed / records in both loads; None on the first load.
        seconds: wall seconds.
    """

    run_id: str
    model_version: str
    model_origin: str
    trained: bool
    records: int
    candidate_pairs: int
    customers: int
    created_ids: int
    merged_ids: int
    split_ids: int
    kept_ids: int
    retired_ids: int
    largest_cluster: int
    largest_customer: int
    id_churn_rate: float | None
    review_tasks: int
    seconds: float


def resolve(
    con: Connection,
    settings: IdentitySettings,
    *,
    run_id: str,
    now: datetime,
    id_secret: bytes,
    live: str | None,
    retrain: bool = False,
    decisions: str | None = None,
) -> ResolutionReport:
    """Resolves staging.party_record to customers and fills schema identity anew (but for match_decision, which stewards own).

    Every record that is not deleted is in the current crosswalk exactly once; test records (``is_test``) are never compared and
    stay customers of their own unless a steward says otherwise.

    Args:
        con: the working warehouse.
        now: with or without zone; becomes valid_from, minted_at and the like.
        id_secret: key of the HMAC from which new IDs are minted.
        live: schema of the published load, such as ``live.identity``; None on the first load.
        retrain: learn a new model even where the live one would do.
        decisions: relation with the columns of identity.match_decision.

    Raises:
        ConfigError: decisions contradict each other, or the secret is empty.
    """
    started = time.monotonic()
    if not id_secret:
        raise ConfigError("the secret from which customer IDs are made is empty", remedy="set it to at least 16 random bytes")
    now = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    decided = read_decisions(con, decisions)
    linked = link(con, settings, decided, now=now, live=live, retrain=retrain)
    assign(con, live=live, run_id=run_id, now=now, secret=id_secret)
    _describe(con, decided, live)
    run(con, "crosswalk", run_id=run_id, now=now)
    queue(con, settings, decided)
    report = _report(con, linked, run_id, now, time.monotonic() - started)
    _write(con, settings, linked, report, now)
    return report


def _describe(con: Connection, decided: Decisions, live: str | None) -> None:
    """Makes the tables that only say what was decided and what the live load holds."""
    table(con, "id_together", record_key=pa.array([key for group in decided.together for key in group], pa.string()))
    for name, relation in (("id_live_log", "merge_log"), ("id_model", "model"), ("id_run", "resolution_run")):
        from_live = f"{live}.{relation}" if live else f"identity.{relation} WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {from_live}")


def _report(con: Connection, linked: Linked, run_id: str, now: datetime, seconds: float) -> ResolutionReport:
    events: dict[str, int] = dict(rows(con, "SELECT event_type, count(*) FROM id_event GROUP BY event_type"))
    return ResolutionReport(
        run_id=run_id,
        model_version=linked.model.version,
        model_origin=linked.model.origin,
        trained=linked.model.trained_at == now,
        records=linked.records,
        candidate_pairs=linked.candidate_pairs,
        customers=int(one(con, "SELECT count(*) FROM id_assigned")),
        created_ids=int(one(con, "SELECT count(*) FROM id_minted")),
        merged_ids=events.get("merge", 0),
        split_ids=events.get("split", 0) + events.get("unmerge", 0),
        kept_ids=int(one(con, "SELECT count(*) FROM id_assigned WHERE how = 'kept'")),
        retired_ids=events.get("retire", 0),
        largest_cluster=linked.largest,
        largest_customer=int(one(con, "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM id_member GROUP BY cluster)")),
        id_churn_rate=churn(con),
        review_tasks=int(one(con, "SELECT count(*) FROM id_task")),
        seconds=seconds,
    )


def _write(con: Connection, settings: IdentitySettings, linked: Linked, report: ResolutionReport, now: datetime) -> None:
    linked.model.store(con, "id_model")
    figures = ("run_id", "model_version", "records", "candidate_pairs")
    counts = ("created_ids", "merged_ids", "split_ids", "kept_ids", "retired_ids", "largest_cluster", "id_churn_rate")
    values = [getattr(report, f) for f in figures] + [report.customers] + [getattr(report, c) for c in counts]
    marks = ", ".join("?" * (len(values) + 2))
    con.execute(f"INSERT INTO id_run VALUES ({marks})", [*values, now, now + timedelta(seconds=report.seconds)])
    with _transaction(con):
        run(con, "match_key")
        run(con, "write", model_version=report.model_version, review_floor=settings.review_floor)
    drop_temporary(con)


@contextmanager
def _transaction(con: Connection) -> Iterator[None]:
    """All or nothing; joins the caller's transaction if there is one."""
    # outside of a transaction every statement is one of its own
    if one(con, "SELECT txid_current()") == one(con, "SELECT txid_current()"):
        yield
        return
    con.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
