"""What the hub's own loggers say, one JSON object a line where that is asked for: for log collectors.

Messages hold no values of persons, and tracebacks are given without the errors' texts, which may come from elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from hub.contract.errors import ConfigError, HubError

VARIABLE = "HUB_LOG"
FORMATS = ("text", "json")
_PACKAGES = ("hub", "connectors", "warehouse", "expectations", "pipelines")
_FIELDS = ("batch", "run", "source", "stream")
_about: ContextVar[dict[str, str | None]] = ContextVar("about", default={})  # noqa: B039 - it is replaced, never changed
P = ParamSpec("P")
T = TypeVar("T")


class JsonFormatter(logging.Formatter):
    """A record as a JSON object: time, level, logger, message, and what it is about, null where that is unknown."""

    def format(self, record: logging.LogRecord) -> str:
        about = _about.get()
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{field: getattr(record, field, None) or about.get(field) for field in _FIELDS},
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, trace = record.exc_info
            said["error"] = kind.__name__ if not isinstance(error, HubError) else f"{kind.__name__}: {error}"
            said["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
        return json.dumps(said, ensure_ascii=False)


class _Json(logging.Handler):
    """To standard error, whatever that is by then; a line is one write, since several processes share it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # as every handler of the standard library does: a log never ends what it tells of
            self.handleError(record)


def configure() -> None:
    """Have this process log as `HUB_LOG` says. Can be called again.

    Raises:
        ConfigError: it says something else than text or json.
    """
    wanted = os.environ.get(VARIABLE) or "text"
    if wanted not in FORMATS:
        raise ConfigError(f"logs cannot be written as {wanted!r}", field=VARIABLE, remedy=f"set it to {' or '.join(FORMATS)}")
    handler = _Json()
    handler.setFormatter(JsonFormatter())
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        for former in [former for former in logger.handlers if isinstance(former, _Json)]:
            logger.removeHandler(former)
            logger.propagate = True
        if wanted == "json":
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False  # else whoever configured the root logger says it once more, as text


@contextmanager
def speaking_of(**about: str | None) -> Iterator[None]:
    """What is logged in a with block is about this batch, run, source or stream."""
    token = _about.set({**_about.get(), **{field: value for field, value in about.items() if value is not None}})
    try:
        yield
    finally:
        _about.reset(token)


def step(work: Callable[P, T]) -> Callable[P, T]:
    """A step of a build, which is told its run as `run_id`: what it logs is about that run, and its end is logged."""
    log = logging.getLogger(work.__module__)

    @wraps(work)
    def told(*arguments: P.args, **named: P.kwargs) -> T:
        began = time.monotonic()
        with speaking_of(run=str(named["run_id"])):
            done = work(*arguments, **named)
            log.info("%s: done in %.1f s", work.__name__, time.monotonic() - began)
        return done

    return told
