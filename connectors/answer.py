"""What an answer over HTTP holds, whatever was asked: its JSON, and a vendor's word for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx
import simplejson


def parsed(response: httpx.Response) -> tuple[Any, bool]:
    """The body as JSON, numbers with a fraction as `Decimal`, and whether it is any."""
    try:
        return simplejson.loads(response.content.decode("utf-8"), parse_float=exact, allow_nan=False), True
    except (ValueError, RecursionError):  # of one that is nested without end
        return None, False


def exact(text: str) -> Decimal | str:
    """A number with its digits; as text where its exponent is one that nobody can hold."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def error_code(body: Any) -> str | None:
    """A vendor's short machine-readable error code, if the body has one. Free text is left out: it may quote personal data."""
    error = (body.get("error") or body.get("code")) if isinstance(body, Mapping) else None
    found = (error.get("code") or error.get("type") or error.get("status")) if isinstance(error, Mapping) else error
    text = str(found) if found is not None else ""
    return text if text and len(text) <= 60 and " " not in text else None
