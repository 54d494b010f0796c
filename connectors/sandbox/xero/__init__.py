"""Xero in the sandbox: one organisation with its contacts, sales invoices, credit notes and payments, behind the Accounting API.

Here belongs all that only this vendor needs: what it keeps (books), what happens (story, writes), how it shows records (shapes) and
lists them (lists), how tokens rotate (tokens) and how it is asked (api). Whom it bills comes from the one population.
"""

from __future__ import annotations

from connectors.sandbox.systems import System
from connectors.sandbox.xero.api import XeroApi
from connectors.sandbox.xero.books import XeroBooks
from connectors.sandbox.xero.story import NAME, day, past
from connectors.sandbox.xero.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TENANT_ID
from connectors.sandbox.xero.writes import WRITES

SYSTEM = System(
    name=NAME,
    books=lambda seed, origin: XeroBooks(seed),
    past=past,
    day=day,
    writes=WRITES,
    api=XeroApi,
    counts=XeroBooks.counts,
    source={
        "type": "xero",
        "client_id": CLIENT_ID,
        "client_secret": "${XERO_CLIENT_SECRET}",
        "refresh_token": "${XERO_REFRESH_TOKEN}",
        "tenant_id": TENANT_ID,
    },
    env={"XERO_CLIENT_SECRET": CLIENT_SECRET, "XERO_REFRESH_TOKEN": REFRESH_TOKEN},
)
