"""Shopify: orders and customers from the Admin GraphQL API. Queries are in shopify_*.graphql, the mapping in shopify.sql.

Both streams are read by ``updatedAt``, oldest change first, page after page by cursor. A record that changes while we read moves to
the end of that order and comes again, unless it lands in the very second that the cursor has reached. Hence the watermark never
passes the moment the reading began, and each sync looks back some way before it, which also covers the delay of Shopify's search
index and a clock of ours that is ahead. For customers Shopify compares whole days, so more may come than was asked for, never less.

Deletions are read after the records from the shop's event log (``action:destroy``), which Shopify keeps for one year. A reading
from the beginning takes the whole log, so it may report records that were never seen. An app that may not read events goes on
without: a warning in the log says that deletions are not learnt. Merges of customers inside Shopify are not told by this API.

Orders older than 60 days come only with the scope read_all_orders; without it Shopify leaves them out and says nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import simplejson
from pydantic import Field, field_validator

from connectors.contract import Checkpoint, Deletes, Page, Record, Reject, Secret, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession, PageGuard, by_header
from hub.contract.errors import CredentialsError, ProtocolError
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

API_VERSION = "2026-10"
_PATH = f"/admin/api/{API_VERSION}/graphql.json"
_HERE = Path(__file__).parent
_ROOTS = {"orders": "orders", "customers": "customers", "deletions": "events"}  # query -> its root field


class ShopifySettings(SourceSettings):
    """What stands under a Shopify source in hub.yaml."""

    shop: str = Field(description="the shop's name before .myshopify.com")
    access_token: Secret = Field(
        description="Admin API token with read_customers, read_orders and, for old orders, read_all_orders"
    )
    page_size: int = Field(100, ge=1, le=250, description="records per page; made smaller where Shopify finds the query too costly")
    lookback_seconds: int = Field(120, ge=1, description="each sync reads this much again, for changes the search index shows late")

    @field_validator("shop")
    @classmethod
    def _shop(cls, value: str) -> str:
        name = value.strip().lower().removeprefix("https://").rstrip("/").removesuffix(".myshopify.com")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError("must be the shop's name as in https://NAME.myshopify.com")
        return name


class _DeniedError(CredentialsError):
    """The token is good, but not for this."""


class _TooCostlyError(ProtocolError):
    """The query costs more points than Shopify admits."""


class ShopifyConnector(HttpConnector):
    """One Shopify shop."""

    type_name = "shopify"
    family = "ecommerce"
    api_version = API_VERSION
    Settings = ShopifySettings
    settings: ShopifySettings
    _served_version = API_VERSION

    def streams(self) -> tuple[Stream, ...]:
        """Orders before customers, so that the owner of any order read is among the customers read after it."""
        kinds: dict[str, Kind] = {"orders": "order", "customers": "party"}
        return tuple(
            Stream(name, kind, "legacyResourceId", "updatedAt", Deletes.FEED, partial(self._read, name))
            for name, kind in kinds.items()
        )

    def check(self) -> str:
        """The shop's name. Raises `SourceError`."""
        return f"shop {(self._ask('shop', {}, None).get('shop') or {}).get('name')}"

    def _read(self, stream: str, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """What changed, then what was deleted.

        The checkpoint holds ``since`` (watermark of the last whole reading), ``deleted_since`` (newest deletion seen) and, in the
        midst of a reading, ``after`` (the cursor to go on from), ``high`` (newest change so far) and ``began``.
        """
        position: Checkpoint = checkpoint or {}
        for page in self._changed(stream, position):
            position = page.checkpoint
            yield page
        try:
            yield from self._deleted(stream, position)
        except _DeniedError:
            log.warning("%s/%s: the token may not read the shop's events; deletions are not learnt", self.name, stream)

    def _changed(self, stream: str, position: Checkpoint) -> Iterator[Page]:
        since, high, began = _time(position.get("since")), _time(position.get("high")), _time(position.get("began")) or _now()
        search = f"updated_at:>='{self._look_back(since)}'" if since else None
        for nodes, after in self._pages(stream, stream, search, position.get("after")):
            records, rejects = _records(stream, nodes)
            high = _latest(high, *(record.updated_at for record in records))
            reached = {"since": _iso(_latest(since, high and min(high, began)))}
            if after:
                reached = {"since": _iso(since), "after": after, "high": _iso(high), "began": _iso(began)}
            yield Page(records, {**reached, "deleted_since": position.get("deleted_since")}, rejects)

    def _deleted(self, stream: str, position: Checkpoint) -> Iterator[Page]:
        subject, newest = stream.removesuffix("s").upper(), _time(position.get("deleted_since"))
        search = f"action:destroy AND subject_type:{subject}"
        if newest:
            search += f" AND created_at:>='{self._look_back(newest)}'"
        for nodes, _ in self._pages(stream, "deletions", search, None):
            records = [
                Record(str(node["subjectId"]).rpartition("/")[2], node, _time(node.get("createdAt")), "delete")
                for node in nodes
                # asked for already, but Shopify ignores a search term it does not know, and then every event would come
                if node.get("action") == "destroy" and node.get("subjectType") == subject and node.get("subjectId")
            ]
            newest = _latest(newest, *(record.updated_at for record in records))
            yield Page(records, {"since": position.get("since"), "deleted_since": _iso(newest)})

    def _pages(
        self, stream: str, query: str, search: str | None, after: str | None
    ) -> Iterator[tuple[list[Mapping[str, Any]], str | None]]:
        """The pages of a query: their nodes, and the cursor of the page that follows (None after the last)."""
        guard, first, resumed = PageGuard(self.name, stream), self.settings.page_size, after is not None
        while True:
            try:
                data = self._ask(query, {"first": first, "after": after, "query": search}, stream)
            except _TooCostlyError:
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
            nodes, after = self._connection(data, _ROOTS[query], stream)
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

    def _look_back(self, moment: datetime) -> str | None:
        return _iso((moment - timedelta(seconds=self.settings.lookback_seconds)).replace(microsecond=0))

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

    def _ask(self, query: str, variables: Mapping[str, Any], stream: str | None) -> Mapping[str, Any]:
        """Run one of the queries and return its data. Raises `SourceError`."""
        document = (_HERE / f"shopify_{query}.graphql").read_text(encoding="utf-8")
        body = self.http.post(_PATH, stream=stream, json={"query": document, "variables": dict(variables)})
        if errors := _errors(body):
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
        codes = {_code(error) for error in _errors(body)}
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
            return _TooCostlyError("one record costs more than a query may (MAX_COST_EXCEEDED)", source=self.name, stream=stream)
        return self._protocol_error(f"the vendor refused the query ({', '.join(sorted(by_code))})", stream)

    def _denied(self, error: Mapping[str, Any], stream: str | None) -> _DeniedError:
        said = f"{error.get('message')} {(error.get('extensions') or {}).get('requiredAccess')}"
        scopes = sorted(set(re.findall(r"\bread_[a-z_]+\b", said))) or [f"read_{stream or 'orders and read_customers'}"]
        return _DeniedError(
            "the token does not give access (ACCESS_DENIED)",
            source=self.name,
            stream=stream,
            remedy=f"grant the app the scope {', '.join(scopes)} and access to protected customer data, then renew access_token "
            f"(environment variable {self.settings.access_token.variable})",
        )

    def _protocol_error(self, what: str, stream: str | None) -> ProtocolError:
        remedy = "what was read before it is kept; run the sync again, and report it if it stays"
        return ProtocolError(what, source=self.name, stream=stream, remedy=remedy)


def _records(stream: str, nodes: list[Mapping[str, Any]]) -> tuple[list[Record], list[Reject]]:
    records, rejects = [], []
    for node in nodes:
        if node.get("legacyResourceId"):
            records.append(Record(str(node["legacyResourceId"]), node, _time(node.get("updatedAt"))))
        else:
            content = simplejson.dumps(node, use_decimal=True)
            rejects.append(Reject(content, "it has no legacyResourceId", f"{stream} {node.get('id') or 'without id'}"))
    return records, rejects


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def _time(value: Any) -> datetime | None:
    """An ISO 8601 time with its zone, else None."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _now() -> datetime:
    return datetime.now(UTC)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _errors(body: Any) -> list[Mapping[str, Any]]:
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
