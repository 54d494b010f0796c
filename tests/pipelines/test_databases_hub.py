"""A hub fed by databases: one on PostgreSQL and one on MariaDB, from hub.yaml to the published load; the URL shows nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.definitions import build_defs
from pipelines.runner import EXIT_OK
from tests.connectors.databases import Database, database
from tests.pipelines.world import World

pytestmark = pytest.mark.server

CUSTOMERS = {
    "table": "customers",
    "kind": "party",
    "id": "id",
    "updated_at": "modified",
    "deleted_flag": "gone",
    "fields": {"full_name": "name", "email": ["mail", "mail2"], "city": "city", "birth_date": "born"},
}
ORDERS = {
    "query": "SELECT o.*, 'GBP' AS cur FROM orders o",
    "kind": "order",
    "id": "no",
    "updated_at": "placed",
    "customer": "customer",
    "fields": {"ordered_at": "placed", "currency": "cur", "gross_amount": "total"},
}


def fill(db: Database) -> None:
    """Forty customers with an order each."""
    db.run(
        f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(50), mail varchar(50), mail2 varchar(50), city varchar(50),"
        f" born date, gone int, modified {db.time})",
        f"CREATE TABLE orders (no int PRIMARY KEY, customer int, total numeric(12,2), placed {db.time})",
        *(
            f"INSERT INTO customers VALUES ({n}, 'Person{chr(97 + n % 26)}{chr(97 + n // 26)} Familyname{n}', NULL,"
            f" 'p{n}@mail{n}.org', 'Leeds',"
            f" {'NULL' if n != 7 else repr('1980-01-08')}, 0, '2026-03-01 10:00:{n:02}')"
            for n in range(40)
        ),
        *(f"INSERT INTO orders VALUES ({n}, {n}, 10.05, '2026-03-01 12:00:{n:02}')" for n in range(40)),
    )


def test_databases_become_customers_and_only_changes_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with database("postgres", tmp_path) as erp, database("mariadb", tmp_path) as shop:
        sources = {}
        for name, db in (("erp", erp), ("shop", shop)):
            fill(db)
            monkeypatch.setenv(f"{name.upper()}_URL", db.url)
            url = f"${{{name.upper()}_URL}}"
            sources[name] = {"type": "sql", "url": url, "country": "GB", "streams": {"customers": CUSTOMERS, "orders": ORDERS}}
        world = World(tmp_path, {"sources": sources})
        with world.hub() as hub:
            assert repr(hub.config.sources["erp"].url) == "${ERP_URL}"  # type: ignore[attr-defined]
            specs = build_defs(hub).resolve_all_asset_specs()
            assert {spec.group_name for spec in specs if spec.key.path[0] == "raw"} == {"ingest_databases"}
        outcome = world.sync()
        assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", EXIT_OK, {})
        assert world.ask("SELECT count(*), sum(gross_amount)::VARCHAR FROM golden.customer_order") == [(80, "804.0000")]
        person = "SELECT full_name, city, birth_date::VARCHAR FROM golden.customer WHERE email = 'p7@mail7.org'"
        assert world.ask(person) == [("Personha Familyname7", "Leeds", "1980-01-08")]
        for db in (erp, shop):
            db.run("UPDATE customers SET city = 'York', modified = '2026-03-02 10:00:00' WHERE id = 7")
            db.run("UPDATE customers SET gone = 1, modified = '2026-03-02 10:00:01' WHERE id = 8")
        outcome = world.sync()
        assert (outcome.exit_code, outcome.errors) == (EXIT_OK, {})
        assert world.ask(person) == [("Personha Familyname7", "York", "1980-01-08")]
        assert world.ask("SELECT count(*) FROM golden.customer WHERE email = 'p8@mail8.org'") == [(0,)]
        changes = "SELECT stream, sum(rows_updated), sum(rows_deleted) FROM ops.sync_run GROUP BY ALL ORDER BY ALL"
        assert world.ask(changes) == [("customers", 2, 2), ("orders", 0, 0)]
        for path in tmp_path.rglob("*"):
            if path.is_file():
                assert not {db.url for db in (erp, shop) if db.url.encode() in path.read_bytes()}
