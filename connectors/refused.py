"""The error for a request that the vendor understood and refuses, with what it said, for those who can do something about it."""

from __future__ import annotations

from typing import Any

from hub.contract.errors import ProtocolError


class RefusedError(ProtocolError):
    """A refusal other than of our credentials.

    Attributes:
        status: the HTTP status.
        body: what came with it, parsed; it may quote a person's values and belongs into no message.
    """

    status: int = 0
    body: Any = None
