"""Whole days with the write-back: what happens in one system shows in another, merges reach all, our own echo comes to nothing."""

from __future__ import annotations

import pytest

from connectors.sandbox import SandboxHandle
from pipelines.decision_rows import Steward
from pipelines.runner import SyncOutcome, run_build
from pipelines.stewardship import merge, unmerge
from pipelines.writeback.run import Options, write_back
from tests.pipelines.world import World

FIELDS = {"customer_id": "customer_hub.common_id", "open_tickets": "customer_hub.open_tickets"}
METAFIELDS = """query($id: ID!) { customer(id: $id) {
  common_id: metafield(namespace: "customer_hub", key: "common_id") { value }
  open_tickets: metafield(namespace: "customer_hub", key: "open_tickets") { value } } }"""


@pytest.fixture
def told(synced: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A hub whose shop was told once already."""
    monkeypatch.setattr("connectors.http.pause", lambda seconds: None)
    synced.change("shopify", write_back={"fields": FIELDS})
    with synced.hub() as hub:
        assert write_back(hub, "shopify", Options()).error is None
    return synced


def shown(handle: SandboxHandle, record: str) -> dict[str, str | None]:
    """What the shop's customer record shows."""
    found = handle.graphql(METAFIELDS, {"id": f"gid://shopify/Customer/{record}"})["customer"]
    return {name: held and held["value"] for name, held in found.items()}


def told_of(outcome: SyncOutcome) -> tuple[str, int, int]:
    """What a sync did, and the fields and calls that it took to tell the shop."""
    assert (outcome.error, outcome.errors, outcome.exit_code) == (None, {}, 0)
    (shop,) = outcome.write_back
    assert shop["current"]
    return outcome.action, shop["sent"], shop["api_calls"]


def test_a_ticket_shows_at_the_shops_customer_while_it_is_open(told: World, sandbox: SandboxHandle) -> None:
    buyer, email = told.ask(
        "SELECT x.source_record_id, c.email FROM golden.customer c JOIN identity.customer_xref x USING (customer_id)"
        " WHERE x.is_current AND x.source_system = 'shopify' AND x.stream = 'customers' AND c.open_tickets = 0"
        " AND c.source_record_count > 2 AND c.email IS NOT NULL ORDER BY 1 LIMIT 1"
    )[0]
    assert shown(sandbox, buyer)["open_tickets"] == "0"

    ticket = sandbox.post_ticket(email)
    sandbox.push_clock(120)
    # what it holds is asked, and the one field that differs is set
    assert told_of(told.sync("zendesk")) == ("published", 1, 2)
    assert shown(sandbox, buyer)["open_tickets"] == "1"

    sandbox.solve_ticket(ticket)
    sandbox.push_clock(120)
    assert told_of(told.sync("zendesk")) == ("published", 1, 2)
    assert shown(sandbox, buyer)["open_tickets"] == "0"

    # our own echo: the shop's records come back with a new time of change, and make nothing newer
    survivors = "SELECT customer_id, attribute, value, record_key, source_updated_at FROM golden.customer_attribute ORDER BY ALL"
    before = told.ask(survivors)
    echoed = told.sync("shopify")
    assert any(stream["rows_updated"] > 50 for stream in echoed.streams)
    assert told_of(echoed)[1:] == (0, 0)
    assert echoed.load is not None
    assert (echoed.load["inserted"], echoed.load["changed"], echoed.load["removed"]) == (0, 0, 0)
    assert told.ask(survivors) == before
    assert told_of(told.sync("shopify")) == ("unchanged", 0, 0)


def test_a_merge_and_its_undo_reach_the_records(told: World, sandbox: SandboxHandle) -> None:
    pairs = told.ask(
        "SELECT customer_id, min(source_record_id) FROM identity.customer_xref WHERE is_current AND source_system = 'shopify'"
        " AND stream = 'customers' GROUP BY 1 ORDER BY 1 LIMIT 2"
    )
    (one, first), (other, second) = pairs
    steward = Steward("test", "they are one")
    with told.hub() as hub:
        merge(hub, [one, other], steward)
        merged = run_build(hub)
    assert told_of(merged)[1] >= 1
    now = {shown(sandbox, first)["common_id"], shown(sandbox, second)["common_id"]}
    assert len(now) == 1
    with told.hub() as hub:
        unmerge(hub, one if now == {other} else other, steward)
        parted = run_build(hub)
    assert told_of(parted)[1] >= 1
    assert (shown(sandbox, first)["common_id"], shown(sandbox, second)["common_id"]) == (one, other)
