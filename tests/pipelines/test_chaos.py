"""What `make chaos` compares two hubs by must be able to differ. Killed syncs of the suite are in test_killed."""

from __future__ import annotations

from pathlib import Path

import duckdb

from bench.chaos.seen import differences
from tests.pipelines.days import copied


def test_a_row_lost_doubled_or_given_another_id_is_a_difference(settled_days: Path, tmp_path: Path) -> None:
    hub = copied(settled_days, tmp_path)
    assert differences(settled_days, hub.root) == {}
    golden = (hub.root / "data" / "golden.duckdb").resolve()
    with duckdb.connect(str(hub.root / "data" / "hub.duckdb")) as con:
        con.execute("DELETE FROM raw.shop__orders WHERE source_record_id = 'o7'")
    with duckdb.connect(str(golden)) as con:
        con.execute("INSERT INTO golden.customer_identifier FROM golden.customer_identifier LIMIT 1")
        con.execute("UPDATE identity.customer_xref SET customer_id = 'c_another' WHERE record_key = 'crm:contacts:3'")
    found = differences(settled_days, hub.root)
    assert {table: (rows["missing"], rows["extra"]) for table, rows in found.items()} == {
        "raw.shop__orders": (1, 0),
        "golden.customer_identifier": (0, 1),
        "identity.customer_xref": (1, 1),
    }
