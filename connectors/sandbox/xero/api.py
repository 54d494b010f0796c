"""Xero's HTTP protocol: bearer tokens and tenants, lists of the Accounting API, writes of contacts and invoices, rate limits.

Sources: Xero's OpenAPI description of the Accounting API (16.1.0); developer.xero.com on OAuth 2.0, limits, requests, responses.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError, retry_header
from connectors.sandbox.xero import shapes
from connectors.sandbox.xero.books import CONTACT_FIELDS, DuplicateNameError, XeroBooks
from connectors.sandbox.xero.lists import page_of, refuse
from connectors.sandbox.xero.tokens import TENANT_ID, Tokens
from connectors.sandbox.xero.values import noon

ORGANISATION = "Sandbox Goods Ltd"
_WORDS = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
Handler = Callable[[Call, str], Object]


class XeroApi:
    """The protocol over a sandbox's books.

    Args:
        per_minute, per_day: how many calls to the organisation are let through (Xero: 60 and 5,000); None for any.
        strict_tokens: see `Tokens`.
    """

    def __init__(
        self, sandbox: Sandbox, per_minute: int | None = None, per_day: int | None = None, strict_tokens: bool = False
    ) -> None:
        self._sandbox = sandbox
        self._books: XeroBooks = sandbox.world.books["xero"]
        self.tokens = Tokens(sandbox, strict_tokens)
        self._per_minute, self._per_day = per_minute, per_day
        self._minute: deque[float] = deque()
        self._today = 0
        self._answers = 0
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/Organisation", lambda call, _: {"Organisations": [shapes.organisation(ORGANISATION, sandbox.world.origin)]}),
            ("GET", r"/(Contacts|Invoices|CreditNotes|Payments)", self._list),
            ("GET", r"/(Contacts/[^/]+|Invoices/[^/]+|CreditNotes/[^/]+|Payments/[^/]+)", self._one),
            ("POST", r"/Contacts(?:/([^/]+))?", self._save_contacts),
            ("PUT", r"/Contacts()", self._save_contacts),
            ("POST", r"/Invoices(?:/([^/]+))?", self._save_invoices),
            ("PUT", r"/Invoices()", self._save_invoices),
        )

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        if call.path == "/connect/token" and call.method == "POST":
            return self.tokens.answer(call)
        try:
            self._authenticate(call)
            if call.path.rstrip("/").lower() == "/connections":  # Xero's own client writes it with a capital
                return Answer([self._connection()])
            if call.headers.get("xero-tenant-id", TENANT_ID) != TENANT_ID:
                raise VendorError(self._problem(403, "AuthenticationUnsuccessful"))
            self._count()
            return self._accounting(call)
        except VendorError as error:
            return Answer(error.answer.body, error.answer.status, {**self._remaining(), **error.answer.headers})

    def _accounting(self, call: Call) -> Answer:
        for method, pattern, handler in self._routes:
            match = re.fullmatch(f"/api.xro/2.0{pattern}", call.path)
            if match and method == call.method:
                self._answers += 1
                envelope = {
                    "Id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._sandbox.seed} {time.time_ns()} {self._answers}")),
                    "Status": "OK",
                    "ProviderName": "Customer Hub",
                    "DateTimeUTC": f"/Date({self._sandbox.now() * 1000})/",
                }
                found = handler(call, (match[1] or "") if match.groups() else "")
                return Answer({**envelope, **found}, 200, self._remaining())
        return Answer(b"The resource you're looking for cannot be found", 404, {"content-type": "text/html"})

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Xero's words."""
        if status == 429:
            return self._throttle("minute", retry_after)
        if status in (401, 403):
            return self._problem(status, "AuthenticationUnsuccessful")
        return Answer({"ErrorNumber": status, "Type": None, "Message": "An error occurred"}, status, retry_header(retry_after))

    # who asks ----------------------------------------------------------------------------------------------------

    def _authenticate(self, call: Call) -> None:
        ends = self.tokens.ends(call.bearer())
        if ends is None:
            raise VendorError(self._problem(401, "AuthenticationUnsuccessful"))
        if ends <= self._sandbox.now():
            when = datetime.fromtimestamp(ends, UTC).strftime("%m/%d/%Y %H:%M:%S")
            raise VendorError(self._problem(401, f"TokenExpired: token expired at {when}"))

    def _problem(self, status: int, detail: str) -> Answer:
        instance = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._sandbox.seed} {self._answers} {status}"))
        body: Object = {"Type": None, "Title": _WORDS[status], "Status": status, "Detail": detail, "Instance": instance}
        return Answer({**body, "Extensions": {}}, status)

    def _connection(self) -> Object:
        at = datetime.fromtimestamp(self._sandbox.world.origin, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000")
        about: Object = {"tenantId": TENANT_ID, "tenantType": "ORGANISATION", "tenantName": ORGANISATION}
        ids = {name: str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in ("id", "authEventId")}
        return {**ids, **about, "createdDateUtc": at, "updatedDateUtc": at}

    # limits ------------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        now = time.monotonic()
        while self._minute and self._minute[0] <= now - 60:
            self._minute.popleft()
        if self._per_day is not None and self._today >= self._per_day:
            raise VendorError(self._throttle("day", 86_400 - self._sandbox.now() % 86_400))
        if self._per_minute is not None and len(self._minute) >= self._per_minute:
            raise VendorError(self._throttle("minute", max(1.0, self._minute[0] + 60 - now)))
        self._minute.append(now)
        self._today += 1

    def _remaining(self) -> dict[str, str]:
        minute, day = self._per_minute or 60, self._per_day or 5_000
        left = {"x-minlimit-remaining": minute - len(self._minute), "x-daylimit-remaining": day - self._today}
        unlimited = {"x-minlimit-remaining": self._per_minute is None, "x-daylimit-remaining": self._per_day is None}
        shown = {name: 59 if unlimited[name] and name.startswith("x-min") else count for name, count in left.items()}
        return {"x-appminlimit-remaining": "9999", **{name: str(max(0, count)) for name, count in shown.items()}}

    @staticmethod
    def _throttle(problem: str, retry_after: float | None) -> Answer:
        return Answer(b"", 429, {"x-rate-limit-problem": problem, **retry_header(retry_after)})

    # reading -----------------------------------------------------------------------------------------------------

    def _kind(self, name: str) -> tuple[Any, str, Callable[[Object], Object]]:
        books = self._books
        return {
            "Contacts": (books.contacts, "ContactID", lambda held: shapes.contact(books, held)),
            "Invoices": (books.invoices, "InvoiceID", lambda held: shapes.invoice(books, held)),
            "CreditNotes": (books.credit_notes, "CreditNoteID", lambda held: shapes.credit_note(books, held)),
            "Payments": (books.payments, "PaymentID", lambda held: shapes.payment(books, held)),
        }[name]

    def _list(self, call: Call, name: str) -> Object:
        shelf, key, show = self._kind(name)
        held = list(shelf)
        if name == "Contacts":
            if (call.param("includeArchived") or "").lower() != "true":
                held = [c for c in held if c["ContactStatus"] == "ACTIVE"]
            if call.param("page") is None:
                return page_of(call, name, held, self._books.changed, key, lambda c: shapes.contact(self._books, c, paged=False))
        return page_of(call, name, held, self._books.changed, key, show)

    def _one(self, call: Call, place: str) -> Object:
        name, _, key = place.partition("/")
        shelf, _, show = self._kind(name)
        held = shelf.get(key)
        if held is None:
            raise VendorError(Answer(b"The resource you're looking for cannot be found", 404, {"content-type": "text/html"}))
        return {name: [show(held)]}

    # writing -----------------------------------------------------------------------------------------------------

    def _save_contacts(self, call: Call, key: str) -> Object:
        """All or none, unless ``summarizeErrors=false`` asks for an answer of each."""
        given = _objects(call, "Contacts")
        if (call.param("summarizeErrors") or "").lower() != "false":
            return {"Contacts": [self._save_contact(call, key, one) for one in given]}
        answers = []
        for one in given:
            try:
                answers.append({**self._save_contact(call, key, one), "StatusAttributeString": "OK"})
            except VendorError as error:
                answers.append({**error.answer.body["Elements"][0], "StatusAttributeString": "ERROR"})
        return {"Contacts": answers}

    def _save_contact(self, call: Call, key: str, given: Object) -> Object:
        fields = {name: given[name] for name in CONTACT_FIELDS if name in given}
        known = key or given.get("ContactID")
        if known is None and fields.get("Name") and call.method == "POST":
            known = (self._books.named(fields["Name"]) or {}).get("ContactID")
        if known is None and not fields.get("Name"):
            _invalid(given, "The Contact Name cannot be empty.")
        for name in ("ContactNumber", "AccountNumber"):
            value = str(fields.get(name) or "")
            if len(value) > 50:
                _invalid(given, f"The value in {name} must be 50 characters or fewer.")
            if value and any(other.get(name) == value and other["ContactID"] != known for other in self._books.contacts):
                _invalid(given, f"The {name} {value} is already assigned to another contact.")
        try:
            saved = self._sandbox.write("xero.save_contact", key=known, fields=fields)
        except DuplicateNameError:
            _invalid(given, f"The contact name {fields['Name']} is already assigned to another contact.")
        except KeyError:
            _invalid(given, "The specified ContactID could not be found")
        return shapes.contact(self._books, saved)

    def _save_invoices(self, call: Call, key: str) -> Object:
        saved = []
        for given in _objects(call, "Invoices"):
            known = key or given.get("InvoiceID")
            try:
                saved.append(self._status(given, known) if known else self._new_invoice(given))
            except KeyError:
                _invalid(given, "The specified invoice or contact could not be found")
            except ValueError as error:
                _invalid(given, str(error))
        return {"Invoices": [shapes.invoice(self._books, held) for held in saved]}

    def _status(self, given: Object, key: str) -> Object:
        made: Object = self._sandbox.write("xero.set_invoice_status", key=key, status=str(given.get("Status")))
        return made

    def _new_invoice(self, given: Object) -> Object:
        about = given.get("Contact") or {}
        contact = about.get("ContactID") or (self._books.named(about.get("Name") or "") or {}).get("ContactID")
        if contact is None and about.get("Name"):
            contact = self._sandbox.write("xero.save_contact", key=None, fields={"Name": about["Name"]})["ContactID"]
        if given.get("Type") not in ("ACCREC", "ACCPAY") or contact is None:
            raise ValueError("Type and Contact are needed")
        try:
            lines = [[str(i.get("Description", "")), *map(str, _amounts(i))] for i in given.get("LineItems") or ()]
        except InvalidOperation:
            raise ValueError("an amount is no number") from None
        fields = {name: given[name] for name in ("Status", "InvoiceNumber", "Reference") if given.get(name)}
        for name, field in (("issued", "Date"), ("due", "DueDate")):
            if given.get(field):
                fields[name] = noon(str(given[field]))
        currency = given.get("CurrencyCode") or "GBP"
        made: Object = self._sandbox.write(
            "xero.add_invoice", contact=contact, kind=given["Type"], currency=currency, lines=lines, fields=fields
        )
        return made


def _amounts(item: Object) -> tuple[Decimal, Decimal]:
    net = Decimal(str(item.get("LineAmount") or Decimal(str(item.get("Quantity", 1))) * Decimal(str(item.get("UnitAmount", 0)))))
    return net, Decimal(str(item.get("TaxAmount") or 0))


def _objects(call: Call, name: str) -> list[Object]:
    """What is to be written: one object, or several under the list's name."""
    try:
        body = call.json()
    except ValueError:
        body = None
    found = body.get(name, [body]) if isinstance(body, dict) else body
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        refuse("The body is no JSON of that kind", "PostDataInvalidException", 17)
    return found


def _invalid(given: Object, message: str) -> NoReturn:
    refuse("A validation exception occurred", elements=[{**given, "ValidationErrors": [{"Message": message}]}])
