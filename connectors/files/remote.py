"""Asking a storage and reading its files, again if need be: what its many libraries raise, told apart by what to do about it.

The libraries' own messages never get into ours: they hold URLs, and those may hold signatures.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar

import httpx

from connectors import http
from connectors.contract import RetrySettings
from hub.contract.errors import ConfigError, CredentialsError, HubError, ProtocolError, SourceUnavailableError

Answer = TypeVar("Answer")
_CHUNK = 1024 * 1024
# botocore, google-auth, azure-core and paramiko each have their own; their names are what they share
_REFUSALS = ("Credential", "Authentication", "RefreshError", "BadHostKey", "PermissionDenied")


class FileChanged(OSError):
    """A file is not what it was when reading it began."""


class Patience:
    """Counts what is asked of a source's storages, and how often again."""

    def __init__(self, source: str, retry: RetrySettings) -> None:
        self._source, self._retry = source, retry
        self.calls = 0
        self.retries = 0

    def ask(self, stream: str, where: str, act: Callable[[], Answer]) -> Answer:
        """Do something with a storage, again if it fails.

        Raises:
            FileNotFoundError: there is no such file or folder.
            ConfigError: it does not know what to do with path or options.
            CredentialsError: the storage refuses us; at once.
            ProtocolError: another refusal that would not change.
            SourceUnavailableError: it failed in each of the bounded attempts.
        """
        for attempt in range(1, self._retry.attempts + 1):
            self.calls += 1
            try:
                return act()
            except (HubError, ImportError, FileChanged):
                raise
            except (TypeError, ValueError) as error:  # of what hub.yaml says; asking again changes nothing
                raise ConfigError(
                    f"the storage cannot be asked for {where} like this ({type(error).__name__})",
                    source=self._source,
                    stream=stream,
                    field="storage",
                    remedy="check path, and that storage holds what this kind of storage takes",
                ) from error
            except Exception as error:
                if ours := next((link for link in _chain(error) if isinstance(link, HubError)), None):
                    raise ours from None  # that it is not there is what fsspec makes of it
                status, asked = _said(error)
                if status in (401, 403) or _is_refusal(error):
                    raise CredentialsError(
                        f"the storage refuses to let us read {where} ({status or type(error).__name__})",
                        source=self._source,
                        stream=stream,
                        remedy="check storage in hub.yaml, and what these credentials may list and read",
                    ) from error
                if isinstance(error, FileNotFoundError) and status in (None, 404, 410):
                    raise
                if status is not None and status < 500 and status not in http.RETRIED_STATUS:
                    raise ProtocolError(
                        f"the storage refused {where} with {status}",
                        source=self._source,
                        stream=stream,
                        remedy="check path and storage in hub.yaml",
                    ) from error
                if attempt == self._retry.attempts or (asked or 0) > self._retry.max_wait_seconds:
                    raise SourceUnavailableError(
                        f"the storage did not let us read {where} ({status or type(error).__name__})",
                        source=self._source,
                        stream=stream,
                        remedy="run the sync again later; what was read is kept",
                    ) from error
            self.retries += 1
            self._wait(attempt, asked)
        raise AssertionError("unreachable: attempts is at least 1")

    def _wait(self, attempt: int, asked: float | None) -> None:
        # full jitter, as for the vendors (see connectors.http)
        backoff = random.uniform(0, min(self._retry.backoff_seconds * 2 ** (attempt - 1), self._retry.max_wait_seconds))
        http.pause(backoff if asked is None else asked + random.uniform(0, min(1.0, self._retry.backoff_seconds)))


class Seen(NamedTuple):
    """What a storage says of a file: the version of its content, when it changed, and how large it is, as far as it does."""

    version: str | None
    changed: str | None
    size: int | None

    def same(self, other: Seen) -> bool:
        """Whether both are of one content; a listing may say less of a file than a question about it alone."""
        if self.version and other.version:
            return self.version == other.version
        return self.size == other.size and (self.changed == other.changed or not (self.changed and other.changed))


class RemoteFile(io.RawIOBase):
    """A file of a storage, opened when it is first read, and again where it stopped when reading fails.

    A file that was replaced meanwhile is read from its beginning as it is now, but never half as it was and half as it is.

    Args:
        reopen: opens it.
        look: what the storage says of it now.
        ask: does something with the storage, again if it fails; see `Patience.ask`.
        seen: what the storage said of it when it was found.
    """

    def __init__(
        self, reopen: Callable[[], Any], look: Callable[[], Seen], ask: Callable[[Callable[[], Any]], Any], seen: Seen
    ) -> None:
        self._reopen, self._look, self._ask, self._seen = reopen, look, ask, seen
        self._handle: Any = None
        self._at = self._handle_at = 0
        self._failed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._seen.size
        if whence == io.SEEK_END and size is None:
            raise io.UnsupportedOperation("the storage does not tell the file's size")
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size or 0}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._ask(partial(self._read, len(buffer)))
        buffer[: len(data)] = data
        self._at = self._handle_at = self._at + len(data)
        return len(data)

    def _read(self, count: int) -> bytes:
        try:
            if self._handle is None:
                if self._failed and self._at and not self._look().same(self._seen):
                    raise FileChanged("the file changed while it was read")
                self._handle, self._handle_at = self._reopen(), 0
            if self._handle_at != self._at:
                self._go_there()
            data: bytes = self._handle.read(count)
            if not data and self._at < (self._seen.size or 0) and self._look().same(self._seen):
                raise EOFError("the file ends before its size")
            return data
        except BaseException:
            self._failed = True
            self._let_go()
            raise

    def _go_there(self) -> None:
        try:
            self._handle.seek(self._at)
        except (ValueError, io.UnsupportedOperation):  # a stream over HTTP: read on to where we were
            if self._handle_at > self._at:
                self._let_go()
                self._handle, self._handle_at = self._reopen(), 0
            while self._handle_at < self._at and (passed := self._handle.read(min(self._at - self._handle_at, _CHUNK))):
                self._handle_at += len(passed)

    def _let_go(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def close(self) -> None:
        self._let_go()
        super().close()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: BaseException) -> tuple[int | None, float | None]:
    """The HTTP status somewhere behind an error, and the seconds the storage asks us to wait."""
    for link in _chain(error):
        response: Any = getattr(link, "response", None)
        meta = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
        # aiohttp, azure-core, gcsfs
        status = next((getattr(link, name) for name in ("status", "status_code", "code") if hasattr(link, name)), None)
        if str(status).isdecimal():
            return int(str(status)), _asked(getattr(link, "headers", None))
        if str(meta.get("HTTPStatusCode")).isdecimal():
            return int(meta["HTTPStatusCode"]), _asked(meta.get("HTTPHeaders"))
    return None, None


def _asked(headers: Any) -> float | None:
    value = headers.get("retry-after") or headers.get("Retry-After") if headers is not None else None
    return http.retry_after(httpx.Response(429, headers={"retry-after": str(value)})) if value is not None else None


def _is_refusal(error: BaseException) -> bool:
    names = [type(link).__name__ for link in _chain(error)]
    return any(isinstance(link, PermissionError) for link in _chain(error)) or any(w in name for w in _REFUSALS for name in names)
