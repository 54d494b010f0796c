"""One reader of a source at a time, whichever process it is in: two would land parts of the same numbers over each other's."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.contract.errors import WarehouseAccessError


class ReadingLock:
    """A kernel lock on a file in the source's landing folder; it frees itself when the process ends, however that ends."""

    def __init__(self, root: Path, source: str) -> None:
        self._file, self._source = root / source / "reading.lock", source
        self._held: int | None = None

    def acquire(self) -> None:
        """Wait for whoever reads the source, and hold it. Raises `WarehouseAccessError` if the landing folder cannot be used."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            held = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise WarehouseAccessError(
                f"cannot write to the landing folder {self._file.parent} ({error.strerror})",
                source=self._source,
                remedy="free disk space or mend the folder's permissions, then run the sync again",
            ) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
        except BaseException:
            os.close(held)
            raise
        self._held = held

    def release(self) -> None:
        """Let others read; any thread may."""
        if self._held is not None:
            held, self._held = self._held, None
            os.close(held)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for the length of a with block."""
        self.acquire()
        try:
            yield
        finally:
            self.release()
