"""The canonical columns: what a mapping of a source may yield for each staging table, and the type each becomes.

A mapping yields text as the source has it (``12.50``, ``2026-03-01T09:00:00+02:00``); staging types it in one place, so that a
value that cannot be read is handled in one way. This module holds declarations only.
"""

from __future__ import annotations

from hub.contract.tables import Column, Kind, StagingTable

# party -----------------------------------------------------------------------------------------------------------

PARTY = StagingTable(
    "party_record",
    "party",
    "record_key",
    (
        Column("party_type", description="person or company, where the source says so"),
        Column("record_role", description="customer, lead, ticket_user, guest, billing or shipping"),
        Column("legacy_id", description="the record's ID in a system it was migrated from"),
        Column("full_name"),
        Column("given_name"),
        Column("middle_name"),
        Column("family_name"),
        Column("company_name"),
        Column("account_id", description="the company this party belongs to: its record ID in the same source"),
        Column("email", description="as the source has it"),
        Column("email_verified", "boolean", description="whether the owner of the e-mail confirmed it, where the source says so"),
        Column("phone", description="as the source has it"),
        Column("address_line1"),
        Column("address_line2"),
        Column("city"),
        Column("region"),
        Column("postal_code"),
        Column("country", description="ISO code or name as the source has it"),
        Column("birth_date", "date"),
        Column("tax_id"),
        Column("locale"),
        Column("is_test", "boolean", description="only from the source's own flag"),
        Column("created_at", "time"),
    ),
)

# facts -----------------------------------------------------------------------------------------------------------

# every fact may say whose it is: the party's record ID in the same source, and that party's stream
OWNER = (
    Column("party_id", description="source record ID of the party the fact belongs to"),
    Column("party_stream", description="the stream of that party, where the source has more than one"),
)
COMMON = (Column("is_test", "boolean"), Column("created_at", "time"))

ORDER = StagingTable(
    "customer_order",
    "order",
    "order_key",
    (
        *OWNER,
        Column("order_number", description="the number the customer sees"),
        Column("ordered_at", "time", required=True),
        Column("status", description="open, paid, partially_refunded, refunded, cancelled or the source's word"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("gross_amount", "amount", required=True, description="what the customer was charged, before refunds"),
        Column("discount_amount", "amount"),
        Column("tax_amount", "amount"),
        Column("shipping_amount", "amount"),
        Column("refund_amount", "amount"),
        Column("landing_url", personal=True),
        Column("referrer_url", personal=True),
        Column("utm_source"),
        Column("utm_medium"),
        Column("utm_campaign"),
        Column("utm_content"),
        Column("utm_term"),
        Column("click_id_type", description="gclid, gbraid, wbraid, fbclid, msclkid or ttclid"),
        Column("click_id", personal=True),
        *COMMON,
    ),
)
ORDER_LINE = StagingTable(
    "order_line",
    "order_line",
    "order_line_key",
    (
        *OWNER,
        Column("line_no", description="number or ID of the line within its order"),
        Column("order_id", description="source record ID of the order; the record itself where lines come inside their order"),
        Column("sku"),
        Column("product_name"),
        Column("quantity", "amount", description="may be a fraction"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("unit_price", "amount"),
        Column("net_amount", "amount", description="of the line after its discounts, as the source counts tax"),
        Column("tax_amount", "amount"),
        *COMMON,
    ),
    part="line_no",
)
INVOICE = StagingTable(
    "invoice",
    "invoice",
    "invoice_key",
    (
        *OWNER,
        Column("invoice_number"),
        Column("issued_at", "time", required=True),
        Column("due_at", "time"),
        Column("paid_at", "time"),
        Column("status", description="draft, open, paid, void, uncollectible or the source's word"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("total_amount", "amount", required=True),
        Column("amount_paid", "amount"),
        Column("amount_due", "amount"),
        *COMMON,
    ),
)
PAYMENT = StagingTable(
    "payment",
    "payment",
    "payment_key",
    (
        *OWNER,
        Column("invoice_id", description="source record ID of the invoice it pays"),
        Column("paid_at", "time", required=True),
        Column("status", description="succeeded, pending, failed or the source's word"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("amount", "amount", required=True),
        Column("refund_amount", "amount"),
        Column("method"),
        *COMMON,
    ),
)
REFUND = StagingTable(
    "refund",
    "refund",
    "refund_key",
    (
        *OWNER,
        Column("refund_no", description="number or ID of the refund within the record that tells of it"),
        Column("refund_type", description="refund (money went back) or credit_note (a claim was lowered)"),
        Column("order_id", description="source record ID of the order"),
        Column("invoice_id", description="source record ID of the invoice"),
        Column("payment_id", description="source record ID of the payment"),
        Column("refunded_at", "time", required=True),
        Column("status", description="succeeded, pending, failed, cancelled or the source's word"),
        Column("reason", description="the source's code, no free text"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("amount", "amount", required=True, description="what went back to the customer, as a positive number"),
        *COMMON,
    ),
    part="refund_no",
)
TICKET = StagingTable(
    "ticket",
    "ticket",
    "ticket_key",
    (
        *OWNER,
        Column("subject", personal=True),
        Column("channel"),
        Column("status", description="new, open, pending, on_hold, solved or closed"),
        Column("priority"),
        Column("opened_at", "time", required=True),
        Column("first_reply_at", "time", description="the first public answer of an agent"),
        Column("solved_at", "time"),
        Column("reopen_count", "integer"),
        Column("satisfaction", description="good, neutral or bad, as the customer rated it"),
        *COMMON,
    ),
)
LEAD = StagingTable(
    "lead",
    "lead",
    "lead_key",
    (
        *OWNER,
        Column("platform"),
        Column("account_id"),
        Column("campaign_id"),
        Column("ad_group_id"),
        Column("ad_id"),
        Column("form_id"),
        Column("click_id_type"),
        Column("click_id", personal=True),
        Column("lead_source"),
        Column("submitted_at", "time", required=True),
        *COMMON,
    ),
)
AD_CAMPAIGN = StagingTable(
    "ad_campaign",
    "ad_campaign",
    "campaign_key",
    (
        Column("platform"),
        Column("account_id"),
        Column("campaign_id"),
        Column("campaign_name"),
        Column("status"),
        Column("currency", "currency"),
        Column("timezone", description="zone in which the platform cuts its days"),
        *COMMON,
    ),
)
AD_GROUP = StagingTable(
    "ad_group",
    "ad_group",
    "ad_group_key",
    (
        Column("platform"),
        Column("account_id"),
        Column("campaign_id"),
        Column("ad_group_id", description="an ad set, in Meta's words"),
        Column("ad_group_name"),
        Column("status"),
        *COMMON,
    ),
)
AD = StagingTable(
    "ad",
    "ad",
    "ad_key",
    (
        Column("platform"),
        Column("account_id"),
        Column("campaign_id"),
        Column("ad_group_id"),
        Column("ad_id"),
        Column("ad_name"),
        Column("landing_url", description="address that a click leads to, with its utm parameters; these alone will do"),
        Column("status"),
        *COMMON,
    ),
)
AD_SPEND = StagingTable(
    "ad_spend_daily",
    "ad_spend",
    "spend_key",
    (
        Column("platform"),
        Column("account_id"),
        Column("campaign_id"),
        Column("ad_group_id"),
        Column("ad_id"),
        Column("date_day", "date", required=True, description="day in the ad account's own time zone"),
        Column("currency", "currency", required=True, description="ISO 4217 code"),
        Column("spend", "spend", required=True),
        Column("impressions", "integer"),
        Column("clicks", "integer"),
        Column("platform_conversions", "number", description="as the platform claims; never summed over platforms"),
        Column("platform_conversion_value", "number"),
        *COMMON,
    ),
)

CONSENT = StagingTable(
    "consent",
    "consent",
    "consent_key",
    (
        *OWNER,
        Column("signal", description="tells the signals of one record apart, as email of a shop's customer"),
        Column("purpose", description="what contact is for; marketing where the source does not say; any is every purpose"),
        Column("channel", required=True, description="email, sms, call, or all of them"),
        Column("country", description="where a phone number that names no country was dialled from"),
        Column("identifier", description="the e-mail address or phone number it is about", personal=True),
        Column(
            "status",
            required=True,
            description="granted, denied, pending (not confirmed), not_given, unclear; lifted ends a denial",
        ),
        Column("legal_basis", description="consent, contract, legitimate_interest or the source's word"),
        Column("captured_at", "time", description="when the person said so; a grant without it overrides no denial"),
        Column("expires_at", "time"),
        Column("evidence", personal=True, description="the source's own words: state, level, the form it was said on"),
        Column("is_kept", "boolean", description="a denial that its record tells no more; set by the hub"),
        *COMMON,
    ),
    part="signal",
)

FACTS: tuple[StagingTable, ...] = (
    *(ORDER, ORDER_LINE, INVOICE, PAYMENT, REFUND, TICKET, LEAD, AD_CAMPAIGN, AD_GROUP, AD, AD_SPEND, CONSENT),
)
TABLES: dict[str, StagingTable] = {t.name: t for t in (PARTY, *FACTS)}
BY_KIND: dict[Kind, StagingTable] = {t.kind: t for t in (PARTY, *FACTS)}
MONEY: dict[str, tuple[str, ...]] = {
    t.name: tuple(c.name for c in t.columns if c.type in ("amount", "spend") and c.name != "quantity") for t in FACTS
}
