"""Figures of a plausible hub for the tests: two shops' worth of sources on an ordinary day, and ways to change one figure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from expectations import FRAMES, GateSettings, Verdict, judge

Figures = dict[str, list[dict[str, Any]]]
_COMPARED = ("records_compared", "records_changed", "merged_ids", "shifted", "factor")
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def healthy() -> Figures:
    """An ordinary day: 1 to 2 % more of everything, a few bad rows, a household mailbox or two."""
    return {
        "uniqueness": [
            {"table": "customer", "key_column": "customer_id", "rows": 5000, "distinct_keys": 5000, "null_keys": 0},
            {"table": "customer_order", "key_column": "order_key", "rows": 8000, "distinct_keys": 8000, "null_keys": 0},
        ],
        "crosswalk": [
            {"records_live": 12000, "current_rows": 12000, "distinct_current_records": 12000, "unknown_records": 0},
        ],
        "references": [
            _references("customer_order", "shopify", facts=8000, unresolved=40, facts_before=7900, unresolved_before=39),
            _references("ticket", "zendesk", facts=3000, unresolved=0, facts_before=2950, unresolved_before=0),
        ],
        "named": [
            {"table": "order_line", "source_system": "shopify", "column": "order_id", "naming": 17000, "unknown": 3},
            {"table": "payment", "source_system": "stripe", "column": "invoice_id", "naming": 900, "unknown": 0},
        ],
        "reconciliation": [
            _reconciled("shopify", "customer_order.gross_amount", "EUR", "812345.67"),
            _reconciled("shopify", "customer_order.gross_amount", "JPY", "9120000"),
            _reconciled("shopify", "customer_order.rows", None, "8000"),
            _reconciled("google_ads", "ad_spend_daily.spend", "EUR", "1234.567891"),
        ],
        "conservation": [
            _conserved("shopify", "orders", rows_in=310, loaded=100, unchanged=205, deleted=1, quarantined=4),
            _conserved("zendesk", "users", rows_in=40, loaded=40),
        ],
        "volume": [
            {"table": "customer", "source_system": None, "rows": 5000, "rows_before": 4950, "backfilled": 0},
            {"table": "customer_order", "source_system": "shopify", "rows": 8000, "rows_before": 7900, "backfilled": 0},
            {"table": "ticket", "source_system": "zendesk", "rows": 3000, "rows_before": 2950, "backfilled": 0},
        ],
        "completeness": [
            {"column": "email", "filled": 4510, "filled_before": 4470, "rows": 5000, "rows_before": 4950},
            {"column": "phone", "filled": 2100, "filled_before": 2090, "rows": 5000, "rows_before": 4950},
        ],
        "identity": [
            {
                "records_compared": 11800,
                "records_changed": 60,
                "customers_before": 4950,
                "merged_ids": 30,
                "largest_cluster": 9,
                "max_cluster_size": 50,
            }
        ],
        "quarantine": [
            {"source_system": "shopify", "rows_in": 105, "quarantined": 4},
            {"source_system": "zendesk", "rows_in": 40, "quarantined": 0},
        ],
        "freshness": [
            {"source_system": "shopify", "hours_since_success": 0.2, "fresh_within_hours": 26.0},
            {"source_system": "zendesk", "hours_since_success": 20.5, "fresh_within_hours": 26.0},
        ],
        "shared_mailbox": [{"emails": 4400, "shared": 110}],
        "unconverted": [
            _unconverted("customer_order", "shopify", "EUR", facts=7000),
            _unconverted("customer_order", "shopify", "JPY", facts=1000),
            _unconverted("ad_spend_daily", "google_ads", "EUR", facts=400),
        ],
        "future_dates": [
            {"table": "customer_order", "rows": 8000, "in_future": 2},
            {"table": "ticket", "rows": 3000, "in_future": 0},
        ],
        "mailbox": [{"holders": 130, "holders_before": 128, "records": 9000}],
        "duplicates": [
            {
                "table": "customer_order",
                "source_system": "shopify",
                "rows": 8000,
                "doubled": 80,
                "rows_before": 7900,
                "doubled_before": 79,
            }
        ],
        "currency_changes": [{"table": "customer_order", "source_system": "shopify", "compared": 300, "changed": 0}],
        "currency_mix": [{"table": "customer_order", "source_system": "shopify", "arrived": 100, "shifted": 12}],
        "amounts": [
            {"table": "customer_order", "source_system": "shopify", "column": "gross_amount EUR", "arrived": 90, "factor": 1.1},
            {"table": "customer_order", "source_system": "shopify", "column": "gross_amount JPY", "arrived": 40, "factor": None},
        ],
        "values": [
            {
                "table": "party_record",
                "source_system": "shopify",
                "column": "phone_e164",
                "filled": 2100,
                "filled_before": 2090,
                "rows": 5000,
                "rows_before": 4950,
            }
        ],
        "schema": [{"table": "customer", "columns_before": 30, "lost": 0}],
        "history": [
            _watched("customer_order", "shopify", None, "arrived", 100, usual=90, spread=15, rows=100),
            _watched("customer_order", "shopify", "utm_source", "null_share", 0.4, usual=0.38, spread=0.02, rows=100),
            _watched("customer_order", "shopify", "gross_amount EUR", "amount_log10", 1.9, usual=1.85, spread=0.03, rows=100),
            _watched("customer", None, None, "match_rate", 0.7, usual=0.69, spread=0.004, rows=12000),
            _watched("customer", None, None, "large_share", 0.11, usual=0.1, spread=0.002, rows=5000),
        ],
    }


def changed(frame: str, row: int, **figures: Any) -> Figures:
    """The healthy figures with one row of one frame changed."""
    all_figures = healthy()
    all_figures[frame][row] |= figures
    return all_figures


def first_load() -> Figures:
    """The same hub with no published load to compare with."""
    figures = healthy()
    for rows in figures.values():
        for row in rows:
            row |= {c: None for c in row if c.endswith("_before") or c in _COMPARED}
    figures |= {
        "currency_changes": [],
        "history": [row | {"usual": None, "spread": None, "loads": 0} for row in figures["history"]],
    }
    figures["schema"] = []
    return figures


def to_frames(figures: Mapping[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(FRAMES[name])) for name, rows in figures.items()}


def verdict(figures: Mapping[str, list[dict[str, Any]]], settings: GateSettings | None = None) -> Verdict:
    """The verdict over figures, by the default settings."""
    return judge(to_frames(figures), settings or GateSettings(), load_id="L2", now=NOW)


def failed(result: Verdict) -> set[str]:
    return {check.check_id for check in result.results if check.status == "failed"}


def _references(table: str, source: str, **figures: Any) -> dict[str, Any]:
    return {"table": table, "source_system": source, "dangling": 0, **figures}


def _unconverted(table: str, source: str, currency: str, facts: int) -> dict[str, Any]:
    none = {"unconverted": 0, "amount": None, "first_day": None, "last_day": None}
    return {"table": table, "source_system": source, "currency": currency, "facts": facts, **none}


def _watched(table: str, source: str | None, column: str | None, measure: str, value: float, **figures: Any) -> dict[str, Any]:
    return {"table": table, "source_system": source, "column": column, "measure": measure, "value": value, "loads": 20, **figures}


def _reconciled(source: str, measure: str, currency: str | None, value: str) -> dict[str, Any]:
    return {
        "source_system": source,
        "measure": measure,
        "currency": currency,
        "source_value": Decimal(value),
        "golden_value": Decimal(value),
    }


def _conserved(source: str, stream: str, **figures: int) -> dict[str, Any]:
    zeros = {"rows_in": 0, "loaded": 0, "unchanged": 0, "deleted": 0, "quarantined": 0}
    return {"source_system": source, "stream": stream, **zeros, **figures}
