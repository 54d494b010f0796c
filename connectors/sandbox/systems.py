"""The systems that joined the world after the first four, each a subpackage of its own; adding one is adding its line here.

A system draws only from random streams of its own (`draw.stream(seed, name, ...)`), so that its presence changes nothing in the
others: the same seed gives the same people, accounts and orders with or without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.sandbox.state import Sandbox
    from connectors.sandbox.wire import VendorApi
    from connectors.sandbox.world import World


@dataclass(frozen=True)
class System:
    """One vendor's system, as world, clock and server see it.

    Attributes:
        name: its name in the truth, in hub.yaml and as the first part of its URLs.
        books: (seed, origin) -> its empty books; they lie in ``world.books[name]``.
        past: (world, end) -> None; puts on the agenda what happened before ``end``.
        day: (world, day, start, end) -> None; puts on the agenda what one more day brings, between two times (unix seconds).
        writes: what can be written through its API, by name (``xero.create_contact``), see writes.py.
        api: its protocol over a sandbox.
        counts: live records by stream.
        source: what stands under its key in hub.yaml, apart from base_url; secrets as ``${VARIABLE}``.
        env: the values of those variables.
    """

    name: str
    books: Callable[[int, int], Any]
    past: Callable[[World, int], None]
    day: Callable[[World, int, int, int], None]
    writes: Mapping[str, Callable[..., Any]]
    api: Callable[[Sandbox], VendorApi]
    counts: Callable[[Any], dict[str, int]]
    source: Mapping[str, Any]
    env: Mapping[str, str]


_SYSTEMS: tuple[str, ...] = ("meta", "woocommerce", "xero", "freshdesk")


@cache
def systems() -> tuple[System, ...]:
    """The systems, in the order in which they joined."""
    return tuple(import_module(f"connectors.sandbox.{name}").SYSTEM for name in _SYSTEMS)
