"""Shopify's Admin GraphQL protocol: access token, versions, validation against the schema, cost and throttle, errors.

Queries are parsed and executed by graphql-core against shopify_schema.graphql. As at Shopify everything but a refused token, path
or version is HTTP 200; a throttled query has ``errors[].extensions.code`` THROTTLED.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from connectors.sandbox import credentials
from connectors.sandbox.shelf import Object
from connectors.sandbox.shopify_cost import MAX_QUERY_COST, Bucket, Cost
from connectors.sandbox.shopify_resolvers import Root
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, retry_header

VERSION = "2026-10"
# each is supported for a year; an older one is answered in the oldest, silently but for the header
SUPPORTED = ("2026-01", "2026-04", "2026-07", VERSION)

_DOCS = "https://shopify.dev/api/usage/rate-limits"
_UNDEFINED_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'")
_UNKNOWN_ARGUMENT = re.compile(r"Unknown argument '(\w+)' on field '(?:\w+\.)?(\w+)'")
_PATTERNS = (
    (_UNDEFINED_FIELD, "undefinedField", "Field '{0}' doesn't exist on type '{1}'"),
    (_UNKNOWN_ARGUMENT, "argumentNotAccepted", "Field '{1}' doesn't accept argument '{0}'"),
    (re.compile(r"Unknown type '(\w+)'"), "undefinedType", "No such type {0}, so it can't be a fragment condition"),
    (re.compile(r"Variable '\$(\w+)'"), "INVALID_VARIABLE", None),
)


@cache
def schema() -> GraphQLSchema:
    """The schema that is served."""
    return build_schema(files(__package__).joinpath("shopify_schema.graphql").read_text(encoding="utf-8"))


class ShopifyApi:
    """The protocol over a sandbox's books.

    Args:
        throttled: enforce the leaky bucket.
    """

    def __init__(self, sandbox: Sandbox, throttled: bool = False) -> None:
        self._sandbox = sandbox
        self._bucket = Bucket(strict=throttled)
        self._parsed: dict[str, DocumentNode | list[GraphQLError]] = {}

    def answer(self, call: Call) -> Answer:
        """Answer a call."""
        match = re.fullmatch(r"/admin/api/(\d{4}-\d{2}|unstable)/graphql\.json", call.path)
        if not match or (match[1] > SUPPORTED[-1] and match[1] != "unstable"):
            return Answer({"errors": "Not Found"}, 404)
        if call.headers.get("x-shopify-access-token") != credentials.SHOPIFY_ACCESS_TOKEN:
            return self.fault(401, None)
        if call.method != "POST":
            return Answer({"errors": "Not Acceptable"}, 406)
        version = match[1] if match[1] in (*SUPPORTED, "unstable") else SUPPORTED[0]
        return Answer(self._query(call), 200, {"x-shopify-api-version": version})

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """A server error, a throttle or a refusal, in Shopify's words."""
        texts = {
            401: "[API] Invalid API key or access token (unrecognized login or wrong password)",
            429: "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
        }
        return Answer({"errors": texts.get(status, "Internal Server Error")}, status, retry_header(retry_after))

    def _query(self, call: Call) -> Object:
        try:
            body = call.json()
            query, variables, name = body["query"], body.get("variables") or {}, body.get("operationName")
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"errors": {"query": "Required parameter missing or invalid"}}
        document = self._document(query)
        if isinstance(document, list):
            return {"errors": [_worded(error) for error in document]}
        operation = get_operation_ast(document, name)
        if operation is None:
            return {"errors": [{"message": "An operation name is required", "extensions": {"code": "BAD_REQUEST"}}]}
        return self._run(document, operation, variables, name)

    def _document(self, query: str) -> DocumentNode | list[GraphQLError]:
        """The query parsed and valid, or what is wrong with it; the same few queries come again and again."""
        if query not in self._parsed:
            try:
                document = parse(query)
            except GraphQLError as error:
                self._parsed[query] = [error]
            else:
                self._parsed[query] = validate(schema(), document) or document
        return self._parsed[query]

    def _run(self, document: DocumentNode, operation: OperationDefinitionNode, variables: Object, name: str | None) -> Object:
        cost = Cost(schema(), document, variables).of(operation)
        if cost > MAX_QUERY_COST:
            text = f"Query cost is {cost}, which exceeds the single query max cost limit ({MAX_QUERY_COST})."
            extensions = {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": MAX_QUERY_COST, "documentation": _DOCS}
            return {"errors": [{"message": text, "extensions": extensions}]}
        if not self._bucket.take(cost):
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": _DOCS}}]
            return {"errors": errors, "extensions": {"cost": self._cost(cost, None)}}
        root = Root(self._sandbox)
        result = execute_sync(schema(), document, root, variable_values=variables, operation_name=name)
        answer: Object = {}
        if result.errors:
            answer["errors"] = [_worded(error) for error in result.errors]
        if result.data is not None or not result.errors:
            answer["data"] = result.data
        answer["extensions"] = {"cost": self._cost(cost, cost)}
        if root.pages.searches:
            answer["extensions"]["search"] = root.pages.searches
        return answer

    def _cost(self, requested: int, actual: int | None) -> Object:
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": self._bucket.status()}


def _worded(error: GraphQLError) -> Object:
    """A graphql-core error as Shopify's server (graphql-ruby) words it."""
    made: Object = {"message": error.message}
    extensions: dict[str, Any] = dict(error.extensions or {})
    for pattern, code, text in _PATTERNS:
        match = pattern.search(error.message)
        if match:
            made["message"] = text.format(*match.groups()) if text else error.message
            extensions["code"] = code
            if code == "undefinedField":
                extensions |= {"fieldName": match[1], "typeName": match[2]}
            break
    if error.locations:
        made["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        made["path"] = list(error.path)
    return {**made, "extensions": extensions} if extensions else made
