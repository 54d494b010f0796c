"""Writing to Freshdesk's contacts: unique_external_id and custom fields, one contact at a time.

A unique_external_id is of one contact only, be it deleted or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from connectors.refused import RefusedError
from connectors.ticketing.freshdesk_desk import Desk
from connectors.writeback import Change, Refused, Standing, Takes, Text, ValueKind, Writer, Written, json_value
from hub.contract.errors import CredentialsError, ProtocolError

TAKES = Takes(r"unique_external_id|custom_fields\.[A-Za-z0-9_]+", "unique_external_id, or custom_fields.open_tickets")
_STREAM = "contacts"


class FreshdeskWriter(Writer):
    """Writes to contacts.

    Args:
        source: the source's name, for errors.
        remedy: what to do where the key may not write.
    """

    unique: ClassVar[tuple[str, ...]] = ("unique_external_id",)

    def __init__(self, desk: Desk, kinds: Mapping[str, ValueKind], *, source: str, remedy: str) -> None:
        super().__init__(kinds)
        self._desk, self._source, self._remedy = desk, source, remedy

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`. A contact that was deleted or merged says so."""
        found = {}
        for record in records:
            contact = self._desk.get(f"/api/v2/contacts/{quote(record, safe='')}", stream=_STREAM)
            if contact is not None and not contact.get("deleted"):
                found[record] = Standing(self._fields(contact, record), _time(contact.get("updated_at")))
        return found

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`."""
        try:
            return {change.record: self._write(change) for change in changes}
        except CredentialsError as error:
            raise CredentialsError(error.what, source=error.source, stream=_STREAM, remedy=self._remedy) from error

    def _write(self, change: Change) -> Written | Refused:
        body: dict[str, Any] = {}
        for name, text in change.fields.items():
            if name == "unique_external_id":
                body[name] = text
            else:
                own = body.setdefault("custom_fields", {})
                own[name.removeprefix("custom_fields.")] = json_value(self.kinds[name], text)
        try:
            contact = self._desk.put(f"/api/v2/contacts/{quote(change.record, safe='')}", stream=_STREAM, json=body)
        except RefusedError as error:
            return Refused(f"{error.what}{_fields_named(error.body)}")
        return Written(self._fields(contact, change.record), _time(contact.get("updated_at")))

    def _fields(self, contact: Any, record: str) -> dict[str, Text]:
        if not isinstance(contact, dict) or str(contact.get("id")) != record:
            raise ProtocolError(
                "Freshdesk sent something else than the contact asked for",
                source=self._source,
                stream=_STREAM,
                record=record,
                remedy="run hub writeback again, and check domain and base_url if it stays",
            )
        held = {f"custom_fields.{name}": value for name, value in (contact.get("custom_fields") or {}).items()}
        held["unique_external_id"] = contact.get("unique_external_id")
        return {name: held.get(name) for name in self.kinds}


def _fields_named(body: Any) -> str:
    """The fields that a refusal is about, with Freshdesk's codes; its messages quote values."""
    errors = body.get("errors") if isinstance(body, dict) else None
    named = [f"{one.get('field')}: {one.get('code')}" for one in errors or () if isinstance(one, dict)]
    return f" ({', '.join(named)})" if named else ""


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
