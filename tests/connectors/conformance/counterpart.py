"""A vendor in miniature, as the suite drives it: it can be written to, moved on in time, and interrupted between any two requests.

A new connector's counterpart says how a record is put, changed and removed there, which requests are for a page of records, and
where in an answer the records lie. What it cannot be asked, it lists in `bypass`, each with the reason.
"""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from connectors.contract import Connector, SourceSettings
from connectors.registry import connector_class
from connectors.sandbox import Sandbox
from connectors.sandbox.wire import Answer, Call, VendorApi
from tests.loopback import Loopback, Reply, Request, serve

NOW = 1_790_000_000  # unix seconds: a fixed day, before the real one
TODAY = datetime.fromtimestamp(NOW, UTC).date()
PATIENCE = {"attempts": 4, "backoff_seconds": 0.0, "max_wait_seconds": 300.0, "timeout_seconds": 10.0}


class Counterpart(ABC):
    """One vendor, one stream of it, behind a loopback server.

    Class attributes:
        type_name: the connector's.
        stream: the stream the cases look at: one whose records change, and go if that can be.
        bypass: name of a case -> why it cannot be asked of this vendor.
        lookback: seconds that each reading looks back behind its watermark; 0 where the source itself keeps the order.
        page_size: records per page; small, so that a handful of records makes several pages.
        keep: fields of a record that must stay as they are for it to be a record at all.
    """

    type_name: ClassVar[str]
    stream: ClassVar[str]
    bypass: ClassVar[Mapping[str, str]] = {}
    lookback: ClassVar[int] = 0
    page_size: ClassVar[int] = 3
    keep: ClassVar[frozenset[str]] = frozenset({"id"})

    server: Loopback

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.time = NOW
        self.before: list[Callable[[Request], Reply | None]] = []
        self.after: list[Callable[[Request, Reply], Reply]] = []
        self.rewrite: Callable[[Request], Request] = lambda request: request
        self.marks: dict[str, str] = {}
        self._serial = 0

    # what happens there ----------------------------------------------------------------------------------------

    def put(self, key: str | None = None, *, ago: int = 0) -> str:
        """Make a record, or change one, so that its content is new; it happened ``ago`` seconds ago. Returns its record ID."""
        self._serial += 1
        mark = f"Mark {self._serial:04d}"
        key = self.write(key, mark, self.time - ago)
        self.marks[key] = mark
        return key

    def remove(self, key: str) -> None:
        """Delete a record in the way this vendor's records go."""
        self.delete(key, self.time)
        del self.marks[key]

    def tick(self, seconds: int = 1) -> None:
        """Let time pass there."""
        self.time += seconds

    @abstractmethod
    def write(self, key: str | None, mark: str, at: int) -> str:
        """Make a record that bears the mark, or give an old one that mark, at a time (unix seconds). Returns its ID."""

    @abstractmethod
    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        """The mark a payload bears, None if it is none of ours."""

    def delete(self, key: str, at: int) -> None:
        """See `remove`."""
        raise AssertionError("bypass the case with a reason, or say how a record is deleted")

    def touch(self, key: str) -> None:
        """Change a record in nothing but the time of its change, as a write-back of ours does."""
        raise AssertionError("bypass the case with a reason, or say how a record is touched")

    def merge(self, loser: str, winner: str) -> None:
        """Merge two records."""
        raise AssertionError("bypass the case with a reason, or say how records are merged")

    # what is asked ---------------------------------------------------------------------------------------------

    @abstractmethod
    def is_page(self, request: Request) -> bool:
        """Whether a request asks for a page of the stream's records (not for a token, an account or a list of changes)."""

    @abstractmethod
    def records_in(self, body: Any) -> list[Any]:
        """The list of records in an answer to such a request, to be changed in place."""

    def shifted(self, request: Request, seconds: int) -> Request:
        """The same request with the time from which it asks for changes moved."""
        raise AssertionError("bypass the case with a reason, or say where a request names its time")

    def refused(self, request: Request) -> bool:
        """Which requests are refused to one who may not read the stream: by default those for its pages."""
        return self.is_page(request)

    def is_token(self, request: Request) -> bool:
        """Whether a request is for an access token."""
        raise AssertionError("bypass the case with a reason, or say where tokens are given")

    def end_access(self) -> None:
        """Let the access tokens given so far run out."""
        raise AssertionError("bypass the case with a reason, or let access tokens run out")

    def child(self, request: Request) -> bool:
        """Whether a request is for a part of one record only (its metrics, its refunds)."""
        raise AssertionError("bypass the case with a reason, or say which requests are for a child")

    # how it answers --------------------------------------------------------------------------------------------

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        """Every way in which this vendor says "slow down", by name."""

        def until() -> str:
            return format_datetime(datetime.fromtimestamp(datetime.now(UTC).timestamp() + 9, UTC), usegmt=True)

        return {
            "429 with seconds": lambda: Reply({}, 429, {"retry-after": "7"}),
            "429 with a date": lambda: Reply({}, 429, {"retry-after": until()}),
            "429 without a header": lambda: Reply({}, 429),
            "503 with seconds": lambda: Reply({}, 503, {"retry-after": "7"}),
        }

    def forbidden(self) -> Reply:
        """How this vendor says that we may not read."""
        return Reply({"error": "forbidden"}, 403)

    def unauthorised(self) -> Reply:
        """How this vendor says that it does not know our credentials."""
        return Reply({"error": "unauthorized"}, 401)

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """The checkpoint as it would be had we been away for longer than the vendor remembers changes."""
        raise AssertionError("bypass the case with a reason, or age the checkpoint")

    def future(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """The checkpoint as it would be had a clock been wrong by years. By default every time in it is moved."""
        moved = _moved(checkpoint)
        assert moved != checkpoint, "the checkpoint holds no time; bypass the case or say what the future is"
        return dict(moved)

    # amounts ---------------------------------------------------------------------------------------------------

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        """A payload worth ``amount`` major units as the vendor writes it: (stream, staging table, column, payload)."""
        raise AssertionError("bypass the case with a reason, or make a payload that bears an amount")

    # connecting ------------------------------------------------------------------------------------------------

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What stands under the source in hub.yaml, with base_url; environment variables are set by it."""

    def connect(self) -> Connector:
        """A new connector to this server."""
        cls = connector_class(self.type_name)
        given: SourceSettings = cls.Settings(**{"type": self.type_name, "retry": PATIENCE, **self.settings()})
        return cls(self.type_name, given, self.folder / "private")

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer a request as the vendor would."""

    def __call__(self, request: Request) -> Reply:
        for hook in list(self.before):
            refusal = hook(request)
            if refusal is not None:
                return refusal
        reply = self.answer(self.rewrite(request))
        for change in list(self.after):
            reply = change(request, reply)
        return reply

    @contextmanager
    def running(self) -> Iterator[Counterpart]:
        """Serve for the length of a with block."""
        with serve(self) as self.server:
            yield self


class SandboxCounterpart(Counterpart):
    """A counterpart whose server is the sandbox's own: the vendor's API over the books of a small world."""

    people: ClassVar[int] = 12

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.sandbox = Sandbox(7, self.people, today=TODAY, real_clock=lambda: float(self.time))
        self.sandbox.clock.set(float(self.time))
        self.api = self.make_api()

    @abstractmethod
    def make_api(self) -> VendorApi:
        """The vendor's protocol over ``self.sandbox``."""

    def answer(self, request: Request) -> Reply:
        query = tuple((name, value) for name, values in request.query.items() for value in values)
        answer = self.api.answer(Call(request.method, request.path, query, request.headers, request.body, self.server.base_url))
        return reply_of(answer)


def reply_of(answer: Answer) -> Reply:
    """A sandbox's answer as the loopback server sends it."""
    body = answer.body if isinstance(answer.body, bytes) else b"" if answer.body is None else json.dumps(answer.body).encode()
    return Reply(body, answer.status, dict(answer.headers))


def body_of(reply: Reply) -> Any:
    """What a reply says, parsed."""
    return json.loads(reply.body) if isinstance(reply.body, bytes) else reply.body


def asked(request: Request, **query: str) -> Request:
    """The same request with other query parameters."""
    return replace(request, query={**request.query, **{name: [value] for name, value in query.items()}})


def basic(user: str, password: str) -> str:
    """A Basic Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def query_text(request: Request) -> str:
    """A request's query, for messages."""
    return urlencode(request.query, doseq=True)


_YEARS = 3 * 365 * 86_400


def _moved(value: Any) -> Any:
    """Every time in a JSON value moved three years on: unix seconds, ISO dates and times."""
    if isinstance(value, dict):
        return {_moved(name): _moved(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part) for part in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and 10**9 < value < 10**10:
        return value + _YEARS
    if isinstance(value, str) and value.isdigit() and 10**9 < int(value) < 10**10:
        return str(int(value) + _YEARS)
    if isinstance(value, str):
        try:
            if len(value) == 10:
                return date.fromordinal(date.fromisoformat(value).toordinal() + 3 * 365).isoformat()
            moved = datetime.fromtimestamp(datetime.fromisoformat(value).timestamp() + _YEARS, UTC)
        except ValueError:
            return value
        return moved.isoformat().replace("+00:00", "Z") if value.endswith("Z") else moved.isoformat()
    return value
