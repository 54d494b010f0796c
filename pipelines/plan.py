"""Whether a new load is needed: only if input, configuration, decisions or the day changed since the last one was judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import sqlalchemy as sa

from connectors.contract import Connector
from hub.identity.settings import NOT_DECIDING
from hub.normalise import NORMALISER_VERSION
from pipelines.context import Hub
from pipelines.own_expectations import own_file_digest
from pipelines.pins import active_pin
from pipelines.privacy.cut_offs import runs_that_cut
from pipelines.rates import rates_digest
from warehouse import control_tables as t
from warehouse.build_state import input_digest
from warehouse.connection import writer
from warehouse.control import utcnow
from warehouse.privacy_tables import erased, suppression
from warehouse.publish import live_load
from warehouse.staging import mapping_digest


@dataclass(frozen=True)
class Plan:
    """What to do about a new load.

    Attributes:
        action: build one; or nothing, since the published load (`unchanged`), the held one (`held`), or the one that is withheld
            while another is pinned (`withheld`) was made from the same.
        digest: of everything a load made now would be made from.
        load: the load_batch row that speaks for "nothing", if so.
    """

    action: Literal["build", "unchanged", "held", "withheld"]
    digest: str
    load: dict[str, Any] | None = None


def plan_build(hub: Hub, connectors: Sequence[Connector]) -> Plan:
    """Look at what a load made now would be made from, and whether the last one was made from the same."""
    with writer(hub.config.warehouse) as con:
        digest = input_digest(con, *_beyond_raw(hub, connectors))
    last = hub.control.last_load()
    if last is None or last["input_digest"] != digest:
        return Plan("build", digest)
    if last["status"] == "held":
        return Plan("held", digest, last)
    if last["status"] == "withheld":
        return Plan("withheld", digest, last) if active_pin(hub) is not None else Plan("build", digest)
    return Plan("unchanged", digest, last) if last["load_id"] == live_load(hub.config.warehouse) else Plan("build", digest)


def _beyond_raw(hub: Hub, connectors: Sequence[Connector]) -> list[str]:
    config = hub.config
    decisions = hub.control.rows(
        sa.select(t.match_decision.c.decision_id, t.match_decision.c.revoked_at).order_by(t.match_decision.c.decision_id)
    )
    row, now = t.attribute_override.c, utcnow()
    standing = sa.select(row.override_id).where(row.revoked_at.is_(None), row.expires_at.is_(None) | (row.expires_at > now))
    overrides = [found["override_id"] for found in hub.control.rows(standing.order_by(row.override_id))]
    listed = sa.select(suppression.c.suppression_id).where(suppression.c.lifted_at.is_(None))
    suppressed = [found["suppression_id"] for found in hub.control.rows(listed.order_by(suppression.c.suppression_id))]
    gone = hub.control.rows(sa.select(sa.func.count().label("n")).select_from(erased))[0]["n"]
    settings = {
        "identity": config.identity.model_dump(mode="json", exclude=set(NOT_DECIDING)),
        "survivorship": config.survivorship.model_dump(mode="json"),
        # what the rates are, not where they lie
        "reporting": config.reporting.model_dump(mode="json", exclude={"rates"}),
        "rates": rates_digest(config.reporting),
        "consent": config.consent.model_dump(mode="json"),
        "segments": config.segments,
        "gate": config.gate.model_dump(mode="json"),
        "gate_python": own_file_digest(config.gate),
        "sources": list(config.sources),
        "mappings": [mapping_digest(hub.mapping(c), hub.place(c), NORMALISER_VERSION) for c in connectors],
        "hub": version("customer-hub"),
    }
    return [
        json.dumps(settings, sort_keys=True),
        json.dumps([decisions, overrides, suppressed, gone, runs_that_cut(hub.control)], default=str),
        now.date().isoformat(),
    ]
