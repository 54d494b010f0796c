"""Money in is money out, per source and to the cent, over a hub whose data hold every trap; and figures follow people."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from pipelines.decision_rows import Steward
from pipelines.stewardship import merge, unmerge
from tests.pipelines.trap_world import Business, business, configured, refund, totals, worth
from tests.pipelines.world import World

SEED = 5
METRICS = "SELECT * EXCLUDE (load_id) FROM golden.customer_metrics ORDER BY customer_id"


@dataclass
class Told:
    """A synced hub and the business it was told of."""

    world: World
    made: Business

    def sync(self, action: str = "published") -> None:
        outcome = self.world.sync()
        assert (outcome.action, outcome.exit_code, outcome.errors) == (action, 0, {})


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("traps")
    made = business(SEED)
    made.write(root)
    hub = Told(configured(root), made)
    hub.sync()
    return hub


def of(world: World, source: str, table: str, amount: str) -> dict[str, Decimal]:
    return dict(world.ask(f"SELECT currency, sum({amount}) FROM golden.{table} WHERE source_system = ? GROUP BY 1", source))


def reconciles(told: Told) -> None:
    """Each source's money per currency, and all of it in euros."""
    made, world = told.made, told.world
    assert of(world, "shop", "customer_order", "gross_amount") == totals([*made.orders, *made.guest_orders], "total")
    assert of(world, "shop", "order_line", "net_amount") == totals(made.lines, "net")
    assert of(world, "shop", "refund", "amount") == totals(made.refunds, "amount")
    assert of(world, "ledger", "invoice", "total_amount") == totals(made.invoices, "total")
    assert of(world, "ads", "ad_spend_daily", "spend") == totals(made.spend, "spend")
    gross, back = worth(made)
    ((found_gross, found_back, found_ltv, rows),) = world.ask(
        "SELECT sum(gross_base), sum(refunds_base), sum(ltv_base), count(*) FROM golden.customer_360"
    )
    assert (found_gross, found_back, found_ltv) == (gross, back, gross - back)
    assert world.ask("SELECT count(*), count(DISTINCT customer_id) FROM golden.customer") == [(rows, rows)]
    # credited in full by each model, and to nobody twice
    credited = dict(world.ask("SELECT model, sum(attributed_net_base) FROM golden.attribution GROUP BY 1"))
    assert credited == dict.fromkeys(("first_touch", "last_non_direct", "linear"), gross - back)
    # what has no rate is shown, with its amount
    missing = totals([each for each in (*made.orders, *made.guest_orders) if each["currency"] == "RUB"], "total")
    unconverted = "SELECT currency, amount FROM golden.unconverted WHERE fact = 'customer_order'"
    assert dict(world.ask(unconverted)) == missing != {}


def test_money_in_is_money_out_on_the_first_day(told: Told) -> None:
    reconciles(told)


def test_guest_checkouts_count_with_the_account_and_the_ledger(told: Told) -> None:
    people = told.world.ask(
        "SELECT count(*) FROM golden.customer c WHERE (SELECT count(*) FROM identity.customer_xref x"
        " WHERE x.is_current AND x.customer_id = c.customer_id) > 0"
    )
    assert people == [(50,)]
    # number 49 has an account, a debtor, one order and three guest checkouts
    ((customer, orders, sources),) = told.world.ask(
        "SELECT c.customer_id, count(o.order_key), any_value(c.source_systems) FROM golden.customer c"
        " JOIN golden.customer_order o USING (customer_id) WHERE c.email LIKE '%@mail49.example' GROUP BY 1"
    )
    assert (orders, sources) == (4, ["ledger", "shop"])
    seq = told.world.ask(
        "SELECT customer_order_seq FROM golden.customer_order WHERE customer_id = ? AND is_counted ORDER BY ordered_at, order_key",
        customer,
    )
    assert [n for (n,) in seq] == list(range(1, len(seq) + 1))


def test_what_comes_late_and_what_goes_reconciles_too(told: Told) -> None:
    """Late refunds, a second order of a customer, and an account that the shop deletes, so that its orders name nobody."""
    made = told.made
    made.refunds += [refund(f"late{each['no']}", each, share=10) for each in made.guest_orders[:3]]
    gone = made.orders[0]["who"]
    before = told.world.ask(
        "SELECT order_key, customer_id FROM golden.customer_order WHERE party_record_key = ? ORDER BY 1", f"shop:contacts:{gone}"
    )
    assert len(before) > 0
    made.contacts[:] = [row for row in made.contacts if row["id"] != gone]
    for each in made.orders:
        if each["who"] == gone:
            each["who"] = ""
    made.orders.append({**made.orders[-1], "no": "o-new", "total": Decimal("12.34"), "status": "paid"})
    made.write(told.world.root)
    told.sync()
    reconciles(told)
    orders = [key for key, _ in before]
    after = told.world.ask(
        "SELECT order_key, customer_id FROM golden.customer_order WHERE list_contains(?, order_key) ORDER BY 1", orders
    )
    assert after == before


def test_a_new_rate_makes_a_new_load_and_the_same_rates_do_not(told: Told) -> None:
    told.sync("unchanged")
    rates = told.world.root / "rates.csv"
    known = rates.read_text()
    rates.write_text(known + "2026-07-01,0.9,1.2,170\n")
    told.sync()
    assert told.world.ask("SELECT rates_until::VARCHAR FROM golden.reporting") == [("2026-07-01",)]
    rates.write_text(known)
    told.sync()
    reconciles(told)


def test_a_merge_moves_facts_and_figures_and_its_undo_moves_them_back(told: Told) -> None:
    world = told.world
    (one, _), (other, _) = world.ask(
        "SELECT customer_id, ltv_base FROM golden.customer_360 WHERE status = 'active' AND orders > 0"
        " ORDER BY ltv_base DESC, customer_id LIMIT 2"
    )
    before = world.ask(METRICS)
    facts = "SELECT order_key, customer_id, customer_order_seq, new_vs_repeat FROM golden.customer_order ORDER BY 1"
    kept = world.ask(facts)
    figures = "SELECT sum(orders), sum(gross_base), sum(refunds_base), sum(ltv_base) FROM golden.customer_metrics"
    both = world.ask(f"{figures} WHERE customer_id IN (?, ?)", one, other)
    with world.hub() as hub:
        merge(hub, [one, other], Steward("tester", "one person"))
    told.sync()
    reconciles(told)
    merged = world.ask(f"{figures} WHERE customer_id IN (?, ?)", one, other)
    assert merged == both
    assert world.ask("SELECT count(*) FROM golden.customer_metrics WHERE customer_id IN (?, ?)", one, other) == [(1,)]
    # a customer that is no more has left its segments
    ended = world.ask(
        "SELECT count(*) FROM golden.segment_member m JOIN identity.customer_registry r USING (customer_id)"
        " WHERE r.status = 'merged' AND m.exited_at IS NULL"
    )
    assert ended == [(0,)]
    with world.hub() as hub:
        unmerge(hub, other if _is_merged(world, other) else one, Steward("tester", "two after all"))
    told.sync()
    assert world.ask(METRICS) == before
    assert world.ask(facts) == kept
    reconciles(told)


def _is_merged(world: World, customer_id: str) -> bool:
    rows: list[Any] = world.ask("SELECT status FROM identity.customer_registry WHERE customer_id = ?", customer_id)
    return bool(rows == [("merged",)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reporting": {"base_currency": "EUR", "rates": "nowhere.csv"}}, "reporting.rates: there is no file"),
        (
            {"reporting": {"base_currency": "EUR", "rates": "in/contacts.csv"}},
            "reporting.rates: cannot tell rates from the columns",
        ),
    ],
)
def test_rates_that_cannot_be_had_are_named_and_the_last_load_stays(told: Told, change: Any, said: str) -> None:
    world, config = told.world, told.world.config
    loads = world.ask("SELECT max(load_id) FROM ops.load_batch")
    world.configure({**config, **change})
    try:
        outcome = world.sync()
        assert outcome.exit_code == 1
        assert said in str(outcome.error)
        assert world.ask("SELECT max(load_id) FROM ops.load_batch") == loads
    finally:
        world.configure(config)
