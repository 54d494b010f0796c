"""Further targets of the golden tables: what they get, bringing them up to the link, and which of them lag behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.meanings import meanings
from warehouse import control_tables as t
from warehouse.control import utcnow
from warehouse.copies import CARRIED
from warehouse.describing import Meaning
from warehouse.publish import live_load
from warehouse.targets import TableSpec, TargetResult, TargetSettings, check_target, publish_to

# views of a published load, which targets get as tables -> what tells their rows apart
VIEW_KEYS: dict[str, tuple[str, ...]] = {
    "golden.attribution": ("order_key", "model", "touchpoint_key"),
    "golden.completeness_report": ("source_system", "attribute"),
    "golden.conflicting_attribute": ("customer_id", "attribute"),
    "golden.customer_360": ("customer_id",),
    "golden.interaction": ("interaction_key",),
    "golden.stale_contact": ("customer_id",),
    "golden.unconverted": ("fact", "source_system", "currency"),
    "identity.customer_redirect": ("old_customer_id",),
}
# columns by which people look things up, in whichever table has them
LOOKED_UP = (
    "customer_id",
    "account_customer_id",
    "current_customer_id",
    "email",
    "phone_e164",
    "id_value",
    "record_key",
    "order_key",
    "campaign_key",
    "ordered_at",
    "issued_at",
    "paid_at",
    "refunded_at",
    "opened_at",
    "submitted_at",
    "date_day",
)


def specs(views: Sequence[str]) -> list[TableSpec]:
    """All that a published load has.

    Args:
        views: views as ``schema.name``; one whose key is not known is replaced whole when it changed.
    """
    known = meanings()
    keys = {str(table): table.keys for table in (*JUDGED, *CARRIED)} | {view: VIEW_KEYS.get(view, ()) for view in views}
    found = []
    for place, own in keys.items():
        schema, _, name = place.partition(".")
        said = known.get(place, Meaning("", {}))
        found.append(TableSpec(schema, name, own, LOOKED_UP, said.table, said.columns))
    return found


def all_specs() -> list[TableSpec]:
    """All that a published load of this version has."""
    from hub.golden import VIEWS

    return specs([*(f"golden.{view}" for view in VIEWS), "identity.customer_redirect"])


def settings_of(hub: Hub, name: str) -> TargetSettings:
    """The settings of a target. Raises `ConfigError` if hub.yaml has none of that name."""
    found = next((target for target in hub.config.publish if target.name == name), None)
    if found is None:
        known = ", ".join(target.name for target in hub.config.publish) or "none"
        raise ConfigError(f"no target {name!r} in hub.yaml", field="publish", remedy=f"known are {known}")
    return found


def bring_up(hub: Hub, name: str) -> TargetResult:
    """Bring a target up to the published load, and note how that went.

    Raises:
        TargetError: it could not be done; the published load is not touched by it.
    """
    now = utcnow()
    before = next((row for row in _states(hub) if row["name"] == name), {"name": name})
    try:
        owner = hub.control.secret("target_owner").hex()[:16]
        settings = settings_of(hub, name)
        done = publish_to(settings, hub.config.warehouse, all_specs(), owner=owner)
    except HubError as error:
        hub.control.put(t.target_state, [{**before, "tried_at": now, "error": str(error)}])
        raise
    told = {
        "load_id": done.load_id,
        "rows": done.rows,
        "rows_written": done.written,
        "seconds": done.seconds,
        "masked": settings.masked,
    }
    hub.control.put(t.target_state, [{"name": name, **told, "published_at": utcnow(), "tried_at": now, "error": None}])
    return done


def _states(hub: Hub) -> list[dict[str, Any]]:
    return hub.control.rows(sa.select(t.target_state).order_by(t.target_state.c.name))


def target_status(hub: Hub) -> list[dict[str, Any]]:
    """Per target of hub.yaml: the load it shows, whether that is the live one, and why not if a try failed."""
    live, known = live_load(hub.config.warehouse), {row.pop("name"): row for row in _states(hub)}
    nothing = {column.name: None for column in t.target_state.columns if column.name != "name"}
    rows = [(target, known.get(target.name, nothing)) for target in hub.config.publish]
    return [{"target": target.name, **row, "current": _is_current(target, row, live)} for target, row in rows]


def _is_current(target: TargetSettings, row: Mapping[str, Any], live: str | None) -> bool:
    # one that became masked still shows persons until it is published to
    return live is not None and row["load_id"] == live and bool(row["masked"]) == target.masked


def lagging(hub: Hub) -> list[str]:
    """Targets that do not show the live load, or of which the last try failed."""
    if live_load(hub.config.warehouse) is None:
        return []
    return [row["target"] for row in target_status(hub) if not row["current"] or row["error"]]


def check_targets(hub: Hub) -> list[dict[str, Any]]:
    """Try each target with one cheap call, and whether it takes tables."""
    rows = []
    for target in hub.config.publish:
        try:
            rows.append({"target": target.name, "ok": True, "says": check_target(target, all_specs())})
        except HubError as error:
            rows.append({"target": target.name, "ok": False, "says": str(error)})
    return rows
