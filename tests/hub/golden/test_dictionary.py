"""What the data dictionary says of facts and figures is what is there."""

from __future__ import annotations

import duckdb

from hub.golden.dictionary import table_docs
from tests.hub.golden.helpers import ask, build

DESCRIBED = (
    *(
        "customer_order",
        "order_line",
        "invoice",
        "payment",
        "refund",
        "consent",
        "ad_spend_daily",
        "customer_360",
        "touchpoint",
        "attribution",
    ),
    *("interaction", "acquisition_cost", "customer_metrics", "segment_member", "reporting", "stale_contact", "completeness_report"),
    "unconverted",
)


def test_every_column_is_described_in_order(con: duckdb.DuckDBPyConnection) -> None:
    build(con)
    for table in DESCRIBED:
        columns = [row[0] for row in ask(con, f"SELECT column_name FROM (DESCRIBE golden.{table})")]
        assert [column.name for column in table_docs()[table].columns] == columns, table
        assert all(column.description for column in table_docs()[table].columns)
        assert table_docs()[table].description
