"""Shopify's root fields: what each query and mutation of the schema does. graphql-core calls them by their name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import GraphQLError

from connectors.sandbox.places import COUNTRY_NAME
from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_books import CUSTOMER_FIELDS, SHOP_CURRENCY, UserError
from connectors.sandbox.shopify_pages import Pages
from connectors.sandbox.shopify_views import Views
from connectors.sandbox.state import Sandbox


class Root:
    """The root of one request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._books = sandbox, sandbox.world.shopify
        self.pages = Pages(sandbox.now())
        self._views = Views(self._books, self.pages)

    # queries -----------------------------------------------------------------------------------------------------

    def shop(self, info: object) -> Object:
        return self._views.shop()

    def customer(self, info: object, id: str) -> Object | None:
        return self._views.customer(self._books.customers.get(_number(id, "Customer")))

    def customers(self, info: object, **args: Any) -> Object:
        return self.pages.customers(args, self._books.customers, self._views.customer)

    def order(self, info: object, id: str) -> Object | None:
        return self._views.order(self._books.orders.get(_number(id, "Order")))

    def orders(self, info: object, **args: Any) -> Object:
        return self.pages.orders(args, self._books.orders, self._views.order)

    def events(self, info: object, **args: Any) -> Object:
        return self.pages.events(args, self._books.events, self._views.event)

    def customersCount(self, info: object, **args: Any) -> Object:
        return self.pages.count("customers", args, self._books.customers)

    def ordersCount(self, info: object, **args: Any) -> Object:
        return self.pages.count("orders", args, self._books.orders)

    def node(self, info: object, id: str) -> Object | None:
        kind = id.removeprefix("gid://shopify/").partition("/")[0]
        return {"Customer": self.customer, "Order": self.order}[kind](info, id) if kind in ("Customer", "Order") else None

    def nodes(self, info: object, ids: list[str]) -> list[Object | None]:
        if len(ids) > 250:
            raise GraphQLError("The input array size is greater than the maximum allowed of 250.")
        return [self.node(info, id) for id in ids]

    def customerByIdentifier(self, info: object, identifier: Object) -> Object | None:
        name, value = _one_of(identifier, "CustomerIdentifierInput")
        if name == "id":
            return self.customer(info, value)
        found = self._books.find_customer(email=value) if name == "emailAddress" else self._books.find_customer(phone=value)
        return self._views.customer(found)

    # mutations ---------------------------------------------------------------------------------------------------

    def customerCreate(self, info: object, input: Object) -> Object:
        if input.get("id"):
            return _refused("customer", UserError(["id"], "Cannot specify id when creating a customer"))
        return self._change(
            "customer", lambda: self._views.customer(self._sandbox.write("shopify.create_customer", fields=_customer_fields(input)))
        )

    def customerUpdate(self, info: object, input: Object) -> Object:
        key = _number(input.get("id") or "", "Customer")
        write = {"key": key, "fields": _customer_fields(input)}
        return self._change("customer", lambda: self._views.customer(self._sandbox.write("shopify.update_customer", **write)))

    def customerDelete(self, info: object, input: Object) -> Object:
        def delete() -> str:
            self._sandbox.write("shopify.delete_customer", key=_number(input["id"], "Customer"))
            return str(input["id"])

        return {**self._change("deletedCustomerId", delete), "shop": self._views.shop()}

    def metafieldsSet(self, info: object, metafields: list[Object]) -> Object:
        given = []
        for field in metafields:
            one = {"owner": field["ownerId"], "namespace": field.get("namespace") or "$app", "key": field["key"]}
            one |= {"kind": field.get("type") or "", "value": field["value"]}
            # null is not nothing: it asks that there be no such metafield yet
            given.append(one | ({"digest": field["compareDigest"]} if "compareDigest" in field else {}))

        def write() -> list[Object | None]:
            held = self._sandbox.write("shopify.set_metafields", metafields=given)
            return [self._views.metafield_view(one) for one in held]

        return self._change("metafields", write)

    def metafieldsDelete(self, info: object, metafields: list[Object]) -> Object:
        given = [{"owner": one["ownerId"], "namespace": one["namespace"], "key": one["key"]} for one in metafields]
        return self._change("deletedMetafields", lambda: self._sandbox.write("shopify.delete_metafields", metafields=given))

    def orderCreate(self, info: object, order: Object, options: Object | None = None) -> Object:
        def create() -> Object | None:
            write = {"fields": _order_fields(order), "customer": self._buyer(order)}
            return self._views.order(self._sandbox.write("shopify.create_order", **write))

        return self._change("order", create)

    def _buyer(self, order: Object) -> Object | None:
        """Whose order it is: a known customer, one to be made if unknown, or nobody's."""
        if not order.get("customer"):
            return None
        name, given = _one_of(order["customer"], "OrderCreateCustomerInput")
        if name == "toAssociate":
            found = self._books.find_customer(email=given.get("email"))
            key = _number(given["id"], "Customer") if given.get("id") else str(found["number"]) if found else ""
            if self._books.customers.get(key) is None:
                raise UserError(["order", "customer", "toAssociate"], "Customer does not exist")
            return {"key": key}
        return _customer_fields(given)

    @staticmethod
    def _change(name: str, act: Callable[[], Any]) -> Object:
        try:
            return {name: act(), "userErrors": []}
        except UserError as error:
            return _refused(name, error)


def _refused(name: str, error: UserError) -> Object:
    told = {"field": error.field, "message": error.message, "code": error.code, "elementIndex": error.element}
    return {name: None, "userErrors": [told]}


def _number(global_id: str, kind: str) -> str:
    """The number in a global ID. Raises `GraphQLError` for another kind."""
    prefix, _, number = global_id.rpartition("/")
    if prefix != f"gid://shopify/{kind}" or not number.isdigit():
        raise GraphQLError(f"Invalid global id '{global_id}'", extensions={"code": "argumentLiteralsIncompatible"})
    return number


def _one_of(given: Object, kind: str) -> tuple[str, Any]:
    found = [(name, value) for name, value in given.items() if value is not None]
    if len(found) != 1:
        raise GraphQLError(f"'{kind}' requires exactly one argument, but {len(found)} were provided.")
    return found[0]


def _customer_fields(given: Object) -> Object:
    fields = {name: given[name] for name in CUSTOMER_FIELDS if name in given}
    if "addresses" in fields:
        fields["addresses"] = [_address(place) for place in fields["addresses"] or []]
    return fields


def _address(given: Object | None) -> Object | None:
    if given is None:
        return None
    code = given.get("countryCode") or next((c for c, name in COUNTRY_NAME.items() if name == given.get("country")), None)
    return {**given, "countryCode": code, "country": given.get("country") or COUNTRY_NAME.get(code or "")}


def _order_fields(given: Object) -> Object:
    lines = given.get("lineItems") or []
    if not lines:
        raise UserError(["order", "lineItems"], "Line items must have at least one line item")
    items = []
    for line in lines:
        price = ((line.get("priceSet") or {}).get("shopMoney") or {}).get("amount", "0")
        item = {"title": line.get("title") or "Item", "quantity": line["quantity"], "price": _decimal(price)}
        items.append(item | ({"sku": line["sku"]} if line.get("sku") else {}))
    billing = _address(given.get("billingAddress"))
    return {
        "email": given.get("email"),
        "phone": given.get("phone"),
        "billing": billing,
        "shipping": _address(given.get("shippingAddress")) or billing,
        "currency": given.get("presentmentCurrency") or given.get("currency") or SHOP_CURRENCY,
        "items": items,
        "discounts": "0",
        "tax": _sum_of(given.get("taxLines")),
        "shippingPrice": _sum_of(given.get("shippingLines")),
        "financial": given.get("financialStatus") or "PENDING",
        "test": bool(given.get("test")),
        "note": given.get("note"),
        "tags": given.get("tags") or [],
        "sourceName": given.get("sourceName") or "api",
        "visit": None,
        "processedAt": _time(given.get("processedAt")),
    }


def _sum_of(lines: list[Object] | None) -> str:
    prices = [_decimal(line["priceSet"]["shopMoney"]["amount"]) for line in lines or [] if line.get("priceSet")]
    return str(sum(map(Decimal, prices), Decimal(0)))


def _decimal(text: Any) -> str:
    try:
        return str(Decimal(str(text)))
    except InvalidOperation:
        raise GraphQLError(f"invalid decimal '{text}'") from None


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(["order", "processedAt"], "Processed at is invalid") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
