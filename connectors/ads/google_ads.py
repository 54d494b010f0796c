"""Google Ads: daily spend, leads from forms, campaigns, ad groups and ads. How it is asked is in google_ads_api.py, the mapping in
google_ads.sql.

Spend is read by campaign and day in the account's own time zone, a window of days at a time. Google restates a day while its clicks
can still convert, so each sync reads the last `conversion_window_days` again. A day without a row is a day without delivery, never
a deletion. Where Google cuts an answer short, the window is halved, down to a day.

Leads are read whole each time: Google keeps them 60 days, so there are few, and one query is one operation of the daily quota. They
cannot be sorted, and how a time has to be written in a filter on submission_date_time is not documented; a filter that compares
otherwise than we think would lose leads silently, while reading them again costs nothing. A lead that has left Google stays here.

Spend is asked of campaigns and not of ads: a campaign without ads of its own (Performance Max) spends too, and sums must hold it.

Campaigns, ad groups and ads are read whole each time; a removed one stays, with status REMOVED. Of ad groups and ads there can be
hundreds of thousands, so these come in portions in the order of their IDs; a portion that Google cuts short is halved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import simplejson

from connectors.ads.days import last_day
from connectors.ads.google_ads_api import API_VERSION, CutShortError, GoogleAdsApi, GoogleAdsSettings, at
from connectors.contract import Checkpoint, Connector, Deletes, Page, Record, Reject, Stream
from connectors.once import once
from hub.contract.errors import ProtocolError
from hub.contract.tables import Kind

log = logging.getLogger(__name__)

_RETENTION_MONTHS = 37
_PORTION = 10_000  # rows; as many as Google sends in one batch
_FEWEST = 2  # rows of a portion: it begins with the last row before it, and must have one more
_SPEND_KEY = (("campaign", "id"), ("segments", "date"))
_WINDOW_DAYS = 35  # the usual conversion window and a few missed days in one query

ACCOUNT = "SELECT customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone FROM customer"
SPEND = """
SELECT customer.id, customer.currency_code, customer.time_zone, campaign.id, segments.date,
  metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.conversions, metrics.conversions_value
FROM campaign
WHERE segments.date BETWEEN '{start}' AND '{end}'
"""
LEADS = """
SELECT customer.id, lead_form_submission_data.id, lead_form_submission_data.gclid, lead_form_submission_data.campaign,
  lead_form_submission_data.ad_group, lead_form_submission_data.ad_group_ad, lead_form_submission_data.asset,
  lead_form_submission_data.submission_date_time, lead_form_submission_data.lead_form_submission_fields,
  lead_form_submission_data.custom_lead_form_submission_fields
FROM lead_form_submission_data
"""
CAMPAIGNS = """
SELECT customer.id, customer.currency_code, customer.time_zone,
  campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type
FROM campaign
"""


@dataclass(frozen=True)
class _Listing:
    """Something that is read whole in portions, in the order of its IDs."""

    stream: str
    kind: Kind
    query: str
    id: tuple[str, ...]
    key: tuple[tuple[str, ...], ...]


_LISTINGS = (
    _Listing(
        "ad_groups",
        "ad_group",
        """
        SELECT customer.id, campaign.id, ad_group.id, ad_group.name, ad_group.status, ad_group.type
        FROM ad_group WHERE ad_group.id >= {start} ORDER BY ad_group.id LIMIT {limit}
        """,
        ("adGroup", "id"),
        (("adGroup", "id"),),
    ),
    # an ad may be in several ad groups; only few kinds of ads have a name, and a responsive search ad is known by its headlines
    _Listing(
        "ads",
        "ad",
        """
        SELECT customer.id, campaign.id, ad_group.id, ad_group_ad.status, ad_group_ad.ad.id, ad_group_ad.ad.name,
          ad_group_ad.ad.type, ad_group_ad.ad.responsive_search_ad.headlines, ad_group_ad.ad.final_urls,
          ad_group_ad.ad.final_url_suffix, ad_group.final_url_suffix, campaign.final_url_suffix
        FROM ad_group_ad WHERE ad_group_ad.ad.id >= {start} ORDER BY ad_group_ad.ad.id, ad_group.id LIMIT {limit}
        """,
        ("adGroupAd", "ad", "id"),
        (("adGroup", "id"), ("adGroupAd", "ad", "id")),
    ),
)


class GoogleAdsConnector(Connector):
    """One Google Ads account."""

    type_name = "google_ads"
    family = "ads"
    api_version = API_VERSION
    Settings = GoogleAdsSettings
    most_streams = 32  # Google counts operations, not how many run at the same time; what is known of a query, its thread knows
    settings: GoogleAdsSettings

    def streams(self) -> tuple[Stream, ...]:
        """Spend, leads, and what they are of."""
        spend_key, lead_key = "campaign.id:segments.date", "lead_form_submission_data.id"
        return (
            Stream("ad_spend_daily", "ad_spend", spend_key, "segments.date", Deletes.NONE, self._spend, self._spend_window),
            Stream("leads", "lead", lead_key, None, Deletes.NONE, self._leads),
            Stream("campaigns", "ad_campaign", "campaign.id", None, Deletes.FLAG, self._campaigns),
            *(
                Stream(
                    of.stream, of.kind, ":".join(".".join(path) for path in of.key), None, Deletes.FLAG, partial(self._listed, of)
                )
                for of in _LISTINGS
            ),
        )

    def check(self) -> str:
        """The account's name, currency and time zone. Raises `SourceError`."""
        account = self._account()
        parts = [account.get(key) for key in ("id", "descriptiveName", "currencyCode", "timeZone")]
        return "account " + ", ".join(str(part) for part in parts if part)

    def calls(self) -> tuple[int, int]:
        """See `Connector`."""
        return self._api.calls()

    def close(self) -> None:
        """Close the connections, if there are any."""
        self._api.close()

    @once
    def _api(self) -> GoogleAdsApi:
        return GoogleAdsApi(self.settings, self.name)

    # reading ---------------------------------------------------------------------------------------------------

    def _spend(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Windows of days up to today. The checkpoint is the last day read; all that can still change before it is read again."""
        today = self._days_of(_now(), self._zone())[1]
        read_to = last_day(checkpoint)
        for end, rows in self._days(self._first_day(today, read_to), today):
            # never back: what lies more than the conversion window before the last day ever read is final
            read_to = max(read_to or end, end)
            yield _page("ad_spend_daily", rows, _SPEND_KEY, {"read_to": read_to.isoformat()})

    def _spend_window(self, since: datetime, until: datetime) -> Iterator[Page]:
        """The days that have a part in the window, in the account's time zone, as far as Google still has them."""
        zone = self._zone()
        today = self._days_of(_now(), zone)[1]
        first = max(self._days_of(since, zone)[0], _oldest(today))
        last = min(self._days_of(until - timedelta(microseconds=1), zone)[1], today)
        for _, rows in self._days(first, last):
            yield _page("ad_spend_daily", rows, _SPEND_KEY, {})

    def _days(self, start: date, last: date) -> Iterator[tuple[date, list[Any]]]:
        """Spend by windows of days: the last day of each, and its rows."""
        days = _WINDOW_DAYS
        while start <= last:
            end = min(start + timedelta(days=days - 1), last)
            try:
                rows = self._api.search(SPEND.format(start=start, end=end), "ad_spend_daily", may_split=end > start)
            except CutShortError:
                days = ((end - start).days + 1) // 2
                log.info("%s/ad_spend_daily: the answer broke off; going on with %d days at a time", self.name, days)
                continue
            yield end, rows
            start = end + timedelta(days=1)

    def _first_day(self, today: date, read_to: date | None) -> date:
        """The first day to read: not one that Google has forgotten, that is not wanted, or that cannot change any more."""
        days = [_oldest(today)]
        if self.settings.start_date:
            days.append(self.settings.start_date)
        if read_to:
            days.append(read_to - timedelta(days=self.settings.conversion_window_days))
        return max(days)

    def _leads(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        yield _page("leads", self._api.search(LEADS, "leads"), (("leadFormSubmissionData", "id"),), {"read": "all"})

    def _campaigns(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        yield _page("campaigns", self._api.search(CAMPAIGNS, "campaigns"), (("campaign", "id"),), {"read": "all"})

    def _listed(self, of: _Listing, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Everything, in portions. In the midst of a reading the checkpoint is the ID to go on from."""
        start, limit, least = int((checkpoint or {}).get("from", 0)), _PORTION, _FEWEST
        while True:
            try:
                rows = self._api.search(of.query.format(start=start, limit=limit), of.stream, may_split=limit > least)
            except CutShortError:
                limit = max(least, limit // 2)
                log.info("%s/%s: the answer broke off; going on with %d rows at a time", self.name, of.stream, limit)
                continue
            more = len(rows) >= limit
            if more:
                # the last one comes again: others may have its ID
                reached = max((int(found) for row in rows if str(found := at(row, *of.id)).isdecimal()), default=0)
                if reached <= start and limit < _PORTION:
                    # an ad in more ad groups than a halved portion holds: less than this will not do
                    limit = least = min(limit * 2, _PORTION)
                    continue
                if reached <= start:
                    where = {"source": self.name, "stream": of.stream}
                    raise ProtocolError(
                        "Google's rows do not go on", **where, remedy="run the sync again, and report it if it stays"
                    )
                start = reached
            yield _page(of.stream, rows, of.key, {"from": start} if more else {"read": "all"})
            if not more:
                return

    def _zone(self) -> ZoneInfo | None:
        """The account's time zone, in which Google cuts its days; None if it is unknown here."""
        try:
            return ZoneInfo(str(self._account().get("timeZone")))
        except (ZoneInfoNotFoundError, ValueError):
            return None

    @staticmethod
    def _days_of(moment: datetime, zone: ZoneInfo | None) -> tuple[date, date]:
        """The day that it is there, twice; in an unknown zone the earliest and the latest that it can be anywhere."""
        if zone is not None:
            return moment.astimezone(zone).date(), moment.astimezone(zone).date()
        moment = moment.astimezone(UTC)
        return (moment - timedelta(hours=12)).date(), (moment + timedelta(hours=14)).date()

    def _account(self) -> dict[str, Any]:
        rows = self._api.search(ACCOUNT)
        return dict(at(rows[0], "customer") or {}) if rows else {}


def _now() -> datetime:
    return datetime.now(UTC)


def _oldest(today: date) -> date:
    """The first day that Google still has."""
    year, month = divmod(today.year * 12 + today.month - 1 - _RETENTION_MONTHS, 12)
    return date(year, month + 1, min(today.day, 28)) + timedelta(days=max(0, today.day - 28))


def _page(stream: str, rows: list[Any], key: tuple[tuple[str, ...], ...], checkpoint: Checkpoint) -> Page:
    records: list[Record] = []
    page = Page(records, checkpoint)
    for number, row in enumerate(rows):
        parts = [at(row, *path) for path in key]
        if all(parts):
            records.append(Record(":".join(map(str, parts)), row, _submitted(row)))
        else:
            content = simplejson.dumps(row, use_decimal=True)
            page.rejects.append(
                Reject(content, f"it has no {' and '.join('.'.join(path) for path in key)}", f"{stream} row {number}")
            )
    return page


def _submitted(row: Any) -> datetime | None:
    """When a lead was submitted. None for other rows, which do not say when they changed, and where it cannot be read."""
    try:
        moment = datetime.fromisoformat(str(at(row, "leadFormSubmissionData", "submissionDateTime")))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
