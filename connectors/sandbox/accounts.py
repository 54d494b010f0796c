"""How a person or company comes into a system, changes there and leaves it."""

from __future__ import annotations

from random import Random

from connectors.sandbox import stripe_objects
from connectors.sandbox.contacts import Contact, contact_of
from connectors.sandbox.draw import chance, weighted
from connectors.sandbox.money import CURRENCY_OF
from connectors.sandbox.people import Company, Owner, Person
from connectors.sandbox.places import COUNTRY_NAME, Address
from connectors.sandbox.shelf import Object
from connectors.sandbox.world import Account, World
from connectors.sandbox.zendesk_books import DuplicateEmailError

STREAM_OF = {"stripe": "customers", "zendesk": "users", "shopify": "customers", "google_ads": "leads"}


def open_account(world: World, owner: Owner, system: str, at: int, rng: Random) -> Account | None:
    """The owner opens an account or sends a lead form; None where the system refuses a second one with that e-mail."""
    if system == "google_ads":
        contact = contact_of(owner, "lead", at, rng)
        key = world.google.add_lead(at, contact, rng)["id"]
    else:
        contact = contact_of(owner, system, at, rng)
        made = {"stripe": _in_stripe, "zendesk": _in_zendesk, "shopify": _in_shopify}[system](world, owner, contact, at, rng)
        if made is None:
            return None
        key, contact = made
    account = Account(system, STREAM_OF[system], key, owner.entity_id, owner, at)
    return world.enter(account, contact.email)


def _in_stripe(world: World, owner: Owner, contact: Contact, at: int, rng: Random) -> tuple[str, Contact]:
    metadata = {"signup": weighted(rng, (("checkout", 7.0), ("dashboard", 2.0), ("import", 1.0)))}
    return world.stripe.add_contact(at, contact, metadata)["id"], contact


def _in_zendesk(world: World, owner: Owner, contact: Contact, at: int, rng: Random) -> tuple[str, Contact] | None:
    employer = owner if isinstance(owner, Company) else owner.employer
    organization = None
    if employer and (isinstance(owner, Company) or contact.company):
        found = next((o for o in world.zendesk.organizations if o["name"] == employer.name), None)
        organization = (found or world.zendesk.add_organization(at, employer.name, employer.domain))["id"]
    external_id = f"legacy-{rng.randrange(10_000, 99_999)}" if chance(rng, 0.05) else None
    try:
        return str(world.zendesk.add_contact(at, contact, organization, external_id)["id"]), contact
    except DuplicateEmailError:
        return None


def _in_shopify(world: World, owner: Owner, contact: Contact, at: int, rng: Random) -> tuple[str, Contact] | None:
    email = contact.email if world.shopify.free_email(contact.email) else None
    phone = contact.phone if world.shopify.free_phone(contact.phone) else None
    if email is None and (phone is None or contact.email is not None):
        return None
    fields = {
        "firstName": contact.given,
        "lastName": contact.family if isinstance(owner, Person) else None,
        "email": email,
        "phone": phone,
        "locale": contact.locale[:2],
        "addresses": [mailing_address(contact, contact.address)] if contact.address else [],
        "state": weighted(rng, (("ENABLED", 5.0), ("DISABLED", 4.0), ("INVITED", 1.0))),
        "marketing": weighted(rng, (("SUBSCRIBED", 4.0), ("NOT_SUBSCRIBED", 4.0), ("UNSUBSCRIBED", 1.0))),
    }
    return str(world.shopify.add_customer(at, fields)["number"]), contact


def mailing_address(contact: Contact, place: Address) -> Object:
    """An address as Shopify keeps it, with whose name it bears."""
    return {
        "firstName": contact.given,
        "lastName": contact.family,
        "company": contact.company,
        "phone": contact.phone,
        **_where(place),
    }


def _where(place: Address) -> Object:
    return {
        "address1": place.line1,
        "address2": place.line2,
        "city": place.city,
        "province": place.region,
        "provinceCode": place.region_code,
        "zip": place.postal_code,
        "country": COUNTRY_NAME[place.country],
        "countryCode": place.country,
    }


def currency_of(owner: Owner, rng: Random) -> str:
    """What the owner pays in: the country's money; a few companies pay in Kuwaiti dinars."""
    if isinstance(owner, Company) and chance(rng, 0.04):
        return "KWD"
    return CURRENCY_OF[owner.country]


# change and leave ------------------------------------------------------------------------------------------------


def tell(world: World, account: Account, what: str, at: int, rng: Random) -> None:
    """The owner tells a system of a change: ``email``, ``address`` or ``name``."""
    if not isinstance(account.owner, Person) or (account.system, account.stream, account.key) not in world.accounts:
        return
    if account.system not in ("stripe", "zendesk", "shopify"):
        return
    contact = contact_of(account.owner, account.system, at, rng)
    {"stripe": _tell_stripe, "zendesk": _tell_zendesk, "shopify": _tell_shopify}[account.system](world, account, contact, what, at)
    if what == "email":
        world.note_email(account.entity_id, account.owner.email.at(at))


def _tell_stripe(world: World, account: Account, contact: Contact, what: str, at: int) -> None:
    assert isinstance(account.owner, Person)
    changes: dict[str, Object] = {
        "email": {"email": account.owner.email.at(at)},
        "address": {"address": stripe_objects.address(contact.address or account.owner.address.at(at))},
        "name": {"name": contact.full_name},
    }
    world.stripe.update_customer(at, account.key, changes[what])


def _tell_zendesk(world: World, account: Account, contact: Contact, what: str, at: int) -> None:
    assert isinstance(account.owner, Person)
    all_changes: dict[str, Object] = {"email": {"email": account.owner.email.at(at)}, "name": {"name": contact.full_name}}
    changes = all_changes.get(what, {})
    taken = world.zendesk.user_by_email(changes.get("email"))
    if changes and (taken is None or str(taken["id"]) == account.key):
        world.zendesk.update_user(at, account.key, changes)


def _tell_shopify(world: World, account: Account, contact: Contact, what: str, at: int) -> None:
    assert isinstance(account.owner, Person)
    held = world.shopify.customers.get(account.key)
    email = account.owner.email.at(at)
    if held is None or (what == "email" and not world.shopify.free_email(email)):
        return
    place = {**(held["addresses"][0] if held["addresses"] else {}), **_where(contact.address or account.owner.address.at(at))}
    changes: dict[str, Object] = {
        "email": {"email": email},
        "address": {"addresses": [place, *held["addresses"][1:]]},
        "name": {"firstName": contact.given, "lastName": contact.family},
    }
    world.shopify.update_customer(at, account.key, changes[what])


def delete(world: World, account: Account, at: int) -> bool:
    """Delete an account where the vendor allows it: no orders in the shop, no tickets that are not closed. True if it is gone."""
    if account.system == "stripe":
        world.stripe.delete_customer(at, account.key)
    elif account.system == "zendesk":
        if any(t["requester_id"] == int(account.key) and t["status"] not in ("closed", "deleted") for t in world.zendesk.tickets):
            return False
        world.zendesk.delete_user(at, account.key)
    else:
        if world.shopify.orders_of.get(int(account.key)):
            return False
        world.shopify.delete_customer(at, account.key)
    world.leave(account.system, account.stream, account.key)
    return True
