"""What is made when first asked for and kept, once however many threads ask at the same time.

`functools.cached_property` does not promise that (its documentation says so), and since Python 3.12 it does not do it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):
    """A property whose value is kept in the instance's ``__dict__`` under its own name; who finds it being made waits for it."""

    def __init__(self, make: Callable[[Any], Value]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: Any, owner: type) -> Value | once[Value]:
        if instance is None:
            return self
        kept = instance.__dict__
        turn = kept.setdefault(f"{self._name}: whose turn it is to make it", threading.RLock())
        with turn:
            if self._name not in kept:
                kept[self._name] = self._make(instance)
            value: Value = kept[self._name]
            return value
