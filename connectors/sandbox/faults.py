"""Faults on demand: make a vendor fail, throttle, cut an answer short or serve a page twice, for so many requests.

Set by ``POST /_sandbox/faults`` with ``{"vendor": "stripe", "status": 500, "count": 2}``; instead of a status ``"truncate": true``
or ``"repeat_page": true``; with ``"retry_after": seconds`` and ``"path": "/v1/charges"`` (a prefix) if wanted. ``"after": true``
with a status: the request takes effect all the same. ``"hang": seconds``: it takes effect, and the answer comes so much later.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from connectors.sandbox.systems import systems

VENDORS = ("stripe", "zendesk", "shopify", "google_ads", *(system.name for system in systems()))


@dataclass
class Fault:
    """One fault, for the next ``count`` requests of a vendor whose path begins with ``path``, by ``method`` if one is named."""

    vendor: str
    status: int | None = None
    count: int = 1
    retry_after: float | None = None
    truncate: bool = False
    repeat_page: bool = False
    path: str = ""
    after: bool = False
    hang: float | None = None
    method: str = ""

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Fault:
        """From JSON. Raises `ValueError` that says what is wrong."""
        unknown = set(given) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown key {min(unknown)!r}")
        fault = cls(**given)
        if fault.vendor not in VENDORS:
            raise ValueError(f"vendor must be one of {', '.join(VENDORS)}")
        if [fault.status is not None, fault.truncate, fault.repeat_page, fault.hang is not None].count(True) != 1:
            raise ValueError("exactly one of status, truncate, repeat_page, hang is needed")
        if fault.after and fault.status is None:
            raise ValueError("after goes with a status")
        return fault


class Faults:
    """The faults that are set, and the last page of every path."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._last: dict[tuple[str, str], bytes] = {}

    def add(self, fault: Fault) -> None:
        """Set one more."""
        self._set.append(fault)

    def clear(self) -> None:
        """Forget all."""
        self._set.clear()

    def due(self, vendor: str, path: str, method: str) -> Fault | None:
        """The first fault that strikes this request; it then has one less to strike."""
        for fault in self._set:
            if fault.vendor == vendor and path.startswith(fault.path) and fault.method in ("", method):
                fault.count -= 1
                if fault.count <= 0:
                    self._set.remove(fault)
                return fault
        return None

    def last_page(self, vendor: str, path: str) -> bytes | None:
        """What was last served there, if anything."""
        return self._last.get((vendor, path))

    def served(self, vendor: str, path: str, content: bytes) -> None:
        """Remember a page."""
        self._last[vendor, path] = content
