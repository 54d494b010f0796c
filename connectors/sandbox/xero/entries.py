"""What a bookkeeper types of a contact."""

from __future__ import annotations

from random import Random

from connectors.sandbox.contacts import Contact
from connectors.sandbox.draw import chance, weighted
from connectors.sandbox.places import CALLING_CODE, COUNTRY_NAME
from connectors.sandbox.shelf import Object
from connectors.sandbox.xero.books import XeroBooks


def fields_of(books: XeroBooks, contact: Contact, rng: Random) -> Object:
    """What a bookkeeper types of somebody: a unique name, the contact person perhaps, one phone, one or two addresses."""
    name = (contact.full_name or contact.company or contact.email or "Cash customer").strip() or "Cash customer"
    fields: Object = {"Name": books.free_name(name), "EmailAddress": contact.email or ""}
    if contact.given and contact.family and chance(rng, 0.8):
        fields |= {"FirstName": contact.given, "LastName": contact.family}
    if contact.phone:
        fields["Phones"] = [_phone(contact, rng)]
    if contact.address:
        place = contact.address
        entry = {
            "AddressLine1": place.line1,
            "AddressLine2": place.line2 or "",
            "City": place.city,
            "Region": place.region,
            "PostalCode": place.postal_code,
            "Country": COUNTRY_NAME[place.country],
        }
        kinds = weighted(rng, ((("POBOX",), 6.0), (("STREET",), 2.0), (("POBOX", "STREET"), 2.0)))
        fields["Addresses"] = [{"AddressType": kind, **entry} for kind in kinds]
    if contact.tax_id:
        fields["TaxNumber"] = contact.tax_id
    if chance(rng, 0.05):
        fields["ContactNumber"] = f"legacy-{rng.randrange(10_000, 99_999)}"
    return fields


def _phone(contact: Contact, rng: Random) -> Object:
    """A number in one piece as typed, or with the country's code in its own field."""
    kind = "MOBILE" if chance(rng, 0.4) else "DEFAULT"
    number, code = contact.phone or "", CALLING_CODE[contact.country]
    if number.startswith(f"+{code}") and chance(rng, 0.6):
        rest = number.removeprefix(f"+{code}").strip()
        return {"PhoneType": kind, "PhoneNumber": rest[3:].strip(), "PhoneAreaCode": rest[:3].strip(), "PhoneCountryCode": code}
    return {"PhoneType": kind, "PhoneNumber": number, "PhoneAreaCode": "", "PhoneCountryCode": ""}
