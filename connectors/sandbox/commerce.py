"""Money changes hands: orders in the shop, invoices and charges in the billing system, and what becomes of them later."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from connectors.sandbox import stripe_objects
from connectors.sandbox.accounts import currency_of, mailing_address
from connectors.sandbox.contacts import Contact, contact_of
from connectors.sandbox.draw import chance, some, weighted
from connectors.sandbox.google_books import local_day
from connectors.sandbox.money import CURRENCY_OF, converted, minor_units, rounded
from connectors.sandbox.people import Owner
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.stripe_books import billing
from connectors.sandbox.world import Account, World

HOUR = 3_600

# title and price in US dollars
PRODUCTS = (
    ("Canvas tote", "19.00"), ("Ceramic mug", "14.50"), ("Linen apron", "38.00"), ("Oak cutting board", "54.90"),
    ("Wool blanket", "89.00"), ("Desk lamp", "64.95"), ("Notebook set", "12.00"), ("Travel bottle", "27.99"),
    ("Cast iron pan", "72.50"), ("Herb planter", "23.40"), ("Bath towels", "45.00"), ("Candle trio", "33.33"),
    ("Rain jacket", "119.00"), ("Bike bell", "9.95"), ("Espresso cups", "41.20"), ("Storage basket", "29.80"),
)  # fmt: skip
SERVICES = (("Membership", "15.00"), ("Workshop", "85.00"), ("Design hours", "240.00"), ("Repair", "48.50"), ("Rental", "130.00"))
_TAX = {"US": "0.0725", "GB": "0.20", "DE": "0.19", "FR": "0.20", "ES": "0.21", "PL": "0.23", "JP": "0.10"}
_SOURCES = (
    ("direct", None, None, 3.0),
    ("google", "https://www.google.com/", "cpc", 3.0),
    ("google", "https://www.google.com/", None, 2.0),
    ("newsletter", None, "email", 1.5),
    ("instagram", "https://www.instagram.com/", "social", 1.0),
)


# the shop --------------------------------------------------------------------------------------------------------


def order(world: World, account: Account, at: int, rng: Random) -> None:
    """A customer with an account orders."""
    customer = world.shopify.customers.get(account.key)
    if customer is None or account.owner is None:
        return
    place = customer["addresses"][0] if customer["addresses"] else None
    buyer = {
        "customer": customer["number"],
        "email": customer["email"],
        "phone": customer["phone"],
        "billing": place,
        "shipping": place,
    }
    _place(world, {**buyer, "sourceName": "web"}, account.owner.country, at, rng)


def guest_order(world: World, owner: Owner, at: int, rng: Random, test: bool = False) -> None:
    """Somebody orders without an account; the order itself is all that the shop knows of them."""
    contact = contact_of(owner, "guest", at, rng)
    place = mailing_address(contact, contact.address) if contact.address else None
    phone = contact.phone if contact.phone and contact.phone.startswith("+") else None
    buyer = {"customer": None, "email": contact.email, "phone": phone, "billing": place, "shipping": place, "test": test}
    made = _place(world, {**buyer, "sourceName": "pos" if contact.email is None else "web"}, owner.country, at, rng)
    world.enter(Account("shopify", "orders", str(made["number"]), owner.entity_id, owner, at), contact.email)


def _place(world: World, buyer: Object, country: str, at: int, rng: Random) -> Object:
    items: list[Object] = []
    for title, price in rng.sample(PRODUCTS, 1 + some(rng, 0.7, 4)):
        items.append({"title": title, "quantity": 1 + some(rng, 0.3, 3), "price": Decimal(price)})
    goods = sum((item["price"] * item["quantity"] for item in items), Decimal(0))
    discounts = rounded(goods * Decimal("0.10"), "USD") if chance(rng, 0.15) else Decimal("0.00")
    fields = {
        **buyer,
        "currency": CURRENCY_OF[country],
        "items": items,
        "discounts": discounts,
        "tax": rounded((goods - discounts) * Decimal(_TAX[country]), "USD"),
        "shippingPrice": Decimal("0.00") if goods > 100 else Decimal("7.90"),
        "financial": weighted(rng, (("PAID", 9.0), ("PENDING", 0.7), ("AUTHORIZED", 0.3))),
        "test": buyer.get("test", False),
        "visit": _visit(world, at, rng) if chance(rng, 0.7) else None,
    }
    made = world.shopify.add_order(at, fields)
    _follow_up(world, made, at, rng)
    return made


def _visit(world: World, at: int, rng: Random) -> Object:
    source, referrer, medium, _ = rng.choices(_SOURCES, [weight for *_, weight in _SOURCES])[0]
    campaign = rng.choice(world.google.running(local_day(at)))["id"] if medium == "cpc" else "spring" if medium else None
    query = f"?utm_source={source}&utm_medium={medium}&utm_campaign={campaign}" if medium else ""
    return {
        "landingPage": f"https://sandbox-goods.example/{rng.choice(('', 'products', 'collections/kitchen', 'sale'))}{query}",
        "referrerUrl": referrer,
        "source": source,
        "utm": {"source": source, "medium": medium, "campaign": campaign} if medium else None,
        "at": at - rng.randrange(60, 3 * HOUR),
    }


def _follow_up(world: World, made: Object, at: int, rng: Random) -> None:
    key, shop = str(made["number"]), world.shopify
    if chance(rng, 0.03):
        reason = rng.choice(("CUSTOMER", "INVENTORY", "FRAUD"))
        world.later(at + rng.randrange(HOUR, DAY), lambda t: shop.cancel(t, key, reason))
        return
    if made["financial"] != "PAID":
        world.later(at + rng.randrange(HOUR, 3 * DAY), lambda t: shop.pay(t, key))
    world.later(at + rng.randrange(6 * HOUR, 3 * DAY), lambda t: shop.fulfil(t, key))
    if chance(rng, 0.04):
        share = made["total"] if chance(rng, 0.5) else rounded(made["total"] / 3, "USD")
        world.later(at + rng.randrange(4 * DAY, 20 * DAY), lambda t: shop.refund(t, key, share))


# the billing system ----------------------------------------------------------------------------------------------


def subscribe(world: World, account: Account, at: int, months: int, rng: Random) -> None:
    """An invoice each month for some months."""
    _service, price = rng.choice(SERVICES)

    def month(number: int, when: int) -> None:
        bill(world, account, when, rng, Decimal(price))
        if number + 1 < months:
            world.later(when + 30 * DAY + rng.randrange(-HOUR, HOUR), lambda t: month(number + 1, t))

    month(0, at)


def bill(world: World, account: Account, at: int, rng: Random, price: Decimal | None = None) -> None:
    """An invoice: drafted, finalized an hour later, then paid by card at once, paid on terms, or never paid."""
    if account.owner is None or world.stripe.customers.get(account.key) is None:
        return
    currency = currency_of(account.owner, rng)
    chosen = [("Membership", price)] if price else [(s, Decimal(p)) for s, p in rng.sample(SERVICES, 1 + some(rng, 0.4, 2))]
    lines = [(text, minor_units(converted(amount, "USD", currency), currency)) for text, amount in chosen]
    tax = minor_units(rounded(sum(a for _, a in lines) * Decimal(_TAX[account.owner.country]), "JPY"), "JPY")
    if currency == "KWD":
        tax = tax // 10 * 10
    key = world.stripe.draft_invoice(at, account.key, currency, lines, tax)["id"]
    if chance(rng, 0.03):
        return  # drafts are forgotten
    on_terms = chance(rng, 0.35)
    world.later(at + HOUR, lambda t: _settle(world, key, t, on_terms, rng))


def _settle(world: World, key: str, at: int, on_terms: bool, rng: Random) -> None:
    if world.stripe.invoices.get(key) is None:
        return
    world.stripe.finalize(at, key, 30 * DAY if on_terms else None)
    fate = weighted(rng, (("paid", 92.0), ("open", 3.0), ("void", 2.5), ("uncollectible", 2.5)))
    paid_at = at + (rng.randrange(DAY, 40 * DAY) if on_terms else rng.randrange(1, 120))
    if fate == "paid":
        world.later(paid_at, lambda t: _pay(world, key, t, rng))
    elif fate != "open":
        world.later(at + rng.randrange(5 * DAY, 60 * DAY), lambda t: _close(world, key, t, fate))


def _pay(world: World, key: str, at: int, rng: Random) -> None:
    charge = world.stripe.pay(at, key, card(rng))["id"]
    if chance(rng, 0.03):
        share = rng.choice((1, 2, 4))
        world.later(at + rng.randrange(DAY, 15 * DAY), lambda t: refund(world, charge, t, share))


def _close(world: World, key: str, at: int, status: str) -> None:
    world.stripe.close_unpaid(at, key, status)


def refund(world: World, charge: str, at: int, parts: int) -> None:
    """Give back one part of a charge in so many."""
    held = world.stripe.charges.get(charge)
    if held and held["status"] == "succeeded" and not held["refunded"]:
        step = 10 if held["currency"] == "kwd" else 1
        world.stripe.refund(at, charge, max(step, held["amount"] // parts // step * step))


def guest_charge(world: World, owner: Owner, at: int, rng: Random) -> None:
    """A payment link paid by somebody who is no customer; some cards are declined first."""
    contact = contact_of(owner, "charge", at, rng)
    currency = currency_of(owner, rng)
    amount = minor_units(converted(Decimal(rng.choice(SERVICES)[1]), "USD", currency), currency)
    if chance(rng, 0.1):
        _charge_guest(world, owner, contact, at - 90, amount, currency, rng, declined=True)
    _charge_guest(world, owner, contact, at, amount, currency, rng, declined=False)


def _charge_guest(
    world: World, owner: Owner, contact: Contact, at: int, amount: int, currency: str, rng: Random, declined: bool
) -> None:
    details = billing(contact.full_name, contact.email, contact.phone, stripe_objects.address(contact.address))
    made = world.stripe.add_charge(at, amount, currency, details, card(rng), {"description": "Payment link"}, declined)
    world.enter(Account("stripe", "charges", made["id"], owner.entity_id, owner, at), contact.email)


def card(rng: Random) -> Object:
    """The card that a charge went to."""
    return {
        "brand": weighted(rng, (("visa", 5.0), ("mastercard", 4.0), ("amex", 1.0))),
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": rng.randrange(1, 13),
        "exp_year": 2030,
        "funding": "credit",
        "last4": f"{rng.randrange(10_000):04d}",
        "network": "visa",
    }
