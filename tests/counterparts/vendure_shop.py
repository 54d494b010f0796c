"""A Vendure shop as its owner works with it: what happens there is done here, through the Admin API."""

from __future__ import annotations

import os
import uuid
from typing import Any

import httpx

_ORDER = """
  id code state createdAt updatedAt orderPlacedAt currencyCode total totalWithTax shippingWithTax customer { id }
  lines { id quantity orderPlacedQuantity proratedLinePrice lineTax productVariant { sku } }
  payments { id amount state refunds { id total state } }
"""
_CUSTOMER = """
  id createdAt updatedAt title firstName lastName phoneNumber emailAddress user { id verified } groups { id name }
  addresses {
    id updatedAt fullName company streetLine1 streetLine2 city province postalCode country { code } phoneNumber
    defaultBillingAddress defaultShippingAddress
  }
"""


class Shop:
    """A shop, as HUB_VENDURE_USER sees it with HUB_VENDURE_PASSWORD. What is made here bears names of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.user, self.password = (os.environ.get(f"HUB_VENDURE_{name}", "superadmin") for name in ("USER", "PASSWORD"))
        self.http = httpx.Client(trust_env=False, timeout=30)
        login = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }"
        assert self.call(login, u=self.user, p=self.password) == {"login": {"__typename": "CurrentUser"}}

    def call(self, document: str, **variables: Any) -> dict[str, Any]:
        """Run a query and return its data; an error is one of the test's."""
        answer = self.http.post(self.address, json={"query": document, "variables": variables})
        body = answer.json()
        assert "errors" not in body, body
        if token := answer.headers.get("vendure-auth-token"):
            self.http.headers["authorization"] = f"Bearer {token}"
        found: dict[str, Any] = body["data"]
        return found

    def customer(self, key: str) -> dict[str, Any] | None:
        """A customer as the shop has them now."""
        found: dict[str, Any] | None = self.call(f"query($k: ID!) {{ customer(id: $k) {{ {_CUSTOMER} }} }}", k=key)["customer"]
        return found

    def add_customer(self, first: str, **fields: Any) -> str:
        """A customer with an account."""
        made = "mutation($i: CreateCustomerInput!) { createCustomer(input: $i) { ... on Customer { id } } }"
        named = {"firstName": first, "lastName": "Tester", "emailAddress": f"{uuid.uuid4().hex}@example.com", **fields}
        return str(self.call(made, i=named)["createCustomer"]["id"])

    def change_customer(self, key: str, **fields: Any) -> None:
        self.call(
            "mutation($i: UpdateCustomerInput!) { updateCustomer(input: $i) { ... on Customer { id } } }", i={"id": key, **fields}
        )

    def remove_customer(self, key: str) -> None:
        self.call("mutation($k: ID!) { deleteCustomer(id: $k) { result } }", k=key)

    def add_address(self, customer: str, **fields: Any) -> str:
        made = "mutation($k: ID!, $i: CreateAddressInput!) { createCustomerAddress(customerId: $k, input: $i) { id } }"
        country = self.call("query { countries(options: { take: 1 }) { items { code } } }")["countries"]["items"][0]["code"]
        return str(self.call(made, k=customer, i={"countryCode": country, **fields})["createCustomerAddress"]["id"])

    def add_variant(self, price: int) -> str:
        """Something to sell."""
        name = uuid.uuid4().hex
        text = {"languageCode": "en", "name": f"Thing {name}"}
        category = self.call("query { taxCategories { items { id } } }")["taxCategories"]["items"][0]["id"]
        product = self.call(
            "mutation($i: CreateProductInput!) { createProduct(input: $i) { id } }",
            i={"translations": [{**text, "slug": name, "description": ""}]},
        )["createProduct"]["id"]
        variant = {"productId": product, "sku": name, "price": price, "stockOnHand": 1000, "taxCategoryId": category}
        made = "mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) { id } }"
        return str(self.call(made, i=[{**variant, "translations": [text]}])["createProductVariants"][0]["id"])

    def draft(self, variant: str, quantity: int) -> str:
        """An order that is being typed in."""
        order = self.call("mutation { createDraftOrder { id } }")["createDraftOrder"]["id"]
        add = "mutation($o: ID!, $i: AddItemToDraftOrderInput!) { addItemToDraftOrder(orderId: $o, input: $i) { __typename } }"
        done = self.call(add, o=order, i={"productVariantId": variant, "quantity": quantity})
        assert done["addItemToDraftOrder"]["__typename"] == "Order"
        return str(order)

    def place(self, order: str, customer: str | None = None, **new: Any) -> str:
        """Place a drafted order, for a customer or for somebody new who has no account. It is paid at once."""
        owner = "mutation($o: ID!, $c: ID, $i: CreateCustomerInput) {"
        owner += " setCustomerForDraftOrder(orderId: $o, customerId: $c, input: $i) { __typename } }"
        self.call(owner, o=order, c=customer, i=new or None)
        country = self.call("query { countries(options: { take: 1 }) { items { code } } }")["countries"]["items"][0]["code"]
        address = {"fullName": "Zoë Tester", "streetLine1": "Market Street 1", "city": "Bath", "countryCode": country}
        ship = "mutation($o: ID!, $i: CreateAddressInput!) { setDraftOrderShippingAddress(orderId: $o, input: $i) { id } }"
        self.call(ship, o=order, i=address)
        ways = self.call("query($o: ID!) { eligibleShippingMethodsForDraftOrder(orderId: $o) { id } }", o=order)
        way = ways["eligibleShippingMethodsForDraftOrder"][0]["id"]
        by = "mutation($o: ID!, $w: ID!) { setDraftOrderShippingMethod(orderId: $o, shippingMethodId: $w) { __typename } }"
        self.call(by, o=order, w=way)
        on = 'mutation($o: ID!) { transitionOrderToState(id: $o, state: "ArrangingPayment") { __typename } }'
        assert self.call(on, o=order)["transitionOrderToState"]["__typename"] == "Order"
        pay = "mutation($i: ManualPaymentInput!) { addManualPaymentToOrder(input: $i) { __typename } }"
        method = self.call("query { paymentMethods { items { code } } }")["paymentMethods"]["items"][0]["code"]
        paid = self.call(pay, i={"orderId": order, "method": method, "transactionId": "1", "metadata": {}})
        assert paid["addManualPaymentToOrder"]["__typename"] == "Order"
        return order

    def order(self, key: str) -> dict[str, Any]:
        """An order as the shop has it now."""
        found: dict[str, Any] = self.call(f"query($k: ID!) {{ order(id: $k) {{ {_ORDER} }} }}", k=key)["order"]
        return found

    def refund(self, order: str, amount: int) -> str:
        """Give back part of what was paid."""
        payment = self.order(order)["payments"][0]["id"]
        back = "mutation($i: RefundOrderInput!) { refundOrder(input: $i) { ... on Refund { id } } }"
        given = self.call(back, i={"paymentId": payment, "amount": amount, "lines": [], "shipping": 0, "adjustment": 0})
        return str(given["refundOrder"]["id"])

    def settle(self, refund: str) -> None:
        """Note that a refund has reached the customer."""
        settle = "mutation($i: SettleRefundInput!) { settleRefund(input: $i) { __typename } }"
        self.call(settle, i={"id": refund, "transactionId": "2"})

    def cancel(self, order: str) -> None:
        """Cancel an order, shipping included."""
        cancel = "mutation($i: CancelOrderInput!) { cancelOrder(input: $i) { __typename } }"
        done = self.call(cancel, i={"orderId": order, "cancelShipping": True})
        assert done["cancelOrder"]["__typename"] == "Order"

    def add_administrator(self, *permissions: str) -> tuple[str, str]:
        """Somebody who may do no more than that: their name and password."""
        name = f"{uuid.uuid4().hex}@example.com"
        role = self.call(
            "mutation($i: CreateRoleInput!) { createRole(input: $i) { id } }",
            i={"code": name, "description": "for a test", "permissions": list(permissions)},
        )["createRole"]["id"]
        who = {"firstName": "Zoë", "lastName": "Tester", "emailAddress": name, "password": "shibboleth", "roleIds": [role]}
        self.call("mutation($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }", i=who)
        return name, "shibboleth"

    def add_api_key(self) -> str:
        """A key with all rights."""
        role = self.call("query { roles { items { id code } } }")["roles"]["items"]
        wanted = {"roleIds": [r["id"] for r in role if r["code"] == "__super_admin_role__"]}
        name = [{"languageCode": "en", "name": "hub"}]
        made = self.call(
            "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey } }", i={**wanted, "translations": name}
        )
        return str(made["createApiKey"]["apiKey"])

    def add_channel(self) -> str:
        """A channel in which nothing is: its token."""
        zone = self.call("query { zones { items { id } } }")["zones"]["items"][0]["id"]
        token = uuid.uuid4().hex
        way = {"defaultLanguageCode": "en", "pricesIncludeTax": True, "defaultCurrencyCode": "EUR"}
        made = "mutation($i: CreateChannelInput!) { createChannel(input: $i) { __typename } }"
        given = {**way, "code": token, "token": token, "defaultTaxZoneId": zone, "defaultShippingZoneId": zone}
        assert self.call(made, i=given) == {"createChannel": {"__typename": "Channel"}}
        return token
