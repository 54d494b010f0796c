"""`hub sync --since --until`: a window is read again after an ordinary sync, everything is counted, and the cursor stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sandbox import SandboxHandle
from hub.contract.errors import ConfigError
from tests.pipelines.world import World


def test_a_backfill_counts_what_was_new_and_what_it_read_again(synced: World, sandbox: SandboxHandle) -> None:
    placed = sandbox.post_order("mara.winterfeldt@somewhere-else.example")
    until = datetime.fromisoformat(sandbox.state()["clock"]).astimezone(UTC) - timedelta(days=1)
    since = until - timedelta(days=60)
    outcome = synced.sync("shopify", since=since.isoformat(), until=until.isoformat())
    assert (outcome.action, outcome.exit_code) == ("published", 0)
    orders = next(row for row in outcome.streams if row["stream"] == "orders")
    assert (orders["mode"], orders["rows_inserted"]) == ("backfill", 1)
    assert orders["rows_unchanged"] > 5, "the window's orders were read again"
    assert synced.ask("SELECT count(*) FROM golden.customer_order WHERE source_record_id = ?", placed) == [(1,)]
    again = synced.sync("shopify")
    assert (again.action, sum(row["rows_inserted"] + row["rows_updated"] for row in again.streams)) == ("unchanged", 0)


def test_a_backfill_of_what_cannot_be_asked_for_a_window_is_refused(synced: World) -> None:
    with pytest.raises(ConfigError, match="needs two times"):
        synced.sync("shopify", since="2026-01-01")
    with pytest.raises(ConfigError, match="ends before it begins"):
        synced.sync("shopify", since="2026-02-01", until="2026-01-01")
