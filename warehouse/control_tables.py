"""The control store's tables: what people decided and what happened. Declarations only; portable types, all times UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, MetaData, String, Table, Text

metadata = MetaData()

# SQLite has no exact decimals; money is kept as text there and becomes a decimal again in the warehouse's copy
MONEY = {"duckdb": "DECIMAL(38,6)"}

setting = Table(
    "setting",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

sync_run = Table(
    "sync_run",
    metadata,
    Column("sync_run_id", String(64), primary_key=True),
    Column("source_system", String(100), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("batch_id", String(64)),  # the `hub sync` or schedule tick that it belongs to
    Column("dagster_run_id", String(64)),
    Column("mode", String(20)),
    Column("status", String(20), nullable=False),  # running, succeeded or failed
    Column("error", Text),
    Column("rows_extracted", BigInteger, nullable=False, default=0),
    Column("rows_inserted", BigInteger, nullable=False, default=0),
    Column("rows_updated", BigInteger, nullable=False, default=0),
    Column("rows_unchanged", BigInteger, nullable=False, default=0),
    Column("rows_deleted", BigInteger, nullable=False, default=0),
    Column("rows_quarantined", BigInteger, nullable=False, default=0),
    Column("api_calls", BigInteger, nullable=False, default=0),
    Column("retries", BigInteger, nullable=False, default=0),
    Column("cursor_from", Text),
    Column("cursor_to", Text),
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
)

schema_change = Table(
    "schema_change",
    metadata,
    Column("source_system", String(100), primary_key=True),
    Column("stream", String(100), primary_key=True),
    Column("field", String(500), primary_key=True),  # path within the payload, as lines[].sku
    Column("change", String(20), primary_key=True),  # new, missing or retyped
    Column("sync_run_id", String(64), primary_key=True),
    Column("type_before", String(60)),
    Column("type_now", String(60)),
    Column("policy", String(10), nullable=False),  # evolve, warn or stop
    Column("detected_at", DateTime, nullable=False),
)

load_batch = Table(
    "load_batch",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("status", String(20), nullable=False),  # held, published, or withheld: it passed, but another load was pinned
    Column("follows", String(64)),
    Column("input_digest", String(64), nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("customers", BigInteger, nullable=False),
    Column("inserted", BigInteger),
    Column("changed", BigInteger),
    Column("removed", BigInteger),
    Column("dagster_run_id", String(64)),
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime, nullable=False),
    Column("audit_head", String(100)),  # number and hash of the audit log's last entry when it was published
)

load_pin = Table(
    "load_pin",
    metadata,
    Column("pin_id", String(64), primary_key=True),
    Column("load_id", String(64), nullable=False),
    Column("left_load_id", String(64)),  # the load that was live before
    Column("pinned_by", String(100), nullable=False),
    Column("pinned_at", DateTime, nullable=False),
    Column("reason", Text),
    Column("released_by", String(100)),
    Column("released_at", DateTime),
)

source_pause = Table(
    "source_pause",
    metadata,
    Column("pause_id", String(64), primary_key=True),
    Column("source_system", String(100), nullable=False),
    Column("paused_by", String(100), nullable=False),
    Column("paused_at", DateTime, nullable=False),
    Column("until", DateTime),  # from then on it no longer counts; None: until it is resumed
    Column("reason", Text),
    Column("resumed_by", String(100)),
    Column("resumed_at", DateTime),
)

target_state = Table(
    "target_state",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("load_id", String(64)),  # the load it shows; None before the first
    Column("rows", BigInteger),
    Column("rows_written", BigInteger),
    Column("seconds", Float),
    Column("published_at", DateTime),
    Column("tried_at", DateTime, nullable=False),
    Column("error", Text),  # why the last try failed; None if it did not
    Column("masked", Boolean),  # it was given the shared load, without personal data
)

gate_decision = Table(
    "gate_decision",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("decision", String(10), nullable=False),  # pass or hold
    Column("content_digest", String(64), nullable=False),
    Column("blocking_checks", Text, nullable=False),  # JSON array of check IDs
    Column("warnings", Text, nullable=False),
    Column("decided_at", DateTime, nullable=False),
)

check_result = Table(
    "check_result",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("check_id", String(100), primary_key=True),
    Column("dimension", String(40), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("status", String(20), nullable=False),  # passed, failed or not_applicable
    Column("observed", Float),
    Column("threshold", Float),
    Column("failed_rows", BigInteger),
    Column("total_rows", BigInteger),
    Column("message", Text, nullable=False),
    Column("examples", Text, nullable=False),  # JSON array of keys, never values
    Column("checked_at", DateTime, nullable=False),
    Column("target", Text),  # what the figures speak of: of all things measured the worst one
    Column("figure_before", BigInteger),  # in the published load, for checks that compare
    Column("figure_now", BigInteger),  # what it is compared with
)

gate_override = Table(
    "gate_override",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("content_digest", String(64), nullable=False),  # of exactly the candidate that may be published all the same
    Column("reason", Text, nullable=False),
    Column("overridden_by", String(100), nullable=False),
    Column("overridden_at", DateTime, nullable=False),
)

# what later loads are compared with; see warehouse/figures.py
load_figure = Table(
    "load_figure",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("table_name", String(100), primary_key=True),
    Column("source_system", String(100), primary_key=True),  # empty where a figure is of all sources
    Column("column_name", String(120), primary_key=True),  # empty for the table as a whole
    Column("measure", String(40), primary_key=True),
    Column("value", Float, nullable=False),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("load_id", String(64), primary_key=True),
    Column("source_system", String(100), primary_key=True),
    Column("measure", String(100), primary_key=True),
    Column("currency", String(10), primary_key=True),
    Column("source_value", String(60), nullable=False, info=MONEY),
    Column("golden_value", String(60), nullable=False, info=MONEY),
    Column("difference", String(60), nullable=False, info=MONEY),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", String(64), primary_key=True),
    Column("source_system", String(100), nullable=False),
    Column("stream", String(100), nullable=False),
    Column("source_record_id", Text),
    Column("check_id", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text),
    Column("payload_hash", String(64), nullable=False),
    Column("sync_run_id", String(64), nullable=False),
    Column("quarantined_at", DateTime, nullable=False),
    Column("status", String(20), nullable=False),  # open, released or discarded
    Column("released_at", DateTime),
    Column("released_by", String(100)),  # who closed it: a person, or `source` where a good version came by itself
    Column("note", Text),  # what they said of it
)

review_task = Table(
    "review_task",
    metadata,
    Column("task_id", String(64), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("record_key_l", Text),
    Column("record_key_r", Text),
    Column("match_probability", Float),
    Column("detail", Text),
    Column("status", String(20), nullable=False),  # open, decided or gone
    Column("created_at", DateTime, nullable=False),
    Column("worth", Float),  # pairs of records that a decision is expected to put right
    Column("records_l", BigInteger),
    Column("records_r", BigInteger),
)

match_decision = Table(
    "match_decision",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("record_key_l", Text, nullable=False),
    Column("record_key_r", Text, nullable=False),
    Column("decision", String(20), nullable=False),  # must_link or cannot_link
    Column("decided_by", String(100), nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Column("reason", Text),
    Column("revoked_at", DateTime),
    Column("act_id", String(64)),  # decisions that were taken as one, such as those of a merge
    Column("revoked_by", String(100)),
    Column("revoke_reason", Text),
)

attribute_override = Table(
    "attribute_override",
    metadata,
    Column("override_id", String(64), primary_key=True),
    Column("anchor_record_key", Text, nullable=False),  # the source record it is about; it goes wherever that record goes
    Column("attribute", String(60), nullable=False),  # an attribute, or name or address
    Column("action", String(20), nullable=False),  # pin, ignore or set
    Column("value", Text),  # of set: the value, of a group a JSON object with a value per column
    Column("reason", Text, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("revoked_at", DateTime),
    Column("revoked_by", String(100)),
    Column("revoke_reason", Text),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("action", String(40), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text),
    Column("at", DateTime, nullable=False, info={"copied_as": "acted_at"}),  # AT is a word of DuckDB's SQL
    Column("is_automatic", Boolean, nullable=False),
    Column("seq", BigInteger),  # number in the chain, see warehouse/audit.py; None in entries of before it
    Column("previous_hash", String(64)),
    Column("entry_hash", String(64)),
)
