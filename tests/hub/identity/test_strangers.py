"""What chance brings is counted alike, however the machine goes about it."""

from __future__ import annotations

import duckdb
import numpy as np

from hub.identity.strangers import expected

COLUMNS = "given, family, street, road, city, postal, postal_band, is_test, name_band, namesakes"


def test_the_order_of_records_does_not_show_in_the_namesakes_that_chance_brings() -> None:
    con = duckdb.connect()
    found = []
    for order in ("n", "hash(n)", "n DESC", "hash(n + 1)"):
        con.execute(
            f"CREATE OR REPLACE TABLE id_node AS SELECT {COLUMNS} FROM ("
            "SELECT n, 'a' AS given, 'b' AS family, NULL::VARCHAR AS street, NULL::VARCHAR AS road, NULL::VARCHAR AS city,"
            " NULL::VARCHAR AS postal, 0::TINYINT AS postal_band, false AS is_test, (n % 3)::TINYINT AS name_band,"
            f" sqrt(n) / 7 AS namesakes FROM range(2000) AS r(n)) ORDER BY {order}"
        )
        found.append(expected(con)[0])
    assert found[0].sum() > 0
    assert all(np.array_equal(found[0], other) for other in found[1:])
