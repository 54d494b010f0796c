"""What all of Freshdesk's lists have in common: IDs, times, and the making of records and rejects."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import simplejson

from connectors.contract import Checkpoint, Page, Record, Reject

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """One of the lists that make up a stream.

    Attributes:
        name: what it is called in the checkpoint.
        params: what asks for it.
        gone: the flag of its records, if they are gone for us.
    """

    name: str
    params: Mapping[str, str]
    gone: str | None = None

    def mistaken(self, items: list[Any], place: str) -> bool:
        """True if records came as gone that do not say so themselves: then this is not the list that was asked for."""
        if self.gone is None or all(item.get(self.gone) is True for item in items if isinstance(item, dict)):
            return False
        log.warning("%s: the list of %s holds records that are not marked so; it is left unread this time", place, self.name)
        return True

    def page(self, items: list[Any], checkpoint: Checkpoint) -> Page:
        """The items as records; what has no ID is set aside."""
        records: list[Record] = []
        rejects: list[Reject] = []
        for number, item in enumerate(items, 1):
            key = key_of(item)
            if key is None:
                content = simplejson.dumps(item, use_decimal=True)
                after = records[-1].id if records else "the page's beginning"
                rejects.append(Reject(content, "it has no field id", f"{self.name}, item {number} of those new, after {after}"))
            else:
                records.append(Record(key, item, changed(item), "delete" if self.gone else "upsert"))
        return Page(records, checkpoint, rejects)


def before(page: Page, until: datetime) -> Page:
    """The page without what changed at that time or later."""
    return replace(page, records=[r for r in page.records if r.updated_at is None or r.updated_at < until])


def key_of(item: Any) -> str | None:
    """A record's ID, None if it has none."""
    found = item.get("id") if isinstance(item, dict) else None
    return str(found) if isinstance(found, int | str) and not isinstance(found, bool) and found != "" else None


def changed(item: Any) -> datetime | None:
    """When a record last changed, as far as it says so."""
    return moment_of(item.get("updated_at")) if isinstance(item, dict) else None


def moment_of(value: Any) -> datetime | None:
    """An ISO 8601 time with its zone, else None."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def text_of(moment: datetime) -> str:
    """A time as Freshdesk writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def latest(*moments: datetime | None) -> datetime | None:
    """The latest of those there are."""
    return max((moment for moment in moments if moment), default=None)
