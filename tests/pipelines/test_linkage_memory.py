"""How much memory the linkage takes."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.build import linkage_memory


@pytest.mark.parametrize(
    ("records", "usual", "taken"),
    [
        (0, "16GB", "600MB"),
        (1_000_000, "16GB", "1266MB"),
        (5_000_000, "16GB", "7933MB"),
        (5_000_000, "10GB", "4992MB"),  # half of what there is, which DuckDB tells as 9.3 GiB
        (5_000_000, "2GB", "3933MB"),  # as much as it needs in any case; the lower limit stays, as `frugal` has it
    ],
)
def test_the_linkage_takes_what_its_records_need_and_beyond_a_million_what_the_machine_has(
    records: int, usual: str, taken: str
) -> None:
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{usual}'; CREATE SCHEMA staging")
    con.execute(f"CREATE VIEW staging.party_record AS FROM range({records})")
    assert linkage_memory(con) == taken
