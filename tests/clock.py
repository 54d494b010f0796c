"""A machine whose clock is wrong: what the hub's modules take for now, not what vendors and files do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

_WINGS = ("hub.", "connectors.", "warehouse.", "pipelines.", "expectations.")
_Real, _time = datetime, time.time


class _Kind(type(datetime)):  # type: ignore[misc]
    ahead = timedelta()

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Real)


class _Wrong(_Real, metaclass=_Kind):
    """`datetime` with another now; what it makes are the real ones."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        return _Real(*given, **named)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return _Real.now(tz) + _Kind.ahead


@contextmanager
def clock_ahead(ahead: timedelta) -> Iterator[None]:
    """Let the hub's clock be ahead of the real one, behind it if negative. A module counts once it is imported."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith(_WINGS) and not name.startswith("connectors.sandbox")]
    wrong = [patch.object(m, "datetime", _Wrong) for m in modules if m.__dict__.get("datetime") is _Real]
    with patch.object(_Kind, "ahead", ahead), patch("time.time", lambda: _time() + ahead.total_seconds()):
        for one in wrong:
            one.start()
        try:
            yield
        finally:
            for one in wrong:
                one.stop()
