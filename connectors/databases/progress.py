"""How far a reading of a table has come: its checkpoint, and where the next one begins.

Between readings the checkpoint holds ``since``, the last value of `updated_at` that was read but not later than the moment from
which on changes may have been invisible. The next reading begins there, set back by the look-back. So that a table in which
nothing happens is not read again and again for its last rows, ``window`` holds how many rows lay in the look-back, once it lies
wholly in the past: if there are as many the next time, they are passed over.

Within a reading it holds ``at``: the row after which it goes on; or ``place``, in a first reading by where the rows lie.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from connectors.contract import Checkpoint
from connectors.databases import cursor
from connectors.databases.blocks import Place
from connectors.databases.settings import SqlStream


def identity_of(stream: SqlStream) -> str:
    """A digest of what a checkpoint depends on; with another table or cursor it means nothing."""
    said = [stream.table, stream.query, stream.updated_at if stream.incremental else None, stream.id]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=6).hexdigest()


@dataclass
class Progress:
    """The checkpoint as reading goes on.

    Attributes:
        of: see `identity_of`.
        since, window: see above.
        rows: of a whole reading: how many rows it brought, or the last one did.
        began: the moment from which on changes may be invisible to the reading under way; None between readings.
        seen: the last value of `updated_at` in the reading under way.
        undated: whether it is still at the rows without a time.
        at: values of cursor (only with one) and ID of the last row read.
        place: of a reading by where rows lie: how far it has come.
    """

    of: str
    since: Any = None
    window: int | None = None
    rows: int = 0
    began: datetime | None = None
    seen: Any = None
    undated: bool = True
    at: list[Any] = field(default_factory=list)
    place: Place | None = None

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint | None, of: str) -> Progress:
        """From a checkpoint; anew if it was that of another table or cursor."""
        given = checkpoint or {}
        if given.get("of") != of:
            return cls(of)
        began = given.get("began")
        return cls(
            of,
            since=cursor.unpack(given.get("since")),
            window=given.get("window"),
            rows=int(given.get("rows", 0)),
            began=datetime.fromisoformat(began) if began else None,
            seen=cursor.unpack(given.get("seen")),
            undated=bool(given.get("undated", False)),
            at=[cursor.unpack(value) for value in given.get("at", ())],
            place=Place(*given["place"]) if "place" in given else None,
        )

    def checkpoint(self) -> dict[str, Any]:
        """As a checkpoint."""
        kept = {
            "of": self.of,
            "since": cursor.pack(self.since),
            "window": self.window,
            "rows": self.rows or None,
            "began": self.began.isoformat() if self.began else None,
            "seen": cursor.pack(self.seen),
            "undated": (self.began is not None and self.undated) or None,
            "at": [cursor.pack(value) for value in self.at] or None,
            "place": self.place and [self.place.file, self.place.block, self.place.horizon],
        }
        return {name: value for name, value in kept.items() if value is not None}

    def begin(self, open_since: datetime) -> None:
        """A reading begins."""
        self.began, self.seen, self.undated, self.at, self.rows = open_since.astimezone(UTC), None, True, [], 0
        self.place = None

    def dated(self) -> None:
        """The rows without a time are done."""
        self.undated, self.at = False, []

    def end(self, zone: tzinfo) -> None:
        """The reading has come to its end: move `since`."""
        latest = self.seen
        if latest is None or (self.since is not None and cursor.later(self.since, latest, zone)):
            latest = self.since
        if latest is not None and self.began is not None:
            limit = cursor.written_as(self.began, latest, zone)
            if limit is not None and cursor.later(latest, limit, zone):
                latest = limit
        if latest != self.since:
            self.since, self.window = latest, None

    def close(self) -> None:
        """Between readings again."""
        self.began, self.seen, self.undated, self.at, self.place = None, None, True, [], None

    def settled(self, lookback: float, zone: tzinfo) -> bool:
        """Whether what lies in the look-back behind `since` was wholly past when the reading began."""
        if self.began is None or self.since is None:
            return False
        reach = cursor.written_as(self.began - timedelta(seconds=lookback), self.since, zone)
        # in the hour that comes twice a time says too little
        return reach is not None and cursor.later(cursor.set_back(reach, 0, zone), self.since, zone)
