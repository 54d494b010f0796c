"""The examples that must always work: a new order and a new ticket land on the right customer, and nothing is lost on the way."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.sandbox import SandboxHandle
from pipelines.accuracy import evaluate_truth
from tests.pipelines.world import World
from warehouse.connection import published


def fingerprint(world: World) -> dict[str, str]:
    """A digest of every golden and identity table, and of raw."""
    found = {}
    with world.hub() as hub, published(hub.config.warehouse) as con:
        tables = con.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('golden', 'identity')"
            " AND table_type = 'BASE TABLE' ORDER BY ALL"
        ).fetchall()
        for schema, table in tables:
            rows = con.execute(f"SELECT t::VARCHAR FROM {schema}.{table} t ORDER BY 1").fetchall()
            found[f"{schema}.{table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    with world.working() as con:
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1").fetchall():
            found[f"raw.{table}"] = str(con.execute(f'SELECT count(*) FROM raw."{table}"').fetchall())
    return found


def test_everything_that_came_in_is_accounted_for_and_every_record_has_one_customer(synced: World, sandbox: SandboxHandle) -> None:
    with synced.working() as con:
        extracted, kept = con.execute(
            "SELECT sum(rows_extracted), sum(rows_inserted + rows_updated + rows_unchanged + rows_deleted + rows_quarantined)"
            " FROM ops.raw_load"
        ).fetchall()[0]
        assert extracted == kept > 1000
        live = {row[0] for row in con.execute("SELECT record_key FROM staging.party_record WHERE NOT is_deleted").fetchall()}
    current = [row[0] for row in synced.ask("SELECT record_key FROM identity.customer_xref WHERE is_current")]
    assert len(current) == len(set(current))
    assert set(current) == live
    truth = {":".join(line.split(",")[:3]) for line in sandbox.truth().splitlines()[1:]}
    assert set(current) == {key for key in truth if key.split(":")[0] in synced.config["sources"]}
    assert synced.ask(
        "SELECT count(*) FROM golden.customer_order o ANTI JOIN golden.customer c USING (customer_id) WHERE customer_id IS NOT NULL"
    ) == [(0,)]


def test_money_per_source_is_the_same_in_staging_and_golden(synced: World) -> None:
    query = "SELECT source_system, currency, sum({0})::VARCHAR FROM {1}.{2} GROUP BY ALL ORDER BY ALL"
    for table, column in (
        ("customer_order", "gross_amount"),
        ("invoice", "total_amount"),
        ("payment", "amount"),
        ("ad_spend_daily", "spend"),
    ):
        with synced.working() as con:
            staged = con.execute(query.format(column, "staging", table)).fetchall()
        golden = synced.ask(query.format(column, "golden", table))
        assert staged == golden
        assert len(golden) >= 1
        assert all(Decimal(amount) > 0 for _, _, amount in golden)
    assert synced.ask("SELECT count(*) FROM quality.reconciliation WHERE difference <> 0") == [(0,)]
    assert synced.ask("SELECT count(*) > 20 FROM quality.reconciliation") == [(True,)]


def test_a_second_sync_with_nothing_new_changes_nothing(synced: World) -> None:
    before = fingerprint(synced)
    link = (synced.root / "data" / "golden.duckdb").readlink()
    outcome = synced.sync()
    assert (outcome.action, outcome.exit_code) == ("unchanged", 0)
    assert sum(row["rows_inserted"] + row["rows_updated"] + row["rows_deleted"] for row in outcome.streams) == 0
    assert fingerprint(synced) == before
    assert (synced.root / "data" / "golden.duckdb").readlink() == link


@pytest.mark.all_cores
def test_a_full_sync_of_unchanged_sources_reads_all_and_changes_nothing(synced: World) -> None:
    before = fingerprint(synced)
    outcome = synced.sync(full=True)
    assert outcome.action == "published"
    assert sum(row["rows_extracted"] for row in outcome.streams) == sum(row["rows_unchanged"] for row in outcome.streams) > 1000
    after = fingerprint(synced)
    changed = {table for table in after if after[table] != before.get(table)}
    assert changed == {"identity.resolution_run"}


def test_the_next_day_publishes_and_keeps_ids(synced: World, sandbox: SandboxHandle) -> None:
    before = dict(synced.ask("SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current"))
    assert sandbox.advance(1)["advanced"] == 1
    outcome = synced.sync()
    assert (outcome.action, outcome.exit_code) == ("published", 0)
    assert 0 < sum(row["rows_inserted"] + row["rows_updated"] for row in outcome.streams) < 300
    after = dict(synced.ask("SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current"))
    both = before.keys() & after.keys()
    assert sum(before[key] != after[key] for key in both) <= 0.02 * len(both)
    # every ID ever issued resolves to exactly one
    resolved = synced.ask("SELECT customer_id, count(DISTINCT current_customer_id) FROM identity.customer_registry GROUP BY 1")
    assert {n for _, n in resolved} == {1}
    assert set(before.values()) <= {customer_id for customer_id, _ in resolved}


def test_a_new_order_shows_up_on_the_right_golden_customer(synced: World, sandbox: SandboxHandle) -> None:
    known = synced.ask(
        "SELECT c.customer_id, c.email FROM golden.customer c JOIN golden.customer_order o USING (customer_id)"
        " WHERE c.email IS NOT NULL AND list_contains(c.source_systems, 'stripe') AND c.party_type = 'person'"
        " AND (SELECT count(DISTINCT customer_id) FROM golden.customer_identifier i"
        " WHERE i.id_type = 'email' AND i.id_value = c.email) = 1"
        " GROUP BY ALL ORDER BY count(*), 1 LIMIT 1"
    )
    customer_id, email = known[0]
    orders = synced.ask("SELECT orders FROM golden.customer_360 WHERE customer_id = ?", customer_id)[0][0]
    to_known = sandbox.post_order(email)
    to_stranger = sandbox.post_order("brand.new.person@somewhere-else.example")
    assert synced.sync().action == "published"
    placed = dict(
        synced.ask(
            "SELECT source_record_id, customer_id FROM golden.customer_order WHERE source_record_id IN (?, ?)",
            to_known,
            to_stranger,
        )
    )
    assert placed[to_known] == customer_id
    assert synced.ask("SELECT orders FROM golden.customer_360 WHERE customer_id = ?", customer_id) == [(orders + 1,)]
    stranger = synced.ask(
        "SELECT email, orders, source_record_count FROM golden.customer_360 WHERE customer_id = ?", placed[to_stranger]
    )
    assert stranger == [("brand.new.person@somewhere-else.example", 1, 1)]


def test_a_new_ticket_lands_on_the_same_customer_and_is_counted_until_it_is_solved(synced: World, sandbox: SandboxHandle) -> None:
    sandbox.post_order("mara.winterfeldt@somewhere-else.example")
    synced.sync()
    by_email = "SELECT customer_id, open_tickets FROM golden.customer WHERE email = 'mara.winterfeldt@somewhere-else.example'"
    (customer_id, open_tickets), *others = synced.ask(by_email)
    assert (open_tickets, others) == (0, [])
    ticket = sandbox.post_ticket("mara.winterfeldt@somewhere-else.example", name="Mara Winterfeldt", subject="Where is my order?")
    sandbox.push_clock(120)  # Zendesk's export leaves the last minute out
    synced.sync()
    assert synced.ask("SELECT customer_id FROM golden.ticket WHERE source_record_id = ?", str(ticket)) == [(customer_id,)]
    assert synced.ask(by_email) == [(customer_id, 1)]
    sandbox.solve_ticket(ticket)
    sandbox.push_clock(120)
    synced.sync()
    assert synced.ask(by_email) == [(customer_id, 0)]


def test_a_deleted_customer_keeps_its_orders_and_is_marked(synced: World, sandbox: SandboxHandle) -> None:
    for day in range(6):
        assert sandbox.advance(1)["advanced"] == 1, day
    assert synced.sync().exit_code == 0
    with synced.working() as con:
        gone = con.execute("SELECT record_key FROM staging.party_record WHERE is_deleted").fetchall()
    assert gone
    closed = synced.ask(
        "SELECT count(*) FROM identity.customer_xref WHERE is_current AND record_key IN (SELECT unnest(?))",
        [key for (key,) in gone],
    )
    assert closed == [(0,)]
    retired = synced.ask("SELECT full_name, email, phone_e164 FROM golden.customer WHERE status = 'retired'")
    assert all(row == (None, None, None) for row in retired)
    assert synced.ask("SELECT count(*) FROM golden.customer_order WHERE customer_id IS NULL") == [(0,)]


def test_an_analysts_session_survives_a_sync_and_a_new_one_sees_the_new_load(synced: World, sandbox: SandboxHandle) -> None:
    golden = synced.root / "data" / "golden.duckdb"
    session = duckdb.connect(str(golden), read_only=True)
    before = session.execute("SELECT count(*) FROM golden.customer_order").fetchall()
    sandbox.post_order("mara.winterfeldt@somewhere-else.example")
    synced.sync()
    assert session.execute("SELECT count(*) FROM golden.customer_order").fetchall() == before
    with duckdb.connect(str(golden), read_only=True) as fresh:
        assert fresh.execute("SELECT count(*) FROM golden.customer_order").fetchall() == [(before[0][0] + 1,)]
    session.close()


def test_accuracy_on_the_sandboxs_population(synced: World, sandbox: SandboxHandle, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(sandbox.truth())
    with synced.hub() as hub:
        found: dict[str, Any] = evaluate_truth(hub, truth)
    assert found["missing"] == 0
    assert found["precision"] >= 0.97
    assert found["recall"] >= 0.90
    assert found["largest_cluster"] <= 12


def test_a_rebuild_from_the_sources_keeps_every_id(synced: World, sandbox: SandboxHandle) -> None:
    current = "SELECT record_key, customer_id, valid_from FROM identity.customer_xref WHERE is_current ORDER BY ALL"
    before = synced.ask(current)
    for lost in ("hub.duckdb", "control.db"):
        for path in (synced.root / "data").glob(f"{lost}*"):
            path.unlink()
    outcome = synced.sync()
    assert (outcome.action, outcome.exit_code) == ("unchanged", 0), "what was read again is what is published"
    assert sum(row["rows_inserted"] for row in outcome.streams) > 1000, "the cursors were lost with the warehouse"
    sandbox.post_order("mara.winterfeldt@somewhere-else.example")
    assert synced.sync().action == "published"
    after = set(synced.ask(current))
    assert set(before) <= after
    assert len(after) == len(before) + 1
    assert synced.ask("SELECT count(*) FROM golden.customer WHERE load_id = (SELECT max(load_id) FROM golden.customer)") == [(1,)]
