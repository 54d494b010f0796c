"""The control store's tables of the write-back: what each field of each record is known to hold, our own echoes, and runs.

No value that was written is kept here, but a keyed digest of it: enough to tell whether it changed, and nothing to erase.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Float, String, Table, Text

from warehouse.control_tables import metadata

writeback_field = Table(
    "writeback_field",
    metadata,
    Column("source_system", String(100), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("source_record_id", Text, primary_key=True),
    Column("field", String(400), primary_key=True),  # as the vendor calls it
    Column("attribute", String(100), nullable=False),  # what of the customer is written there
    Column("status", String(20), nullable=False),  # confirmed, owed, kept (another's value stays), dead or gone
    Column("wanted_digest", String(64)),  # of the value last tried; None to empty the field
    Column("confirmed_digest", String(64)),  # of the value last seen there that is ours; None: it holds nothing of ours
    Column("reason", Text),
    Column("attempts", BigInteger, nullable=False),  # runs that did not get through although the vendor answered others
    Column("load_id", String(64), nullable=False),  # the load it was tried for
    Column("tried_at", DateTime, nullable=False),
    Column("confirmed_at", DateTime),
)

writeback_echo = Table(
    "writeback_echo",
    metadata,
    Column("source_system", String(100), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("source_record_id", Text, primary_key=True),
    Column("echo_at", DateTime, nullable=False),  # when the vendor says the record changed: by our writing
    Column("source_updated_at", DateTime, nullable=False),  # when it had changed before
)

writeback_run = Table(
    "writeback_run",
    metadata,
    Column("source_system", String(100), primary_key=True),
    Column("load_id", String(64)),  # the load whose differences were last delivered to the end
    Column("ran_at", DateTime, nullable=False),
    Column("sent", BigInteger, nullable=False),  # fields written
    Column("found", BigInteger, nullable=False),  # fields that held the value already, though the hub did not know it
    Column("unchanged", BigInteger, nullable=False),  # fields of which nothing was asked
    Column("kept", BigInteger, nullable=False),
    Column("dead", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("owed", BigInteger, nullable=False),
    Column("api_calls", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("error", Text),  # why the last run did not get to the end; None if it did
)
