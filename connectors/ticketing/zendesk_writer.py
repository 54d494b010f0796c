"""Writing to Zendesk's users: external_id and user fields. One user by a call of its own, more of them by a job of up to 100.

A job runs in Zendesk's background and is asked for its results; what the users hold is then read once more, as a job does not say
it, and Zendesk drops a user field that the account does not have without a word. An external_id is of one user only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from connectors import http as transport
from connectors.http import HttpSession
from connectors.refused import RefusedError
from connectors.writeback import Change, Refused, Standing, Takes, Text, ValueKind, Writer, Written, json_value
from hub.contract.errors import CredentialsError, ProtocolError, SourceUnavailableError

TAKES = Takes(r"external_id|user_fields\.[A-Za-z0-9_]+", "external_id, or user_fields.open_tickets")
_STREAM = "users"
_POLLS = 60  # how often a job is asked for, a second longer apart each time up to ten: some nine minutes in all


class ZendeskWriter(Writer):
    """Writes to users.

    Args:
        remedy: what to do where the token may not write.
    """

    reads: ClassVar[int] = 100
    writes: ClassVar[int] = 100
    unique: ClassVar[tuple[str, ...]] = ("external_id",)

    def __init__(self, session: HttpSession, kinds: Mapping[str, ValueKind], *, remedy: str) -> None:
        super().__init__(kinds)
        self._session, self._remedy = session, remedy

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`. A deleted or merged user is inactive."""
        answer = self._session.get("/api/v2/users/show_many", stream=_STREAM, params={"ids": ",".join(records)})
        users = answer.get("users") if isinstance(answer, dict) else None
        if not isinstance(users, list):
            raise self._broken("the answer names no users")
        return {
            str(user["id"]): Standing(self._fields(user), _time(user.get("updated_at"))) for user in users if user.get("active")
        }

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`."""
        try:
            if len(changes) == 1:
                return {changes[0].record: self._write_one(changes[0])}
            return self._write_many(changes)
        except CredentialsError as error:
            raise CredentialsError(error.what, source=error.source, stream=_STREAM, remedy=self._remedy) from error

    def _write_one(self, change: Change) -> Written | Refused:
        path = f"/api/v2/users/{quote(change.record, safe='')}"
        try:
            answer = self._session.request("PUT", path, stream=_STREAM, json={"user": self._body(change)})
        except RefusedError as error:
            return Refused(f"{error.what}{_fields_named(error.body)}")
        user = answer.get("user") if isinstance(answer, dict) else None
        if not isinstance(user, dict):
            raise self._broken(f"the answer to PUT {path} names no user")
        return Written(self._fields(user), _time(user.get("updated_at")))

    def _write_many(self, changes: Sequence[Change]) -> dict[str, Written | Refused]:
        users = [{"id": int(change.record), **self._body(change)} for change in changes]
        job = self._job(self._session.request("PUT", "/api/v2/users/update_many", stream=_STREAM, json={"users": users}))
        for poll in range(1, _POLLS + 1):
            if job["status"] in ("completed", "failed"):
                break
            transport.pause(min(poll, 10))
            job = self._job(self._session.get(f"/api/v2/job_statuses/{quote(str(job['id']), safe='')}", stream=_STREAM))
        else:
            raise SourceUnavailableError(
                "a bulk update of users did not end",
                source=self._session.source,
                stream=_STREAM,
                remedy="what it did is found later",
            )
        results = job.get("results")
        failed: dict[str, Written | Refused] = {
            str(one["id"]): Refused(f"the vendor refused the user ({one.get('error') or 'no reason given'})")
            for one in (results if isinstance(results, list) else [])
            if one.get("success") is False and "id" in one
        }
        taken = [change.record for change in changes if change.record not in failed]
        standing = self.read(taken) if taken else {}
        return failed | {record: Written(held.fields, held.updated_at) for record, held in standing.items()}

    def _job(self, answer: Any) -> dict[str, Any]:
        job = answer.get("job_status") if isinstance(answer, dict) else None
        if not isinstance(job, dict) or not job.get("id"):
            raise self._broken("the answer to a bulk update names no job")
        return job

    def _body(self, change: Change) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, text in change.fields.items():
            if name == "external_id":
                body[name] = text
            else:
                body.setdefault("user_fields", {})[name.removeprefix("user_fields.")] = json_value(self.kinds[name], text)
        return body

    def _fields(self, user: Mapping[str, Any]) -> dict[str, Text]:
        own = user.get("user_fields") or {}
        return {
            name: user.get(name) if name == "external_id" else own.get(name.removeprefix("user_fields.")) for name in self.kinds
        }

    def _broken(self, what: str) -> ProtocolError:
        remedy = "run hub writeback again, and check base_url if it stays"
        return ProtocolError(what, source=self._session.source, stream=_STREAM, remedy=remedy)


def _fields_named(body: Any) -> str:
    """The fields that a refusal is about, with Zendesk's codes; its texts quote values."""
    details = body.get("details") if isinstance(body, dict) else None
    if not isinstance(details, dict):
        return ""
    named = [f"{name}: {one.get('error')}" for name, about in details.items() for one in about if isinstance(one, dict)]
    return f" ({', '.join(named)})" if named else ""


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
