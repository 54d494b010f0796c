"""Vendure: lists by time of change, paged by offset; what was deleted is simply absent, and errors come with status 200.

The server is here: the few fields and filters that the connector uses, with the habits of the real one (tests/counterparts).
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tests.connectors.conformance.counterpart import Counterpart
from tests.loopback import Reply, Request

USERNAME, PASSWORD = "hub@example.com", "shibboleth"
_PRECISION = {"JPY": 0, "KWD": 3}
_OLDEST, _NEWEST = "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"


class Vendure(Counterpart):
    """A shop with its customers and orders; what both streams have in common."""

    type_name = "vendure"
    bypass: ClassVar = {
        "retention": "a record is found by when it changed, which Vendure does not forget",
        "child": "a record comes in one piece, with all that belongs to it",
        "merge": "Vendure merges neither customers nor orders",
    }
    lookback = 120

    def __init__(self, folder: Any, monkeypatch: Any) -> None:
        super().__init__(folder, monkeypatch)
        self.customers: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.sessions: set[str] = set()
        self._given = self._sessions = 0

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("VENDURE_PASSWORD", PASSWORD)
        return {
            "url": f"{self.server.base_url}/admin-api",
            "username": USERNAME,
            "password": "${VENDURE_PASSWORD}",
            "page_size": self.page_size,
        }

    # what happens there ----------------------------------------------------------------------------------------

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The stream's records by ID."""
        return self.orders if self.stream == "orders" else self.customers

    def write(self, key: str | None, mark: str, at: int) -> str:
        moment = said(at)
        if key is None:
            self._given += 1
            key = str(self._given)
            self.rows[key] = self.make(key, moment)
        self.rows[key].update({str(self.mark_at[0]): mark, "updatedAt": moment})
        return key

    @abstractmethod
    def make(self, key: str, moment: str) -> dict[str, Any]:
        """A new record."""

    def delete(self, key: str, at: int) -> None:
        del self.rows[key]

    def touch(self, key: str) -> None:
        self.rows[key]["updatedAt"] = said(self.time)

    # what is asked ---------------------------------------------------------------------------------------------

    def is_page(self, request: Request) -> bool:
        return self.refused(request) and "id" in request.json()["variables"]["options"].get("sort", {})

    def refused(self, request: Request) -> bool:
        return f"query {self.stream.capitalize()}(" in request.json()["query"]

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["data"][self.stream]["items"]
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        body = request.json()
        asked = body["variables"].get("options", {}).get("filter", {}).get("updatedAt")
        if asked is None:
            return request
        moment = datetime.fromisoformat(asked["after"]) + timedelta(seconds=seconds)
        asked["after"] = moment.isoformat().replace("+00:00", "Z")
        return replace(request, body=json.dumps(body).encode())

    def is_token(self, request: Request) -> bool:
        return "mutation Login(" in request.json()["query"]

    def end_access(self) -> None:
        self.sessions.clear()

    # how it answers --------------------------------------------------------------------------------------------

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        return {**super().throttles(), "200 without a header": lambda: _errors("INTERNAL_SERVER_ERROR")}

    def forbidden(self) -> Reply:
        return _errors("FORBIDDEN")

    def unauthorised(self) -> Reply:
        return _errors("UNAUTHORIZED")

    def answer(self, request: Request) -> Reply:
        if request.path != "/admin-api":
            return Reply({"statusCode": 404, "message": "Cannot POST"}, 404)
        body = request.json()
        if "mutation Login(" in body["query"]:
            return self._login(body["variables"])
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.sessions:
            return _errors("FORBIDDEN")
        if "query Orders(" in body["query"]:
            listed = _list(self.orders.values(), body["variables"]["options"])
            return Reply({"data": {"orders": listed, "globalSettings": {"serverConfig": {"moneyStrategyPrecision": 2}}}})
        return Reply({"data": {"customers": _list(self.customers.values(), body["variables"]["options"])}})

    def _login(self, given: Mapping[str, Any]) -> Reply:
        if (given["username"], given["password"]) != (USERNAME, PASSWORD):
            return Reply({"data": {"login": {"__typename": "InvalidCredentialsError", "errorCode": "INVALID_CREDENTIALS_ERROR"}}})
        self._sessions += 1
        token = f"session-{self._sessions}"
        self.sessions.add(token)
        return Reply({"data": {"login": {"__typename": "CurrentUser"}}}, headers={"vendure-auth-token": token})


class Customers(Vendure):
    """Customers of a shop."""

    stream = "customers"
    bypass: ClassVar = {**Vendure.bypass, "money": "customers bear no amounts"}
    mark_at = ("firstName",)

    def make(self, key: str, moment: str) -> dict[str, Any]:
        return {"id": key, "createdAt": moment, "lastName": "Tester", "addresses": [], "user": None}


class Orders(Vendure):
    """Orders that were placed. One of these goes only if somebody deletes it in the database itself."""

    stream = "orders"
    whole_only = True
    mark_at = ("code",)

    def make(self, key: str, moment: str) -> dict[str, Any]:
        return {"id": key, "type": "Regular", "createdAt": moment, "orderPlacedAt": moment, "lines": [], "payments": []}

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        minor, placed = int(amount.replace(".", "")), said(self.time)
        paid = [{"amount": minor, "state": "Settled", "refunds": []}]
        held = {"id": "1", "orderPlacedAt": placed, "currencyCode": currency, "totalWithTax": minor, "payments": paid}
        return "customer_order", "gross_amount", {**held, "_precision": _PRECISION.get(currency, 2)}


def _list(rows: Iterable[dict[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
    found = [row for row in rows if _passes(row, options.get("filter") or {})]
    # whatever order they are given in, Vendure takes the fields to sort by in that of its own schema
    sort = options.get("sort") or {}
    for field in reversed([name for name in ("id", "createdAt", "updatedAt") if name in sort]):
        found.sort(key=lambda row: int(row["id"]) if field == "id" else row[field], reverse=sort[field] == "DESC")
    first = options.get("skip") or 0
    return {"totalItems": len(found), "items": deepcopy(found[first : first + options["take"]])}


def _passes(row: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(
        any(_passes(row, part) for part in condition) if name == "_or" else _holds(row.get(name), condition)
        for name, condition in asked.items()
    )


def _holds(value: str | None, condition: Mapping[str, Any]) -> bool:
    """As Vendure does: before and after leave the moment itself out, between takes both ends in."""
    if "isNull" in condition:
        return (value is None) == condition["isNull"]
    if value is None:
        return False
    if "notEq" in condition:
        return value != condition["notEq"]
    moment, ends = datetime.fromisoformat(value), condition.get("between") or {"start": _OLDEST, "end": _NEWEST}
    return (
        datetime.fromisoformat(condition.get("after", _OLDEST)) < moment < datetime.fromisoformat(condition.get("before", _NEWEST))
    ) and datetime.fromisoformat(ends["start"]) <= moment <= datetime.fromisoformat(ends["end"])


def _errors(code: str) -> Reply:
    message = "You are not currently authorized to perform this action" if code == "FORBIDDEN" else "Error"
    return Reply({"errors": [{"message": message, "extensions": {"code": code}}], "data": None})


def said(at: float) -> str:
    """As Vendure writes a time."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


COUNTERPARTS = (Orders, Customers)
