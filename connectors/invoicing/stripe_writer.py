"""Writing to Stripe's customers: their metadata, one customer at a time.

Stripe raises an event for each change, which bears the idempotency key it came with. Ours begin with `OWN`, so that the reader
knows the echo of our own writing and does not read the customer again for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.http import HttpSession
from connectors.invoicing.stripe_events import OWN
from connectors.refused import RefusedError
from connectors.writeback import Change, Refused, Standing, Takes, ValueKind, Writer, Written
from hub.contract.errors import CredentialsError, ProtocolError

TAKES = Takes(r"metadata\.[^\[\]]{1,40}", "metadata.common_customer_id")


class StripeWriter(Writer):
    """Writes to customers.

    Args:
        remedy: what to do where the key may not write.
    """

    def __init__(self, session: HttpSession, kinds: Mapping[str, ValueKind], *, remedy: str) -> None:
        super().__init__(kinds)
        self._session, self._remedy = session, remedy

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`. A deleted customer answers with a stub."""
        found = {}
        for record in records:
            item = self._session.get(_path(record), stream="customers", missing_ok=True)
            if item is not None and not item.get("deleted"):
                found[record] = Standing(self._fields(item, record))
        return found

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`. An empty text takes a key out of the metadata."""
        return {change.record: self._write(change) for change in changes}

    def _write(self, change: Change) -> Written | Refused:
        data = {f"metadata[{name.removeprefix('metadata.')}]": text or "" for name, text in change.fields.items()}
        headers = {"idempotency-key": f"{OWN}{change.key}"}
        try:
            item = self._session.request("POST", _path(change.record), stream="customers", data=data, headers=headers)
        except RefusedError as error:
            return Refused(error.what)
        except CredentialsError as error:
            raise CredentialsError(error.what, source=error.source, stream=error.stream, remedy=self._remedy) from error
        return Written(self._fields(item, change.record))

    def _fields(self, item: Any, record: str) -> dict[str, str | None]:
        if not isinstance(item, dict) or item.get("id") != record or not isinstance(item.get("metadata"), dict):
            raise ProtocolError(
                "Stripe sent something else than the customer asked for",
                source=self._session.source,
                stream="customers",
                record=record,
                remedy="run hub writeback again, and check base_url if it stays",
            )
        return {name: item["metadata"].get(name.removeprefix("metadata.")) for name in self.kinds}


def _path(record: str) -> str:
    return f"/v1/customers/{quote(record, safe='')}"
