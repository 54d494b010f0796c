"""Xero's books: contacts, sales invoices, credit notes and payments of one organisation. How they are asked for is api.py.

Records are kept as Xero shows them, apart from what one record says of another, which shapes.py adds. Every change sets
UpdatedDateUTC, with one exception that Xero documents: what a contact is (IsCustomer, IsSupplier) follows from its documents and
leaves its time alone. Times are unix seconds; dates are days in the organisation's own zone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

from connectors.sandbox.draw import token
from connectors.sandbox.money import rounded
from connectors.sandbox.shelf import Object, Shelf
from connectors.sandbox.xero.values import day_of, due_on, every, total_of

CONTACT_FIELDS = (
    *("ContactNumber", "AccountNumber", "ContactStatus", "Name", "FirstName", "LastName", "CompanyNumber", "EmailAddress"),
    *("TaxNumber", "Addresses", "Phones", "DefaultCurrency"),
)
_NEXT = {"DRAFT": ("SUBMITTED", "AUTHORISED", "DELETED"), "SUBMITTED": ("AUTHORISED", "DELETED"), "AUTHORISED": ("VOIDED",)}
_PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")
_ADDRESS_TYPES = ("STREET", "POBOX")


class DuplicateNameError(Exception):
    """Another contact has that name."""


class XeroBooks:
    """Everything of one organisation."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.contacts, self.invoices, self.credit_notes, self.payments = Shelf(), Shelf(), Shelf(), Shelf()
        self.changed: dict[str, int] = {}  # record ID -> milliseconds of its last change
        self._names: dict[str, str] = {}
        self._paid_by: dict[str, list[str]] = {}  # document -> payments
        self._made = 0
        self._numbers = {"INV": 1000, "CN": 100}

    def _new_id(self, kind: str) -> str:
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, token(self.seed, f"xero {kind}", self._made, 40)))

    def _new_number(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}-{self._numbers[kind]:04d}"

    def touch(self, key: str, at: int) -> None:
        """A record changed."""
        # the milliseconds tell changes within a second apart
        before = self.changed.get(key, 0)
        self.changed[key] = max(at * 1000 + (len(self.changed) * 137) % 1000, before + 1 if before // 1000 == at else 0)

    def counts(self) -> dict[str, int]:
        """Live records by stream."""
        return {
            "contacts": sum(c["ContactStatus"] != "GDPRREQUEST" and "MergedToContactID" not in c for c in self.contacts),
            "invoices": sum(i["Type"] == "ACCREC" and i["Status"] != "DELETED" for i in self.invoices),
            "credit_notes": len(self.credit_notes),
            "payments": sum(p["Status"] != "DELETED" for p in self.payments),
        }

    # contacts ----------------------------------------------------------------------------------------------------

    def named(self, name: str) -> Object | None:
        """The contact of that name, whatever its case."""
        key = self._names.get(name.strip().lower())
        return self.contacts.get(key) if key else None

    def free_name(self, name: str) -> str:
        """The name, or with a number behind it as people do where Xero refuses a second one."""
        number, tried = 2, name
        while self.named(tried) is not None:
            tried, number = f"{name} ({number})", number + 1
        return tried

    def add_contact(self, at: int, fields: Object) -> Object:
        """A new contact. Raises `DuplicateNameError`."""
        if self.named(fields["Name"]) is not None:
            raise DuplicateNameError(fields["Name"])
        made: Object = {
            "ContactID": self._new_id("contact"),
            "ContactStatus": "ACTIVE",
            **{name: fields[name] for name in CONTACT_FIELDS if fields.get(name) is not None},
            "BankAccountDetails": "",
            "Addresses": every("AddressType", _ADDRESS_TYPES, fields.get("Addresses") or []),
            "Phones": every("PhoneType", _PHONE_TYPES, fields.get("Phones") or []),
            "IsSupplier": False,
            "IsCustomer": False,
        }
        self.contacts.add(made["ContactID"], made)
        self._names[made["Name"].strip().lower()] = made["ContactID"]
        self.touch(made["ContactID"], at)
        return made

    def update_contact(self, at: int, key: str, changes: Object) -> Object:
        """Change fields of a contact. Raises `KeyError`, `DuplicateNameError`."""
        held = self.contacts.get(key)
        if held is None or held["ContactStatus"] == "GDPRREQUEST":
            raise KeyError(key)
        changes = {name: changes[name] for name in CONTACT_FIELDS if changes.get(name) is not None}
        if "Name" in changes:
            other = self.named(changes["Name"])
            if other is not None and other is not held:
                raise DuplicateNameError(changes["Name"])
            self._names.pop(held["Name"].strip().lower(), None)
            self._names[changes["Name"].strip().lower()] = key
        if "Phones" in changes:
            changes["Phones"] = every("PhoneType", _PHONE_TYPES, [*held["Phones"], *changes["Phones"]])
        if "Addresses" in changes:
            changes["Addresses"] = every("AddressType", _ADDRESS_TYPES, [*held["Addresses"], *changes["Addresses"]])
        if any(held.get(name) != value for name, value in changes.items()):
            held.update(changes)
            self.touch(key, at)
        return held

    def archive(self, at: int, key: str) -> None:
        """Put a contact out of sight."""
        self.update_contact(at, key, {"ContactStatus": "ARCHIVED"})

    def merge(self, at: int, loser: str, winner: str) -> None:
        """Merge one contact into another: its documents move, it stays as an archived pointer. Raises `KeyError`."""
        held, into = self.contacts.get(loser), self.contacts.get(winner)
        if held is None or into is None or held is into:
            raise KeyError(loser if held is None else winner)
        for shelf in (self.invoices, self.credit_notes):
            for document in shelf:
                if document["contact"] == loser:
                    document["contact"] = winner
        into["IsCustomer"] = into["IsCustomer"] or held["IsCustomer"]
        into["IsSupplier"] = into["IsSupplier"] or held["IsSupplier"]
        held.update(ContactStatus="ARCHIVED", MergedToContactID=winner, IsCustomer=False, IsSupplier=False)
        self.touch(loser, at)

    def forget(self, at: int, key: str) -> None:
        """Somebody asked to be forgotten: the contact stays as a stub. Raises `KeyError`."""
        held = self.contacts.get(key)
        if held is None:
            raise KeyError(key)
        self._names.pop(held["Name"].strip().lower(), None)
        stub = {"Name": f"GDPR {key}", "ContactStatus": "GDPRREQUEST", "EmailAddress": "", "FirstName": "", "LastName": ""}
        held.update(stub, Addresses=every("AddressType", _ADDRESS_TYPES, []), Phones=every("PhoneType", _PHONE_TYPES, []))
        for name in ("ContactNumber", "TaxNumber", "AccountNumber"):
            held.pop(name, None)
        self.touch(key, at)

    def becomes(self, key: str, role: str) -> None:
        """A document makes a contact a customer or supplier, which leaves its time as it was."""
        held = self.contacts.get(key)
        if held is not None:
            held[role] = True

    # documents ---------------------------------------------------------------------------------------------------

    def add_invoice(
        self, at: int, contact: str, kind: str, currency: str, lines: list[tuple[str, Decimal, Decimal]], fields: Object
    ) -> Object:
        """A new invoice. ``lines`` are (description, amount without tax, tax); ``fields`` may say Status, InvoiceNumber, due."""
        if self.contacts.get(contact) is None:
            raise KeyError(contact)
        made: Object = {
            "Type": kind,
            "InvoiceID": self._new_id("invoice"),
            "InvoiceNumber": fields.get("InvoiceNumber") or self._new_number("INV"),
            "Reference": fields.get("Reference", ""),
            "contact": contact,
            "day": int(day_of(fields.get("issued", at)).timestamp()),
            "due": int(day_of(fields.get("due", at + 30 * 86_400)).timestamp()),
            "Status": fields.get("Status", "DRAFT"),
            "CurrencyCode": currency,
            "lines": [(text, rounded(net, currency), rounded(tax, currency)) for text, net, tax in lines],
            "AmountPaid": Decimal(0),
            "AmountCredited": Decimal(0),
            "paid_on": None,
        }
        self.invoices.add(made["InvoiceID"], made)
        self.becomes(contact, "IsCustomer" if kind == "ACCREC" else "IsSupplier")
        self.touch(made["InvoiceID"], at)
        return made

    def set_status(self, at: int, key: str, status: str) -> Object:
        """Authorise, void or delete an invoice. Raises `KeyError`; `ValueError` where Xero does not allow it."""
        held = self.invoices.get(key)
        if held is None:
            raise KeyError(key)
        if held["Status"] == status:
            return held
        allowed = {
            "DRAFT": ("SUBMITTED", "AUTHORISED", "DELETED"),
            "SUBMITTED": ("AUTHORISED", "DELETED"),
            "AUTHORISED": ("VOIDED",),
        }
        if status not in allowed.get(held["Status"], ()) or (status == "VOIDED" and held["AmountPaid"]):
            raise ValueError(f"an invoice that is {held['Status']} cannot become {status}")
        held["Status"] = status
        self.touch(key, at)
        return held

    def pay(self, at: int, key: str, amount: Decimal) -> Object | None:
        """A payment on an authorised invoice; None if there is nothing to pay."""
        held = self.invoices.get(key)
        if held is None or held["Status"] != "AUTHORISED":
            return None
        return self._payment(at, held, "ACCRECPAYMENT", min(amount, due_on(held)))

    def _payment(self, at: int, document: Object, kind: str, amount: Decimal) -> Object | None:
        if amount <= 0:
            return None
        key = document.get("InvoiceID") or document["CreditNoteID"]
        made: Object = {
            "PaymentID": self._new_id("payment"),
            "PaymentType": kind,
            "Status": "AUTHORISED",
            "document": key,
            "day": int(day_of(at).timestamp()),
            "Amount": amount,
        }
        self.payments.add(made["PaymentID"], made)
        self._paid_by.setdefault(key, []).append(made["PaymentID"])
        document["AmountPaid"] += amount
        self._settle(at, key, document)
        self.touch(made["PaymentID"], at)
        return made

    def delete_payment(self, at: int, key: str) -> None:
        """Take a payment back; what it paid is open again."""
        held = self.payments.get(key)
        if held is None or held["Status"] == "DELETED":
            return
        held["Status"] = "DELETED"
        document = self.invoices.get(held["document"]) or self.credit_notes.get(held["document"])
        assert document is not None
        document["AmountPaid"] -= held["Amount"]
        document.update(Status="AUTHORISED", paid_on=None)
        self.touch(held["document"], at)
        self.touch(key, at)

    def credit(self, at: int, key: str, share: int) -> Object | None:
        """A credit note over one part of an invoice in so many: set off against what is due, else paid out."""
        invoice = self.invoices.get(key)
        if invoice is None or invoice["Status"] not in ("AUTHORISED", "PAID") or invoice["AmountCredited"]:
            return None
        amount = rounded(total_of(invoice) / share, invoice["CurrencyCode"])
        made: Object = {
            "Type": "ACCRECCREDIT",
            "CreditNoteID": self._new_id("credit note"),
            "CreditNoteNumber": self._new_number("CN"),
            "contact": invoice["contact"],
            "day": int(day_of(at).timestamp()),
            "Status": "AUTHORISED",
            "CurrencyCode": invoice["CurrencyCode"],
            "lines": [("Credit", amount, Decimal(0))],
            "AmountPaid": Decimal(0),
            "AmountCredited": Decimal(0),
            "invoice": None,
            "paid_on": None,
        }
        self.credit_notes.add(made["CreditNoteID"], made)
        self.touch(made["CreditNoteID"], at)
        if invoice["Status"] == "AUTHORISED" and due_on(invoice) >= amount:
            made.update(invoice=key, AmountCredited=amount)
            invoice["AmountCredited"] += amount
            self._settle(at, key, invoice)
            self._settle(at, made["CreditNoteID"], made)
        else:
            self._payment(at, made, "ARCREDITPAYMENT", amount)
        return made

    def _settle(self, at: int, key: str, document: Object) -> None:
        if due_on(document) <= 0:
            document.update(Status="PAID", paid_on=int(day_of(at).timestamp()))
        self.touch(key, at)

    def payments_of(self, key: str) -> Iterator[Object]:
        """The payments on a document that stand."""
        payments = (self.payments.get(payment) for payment in self._paid_by.get(key, ()))
        return (p for p in payments if p is not None and p["Status"] == "AUTHORISED")
