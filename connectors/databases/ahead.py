"""What comes next, gathered by a thread of its own while what came before is worked on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], give_up: Callable[[], object]) -> Generator[T, None, None]:
    """The items; while one is in use, the next one is made in the other thread, and no more than that.

    Args:
        items: run in the other thread, but for their end when they are not wanted to the last.
        give_up: makes whatever the items wait for fail soon; called when they are not wanted any more.
    """
    with closing(items), ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming: Future[list[T]] = thread.submit(_one, items)
        wanted = True
        try:
            while item := coming.result():
                coming = thread.submit(_one, items)
                yield item[0]
            wanted = False
        finally:
            if wanted and not coming.done():
                give_up()


def _one(items: Generator[T, None, None]) -> list[T]:
    """The next item; none when there are no more. A `StopIteration` cannot leave a future."""
    for item in items:
        return [item]
    return []
