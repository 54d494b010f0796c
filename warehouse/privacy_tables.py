"""The control store's tables of privacy: what people asked for, whom the hub must leave alone, and whom it erased. All times UTC.

None of them holds anything by which a person could be known without the hub's secret.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, String, Table, Text

from warehouse.control_tables import metadata

PRIVACY_SECRET = "privacy_secret"  # the hub's secret for what these tables hold  # noqa: S105 - its name

privacy_request = Table(
    "privacy_request",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),  # suppress, access or erase
    Column("subject_ref", String(64), nullable=False),  # the customer ID
    Column("received_at", DateTime, nullable=False),
    Column("due_at", DateTime, nullable=False),  # a month after it was received: GDPR, article 12(3)
    Column("status", String(20), nullable=False),  # open until a load shows it, or the proof does, then done; or lifted
    Column("requested_by", String(100), nullable=False),  # who entered it
    Column("reason", Text),
    Column("affected", Text),  # JSON: what was done to how many rows of what
    Column("done_at", DateTime),
    Column("done_load_id", String(64)),  # the published load that shows it
)

suppression = Table(
    "suppression",
    metadata,
    Column("suppression_id", String(64), primary_key=True),
    Column("id_type", String(20), nullable=False),  # email or phone
    Column("id_hmac", String(64), nullable=False),  # HMAC-SHA256 of the normalised identifier, by the hub's secret
    Column("scope", String(20), nullable=False),  # contact
    Column("request_id", String(64), nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("added_by", String(100), nullable=False),
    Column("lifted_at", DateTime),
    Column("lifted_by", String(100)),
)

erased = Table(
    "erased",
    metadata,
    Column("erased_id", String(64), primary_key=True),
    # record, fact, email, email_name or phone_name, see hub/identity/erased.py; of who went by age, payload: as a record was then
    Column("kind", String(20), nullable=False),
    Column("id_hmac", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),  # or the retention_run
    Column("added_at", DateTime, nullable=False),
)

retention_run = Table(
    "retention_run",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("status", String(20), nullable=False),  # running until all stores are through, then done
    Column("run_by", String(100), nullable=False),
    Column("rows", BigInteger, nullable=False),  # rows that were past their cut-offs, of all tables
    Column("affected", Text),  # JSON: how many rows went or were emptied, by table of each store
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
)

# by what a run cut; what arrives is looked at by the newest row of each table
retention_cut = Table(
    "retention_cut",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("table_name", String(60), primary_key=True),
    Column("cut_off", DateTime, nullable=False),  # what lies before it goes
    Column("rows", BigInteger, nullable=False),
    Column("customers", BigInteger, nullable=False),
    Column("oldest", DateTime),
    Column("newest", DateTime),
    Column("staying", BigInteger, nullable=False),  # rows as old that stay: open ones, and those of a customer who stays
)

# rows that a sync brought and that were past their cut-offs already: they count among those unchanged
retention_arrival = Table(
    "retention_arrival",
    metadata,
    Column("sync_run_id", String(64), primary_key=True),
    Column("source_system", String(100), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("arrived_at", DateTime, nullable=False),
)
