"""Which invoices a charge pays. Since API version 2025-03-31 neither says so; a list of invoice payments joins them by the intent.

A charge is given its invoice payments as Stripe sent them, as if it could be asked to expand them. Stripe finds them by a single
payment intent per request. For a page of charges that would be a hundred requests; there the whole list of invoice payments, about
as long as the list of invoices, is read once instead, into a temporary file, as memory might not hold it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import simplejson

ALONG = "invoice_payments"
Pages = Callable[[str, dict[str, Any]], Iterator[list[Any]]]


class InvoicePayments:
    """The invoice payments of one reading.

    Args:
        pages: all pages of a list, given its path and query.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._all: sqlite3.Connection | None = None

    def added(self, charge: Mapping[str, Any]) -> dict[str, Any]:
        """The charge with its invoice payments; they are asked for unless all were read."""
        intent = _intent(charge)
        if intent is None:
            return dict(charge)
        if self._all is not None:
            found = [simplejson.loads(row[0], use_decimal=True) for row in self._all.execute(_OF_INTENT, [intent])]
        else:
            query = {"payment[type]": "payment_intent", "payment[payment_intent]": intent}
            found = [link for page in self._pages(ALONG, query) for link in page]
        return {**charge, ALONG: {"object": "list", "data": found}}

    def read_all(self, charges: Iterable[Any]) -> None:
        """Read all invoice payments, once, if any of some charges may have one."""
        if self._all is not None or not any(isinstance(charge, dict) and _intent(charge) for charge in charges):
            return
        held = sqlite3.connect("")  # a file without a name: on disk where it grows, and gone with the connection
        held.execute("CREATE TABLE link (intent TEXT, payload TEXT)")
        for page in self._pages(ALONG, {"payment[type]": "payment_intent"}):
            rows = ((_paid_by(link), simplejson.dumps(link, use_decimal=True)) for link in page if _paid_by(link))
            held.executemany("INSERT INTO link VALUES (?, ?)", rows)
        held.execute("CREATE INDEX by_intent ON link (intent)")
        self._all = held

    def close(self) -> None:
        """Let go of the temporary file."""
        if self._all is not None:
            self._all.close()
            self._all = None


# in the order in which Stripe lists them, newest first, so that a charge reads the same either way
_OF_INTENT = "SELECT payload FROM link WHERE intent = ? ORDER BY rowid"


def _intent(charge: Mapping[str, Any]) -> str | None:
    """The charge's payment intent; None where it cannot pay an invoice, which takes a customer."""
    intent = charge.get("payment_intent")
    return intent if isinstance(intent, str) and charge.get("customer") else None


def _paid_by(link: Any) -> str | None:
    payment = link.get("payment") if isinstance(link, dict) else None
    intent = payment.get("payment_intent") if isinstance(payment, dict) else None
    return intent if isinstance(intent, str) else None
