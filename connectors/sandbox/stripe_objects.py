"""The shapes of Stripe's objects in API version 2026-10-28.endive, as dictionaries ready to be sent. No behaviour.

Since Basil (2025-03-31) an invoice no longer names its charge, nor a charge its invoice; `/v1/invoice_payments` joins them.
"""

from __future__ import annotations

from typing import Any

from connectors.sandbox.places import Address
from connectors.sandbox.shelf import Object, snapshot

API_VERSION = "2026-10-28.endive"

EMPTY_ADDRESS: dict[str, str | None] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def address(place: Address | None) -> Object | None:
    """An address object, or None."""
    if place is None:
        return None
    return {
        "city": place.city,
        "country": place.country,
        "line1": place.line1,
        "line2": place.line2,
        "postal_code": place.postal_code,
        "state": place.region_code if place.country == "US" else place.region,
    }


def customer(key: str, created: int, prefix: str) -> Object:
    """A customer with nothing filled in."""
    return {
        "id": key,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": True,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


_INVOICE: Object = {
    "object": "invoice",
    "account_country": "US",
    "account_name": "Sandbox Goods Inc.",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
    "billing_reason": "manual",
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": True,
    "metadata": {},
    "number": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "status": "draft",
    "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
    "test_clock": None,
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
}


def invoice(key: str, created: int, payer: Object, currency: str, lines: list[Object], tax: int) -> Object:
    """A draft invoice for a customer; the sums follow from its lines (minor units)."""
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal + tax
    return {
        **snapshot(_INVOICE),
        "id": key,
        "created": created,
        "currency": currency.lower(),
        **{f"customer_{name}": payer[name] for name in ("address", "email", "name", "phone", "shipping", "tax_exempt")},
        "customer": payer["id"],
        "lines": {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{key}/lines"},
        **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total_excluding_tax"), subtotal),
        **dict.fromkeys(("total", "amount_due", "amount_remaining"), total),
        **dict.fromkeys(("period_start", "period_end", "webhooks_delivered_at"), created),
        **dict.fromkeys(("automatically_finalizes_at", "next_payment_attempt"), created + 3600),
    }


def line(key: str, invoice_key: str, amount: int, currency: str, description: str, at: int) -> Object:
    """An invoice line of one piece."""
    return {
        "id": key,
        "object": "line_item",
        "amount": amount,
        "currency": currency.lower(),
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_key,
        "livemode": True,
        "metadata": {},
        "parent": {
            "invoice_item_details": {"invoice_item": key.replace("il_", "ii_"), "proration": False, "proration_details": None},
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": {"end": at, "start": at},
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "quantity_decimal": "1",
        "subtotal": amount,
        "taxes": [],
    }


_CHARGE: Object = {
    "object": "charge",
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "calculated_statement_descriptor": "SANDBOX GOODS",
    "captured": True,
    "customer": None,
    "description": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": True,
    "metadata": {},
    "on_behalf_of": None,
    "paid": True,
    "receipt_email": None,
    "receipt_number": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "transfer_group": None,
}


def charge(key: str, created: int, amount: int, currency: str, ids: dict[str, str], billing: Object, card: Object) -> Object:
    """A charge that succeeded. ``ids`` has payment_intent, payment_method and balance_transaction."""
    return {
        **snapshot(_CHARGE),
        **ids,
        "id": key,
        "amount": amount,
        "amount_captured": amount,
        "billing_details": billing,
        "created": created,
        "currency": currency.lower(),
        "outcome": outcome("authorized"),
        "payment_method_details": {"card": card, "type": "card"},
        "receipt_url": f"https://pay.stripe.example/receipts/{key}",
    }


def outcome(kind: str) -> Object:
    """How the card network answered: ``authorized`` or ``issuer_declined``."""
    ok = kind == "authorized"
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if ok else "declined_by_network",
        "reason": None if ok else "generic_decline",
        "seller_message": "Payment complete." if ok else "The bank did not return any further details with this decline.",
        "type": kind,
    }


def invoice_payment(key: str, bill: Object, intent: str, at: int) -> Object:
    """The link from an invoice to what paid it."""
    return {
        "id": key,
        "object": "invoice_payment",
        "amount_paid": bill["total"],
        "amount_requested": bill["total"],
        "created": at,
        "currency": bill["currency"],
        "invoice": bill["id"],
        "is_default": True,
        "livemode": True,
        "payment": {"payment_intent": intent, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": at},
    }


def event(key: str, at: int, kind: str, snapshot: Object, previous: Object | None, request: Object) -> Object:
    """An event; the object is as it was when it happened."""
    data: dict[str, Any] = {"object": snapshot}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": key,
        "object": "event",
        "api_version": API_VERSION,
        "created": at,
        "data": data,
        "livemode": True,
        "pending_webhooks": 0,
        "request": request,
        "type": kind,
    }
