"""The whole of identity for one load: staging.party_record in, schema identity out.

The schema is the candidate's; what is published is only read. Nothing outside it is written, so a held load leaves no trace.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.contract.errors import ConfigError
from hub.identity import state
from hub.identity.decisions import Decisions, describe, read_decisions
from hub.identity.delta import ask_anew, whole
from hub.identity.linkage import Linked, frozen_model, link, relink
from hub.identity.registry import assign, churn
from hub.identity.review import ask_all, queue
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, drop_temporary, one, rows, run


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
        contradictions: pairs of customers that linkage would join and an identifier keeps apart.
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
    contradictions: int
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
    full: bool = False,
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
        full: link all records anew even where only what changed need be.
        decisions: relation with the columns of identity.match_decision.

    Raises:
        ConfigError: decisions contradict each other, or the secret is empty.
    """
    started = time.monotonic()
    if not id_secret:
        raise ConfigError("the secret from which customer IDs are made is empty", remedy="set it to at least 16 random bytes")
    now = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    decided = read_decisions(con, decisions)
    describe(con, decided, decisions, live)
    run_of = _Run(con, settings, decided, run_id, now, id_secret, live, started)
    state.settle(con, live)
    model = frozen_model(con, live, retrain)
    if live is not None and model is not None and not full and state.fits(con, live, model, settings):
        with _transaction(con):
            relinked = relink(con, settings, decided, live=live, model=model)
            if relinked is not None:
                return run_of.conclude(relinked)
    return run_of.conclude(link(con, settings, decided, now=now, live=live, model=model, aside=not full))


@dataclass(frozen=True)
class _Run:
    """One resolution, from clusters to schema identity."""

    con: Connection
    settings: IdentitySettings
    decisions: Decisions
    run_id: str
    now: datetime
    secret: bytes
    live: str | None
    started: float

    def conclude(self, linked: Linked) -> ResolutionReport:
        """Assigns IDs to what was linked and writes it all."""
        con = self.con
        assign(con, live=self.live, run_id=self.run_id, now=self.now, secret=self.secret, partial=linked.partial)
        _recall(con, None if linked.partial else self.live)
        run(con, "crosswalk", run_id=self.run_id, now=self.now)
        unchanged = int(one(con, _UNCHANGED)) if linked.partial else 0
        id_churn_rate = churn(con, unchanged)
        if linked.partial:
            whole(con)
            ask_anew(con, self.settings, self.decisions)
        else:
            ask_all(con, self.settings, self.decisions)
        queue(con, self.settings, self.decisions)
        report = _report(con, linked, self.run_id, self.now, id_churn_rate, time.monotonic() - self.started)
        _note_run(con, report, self.now)
        linked.model.store(con, "id_model")
        with _transaction(con):
            run(con, "match_key")
            run(
                con,
                "write_part" if linked.partial else "write",
                model_version=report.model_version,
                review_floor=self.settings.review_floor,
            )
            if not linked.partial:
                state.save(con)
            state.stamp(con, self.run_id, linked.model, self.settings, self.decisions, self.live if linked.partial else None)
        drop_temporary(con)
        return report


# records of both loads that nothing happened to
_UNCHANGED = "SELECT count(*) FROM linkage.record ANTI JOIN id_told USING (record_key)"


def _recall(con: Connection, live: str | None) -> None:
    """Makes the tables that only say what the live load holds."""
    for name, relation in (("id_live_log", "merge_log"), ("id_model", "model"), ("id_run", "resolution_run")):
        from_live = f"{live}.{relation}" if live else f"identity.{relation} WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {from_live}")


def _report(
    con: Connection, linked: Linked, run_id: str, now: datetime, id_churn_rate: float | None, seconds: float
) -> ResolutionReport:
    events: dict[str, int] = dict(rows(con, "SELECT event_type, count(*) FROM id_event GROUP BY event_type"))
    sizes = "SELECT count(*), coalesce(max(nodes), 0), coalesce(max(records), 0) FROM id_customer"
    customers, largest_cluster, largest_customer = rows(con, sizes)[0]
    created, restored = (int(one(con, f"SELECT count(*) FROM {name}")) for name in ("id_minted", "id_restored"))
    return ResolutionReport(
        run_id=run_id,
        model_version=linked.model.version,
        model_origin=linked.model.origin,
        trained=linked.model.trained_at == now,
        records=linked.records,
        candidate_pairs=linked.candidate_pairs,
        customers=customers,
        created_ids=created,
        merged_ids=events.get("merge", 0),
        split_ids=events.get("split", 0) + events.get("unmerge", 0),
        kept_ids=customers - created - restored,
        retired_ids=events.get("retire", 0),
        largest_cluster=largest_cluster,
        largest_customer=largest_customer,
        id_churn_rate=id_churn_rate,
        review_tasks=int(one(con, "SELECT count(*) FROM id_task")),
        contradictions=int(one(con, "SELECT count(*) FROM id_question WHERE identifier IS NOT NULL")),
        seconds=seconds,
    )


def _note_run(con: Connection, report: ResolutionReport, now: datetime) -> None:
    """Adds the run to id_run."""
    figures = ("run_id", "model_version", "records", "candidate_pairs", "customers", "created_ids", "merged_ids", "split_ids")
    counts = ("kept_ids", "retired_ids", "largest_cluster", "id_churn_rate")
    values = [getattr(report, f) for f in (*figures, *counts)]
    marks = ", ".join("?" * (len(values) + 2))
    con.execute(f"INSERT INTO id_run VALUES ({marks})", [*values, now, now + timedelta(seconds=report.seconds)])


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
