"""A hub of the first version goes on with this one: its warehouse is brought up, and the gate compares with what it published."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from connectors.sandbox import SandboxHandle
from tests.pipelines.world import World
from warehouse.connection import connect
from warehouse.migrations import VERSION

FIRST = (Path(__file__).parents[1] / "warehouse" / "schema_1.sql").read_text()
FACTS = dict(re.findall(r"^(CREATE TABLE staging\.(?!party_record|normalised|rejected)(\w+)\(.*)$", FIRST, re.MULTILINE))
NEW = ("order_line", "refund", "ad_group", "ad")
NEW_COLUMNS = {
    "customer": ("account_customer_id", "account_rule"),
    "customer_attribute": ("is_verified",),
    "customer_identifier": ("is_verified",),
    "customer_metrics": ("purchases", "first_purchase_at", "last_purchase_at"),
    "invoice": ("is_sale", "refunded_amount", "refunded_amount_base", "net_paid_base"),
    "customer_order": ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "click_id_type", "click_id"),
    "ticket": ("first_reply_at", "reopen_count", "satisfaction"),
    "lead": ("ad_group_key", "ad_key"),
    "ad_spend_daily": ("ad_group_key", "ad_key"),
}


def as_the_first_version_left_it(world: World) -> None:
    """Take away what the first version did not have, from the working warehouse and from the published load."""
    with connect(world.root / "data" / "hub.duckdb") as con:
        for ddl, table in FACTS.items():
            con.execute(f"CREATE OR REPLACE TEMP TABLE kept AS FROM staging.{table}")
            con.execute(f"DROP TABLE staging.{table}")
            con.execute(ddl)
            columns = ", ".join(f'"{row[0]}"' for row in con.execute(f"DESCRIBE staging.{table}").fetchall())
            con.execute(f"INSERT INTO staging.{table} SELECT {columns} FROM kept")
        for table in NEW:
            con.execute(f"DROP TABLE staging.{table}")
        _older_golden(con)
        con.execute("UPDATE ops.staging_state SET mapping_digest = 'of the mapping of that day'")
        con.execute("UPDATE ops.schema_version SET version = 1")
    with connect((world.root / "data" / "golden.duckdb").resolve()) as con:
        _older_golden(con)


def _older_golden(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DROP VIEW golden.customer_360")
    for table in NEW:
        con.execute(f"DROP TABLE golden.{table}")
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            con.execute(f"ALTER TABLE golden.{table} DROP COLUMN {column}")


def test_the_first_sync_after_an_upgrade_publishes_and_customers_keep_their_ids(synced: World, sandbox: SandboxHandle) -> None:
    known = "SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current"
    before = dict(synced.ask(known))
    as_the_first_version_left_it(synced)
    sandbox.advance(1)
    outcome = synced.sync()
    assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", 0, {})
    with synced.working() as con:
        assert con.execute("SELECT version FROM ops.schema_version").fetchall() == [(VERSION,)]
    after = dict(synced.ask(known))
    assert sum(before[key] != after[key] for key in before.keys() & after.keys()) <= 0.02 * len(before)
    failed = synced.ask(
        "SELECT check_id, message FROM quality.check_result"
        " WHERE status = 'failed' AND load_id = (SELECT max(load_id) FROM ops.load_batch)"
    )
    assert failed == []
    tables = {row[0] for row in synced.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'golden'")}
    assert tables >= {*NEW, "customer_360"}
    assert synced.ask("SELECT count(utm_source) > 0 FROM golden.customer_order") == [(True,)]
