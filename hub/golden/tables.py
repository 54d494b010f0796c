"""The golden tables, with the columns that tell their rows apart, and the views over them."""

from __future__ import annotations

from hub.golden.history import HISTORY, HISTORY_KEY

# table -> its key columns
TABLES: dict[str, tuple[str, ...]] = {
    "customer": ("customer_id",),
    "customer_identifier": ("customer_id", "id_type", "id_value"),
    "customer_attribute": ("customer_id", "attribute", "record_key"),
    "attribute_override": ("override_id",),
    "customer_order": ("order_key",),
    "order_line": ("order_line_key",),
    "invoice": ("invoice_key",),
    "payment": ("payment_key",),
    "refund": ("refund_key",),
    "ticket": ("ticket_key",),
    "lead": ("lead_key",),
    "consent": ("consent_key",),
    "ad_campaign": ("campaign_key",),
    "ad_group": ("ad_group_key",),
    "ad": ("ad_key",),
    "ad_spend_daily": ("spend_key",),
    "touchpoint": ("touchpoint_key",),
    "acquisition_cost": ("date_month", "platform", "campaign_key", "model"),
    "customer_metrics": ("customer_id",),
    "segment_member": ("segment_key", "customer_id", "entered_at"),
    "reporting": ("as_of_date",),
    HISTORY: HISTORY_KEY,
}
VIEWS: tuple[str, ...] = (
    "attribution",
    "interaction",
    "customer_360",
    "stale_contact",
    "completeness_report",
    "unconverted",
    "conflicting_attribute",
)
