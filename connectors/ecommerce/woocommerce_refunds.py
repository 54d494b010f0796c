"""When refunds were made: the list of orders tells of each refund only its number, reason and amount.

A page's refunds are asked for at once by their IDs (``/refunds``, since WooCommerce 9.0); those that this does not give, order by
order. What we may not read, or what is gone again, leaves its order without that date and stops nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from connectors.ecommerce.woocommerce_list import id_of
from connectors.http import HttpSession
from hub.contract.errors import CredentialsError

log = logging.getLogger(__name__)

FIELD = "_refunds"
_MOST = 100  # per answer
_FIELDS = "id,date_created_gmt,amount,reason,refunded_by,refunded_payment,line_items"


class Refunds:
    """The refunds of the orders of one reading.

    Args:
        session: asks.
        root: path of the API.
    """

    def __init__(self, session: HttpSession, root: str) -> None:
        self._session, self._root = session, root
        self._all_at_once = True

    def added(self, rows: list[Any]) -> list[Any]:
        """The orders, those with refunds with their refunds in the field ``_refunds``."""
        owed = {number: _numbers(row) for number, row in enumerate(rows)}
        found = self._by_number(sorted({refund for refunds in owed.values() for refund in refunds}))
        missed = 0
        for number, refunds in owed.items():
            if not all(refund in found for refund in refunds):
                found |= self._of_order(rows[number])
            missed += sum(refund not in found for refund in refunds)
        if missed:
            log.warning("%s/orders: of %d refunds the date could not be read", self._session.source, missed)
        return [
            {**row, FIELD: [found[refund] for refund in owed[number] if refund in found]} if owed[number] else row
            for number, row in enumerate(rows)
        ]

    def _by_number(self, numbers: list[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for start in range(0, len(numbers), _MOST):
            if self._all_at_once:
                include = ",".join(map(str, numbers[start : start + _MOST]))
                rows = self._list(f"{self._root}/refunds", {"include": include})
                self._all_at_once = rows is not None  # an older WooCommerce has no such list
                found |= _by_id(rows)
        return found

    def _of_order(self, order: Any) -> dict[int, Any]:
        number = id_of(order)
        return _by_id(self._list(f"{self._root}/orders/{number}/refunds", {})) if number is not None else {}

    def _list(self, path: str, query: Mapping[str, str]) -> Any:
        params = {**query, "per_page": _MOST, "_fields": _FIELDS}
        try:
            return self._session.get(path, stream="orders", params=params, missing_ok=True)
        except CredentialsError as error:
            if error.what.startswith("401"):
                raise  # nobody may read anything any more
            return None


def _numbers(order: Any) -> list[int]:
    refunds = order.get("refunds") if isinstance(order, dict) else None
    return [number for number in map(id_of, refunds) if number is not None] if isinstance(refunds, list) else []


def _by_id(rows: Any) -> dict[int, Any]:
    return {number: row for row in rows if (number := id_of(row)) is not None} if isinstance(rows, list) else {}
