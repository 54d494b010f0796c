"""Freshdesk in the sandbox: a second help desk, behind its REST API version 2.

Here belongs all that only this vendor needs: what it keeps (books, shapes), what happens (story), what can be written (writes) and
read (reads), and how it is asked (api, answers). The people who ask come from the one population.
"""

from __future__ import annotations

from connectors.sandbox.freshdesk.api import API_KEY, DOMAIN, FreshdeskApi
from connectors.sandbox.freshdesk.books import FreshdeskBooks
from connectors.sandbox.freshdesk.story import day, past
from connectors.sandbox.freshdesk.writes import WRITES
from connectors.sandbox.population import DAY, HISTORY_DAYS
from connectors.sandbox.systems import System

SYSTEM = System(
    name="freshdesk",
    books=lambda seed, origin: FreshdeskBooks(seed, origin - (HISTORY_DAYS + 30) * DAY),
    past=past,
    day=day,
    writes=WRITES,
    api=FreshdeskApi,
    counts=FreshdeskBooks.counts,
    source={"type": "freshdesk", "domain": DOMAIN, "api_key": "${FRESHDESK_API_KEY}"},
    env={"FRESHDESK_API_KEY": API_KEY},
)
