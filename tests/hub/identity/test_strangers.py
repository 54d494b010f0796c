"""What chance brings is counted alike, however the machine goes about it."""

from __future__ import annotations

import duckdb
import numpy as np

from hub.identity import IdentitySettings
from hub.identity.decisions import Decisions
from hub.identity.linkage import given_forms, make_nodes
from hub.identity.sql import run
from hub.identity.strangers import expected
from tests.hub.identity.helpers import record, stage, warehouse

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


def test_nor_does_the_order_of_terms_show_in_how_common_a_name_is_within_its_countries() -> None:
    con, settings = warehouse(), IdentitySettings()
    stage(con, [record("a:c:1", given="ann", family="lee")])
    make_nodes(con, settings, Decisions())
    given_forms(con)
    found = set()
    for order in ("n", "hash(n)", "n DESC", "hash(n + 1)"):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE id_term AS SELECT part || ':' || n AS term_type, term, records FROM ("
            "SELECT n, unnest(['all', 'given', 'family']) AS part, unnest(['full name', 'ann', 'lee']) AS term, "
            "unnest([7919 * n % 1000 + 999, 31 * n % 97 + 1, 17 * n % 89 + 1]) AS records FROM range(1, 500) AS r(n)) "
            f"ORDER BY {order}"
        )
        run(con, "enrich")
        found.update(con.execute("SELECT namesakes FROM id_node").fetchall())
    assert len(found) == 1
    assert found.pop()[0] > 0
