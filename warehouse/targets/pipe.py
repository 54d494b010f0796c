"""A pipe with a path, for drivers that read what they send from a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator


class Pipe:
    """What is written, as a path that can be read once: no value comes to lie on a disk."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks, self._failed = chunks, list[BaseException]()
        self._reads, self._writes = os.pipe()
        self._thread = threading.Thread(target=self._fill, daemon=True)

    def _fill(self) -> None:
        try:
            with os.fdopen(self._writes, "wb", buffering=0) as out:
                for chunk in self._chunks:
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[out.write(rest) :]
        except BrokenPipeError:
            pass  # nobody reads any more; whoever read says why
        except BaseException as error:
            self._failed.append(error)

    def __enter__(self) -> str:
        self._thread.start()
        return f"/dev/fd/{self._reads}"

    def __exit__(self, *_: object) -> None:
        os.close(self._reads)
        self._thread.join()
        if self._failed:
            raise self._failed[0]
