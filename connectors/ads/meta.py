"""Meta Marketing API: daily spend by ad, leads from forms, campaigns, ad sets and ads. Leads are in meta_leads.py.

Spend is read by ad and day in the ad account's own time zone, a window of days at a time. Meta restates a day for 28 days, so each
sync reads the last `restatement_days` again. A day without a row is a day without delivery, never a deletion. Where Meta finds a
window too much, it is halved, down to a day; a day that is too much is made a report in Meta's own time. Without a filter by status
a report leaves the ads out that were deleted since, and their spend with them; so every status is named.

Campaigns, ad sets and ads are read whole each time, archived ones too. Meta lists no deleted ones and refuses to be asked for them
(code 100, subcode 1815001), but a report names those that ever delivered, and by its ID each is still shown, with its status.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import simplejson

from connectors.ads.days import last_day
from connectors.ads.meta_api import Graph
from connectors.ads.meta_errors import API_VERSION, PermissionRefusedError, TooMuchDataError
from connectors.ads.meta_leads import STREAM as LEADS
from connectors.ads.meta_leads import LeadReader, moment
from connectors.ads.meta_settings import MetaSettings
from connectors.contract import Checkpoint, Deletes, Family, Page, Record, Reject, SourceSettings, Stream
from connectors.http import HttpConnector, HttpSession
from connectors.once import once
from hub.contract.errors import ProtocolError
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

SPEND = "ad_spend_daily"
PAGE = 500
_STRUCTURE_PAGE = 200
_IDS_AT_ONCE = 50  # Meta's limit for reading by ID
_MEMORY_MONTHS = 37  # further back, code 3018
ACCOUNT_FIELDS = ("account_id", "name", "currency", "timezone_name")
SPEND_FIELDS = (
    *("account_id", "account_currency", "campaign_id", "campaign_name", "adset_id", "adset_name", "ad_id", "ad_name"),
    *("spend", "impressions", "clicks", "inline_link_clicks", "actions", "action_values"),
)
DELETED = "DELETED"
_LIVE = ("ACTIVE", "ARCHIVED", "IN_PROCESS", "PAUSED", "WITH_ISSUES")


@dataclass(frozen=True)
class Level:
    """One level of an account's structure.

    Attributes:
        stream: the stream, in our words.
        path: the account's edge.
        name: in reports and filters, in Meta's words.
        statuses: every effective status there is but DELETED, for which the edge cannot be asked.
    """

    stream: str
    kind: Kind
    path: str
    name: str
    fields: tuple[str, ...]
    statuses: tuple[str, ...]


_COMMON = ("id", "account_id", "name", "status", "effective_status", "created_time", "updated_time")
LEVELS = (
    Level("campaigns", "ad_campaign", "campaigns", "campaign", (*_COMMON, "objective", "start_time", "stop_time"), _LIVE),
    Level(
        *("ad_groups", "ad_group", "adsets", "adset"),
        fields=(*_COMMON, "campaign_id", "optimization_goal", "start_time", "end_time"),
        statuses=(*_LIVE, "CAMPAIGN_PAUSED"),
    ),
    Level(
        *("ads", "ad", "ads", "ad"),
        fields=(*_COMMON, "campaign_id", "adset_id", "creative{url_tags}"),
        statuses=(
            *_LIVE,
            *("ADSET_PAUSED", "CAMPAIGN_PAUSED", "DISAPPROVED", "PENDING_BILLING_INFO", "PENDING_REVIEW", "PREAPPROVED"),
        ),
    ),
)


class MetaConnector(HttpConnector):
    """One Meta ad account, and the lead forms of one page."""

    type_name: ClassVar[str] = "meta"
    family: ClassVar[Family] = "ads"
    api_version: ClassVar[str | None] = API_VERSION
    Settings: ClassVar[type[SourceSettings]] = MetaSettings
    most_streams: ClassVar[int] = 32  # Meta counts what calls cost; what is known of a request, its thread knows
    settings: MetaSettings

    def streams(self) -> tuple[Stream, ...]:
        """Spend; leads if a page is named; campaigns, ad sets, ads."""
        spend = Stream(SPEND, "ad_spend", "ad_id:date_start", "date_start", Deletes.NONE, self._spend, self._spend_window)
        leads = Stream(LEADS, "lead", "id", "created_time", Deletes.NONE, self._leads.read, self._leads.window)
        structure = (Stream(v.stream, v.kind, "id", None, Deletes.FLAG, partial(self._structure, v)) for v in LEVELS)
        return (spend, *((leads,) if self.settings.page_id else ()), *structure)

    def check(self) -> str:
        """The account's name, currency and time zone, and the page's name. Raises `SourceError`."""
        account = self._account(None)
        said = [str(account[name]) for name in ("account_id", "name", "currency", "timezone_name") if account.get(name)]
        if self.settings.page_id:
            page = self._graph.get(self.settings.page_id, {"fields": "id,name"})
            said.append(f"page {page.get('name') or page.get('id')}")
        return f"ad account {', '.join(said)}"

    def open_session(self) -> HttpSession:
        """See `HttpConnector`."""
        return self._graph.open_session()

    @once
    def _graph(self) -> Graph:
        return Graph(self.settings, self.name, lambda: self.http)

    @once
    def _leads(self) -> LeadReader:
        return LeadReader(self._graph, self.settings, self.name)

    def _account(self, stream: str | None) -> dict[str, Any]:
        return self._graph.get(self.settings.account_id, {"fields": ",".join(ACCOUNT_FIELDS)}, stream=stream)

    # spend -----------------------------------------------------------------------------------------------------

    def _spend(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Windows of days up to today. The checkpoint is the last day read; all that can still change before it is read again."""
        today = self._day_of(_now())
        read_to = last_day(checkpoint)
        first = self._first_day(today)
        if read_to:
            first = max(first, read_to - timedelta(days=self.settings.restatement_days))
        for page, complete_to in self._spend_pages(first, today):
            if complete_to:
                read_to = max(read_to or complete_to, complete_to)  # never back
            yield Page(page.records, {"read_to": read_to.isoformat() if read_to else None}, page.rejects)

    def _spend_window(self, since: datetime, until: datetime) -> Iterator[Page]:
        last = self._day_of(until - timedelta(microseconds=1))
        for page, _ in self._spend_pages(self._day_of(since), last):
            yield page

    def _spend_pages(self, first: date, last: date) -> Iterator[tuple[Page, date | None]]:
        ad = LEVELS[-1]
        params = {
            "level": ad.name,
            "time_increment": 1,
            "fields": ",".join(SPEND_FIELDS),
            "filtering": _in_status(ad, (*ad.statuses, DELETED)),
        }
        days = self.settings.restatement_days + 1
        for number, (rows, complete_to) in enumerate(self._report(params, SPEND, first, last, days), 1):
            yield _page(SPEND, rows, ("ad_id", "date_start"), number), complete_to

    def _report(
        self, params: dict[str, Any], stream: str, first: date, last: date, days: int
    ) -> Iterator[tuple[list[Any], date | None]]:
        """The pages of a report, in windows of so many days; with the last page of a window, the day to which all is read."""
        path, edge, start = f"{self.settings.account_id}/insights", partial(self._graph.edge, stream=stream, limit=PAGE), first
        while start <= last:
            end = min(start + timedelta(days=days - 1), last)
            asked = {**params, "time_range": simplejson.dumps({"since": start.isoformat(), "until": end.isoformat()})}
            try:
                for rows, whole in edge(path, asked, by_limit=False):
                    yield rows, end if whole else None
            except TooMuchDataError:
                if end > start:
                    days = ((end - start).days + 1) // 2
                    log.info("%s/%s: too much for Meta at a time; going on with %d days", self.name, stream, days)
                    continue
                run = self._graph.report(path, asked, stream=stream)
                for rows, whole in edge(f"{run}/insights", {}):
                    yield rows, end if whole else None
            start = end + timedelta(days=1)

    def _first_day(self, today: date) -> date:
        """The first day that Meta remembers and that is wanted."""
        year, month = divmod(today.year * 12 + today.month - 1 - _MEMORY_MONTHS, 12)
        remembered = date(year, month + 1, min(today.day, 28)) + timedelta(days=1 + max(0, today.day - 28))
        return max(remembered, self.settings.start_date or remembered)

    def _day_of(self, at: datetime) -> date:
        """The account's day at a time; Meta cuts its days in the account's time zone."""
        try:
            return at.astimezone(ZoneInfo(str(self._account(SPEND).get("timezone_name")))).date()
        except (ZoneInfoNotFoundError, ValueError):
            return (at.astimezone(UTC) + timedelta(hours=14)).date()  # a zone unknown here; nowhere is it later than that

    # structure -------------------------------------------------------------------------------------------------

    def _structure(self, level: Level, checkpoint: Checkpoint | None) -> Iterator[Page]:
        account = self._account(level.stream) if level.kind == "ad_campaign" else None
        if account is not None:
            account.pop("id", None)
        params = {"fields": ",".join(level.fields), "effective_status": simplejson.dumps(level.statuses)}
        pages = self._graph.edge(f"{self.settings.account_id}/{level.path}", params, stream=level.stream, limit=_STRUCTURE_PAGE)
        number = 0
        for number, (rows, _) in enumerate(pages, 1):
            yield _page(level.stream, rows, ("id",), number, account)
        for rows in self._deleted(level):
            number += 1
            yield _page(level.stream, rows, ("id",), number, account)

    def _deleted(self, level: Level) -> Iterator[list[Any]]:
        """Those that were deleted after they had delivered, in lots."""
        last = _now().date() - timedelta(days=1)  # a day that has begun wherever the account is
        first, key = self._first_day(last + timedelta(days=1)), f"{level.name}_id"
        params = {"level": level.name, "fields": key, "filtering": _in_status(level, (DELETED,))}
        found: dict[str, None] = {}
        for rows, _ in self._report(params, level.stream, first, last, (last - first).days + 1):
            found.update((str(row[key]), None) for row in rows if isinstance(row, dict) and row.get(key))
        ids = list(found)
        for start in range(0, len(ids), _IDS_AT_ONCE):
            yield list(self._by_id(ids[start : start + _IDS_AT_ONCE], level))

    def _by_id(self, ids: list[str], level: Level) -> Iterator[Any]:
        try:
            answer = self._graph.get("", {"ids": ",".join(ids), "fields": ",".join(level.fields)}, stream=level.stream)
        except (PermissionRefusedError, ProtocolError) as error:
            if len(ids) == 1:
                # what is known of it stays as it was read last
                log.warning("%s/%s: Meta no longer shows %s, which was deleted (%s)", self.name, level.stream, ids[0], error.what)
                return
            for part in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
                yield from self._by_id(part, level)
        else:
            yield from answer.values()


def _in_status(level: Level, statuses: tuple[str, ...]) -> str:
    condition = {"field": f"{level.name}.effective_status", "operator": "IN", "value": list(statuses)}
    return str(simplejson.dumps([condition]))


def _page(stream: str, rows: list[Any], key: tuple[str, ...], number: int, account: dict[str, Any] | None = None) -> Page:
    """A page of records; to what does not say its account's currency and time zone, the account is added as ``account``."""
    records: list[Record] = []
    page = Page(records, {"read": "all"})
    for place, row in enumerate(rows, 1):
        parts = [row.get(name) if isinstance(row, dict) else None for name in key]
        if all(isinstance(part, str | int) and part != "" for part in parts):
            payload = row if account is None else {**row, "account": account}
            records.append(Record(":".join(map(str, parts)), payload, moment(row.get("updated_time"))))
        else:
            content = str(simplejson.dumps(row, use_decimal=True))
            page.rejects.append(Reject(content, f"it has no {' and '.join(key)}", f"{stream} page {number} row {place}"))
    return page


def _now() -> datetime:
    return datetime.now(UTC)
