"""What the sandbox serves of Shopify's schema is the official 2026-10 one: every type, field, argument and enum value."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    build_client_schema,
)

from connectors.sandbox.shopify_api import schema


@pytest.fixture(scope="module")
def official(specs: Path) -> GraphQLSchema:
    with gzip.open(specs / "shopify_admin_2026-10.introspection.json.gz") as file:
        described = json.load(file)
    return build_client_schema(described.get("data", described), assume_valid=True)


def own_types() -> list[Any]:
    return [kind for name, kind in schema().type_map.items() if not name.startswith("__")]


def test_every_type_is_official_and_of_the_same_kind(official: GraphQLSchema) -> None:
    assert len(own_types()) > 80
    for kind in own_types():
        assert type(official.type_map[kind.name]) is type(kind), kind.name
        if isinstance(kind, GraphQLObjectType):
            assert {i.name for i in kind.interfaces} <= {i.name for i in official.type_map[kind.name].interfaces}


def test_every_field_has_the_official_type_and_arguments(official: GraphQLSchema) -> None:
    for kind in own_types():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            theirs = official.type_map[kind.name].fields
            for name, field in kind.fields.items():
                assert str(field.type) == str(theirs[name].type), (kind.name, name)
                assert bool(field.deprecation_reason) == bool(theirs[name].deprecation_reason), (kind.name, name)
                for argument, about in field.args.items():
                    there = theirs[name].args[argument]
                    assert str(about.type) == str(there.type), (kind.name, name, argument)
                    assert about.default_value == there.default_value, (kind.name, name, argument)


def test_every_input_field_has_the_official_type_and_default(official: GraphQLSchema) -> None:
    for kind in own_types():
        if isinstance(kind, GraphQLInputObjectType):
            theirs = official.type_map[kind.name].fields
            for name, field in kind.fields.items():
                assert str(field.type) == str(theirs[name].type), (kind.name, name)
                assert field.default_value == theirs[name].default_value, (kind.name, name)
            required = {n for n, f in theirs.items() if str(f.type).endswith("!") and f.default_value is Undefined}
            assert required <= set(kind.fields)


def test_every_enum_has_the_official_values(official: GraphQLSchema) -> None:
    for kind in own_types():
        if isinstance(kind, GraphQLEnumType):
            assert set(kind.values) == set(official.type_map[kind.name].values), kind.name


def test_the_roots_are_the_official_ones(official: GraphQLSchema) -> None:
    assert schema().query_type is not None
    assert schema().query_type.name == official.query_type.name
    assert schema().mutation_type.name == official.mutation_type.name
