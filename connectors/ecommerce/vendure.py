"""Vendure: orders and customers from its Admin API. How it is asked is in vendure_api.py, paging in vendure_list.py, the mapping in
vendure.sql.

Both streams are read by ``updatedAt``: what changed since the watermark, less some way back for what was committed late. The
watermark of the next reading is the newest change there was when this one began. A list is read in order of ID: Vendure cannot sort
by time and then by ID, as it takes the fields to sort by in an order of its own, ID first.

Some changes move no ``updatedAt``: those of a customer's addresses and of an order's refunds. And a customer who is deleted is
simply no longer there. For these, everything is read again every ``reread_days``, and who is absent then is gone. That customers
were deleted is noticed earlier: each reading asks how many there are of those that had been made by the last one, and where it is
another number, all of them are read.

An order here is one that was placed; a basket, or a draft that somebody types in, is none yet. What Vendure calls a guest is a
customer without a user. Where a marketplace splits an order among its sellers, the order as it was placed is read, and not its
parts as well; with ``channel`` set, whatever orders that channel has. Each order gets one more field, ``_precision``: the number of
decimal digits that the shop's amounts hold. All else is as sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import simplejson

from connectors.contract import Checkpoint, Deletes, Family, Page, Record, Reject, SourceSettings, Stream
from connectors.ecommerce.vendure_api import VendureApi, VendureSettings
from connectors.ecommerce.vendure_list import DisorderError, Place, id_of, walk
from hub.contract.errors import ProtocolError
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

_MOMENT = timedelta(milliseconds=1)  # the finest time that Vendure tells
_AHEAD = timedelta(minutes=15)  # no two clocks that are kept are so far apart


@dataclass(frozen=True)
class _Kind:
    """One kind of record: how its list is called, what keeps out what is none, and the time at which one came to be."""

    name: str
    kind: Kind
    only: Mapping[str, Any]
    born: str


_ORDERS = _Kind("orders", "order", {"orderPlacedAt": {"isNull": False}}, "orderPlacedAt")
_CUSTOMERS = _Kind("customers", "party", {}, "createdAt")


class VendureConnector(VendureApi):
    """One Vendure shop."""

    type_name: ClassVar[str] = "vendure"
    family: ClassVar[Family] = "ecommerce"
    api_version: ClassVar[str | None] = None  # the API is that of the shop's own Vendure
    Settings: ClassVar[type[SourceSettings]] = VendureSettings

    def streams(self) -> tuple[Stream, ...]:
        """Orders before the customers who placed them."""
        # an order that was placed can only be deleted in the database itself
        gone = Deletes.SNAPSHOT if self.settings.reread_days else Deletes.NONE
        return tuple(
            Stream(kind.name, kind.kind, "id", "updatedAt", deletes, partial(self._read, kind), partial(self._window, kind))
            for kind, deletes in ((_ORDERS, gone), (_CUSTOMERS, Deletes.SNAPSHOT))
        )

    def check(self) -> str:
        """The channel, and how much we see of it. Raises `SourceError`."""
        data = self.ask("check", {}, None)
        channel = (data.get("activeChannel") or {}).get("code")
        counts = [f"{(data.get(name) or {}).get('totalItems')} {name}" for name in ("orders", "customers")]
        return f"Vendure channel {channel}, {', '.join(counts)}"

    def _read(self, kind: _Kind, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Everything, or what changed.

        The checkpoint holds ``since`` (watermark), ``whole`` (when everything was last read), for customers ``made`` (how many
        there were of those made until the watermark) and, in the midst of a reading, ``list`` (which list), ``place`` (where in it)
        and ``until`` (the watermark to be).
        """
        state = dict(checkpoint or {})
        if "list" not in state:
            state = self._opened(kind, state)
        place = Place.load(state.pop("place", None))
        begins = state["list"] == "all" and place == Place()
        query = {} if state["list"] == "all" else {"updatedAt": {"after": _said(self._look_back(state["since"]))}}
        for records, rejects, following in self._pages(kind, query, place):
            reached = {name: value for name, value in state.items() if name not in ("list", "until")}
            reached["since"] = state["until"]
            yield Page(records, {**state, "place": following.dump()} if following else reached, rejects, begins)
            begins = False

    def _opened(self, kind: _Kind, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state at the beginning of a reading that goes on from a finished one."""
        now, since, whole = datetime.now(UTC), _time(state.get("since")), _time(state.get("whole"))
        rows, _ = self._list(kind, {"sort": {"updatedAt": "DESC"}, "take": 1})
        newest = _time(rows[0].get("updatedAt")) if rows and isinstance(rows[0], Mapping) else None
        if newest and newest - now > _AHEAD:
            # a Vendure that does not run in UTC shows the times of its database moved, and takes them unmoved
            log.warning("%s/%s: the shop shows times that are yet to come; run Vendure with TZ=UTC", self.name, kind.name)
        days = self.settings.reread_days
        due = since is None or bool(days and (whole is None or now - whole >= timedelta(days=days)))
        # no shop has changes from after now; a wrong watermark is mended when all is read
        until = max((moment for moment in (None if due else since, newest and min(newest, now)) if moment), default=None)
        opened: dict[str, Any] = {"since": _said(since), "until": _said(until)}
        if kind is _CUSTOMERS:
            # those of next time are counted before those of last time, so that none can go unseen between the two
            opened["made"] = made = self._made(until)
            if not due and (made if until == since else self._made(since)) != state.get("made"):
                return self._opened(kind, {})
        return {**opened, "list": "all" if due else "changed", "whole": _said(now if due else whole)}

    def _made(self, moment: datetime | None) -> int:
        """How many customers there are of those made until then."""
        if moment is None:
            return 0
        _, number = self._list(_CUSTOMERS, {"filter": {_CUSTOMERS.born: {"before": _said(moment + _MOMENT)}}, "take": 1})
        return number

    def _window(self, kind: _Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """What was made or changed in a window of time and not since; the ends are asked for with room, and seen to here."""
        ends = {"start": _said(since - timedelta(seconds=1)), "end": _said(until)}
        query = {"_or": [{name: {"between": ends}} for name in (kind.born, "updatedAt")]}
        for records, rejects, _ in self._pages(kind, query, Place()):
            times = [(_time(r.payload.get(kind.born)), r.updated_at) for r in records]
            within = [any(since <= moment < until for moment in both if moment) or both == (None, None) for both in times]
            yield Page([record for record, good in zip(records, within, strict=True) if good], {}, rejects)

    # asking ------------------------------------------------------------------------------------------------------

    def _pages(
        self, kind: _Kind, query: Mapping[str, Any], place: Place
    ) -> Iterator[tuple[list[Record], list[Reject], Place | None]]:
        size = self.settings.page_size
        options = {"filter": dict(query), "sort": {"id": "ASC"}, "take": size}
        try:
            for rows, following in walk(lambda offset: self._list(kind, {**options, "skip": offset}), size, place):
                records, rejects = _sorted(kind, rows)
                yield records, rejects, following
        except DisorderError as error:
            raise ProtocolError(
                str(error),
                source=self.name,
                stream=kind.name,
                remedy="what was read before it is kept; keep caches from the Admin API and run the sync again",
            ) from None

    def _list(self, kind: _Kind, options: Mapping[str, Any]) -> tuple[list[Any], int]:
        """The rows of a list, and how many it has in all."""
        only = dict(kind.only)
        if kind is _ORDERS and self.settings.channel is None:
            only["type"] = {"notEq": "Seller"}
        data = self.ask(kind.name, {"options": {**options, "filter": {**options.get("filter", {}), **only}}}, kind.name)
        found = data.get(kind.name)
        rows, total = (found.get("items"), found.get("totalItems")) if isinstance(found, Mapping) else (None, None)
        if not isinstance(rows, list) or not isinstance(total, int) or isinstance(total, bool):
            raise self.protocol_error("the answer is no list with its length", kind.name)
        if kind is _ORDERS:
            config = (data.get("globalSettings") or {}).get("serverConfig") or {}
            rows = [{**row, "_precision": config.get("moneyStrategyPrecision")} if isinstance(row, dict) else row for row in rows]
        return rows, total

    def _look_back(self, since: str) -> datetime:
        moment = _time(since)
        assert moment is not None, "changes are asked for after a first reading"
        return moment - timedelta(seconds=self.settings.lookback_seconds)


def _sorted(kind: _Kind, rows: list[Any]) -> tuple[list[Record], list[Reject]]:
    records, rejects = [], []
    for row in rows:
        found = id_of(row)
        if found is None:
            rejects.append(Reject(simplejson.dumps(row, use_decimal=True), "it has no field id", f"{kind.name} without id"))
        else:
            records.append(Record(found, row, _time(row.get("updatedAt"))))
    return records, rejects


def _time(value: Any) -> datetime | None:
    """An ISO 8601 time with its zone, else None."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _said(moment: datetime | None) -> str | None:
    """As Vendure writes it: in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
