"""The last step of a build: a load that passed the gate becomes what analysts open, or is withheld while another one is pinned.

What a load has is said in `pipelines.contents`; how files are written is the warehouse's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import PublishRefusedError
from hub.golden import TableDelta, gone, table_deltas
from pipelines.contents import JUDGED, published_views
from pipelines.context import Hub
from pipelines.logs import step
from pipelines.meanings import meanings
from pipelines.pins import active_pin
from pipelines.privacy import settle_requests
from pipelines.sharing import settle_shared, sharer
from warehouse import control_tables as t
from warehouse.build_state import Candidate, current_candidate
from warehouse.connection import linking, published, writer
from warehouse.control import utcnow
from warehouse.copies import CARRIED
from warehouse.differences import RowChanges, content_digest
from warehouse.publish import demand_verdict, live_attached, live_load, prune, publish

if TYPE_CHECKING:
    import duckdb


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


def load_row(con: duckdb.DuckDBPyConnection, candidate: Candidate, status: str) -> dict[str, Any]:
    """A load's row of the control store's `load_batch`, as it ends now."""
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
        "ended_at": max(candidate.started_at, utcnow()),
    }


@step
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
            row.update(load_row(con, candidate, "published") | _of_customers(changes["customer"]))
            row["audit_head"] = hub.control.audit_head()  # who rewrites the log has no hand in what was published before
            con.execute("DELETE FROM ops.load_batch WHERE load_id = ?", [candidate.load_id])
            con.execute(f"INSERT INTO ops.load_batch ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

        changes = publish(
            con,
            settings,
            load_id=candidate.load_id,
            judged=JUDGED,
            carried=CARRIED,
            views=published_views(con),
            comments=meanings(),
            settle=settle,
            gone={f"golden.{name}": keys for name, keys in gone(con, load_id=candidate.load_id).items()},
            share=sharer(hub, candidate.load_id),
        )
        hub.control.put(t.load_batch, [row])
        settle_requests(hub, candidate.load_id, candidate.started_at)
        deltas = {name: TableDelta(*astuple(changed)) for name, changed in changes.items()}
        return Published(candidate.load_id, deltas, prune(settings))


def _withhold(hub: Hub, con: duckdb.DuckDBPyConnection, candidate: Candidate, pinned: str) -> Published:
    """Note that the candidate passed the gate and is not published, since another load is pinned."""
    demand_verdict(con, candidate.load_id, content_digest(con, JUDGED, load_id=candidate.load_id))
    with live_attached(con, hub.config.warehouse) as live:
        deltas = table_deltas(con, load_id=candidate.load_id, live=live)
    hub.control.put(t.load_batch, [load_row(con, candidate, "withheld") | _of_customers(deltas["customer"])])
    return Published(candidate.load_id, deltas, [], pinned)


def _of_customers(delta: TableDelta | RowChanges) -> dict[str, int]:
    return {"inserted": delta.inserted, "changed": delta.changed, "removed": delta.removed}


def adopt_published(hub: Hub) -> None:
    """Make the control store know the load that the link points to, should a crash have come between; so the shared link."""
    load_id = live_load(hub.config.warehouse)
    if load_id is None:
        return
    settle_shared(hub)
    known = hub.control.rows(sa.select(t.load_batch.c.status).where(t.load_batch.c.load_id == load_id))
    if known and known[0]["status"] == "published":
        return
    with published(hub.config.warehouse) as con:
        cursor = con.execute("SELECT * FROM ops.load_batch WHERE load_id = ?", [load_id])
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    hub.control.put(t.load_batch, rows)
