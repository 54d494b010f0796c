"""Makes anew what a day touched: the facts, customers and figures that depend on an input which is not as it was.

Each step first says which rows those are, then runs the very text that makes the whole table, over fewer rows. golden holds the
published load's rows when it begins.
"""

from __future__ import annotations

from datetime import date, datetime

from hub.golden.attributes import ATTRIBUTES, DECIDED_BY
from hub.golden.history import add_history
from hub.golden.maker import Maker
from hub.golden.settings import GoldenSettings
from hub.golden.survivorship import TRUST_ON, rank_attributes
from hub.golden.text import sql
from hub.identity import link_accounts

TOUCHED_FACTS = ("customer_order", "order_line", "invoice", "payment", "refund", "ticket", "lead", "ad_spend_daily")
_PARTS = {f"staging.{table}": f"part_{table}" for table in TOUCHED_FACTS}
_SCOPES = {table: f"touched_{table}" for table in TOUCHED_FACTS}
_NAMED = {f"staging.{table}": f"named_{table}" for table in ("customer_order", "invoice", "payment")}
_OWN_FACTS = ("customer_order", "order_line", "invoice", "payment", "refund", "ticket", "lead", "touchpoint")
_OWN = {f"golden.{table}": f"own_{table}" for table in (*_OWN_FACTS, "customer_attribute", "customer")}
_OWN |= {"golden.consent": "own_consent", "consent_owner": "own_consent_owner"}
_OWN |= {"owner_current": "own_owner", "identity.customer_xref": "own_customer_xref"}
_PERSONS = {
    "owner_current": "person_owner",
    "staging.party_record": "person_record",
    "golden.customer": "own_customer",
    "golden.customer_attribute": "person_attribute",
}


def make_touched(maker: Maker, settings: GoldenSettings, *, now: datetime, before: date) -> None:
    """Bring the golden tables, which hold the published load, to what came_... and went_... say; all but segments.

    Args:
        now: when the load began, UTC without zone.
        before: the day of the published load.
    """
    con, today = maker.con, now.date()
    _remember(maker)
    maker.run(sql("touched_inputs"))
    if con.execute("SELECT count(*) FROM repriced").fetchall() != [(0,)]:
        maker.run(sql("touched_rates"))
    maker.run(sql("touched_facts"))
    maker.run(sql("naming"), reads=_PARTS)
    maker.run(sql("touched_names"))
    maker.run(sql("named"), reads=_NAMED)
    maker.run(sql("facts"), reads=_PARTS, scopes=_SCOPES)
    maker.run(sql("consent_told"))
    maker.run(sql("touched_consents"), before=before, day=today)
    maker.run(sql("consent"), reads={"consent_told": "part_consent"}, scopes={"consent": "touched_consent"})
    maker.run(sql("ads"))
    maker.run(sql("touched_ads"))
    maker.run(sql("ad_facts"), reads=_PARTS, scopes=_SCOPES)
    maker.run(sql("campaign_named"))
    maker.run(sql("touched_touches"))
    touching = {"golden.customer_order": "touching_customer_order", "golden.lead": "touching_lead"}
    maker.run(sql("touchpoint"), reads=touching, scopes={"touchpoint": "touched_touchpoint"})
    con.execute("CREATE OR REPLACE TEMP TABLE touched_person (customer_id VARCHAR)")
    if before != today:
        _note_decayed(maker, settings, before=before, today=today)
    maker.run(sql("touched_persons"))
    rank_attributes(maker, settings, now)
    link_accounts(con, "owner_current", "identity.blocked_value")
    _make_customers(maker, before=before, today=today)
    add_history(maker, now=now)


def _remember(maker: Maker) -> None:
    """Keep what the published load knew and its tables will not tell once they change."""
    for name in ("silent_source", "campaign_named"):
        maker.run(sql(name))
        maker.con.execute(f"CREATE OR REPLACE TEMP TABLE {name}_before AS FROM {name}")


def _note_decayed(maker: Maker, settings: GoldenSettings, *, before: date, today: date) -> None:
    """Note the customers of whom a value is trusted more or less than another, and was not so on the day of the published load."""
    going = any(rule.kind == "trust" for name in ATTRIBUTES for rule in settings.survivorship.rules(name))
    if going:
        script = sql("touched_trust").replace("{then}", TRUST_ON.replace("$day", "$before")).replace("{now}", TRUST_ON)
        maker.run(script, before=before, day=today, columns=list(DECIDED_BY), deciders=list(DECIDED_BY.values()))


def _make_customers(maker: Maker, *, before: date, today: date) -> None:
    maker.run(sql("silent_source"))
    maker.run(sql("touched_customers"), before=before, day=today)
    own = {name: relation for name, relation in _OWN.items() if name != "golden.customer"}
    maker.run(sql("customer"), reads=own, scopes={"customer": "touched_customer"})
    maker.run(sql("touched_identifiers"))
    maker.run(sql("customer_identifier"), reads=_PERSONS, scopes={"customer_identifier": "touched_person"})
    maker.run(sql("customer_value"), reads=_OWN)
    maker.run(sql("figure"), reads=_OWN)
    maker.run(sql("figure_kept"))
    maker.run(sql("acquired"))
    maker.run(sql("acquisition_cost"))
    maker.run(sql("standing"))
    maker.run(sql("touched_metrics"))
    maker.run(sql("customer_metrics"), reads={"figure": "touched_figure"}, scopes={"customer_metrics": "touched_metric"})
