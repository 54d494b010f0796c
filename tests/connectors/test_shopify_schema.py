"""Every Shopify query against the official Admin API schema, which lies in the folder that HUB_API_SPECS names."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    NoDeprecatedCustomRule,
    build_client_schema,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

import connectors.ecommerce
from connectors.ecommerce.shopify import API_VERSION
from connectors.sandbox.shopify_api import schema as sandbox_schema
from connectors.sandbox.shopify_cost import MAX_QUERY_COST, Cost
from tests.connectors.test_shopify import customer, event, line, order, refund

QUERIES = {
    path.stem: path.read_text(encoding="utf-8") for path in Path(connectors.ecommerce.__file__).parent.glob("shopify_*.graphql")
}


@pytest.fixture(scope="module")
def schema(specs: Path) -> GraphQLSchema:
    path = specs / f"shopify_admin_{API_VERSION}.introspection.json.gz"
    with gzip.open(path) as source:
        found = json.load(source)
    # Shopify's own schema breaks a rule of graphql-core's about names, hence assume_valid
    return build_client_schema(found.get("data", found), assume_valid=True)


def complaints(schema: GraphQLSchema, query: str) -> list[str]:
    return [error.message for error in validate(schema, parse(query), [*specified_rules, NoDeprecatedCustomRule])]


def test_the_queries_are_found() -> None:
    assert sorted(QUERIES) == [
        "shopify_customers",
        "shopify_delete_metafields",
        "shopify_deletions",
        "shopify_metafields",
        "shopify_order_lines",
        "shopify_orders",
        "shopify_set_metafields",
        "shopify_shop",
    ]


def test_lines_are_asked_for_alike_wherever_they_are() -> None:
    first, rest = (QUERIES[name].partition("fragment Line on")[2] for name in ("shopify_orders", "shopify_order_lines"))
    assert first == rest != ""


@pytest.mark.parametrize("size", [1, 100, 250])
@pytest.mark.parametrize("name", sorted(set(QUERIES) - {"shopify_shop"}))
def test_a_page_of_any_size_costs_less_than_a_query_may(name: str, size: int) -> None:
    document = parse(QUERIES[name])
    operation = get_operation_ast(document)
    assert operation is not None
    assert Cost(sandbox_schema(), document, {"first": size}).of(operation) < MAX_QUERY_COST


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_is_valid_and_uses_nothing_deprecated(schema: GraphQLSchema, name: str) -> None:
    assert complaints(schema, QUERIES[name]) == []


def test_a_typing_error_and_a_deprecated_field_would_be_caught(schema: GraphQLSchema) -> None:
    assert "emial" in complaints(schema, "{ customers(first: 1) { nodes { emial } } }")[0]
    assert "deprecated" in complaints(schema, "{ customers(first: 1) { nodes { email } } }")[0]


@pytest.mark.parametrize(
    ("name", "field", "node"),
    [
        ("shopify_orders", "orders", order(1, refunds=[refund(1)])),
        ("shopify_orders", "orders", order(2, customer=None, billingAddress=None, customerJourneySummary=None, totalTaxSet=None)),
        ("shopify_customers", "customers", customer(1)),
        ("shopify_customers", "customers", customer(2, defaultEmailAddress=None, defaultPhoneNumber=None, defaultAddress=None)),
        ("shopify_deletions", "events", event(1, 0)),
    ],
)
def test_what_our_other_tests_take_for_an_answer_is_one(schema: GraphQLSchema, name: str, field: str, node: dict[str, Any]) -> None:
    """The schema executes our query over the test payload: no field is missing, none too many, none of the wrong type."""
    page = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [{**node, "__typename": "BasicEvent"}]}
    result = execute_sync(schema, parse(QUERIES[name]), root_value={field: page}, variable_values={"first": 1})
    assert result.errors is None
    assert result.data == {field: {"pageInfo": page["pageInfo"], "nodes": [node]}}


def test_the_lines_our_other_tests_take_for_an_answer_are_one(schema: GraphQLSchema) -> None:
    page = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [line(1)]}
    root = {"order": {"lineItems": page}}
    result = execute_sync(
        schema, parse(QUERIES["shopify_order_lines"]), root_value=root, variable_values={"id": "gid://shopify/Order/1", "first": 1}
    )
    assert result.errors is None
    assert result.data == root
