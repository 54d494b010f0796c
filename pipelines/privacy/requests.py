"""Privacy requests in the control store: suppress, lift, list, and when each is due and done."""

from __future__ import annotations

import calendar
import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.contract.errors import NotFoundError
from hub.golden.suppression import identifier_hmac
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit
from pipelines.stewardship import one_customer
from warehouse import privacy_tables as t
from warehouse.connection import published
from warehouse.control import utcnow

if TYPE_CHECKING:
    import duckdb


def due(received: datetime) -> datetime:
    """A month after a request was received (GDPR, article 12(3)): the same day of the next month, or its last one."""
    year, month = divmod(received.year * 12 + received.month, 12)
    month += 1
    return received.replace(year=year, month=month, day=min(received.day, calendar.monthrange(year, month)[1]))


def new_request(kind: str, customer: str, by: Steward, received: datetime | None) -> dict[str, Any]:
    """A privacy_request row that nothing was done about yet; received now unless it says when, in UTC."""
    now = utcnow()
    return {
        "request_id": f"p_{secrets.token_hex(6)}",
        "kind": kind,
        "subject_ref": customer,
        "received_at": received or now,
        "due_at": due(received or now),
        "status": "open",
        "requested_by": by.name,
        "reason": by.reason,
        "affected": None,
        "done_at": None,
        "done_load_id": None,
    }


def suppress(hub: Hub, key: str, by: Steward, *, received: datetime | None = None) -> dict[str, Any]:
    """Let nobody contact a person by any channel, whatever was granted or will be, at any address or number that is theirs.

    Kept are HMACs of the identifiers only, so that the list tells nothing to whoever reads it. The next load shows it.

    Args:
        key: whatever finds one customer.
        received: when the person asked, if not now; UTC.

    Returns:
        The privacy_request row.

    Raises:
        NotFoundError: the key finds nobody, or several, or nothing that a person could be contacted by.
    """
    with published(hub.config.warehouse) as con:
        customer = one_customer(hub, con, key)
        found = _identifiers(con, customer)
    if not found:
        raise NotFoundError(
            f"customer {customer} has neither e-mail nor phone",
            remedy="there is nothing to contact them by",
        )
    now, secret = utcnow(), hub.control.secret(t.PRIVACY_SECRET)
    request = new_request("suppress", customer, by, received) | {"affected": json.dumps({"identifiers": len(found)})}
    listed = [
        {
            "suppression_id": f"s_{secrets.token_hex(8)}",
            "id_type": id_type,
            "id_hmac": identifier_hmac(secret, value),
            "scope": "contact",
            "request_id": request["request_id"],
            "added_at": now,
            "added_by": by.name,
            "lifted_at": None,
            "lifted_by": None,
        }
        for id_type, value in found
    ]
    # the request first: a list without a request would act and be nobody's
    hub.control.add(t.privacy_request, [request])
    hub.control.add(t.suppression, listed)
    audit(hub, by, "privacy_suppress", request["request_id"], customer=customer, identifiers=len(found))
    return request


def _identifiers(con: duckdb.DuckDBPyConnection, customer: str) -> list[tuple[str, str]]:
    query = (
        "SELECT DISTINCT id_type, id_value FROM golden.customer_identifier"
        " WHERE customer_id = ? AND id_type IN ('email', 'phone') ORDER BY ALL"
    )
    return con.execute(query, [customer]).fetchall()


def lift(hub: Hub, request_id: str, by: Steward) -> dict[str, Any]:
    """Take a suppression back, because the person asked for it. Consent alone counts again from the next load on.

    Raises:
        NotFoundError: no request of that ID suppresses anybody.
    """
    row = t.suppression.c
    done = {"lifted_at": utcnow(), "lifted_by": by.name}
    lifted = hub.control.run(
        sa.update(t.suppression).where(row.request_id == request_id, row.scope == "contact", row.lifted_at.is_(None)).values(**done)
    )
    if not lifted:
        raise NotFoundError(f"no request {request_id} suppresses anybody", remedy="see hub privacy list")
    hub.control.run(sa.update(t.privacy_request).where(t.privacy_request.c.request_id == request_id).values(status="lifted"))
    audit(hub, by, "privacy_lift", request_id, identifiers=lifted)
    return {"request_id": request_id, "identifiers": lifted, **done}


def requests(hub: Hub, *, everything: bool = False) -> list[dict[str, Any]]:
    """The requests, those due first at the top, each with `days_left`; done and lifted ones only if asked for."""
    row, now = t.privacy_request.c, utcnow()
    query = sa.select(t.privacy_request).order_by(row.due_at, row.request_id)
    found = hub.control.rows(query if everything else query.where(row.status == "open"))
    return [{**request, "days_left": (request["due_at"] - now).days if request["status"] == "open" else None} for request in found]


def settle_requests(hub: Hub, load_id: str, begun: datetime) -> int:
    """Note that a load which was published shows what was asked for before it began; how many requests that settled."""
    row = t.privacy_request.c
    waiting = sa.select(row.request_id).where(row.status == "open", row.kind == "suppress")
    known = sa.select(t.suppression.c.request_id).where(t.suppression.c.added_at < begun)
    done = {"status": "done", "done_at": utcnow(), "done_load_id": load_id}
    return hub.control.run(
        sa.update(t.privacy_request).where(row.request_id.in_(waiting), row.request_id.in_(known)).values(**done)
    )
