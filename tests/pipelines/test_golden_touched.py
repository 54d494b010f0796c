"""A sync whose load makes anew only what the day touched, and one that makes all of it from scratch."""

from __future__ import annotations

import pytest

from connectors.sandbox import SandboxHandle
from hub.golden import TABLES, how_built
from hub.golden import build as golden_build
from tests.pipelines.world import World


def test_a_load_that_makes_anew_what_the_day_touched_is_the_one_made_from_scratch(
    synced: World, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden_build, "FEWEST_INPUTS", 0)
    sandbox.advance(1)
    assert synced.sync().action == "published"
    with synced.working() as con:
        assert how_built(con).whole is None
        assert 0 < how_built(con).customers < con.execute("SELECT count(*) FROM golden.customer").fetchall()[0][0]
    tables = [table for table in TABLES if table not in ("reporting", "customer_history", "segment_member")]
    made = {table: synced.ask(f"SELECT * EXCLUDE (load_id) FROM golden.{table} ORDER BY ALL") for table in tables}
    assert synced.sync(full=True).action == "published"
    with synced.working() as con:
        assert how_built(con).whole == "it was asked for"
    assert made == {table: synced.ask(f"SELECT * EXCLUDE (load_id) FROM golden.{table} ORDER BY ALL") for table in tables}
