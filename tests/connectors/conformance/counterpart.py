"""A vendor's stream as the suite drives it: how a record is put, changed and removed there, which requests are for a page of
records, and where in an answer the records lie. What it cannot be asked, it lists in `bypass`, each with the reason.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.contract import Connector, SourceSettings
from connectors.registry import connector_class
from tests.connectors.conformance.vendor import SandboxVendor, Vendor, marked
from tests.loopback import Reply, Request

PATIENCE = {"attempts": 4, "backoff_seconds": 0.0, "max_wait_seconds": 300.0, "timeout_seconds": 10.0}


class Counterpart(Vendor):
    """One stream of one vendor.

    Class attributes:
        type_name: the connector's.
        stream: the stream's name.
        bypass: name of a case -> why it cannot be asked of this stream.
        mark_at: where in a payload its mark stands: keys of objects and places in lists.
        lookback: seconds that each reading looks back behind its watermark; 0 where the source itself keeps the order.
        page_size: records per page; small, so that a handful of records makes several pages.
        keep: fields of a record that must stay as they are for it to be a record at all.
        whole_only: whether what is gone is learnt only when everything is read again.
        gone: what the column status says of a record that stays although it is gone; for streams that declare `Deletes.FLAG`.
    """

    type_name: ClassVar[str]
    stream: ClassVar[str]
    bypass: ClassVar[Mapping[str, str]] = {}
    lookback: ClassVar[int] = 0
    page_size: ClassVar[int] = 3
    keep: ClassVar[frozenset[str]] = frozenset({"id"})
    mark_at: ClassVar[tuple[str | int, ...]] = ()
    whole_only: ClassVar[bool] = False
    gone: ClassVar[str] = "deleted"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.marks: dict[str, str] = {}
        self._serial = 0

    # what happens there ----------------------------------------------------------------------------------------

    def put(self, key: str | None = None, *, ago: int = 0) -> str:
        """Make a record, or change one, so that its content is new; it happened ``ago`` seconds ago. Returns its record ID."""
        self._serial += 1
        mark = f"Mark {self._serial:04d}"
        key = self.write(key, mark, self.time - ago)
        self.marks[key] = mark
        return key

    def remove(self, key: str) -> None:
        """Delete a record in the way this vendor's records go."""
        self.delete(key, self.time)
        del self.marks[key]

    @abstractmethod
    def write(self, key: str | None, mark: str, at: int) -> str:
        """Make a record that bears the mark, or give an old one that mark, at a time (unix seconds). Returns its ID."""

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        """The mark a payload bears, None if it is none of ours, or is there but says that it is gone."""
        return marked(at(payload, *self.mark_at))

    def delete(self, key: str, at: int) -> None:
        """See `remove`."""
        raise AssertionError("bypass the case with a reason, or say how a record is deleted")

    def touch(self, key: str) -> None:
        """Change a record in nothing but the time of its change, as a write-back of ours does."""
        raise AssertionError("bypass the case with a reason, or say how a record is touched")

    def merge(self, loser: str, winner: str) -> None:
        """Merge two records."""
        raise AssertionError("bypass the case with a reason, or say how records are merged")

    # what is asked ---------------------------------------------------------------------------------------------

    @abstractmethod
    def is_page(self, request: Request) -> bool:
        """Whether a request asks for a page of the stream's records (not for a token, an account or a list of changes)."""

    @abstractmethod
    def records_in(self, body: Any) -> list[Any]:
        """The list of records in an answer to such a request, to be changed in place."""

    def shifted(self, request: Request, seconds: int) -> Request:
        """The same request with the time from which it asks for changes moved."""
        raise AssertionError("bypass the case with a reason, or say where a request names its time")

    def refused(self, request: Request) -> bool:
        """Which requests are refused to one who may not read the stream: by default those for its pages."""
        return self.is_page(request)

    def is_token(self, request: Request) -> bool:
        """Whether a request is for an access token."""
        raise AssertionError("bypass the case with a reason, or say where tokens are given")

    def end_access(self) -> None:
        """Let the access tokens given so far run out."""
        raise AssertionError("bypass the case with a reason, or let access tokens run out")

    def child(self, request: Request) -> bool:
        """Whether a request is for a part of one record only (its metrics, its refunds)."""
        raise AssertionError("bypass the case with a reason, or say which requests are for a child")

    # how it answers --------------------------------------------------------------------------------------------

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        """Every way in which this vendor says "slow down", by name."""

        def until() -> str:
            return format_datetime(datetime.fromtimestamp(datetime.now(UTC).timestamp() + 9, UTC), usegmt=True)

        return {
            "429 with seconds": lambda: Reply({}, 429, {"retry-after": "7"}),
            "429 with a date": lambda: Reply({}, 429, {"retry-after": until()}),
            "429 without a header": lambda: Reply({}, 429),
            "503 with seconds": lambda: Reply({}, 503, {"retry-after": "7"}),
        }

    def forbidden(self) -> Reply:
        """How this vendor says that we may not read."""
        return Reply({"error": "forbidden"}, 403)

    def unauthorised(self) -> Reply:
        """How this vendor says that it does not know our credentials."""
        return Reply({"error": "unauthorized"}, 401)

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """The checkpoint as it would be had we been away for longer than the vendor remembers changes."""
        raise AssertionError("bypass the case with a reason, or age the checkpoint")

    def future(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """The checkpoint as it would be had a clock been wrong by years. By default every time in it is moved."""
        moved = _moved(checkpoint)
        assert moved != checkpoint, "the checkpoint holds no time; bypass the case or say what the future is"
        return dict(moved)

    # amounts ---------------------------------------------------------------------------------------------------

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        """A payload worth ``amount`` major units as the vendor writes it: (staging table, column, payload)."""
        raise AssertionError("bypass the case with a reason, or make a payload that bears an amount")

    # connecting ------------------------------------------------------------------------------------------------

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What stands under the source in hub.yaml, with base_url; environment variables are set by it."""

    def connect(self) -> Connector:
        """A new connector to this server."""
        cls = connector_class(self.type_name)
        given: SourceSettings = cls.Settings(**{"type": self.type_name, "retry": PATIENCE, **self.settings()})
        return cls(self.type_name, given, self.folder / "private")


class SandboxCounterpart(SandboxVendor, Counterpart):
    """A counterpart whose server is the sandbox's own."""


def at(value: Any, *path: str | int) -> Any:
    """What lies in parsed JSON under keys of objects and places in lists; None if anything on the way is missing."""
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        else:
            value = value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None
    return value


_YEARS = 3 * 365 * 86_400


def _moved(value: Any) -> Any:
    """Every time in a JSON value moved three years on: unix seconds, ISO dates and times."""
    if isinstance(value, dict):
        return {_moved(name): _moved(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part) for part in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and 10**9 < value < 10**10:
        return value + _YEARS
    if isinstance(value, str) and value.isdigit() and 10**9 < int(value) < 10**10:
        return str(int(value) + _YEARS)
    if isinstance(value, str):
        try:
            if len(value) == 10:
                return date.fromordinal(date.fromisoformat(value).toordinal() + 3 * 365).isoformat()
            moved = datetime.fromtimestamp(datetime.fromisoformat(value).timestamp() + _YEARS, UTC)
        except ValueError:
            return value
        return moved.isoformat().replace("+00:00", "Z") if value.endswith("Z") else moved.isoformat()
    return value
