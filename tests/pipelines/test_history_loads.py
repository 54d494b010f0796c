"""The history over real loads: each published load comes back from it, and a day without news adds nothing."""

from __future__ import annotations

import duckdb

from connectors.sandbox import SandboxHandle
from tests.pipelines.world import World


def test_every_published_load_comes_back_from_the_history(synced: World, sandbox: SandboxHandle) -> None:
    first = (synced.root / "data" / "golden.duckdb").resolve()
    before = synced.ask("FROM golden.customer_history ORDER BY ALL")
    assert len(before) == synced.ask("SELECT count(*) FROM golden.customer")[0][0]
    sandbox.advance(1)
    assert synced.sync().action == "published"
    assert synced.ask("FROM golden.customer_as_of(TIMESTAMP '2099-01-01') ORDER BY ALL") == synced.ask(
        "FROM golden.customer ORDER BY ALL"
    )
    with duckdb.connect(str(first), read_only=True) as con:
        (began,) = con.execute("SELECT max(started_at) FROM ops.load_batch").fetchall()[0]
        was = con.execute("FROM golden.customer ORDER BY ALL").fetchall()
    assert synced.ask("FROM golden.customer_as_of(?, known_at := ?) ORDER BY ALL", began, began) == was
    changed = synced.ask("SELECT count(*) FROM golden.customer WHERE load_id = (SELECT max(load_id) FROM ops.load_batch)")[0][0]
    superseded = synced.ask("SELECT count(*) FROM golden.customer_history WHERE superseded_at IS NOT NULL")[0][0]
    assert 0 < changed < len(before)
    assert 0 < superseded <= changed
    kept = {row[:4] for row in synced.ask("FROM golden.customer_history")}
    assert {row[:4] for row in before} <= kept
