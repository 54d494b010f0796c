"""Which files are to be read: the checkpoint of a file stream, compared with the files that are there.

A file is new or changed by its content; size and time of change only spare us looking at it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from connectors.contract import Checkpoint
from connectors.files.rows import Position

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class FoundFile:
    """A file that matches.

    Attributes:
        name: as the checkpoint knows it.
        size: None where the storage does not tell.
        changed: what shows at a glance that it may have changed: its time of change (ns), or what the storage has for one.
        open: gives its bytes.
        path: where it lies on this machine, if it does.
        version: what its storage says of its content (an ETag, a checksum), which spares reading it to find out.
        seekable: whether reading can jump about in it without reading what lies between.
    """

    name: str
    size: int | None
    changed: int | str | None
    open: Callable[[], BinaryIO]
    path: Path | None = None
    version: str | None = None
    seekable: bool = True

    def digest(self) -> str:
        """Of the content. Raises `OSError`."""
        if self.version is not None:
            return self.version
        hashed = hashlib.blake2b(digest_size=16)
        with self.open() as data:
            while chunk := data.read(_CHUNK):
                hashed.update(chunk)
        return hashed.hexdigest()

    def mark(self, digest: str) -> list[int | str | None]:
        """What the checkpoint keeps of it."""
        return [self.size, self.changed, digest]


@dataclass
class Progress:
    """The checkpoint as reading goes on.

    Attributes:
        files: name -> size, time of change and digest of each file that was read.
        partial: the file being read, its digest and the position its reader has reached.
        unfinished: whether a reading of all files is under way (only with ``deletes: snapshot``).
        begins: whether `plan` found that one has to start; not kept.
    """

    files: dict[str, list[int | str | None]] = field(default_factory=dict)
    partial: tuple[str, str, Position] | None = None
    unfinished: bool = False
    begins: bool = False

    @classmethod
    def of(cls, checkpoint: Checkpoint | None) -> Progress:
        """From a checkpoint."""
        given = checkpoint or {}
        started = given.get("partial")
        # a position that is a number is of an earlier version, which counted rows: that file is read from its beginning
        partial = (started[0], started[1], started[2]) if started and isinstance(started[2], Mapping) else None
        return cls(dict(given.get("files", {})), partial, "unfinished" in given)

    def checkpoint(self) -> dict[str, Any]:
        """As a checkpoint."""
        kept: dict[str, Any] = {"files": dict(self.files)}
        if self.partial:
            kept["partial"] = [*self.partial[:2], dict(self.partial[2])]
        if self.unfinished:
            kept["unfinished"] = True
        return kept

    def position(self, file: FoundFile, digest: str) -> Position | None:
        """Where in a file an earlier reading stopped; None: before its beginning."""
        return self.partial[2] if self.partial and self.partial[:2] == (file.name, digest) else None

    def plan(self, found: Sequence[FoundFile], *, snapshot: bool) -> list[tuple[FoundFile, str]]:
        """The files to read, each with its digest; notes those that were only touched. Raises `OSError`."""
        changed = []
        for file in found:
            known = self.files.get(file.name)
            if known and file.changed is not None and known[:2] == [file.size, file.changed]:
                continue
            digest = file.digest()
            if known and known[2] == digest:
                self.files[file.name] = file.mark(digest)
            else:
                changed.append((file, digest))
        gone = self.files.keys() - {file.name for file in found}
        digests = {file.name: digest for file, digest in changed}
        # of the file that was being read, rows have landed that it may not have any more
        disowned = self.partial is not None and digests.get(self.partial[0]) != self.partial[1]
        if not snapshot or not (changed or gone or disowned):
            return changed
        if self.unfinished and not gone and not disowned and not self.files.keys() & digests.keys():
            return changed
        known_digests = {name: str(mark[2]) for name, mark in self.files.items()} | digests
        self.files, self.partial, self.unfinished, self.begins = {}, None, True, True
        return [(file, known_digests[file.name]) for file in found]

    def finished(self, file: FoundFile, digest: str, *, last: bool) -> None:
        """Note that a file was read to its end."""
        self.files[file.name] = file.mark(digest)
        self.partial = None
        self.unfinished = self.unfinished and not last
