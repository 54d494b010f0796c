"""Zendesk: an export by opaque cursor that keeps its own order and holds the last minute back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.zendesk_api import ZendeskApi
from tests.connectors.conformance.counterpart import NOW, SandboxCounterpart
from tests.loopback import Reply, Request


class Zendesk(SandboxCounterpart):
    """Users of a help desk."""

    type_name = "zendesk"
    stream = "users"
    bypass: ClassVar = {
        "same_second": "the export holds the last minute back, so that a second is closed before it is read",
        "refresh_token": "an API token does not rotate",
        "child": "users are read in one piece",
        "boundary": "the cursor is opaque: where it stands, and on which side of a tie, is Zendesk's own affair",
        "late": "the export is ordered by when Zendesk generated a record, not by the time the record bears",
        "retention": "the export keeps everything; a cursor that Zendesk no longer knows is a clear error (test_zendesk.py)",
        "merge": "a merged user shows as inactive; into whom is not told",
        "money": "tickets bear no amounts",
    }

    def make_api(self) -> VendorApi:
        return ZendeskApi(self.sandbox)

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("ZENDESK_TOKEN", credentials.ZENDESK_TOKEN)
        return {
            "base_url": self.server.base_url,
            "subdomain": credentials.ZENDESK_SUBDOMAIN,
            "email": credentials.ZENDESK_EMAIL,
            "api_token": "${ZENDESK_TOKEN}",
            "per_page": self.page_size,
            "exports_per_minute": 10_000,
        }

    def tick(self, seconds: int = 1) -> None:
        super().tick(seconds + 61)  # what happened in the last minute is not exported yet

    def write(self, key: str | None, mark: str, at: int) -> str:
        books = self.sandbox.world.zendesk
        if key is None:
            return str(books.add_user(at, {"name": mark})["id"])
        books.update_user(at, key, {"name": mark})
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        name = payload.get("name")
        return name if isinstance(name, str) and name.startswith("Mark ") else None

    def delete(self, key: str, at: int) -> None:
        self.sandbox.world.zendesk.delete_user(at, key)

    def touch(self, key: str) -> None:
        books = self.sandbox.world.zendesk
        books.user_stamp[key] = self.time

    def is_page(self, request: Request) -> bool:
        return request.path.endswith("/incremental/users/cursor")

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["users"]
        return found

    def forbidden(self) -> Reply:
        return Reply({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)

    def future(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        return {**checkpoint, "cursor": base64.b64encode(f"{NOW + 10**8}.0||1".encode()).decode()}


COUNTERPART = Zendesk
