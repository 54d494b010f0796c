"""How Xero shows what is in the books: JSON with /Date(…)/ times, numbers in major units, and what one record says of another."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.sandbox.shelf import Object
from connectors.sandbox.xero.books import XeroBooks
from connectors.sandbox.xero.values import due_on, moment, total_of

ACCOUNT = {"AccountID": "5690f1e8-1d02-4893-90c2-ee1a69eff942", "Code": "090"}
_ADDRESS = {"AddressLine1": "", "AddressLine2": "", "City": "", "Region": "", "PostalCode": "", "Country": "", "AttentionTo": ""}
_PHONE = {"PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}


def contact(books: XeroBooks, held: Object, paged: bool = True) -> Object:
    """A contact; into which one it was merged is told only in pages and single answers."""
    shown: Object = {
        **held,
        "Addresses": [{"AddressType": a["AddressType"], **_ADDRESS, **a} for a in held["Addresses"]],
        "Phones": [{"PhoneType": p["PhoneType"], **_PHONE, **p} for p in held["Phones"]],
        "UpdatedDateUTC": moment(books.changed[held["ContactID"]]),
        "ContactGroups": [],
        "ContactPersons": [],
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    if not paged:
        shown.pop("MergedToContactID", None)
    return shown


def _named(books: XeroBooks, key: str) -> Object:
    """A contact as it stands in a document."""
    held = books.contacts.get(key)
    name = held["Name"] if held else ""
    lists: Object = {part: [] for part in ("Addresses", "Phones", "ContactGroups", "ContactPersons")}
    return {"ContactID": key, "Name": name, **lists, "HasValidationErrors": False}


def invoice(books: XeroBooks, held: Object) -> Object:
    """An invoice with its lines and payments."""
    key = held["InvoiceID"]
    return {
        **_document(books, key, held),
        "Type": held["Type"],
        "InvoiceID": key,
        "InvoiceNumber": held["InvoiceNumber"],
        "Reference": held["Reference"],
        "Prepayments": [],
        "Overpayments": [],
        "CreditNotes": [],
        "AmountDue": number(due_on(held) if held["Status"] != "VOIDED" else Decimal(0)),
        "AmountPaid": number(held["AmountPaid"]),
        "AmountCredited": number(held["AmountCredited"]),
        "SentToContact": held["Status"] not in ("DRAFT", "SUBMITTED", "DELETED"),
        "IsDiscounted": False,
        "DueDateString": _day_text(held["due"]),
        "DueDate": moment(held["due"] * 1000),
    }


def credit_note(books: XeroBooks, held: Object) -> Object:
    """A credit note with what it was set off against."""
    key, set_off = held["CreditNoteID"], held["invoice"]
    day = moment(held["day"] * 1000)
    about = (books.invoices.get(set_off) or {}) if set_off else {}
    allocation = {
        "Amount": number(held["AmountCredited"]),
        "Date": day,
        "Invoice": {"InvoiceID": set_off, "InvoiceNumber": about.get("InvoiceNumber")},
    }
    return {
        **_document(books, key, held),
        "Type": held["Type"],
        "CreditNoteID": key,
        "CreditNoteNumber": held["CreditNoteNumber"],
        "Reference": "",
        "ID": key,
        "RemainingCredit": number(due_on(held)),
        "Allocations": [allocation] if set_off else [],
    }


def _document(books: XeroBooks, key: str, held: Object) -> Object:
    net, tax = sum((n for _, n, _ in held["lines"]), Decimal(0)), sum((t for _, _, t in held["lines"]), Decimal(0))
    return {
        "Contact": _named(books, held["contact"]),
        "DateString": _day_text(held["day"]),
        "Date": moment(held["day"] * 1000),
        "Status": held["Status"],
        "LineAmountTypes": "Exclusive",
        "LineItems": [
            {
                "Description": text,
                "Quantity": 1.0,
                "UnitAmount": number(n),
                "TaxAmount": number(t),
                "LineAmount": number(n),
                "AccountCode": "200",
                "Tracking": [],
            }
            for text, n, t in held["lines"]
        ],
        "SubTotal": number(net),
        "TotalTax": number(tax),
        "Total": number(total_of(held)),
        "UpdatedDateUTC": moment(books.changed[key]),
        "CurrencyCode": held["CurrencyCode"],
        "CurrencyRate": 1.0,
        "Payments": [
            {
                "PaymentID": p["PaymentID"],
                "Date": moment(p["day"] * 1000),
                "Amount": number(p["Amount"]),
                "CurrencyRate": 1.0,
                "HasAccount": False,
                "HasValidationErrors": False,
            }
            for p in books.payments_of(key)
        ],
        "HasAttachments": False,
        "HasErrors": False,
        **({"FullyPaidOnDate": moment(held["paid_on"] * 1000)} if held["paid_on"] is not None else {}),
    }


def payment(books: XeroBooks, held: Object) -> Object:
    """A payment; the credit note that one pays out stands under Invoice too."""
    paid: Object = books.invoices.get(held["document"]) or books.credit_notes.get(held["document"]) or {}
    lists: Object = {part: [] for part in ("Payments", "CreditNotes", "Prepayments", "Overpayments", "LineItems")}
    return {
        "PaymentID": held["PaymentID"],
        "Date": moment(held["day"] * 1000),
        "BankAmount": number(held["Amount"]),
        "Amount": number(held["Amount"]),
        "Reference": "",
        "CurrencyRate": 1.0,
        "PaymentType": held["PaymentType"],
        "Status": held["Status"],
        "UpdatedDateUTC": moment(books.changed[held["PaymentID"]]),
        "HasAccount": True,
        "IsReconciled": False,
        "Account": ACCOUNT,
        "Invoice": {
            "Type": paid["Type"],
            "InvoiceID": held["document"],
            "InvoiceNumber": paid.get("InvoiceNumber") or paid.get("CreditNoteNumber"),
            **lists,
            "HasErrors": False,
            "IsDiscounted": False,
            "Contact": {"ContactNumber": "", **_named(books, paid["contact"])},
            "CurrencyCode": paid["CurrencyCode"],
        },
        "HasValidationErrors": False,
    }


def organisation(name: str, opened: int) -> Object:
    """The organisation itself."""
    return {
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": "UK",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "GBP",
        "CountryCode": "GB",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY",
        "CreatedDateUTC": moment(opened * 1000),
        "OrganisationEntityType": "COMPANY",
        "Timezone": "GMTSTANDARDTIME",
        "ShortCode": "!sndbx",
        "OrganisationID": "b2c885a9-4bb9-4a00-9b6e-6c2bf60b1a2b",
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }


def number(amount: Decimal) -> Any:
    """An amount as a JSON number."""
    return float(amount)


def _day_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
