"""Writing to Xero's contacts: ContactNumber and AccountNumber, 50 contacts with each call.

Both are 50 characters at most, and a value is of one contact only: Xero finds contacts by them. Each contact has its own answer
(``summarizeErrors=false``), and a call that is repeated bears the same idempotency key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from connectors.invoicing.xero_api import ACCOUNTING, XeroSession, time_of
from connectors.refused import RefusedError
from connectors.writeback import Change, Refused, Standing, Text, ValueKind, Writer, Written
from hub.contract.errors import CredentialsError, ProtocolError

_STREAM = "contacts"


class XeroWriter(Writer):
    """Writes to contacts.

    Args:
        remedy: what to do where the app may not write.
    """

    reads: ClassVar[int] = 50
    writes: ClassVar[int] = 50
    unique: ClassVar[tuple[str, ...]] = ("ContactNumber", "AccountNumber")

    def __init__(self, session: XeroSession, kinds: Mapping[str, ValueKind], *, remedy: str) -> None:
        super().__init__(kinds)
        self._session, self._remedy = session, remedy

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`. A contact that was merged or forgotten is gone."""
        params = {"IDs": ",".join(records), "includeArchived": "true"}
        answer = self._session.paced("GET", f"{ACCOUNTING}/Contacts", stream=_STREAM, params=params)
        live = [c for c in self._contacts(answer) if c.get("ContactStatus") != "GDPRREQUEST" and "MergedToContactID" not in c]
        return {contact["ContactID"]: Standing(self._fields(contact), time_of(contact.get("UpdatedDateUTC"))) for contact in live}

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`. An empty text empties a field."""
        contacts = [{"ContactID": c.record, **{name: text or "" for name, text in c.fields.items()}} for c in changes]
        key = hashlib.sha256(" ".join(change.key for change in changes).encode()).hexdigest()
        try:
            answer = self._session.paced(
                "POST",
                f"{ACCOUNTING}/Contacts",
                stream=_STREAM,
                params={"summarizeErrors": "false"},
                json={"Contacts": contacts},
                headers={"idempotency-key": key},
            )
        except RefusedError as error:
            return {change.record: Refused(error.what) for change in changes}
        except CredentialsError as error:
            raise CredentialsError(error.what, source=error.source, stream=_STREAM, remedy=self._remedy) from error
        return {contact["ContactID"]: self._answer(contact) for contact in self._contacts(answer)}

    def _answer(self, contact: Mapping[str, Any]) -> Written | Refused:
        if contact.get("ValidationErrors") or contact.get("StatusAttributeString") == "ERROR":
            # Xero gives no code, and its messages may quote the value
            return Refused(f"Xero refuses {' or '.join(self.kinds)} of this contact (validation error)")
        return Written(self._fields(contact), time_of(contact.get("UpdatedDateUTC")))

    def _fields(self, contact: Mapping[str, Any]) -> dict[str, Text]:
        return {name: contact.get(name) for name in self.kinds}

    def _contacts(self, answer: Any) -> list[dict[str, Any]]:
        contacts = answer.get("Contacts") if isinstance(answer, dict) else None
        if not isinstance(contacts, list) or not all(isinstance(one, dict) and one.get("ContactID") for one in contacts):
            remedy = "run hub writeback again, and check base_url if it stays"
            raise ProtocolError("the answer names no contacts", source=self._session.source, stream=_STREAM, remedy=remedy)
        return contacts
