"""Shopify: orders and customers from the Admin GraphQL API. How it is asked is in shopify_api.py, the mapping in shopify.sql.

Both streams are read by ``updatedAt``, oldest change first, page after page by cursor. A record that changes while we read moves to
the end of that order and comes again, unless it lands in the very second that the cursor has reached. Hence the watermark never
passes the moment the reading began, and each sync looks back some way before it, which also covers the delay of Shopify's search
index and a clock of ours that is ahead. For customers Shopify compares whole days, so more may come than was asked for, never less.

An order comes with its refunds and its first lines; the lines of a longer order are read page by page right after it, so that what
is kept is always the whole order. A line's own change is a change of the order.

Deletions are read after the records from the shop's event log (``action:destroy``), which Shopify keeps for one year. A reading
from the beginning takes the whole log, so it may report records that were never seen. An app that may not read events goes on
without: a warning in the log says that deletions are not learnt. Merges of customers inside Shopify are not told by this API: it
answers by the job that merges, which only who began it knows.

Orders older than 60 days come only with the scope read_all_orders; without it Shopify leaves them out and says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import simplejson

from connectors.contract import Checkpoint, Deletes, Page, Record, Reject, Stream
from connectors.ecommerce.shopify_api import API_VERSION, DeniedError, ShopifyApi, ShopifySettings
from connectors.ecommerce.shopify_writer import ShopifyWriter
from connectors.writeback import ValueKind
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

_KINDS: dict[str, Kind] = {"orders": "order", "customers": "party"}


class ShopifyConnector(ShopifyApi):
    """One Shopify shop."""

    type_name = "shopify"
    family = "ecommerce"
    api_version = API_VERSION
    Settings = ShopifySettings

    def streams(self) -> tuple[Stream, ...]:
        """Orders before customers, so that the owner of any order read is among the customers read after it."""
        return tuple(
            Stream(
                name, kind, "legacyResourceId", "updatedAt", Deletes.FEED, partial(self._read, name), partial(self._window, name)
            )
            for name, kind in _KINDS.items()
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> ShopifyWriter | None:
        """Customers' metafields."""
        return ShopifyWriter(self, kinds) if stream == "customers" else None

    def check(self) -> str:
        """The shop's name. Raises `SourceError`."""
        return f"shop {(self.ask('shop', {}, None).get('shop') or {}).get('name')}"

    def _read(self, stream: str, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """What changed, then what was deleted.

        The checkpoint holds ``since`` (watermark of the last whole reading), ``deleted_since`` (newest deletion seen) and, in the
        midst of a reading, ``after`` (the cursor to go on from), ``high`` (newest change so far) and ``began``.
        """
        position: Checkpoint = checkpoint or {}
        for page in self._changed(stream, position):
            position = page.checkpoint
            yield page
        newest = _time(position.get("deleted_since"))
        search = f"created_at:>='{self._look_back(newest)}'" if newest else None
        for records in self._deleted(stream, search):
            newest = _latest(newest, *(record.updated_at for record in records))
            yield Page(records, {"since": position.get("since"), "deleted_since": _iso(newest)})

    def _changed(self, stream: str, position: Checkpoint) -> Iterator[Page]:
        since, high, began = _time(position.get("since")), _time(position.get("high")), _time(position.get("began")) or _now()
        search, cursor = f"updated_at:>='{self._look_back(since)}'" if since else None, position.get("after")
        for nodes, after in self.pages(stream, stream, (stream,), {"query": search}, cursor, resumed=cursor is not None):
            records, rejects = _records(stream, [self._whole(stream, node) for node in nodes])
            high = _latest(high, *(record.updated_at for record in records))
            reached = {"since": _iso(_latest(since, high and min(high, began)))}
            if after:
                reached = {"since": _iso(since), "after": after, "high": _iso(high), "began": _iso(began)}
            yield Page(records, {**reached, "deleted_since": position.get("deleted_since")}, rejects)

    def _window(self, stream: str, since: datetime, until: datetime) -> Iterator[Page]:
        """What changed in a window and not since, then what was deleted in it.

        Asked for with both ends, as Shopify may compare whole days; what lies outside is left out here.
        """

        def within(record: Record) -> bool:
            return record.updated_at is None or since <= record.updated_at < until

        ends = f">='{_iso(since.replace(microsecond=0))}'", f"<='{_iso(until)}'"
        search = " AND ".join(f"updated_at:{end}" for end in ends)
        for nodes, _ in self.pages(stream, stream, (stream,), {"query": search}):
            records, rejects = _records(stream, nodes)
            wanted = [record for record in records if within(record)]
            yield Page(_records(stream, [self._whole(stream, record.payload) for record in wanted])[0], {}, rejects)
        for records in self._deleted(stream, " AND ".join(f"created_at:{end}" for end in ends)):
            yield Page([record for record in records if within(record)], {})

    def _deleted(self, stream: str, search: str | None) -> Iterator[list[Record]]:
        """What was destroyed, page by page; nothing, and a warning, where we may not read it."""
        subject = stream.removesuffix("s").upper()
        terms = [f"action:destroy AND subject_type:{subject}", *([search] if search else [])]
        try:
            for nodes, _ in self.pages(stream, "deletions", ("events",), {"query": " AND ".join(terms)}):
                yield [
                    Record(str(node["subjectId"]).rpartition("/")[2], node, _time(node.get("createdAt")), "delete")
                    for node in nodes
                    # asked for already, but Shopify ignores a search term it does not know, and then every event would come
                    if node.get("action") == "destroy" and node.get("subjectType") == subject and node.get("subjectId")
                ]
        except DeniedError:
            log.warning("%s/%s: the token may not read the shop's events; deletions are not learnt", self.name, stream)

    def _whole(self, stream: str, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """An order with all its lines; where they were cut is of no interest any more, and another page size would change it.

        Where the order is deleted before its last line is read, what came of it is kept: the event log tells the rest.
        """
        lines = node.get("lineItems")
        info = lines.get("pageInfo") if isinstance(lines, Mapping) else None
        if not isinstance(lines, Mapping) or not isinstance(lines.get("nodes"), list) or not isinstance(info, Mapping):
            return node
        found = list(lines["nodes"])
        if info.get("hasNextPage"):
            # without a cursor it begins at the beginning again
            found = found if info.get("endCursor") else []
            variables = {"id": node.get("id")}
            for more, _ in self.pages(stream, "order_lines", ("order", "lineItems"), variables, info.get("endCursor")):
                found += more
        return {**node, "lineItems": {"nodes": found}}

    def _look_back(self, moment: datetime) -> str | None:
        return _iso((moment - timedelta(seconds=self.settings.lookback_seconds)).replace(microsecond=0))


def _records(stream: str, nodes: list[Mapping[str, Any]]) -> tuple[list[Record], list[Reject]]:
    records, rejects = [], []
    for node in nodes:
        if node.get("legacyResourceId"):
            records.append(Record(str(node["legacyResourceId"]), node, _time(node.get("updatedAt"))))
        else:
            content = simplejson.dumps(node, use_decimal=True)
            rejects.append(Reject(content, "it has no legacyResourceId", f"{stream} {node.get('id') or 'without id'}"))
    return records, rejects


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)


def _time(value: Any) -> datetime | None:
    """An ISO 8601 time with its zone, else None."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _now() -> datetime:
    return datetime.now(UTC)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
