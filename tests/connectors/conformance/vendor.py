"""A vendor in miniature on loopback: it has a clock of its own, and a test may interrupt it between any two requests."""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.state import Clock
from connectors.sandbox.wire import Answer, Call, VendorApi
from connectors.sandbox.world import World
from tests.loopback import Loopback, Reply, Request, serve

DAY = 86_400
NOW = 1_790_000_000  # unix seconds: a fixed day, before the real one
TODAY = datetime.fromtimestamp(NOW, UTC).date()
SEED = 7
OPENED = NOW - 900 * DAY  # when accounts were opened whose books want to know


class Vendor(ABC):
    """One vendor's server.

    Attributes:
        time: unix seconds there.
        before: each may answer instead of the vendor.
        after: each may change an answer.
        rewrite: changes a request before it is answered.
    """

    server: Loopback

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.time = NOW
        self.before: list[Callable[[Request], Reply | None]] = []
        self.after: list[Callable[[Request, Reply], Reply]] = []
        self.rewrite: Callable[[Request], Request] = lambda request: request

    def tick(self, seconds: int = 1) -> None:
        """Let time pass there."""
        self.time += seconds

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
    def running(self) -> Iterator[Self]:
        """Serve for the length of a with block."""
        with serve(self) as self.server:
            yield self


class SandboxVendor(Vendor):
    """A vendor whose server is the sandbox's own: its protocol over books that hold only what a test puts there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        made = _sandbox()
        self.sandbox, world = copy(made), copy(made.world)
        world.books = dict(world.books)
        self.sandbox.world, self.sandbox.clock = world, Clock(float(NOW), lambda: float(self.time))
        self.open_books(world)
        self.api = self.make_api()

    @abstractmethod
    def open_books(self, world: World) -> None:
        """Put new books of this vendor's into the world: all others are shared."""

    @abstractmethod
    def make_api(self) -> VendorApi:
        """The vendor's protocol over ``self.sandbox``."""

    def answer(self, request: Request) -> Reply:
        """See `Vendor`."""
        query = tuple((name, value) for name, values in request.query.items() for value in values)
        answer = self.api.answer(Call(request.method, request.path, query, request.headers, request.body, self.server.base_url))
        return reply_of(answer)


@cache
def _sandbox() -> Sandbox:
    """The one that all are copied from: making a world takes longer than most tests."""
    return Sandbox(SEED, 1, today=TODAY, real_clock=lambda: float(NOW))


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


def marked(text: Any) -> str | None:
    """A text if it is a mark of the suite's, else None."""
    return text if isinstance(text, str) and text.startswith("Mark ") else None
