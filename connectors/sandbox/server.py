"""Run the sandbox: for good (`serve`, behind ``hub sandbox``) or for a with block (`running`, for tests and the demo).

It answers on loopback only. Importing this module is cheap; the server's libraries come in when it starts.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from connectors.sandbox import credentials
from connectors.sandbox.state import DEFAULT_PEOPLE, DEFAULT_SEED, Sandbox
from hub.contract.errors import ConfigError, SourceUnavailableError

if TYPE_CHECKING:
    import uvicorn

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8377
_ORDER = """mutation($order: OrderCreateOrderInput!) {
  orderCreate(order: $order) { order { legacyResourceId } userErrors { field message } }
}"""


def serve(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    seed: int = DEFAULT_SEED,
    people: int = DEFAULT_PEOPLE,
    state_dir: Path | str | None = None,
    zendesk_exports_per_minute: int | None = None,
    shopify_throttled: bool = False,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until interrupted (Ctrl-C, SIGTERM); ``on_ready`` gets the base URL.

    Raises:
        ConfigError: the host is not loopback, the port is taken, or the state folder holds another world.
    """
    listener = _listen(host, port)
    with listener:
        server = _server(Sandbox(seed, people, state_dir), zendesk_exports_per_minute, shopify_throttled)
        if on_ready is not None:
            on_ready(_url(listener))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            return  # the way to end it


@contextmanager
def running(
    seed: int = DEFAULT_SEED,
    people: int = DEFAULT_PEOPLE,
    state_dir: Path | str | None = None,
    port: int = 0,
    *,
    zendesk_exports_per_minute: int | None = None,
    shopify_throttled: bool = False,
    sandbox: Sandbox | None = None,
) -> Iterator[SandboxHandle]:
    """A sandbox in a thread; port 0 takes a free one. ``sandbox`` instead of seed, people and state_dir for one made elsewhere.

    Raises:
        ConfigError: as `serve`.
    """
    with _listen(DEFAULT_HOST, port) as listener:
        held = sandbox or Sandbox(seed, people, state_dir)
        server = _server(held, zendesk_exports_per_minute, shopify_throttled)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            with SandboxHandle(_url(listener)) as handle:
                yield handle
        finally:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigError(f"the sandbox does not listen on {host}", remedy="it answers on loopback only; use 127.0.0.1")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        remedy = "end the other program, perhaps another sandbox, or choose another port"
        raise ConfigError(f"port {port} cannot be opened on {host} ({error.strerror})", remedy=remedy) from error
    # requests that come while the world is still being made wait instead of being refused
    listener.listen(128)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _server(sandbox: Sandbox, exports_per_minute: int | None, throttled: bool) -> uvicorn.Server:
    import uvicorn

    from connectors.sandbox.app import Strictness, build_app

    app = build_app(sandbox, Strictness(exports_per_minute, throttled))
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2))


class SandboxHandle:
    """A running sandbox as its user sees it: everything goes over HTTP, orders and tickets through the vendors' own APIs."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=60, trust_env=False)

    def __enter__(self) -> SandboxHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def url(self, vendor: str) -> str:
        """The ``base_url`` of a vendor's source in hub.yaml: stripe, zendesk, shopify or google_ads."""
        return f"{self.base_url}/{vendor}"

    def post_order(
        self,
        email: str | None = None,
        *,
        customer_id: str | None = None,
        phone: str | None = None,
        address: dict[str, str] | None = None,
        items: Sequence[tuple[str, int, str]] = (("Canvas tote", 1, "19.00"),),
        currency: str = "USD",
        test: bool = False,
    ) -> str:
        """Place a paid order in the shop: a customer's, or a guest's without ``customer_id``. Returns its numeric ID.

        ``items`` are (title, quantity, price in US dollars), ``address`` a MailingAddressInput.
        """
        lines = [
            {"title": title, "quantity": count, "priceSet": {"shopMoney": {"amount": price, "currencyCode": "USD"}}}
            for title, count, price in items
        ]
        order: dict[str, Any] = {"email": email, "phone": phone, "lineItems": lines, "financialStatus": "PAID", "test": test}
        order |= {"billingAddress": address, "shippingAddress": address, "presentmentCurrency": currency}
        if customer_id is not None:
            order["customer"] = {"toAssociate": {"id": f"gid://shopify/Customer/{customer_id}"}}
        made = self.graphql(_ORDER, {"order": order})["orderCreate"]
        if made["userErrors"]:
            raise SourceUnavailableError(f"the shop refused the order ({made['userErrors'][0]['message']})", source="shopify")
        return str(made["order"]["legacyResourceId"])

    def graphql(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run a query or mutation in the shop and return its data."""
        headers = {"x-shopify-access-token": credentials.SHOPIFY_ACCESS_TOKEN}
        body = {"query": query, "variables": variables or {}}
        answer = self._json("POST", "/shopify/admin/api/2026-10/graphql.json", headers=headers, json=body)
        if "data" not in answer or answer.get("errors"):
            raise SourceUnavailableError(f"the shop answered {answer.get('errors')}", source="shopify")
        data: dict[str, Any] = answer["data"]
        return data

    def post_ticket(self, email: str, *, name: str | None = None, subject: str = "Help", text: str = "Please help.") -> int:
        """Write to the help desk; an unknown sender becomes a user. Returns the ticket's ID."""
        ticket = {"subject": subject, "comment": {"body": text}, "requester": {"email": email, "name": name or email}}
        return int(self._zendesk("POST", "/api/v2/tickets.json", {"ticket": ticket})["ticket"]["id"])

    def solve_ticket(self, ticket_id: int) -> None:
        """Solve a ticket."""
        self._zendesk("PUT", f"/api/v2/tickets/{ticket_id}.json", {"ticket": {"status": "solved"}})

    def _zendesk(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        auth = (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN)
        return self._json(method, f"/zendesk{path}", auth=auth, json=body)

    def advance(self, days: int = 1) -> dict[str, Any]:
        """Let days pass; returns the state, and under ``advanced`` how many did."""
        return self._json("POST", "/_sandbox/advance", json={"days": days})

    def push_clock(self, seconds: int) -> dict[str, Any]:
        """Push the clock on; returns the state."""
        return self._json("POST", "/_sandbox/clock", json={"advance_seconds": seconds})

    def state(self) -> dict[str, Any]:
        """Seed, people, day, clock, counts."""
        return self._json("GET", "/_sandbox/state")

    def truth(self) -> str:
        """Who is behind every party record, as CSV: source_system, stream, source_record_id, entity_id."""
        return self._http.get("/_sandbox/truth.csv").raise_for_status().text

    def fault(self, vendor: str, **what: Any) -> None:
        """Make a vendor fail; see faults.py."""
        self._http.post("/_sandbox/faults", json={"vendor": vendor, **what}).raise_for_status()

    def clear_faults(self) -> None:
        """Let all vendors be well again."""
        self._http.delete("/_sandbox/faults").raise_for_status()

    def _json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.request(method, path, **how).raise_for_status().json()
        return answer
