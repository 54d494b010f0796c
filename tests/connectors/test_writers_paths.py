"""A record's ID is the source's word: what is written goes to the record of that ID, and to no other address."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote

import pytest

from connectors.contract import RetrySettings
from connectors.ecommerce.woocommerce_writer import WooCommerceWriter
from connectors.http import HttpSession
from connectors.ticketing.zendesk_writer import ZendeskWriter
from connectors.writeback import Change, Standing, Writer
from hub.contract.errors import HubError
from tests.loopback import Reply, serve

WRITERS: dict[str, tuple[str, Callable[[HttpSession], Writer]]] = {
    "zendesk": ("/api/v2/users/", lambda http: ZendeskWriter(http, {"external_id": "text"}, remedy="-")),
    "woocommerce": (
        "/wp-json/wc/v3/customers/",
        lambda http: WooCommerceWriter(http, {"meta_data.x": "text"}, root="/wp-json/wc/v3", remedy="-"),
    ),
}


@pytest.mark.parametrize("record", ["../../admin", "1?role=admin", "1/../2", "1#x", "%2e%2e/2"])
@pytest.mark.parametrize("vendor", WRITERS)
def test_an_id_leads_to_no_other_address(vendor: str, record: str) -> None:
    start, make = WRITERS[vendor]
    with serve(lambda request: Reply({})) as server:
        http = HttpSession(server.base_url, source="s", retry=RetrySettings(attempts=1, backoff_seconds=0))
        writer = make(http)
        with suppress(HubError):  # what the answer then lacks is not asked here
            writer.write([Change(record, dict.fromkeys(writer.kinds, "v"), Standing({}, None), "k")])
        (request,) = server.requests
    assert request.path.startswith(start)
    assert "/" not in request.path.removeprefix(start)
    assert (unquote(request.path.removeprefix(start)), request.query) == (record, {})
