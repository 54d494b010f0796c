"""How Shopify's Admin GraphQL API is asked: settings, one query at a time, pages, cost, throttle and errors.

What is asked, and what comes of it, is in shopify.py; the queries are in shopify_*.graphql.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pydantic import Field, field_validator

from connectors.contract import Secret, SourceSettings
from connectors.http import HttpConnector, HttpSession, by_header
from connectors.page_guard import PageGuard
from connectors.writeback import Takes
from hub.contract.errors import CredentialsError, ProtocolError

log = logging.getLogger(__name__)

API_VERSION = "2026-10"
_PATH = f"/admin/api/{API_VERSION}/graphql.json"
_HERE = Path(__file__).parent


class ShopifySettings(SourceSettings):
    """What stands under a Shopify source in hub.yaml."""

    shop: str = Field(description="the shop's name before .myshopify.com")
    access_token: Secret = Field(
        description="Admin API token with read_customers, read_orders and, for old orders, read_all_orders"
    )
    page_size: int = Field(100, ge=1, le=250, description="records per page; made smaller where Shopify finds the query too costly")
    lookback_seconds: int = Field(120, ge=1, description="each sync reads this much again, for changes the search index shows late")

    # the names of metafields; see shopify_writer.py
    takes: ClassVar[Takes | None] = Takes(r"[A-Za-z0-9_-]{3,255}\.[A-Za-z0-9_-]{2,64}", "customer_hub.open_tickets")

    @field_validator("shop")
    @classmethod
    def _shop(cls, value: str) -> str:
        name = value.strip().lower().removeprefix("https://").rstrip("/").removesuffix(".myshopify.com")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError("must be the shop's name as in https://NAME.myshopify.com")
        return name


class DeniedError(CredentialsError):
    """The token is good, but not for this."""


class TooCostlyError(ProtocolError):
    """The query costs more points than Shopify admits."""


class ShopifyApi(HttpConnector):
    """One Shopify shop as it is asked."""

    settings: ShopifySettings
    _served_version = API_VERSION

    def pages(
        self,
        stream: str,
        query: str,
        place: tuple[str, ...],
        variables: Mapping[str, Any],
        after: str | None = None,
        *,
        resumed: bool = False,
    ) -> Iterator[tuple[list[Mapping[str, Any]], str | None]]:
        """The pages of a query: their nodes, and the cursor of the page that follows (None after the last).

        Args:
            place: where in the answer the connection lies; nothing comes where what it is of is gone.
            after: the cursor to begin after.
            resumed: whether that cursor is of an earlier reading; if Shopify no longer knows it, reading begins at the beginning.
        """
        guard, first = PageGuard(self.name, stream), self.settings.page_size
        while True:
            try:
                data: Any = self.ask(query, {**variables, "first": first, "after": after}, stream)
            except TooCostlyError:
                if first == 1:
                    raise
                first //= 2
                log.info("%s/%s: the query costs too much; going on with page_size %d", self.name, stream, first)
                continue
            except ProtocolError as error:
                if not resumed:
                    raise
                # the cursor of a reading broken off long ago may have become worthless; its watermark has not
                log.warning("%s; the reading that was broken off begins again", error)
                after, resumed = None, False
                continue
            resumed = False
            for step in place[:-1]:
                data = data.get(step)
                if data is None:
                    return
            nodes, after = self._connection(data, place[-1], stream)
            if after is not None:
                guard.advance(after)
            yield nodes, after
            if after is None:
                return

    def _connection(self, data: Mapping[str, Any], root: str, stream: str) -> tuple[list[Mapping[str, Any]], str | None]:
        connection = data.get(root)  # by name: the answer to another query (a proxy that caches) must not become our records
        nodes = connection.get("nodes") if isinstance(connection, Mapping) else None
        if connection is None or not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
            raise self._protocol_error("the answer has no list of records", stream)
        info = connection.get("pageInfo") or {}
        if info.get("hasNextPage") and not info.get("endCursor"):
            raise self._protocol_error("the answer says there is more but gives no cursor", stream)
        return nodes, info["endCursor"] if info.get("hasNextPage") else None

    def open_session(self) -> HttpSession:
        """See `HttpConnector`."""
        token = self.settings.access_token
        return HttpSession(
            self.settings.base_url or f"https://{self.settings.shop}.myshopify.com",
            source=self.name,
            retry=self.settings.retry,
            headers={"X-Shopify-Access-Token": token.resolve()},
            throttle=self._inspect,
            remedy=f"correct shop or renew access_token (environment variable {token.variable})",
        )

    def ask(self, query: str, variables: Mapping[str, Any], stream: str | None) -> Mapping[str, Any]:
        """Run one of the queries and return its data. Raises `SourceError`."""
        document = (_HERE / f"shopify_{query}.graphql").read_text(encoding="utf-8")
        body = self.http.post(_PATH, stream=stream, json={"query": document, "variables": dict(variables)})
        if errors := errors_in(body):
            raise self._refusal(errors, stream)
        data = body.get("data") if isinstance(body, Mapping) else None
        if not isinstance(data, Mapping):
            raise self._protocol_error("the answer has no data", stream)
        return data

    def _inspect(self, response: httpx.Response, body: Any) -> float | None:
        """How Shopify says "slow down": status 200 and an error THROTTLED, or status 429 as others do."""
        served = response.headers.get("x-shopify-api-version", API_VERSION)
        if served != self._served_version:
            self._served_version = served
            log.warning("%s: Shopify answers in API version %s, not %s; update this software", self.name, served, API_VERSION)
        codes = {_code(error) for error in errors_in(body)}
        if "THROTTLED" in codes:
            return _bucket_wait(body)
        if "INTERNAL_SERVER_ERROR" in codes:
            response.status_code = 500  # it comes with status 200; the session shall treat it as what it is
        return by_header(response, body)

    def _refusal(self, errors: list[Mapping[str, Any]], stream: str | None) -> Exception:
        by_code = {_code(error): error for error in errors}
        if "ACCESS_DENIED" in by_code:
            return self._denied(by_code["ACCESS_DENIED"], stream)
        if "MAX_COST_EXCEEDED" in by_code:
            return TooCostlyError("one record costs more than a query may (MAX_COST_EXCEEDED)", source=self.name, stream=stream)
        return self._protocol_error(f"the vendor refused the query ({', '.join(sorted(by_code))})", stream)

    def _denied(self, error: Mapping[str, Any], stream: str | None) -> DeniedError:
        said = f"{error.get('message')} {(error.get('extensions') or {}).get('requiredAccess')}"
        scopes = sorted(set(re.findall(r"\bread_[a-z_]+\b", said))) or [f"read_{stream or 'orders and read_customers'}"]
        return DeniedError(
            "the token does not give access (ACCESS_DENIED)",
            source=self.name,
            stream=stream,
            remedy=f"grant the app the scope {', '.join(scopes)} and access to protected customer data, then renew access_token "
            f"(environment variable {self.settings.access_token.variable})",
        )

    def _protocol_error(self, what: str, stream: str | None) -> ProtocolError:
        remedy = "what was read before it is kept; run the sync again, and report it if it stays"
        return ProtocolError(what, source=self.name, stream=stream, remedy=remedy)


def errors_in(body: Any) -> list[Mapping[str, Any]]:
    """The errors of an answer."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    return [error for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []


def _code(error: Mapping[str, Any]) -> str:
    """The error's code. Its message is left out of what we say: it may quote personal data."""
    return str((error.get("extensions") or {}).get("code") or "no code")


def _bucket_wait(body: Mapping[str, Any]) -> float:
    """Seconds until the leaky bucket holds what the query costs (shopify.dev, "GraphQL Admin API rate limits")."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        return max(0.0, float(cost["requestedQueryCost"] - status["currentlyAvailable"]) / float(status["restoreRate"]))
    except (KeyError, TypeError, ArithmeticError):
        return 2.0  # the answer does not say how full the bucket is
