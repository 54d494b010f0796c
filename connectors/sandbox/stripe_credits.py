"""The shapes of Stripe's refunds and credit notes in API version 2026-10-28.endive. No behaviour."""

from __future__ import annotations

from connectors.sandbox.shelf import Object


def refund(key: str, at: int, amount: int, paid: Object, transaction: str) -> Object:
    """What goes back to the card of a charge."""
    return {
        "id": key,
        "object": "refund",
        "amount": amount,
        "balance_transaction": transaction,
        "charge": paid["id"],
        "created": at,
        "currency": paid["currency"],
        "customer": paid["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": paid["payment_intent"],
        "payment_method": paid["payment_method"],
        "reason": "requested_by_customer",
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def credit_note(key: str, at: int, bill: Object, back: Object, line_key: str) -> Object:
    """What a paid invoice is lowered by once its payment has gone back."""
    amount = back["amount"]
    detail = {
        "id": line_key,
        "object": "credit_note_line_item",
        "amount": amount,
        "description": f"Refund of {bill['number']}",
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": True,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return {
        "id": key,
        "object": "credit_note",
        **dict.fromkeys(("amount", "post_payment_amount"), amount),
        **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), amount),
        **dict.fromkeys(("amount_shipping", "discount_amount", "pre_payment_amount"), 0),
        **dict.fromkeys(("created", "effective_at"), at),
        "currency": bill["currency"],
        "customer": bill["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amounts": [],
        "invoice": bill["id"],
        "lines": {"object": "list", "data": [detail], "has_more": False, "url": f"/v1/credit_notes/{key}/lines"},
        "livemode": True,
        "memo": None,
        "metadata": {},
        "number": f"{bill['number']}-CN-01",
        "out_of_band_amount": None,
        "pdf": f"https://pay.stripe.example/credit_notes/{key}/pdf",
        "pretax_credit_amounts": [],
        "reason": "order_change",
        "refunds": [{"amount_refunded": amount, "payment_record_refund": None, "refund": back["id"], "type": "refund"}],
        "shipping_cost": None,
        "status": "issued",
        "total_taxes": [],
        "type": "post_payment",
        "voided_at": None,
    }
