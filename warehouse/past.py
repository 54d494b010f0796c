"""How old a fact is: the time at its source by which it is kept or goes, and whether it is still open, which keeps it at any age.

Both are SQL over the columns of its staging table, which a candidate of staging has too. Load times never count.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.contract.columns import CONSENT, INVOICE, LEAD, ORDER, PAYMENT, REFUND, TICKET
from hub.contract.tables import StagingTable

_CLOSED = "lower(coalesce(status, '')) IN ('paid', 'void', 'uncollectible', 'refunded', 'cancelled')"
_DUE = "coalesce(amount_due, total_amount - coalesce(amount_paid, 0), 0) <> 0"
_NEVER = "false"
# table -> its time, whether it is open
_AGE: dict[StagingTable, tuple[str, str]] = {
    ORDER: ("ordered_at", "lower(status) IN ('open', 'pending')"),
    INVOICE: ("greatest(issued_at, paid_at)", f"NOT {_CLOSED} AND {_DUE}"),
    PAYMENT: ("paid_at", "lower(status) = 'pending'"),
    REFUND: ("refunded_at", "lower(status) = 'pending'"),
    # a help desk that tells of no solving: by its last change there
    TICKET: (
        "coalesce(solved_at, greatest(opened_at, first_reply_at, source_updated_at))",
        "lower(status) IN ('new', 'open', 'pending', 'on_hold')",
    ),
    LEAD: ("submitted_at", _NEVER),
    CONSENT: ("coalesce(captured_at, source_updated_at)", _NEVER),
}
_COLUMNS = "source_system, stream, source_record_id, party_record_key"
AGED = tuple(_AGE)  # the tables that tell when something happened
# what carries no money, and of which nothing is left when it goes; the others are reduced
WHOLE = (TICKET.name, LEAD.name)


def aged_sql(table: StagingTable, relation: str, cut_offs: Mapping[str, datetime]) -> str:
    """SQL of a table's rows as target, their source's place, party_record_key, happened_at, is_open, is_old and is_past.

    Args:
        relation: of the table's columns.
        cut_offs: by table, UTC without zone; without one nothing of a table is old.
    """
    at, is_open = _AGE[table]
    before = f"{at} < TIMESTAMP '{cut_offs[table.name]}'" if table.name in cut_offs else "false"
    return (
        f"SELECT '{table.name}' AS target, {_COLUMNS}, {at} AS happened_at, coalesce({is_open}, false) AS is_open,"
        f" coalesce({before}, false) AS is_old, is_old AND NOT is_open AS is_past FROM {relation}"
    )


def aged_facts_sql(cut_offs: Mapping[str, datetime]) -> str:
    """The same of all facts in staging."""
    return "\nUNION ALL ".join(aged_sql(table, f"staging.{table.name}", cut_offs) for table in AGED)
