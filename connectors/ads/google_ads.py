"""Google Ads: daily spend, leads from forms and campaigns. How it is asked is in google_ads_api.py, the mapping in google_ads.sql.

Spend is read by campaign and day in the account's own time zone, a window of days at a time. Google restates a day while its clicks
can still convert, so each sync reads the last `conversion_window_days` again. A day without a row is a day without delivery, never
a deletion. Where Google cuts an answer short, the window is halved, down to a day.

Leads are read whole each time: Google keeps them 60 days, so there are few, and one query is one operation of the daily quota. They
cannot be sorted, and how a time has to be written in a filter on submission_date_time is not documented; a filter that compares
otherwise than we think would lose leads silently, while reading them again costs nothing. A lead that has left Google stays here.

Campaigns are read whole each time; a removed one stays, with status REMOVED.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import simplejson

from connectors.ads.google_ads_api import API_VERSION, CutShortError, GoogleAdsApi, GoogleAdsSettings, at
from connectors.contract import Checkpoint, Connector, Deletes, Page, Record, Reject, Stream

log = logging.getLogger(__name__)

_RETENTION_MONTHS = 37
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


class GoogleAdsConnector(Connector):
    """One Google Ads account."""

    type_name = "google_ads"
    family = "ads"
    api_version = API_VERSION
    Settings = GoogleAdsSettings
    settings: GoogleAdsSettings

    def streams(self) -> tuple[Stream, ...]:
        """Spend, leads, campaigns."""
        return (
            Stream("ad_spend_daily", "ad_spend", "campaign.id:segments.date", "segments.date", Deletes.NONE, self._spend),
            Stream("leads", "lead", "lead_form_submission_data.id", None, Deletes.NONE, self._leads),
            Stream("campaigns", "ad_campaign", "campaign.id", None, Deletes.FLAG, self._campaigns),
        )

    def check(self) -> str:
        """The account's name, currency and time zone. Raises `SourceError`."""
        account = self._account()
        parts = [account.get(key) for key in ("id", "descriptiveName", "currencyCode", "timeZone")]
        return "account " + ", ".join(str(part) for part in parts if part)

    def calls(self) -> tuple[int, int]:
        """Requests made, and how many of them were repeats."""
        return self._api.calls()

    def close(self) -> None:
        """Close the connections, if there are any."""
        self._api.close()

    @cached_property
    def _api(self) -> GoogleAdsApi:
        return GoogleAdsApi(self.settings, self.name)

    # reading ---------------------------------------------------------------------------------------------------

    def _spend(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        """Windows of days up to today. The checkpoint is the last day read; all that can still change before it is read again."""
        today = self._today()
        read_to = date.fromisoformat(checkpoint["read_to"]) if checkpoint else None
        start, days = self._first_day(today, read_to), _WINDOW_DAYS
        while start <= today:
            end = min(start + timedelta(days=days - 1), today)
            try:
                rows = self._api.search(SPEND.format(start=start, end=end), "ad_spend_daily", may_split=end > start)
            except CutShortError:
                days = ((end - start).days + 1) // 2
                log.info("%s/ad_spend_daily: the answer broke off; going on with %d days at a time", self.name, days)
                continue
            # never back: what lies more than the conversion window before the last day ever read is final
            read_to = max(read_to or end, end)
            yield _page("ad_spend_daily", rows, [("campaign", "id"), ("segments", "date")], {"read_to": read_to.isoformat()})
            start = end + timedelta(days=1)

    def _first_day(self, today: date, read_to: date | None) -> date:
        """The first day to read: not one that Google has forgotten, that is not wanted, or that cannot change any more."""
        year, month = divmod(today.year * 12 + today.month - 1 - _RETENTION_MONTHS, 12)
        days = [date(year, month + 1, min(today.day, 28)) + timedelta(days=max(0, today.day - 28))]
        if self.settings.start_date:
            days.append(self.settings.start_date)
        if read_to:
            days.append(read_to - timedelta(days=self.settings.conversion_window_days))
        return max(days)

    def _leads(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        yield _page("leads", self._api.search(LEADS, "leads"), [("leadFormSubmissionData", "id")], {"read": "all"})

    def _campaigns(self, checkpoint: Checkpoint | None) -> Iterator[Page]:
        yield _page("campaigns", self._api.search(CAMPAIGNS, "campaigns"), [("campaign", "id")], {"read": "all"})

    def _today(self) -> date:
        """Today in the account's time zone, in which Google cuts its days."""
        try:
            return _now().astimezone(ZoneInfo(str(self._account().get("timeZone")))).date()
        except (ZoneInfoNotFoundError, ValueError):
            return (_now() + timedelta(hours=14)).date()  # a zone unknown here; nowhere is it later than that

    def _account(self) -> dict[str, Any]:
        rows = self._api.search(ACCOUNT)
        return dict(at(rows[0], "customer") or {}) if rows else {}


def _now() -> datetime:
    return datetime.now(UTC)


def _page(stream: str, rows: list[Any], key: list[tuple[str, str]], checkpoint: Checkpoint) -> Page:
    page = Page([], checkpoint)
    for number, row in enumerate(rows):
        parts = [at(row, *path) for path in key]
        if all(parts):
            page.records.append(Record(":".join(map(str, parts)), row, _submitted(row)))
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
