"""Zendesk's bulk update of users: a job that is queued, worked on, and asked for its results.

The work is done when the job is queued; it says so from the second time it is asked, as a background job would.
Source: Zendesk's OpenAPI description, Update Many Users and Job Statuses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, Call, VendorError
from connectors.sandbox.zendesk_answers import not_found

AT_ONCE = 100

Update = Callable[[str, Object], Object]
"""(user ID, fields) -> the user. Raises `VendorError`."""


class BulkUpdates:
    """The jobs of one account.

    Args:
        url: where the account lives.
        update: updates one user as PUT /users/{id} does.
    """

    def __init__(self, url: str, update: Update) -> None:
        self._url, self._update = url, update
        self._jobs: dict[str, Object] = {}
        self._asked: dict[str, int] = {}

    def queue(self, call: Call, _: str) -> Answer:
        """PUT /users/update_many: one change for the users in ``ids``, or one per user in ``users``."""
        changes = _changes(call)
        if not 0 < len(changes) <= AT_ONCE:
            text = f"Parameter users must hold 1 to {AT_ONCE} users"
            raise VendorError(Answer({"error": "TooManyValues", "description": text}, 422))
        key = hashlib.md5(f"{len(self._jobs)} {call.body!r}".encode(), usedforsecurity=False).hexdigest()
        results = [self._one(user, fields) for user, fields in changes]
        self._jobs[key] = {
            "id": key,
            "job_type": "Update Many Users",
            "url": f"{self._url}/api/v2/job_statuses/{key}.json",
            "total": len(results),
            "progress": len(results),
            "status": "completed",
            "message": "Completed",
            "results": results,
        }
        return self.show(call, key)

    def _one(self, user: str, fields: Object) -> Object:
        told: Object = {"id": int(user) if user.isdigit() else user, "action": "update"}
        try:
            self._update(user, fields)
        except VendorError as error:
            said = error.answer.body
            return {**told, "success": False, "status": "Failed", "error": said["error"], "details": _details(said)}
        return {**told, "success": True, "status": "Updated"}

    def show(self, call: Call, key: str) -> Answer:
        """GET /job_statuses/{id}."""
        job = self._jobs.get(key) or not_found()
        asked = self._asked[key] = self._asked.get(key, -1) + 1
        if asked < 2:
            waiting = {"status": ("queued", "working")[asked], "progress": None, "message": None, "results": None}
            return Answer({"job_status": {**job, **waiting}})
        return Answer({"job_status": job})


def _changes(call: Call) -> list[tuple[str, Object]]:
    try:
        body = call.json()
        ids = call.param("ids")
        if ids is not None:
            return [(user, dict(body["user"])) for user in ids.split(",")]
        return [(str(user["id"]), {name: value for name, value in user.items() if name != "id"}) for user in body["users"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "Parameter users is required, each with its id; or user, with ids"
        raise VendorError(Answer({"error": {"title": "Invalid attribute", "message": message}}, 400)) from None


def _details(said: Object) -> str:
    found = [one["description"] for about in (said.get("details") or {}).values() for one in about]
    return "; ".join(found) or str(said.get("description", ""))
