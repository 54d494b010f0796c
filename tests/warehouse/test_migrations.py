"""A warehouse of an older schema is brought up as it stands: nothing lost, nothing missing, newer mappings staged again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from connectors.mapping import parse_mapping
from tests.warehouse.parts import land, landed, nothing_unfit, record, stage_stream
from warehouse import raw
from warehouse.connection import connect, writer
from warehouse.mapped import SourcePlace
from warehouse.migrations import VERSION, migrate
from warehouse.settings import WarehouseSettings
from warehouse.staging import Handlers, mapping_digest

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone
FIRST = (Path(__file__).parent / "schema_1.sql").read_text()
PLACE = SourcePlace("shop", None, "UTC", ("customers",))
HANDLERS = Handlers(lambda con, source, target: None, nothing_unfit, "1")
ORDERS = """
-- stage: orders -> customer_order
SELECT source_record_id, payload->>'$.amount' AS gross_amount, payload->>'$.currency' AS currency, payload->>'$.at' AS ordered_at
FROM src
"""
NEWER = """
-- stage: orders -> customer_order
SELECT source_record_id, payload->>'$.amount' AS gross_amount, payload->>'$.currency' AS currency, payload->>'$.at' AS ordered_at,
       payload->>'$.campaign' AS utm_campaign
FROM src

-- stage: orders -> order_line
SELECT source_record_id, source_record_id AS order_id, line->>'$.id' AS line_no, payload->>'$.currency' AS currency,
       line->>'$.amount' AS net_amount
FROM (SELECT source_record_id, payload, unnest(from_json(payload->'$.lines', '["JSON"]')) AS line FROM src)
"""
PAYLOAD = {
    "amount": "12.50",
    "currency": "EUR",
    "at": "2026-01-01T00:00:00Z",
    "campaign": "may",
    "lines": [{"id": 1, "amount": "12.50"}],
}


@pytest.fixture
def old(settings: WarehouseSettings, tmp_path: Path) -> WarehouseSettings:
    """A warehouse of version 1 in which an order was staged by the mapping of its day."""
    settings.path.parent.mkdir(parents=True)
    with connect(settings.path) as con:
        con.execute(FIRST)
        land(tmp_path / "landing", [record("1", PAYLOAD)])
        raw.load(con, "shop", "orders", landed(tmp_path / "landing"), sync_run_id="run", now=NOW)
        con.execute(
            "INSERT INTO staging.customer_order (order_key, source_system, stream, source_record_id, gross_amount, currency)"
            " VALUES ('shop:orders:1', 'shop', 'orders', '1', 12.5, 'EUR')"
        )
        digest = mapping_digest(parse_mapping(ORDERS), PLACE, HANDLERS.version)
        con.execute("INSERT INTO ops.staging_state SELECT 'shop', 'orders', max(raw_seq), ? FROM raw.\"shop__orders\"", [digest])
    return settings


def columns(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str, str]]:
    return {
        tuple(row)  # type: ignore[misc]
        for row in con.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE NOT internal AND schema_name <> 'raw' AND database_name = current_database()"
        ).fetchall()
    }


def test_an_old_warehouse_gets_every_table_and_column_of_a_new_one(old: WarehouseSettings) -> None:
    with connect(None) as new, writer(old) as con:
        migrate(new)
        assert columns(con) == columns(new)
        assert con.execute("SELECT version FROM ops.schema_version").fetchall() == [(VERSION,)]


def test_what_was_staged_stays_and_keys_stay_unique(old: WarehouseSettings) -> None:
    with writer(old) as con:
        assert con.execute("SELECT order_key, gross_amount, utm_source FROM staging.customer_order").fetchall() == [
            ("shop:orders:1", Decimal("12.5000"), None)
        ]
        with pytest.raises(duckdb.ConstraintException):
            con.execute("INSERT INTO staging.customer_order (order_key) VALUES ('shop:orders:1')")


def test_a_mapping_that_yields_more_now_stages_the_old_records_again_and_an_unchanged_one_does_not(old: WarehouseSettings) -> None:
    with writer(old) as con:
        assert stage_stream(con, PLACE, "orders", parse_mapping(ORDERS), HANDLERS, now=NOW) is None
        assert stage_stream(con, PLACE, "orders", parse_mapping(NEWER), HANDLERS, now=NOW) is not None
        assert con.execute("SELECT order_key, utm_campaign FROM staging.customer_order").fetchall() == [("shop:orders:1", "may")]
        assert con.execute("SELECT order_line_key, net_amount FROM staging.order_line").fetchall() == [
            ("shop:orders:1:1", Decimal("12.5000"))
        ]


def test_opening_it_twice_changes_nothing_more(old: WarehouseSettings) -> None:
    with writer(old) as con:
        first = columns(con)
    with writer(old) as con:
        assert columns(con) == first
