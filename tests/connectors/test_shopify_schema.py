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
    parse,
    specified_rules,
    validate,
)

import connectors.ecommerce
from connectors.ecommerce.shopify import API_VERSION
from tests.connectors.test_shopify import customer, event, order

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
    assert sorted(QUERIES) == ["shopify_customers", "shopify_deletions", "shopify_orders", "shopify_shop"]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_is_valid_and_uses_nothing_deprecated(schema: GraphQLSchema, name: str) -> None:
    assert complaints(schema, QUERIES[name]) == []


def test_a_typing_error_and_a_deprecated_field_would_be_caught(schema: GraphQLSchema) -> None:
    assert "emial" in complaints(schema, "{ customers(first: 1) { nodes { emial } } }")[0]
    assert "deprecated" in complaints(schema, "{ customers(first: 1) { nodes { email } } }")[0]


@pytest.mark.parametrize(
    ("name", "field", "node"),
    [
        ("shopify_orders", "orders", order(1)),
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
