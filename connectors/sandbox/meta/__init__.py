"""Meta in the sandbox: one ad account and one page with lead forms, behind the Graph API.

Here belongs all that only this vendor needs: what it keeps (books), what happens (story), how it reports (report) and shows objects
(shapes), and how it is asked (api, answers). The people who send the forms come from the one population.
"""

from __future__ import annotations

from connectors.sandbox.meta.api import MetaApi
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, PAGE_ID, MetaBooks
from connectors.sandbox.meta.story import WRITES, day, past
from connectors.sandbox.systems import System

SYSTEM = System(
    name="meta",
    books=MetaBooks,
    past=past,
    day=day,
    writes=WRITES,
    api=MetaApi,
    counts=MetaBooks.counts,
    source={"type": "meta", "account_id": f"act_{ACCOUNT_ID}", "page_id": PAGE_ID, "access_token": "${META_ACCESS_TOKEN}"},
    env={"META_ACCESS_TOKEN": ACCESS_TOKEN},
)
