"""The control store's tables of alerts: which conditions there are, and what each channel was told of them. All times UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, String, Table, Text

from warehouse.control_tables import metadata

alert = Table(
    "alert",
    metadata,
    Column("alert_key", String(300), primary_key=True),  # the same whenever the condition comes back
    Column("kind", String(40), nullable=False),
    Column("severity", String(10), nullable=False),  # error or warning
    Column("place", String(200), nullable=False),
    Column("what", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("runbook", String(100), nullable=False),  # heading in docs/ops.md
    Column("since", DateTime, nullable=False),  # by the records of the hub, which may be before anybody looked
    Column("times", BigInteger, nullable=False),  # runs or loads that it befell without a good one between
    Column("episodes", BigInteger, nullable=False),  # how often it came up, this time counted
    Column("is_event", Boolean, nullable=False),  # told once; neither reminded of nor ever over
    Column("first_seen", DateTime, nullable=False),  # of this episode
    Column("last_seen", DateTime, nullable=False),
    Column("resolved_at", DateTime),
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("alert_key", String(300), primary_key=True),
    Column("channel", String(100), primary_key=True),
    Column("owed", String(20)),  # opened, reminder or recovered; None if the channel knows all there is to know
    Column("last_sent", String(20)),
    Column("last_sent_at", DateTime),
    Column("claim", String(64)),  # the evaluation that is sending it ...
    Column("claimed_until", DateTime),  # ... and when it counts as dead
    Column("failed_at", DateTime),
    Column("error", Text),  # why the last try failed; None if it did not
)
