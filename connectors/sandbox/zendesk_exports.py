"""Zendesk's incremental exports: ordered by generated timestamp, the last minute kept back, an opaque cursor with every page.

Deleted tickets and users stay in them, marked. Source: Zendesk's page on incremental exports.
"""

from __future__ import annotations

import base64
import time
from collections import deque

from connectors.sandbox.shelf import Object
from connectors.sandbox.state import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorError
from connectors.sandbox.zendesk_answers import invalid, number, throttled
from connectors.sandbox.zendesk_beside import included

MAX_EXPORT_PAGE = 1_000
KEPT_BACK_SECONDS = 60


class ZendeskExports:
    """The exports over a sandbox's books; see `ZendeskApi`."""

    def __init__(self, sandbox: Sandbox, per_minute: int | None) -> None:
        self._sandbox, self._books = sandbox, sandbox.world.zendesk
        self._per_minute = per_minute
        self._asked: deque[float] = deque()

    def answer(self, call: Call, kind: str) -> Answer:
        """A page of ``users`` or ``tickets``."""
        self._count()
        per_page = min(number(call, "per_page", MAX_EXPORT_PAGE), MAX_EXPORT_PAGE)
        newest = self._sandbox.now() - KEPT_BACK_SECONDS
        start = self._start(call, newest)
        stamps = self._books.user_stamp if kind == "users" else self._books.ticket_stamp
        due = sorted((stamp, int(key)) for key, stamp in stamps.items() if stamp <= newest and (stamp, int(key)) > start)
        page = due[: max(1, per_page)]
        records = [self._record(kind, key) for _, key in page]
        if call.param("exclude_deleted") == "true":
            records = [r for r in records if r.get("status") != "deleted"]
        include = call.param("include")
        records, beside = included(kind, records, include, self._books)
        cursor = _cursor(page[-1] if page else start)
        return Answer(
            {
                kind: records,
                **beside,
                "after_cursor": cursor,
                "after_url": f"{call.base}/api/v2/incremental/{kind}/cursor.json?cursor={cursor}&per_page={per_page}"
                + (f"&include={include}" if include else ""),
                "before_cursor": None,
                "before_url": None,
                "end_of_stream": len(page) == len(due),
            }
        )

    def _record(self, kind: str, key: int) -> Object:
        held = (self._books.users if kind == "users" else self._books.tickets).get(str(key))
        assert held is not None
        return held

    @staticmethod
    def _start(call: Call, newest: int) -> tuple[int, int]:
        """After which (stamp, ID) the page begins."""
        cursor = call.param("cursor")
        if cursor is not None:
            try:
                stamp, _, key = base64.b64decode(cursor, validate=True).decode().partition("||")
                return int(float(stamp)), int(key)
            except ValueError:
                invalid("cursor", "the cursor is not valid")
        if call.param("start_time") is None:
            invalid("start_time", "start_time must be an integer")
        start = number(call, "start_time", 0)
        if start > newest:
            text = "Too recent start_time. Use a start_time older than 1 minute"
            raise VendorError(Answer({"error": "InvalidValue", "description": text}, 422))
        return start, -1

    def _count(self) -> None:
        if self._per_minute is None:
            return
        now = time.monotonic()
        while self._asked and self._asked[0] <= now - 60:
            self._asked.popleft()
        if len(self._asked) >= self._per_minute:
            raise VendorError(throttled(self._asked[0] + 61 - now))
        self._asked.append(now)


def _cursor(place: tuple[int, int]) -> str:
    return base64.b64encode(f"{place[0]}.0||{place[1]}".encode()).decode()
