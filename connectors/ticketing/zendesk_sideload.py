"""What Zendesk sends beside the records of an export when asked to (``include=``), joined to the records it belongs to.

Tickets come with their metric sets: when they were first answered and solved, how often reopened. Users come with their identities
(further e-mails, phone numbers) and with the organization they belong to, of which ID and name are kept: its other fields change
without the user changing. The export sends a changed ticket or user; an organization renamed later is seen with its users' next
change, or when everything is read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INCLUDE: Mapping[str, str] = {"tickets": "metric_sets", "users": "identities,organizations"}


def joined(kind: str, body: Mapping[str, Any]) -> list[Any]:
    """The records of a page, each with what was sent beside it; as they are where nothing was."""
    items: list[Any] = body[kind]
    return _with_metrics(items, body) if kind == "tickets" else _with_people(items, body)


def _with_metrics(tickets: list[Any], body: Mapping[str, Any]) -> list[Any]:
    """The exports put the metric set into the ticket, lists put them side by side; both are documented, so both are read."""
    sets = {_key(found.get("ticket_id")): found for found in _objects(body.get("metric_sets"))}
    if not sets:
        return tickets
    return [
        {**t, "metric_set": sets[_key(t.get("id"))]} if isinstance(t, dict) and _key(t.get("id")) in sets else t for t in tickets
    ]


def _with_people(users: list[Any], body: Mapping[str, Any]) -> list[Any]:
    identities: dict[str, list[Mapping[str, Any]]] = {}
    # by ID: in which order they are sent is not promised, and another order would look like a change
    for found in sorted(_objects(body.get("identities")), key=lambda identity: _key(identity.get("id")).rjust(24)):
        identities.setdefault(_key(found.get("user_id")), []).append(found)
    organizations = {_key(o.get("id")): {"id": o.get("id"), "name": o.get("name")} for o in _objects(body.get("organizations"))}
    return [_with_person(user, identities, organizations) if isinstance(user, dict) else user for user in users]


def _with_person(
    user: Mapping[str, Any], identities: Mapping[str, list[Mapping[str, Any]]], organizations: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    own, organization = identities.get(_key(user.get("id"))), organizations.get(_key(user.get("organization_id")))
    return {**user, **({"identities": own} if own else {}), **({"organization": organization} if organization else {})}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [found for found in value if isinstance(found, Mapping)] if isinstance(value, list) else []


def _key(value: Any) -> str:
    """An ID to look up by: the same whether sent as number or text; empty, and so of nothing, where it is neither."""
    return str(value) if isinstance(value, int | str) else ""
