"""What of erased people may lie where the hub does not reach: whoever erases them is told, since only they can see to it."""

from __future__ import annotations

import sqlalchemy as sa

from pipelines.context import Hub
from pipelines.privacy.people import People
from warehouse import control_tables as t
from warehouse import writeback_tables as w


def elsewhere(hub: Hub, people: People) -> tuple[str, ...]:
    """A line for each: sources that still have them, fields that the hub wrote there, exports, backups, hubs put aside."""
    sources = sorted({source for source, _, _ in people.facts})
    told = [f"source {source} holds them until they are erased there" for source in sources]
    theirs, row = set(people.facts), w.writeback_field.c
    written = hub.control.rows(
        sa.select(row.source_system, row.stream, row.source_record_id, row.field).where(row.confirmed_digest.is_not(None))
    )
    fields = sorted(
        {(f["source_system"], f["field"]) for f in written if (f["source_system"], f["stream"], f["source_record_id"]) in theirs}
    )
    told += [f"field {field} at source {source} bears what the hub wrote" for source, field in fields]
    log = t.audit_log.c
    acts = hub.control.rows(
        sa.select(log.action, log.subject, log.at).where(log.action.in_(("export", "privacy_access", "backup"))).order_by(log.at)
    )
    words = {
        "export": "export of load {subject}, {at:%Y-%m-%d %H:%M} UTC: remove it",
        "privacy_access": "access request {subject}, {at:%Y-%m-%d %H:%M} UTC: remove its files if they are theirs",
        "backup": "backup {subject} holds them until it is pruned; hub restore takes them out before it is used",
    }
    told += [words[act["action"]].format(**act) for act in acts]
    aside = hub.config.warehouse.path.parent.glob("before-restore-*")
    return (*told, *(f"{path.name} beside the warehouse, which a restore put aside: remove it" for path in sorted(aside)))
