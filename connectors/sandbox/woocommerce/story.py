"""How people come to the shop, buy there, change their account and leave, in the past and on each later day.

22 % of people and 15 % of companies have an account, 9 % of people bought as guests. Whoever registers with an e-mail that the shop
knows already, or with none, is sent away. Only those who never bought are deleted; what is trashed are cancelled and failed orders.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from connectors.sandbox.contacts import Contact, contact_of
from connectors.sandbox.draw import chance, some, stream, weighted
from connectors.sandbox.google_books import local_day
from connectors.sandbox.money import CURRENCY_OF, converted
from connectors.sandbox.people import Owner, Person
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object
from connectors.sandbox.woocommerce.books import NOUGHT, WooBooks
from connectors.sandbox.woocommerce.catalogue import CATALOGUE
from connectors.sandbox.world import Account, World

PEOPLE, COMPANIES, GUESTS = 0.22, 0.15, 0.09
HOUR = 3_600
CENT = Decimal("0.01")
# per person and day; each at least once in however small a world
ENTRIES, ORDERS, GUEST_ORDERS, TOLD, REFUNDS, TRASHED, DELETED = 0.0012, 0.003, 0.0008, 0.001, 0.0003, 0.0003, 0.0002
_TAX = {"US": "0.07", "GB": "0.20", "DE": "0.19", "FR": "0.20", "ES": "0.21", "PL": "0.23", "JP": "0.10"}
_SHOP = "https://shop.sandbox-goods.example"


def past(world: World, end: int) -> None:
    """Put on the agenda what happened before ``end``."""
    rng = stream(world.seed, "woocommerce", "past")
    for person in world.population.people:
        if chance(rng, PEOPLE):
            _plan_entry(world, person, rng.randrange(min(person.joined, end - 2), end), rng)
        if chance(rng, GUESTS):
            for _ in range(1 + some(rng, 0.4, 3)):
                _plan_guest(world, person, rng.randrange(min(person.joined, end - 2), end), rng)
    for company in world.population.companies:
        if chance(rng, COMPANIES):
            _plan_entry(world, company, rng.randrange(min(company.joined, end - 2), end), rng)


def _plan_entry(world: World, owner: Owner, at: int, rng: Random) -> None:
    world.later(at, lambda t: _enter(world, owner, t, rng))


def _plan_guest(world: World, owner: Owner, at: int, rng: Random) -> None:
    world.later(at, lambda t: _guest_order(world, owner, t, rng))


def day(world: World, number: int, start: int, end: int) -> None:
    """Put on the agenda what one more day brings."""
    rng = stream(world.seed, "woocommerce", "day", number)
    plays: tuple[tuple[Callable[[World, int, Random], None], float], ...] = (
        (_somebody_enters, ENTRIES),
        (_somebody_orders, ORDERS),
        (_a_guest_orders, GUEST_ORDERS),
        (_somebody_tells, TOLD),
        (_something_is_refunded, REFUNDS),
        (_something_is_trashed, TRASHED),
        (_somebody_is_deleted, DELETED),
    )
    for play, rate in plays:
        for _ in range(max(1, round(len(world.population.people) * rate))):
            _plan(world, play, rng.randrange(start, end), rng)


def _plan(world: World, play: Callable[[World, int, Random], None], at: int, rng: Random) -> None:
    world.later(at, lambda t: play(world, t, rng))


def _books(world: World) -> WooBooks:
    books: WooBooks = world.books["woocommerce"]
    return books


# accounts --------------------------------------------------------------------------------------------------------


def _enter(world: World, owner: Owner, at: int, rng: Random) -> None:
    """Somebody registers, and begins to buy."""
    contact = contact_of(owner, "shopify", at, rng)
    if not _books(world).free_email(contact.email):
        return
    place = address_of(contact)
    fields = {
        "email": contact.email,
        "first_name": contact.given or "",
        "last_name": contact.family or "",
        "billing": {**place, "email": contact.email, "phone": contact.phone} if place else {"phone": contact.phone},
        "shipping": place if place and chance(rng, 0.5) else {},
    }
    key = str(_books(world).add_customer(at, fields)["id"])
    account = world.enter(Account("woocommerce", "customers", key, owner.entity_id, owner, at), contact.email)
    for _ in range(some(rng, 1.4, 8)):
        world.later(at + rng.randrange(60, 500 * DAY), lambda t: _order(world, account, t, rng))
    if isinstance(owner, Person):
        for changed in (owner.email.changed_at, owner.address.changed_at, owner.family.changed_at):
            if changed > at and chance(rng, 0.45):
                world.later(changed + rng.randrange(DAY, 20 * DAY), lambda t: _tell(world, account, t, rng))


def address_of(contact: Contact) -> Object:
    """A billing or shipping address as the shop keeps it; empty where none was given."""
    if contact.address is None:
        return {}
    place = contact.address
    return {
        "first_name": contact.given,
        "last_name": contact.family,
        "company": contact.company,
        "address_1": place.line1,
        "address_2": place.line2,
        "city": place.city,
        "state": place.region_code,
        "postcode": place.postal_code,
        "country": place.country,
    }


def _tell(world: World, account: Account, at: int, rng: Random) -> None:
    """Somebody fills in their account anew."""
    books = _books(world)
    held = books.customers.get(account.key)
    if held is None or account.owner is None:
        return
    contact = contact_of(account.owner, "shopify", at, rng)
    fields: Object = {"first_name": contact.given, "last_name": contact.family, "billing": address_of(contact)}
    if contact.phone:
        fields["billing"]["phone"] = contact.phone
    if books.free_email(contact.email):
        fields["email"] = contact.email
        world.note_email(account.entity_id, contact.email)
    books.update_customer(at, account.key, fields)


def _somebody_enters(world: World, at: int, rng: Random) -> None:
    _enter(world, rng.choice(world.population.people), at, rng)


def _someone(world: World, rng: Random) -> Account | None:
    living = world.live("woocommerce", "customers")
    return rng.choice(living) if living else None


def _somebody_tells(world: World, at: int, rng: Random) -> None:
    account = _someone(world, rng)
    if account:
        _tell(world, account, at, rng)


def _somebody_is_deleted(world: World, at: int, rng: Random) -> None:
    books = _books(world)
    idle = [a for a in world.live("woocommerce", "customers") if not books.orders_of.get(int(a.key))]
    if idle:
        account = rng.choice(idle)
        books.delete_customer(at, account.key)
        world.leave("woocommerce", "customers", account.key)


# orders ----------------------------------------------------------------------------------------------------------


def _somebody_orders(world: World, at: int, rng: Random) -> None:
    account = _someone(world, rng)
    if account:
        _order(world, account, at, rng)


def _a_guest_orders(world: World, at: int, rng: Random) -> None:
    _guest_order(world, rng.choice(world.population.people), at, rng)


def _order(world: World, account: Account, at: int, rng: Random) -> None:
    held = _books(world).customers.get(account.key)
    if held is None or account.owner is None:
        return
    names = {"first_name": held["first_name"], "last_name": held["last_name"], "email": held["email"]}
    billing = {**names, **{part: value for part, value in held["billing"].items() if value}}
    buyer = {"customer": held["id"], "billing": billing, "shipping": held["shipping"] or {**billing, "email": None}}
    _books(world).visited(at, account.key)
    _place(world, buyer, account.owner.country, at, rng)


def _guest_order(world: World, owner: Owner, at: int, rng: Random) -> None:
    contact = contact_of(owner, "guest", at, rng)
    place = address_of(contact)
    buyer = {"customer": 0, "billing": {**place, "email": contact.email, "phone": contact.phone}, "shipping": place}
    made = _place(world, buyer, owner.country, at, rng)
    world.enter(Account("woocommerce", "orders", str(made["id"]), owner.entity_id, owner, at), contact.email)


def _place(world: World, buyer: Object, country: str, at: int, rng: Random) -> Object:
    currency, off = CURRENCY_OF[country], Decimal("0.9") if chance(rng, 0.12) else Decimal(1)
    lines: list[Object] = []
    for product in rng.sample(CATALOGUE, 1 + some(rng, 0.6, 4)):
        quantity = 1 + some(rng, 0.3, 3)
        subtotal = (converted(product.price, "USD", currency) * quantity).quantize(CENT)
        total = (subtotal * off).quantize(CENT)
        tax = (total * Decimal(_TAX[country])).quantize(CENT)
        numbers: Object = {"quantity": quantity, "subtotal": subtotal, "total": total, "tax": tax}
        lines.append({"name": product.name, "product_id": product.number, "sku": product.sku, **numbers})
    goods = sum((line["total"] for line in lines), NOUGHT)
    free_above = converted(Decimal(100), "USD", currency)
    made = _books(world).add_order(
        at,
        {
            **buyer,
            "currency": currency,
            "lines": lines,
            "shipping_total": NOUGHT if goods > free_above else converted(Decimal("6.90"), "USD", currency).quantize(CENT),
            "status": weighted(rng, (("processing", 8.0), ("pending", 1.0), ("on-hold", 0.8))),
            "method": weighted(rng, (("stripe", 6.0), ("paypal", 3.0), ("bacs", 1.0), ("cod", 0.5))),
            "ip": f"192.0.2.{rng.randrange(1, 255)}",
            "meta_data": _attribution(world, at, rng) if chance(rng, 0.8) else [],
        },
    )
    _follow_up(world, str(made["id"]), made["status"], at, rng)
    return made


def _follow_up(world: World, key: str, status: str, at: int, rng: Random) -> None:
    books = _books(world)
    if status == "pending" and chance(rng, 0.4):
        fate = rng.choice(("cancelled", "failed"))
        world.later(at + HOUR, lambda t: books.move_on(t, key, fate))
        return
    if status != "processing":
        world.later(at + rng.randrange(600, 2 * DAY), lambda t: books.move_on(t, key, "processing"))
    world.later(at + rng.randrange(2 * DAY, 5 * DAY), lambda t: books.move_on(t, key, "completed"))
    if chance(rng, 0.04):
        share = rng.choice((1, 1, 2, 3))
        world.later(at + rng.randrange(6 * DAY, 25 * DAY), lambda t: _refund(world, key, share, t, rng))


def _refund(world: World, key: str, share: int, at: int, rng: Random) -> None:
    books = _books(world)
    held = books.orders.get(key)
    if held and held["status"] in ("processing", "completed"):
        amount = min(held["total"] - books.refunded(held), (held["total"] / share).quantize(CENT))
        if amount > 0:
            books.add_refund(at, key, amount, rng.choice(("", "damaged", "wrong size", "changed their mind")))


def _something_is_refunded(world: World, at: int, rng: Random) -> None:
    paid = [o for o in _ours(world, ("completed",)) if o["completed"] and o["completed"] > at - 60 * DAY and not o["refunds"]]
    if paid:
        _refund(world, str(rng.choice(paid)["id"]), rng.choice((1, 2)), at, rng)


def _something_is_trashed(world: World, at: int, rng: Random) -> None:
    dead = _ours(world, ("cancelled", "failed"))
    if dead:
        key = str(rng.choice(dead)["id"])
        _books(world).trash_order(at, key)
        world.leave("woocommerce", "orders", key)


def _ours(world: World, statuses: tuple[str, ...]) -> list[Object]:
    """Orders in some statuses; those that came through the API stay as whoever sent them made them."""
    return [order for order in _books(world).orders if order["status"] in statuses and order["created_via"] != "rest-api"]


def _attribution(world: World, at: int, rng: Random) -> list[Object]:
    """What WooCommerce notes of the visit that led to the order."""
    page = f"{_SHOP}/{rng.choice(('', 'shop/', 'product-category/kitchen/', 'sale/'))}"
    kind = weighted(rng, (("typein", 3.0), ("organic", 2.5), ("ads", 2.0), ("newsletter", 1.0), ("social", 1.0), ("referral", 0.5)))
    noted: dict[str, str] = {"source_type": kind if kind in ("typein", "organic", "referral") else "utm"}
    if kind == "typein":
        noted |= {"utm_source": "(direct)"}
    elif kind == "organic":
        noted |= {"referrer": "https://www.google.com/", "utm_source": "google", "utm_medium": "organic"}
    elif kind == "referral":
        noted |= {"referrer": "https://blog.kitchen-notes.example/", "utm_source": "blog.kitchen-notes.example"}
        noted |= {"utm_medium": "referral"}
    else:
        source, medium = {"ads": ("google", "cpc"), "newsletter": ("newsletter", "email"), "social": ("instagram", "social")}[kind]
        campaign = rng.choice(world.google.running(local_day(at)))["id"] if kind == "ads" else "spring"
        click = {"ads": f"&gclid=Cj0{rng.getrandbits(80):020x}", "social": f"&fbclid=IwAR{rng.getrandbits(80):020x}"}.get(kind, "")
        page += f"?utm_source={source}&utm_medium={medium}&utm_campaign={campaign}{click}"
        noted |= {"utm_source": source, "utm_medium": medium, "utm_campaign": str(campaign)}
    noted |= {"session_entry": page, "session_pages": str(1 + some(rng, 3.0, 20)), "session_count": "1", "device_type": "Mobile"}
    return [{"key": f"_wc_order_attribution_{name}", "value": value} for name, value in noted.items()]
