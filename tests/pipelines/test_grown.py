"""What the gate has known since the published load it does not count again, and finds the same."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox import SandboxHandle
from hub.golden import TABLES
from hub.golden import build as golden_build
from tests.pipelines.world import World
from warehouse import control_tables as t
from warehouse import measure, measure_changes
from warehouse.measure_doubled import Doubled, measure_doubled
from warehouse.measure_keys import Grown, distinct_keys

Asked = dict[str, Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What a gate was told of the published load; each of its counts is made the long way as well."""
    seen: Asked = {}

    def keys(con: Any, tables: Any, grown: Grown | None = None) -> Any:
        seen["grown"] = grown
        found = distinct_keys(con, tables, grown)
        assert found.to_dict("records") == distinct_keys(con, tables).to_dict("records")
        return found

    def told_twice(con: Any, tables: Any, live: Any, published: Any, before: Doubled) -> Any:
        seen["doubled"] = before
        found = measure_doubled(con, tables, live, published, before)
        assert found.to_dict("records") == measure_doubled(con, tables, live, published, {}).to_dict("records")
        return found

    monkeypatch.setattr(measure, "distinct_keys", keys)
    monkeypatch.setattr(measure_changes, "measure_doubled", told_twice)
    monkeypatch.setattr(golden_build, "FEWEST_INPUTS", 0)
    return seen


def test_a_load_made_from_the_published_one_is_counted_by_what_is_its_own(
    synced: World, sandbox: SandboxHandle, asked: Asked
) -> None:
    sandbox.advance(1)
    assert synced.sync().action == "published"
    assert asked["grown"].replaced.keys() == TABLES.keys()
    assert sum(asked["grown"].replaced.values()) > 0
    with synced.hub() as hub:
        noted = hub.control.rows(sa.select(t.load_figure).where(t.load_figure.c.measure == "doubled"))
    assert {(row["table_name"], row["source_system"], row["column_name"]) for row in noted} == asked["doubled"].keys() != set()


def test_a_load_made_whole_is_counted_whole(synced: World, sandbox: SandboxHandle, asked: Asked) -> None:
    sandbox.advance(1)
    assert synced.sync(full=True).action == "published"
    assert asked["grown"] is None


def test_nothing_is_taken_on_trust_from_a_load_that_was_not_found_good(synced: World, sandbox: SandboxHandle, asked: Asked) -> None:
    row, figure = t.check_result.c, t.load_figure.c
    with synced.hub() as hub:
        hub.control.run(sa.update(t.check_result).where(row.check_id == "key_unique").values(status="failed"))
        hub.control.run(sa.delete(t.load_figure).where(figure.measure == "doubled"))
    sandbox.advance(1)
    assert synced.sync().action == "published"
    assert asked == {"grown": None, "doubled": {}}
