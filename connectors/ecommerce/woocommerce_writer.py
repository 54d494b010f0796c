"""Writing to WooCommerce's customers: entries of their meta data, one customer by a call of its own, more of them 100 with a call.

Of an entry the key alone is sent, so that one that is there is changed and not doubled; one that is emptied is taken away. All of
it is kept as text: WordPress knows no numbers there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from connectors.answer import error_code
from connectors.http import HttpSession
from connectors.refused import RefusedError
from connectors.writeback import Change, Refused, Standing, Takes, Text, ValueKind, Writer, Written
from hub.contract.errors import CredentialsError, ProtocolError

TAKES = Takes(r"meta_data\.[^\s.]{1,255}", "meta_data.common_customer_id")
_STREAM = "customers"


class WooCommerceWriter(Writer):
    """Writes to customers.

    Args:
        root: the path under which the API hangs.
        remedy: what to do where the key may not write.
    """

    reads: ClassVar[int] = 100
    writes: ClassVar[int] = 100

    def __init__(self, session: HttpSession, kinds: Mapping[str, ValueKind], *, root: str, remedy: str) -> None:
        super().__init__(kinds)
        self._session, self._root, self._remedy = session, root, remedy

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`."""
        query = {"include": ",".join(records), "role": "all", "per_page": len(records)}
        fields = {"_fields": "id,date_created_gmt,date_modified_gmt,meta_data"}
        rows = self._session.get(f"{self._root}/customers", stream=_STREAM, params=query | fields)
        if not isinstance(rows, list):
            raise self._broken("the answer is no list of customers")
        return {str(row["id"]): Standing(self._fields(row), _time(row)) for row in rows}

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`."""
        try:
            if len(changes) == 1:
                return {changes[0].record: self._write_one(changes[0])}
            return self._write_many(changes)
        except CredentialsError as error:
            raise CredentialsError(error.what, source=error.source, stream=_STREAM, remedy=self._remedy) from error

    def _write_one(self, change: Change) -> Written | Refused:
        path = f"{self._root}/customers/{quote(change.record, safe='')}"
        try:
            row = self._session.request("PUT", path, stream=_STREAM, json=_body(change))
        except RefusedError as error:
            return Refused(error.what)
        return self._written(row, change.record)

    def _write_many(self, changes: Sequence[Change]) -> dict[str, Written | Refused]:
        update = [{"id": int(change.record), **_body(change)} for change in changes]
        answer = self._session.post(f"{self._root}/customers/batch", stream=_STREAM, json={"update": update})
        rows = answer.get("update") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise self._broken("the answer to a batch names no customers")
        answers: dict[str, Written | Refused] = {}
        for row in rows:
            record = str(row.get("id"))
            refusal = row.get("error")
            answers[record] = (
                Refused(f"the vendor refused the customer ({error_code(refusal) or 'no code given'})")
                if isinstance(refusal, dict)
                else self._written(row, record)
            )
        return answers

    def _written(self, row: Any, record: str) -> Written:
        if not isinstance(row, dict) or str(row.get("id")) != record:
            raise self._broken("the answer is about another customer")
        return Written(self._fields(row), _time(row))

    def _fields(self, row: Mapping[str, Any]) -> dict[str, Text]:
        held = {f"meta_data.{entry['key']}": entry["value"] for entry in row.get("meta_data") or ()}
        return {name: held.get(name) for name in self.kinds}

    def _broken(self, what: str) -> ProtocolError:
        remedy = "run hub writeback again; keep caches from /wp-json, and check url if it stays"
        return ProtocolError(what, source=self._session.source, stream=_STREAM, remedy=remedy)


def _body(change: Change) -> dict[str, Any]:
    return {"meta_data": [{"key": name.removeprefix("meta_data."), "value": text} for name, text in change.fields.items()]}


def _time(row: Mapping[str, Any]) -> datetime | None:
    """When a customer changed, as the reading takes it: one who never did, when they came."""
    text = row.get("date_modified_gmt") or row.get("date_created_gmt")
    if not isinstance(text, str):
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
