"""What the control store keeps of the write-back: each field's state, echoes, dead letters, and the last run of each source."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from connectors.delivery import Delivery, Wish
from hub.contract.errors import NotFoundError
from pipelines.context import Hub
from pipelines.writeback.owed import Owed
from warehouse.control import utcnow
from warehouse.writeback_tables import writeback_echo, writeback_field, writeback_run

TRIES = 3  # runs in which a record did not get through although the vendor answered others; then it is a dead letter
_CHUNK = 500
Place = tuple[str, str]  # source and stream


class Known(NamedTuple):
    """What the outbox knows of a field: the digest of what was last seen there of ours, and how often it did not get through."""

    digest: str | None
    attempts: int


class Outbox:
    """The state of one stream.

    Args:
        load_id: the load that is delivered.
    """

    def __init__(self, hub: Hub, place: Place, load_id: str) -> None:
        self._control, self._place, self._load = hub.control, place, load_id

    def state(self) -> pd.DataFrame:
        """All its rows."""
        return self._control.frame_of(sa.select(writeback_field).where(*_at(writeback_field, self._place)))

    def begin(self, wishes: Iterable[Wish]) -> None:
        """Note that these are about to be written. If the process dies before `note`, what their fields hold is not known."""
        table = writeback_field
        by_field: dict[str, list[str]] = defaultdict(list)
        for wish in wishes:
            for name in wish.fields:
                by_field[name].append(wish.record)
        for name, records in by_field.items():
            for chunk in _chunks(records):
                these = (*_at(table, self._place), table.c.field == name, table.c.source_record_id.in_(chunk))
                self._control.run(sa.update(table).where(*these, table.c.status == "confirmed").values(status="owed"))

    def note(self, deliveries: Iterable[Delivery], owed: Owed, known: Mapping[tuple[str, str], Known]) -> None:
        """Keep what became of wishes.

        Args:
            known: (record, field) -> what the outbox knew before.
        """
        now = utcnow()
        rows, echoes = [], []
        for delivery in deliveries:
            for name, fate in delivery.fates.items():
                wanted = owed.digests[delivery.record, name]
                done = fate in ("sent", "found")
                before = known.get((delivery.record, name), Known(None, 0)) if fate in ("dead", "owed") else Known(None, 0)
                rows.append(
                    {
                        **self._key(delivery.record),
                        "field": name,
                        "attribute": owed.attributes[name],
                        "status": "confirmed" if done else fate,
                        "wanted_digest": wanted,
                        "confirmed_digest": wanted if done else before.digest,
                        "reason": None if done else delivery.reason,
                        "attempts": before.attempts,
                        "load_id": self._load,
                        "tried_at": now,
                        "confirmed_at": now if done else None,
                    }
                )
            if delivery.after is not None and delivery.before is not None and delivery.after != delivery.before:
                echoes.append({**self._key(delivery.record), "echo_at": _naive(delivery.after), "before": _naive(delivery.before)})
        self._note_echoes(echoes)
        self._control.put(writeback_field, rows)

    def _key(self, record: str) -> dict[str, str]:
        return {"source_system": self._place[0], "stream": self._place[1], "source_record_id": record}

    def _note_echoes(self, echoes: Sequence[dict[str, Any]]) -> None:
        """Keep the echoes: a record whose last change was an echo already is as old as it was before that one."""
        table = writeback_echo
        for start in range(0, len(echoes), _CHUNK):
            chunk = list(echoes[start : start + _CHUNK])
            records = [echo["source_record_id"] for echo in chunk]
            query = sa.select(table).where(*_at(table, self._place), table.c.source_record_id.in_(records))
            known = {row["source_record_id"]: row for row in self._control.rows(query)}
            for echo in chunk:
                before, earlier = echo.pop("before"), known.get(echo["source_record_id"])
                chained = earlier is not None and earlier["echo_at"] == before
                echo["source_updated_at"] = earlier["source_updated_at"] if chained and earlier else before
            self._control.put(table, chunk)

    def count_tries(self, records: Iterable[str]) -> int:
        """Count one more try against records that did not get through; after `TRIES` their fields are dead letters: how many."""
        table, dead = writeback_field, 0
        for chunk in _chunks(records):
            these = (*_at(table, self._place), table.c.source_record_id.in_(chunk), table.c.status == "owed")
            self._control.run(sa.update(table).where(*these).values(attempts=table.c.attempts + 1))
            dead += self._control.run(sa.update(table).where(*these, table.c.attempts >= TRIES).values(status="dead"))
        return dead

    def forget(self, records: Iterable[str], fields: Iterable[str]) -> None:
        """Forget records that the load does not have any more, and letters about fields that are not written any more."""
        table = writeback_field
        stray = (table.c.field.not_in(list(fields)), table.c.status != "confirmed")
        self._control.run(sa.delete(table).where(*_at(table, self._place), *stray))
        for chunk in _chunks(records):
            for table in (writeback_field, writeback_echo):
                self._control.run(sa.delete(table).where(*_at(table, self._place), table.c.source_record_id.in_(chunk)))


def _at(table: sa.Table, place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.source_system == place[0], table.c.stream == place[1]


def _chunks(items: Iterable[str]) -> list[list[str]]:
    all_items = list(items)
    return [all_items[start : start + _CHUNK] for start in range(0, len(all_items), _CHUNK)]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def letters(hub: Hub, source: str | None, statuses: Sequence[str], limit: int | None = None) -> list[dict[str, Any]]:
    """Fields that are not as they should be, the newest first: dead letters, values of others, records that are gone."""
    table = writeback_field
    query = sa.select(table).where(table.c.status.in_(statuses)).order_by(table.c.tried_at.desc(), table.c.source_record_id)
    if source is not None:
        query = query.where(table.c.source_system == source)
    hidden = ("wanted_digest", "confirmed_digest")
    found = hub.control.rows(query if limit is None else query.limit(limit))
    return [{name: value for name, value in row.items() if name not in hidden} for row in found]


def replay(hub: Hub, source: str | None, records: Sequence[str], statuses: Sequence[str], *, by: str) -> int:
    """Have fields tried again with the next run, and say how many.

    Args:
        records: their source record IDs; none means all.

    Raises:
        NotFoundError: there are none.
    """
    table = writeback_field
    these: list[sa.ColumnElement[bool]] = [table.c.status.in_(statuses)]
    if source is not None:
        these.append(table.c.source_system == source)
    if records:
        these.append(table.c.source_record_id.in_(records))
    done = hub.control.run(sa.update(table).where(*these).values(status="owed", attempts=0))
    if not done:
        raise NotFoundError("there is nothing to replay", remedy="hub writeback list shows what there is")
    detail = json.dumps({"fields": done, "statuses": list(statuses), "records": list(records)})
    hub.control.audit("writeback_replay", source or "all sources", actor=by, detail=detail, automatic=False)
    return done


def runs(hub: Hub) -> dict[str, dict[str, Any]]:
    """The last run of each source."""
    return {row["source_system"]: row for row in hub.control.rows(sa.select(writeback_run))}


def note_run(hub: Hub, row: Mapping[str, Any]) -> None:
    """Keep what a run did."""
    hub.control.put(writeback_run, [row])
