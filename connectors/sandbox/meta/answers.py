"""How Meta words its answers: errors with code and subcode, pages with cursors, fields as asked for."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError

DEFAULT_LIMIT = 25
MAX_LIMIT = 1_000
Item = tuple[list[Any], Object]
"""A record, and what it is sorted by."""


@dataclass(frozen=True)
class Asked:
    """A request after its version and token: the path's parts, and the parameters of query and form."""

    call: Call
    parts: list[str]
    params: dict[str, str]

    def param(self, name: str) -> str | None:
        """A parameter, or None."""
        return self.params.get(name)

    def parsed(self, name: str, default: Any) -> Any:
        """A parameter written as JSON. Refuses what is none."""
        text = self.params.get(name)
        if text is None:
            return default
        try:
            return json.loads(text)
        except ValueError:
            refuse(100, f"(#100) Param {name} must be an array or an object.")


def error(
    status: int, code: int, message: str, *, subcode: int | None = None, kind: str = "OAuthException", transient: bool = False
) -> Answer:
    """An error."""
    told: Object = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        told["error_subcode"] = subcode
    if transient:
        told["is_transient"] = True
    challenge = "invalid_token" if code == 190 else "invalid_request"
    headers = {"www-authenticate": f'OAuth "Facebook Platform" "{challenge}"'}
    return Answer({"error": {**told, "fbtrace_id": "ASandboxTrace"}}, status, headers)


def refuse(code: int, message: str, *, status: int = 400, subcode: int | None = None, kind: str = "OAuthException") -> NoReturn:
    """Refuse a request."""
    raise VendorError(error(status, code, message, subcode=subcode, kind=kind))


def not_shown(key: str) -> NoReturn:
    """Refuse: no such object, or none that is shown."""
    text = (
        f"Unsupported get request. Object with ID '{key}' does not exist, cannot be loaded due to missing permissions, or does not"
    )
    refuse(100, f"{text} support this operation.", subcode=33, kind="GraphMethodException")


# a field, perhaps with fields of the object in it: creative{url_tags}
_FIELD = re.compile(r"[^,{}\s]+(?:\{[^{}]*\})?")


def fields_of(asked: Asked, default: Iterable[str]) -> list[str]:
    """The fields asked for; `id` comes always."""
    text = asked.param("fields")
    if text is None:
        return list(default)
    listed = json.loads(text) if text.startswith("[") else _FIELD.findall(text)
    return list(dict.fromkeys([*map(str, listed)]))


def chosen(full: Object, fields: list[str], node_type: str) -> Object:
    """The fields of an object; empty ones are left out. Refuses one that there is not."""
    told: Object = {}
    for field in fields:
        name, _, within = field.partition("{")
        if name not in full:
            refuse(100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({node_type})")
        value = full[name]
        if isinstance(value, dict) and "id" in value:
            # of an object within, its ID and what is asked of it
            value = chosen(value, [part.strip() for part in within.rstrip("}").split(",") if part.strip()], name)
        if value is not None:
            told[name] = value
    return {**told, "id": full["id"]} if "id" in full else told


def page(asked: Asked, items: list[Item], default_limit: int = DEFAULT_LIMIT, summary: bool = True) -> Answer:
    """One page of what is sorted already, with cursors, and links that carry the token as Meta's do."""
    limit = int(asked.param("limit") or default_limit)
    if limit > MAX_LIMIT:
        refuse(1, "Please reduce the amount of data you're asking for, then retry your request", status=500)
    after = asked.param("after")
    rest = [item for item in items if item[0] > _place(after)] if after else items
    shown = rest[:limit]
    body: Object = {"data": [record for _, record in shown]}
    if shown:
        cursors = {"before": _cursor(shown[0][0]), "after": _cursor(shown[-1][0])}
        body["paging"] = {"cursors": cursors}
        if len(rest) > limit:
            token = asked.call.bearer() or asked.param("access_token") or ""
            onward = {**asked.params, "access_token": token, "limit": str(limit), "after": cursors["after"]}
            body["paging"]["next"] = f"{asked.call.base}{asked.call.path}?{urlencode(onward)}"
    if summary and asked.param("summary") == "true":
        body["summary"] = {"total_count": len(items)}
    return Answer(body)


def _cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(cursor: str) -> list[Any]:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError:
        place = None
    if not isinstance(place, list):
        refuse(100, "(#100) Invalid cursor")
    return place
