"""The week's proxy passes on what is not its fault to change, and its comparison can differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import httpx

from bench.week.__main__ import wrong_alerts
from bench.week.proxy import Fault, between, inbox
from bench.week.seen import differences
from connectors.sandbox import running
from tests.pipelines.days import copied

KEY = {"authorization": "Bearer sk_test_customer_hub_sandbox"}


def test_a_vendor_without_a_fault_answers_for_itself_and_the_others_do_not_suffer() -> None:
    with running(seed=3, people=10) as sandbox, between(sandbox.base_url) as proxy, httpx.Client(trust_env=False) as client:

        def customers(base_url: str) -> httpx.Response:
            return client.get(f"{base_url}/stripe/v1/customers", headers=KEY)

        plain = customers(sandbox.base_url).json()
        assert customers(proxy.url).json() == plain
        proxy.faults = {"stripe": Fault(status=429, times=2), "xero": Fault(status=503)}
        assert [customers(proxy.url).status_code for _ in range(3)] == [429, 429, 200]
        assert client.get(f"{proxy.url}/xero/anything").status_code == 503
        proxy.faults = {"stripe": Fault(new_field=True)}
        told = customers(proxy.url).json()
        assert {record.pop("loyalty_tier") for record in told["data"]} == {"gold"}
        assert told == plain
        assert proxy.hit == {"stripe": 3, "xero": 1}


def test_an_alert_that_came_twice_or_not_at_all_is_told() -> None:
    with inbox() as (url, came):
        for key in ("a", "a", "b"):
            alert = {"event": "opened", "kind": "run_failed", "key": key, "episodes": 1}
            assert httpx.post(url, json=alert, trust_env=False).status_code == 204
    lines = wrong_alerts(came, Counter({("opened", "run_failed"): 2, ("recovered", "run_failed"): 1}))
    assert lines == [
        "alert a (opened) came 2 times",
        "alert opened run_failed: 3 came, 2 should have",
        "alert recovered run_failed: 0 came, 1 should have",
    ]


def test_customers_are_told_by_their_records(settled_days: Path, tmp_path: Path) -> None:
    hub = copied(settled_days, tmp_path)
    golden = str((hub.root / "data" / "golden.duckdb").resolve())
    with duckdb.connect(golden) as con:
        tables = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_columns() WHERE column_name = 'customer_id' AND schema_name IN"
            " ('golden', 'identity') AND (schema_name, table_name) IN (SELECT (schema_name, table_name) FROM duckdb_tables())"
        ).fetchall()
        for (table,) in tables:
            con.execute(f"UPDATE {table} SET customer_id = 'another_' || customer_id")
    assert differences(settled_days, hub.root) == []
    with duckdb.connect(golden) as con:
        con.execute("DELETE FROM golden.customer_order WHERE order_key = (SELECT min(order_key) FROM golden.customer_order)")
    [line] = differences(settled_days, hub.root)
    assert line.startswith("golden.customer_order: 1 rows missing, 0 extra")
