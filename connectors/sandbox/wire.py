"""What passes between the HTTP server and a vendor's protocol: a call and its answer. No server library is known here."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

Params = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request as a protocol sees it.

    Attributes:
        path: below the vendor's mount point, e.g. ``/v1/customers``.
        query: parameters in the order sent.
        headers: names in lower case.
        base: the mount point's own URL, for links that lead back.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes
    base: str

    def param(self, name: str) -> str | None:
        """A query parameter's last value, or None."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError`."""
        return json.loads(self.body)

    def basic(self) -> tuple[str, str] | None:
        """User and password of a Basic Authorization header, or None."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return user, password

    def bearer(self) -> str | None:
        """The token of a Bearer Authorization header, or None."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if kind.lower() == "bearer" else None


@dataclass(frozen=True)
class Answer:
    """A response: the body is sent as JSON, bytes as they are, None as nothing."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class VendorError(Exception):
    """A request the vendor refuses; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered {answer.status}")
        self.answer = answer


class VendorApi(Protocol):
    """One vendor's protocol."""

    def answer(self, call: Call) -> Answer:
        """Answer a call; refusals are answers too."""
        ...

    def fault(self, status: int, retry_after: float | None) -> Answer:
        """What this vendor sends with an error status."""
        ...


def retry_header(retry_after: float | None) -> dict[str, str]:
    """A Retry-After header in whole seconds, or none."""
    return {} if retry_after is None else {"retry-after": str(max(0, round(retry_after)))}


_BRACKETS = re.compile(r"\[([^\]]*)\]")


def nested(pairs: tuple[tuple[str, str], ...]) -> Params:
    """Parameters in PHP's bracket notation as a tree: ``a[b]=1&c[]=2`` is ``{"a": {"b": "1"}, "c": ["2"]}``.

    Lists may be written ``c[]`` or ``c[0]``. A later value wins over an earlier one of the same name.
    """
    tree: Params = {}
    for key, value in pairs:
        name, parts = key.partition("[")[0], _BRACKETS.findall(key)
        node: Params = tree
        for part in parts:
            node = node.setdefault(name, {}) if isinstance(node.get(name, {}), dict) else {}
            name = part if part else str(len(node))
        node[name] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_lists(part) for part in value.values()]
    return {name: _lists(part) for name, part in value.items()}
