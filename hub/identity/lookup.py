"""From any ID ever issued to the customer that bears it today."""

from __future__ import annotations

from hub.contract.errors import NotFoundError
from hub.identity.sql import Connection, rows


def current_customer(con: Connection, schema: str, any_id: str) -> str:
    """The ID of today for an ID of any time; a merged one leads to its survivor, an erased or retired one to itself.

    Args:
        schema: where the registry is, such as ``identity`` or ``live.identity``.

    Raises:
        NotFoundError: no such ID was ever issued.
    """
    found = rows(con, f"SELECT current_customer_id FROM {schema}.customer_registry WHERE customer_id = ?", any_id)
    if not found:
        raise NotFoundError(f"no customer has or had the ID {any_id}", remedy="check the ID, or look it up by source record")
    return str(found[0][0])
