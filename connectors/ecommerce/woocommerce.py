"""WooCommerce: orders and customers over its REST API, version 3. The mapping is in woocommerce.sql, paging in woocommerce_list.py.

Orders are read by ``modified_after``, which WooCommerce takes as "later than this second". The watermark of the next reading is the
newest change there was when this one began, so that what changes meanwhile comes next time, and each reading looks back some way
before its watermark: for the rest of that second, and for what was committed late. Each reading then asks for what went to the
trash. An order deleted for good leaves no trace, and neither does a refund taken back (before WooCommerce 11.3), an order whose
customer was deleted, or a note written into an order's meta data under the old order storage. They show when all orders are read
again, every ``reread_days``.

Customers cannot be asked for by change: all of them are read each time, and what is as it was adds nothing. Who is absent is gone.

The list of orders does not say when a refund was made. An order that has refunds gets one more field, ``_refunds``: its refunds as
their own list gives them. All else is as sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import simplejson
from pydantic import Field, field_validator

from connectors.contract import Checkpoint, Deletes, Family, Page, Record, Reject, Secret, SourceSettings, Stream
from connectors.ecommerce.woocommerce_list import DisorderError, Place, id_of, walk
from connectors.ecommerce.woocommerce_refunds import Refunds
from connectors.ecommerce.woocommerce_writer import TAKES, WooCommerceWriter
from connectors.http import HttpConnector, HttpSession, by_header
from connectors.http_guard import confidential
from connectors.writeback import Takes, ValueKind
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError

API_VERSION = "wc/v3"
ROOT = f"/wp-json/{API_VERSION}"
_BY_ID = {"orderby": "id", "order": "asc"}
_TRASH = {"status": "trash", "_fields": "id,status,date_modified_gmt"}


class WooCommerceSettings(SourceSettings):
    """What stands under a source of type woocommerce in hub.yaml."""

    url: str = Field(description="the shop's address, as https://shop.example.com or https://example.com/shop")
    consumer_key: Secret = Field(description="key of the REST API with the permission Read, as ck_...")
    consumer_secret: Secret = Field(description="its secret, as cs_...")
    per_page: int = Field(
        100, ge=2, le=100, description="records per page; fewer where the shop's server runs out of time or memory"
    )
    lookback_seconds: int = Field(
        120, ge=2, description="each sync reads this much of the orders again, for changes committed late"
    )
    reread_days: int = Field(
        7, ge=0, description="read all orders again after so many days, which finds those deleted for good; 0: never"
    )

    takes: ClassVar[Takes | None] = TAKES

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        address = re.sub(r"/(wp-json(/.*)?)?$", "", value.strip())
        parts = urlsplit(address)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("must be the shop's address, such as https://shop.example.com")
        if not confidential(address):
            raise ValueError("must begin with https://; over plain http WooCommerce refuses a key that is not signed with")
        return address


class WooCommerceConnector(HttpConnector):
    """One WooCommerce shop."""

    type_name: ClassVar[str] = "woocommerce"
    family: ClassVar[Family] = "ecommerce"
    api_version: ClassVar[str | None] = API_VERSION
    Settings: ClassVar[type[SourceSettings]] = WooCommerceSettings
    settings: WooCommerceSettings
    _total: str | None = None  # what the last answer said of the length of the list

    def streams(self) -> tuple[Stream, ...]:
        """Orders before the customers who placed them."""
        gone = Deletes.SNAPSHOT if self.settings.reread_days else Deletes.FEED
        return (
            Stream("orders", "order", "id", "date_modified_gmt", gone, self._orders, self._orders_between),
            Stream("customers", "party", "id", None, Deletes.SNAPSHOT, self._customers),
        )

    def writer(self, stream: str, kinds: Mapping[str, ValueKind]) -> WooCommerceWriter | None:
        """Customers' meta data."""
        if stream != "customers":
            return None
        variable = self.settings.consumer_key.variable
        remedy = f"give the key in {variable} the permission Read/Write, or take write_back out of hub.yaml"
        return WooCommerceWriter(self.http, kinds, root=ROOT, remedy=remedy)

    def check(self) -> str:
        """Whose shop it is, and how many orders the key can see."""
        rows = self.http.get(f"{ROOT}/orders", params={"per_page": 1, "_fields": "id"}, missing_ok=True)
        if rows is None:
            raise ProtocolError(
                f"there is no WooCommerce at {ROOT}",
                source=self.name,
                remedy="check url, and that WordPress uses permalinks other than Plain (Settings, Permalinks)",
            )
        _, total = self._counted(rows, None)
        return f"WooCommerce at {urlsplit(self._address()).netloc}, {total} orders"

    # orders ------------------------------------------------------------------------------------------------------

    def _orders(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """All orders, or those that changed and then those that went to the trash.

        The checkpoint holds ``since`` (watermark) and ``whole`` (when all orders were last read) and, in the midst of a reading,
        ``list`` (which list), ``place`` (where in it) and ``until`` (the watermark to be).
        """
        state = dict(checkpoint or {})
        if "list" not in state:
            state = self._opened(state)
        begins = state["list"] == "all" and "place" not in state
        place = Place.load(state.pop("place", None))
        names = {"all": ("all",), "changed": ("changed", "trash"), "trash": ("trash",)}[state["list"]]
        for name in names:
            for records, rejects, following in self._order_pages(self._asked_for(name, state["since"]), place):
                if following:
                    reached = {**state, "list": name, "place": following.dump()}
                elif name != names[-1]:
                    reached = {**state, "list": "trash"}
                else:
                    reached = {"since": state["until"], "whole": state["whole"]}
                yield Page(records, reached, rejects, begins)
                begins = False
            place = Place()

    def _opened(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state at the beginning of a reading that goes on from a finished one."""
        now, since, whole = datetime.now(UTC), _time(state.get("since")), _time(state.get("whole"))
        newest, days = self._newest(), self.settings.reread_days
        due = since is None or bool(days and (whole is None or now - whole >= timedelta(days=days)))
        # no shop has changes from after now; a wrong watermark is mended when all is read
        until = max((moment for moment in (None if due else since, newest and min(newest, now)) if moment), default=None)
        return {
            "list": "all" if due else "changed",
            "since": _said(since),
            "until": _said(until),
            "whole": _said(now if due else whole),
        }

    def _newest(self) -> datetime | None:
        """When an order was last changed; by the shop's own clock, ours may go wrong."""
        query = {"orderby": "modified", "order": "desc", "per_page": 1, "_fields": "id,date_modified_gmt"}
        rows, _ = self._counted(self.http.get(f"{ROOT}/orders", stream="orders", params=query), "orders")
        return _time(rows[0].get("date_modified_gmt")) if rows and isinstance(rows[0], dict) else None

    def _asked_for(self, name: str, since: str | None) -> dict[str, str]:
        if name == "all":
            return {}
        moment = _time(since)
        assert moment is not None, "changes are asked for after a first reading"
        after = {"modified_after": _asked(moment - timedelta(seconds=self.settings.lookback_seconds)), "dates_are_gmt": "true"}
        return {**after, **_TRASH} if name == "trash" else after

    def _orders_between(self, since: datetime, until: datetime) -> Iterator[Page]:
        """Orders made, changed or trashed in a window of time."""
        after = _asked(since.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=1))  # both ends are exclusive
        before = _asked(until.astimezone(UTC) + timedelta(microseconds=999_999))
        made = {"after": after, "before": before, "dates_are_gmt": "true"}
        changed = {"modified_after": after, "modified_before": before, "dates_are_gmt": "true"}
        for query in (made, changed, {**changed, **_TRASH}):
            for records, rejects, _ in self._order_pages(query, Place()):
                yield Page(records, {}, rejects)

    def _order_pages(self, query: Mapping[str, str], place: Place) -> Iterator[tuple[list[Record], list[Reject], Place | None]]:
        refunds = Refunds(self.http, ROOT)
        for rows, following in self._walk("orders", query, place):
            records, rejects = _sorted("orders", rows if "status" in query else refunds.added(rows))
            yield records, rejects, following

    # customers ---------------------------------------------------------------------------------------------------

    def _customers(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """All of them; the checkpoint holds ``place`` in the midst of a reading and ``read_at`` after it."""
        stored = (checkpoint or {}).get("place")
        begins = stored is None
        done = {"read_at": _said(datetime.now(UTC))}
        for rows, following in self._walk("customers", {"role": "all"}, Place.load(stored)):
            records, rejects = _sorted("customers", rows)
            yield Page(records, {"place": following.dump()} if following else done, rejects, begins)
            begins = False

    # asking ------------------------------------------------------------------------------------------------------

    def _walk(self, stream: str, query: Mapping[str, str], place: Place) -> Iterator[tuple[list[Any], Place | None]]:
        try:
            yield from walk(partial(self._page, stream, query), self.settings.per_page, place)
        except DisorderError as error:
            raise ProtocolError(
                str(error),
                source=self.name,
                stream=stream,
                remedy="what was read before it is kept; keep caches from /wp-json and run the sync again",
            ) from None

    def _page(self, stream: str, query: Mapping[str, str], offset: int) -> tuple[list[Any], int]:
        params = {**query, **_BY_ID, "per_page": self.settings.per_page, "offset": offset}
        return self._counted(self.http.get(f"{ROOT}/{stream}", stream=stream, params=params), stream)

    def _counted(self, rows: Any, stream: str | None) -> tuple[list[Any], int]:
        """The rows of an answer, and how many there are in all."""
        if not isinstance(rows, list) or not (self._total or "").isdecimal():
            raise ProtocolError(
                f"the answer is no list{' with its length' if isinstance(rows, list) else ''}",
                source=self.name,
                stream=stream,
                remedy="check url, and let proxies and security plugins pass the header X-WP-Total",
            )
        return rows, int(self._total or 0)

    def open_session(self) -> HttpSession:
        """See `HttpConnector`. Raises `ConfigError` where the key would go over the net in clear text."""
        settings, address = self.settings, self._address()
        if not confidential(address):
            raise ConfigError(
                "the key would be sent in clear text", source=self.name, field="base_url", remedy="let it begin with https://"
            )
        key, secret = (given.resolve().strip() for given in (settings.consumer_key, settings.consumer_secret))
        remedy = (
            f"put a key with the permission Read, of a user who may manage the shop, into {settings.consumer_key.variable} and"
            f" {settings.consumer_secret.variable} (settings consumer_key, consumer_secret); the web server must pass the header"
            " Authorization on to WordPress"
        )
        if not (key + secret).isascii():
            raise CredentialsError("the key holds characters that no key has", source=self.name, remedy=remedy)
        return HttpSession(address, source=self.name, retry=settings.retry, auth=(key, secret), throttle=self._noted, remedy=remedy)

    def _address(self) -> str:
        return (self.settings.base_url or self.settings.url).rstrip("/")

    def _noted(self, response: httpx.Response, body: Any) -> float | None:
        """WooCommerce itself never says "slow down"; the servers before it do as others. Notes how long the list is."""
        self._total = response.headers.get("x-wp-total")
        return by_header(response, body)


def _sorted(stream: str, rows: list[Any]) -> tuple[list[Record], list[Reject]]:
    records, rejects = [], []
    for row in rows:
        number = id_of(row)
        if number is None:
            rejects.append(Reject(simplejson.dumps(row, use_decimal=True), "it has no field id", f"{stream} without id"))
            continue
        changed = _time(row.get("date_modified_gmt")) or _time(row.get("date_created_gmt"))
        gone = stream == "orders" and row.get("status") == "trash"
        records.append(Record(str(number), row, changed, "delete" if gone else "upsert"))
    return records, rejects


def _time(value: Any) -> datetime | None:
    """A time in UTC, as WooCommerce writes it (without a zone) or as we do; None if it is none."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _said(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _asked(moment: datetime) -> str:
    """For a filter, to the second, in UTC (dates_are_gmt)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
