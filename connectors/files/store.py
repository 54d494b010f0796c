"""Where files lie: folders, and any storage that fsspec speaks to (S3, Google Cloud, Azure, SFTP, HTTP).

Finds what matches a path and opens it as a stream. Unlike fsspec's own search, a folder that may not be listed is an error here
and never an empty one. Nothing is downloaded before it is read, and a read that fails is taken up again where it stopped.
"""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from connectors.contract import RetrySettings
from connectors.files.options import PACKAGES, resolved, shown
from connectors.files.progress import FoundFile
from connectors.files.remote import Patience, RemoteFile, Seen
from connectors.files.rows import Place
from hub.contract.errors import ConfigError, CredentialsError, SourceDataError

_BLOCK = 4 * 1024 * 1024  # of a request; s3fs would ask for 50 MiB, and keep several
# by what the storages say of a file: its content's checksum or generation, else when it changed
_VERSION = ("ETag", "etag", "e_tag", "md5Hash", "content_md5", "Content-MD5", "Digest", "crc32c", "generation", "version_id")
_CHANGED = ("LastModified", "last_modified", "Last-Modified", "mtime", "modified", "updated", "created")


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def find_local(root: Path, pattern: str, place: Callable[[str], Place], *, links: bool = False) -> list[FoundFile]:
    """The files of a folder that match, by name.

    Args:
        links: whether a symbolic link may lead out of the folder that the pattern names. Who may write there (a supplier, by SFTP)
            could otherwise have us read any file of this machine that we may read.

    Raises:
        SourceDataError: one cannot be looked at, or leads out.
    """
    exact = root / pattern
    within = (root / fixed_folder(pattern)).resolve()
    paths = [exact] if exact.is_file() else [Path(found) for found in glob.glob(str(exact), recursive=True)]
    found = []
    for path in paths:
        name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        try:
            if path.is_file():
                if not links and not path.resolve().is_relative_to(within):
                    raise place(name).error(
                        "a link leads out of its folder",
                        field="path",
                        remedy="put the file itself there, or allow it with links: true of the stream",
                    )
                status = path.stat()
                found.append(FoundFile(name, status.st_size, status.st_mtime_ns, partial(_open, path), path=path))
        except OSError as error:
            raise place(name).error(f"cannot look at the file ({error.strerror})") from error
    return sorted(found, key=lambda file: file.name)


def fixed_folder(pattern: str) -> str:
    """The folder below which everything lies that matches, as far as the pattern names it."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]


class RemoteStore:
    """The storages of one source.

    Args:
        source: the source's name, for errors.
        options: what fsspec's file system of that protocol takes, with `Secret`s.
        retry: patience.
    """

    def __init__(self, source: str, options: Mapping[str, Any], retry: RetrySettings) -> None:
        self.patience = Patience(source, retry)
        self._source, self._options, self._timeout = source, options, retry.timeout_seconds

    def find(self, stream: str, url: str) -> list[FoundFile]:
        """The files that match, by name.

        Raises:
            ConfigError: the package that speaks to this storage is not installed, or an option is none of its.
            CredentialsError: the storage refuses us.
            SourceUnavailableError: it does not answer within the bounded attempts.
        """
        protocol = url.partition("://")[0].lower()
        system, path = self._system(stream, protocol, url)
        asking = _Asking(system, self.patience, stream, shown(url))
        system.invalidate_cache()
        entries: list[Mapping[str, Any]] = []
        if "*" not in path:
            entries = [entry for entry in asking.look_at(path) if entry.get("type") == "file"]
        if not entries and re.search(r"[*?\[]", path):
            fixed = fixed_folder(path)
            entries = list(asking.matches(fixed, path[len(fixed) :].strip("/").split("/")))
            if protocol in ("http", "https"):  # a listing there has only names
                own = [entry["name"] for entry in entries if _origin(entry["name"]) == _origin(url)]  # a page may link anywhere
                entries = [details for name in own for details in asking.look_at(name)]
        return self._found(stream, protocol, system, entries)

    def _system(self, stream: str, protocol: str, url: str) -> tuple[Any, str]:
        options = resolved(dict(self._options))

        def connect() -> tuple[Any, str]:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]

            if protocol in ("http", "https"):
                options["client_kwargs"] = {
                    "timeout": _idle_only(self._timeout),
                    "trace_configs": [self._at_home(stream)] if self._options else [],
                    **dict(options.get("client_kwargs", {})),
                }
            system, path = url_to_fs(url, **options)
            return system, path

        try:
            return self.patience.ask(stream, shown(url), connect)
        except ImportError as error:
            raise ConfigError(
                f"{protocol}:// needs the package {PACKAGES.get(protocol) or error.name or 'of that storage'}",
                source=self._source,
                stream=stream,
                field="path",
                remedy=f"pip install {PACKAGES.get(protocol) or error.name or 'it'}",
            ) from error

    def _at_home(self, stream: str) -> Any:
        """Ends a request that is sent on to another host: what `storage` holds is sent with it, and is not for that host."""
        from aiohttp import TraceConfig
        from yarl import URL

        async def on_redirect(_: Any, __: Any, about: Any) -> None:
            if about.url.join(URL(about.response.headers.get("location", ""))).origin() != about.url.origin():
                raise CredentialsError(
                    "the storage sends us on to another host, which is not to see the credentials",
                    source=self._source,
                    stream=stream,
                    remedy="give the address that it sends on to as path, and storage for that host",
                )

        told = TraceConfig()
        told.on_request_redirect.append(on_redirect)
        return told

    def _found(self, stream: str, protocol: str, system: Any, entries: list[Mapping[str, Any]]) -> list[FoundFile]:
        found: dict[str, FoundFile] = {}
        for entry in entries:
            path, size = str(entry["name"]), entry.get("size")
            name = shown(path)
            if name in found:
                raise SourceDataError(
                    f"two files are called {name}", source=self._source, stream=stream, remedy="give each a path of its own"
                )
            seen = _seen(entry)
            how: dict[str, Any] = {"block_size": _BLOCK}
            if protocol in ("http", "https"):
                # one request for the whole, as it is read
                how = {"block_size": 0} | ({"size": size} if size is not None else {})
            file = partial(
                RemoteFile,
                partial(system.open, path, "rb", **how),
                partial(_look, system, path),
                partial(self.patience.ask, stream, name),
                seen,
            )
            found[name] = FoundFile(
                name,
                seen.size,
                seen.changed or seen.version,
                partial(_buffered, file),
                version=seen.version or (f"{seen.changed}/{seen.size}" if seen.changed else None),
                seekable=protocol not in ("http", "https"),
            )
        return sorted(found.values(), key=lambda file: file.name)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _buffered(make: Callable[[], RemoteFile]) -> BinaryIO:
    return io.BufferedReader(make(), buffer_size=64 * 1024)


def _look(system: Any, path: str) -> Seen:
    system.invalidate_cache()
    return _seen(system.info(path))


def _seen(entry: Mapping[str, Any]) -> Seen:
    size = entry.get("size")
    return Seen(_first(entry, _VERSION), _first(entry, _CHANGED), size if isinstance(size, int) else None)


class _Asking:
    """Questions to one file system."""

    def __init__(self, system: Any, patience: Patience, stream: str, where: str) -> None:
        self._system, self._ask = system, partial(patience.ask, stream, where)

    def look_at(self, path: str) -> list[Mapping[str, Any]]:
        """What is known of one file; nothing if it is not there."""
        try:
            return [self._ask(partial(self._system.info, path))]
        except FileNotFoundError:
            return []

    def matches(self, folder: str, parts: list[str]) -> Iterator[Mapping[str, Any]]:
        """The files below a folder whose path matches a pattern's parts."""
        head, rest = parts[0], parts[1:]
        if head == "**":
            yield from self.matches(folder, rest or ["*"])
        for entry in self._listed(folder):
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            if name.startswith(".") and not head.startswith("."):
                continue
            if entry.get("type") == "directory":
                deeper = parts if head == "**" else rest if rest and fnmatchcase(name, head) else None
                if deeper:
                    yield from self.matches(str(entry["name"]).rstrip("/"), deeper)
            elif not rest and head != "**" and fnmatchcase(name, head):
                yield entry

    def _listed(self, folder: str) -> list[Mapping[str, Any]]:
        try:
            entries = self._ask(partial(self._system.ls, folder, detail=True))
        except FileNotFoundError:
            return []
        return [entry for entry in entries if str(entry["name"]).strip("/") != folder.strip("/")]


def _first(entry: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = entry.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, datetime):
            return repr(value.timestamp())
        return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value)
    return None


def _idle_only(seconds: float) -> Any:
    """A limit for each wait, and none for the whole, which may take hours."""
    from aiohttp import ClientTimeout

    return ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)
