"""Where backups lie: pieces of files under the digest of their content, and one manifest per backup that says which make what.

A piece that an earlier backup left is not written again, so that a backup costs what changed: published loads differ from each
other in little, and DuckDB leaves the blocks of its file where they are. The place is a folder or any storage that fsspec speaks
to. A backup exists once its manifest does, which is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hub.contract.errors import NotFoundError, WarehouseAccessError

PIECE_BYTES = 4 * 1024 * 1024
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Entry:
    """A file of a backup.

    Attributes:
        place: what it is, as a path: ``warehouse``, ``control``, ``hub.yaml``, ``published/…``, ``private/…``, ``gate/…``.
        size: bytes.
        mode: permissions.
        pieces: digests of what it consists of, in order.
    """

    place: str
    size: int
    mode: int
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Backup:
    """What a manifest says.

    Attributes:
        taken_at: ISO 8601, UTC.
        live: the published load that analysts saw then; None before the first.
        figures: what the restored stores must hold again: rows of each table, digests of the IDs.
        written_bytes: how much of it was new in the storage.
    """

    backup_id: str
    taken_at: str
    live: str | None
    figures: dict[str, str]
    entries: tuple[Entry, ...] = field(repr=False)
    written_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.entries)


class Storage:
    """One place of backups.

    Args:
        where: a folder, or an URL that fsspec knows, such as ``s3://bucket/hub``.
        options: what fsspec's file system of that protocol takes.

    Raises:
        WarehouseAccessError: no such protocol, or its library is not installed.
    """

    def __init__(self, where: str, options: dict[str, Any] | None = None) -> None:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]
        from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

        self.where = where
        try:
            self._fs, self._root = url_to_fs(where, **(options or {}))
        except (ImportError, ValueError) as error:
            raise WarehouseAccessError(
                f"cannot keep backups at {where} ({str(error).splitlines()[0]})",
                remedy="name a folder, or a URL whose fsspec library is installed",
            ) from error
        self._is_folder = isinstance(self._fs, LocalFileSystem)

    def write(self, place: str, path: Path) -> tuple[Entry, int]:
        """Keep a file; yields its entry and how many bytes were not there yet."""
        pieces, new = [], 0
        with self._failing("written"), path.open("rb") as source:
            while piece := source.read(PIECE_BYTES):
                digest = _digest(piece)
                target = self._piece(digest)
                # one that a crash cut short, where a storage leaves such, has another size
                if self._size(target) != len(piece):
                    self._put(target, piece)
                    new += len(piece)
                pieces.append(digest)
        info = path.stat()
        return Entry(place, info.st_size, info.st_mode & 0o777, tuple(pieces)), new

    def read(self, entry: Entry, into: BinaryIO) -> None:
        """Write a kept file to an open one.

        Raises:
            WarehouseAccessError: a piece is missing or not what it was.
        """
        with self._failing("read"):
            for piece in self.pieces(entry):
                into.write(piece)

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """The content of a kept file, verified piece by piece. Raises as `read` does."""
        size = 0
        for digest in entry.pieces:
            try:
                with self._fs.open(self._piece(digest), "rb") as source:
                    piece = source.read()
            except FileNotFoundError:
                raise self._damaged(entry, f"piece {digest[:12]} is missing") from None
            if _digest(piece) != digest:
                raise self._damaged(entry, f"piece {digest[:12]} is not what was written")
            size += len(piece)
            yield piece
        if size != entry.size:
            raise self._damaged(entry, f"{size} bytes instead of {entry.size}")

    def keep(self, backup: Backup) -> None:
        """Write the manifest: from now on the backup exists."""
        with self._failing("written"):
            self._put(self._manifest(backup.backup_id), json.dumps(asdict(backup), indent=1).encode())

    def backups(self) -> list[Backup]:
        """All that exist, oldest first."""
        with self._failing("read"):
            if not self._fs.exists(f"{self._root}/manifests"):
                return []
            names = sorted(name for name in self._fs.ls(f"{self._root}/manifests", detail=False) if name.endswith(".json"))
            return [self._load(name) for name in names]

    def backup(self, backup_id: str | None) -> Backup:
        """One of them; the newest if none is named.

        Raises:
            NotFoundError: there is none, or not that one.
        """
        found = self.backups()
        if not found:
            raise NotFoundError(f"there is no backup at {self.where}", remedy="take one with hub backup")
        chosen = [backup for backup in found if backup_id in (None, backup.backup_id)]
        if not chosen:
            raise NotFoundError(
                f"there is no backup {backup_id} at {self.where}",
                remedy=f"there are {', '.join(backup.backup_id for backup in found[-5:])}",
            )
        return chosen[-1]

    def forget(self, gone: list[Backup], kept: list[Backup]) -> int:
        """Remove backups, then the pieces that no other needs; the number of pieces removed.

        Raises:
            WarehouseAccessError: something could not be removed; backups that are kept are whole.
        """
        with self._failing("removed"):
            for backup in gone:
                self._fs.rm_file(self._manifest(backup.backup_id))
            needed = {digest for backup in kept for entry in backup.entries for digest in entry.pieces}
            unneeded = {digest for backup in gone for entry in backup.entries for digest in entry.pieces} - needed
            for digest in sorted(unneeded):
                if self._fs.exists(self._piece(digest)):
                    self._fs.rm_file(self._piece(digest))
        return len(unneeded)

    def note(self, name: str) -> bytes | None:
        """What lies beside the backups under a name; None if nothing does. Raises `WarehouseAccessError` if it cannot be read."""
        with self._failing("read"):
            try:
                content: bytes = self._fs.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None
            return content

    def put_note(self, name: str, content: bytes) -> None:
        """Put something beside the backups, in the place of what is there. Raises `WarehouseAccessError` if that fails."""
        with self._failing("written"):
            self._put(f"{self._root}/{name}", content)

    def _load(self, path: str) -> Backup:
        try:
            given = json.loads(self._fs.cat_file(path))
            entries = tuple(Entry(**{**entry, "pieces": tuple(entry["pieces"])}) for entry in given["entries"])
            return Backup(**{**given, "entries": entries})
        except (ValueError, KeyError, TypeError) as error:
            raise WarehouseAccessError(
                f"{path} is no manifest of a backup ({type(error).__name__})", remedy="remove it, or take another place for backups"
            ) from error

    def _size(self, target: str) -> int | None:
        try:
            return int(self._fs.info(target)["size"])
        except FileNotFoundError:
            return None

    def _put(self, target: str, content: bytes) -> None:
        """Write a file. In a folder it gets its name once it is whole and on the disk; object storages do so by themselves."""
        self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if not self._is_folder:
            self._fs.pipe_file(target, content)
            return
        unfinished = f"{target}.{os.getpid()}.tmp"
        with open(unfinished, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)

    def _piece(self, digest: str) -> str:
        return f"{self._root}/pieces/{digest[:2]}/{digest}"

    def _manifest(self, backup_id: str) -> str:
        return f"{self._root}/manifests/{backup_id}.json"

    def _damaged(self, entry: Entry, what: str) -> WarehouseAccessError:
        return WarehouseAccessError(
            f"the backup of {entry.place} at {self.where} is damaged: {what}", remedy="take another backup, see hub backup --list"
        )

    @contextmanager
    def _failing(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WarehouseAccessError(
                f"the backups at {self.where} cannot be {verb} ({error.strerror or type(error).__name__})",
                remedy="check that place, its permissions and its free space, then run this again",
            ) from error


def _digest(piece: bytes) -> str:
    return hashlib.blake2b(piece, digest_size=_DIGEST_BYTES).hexdigest()
