"""What a GraphQL query costs at Shopify, and the leaky bucket that it is taken from.

By the documentation a scalar costs nothing, an object 1 and a mutation 10; a connection costs more with its size, but by less than
its size. How much less is not published: ``2 + 2 ln(size) x (cost of one node)`` fits the published answer of 25 points for 250
product variants with one object each. One query may cost 1,000 at most.
Source: https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

MAX_QUERY_COST = 1_000
BUCKET = 2_000.0
RESTORE_RATE = 100.0


class Cost:
    """Costs of the operations of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema, self._variables = schema, variables
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}

    def of(self, operation: OperationDefinitionNode) -> int:
        """Points that the operation may cost at most."""
        root = self._schema.get_root_type(operation.operation)
        base = 10 if operation.operation is OperationType.MUTATION else 0
        return base + math.ceil(self._selection(root, operation.selection_set))

    def _selection(self, parent: Any, selections: SelectionSetNode | None) -> float:
        total = 0.0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                total += self._field(parent, node)
            elif isinstance(node, InlineFragmentNode):
                kind = self._schema.type_map[node.type_condition.name.value] if node.type_condition else parent
                total += self._selection(kind, node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                total += self._selection(self._schema.type_map[fragment.type_condition.name.value], fragment.selection_set)
        return total

    def _field(self, parent: Any, node: FieldNode) -> float:
        field = parent.fields.get(node.name.value)
        if field is None or is_leaf_type(get_named_type(field.type)):
            return 0.0
        kind = get_named_type(field.type)
        inner = self._selection(kind, node.selection_set)
        if kind.name.endswith("Connection"):
            return 2.0 + max(1.0, 2.0 * math.log(max(1, self._size(node)))) * inner
        if isinstance(field.type, GraphQLNonNull) and isinstance(field.type.of_type, GraphQLList) and self._ids(node):
            return self._ids(node) * (1.0 + inner)  # objects that are named, each with all that is asked of it
        # what only wraps a connection's records is free
        return inner if kind.name.endswith("Edge") or kind.name == "PageInfo" else 1.0 + inner

    def _ids(self, node: FieldNode) -> int:
        for argument in node.arguments:
            if argument.name.value == "ids" and isinstance(argument.value, VariableNode):
                return len(self._variables.get(argument.value.name.value) or ())
        return 0

    def _size(self, node: FieldNode) -> int:
        for argument in node.arguments:
            if argument.name.value in ("first", "last"):
                if isinstance(argument.value, IntValueNode):
                    return int(argument.value.value)
                if isinstance(argument.value, VariableNode):
                    return int(self._variables.get(argument.value.name.value) or 1)
        return 1


class Bucket:
    """A leaky bucket of points; unlimited unless it is told to be strict.

    Args:
        size, rate: points it holds, and gets back a second.
        clock: seconds.
    """

    def __init__(
        self, strict: bool, size: float = BUCKET, rate: float = RESTORE_RATE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._strict, self._size, self._rate, self._clock = strict, size, rate, clock
        self._available, self._at = size, clock()

    def take(self, cost: int) -> bool:
        """Take the points, or say that there are too few."""
        now = self._clock()
        self._available = min(self._size, self._available + (now - self._at) * self._rate)
        self._at = now
        if self._strict and cost > self._available:
            return False
        self._available = max(0.0, self._available - cost)
        return True

    def status(self) -> dict[str, float]:
        """As answers show it."""
        return {"maximumAvailable": self._size, "currentlyAvailable": math.floor(self._available), "restoreRate": self._rate}
