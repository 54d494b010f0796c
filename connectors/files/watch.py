"""Whether a file of this machine is still the one whose reading began: who writes into it meanwhile would have us read half of what
was there and half of what came, and a line that is neither.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_SHOWN = 64 * 1024


class Watch:
    """Looks at a file now and then.

    A file that is put in the place of this one by renaming, or taken away, does not change what is open. It does so only before
    the first look, as a reader opens a file more than once to begin with. What only grows at its end stays the same as far as it
    went.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = path.stat()
        self._known, self._print, self._looked = self._begun, self._ends(), False

    def changed(self) -> bool:
        """Whether it is another file than when reading began. Raises `OSError`."""
        first, self._looked = not self._looked, True
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return first
        if now.st_ino != self._begun.st_ino:
            return first
        if (now.st_size, now.st_mtime_ns) == (self._known.st_size, self._known.st_mtime_ns):
            return False
        self._known = now
        return now.st_size < self._begun.st_size or self._ends() != self._print

    def _ends(self) -> bytes:
        """What tells its content as it was when reading began: its beginning, and what was its end."""
        size = self._begun.st_size
        with self._path.open("rb") as data:
            seen = hashlib.blake2b(data.read(min(size, _SHOWN)))
            data.seek(max(0, size - _SHOWN), os.SEEK_SET)
            seen.update(data.read(min(size, _SHOWN)))
        return seen.digest()
