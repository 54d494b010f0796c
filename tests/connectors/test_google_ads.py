"""The Google Ads connector against an account that authorises, answers, throttles and breaks off as Google documents it."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.ads import google_ads
from connectors.ads.google_ads import GoogleAdsConnector
from connectors.ads.google_ads_api import GoogleAdsSettings, at
from connectors.contract import Deletes, Page, Record, RetrySettings, Secret
from connectors.extract import stream_of
from connectors.mapping import parse_mapping
from connectors.registry import connector_class
from hub.contract.columns import TABLES
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.loopback import Loopback, Reply, Request, serve

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
# the fields of v26 that may be selected with each resource, of those we know
FIELDS = {
    "customer": {"customer.id", "customer.descriptive_name", "customer.currency_code", "customer.time_zone"},
    "campaign": {
        *("customer.id", "customer.currency_code", "customer.time_zone", "segments.date"),
        *("campaign.id", "campaign.name", "campaign.status", "campaign.advertising_channel_type"),
        *("metrics.cost_micros", "metrics.impressions", "metrics.clicks", "metrics.conversions", "metrics.conversions_value"),
    },
    "ad_group": {"customer.id", "campaign.id", *(f"ad_group.{name}" for name in ("id", "name", "status", "type"))},
    "ad_group_ad": {
        *(
            "customer.id",
            "campaign.id",
            "ad_group.id",
            "ad_group_ad.status",
            "campaign.final_url_suffix",
            "ad_group.final_url_suffix",
        ),
        *(f"ad_group_ad.ad.{name}" for name in ("id", "name", "type", "responsive_search_ad.headlines")),
        *("ad_group_ad.ad.final_urls", "ad_group_ad.ad.final_url_suffix"),
    },
    "lead_form_submission_data": {
        "customer.id",
        *(f"lead_form_submission_data.{name}" for name in ("id", "gclid", "campaign", "ad_group", "ad_group_ad", "asset")),
        "lead_form_submission_data.submission_date_time",
        "lead_form_submission_data.lead_form_submission_fields",
        "lead_form_submission_data.custom_lead_form_submission_fields",
    },
}


OWN_ID = {"ad_group": ("adGroup", "id"), "ad_group_ad": ("adGroupAd", "ad", "id")}


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def lead(number: int, at: str = "2026-11-20 09:30:00+01:00", **answers: str) -> dict[str, Any]:
    given = answers or {"FULL_NAME": "Zoë Müller", "EMAIL": "zoe@example.com", "PHONE_NUMBER": "+4930901820"}
    return {
        "id": f"lead-{number}",
        "gclid": f"Cj0{number}",
        "campaign": "customers/1234567890/campaigns/22",
        "adGroup": "customers/1234567890/adGroups/333",
        "adGroupAd": "customers/1234567890/adGroupAds/333~4444",
        "asset": "customers/1234567890/assets/55555",
        "submissionDateTime": at,
        "leadFormSubmissionFields": [{"fieldType": kind, "fieldValue": value} for kind, value in given.items()],
    }


def failure(code: int, status: str, *error_codes: dict[str, str], **detail: Any) -> dict[str, Any]:
    """An error as searchStream reports it."""
    errors = [{"errorCode": found, "message": "about zoe@example.com", **detail} for found in error_codes]
    details = [{"@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure", "errors": errors}]
    return {"error": {"code": code, "message": "about zoe@example.com", "status": status, "details": details}}


class Account:
    """One account behind the API and its token endpoint: strict about tokens, headers and fields; spend by campaign and day."""

    def __init__(self, zone: str = "Europe/Berlin") -> None:
        self.customer = {"id": "1234567890", "descriptiveName": "Acme", "currencyCode": "EUR", "timeZone": zone}
        self.campaigns = [
            {"id": "22", "name": "Autumn", "status": "ENABLED", "advertisingChannelType": "SEARCH"},
            {"id": "23", "name": "Old", "status": "REMOVED", "advertisingChannelType": "DISPLAY"},
        ]
        self.spend: dict[tuple[str, date], int] = {}  # micros
        self.leads: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []  # with the ID of their campaign
        self.ads: list[tuple[int, int]] = []  # ad group and ad
        self.portions: list[tuple[int, int]] = []  # (from, limit) of ad groups and ads asked for
        self.windows: list[tuple[date, date]] = []  # asked for, whether answered or not
        self.tokens: list[str] = []  # issued; the last one is good
        self.lifetime: Any = 3599
        self.script: list[Callable[[], Reply | None]] = []  # what happens to the next queries before the account sees them
        self.token_script: list[Callable[[], Reply]] = []
        self.longest = 1000  # days in an answer that does not break off
        self.most = 10_000  # rows in one

    def __call__(self, request: Request) -> Reply:
        if request.path == "/token":
            return self.token_script.pop(0)() if self.token_script else self._token(parse_qs(request.body.decode()))
        if (request.method, request.path) != ("POST", "/v26/customers/1234567890/googleAds:searchStream"):
            return Reply([failure(404, "NOT_FOUND")], status=404)
        if not self.tokens or request.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            error = {"authenticationError": "OAUTH_TOKEN_INVALID"}
            return Reply([failure(401, "UNAUTHENTICATED", error)], status=401)
        if (request.headers.get("developer-token"), request.headers.get("login-customer-id")) != ("dev-secret", "9876543210"):
            error = {"authorizationError": "USER_PERMISSION_DENIED"}
            return Reply([failure(403, "PERMISSION_DENIED", error)], status=403)
        reply = self.script.pop(0)() if self.script else None
        return reply or self._stream(request.json()["query"])

    def _token(self, form: dict[str, list[str]]) -> Reply:
        if (form["client_id"], form["client_secret"]) != (["client"], ["client-secret"]):
            return Reply({"error": "invalid_client", "error_description": "Unauthorized"}, status=401)
        if (form["grant_type"], form["refresh_token"]) != (["refresh_token"], ["refresh-secret"]):
            return Reply({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, status=400)
        self.tokens.append(f"ya29.{len(self.tokens)}")
        return Reply({"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"})

    def _stream(self, query: str) -> Reply:
        query, portion = self._portion(query)
        found = re.fullmatch(r"SELECT (.+) FROM (\w+)(?: WHERE segments\.date BETWEEN '(\S+)' AND '(\S+)')?", query)
        assert found is not None, query
        fields, resource = found[1].split(", "), found[2]
        assert set(fields) <= FIELDS[resource], set(fields) - FIELDS[resource]
        window = (date.fromisoformat(found[3]), date.fromisoformat(found[4])) if found[3] else None
        rows = [self._chosen(row, fields) for row in self._rows(resource, window)]
        if portion:
            start, limit = portion
            rows = [row for row in rows if int(at(row, *OWN_ID[resource])) >= start][:limit]
            self.portions.append(portion)
        mask = ",".join(map(camel, fields))
        batches = [{"results": rows[i : i + 3], "fieldMask": mask, "requestId": "r"} for i in range(0, len(rows), 3)]
        if window:
            self.windows.append(window)
            if (window[1] - window[0]).days >= self.longest:
                return Reply(json.dumps(batches or [{}]).encode()[:-1])
        if portion and len(rows) > self.most:
            return Reply(json.dumps(batches).encode()[:-1])
        return Reply(batches)

    @staticmethod
    def _portion(query: str) -> tuple[str, tuple[int, int] | None]:
        """A query without the words that ask for a portion, and the portion."""
        found = re.fullmatch(r"(.+) WHERE (\S+\.id) >= (\d+) ORDER BY (\S+\.id)(?:, \S+\.id)? LIMIT (\d+)", query)
        if found is None:
            return query, None
        assert found[2] == found[4], "what is skipped must be what is sorted by"
        return found[1], (int(found[3]), int(found[5]))

    def _rows(self, resource: str, window: tuple[date, date] | None) -> Iterator[dict[str, Any]]:
        if window:
            for (campaign, day), micros in self.spend.items():
                if window[0] <= day <= window[1]:
                    counts = {"costMicros": str(micros), "impressions": "1000", "clicks": "10"}
                    metrics = {**counts, "conversions": 1.5, "conversionsValue": 99.95}
                    yield {"campaign": {"id": campaign}, "segments": {"date": day.isoformat()}, "metrics": metrics}
        elif resource == "campaign":
            yield from ({"campaign": row} for row in self.campaigns)
        elif resource == "customer":
            yield {}
        elif resource == "ad_group":
            for group in sorted(self.groups, key=lambda group: int(group["id"])):
                yield {"adGroup": group, "campaign": {"id": group["campaign"]}}
        elif resource == "ad_group_ad":
            for group, ad in sorted(self.ads, key=lambda pair: pair[::-1]):
                yield {
                    "campaign": {"id": "22"},
                    "adGroup": {"id": str(group)},
                    "adGroupAd": {"status": "ENABLED", "ad": {"id": str(ad), "type": "RESPONSIVE_SEARCH_AD"}},
                }
        else:
            yield from ({"leadFormSubmissionData": row} for row in self.leads)

    def _chosen(self, row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for field in fields:
            *path, name = (camel(word) for word in field.split("."))
            value = at({**row, "customer": self.customer}, *path, name)
            if value is not None:
                place = chosen
                for step in path:
                    place = place.setdefault(step, {"resourceName": "customers/1234567890"})
                place[name] = value
        return chosen


class Door:
    """One server for all tests here, whichever account they open: starting and stopping one takes half a second."""

    server: Loopback
    account: Account


@pytest.fixture(scope="module", autouse=True)
def _door() -> Iterator[None]:
    with serve(lambda request: Door.account(request)) as Door.server:
        yield


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_now", lambda: NOW)


def configured(**options: Any) -> GoogleAdsSettings:
    given = {
        "type": "google_ads",
        "customer_id": "123-456-7890",
        "login_customer_id": "987-654-3210",
        "developer_token": "${ADS_TEST_DEVELOPER:-dev-secret}",
        "client_id": "client",
        "client_secret": "${ADS_TEST_CLIENT:-client-secret}",
        "refresh_token": "${ADS_TEST_REFRESH:-refresh-secret}",
        "retry": RetrySettings(attempts=3, backoff_seconds=0),
    }
    return GoogleAdsSettings.model_validate({**given, **options})


@contextmanager
def connected(account: Account, **options: Any) -> Iterator[GoogleAdsConnector]:
    Door.account = account
    connector = GoogleAdsConnector("ads", configured(**{"base_url": Door.server.base_url, **options}))
    yield connector
    connector.close()


def read(connector: GoogleAdsConnector, stream: str, checkpoint: Any = None) -> list[Page]:
    return list(stream_of(connector, stream).read(checkpoint))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(pages: list[Page]) -> list[str]:
    return [record.id for record in records(pages)]


def says(body: Any, status: int = 200, **headers: str) -> Callable[[], Reply]:
    return lambda: Reply(body, status, headers)


def spending(days: int, campaign: str = "22") -> dict[tuple[str, date], int]:
    return {(campaign, TODAY - timedelta(days=n)): 1_000_000 + n for n in range(days)}


def grouped(count: int) -> list[dict[str, Any]]:
    kept = {"status": "ENABLED", "type": "SEARCH_STANDARD", "campaign": "22"}
    return [{"id": str(n), "name": f"Group {n}", **kept} for n in range(1, count + 1)]


def waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [record.args[1] for record in caplog.records if "waiting" in record.msg]  # type: ignore[index,misc]


# spend -----------------------------------------------------------------------------------------------------------


def test_first_read_brings_spend_by_campaign_and_day_in_windows_up_to_today() -> None:
    account = Account()
    account.spend = {**spending(80), **spending(2, "23")}
    with connected(account, start_date="2026-09-05") as connector:
        pages = read(connector, "ad_spend_daily")
    assert len(ids(pages)) == 82
    assert {"22:2026-11-23", "22:2026-09-05", "23:2026-11-22"} <= set(ids(pages))
    assert [(w[0].isoformat(), w[1].isoformat()) for w in account.windows] == [
        ("2026-09-05", "2026-10-09"),
        ("2026-10-10", "2026-11-13"),
        ("2026-11-14", "2026-11-23"),
    ]
    assert [page.checkpoint for page in pages] == [{"read_to": w[1].isoformat()} for w in account.windows]
    payload = records(pages)[0].payload
    assert payload["metrics"]["costMicros"] == str(account.spend["22", date.fromisoformat(payload["segments"]["date"])])
    assert payload["metrics"]["conversions"] == Decimal("1.5")
    assert (payload["customer"]["currencyCode"], payload["customer"]["timeZone"]) == ("EUR", "Europe/Berlin")


@pytest.mark.parametrize(
    ("today", "first"),
    [("2026-11-23", "2023-10-23"), ("2026-03-31", "2023-03-03"), ("2026-01-01", "2022-12-01"), ("2028-03-29", "2025-03-01")],
)
def test_without_a_start_date_reading_begins_where_googles_memory_does(
    today: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_ads, "_now", lambda: datetime.fromisoformat(f"{today}T12:00:00+00:00"))
    account = Account()
    with connected(account) as connector:
        next(stream_of(connector, "ad_spend_daily").read(None))
    assert account.windows[0][0].isoformat() == first


def test_the_windows_of_a_first_read_leave_no_day_out() -> None:
    account = Account()
    with connected(account) as connector:
        read(connector, "ad_spend_daily")
    days = [window[0] + timedelta(days=n) for window in account.windows for n in range((window[1] - window[0]).days + 1)]
    assert days == [date(2023, 10, 23) + timedelta(days=n) for n in range((TODAY - date(2023, 10, 23)).days + 1)]


def test_a_start_date_beyond_googles_memory_is_not_asked_for() -> None:
    account = Account()
    with connected(account, start_date="2020-01-01") as connector:
        next(stream_of(connector, "ad_spend_daily").read(None))
    assert account.windows[0][0].isoformat() == "2023-10-23"


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("America/Los_Angeles", "2026-03-01T02:00:00+00:00", "2026-02-28"),
        ("Pacific/Auckland", "2026-03-01T12:00:00+00:00", "2026-03-02"),
        ("Europe/London", "2026-10-24T23:30:00+00:00", "2026-10-25"),  # the day the clocks go back
        ("Europe/London", "2026-10-25T23:30:00+00:00", "2026-10-25"),
        ("Mars/Olympus_Mons", "2026-03-01T12:00:00+00:00", "2026-03-02"),  # unknown: nowhere is it later
    ],
)
def test_today_is_today_in_the_account(zone: str, now: str, today: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_now", lambda: datetime.fromisoformat(now))
    account = Account(zone)
    with connected(account, start_date="2026-02-20") as connector:
        read(connector, "ad_spend_daily")
    assert account.windows[-1][1].isoformat() == today


def test_next_read_takes_the_conversion_window_again_because_google_restates_it() -> None:
    account = Account()
    account.spend = spending(60)
    with connected(account, start_date="2026-09-01", conversion_window_days=20) as connector:
        checkpoint = read(connector, "ad_spend_daily")[-1].checkpoint
        account.windows.clear()
        account.spend[("22", TODAY - timedelta(days=20))] = 7
        again = read(connector, "ad_spend_daily", checkpoint)
    assert account.windows == [(TODAY - timedelta(days=20), TODAY)]
    assert again[0].records[-1].payload["metrics"]["costMicros"] == "7"
    assert again[-1].checkpoint == checkpoint


def test_nothing_before_the_start_date_is_read_again() -> None:
    account = Account()
    with connected(account, start_date="2026-11-20") as connector:
        read(connector, "ad_spend_daily", {"read_to": "2026-11-22"})
    assert account.windows == [(date(2026, 11, 20), TODAY)]


def test_a_state_from_the_future_yields_nothing() -> None:
    account = Account()
    account.spend = spending(3)
    with connected(account) as connector:
        assert read(connector, "ad_spend_daily", {"read_to": "2099-01-01"}) == []


@pytest.mark.parametrize("whole_pages", [0, 1, 2, 3])
def test_a_backfill_that_broke_off_goes_on_and_brings_every_day(whole_pages: int) -> None:
    account = Account()
    account.spend = spending(120)
    kept: list[Page] = []
    with connected(account, start_date=(TODAY - timedelta(days=119)).isoformat()) as connector:
        pages = stream_of(connector, "ad_spend_daily").read(None)
        kept = [next(pages) for _ in range(whole_pages)]
        rest = read(connector, "ad_spend_daily", kept[-1].checkpoint if kept else None)
    assert set(ids(kept)) | set(ids(rest)) == {f"22:{day.isoformat()}" for _, day in account.spend}
    assert rest[-1].checkpoint == {"read_to": "2026-11-23"}


def test_breaking_off_in_a_day_read_before_does_not_move_the_checkpoint_back() -> None:
    account = Account()
    account.spend, account.longest = spending(40), 10
    account.windows.clear()
    before = {"read_to": "2026-11-22"}
    with connected(account) as connector:
        pages = stream_of(connector, "ad_spend_daily").read(before)
        first = next(pages)
    assert account.windows[-1][1] < date(2026, 11, 22)
    assert first.checkpoint == before


def test_two_full_reads_are_equal() -> None:
    account = Account()
    account.spend, account.leads = spending(50), [lead(1), lead(2)]
    with connected(account, start_date="2026-10-01") as connector:
        account.groups, account.ads = grouped(5), [(n, 10 * n) for n in range(1, 6)]
        for stream in ("ad_spend_daily", "leads", "campaigns", "ad_groups", "ads"):
            assert read(connector, stream) == read(connector, stream)


# a window of days ------------------------------------------------------------------------------------------------


def window(connector: GoogleAdsConnector, since: str, until: str) -> list[str]:
    read_window = stream_of(connector, "ad_spend_daily").window
    assert read_window is not None
    return ids(list(read_window(datetime.fromisoformat(since), datetime.fromisoformat(until))))


@pytest.mark.parametrize(
    ("zone", "since", "until", "first", "last"),
    [
        ("Europe/Berlin", "2026-11-01T00:00:00+01:00", "2026-11-03T00:00:00+01:00", "2026-11-01", "2026-11-02"),
        ("Europe/Berlin", "2026-10-31T23:00:00+00:00", "2026-11-02T23:00:00.000001+00:00", "2026-11-01", "2026-11-03"),
        ("Pacific/Auckland", "2026-11-01T12:00:00+00:00", "2026-11-02T00:00:00+00:00", "2026-11-02", "2026-11-02"),
        ("Europe/Berlin", "2026-11-20T00:00:00+01:00", "2030-01-01T00:00:00+01:00", "2026-11-20", "2026-11-23"),
        ("Europe/Berlin", "1999-01-01T00:00:00+00:00", "2023-10-25T00:00:00+02:00", "2023-10-23", "2023-10-24"),
        ("Mars/Olympus_Mons", "2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00", "2026-10-31", "2026-11-02"),
    ],
)
def test_a_window_is_read_by_the_days_of_the_account_that_have_a_part_in_it(
    zone: str, since: str, until: str, first: str, last: str
) -> None:
    account = Account(zone)
    account.spend = {("22", date.fromisoformat(day)): 1 for day in (first, last)}
    with connected(account, start_date="2026-11-15") as connector:
        assert set(window(connector, since, until)) == {f"22:{first}", f"22:{last}"}
    assert [(w[0].isoformat(), w[1].isoformat()) for w in account.windows] == [(first, last)]


def test_a_window_of_the_future_is_not_asked_for() -> None:
    account = Account()
    with connected(account) as connector:
        assert window(connector, "2027-01-01T00:00:00+00:00", "2027-02-01T00:00:00+00:00") == []
    assert account.windows == []


# answers that break off ------------------------------------------------------------------------------------------


def test_an_answer_that_is_cut_short_is_asked_for_in_halves_and_no_day_is_lost() -> None:
    account = Account()
    account.spend, account.longest = spending(35), 9
    with connected(account, start_date=(TODAY - timedelta(days=34)).isoformat()) as connector:
        pages = read(connector, "ad_spend_daily")
        assert connector.calls()[1] == 0  # halved at once, not sent again
    assert [(w[1] - w[0]).days + 1 for w in account.windows] == [35, 17, 8, 8, 8, 8, 3]
    assert sorted(ids(pages)) == sorted(f"22:{day.isoformat()}" for _, day in account.spend)


def test_a_single_day_that_is_always_cut_short_is_an_error_after_the_bounded_attempts() -> None:
    account = Account()
    account.spend, account.longest = spending(2), 0
    with (
        connected(account, start_date=(TODAY - timedelta(days=1)).isoformat()) as connector,
        pytest.raises(ProtocolError, match=r"ads/ad_spend_daily: .*no complete JSON"),
    ):
        read(connector, "ad_spend_daily")
    assert [(w[1] - w[0]).days + 1 for w in account.windows] == [2, 1, 1, 1]


def test_a_connection_that_breaks_in_mid_answer_halves_the_window_too() -> None:
    account = Account()
    account.spend = spending(20)
    with breaking_after(7, account) as base_url, connected(account, start_date="2026-11-04", base_url=base_url) as connector:
        pages = read(connector, "ad_spend_daily")
    assert len(set(ids(pages))) == 20
    assert [(w[1] - w[0]).days + 1 for w in account.windows] == [20, 10, 5, 5, 5, 5]


@contextmanager
def breaking_after(days: int, account: Account) -> Iterator[str]:
    """A server that closes the connection in the middle of an answer over more than so many days."""

    class Http(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            reply = account(Request("POST", self.path, {}, {k.lower(): v for k, v in self.headers.items()}, body))
            content = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            too_long = b"BETWEEN" in body and (account.windows[-1][1] - account.windows[-1][0]).days >= days
            self.wfile.write(content[: len(content) // 2] if too_long else content)

        def log_message(self, *args: Any) -> None:
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


# leads and campaigns ---------------------------------------------------------------------------------------------


def test_leads_are_read_whole_each_time_with_the_moment_they_were_submitted() -> None:
    account = Account()
    account.leads = [lead(n) for n in range(1, 6)]
    with connected(account) as connector:
        pages = read(connector, "leads")
        account.leads.append(lead(6, at="2026-09-30 00:00:00-05:00"))  # late, and older than all that was read
        again = read(connector, "leads", pages[-1].checkpoint)
    assert ids(pages) == [f"lead-{n}" for n in range(1, 6)]
    assert records(pages)[0].updated_at == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    assert "lead-6" in ids(again)


@pytest.mark.parametrize("at", ["yesterday", "2026-11-20 09:30:00"])
def test_a_lead_whose_moment_cannot_be_read_comes_without_it(at: str) -> None:
    account = Account()
    account.leads = [lead(1, at=at)]
    with connected(account) as connector:
        assert [(r.id, r.updated_at) for r in records(read(connector, "leads"))] == [("lead-1", None)]


def test_removed_campaigns_are_read_too_and_each_says_currency_and_zone() -> None:
    with connected(Account()) as connector:
        found = records(read(connector, "campaigns"))
    assert [(r.id, r.payload["campaign"]["status"]) for r in found] == [("22", "ENABLED"), ("23", "REMOVED")]
    assert found[1].payload["customer"]["timeZone"] == "Europe/Berlin"


def test_ad_groups_and_ads_come_in_portions_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_PORTION", 4)
    account = Account()
    account.groups = grouped(9)
    account.ads = [(1, 10), (1, 20), (1, 30), (1, 40), (2, 40), (3, 40), (1, 50)]  # one ad in three groups, over the edge
    with connected(account) as connector:
        groups, ads = read(connector, "ad_groups"), read(connector, "ads")
        assert set(ids(groups)) == {str(n) for n in range(1, 10)}
        assert set(ids(ads)) == {f"{group}:{ad}" for group, ad in account.ads}
        assert account.portions == [(0, 4), (4, 4), (7, 4), (0, 4), (40, 4), (50, 4)]
        assert [page.checkpoint for page in groups] == [{"from": 4}, {"from": 7}, {"read": "all"}]
        account.portions.clear()
        assert ids(read(connector, "ad_groups", groups[0].checkpoint)) == ["4", "5", "6", "7", "7", "8", "9"]
        assert ids(read(connector, "ad_groups", groups[-1].checkpoint)) == ids(groups), "a whole reading begins again"


def test_a_portion_that_is_cut_short_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_PORTION", 10)
    account = Account()
    account.groups, account.most = grouped(9), 3
    with connected(account) as connector:
        assert set(ids(read(connector, "ad_groups"))) == {str(n) for n in range(1, 10)}
        assert connector.calls()[1] == 0
        account.most = 1
        with pytest.raises(ProtocolError, match=r"ads/ad_groups: .*no complete JSON"):
            read(connector, "ad_groups")
    assert account.portions[:4] == [(0, 10), (0, 5), (0, 2), (2, 2)]


def test_an_ad_in_more_ad_groups_than_a_halved_portion_has_rows_is_read_by_a_larger_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_PORTION", 10)
    account = Account()
    account.ads = [(1, 5), *((group, 7) for group in range(4)), (1, 9)]
    account.script = [lambda: Reply(b"[{")] * 2  # two answers break off, later ones do not
    with connected(account) as connector:
        assert set(ids(read(connector, "ads"))) == {f"{group}:{ad}" for group, ad in account.ads}
    assert account.portions == [(0, 2), (7, 2), (7, 4), (7, 8)]


def test_a_larger_portion_that_breaks_off_again_is_an_error_and_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_PORTION", 10)
    account = Account()
    account.ads, account.most = [(group, 7) for group in range(6)], 2
    with connected(account) as connector, pytest.raises(ProtocolError, match=r"ads/ads: .*no complete JSON"):
        read(connector, "ads")
    assert account.portions[:4] == [(0, 10), (0, 5), (0, 2), (7, 2)]
    assert set(account.portions[4:]) == {(7, 4)}


def test_portions_that_do_not_go_on_are_an_error_and_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_ads, "_PORTION", 3)
    account = Account()
    account.ads = [(group, 7) for group in range(5)]
    with connected(account) as connector, pytest.raises(ProtocolError, match="ads/ads: Google's rows do not go on"):
        read(connector, "ads")
    account.script = [says([{"results": [{"adGroup": {"name": "x"}}] * 3}])]
    with connected(account) as connector, pytest.raises(ProtocolError, match="do not go on"):
        read(connector, "ad_groups")


def test_an_ad_group_without_its_id_is_rejected_not_dropped() -> None:
    account = Account()
    account.script = [says([{"results": [{"adGroup": {"name": "x"}}, {"adGroup": {"id": "5"}}]}])]
    with connected(account) as connector:
        (page,) = read(connector, "ad_groups")
    assert [r.id for r in page.records] == ["5"]
    assert [(r.where, r.reason) for r in page.rejects] == [("ad_groups row 0", "it has no adGroup.id")]


def test_streams_are_declared_facts_first() -> None:
    with connected(Account()) as connector:
        assert [(s.name, s.kind, s.deletes) for s in connector.streams()] == [
            ("ad_spend_daily", "ad_spend", Deletes.NONE),
            ("leads", "lead", Deletes.NONE),
            ("campaigns", "ad_campaign", Deletes.FLAG),
            ("ad_groups", "ad_group", Deletes.FLAG),
            ("ads", "ad", Deletes.FLAG),
        ]
        assert [s.name for s in connector.streams() if s.window] == ["ad_spend_daily"]


def test_a_row_without_its_key_is_rejected_not_dropped() -> None:
    account = Account()
    row = {"campaign": {"id": "22"}, "metrics": {"costMicros": "5"}}
    account.script = [lambda: None, says([{"results": [row]}])]
    with connected(account, start_date=TODAY.isoformat()) as connector:
        (page,) = read(connector, "ad_spend_daily")
    assert page.records == []
    assert [(r.where, r.reason) for r in page.rejects] == [("ad_spend_daily row 0", "it has no campaign.id and segments.date")]
    assert json.loads(page.rejects[0].content) == row


# authorisation ---------------------------------------------------------------------------------------------------


def test_check_says_who_we_are_and_costs_one_query() -> None:
    with connected(Account()) as connector:
        assert connector.check() == "account 1234567890, Acme, EUR, Europe/Berlin"
        assert connector.calls() == (2, 0)  # a token and a query


def test_one_token_serves_until_it_runs_out() -> None:
    account = Account()
    with connected(account) as connector:
        connector.check()
        connector.check()
        assert account.tokens == ["ya29.0"]
    account.tokens, account.lifetime = [], 1  # runs out before it could be used again
    with connected(account) as connector:
        connector.check()
        connector.check()
    assert account.tokens == ["ya29.0", "ya29.1"]


def test_a_token_that_google_no_longer_takes_is_renewed_once_and_the_query_sent_again() -> None:
    account = Account()
    account.leads = [lead(1)]
    with connected(account) as connector:
        connector.check()
        account.tokens.append("revoked elsewhere")
        assert ids(read(connector, "leads")) == ["lead-1"]
    assert account.tokens[-1] == "ya29.2"


def test_a_token_refused_twice_is_a_matter_of_credentials() -> None:
    account = Account()
    account.script = [says([failure(401, "UNAUTHENTICATED", {"authenticationError": "OAUTH_TOKEN_REVOKED"})], 401)] * 9
    with connected(account) as connector, pytest.raises(CredentialsError, match=r"OAUTH_TOKEN_REVOKED.*ADS_TEST_REFRESH"):
        connector.check()
    assert len(account.script) == 7


@pytest.mark.parametrize(
    ("options", "code", "remedy"),
    [
        ({"refresh_token": Secret("${ADS_TEST_REFRESH:-expired}")}, "invalid_grant", "authorise again and renew refresh_token"),
        (
            {"client_secret": Secret("${ADS_TEST_CLIENT:-wrong}")},
            "invalid_client",
            r"client_secret \(environment variable ADS_TEST_CLIENT",
        ),
    ],
)
def test_an_authorisation_that_ended_says_what_to_renew_and_no_secret(options: dict[str, Any], code: str, remedy: str) -> None:
    with connected(Account(), **options) as connector, pytest.raises(CredentialsError, match=rf"{code}.*{remedy}") as caught:
        connector.check()
    assert not any(secret in str(caught.value) for secret in ("secret-", "expired", "wrong", "dev-secret"))


def test_a_token_endpoint_that_is_down_for_a_moment_is_asked_again() -> None:
    account = Account()
    account.token_script = [says(b"busy", 503), says({"error": "temporarily_unavailable"}, 503)]
    with connected(account) as connector:
        assert connector.check().startswith("account")
        assert connector.calls() == (4, 2)
        account.tokens.append("revoked elsewhere")
        account.token_script = [says(b"busy", 503)] * 3
        with pytest.raises(SourceUnavailableError, match="POST /token"):
            connector.check()


def test_an_answer_without_a_token_is_an_error() -> None:
    account = Account()
    account.token_script = [says({})]
    with connected(account) as connector, pytest.raises(ProtocolError, match="no access token"):
        connector.check()


def test_tokens_are_fetched_where_the_settings_say() -> None:
    account = Account()
    with (
        connected(account, token_url="http://127.0.0.1:9/elsewhere") as connector,
        pytest.raises(SourceUnavailableError, match="/elsewhere"),
    ):
        connector.check()


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (403, {"authorizationError": "USER_PERMISSION_DENIED"}, "set login_customer_id to its manager account"),
        (403, {"authorizationError": "CUSTOMER_NOT_ENABLED"}, "correct customer_id"),
        (401, {"authenticationError": "CUSTOMER_NOT_FOUND"}, "correct customer_id"),
        (
            403,
            {"authorizationError": "DEVELOPER_TOKEN_NOT_APPROVED"},
            r"developer_token \(environment variable ADS_TEST_DEVELOPER\)",
        ),
        (401, {"authenticationError": "OAUTH_TOKEN_DISABLED"}, r"refresh_token \(environment variable ADS_TEST_REFRESH\)"),
    ],
)
def test_a_refusal_names_googles_code_and_the_setting_to_mend(status: int, error: dict[str, str], remedy: str) -> None:
    account = Account()
    account.script = [says([failure(status, {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[status], error)], status)] * 2
    with connected(account) as connector, pytest.raises(CredentialsError, match=remedy) as caught:
        read(connector, "leads")
    assert str(caught.value).startswith("ads/leads: Google refused our credentials (" + next(iter(error.values())))
    assert "zoe@" not in str(caught.value)


# throttling and faults -------------------------------------------------------------------------------------------

EXHAUSTED = failure(
    429,
    "RESOURCE_EXHAUSTED",
    {"quotaError": "RESOURCE_EXHAUSTED"},
    details={"quotaErrorDetails": {"rateScope": "ACCOUNT", "retryDelay": "0.2s"}},
)


@pytest.mark.parametrize(
    "reply",
    [
        says([EXHAUSTED], 429),
        says(EXHAUSTED, 429),
        says([{"results": []}, EXHAUSTED], 200),
        says(
            {"error": {"code": 429, "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.2s"}]}}, 429
        ),
    ],
    ids=["in a list", "alone", "at the end of a stream", "as RetryInfo"],
)
def test_an_exhausted_quota_waits_as_long_as_google_says(reply: Callable[[], Reply], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    account = Account()
    account.leads, account.script = [lead(1)], [reply]
    with connected(account) as connector:
        assert ids(read(connector, "leads")) == ["lead-1"]
    assert waits(caplog) == [pytest.approx(0.2)]


def test_a_daily_quota_that_returns_tomorrow_is_not_waited_for() -> None:
    account = Account()
    details = {"quotaErrorDetails": {"rateScope": "DEVELOPER", "retryDelay": "43200s"}}
    account.script = [says([failure(429, "RESOURCE_EXHAUSTED", {"quotaError": "RESOURCE_EXHAUSTED"}, details=details)], 429)]
    with connected(account) as connector, pytest.raises(SourceUnavailableError, match="slow down for 43200 s"):
        read(connector, "leads")
    assert account.script == []


@pytest.mark.parametrize(
    "trouble",
    [
        says(b"<html>", 502),
        says([failure(503, "UNAVAILABLE", {"internalError": "TRANSIENT_ERROR"})], 503),
        says([{"results": [{}]}, failure(500, "INTERNAL", {"internalError": "INTERNAL_ERROR"})]),
        says([failure(429, "RESOURCE_EXHAUSTED", {"quotaError": "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"})], 429),
        says(b'[{"results": ['),
    ],
    ids=["502", "503", "error at the end of a stream", "429 without a delay", "truncated JSON"],
)
def test_a_passing_fault_is_ridden_out_and_a_lasting_one_reported(trouble: Callable[[], Reply]) -> None:
    account = Account()
    account.leads, account.script = [lead(1)], [trouble] * 2
    with connected(account) as connector:
        assert ids(read(connector, "leads")) == ["lead-1"]
        account.script = [trouble] * 3
        with pytest.raises((SourceUnavailableError, ProtocolError), match=r"^ads/leads: .*run the sync again"):
            read(connector, "leads")


def test_a_query_that_google_does_not_understand_names_the_code_and_quotes_nothing() -> None:
    account = Account()
    account.script = [says([failure(400, "INVALID_ARGUMENT", {"queryError": "UNRECOGNIZED_FIELD"})], 400)]
    with connected(account) as connector, pytest.raises(ProtocolError, match=r"\(UNRECOGNIZED_FIELD, INVALID_ARGUMENT\)") as caught:
        read(connector, "leads")
    assert "zoe@" not in str(caught.value)


@pytest.mark.parametrize("body", [{}, {"results": []}, ["x"], 1])
def test_an_answer_that_is_no_list_of_batches_is_an_error_and_never_an_empty_success(body: Any) -> None:
    account = Account()
    account.script = [says(json.dumps(body).encode())]
    with connected(account) as connector, pytest.raises(ProtocolError, match="no list of batches"):
        read(connector, "leads")


# settings --------------------------------------------------------------------------------------------------------


def test_settings_take_ids_with_dashes_or_as_numbers_and_refuse_what_google_would() -> None:
    assert configured(customer_id=1234567890, login_customer_id=None).customer_id == "1234567890"
    assert configured().customer_id == "1234567890"
    for bad in ({"customer_id": "acme"}, {"conversion_window_days": 91}, {"refresh_token": "1//secret"}, {"customer": "1"}):
        with pytest.raises(ValidationError):
            configured(**bad)


def test_a_connector_opens_nothing_and_needs_no_secret_before_it_is_used() -> None:
    connector = connector_class("google_ads")("ads", configured(refresh_token="${ADS_UNSET}"))
    assert len(connector.streams()) == 5
    assert connector.calls() == (0, 0)
    connector.close()
    with pytest.raises(ConfigError, match="ADS_UNSET is not set"):
        connector.check()


# mapping ---------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: Any) -> list[dict[str, Any]]:
    """What the mapping makes of payloads, which are numbered from 1 on."""
    return staging.mapped(GoogleAdsConnector("ads", None), stream, table, *payloads)


def day_of_spend(micros: Any) -> dict[str, Any]:
    return {
        "customer": {"id": "1234567890", "currencyCode": "EUR"},
        "campaign": {"id": "22"},
        "segments": {"date": "2026-11-20"},
        "metrics": {"costMicros": micros, "impressions": "1000", "clicks": "10", "conversions": 1.5, "conversionsValue": 99.95},
    }


def submitted(data: dict[str, Any]) -> dict[str, Any]:
    return {"customer": {"id": "1234567890"}, "leadFormSubmissionData": data}


def test_the_mapping_yields_canonical_columns_only() -> None:
    blocks = parse_mapping(GoogleAdsConnector("ads", None).mapping())
    assert [(b.stream, b.table) for b in blocks] == [
        ("ad_spend_daily", "ad_spend_daily"),
        ("leads", "lead"),
        ("leads", "party_record"),
        ("campaigns", "ad_campaign"),
        ("ad_groups", "ad_group"),
        ("ads", "ad"),
    ]
    for block in blocks:
        (row,) = mapped(block.stream, block.table, {})
        unknown = [name for name in row if name != "source_record_id" and TABLES[block.table].column(name) is None]
        assert unknown == []


def test_a_day_of_spend_is_mapped_in_the_accounts_currency() -> None:
    assert mapped("ad_spend_daily", "ad_spend_daily", day_of_spend("1230000")) == [
        {
            "source_record_id": "1",
            "platform": "google_ads",
            "account_id": "1234567890",
            "campaign_id": "22",
            "date_day": "2026-11-20",
            "currency": "EUR",
            "spend": "1.230000",
            "impressions": "1000",
            "clicks": "10",
            "platform_conversions": "1.5",
            "platform_conversion_value": "99.95",
        }
    ]


@given(micros=st.lists(st.integers(0, 10**15), min_size=1, max_size=20))
@settings(max_examples=20, deadline=None)
def test_spend_is_the_millionth_part_exactly(micros: list[int]) -> None:
    rows = mapped("ad_spend_daily", "ad_spend_daily", *(day_of_spend(str(m)) for m in micros))
    assert [Decimal(row["spend"]) for row in rows] == [Decimal(m).scaleb(-6) for m in micros]


@pytest.mark.parametrize("micros", [None, "n/a", {"value": 1}])
def test_spend_that_cannot_be_read_is_missing_and_not_zero(micros: Any) -> None:
    assert mapped("ad_spend_daily", "ad_spend_daily", day_of_spend(micros))[0]["spend"] is None


def test_a_lead_is_mapped_with_the_ids_inside_its_resource_names() -> None:
    assert mapped("leads", "lead", submitted(lead(1))) == [
        {
            "source_record_id": "1",
            "party_id": "1",
            "party_stream": "leads",
            "platform": "google_ads",
            "account_id": "1234567890",
            "campaign_id": "22",
            "ad_group_id": "333",
            "ad_id": "4444",
            "form_id": "55555",
            "click_id_type": "gclid",
            "click_id": "Cj01",
            "lead_source": "lead_form",
            "submitted_at": "2026-11-20 09:30:00+01:00",
            "created_at": "2026-11-20 09:30:00+01:00",
        }
    ]
    (bare,) = mapped("leads", "lead", submitted({"id": "x", "gclid": ""}))
    assert (bare["campaign_id"], bare["ad_id"], bare["click_id"], bare["click_id_type"]) == (None, None, None, None)


def test_the_answers_of_a_lead_form_make_a_party() -> None:
    full = lead(
        1, FULL_NAME="Zoë Müller", WORK_EMAIL="zoe@acme.example", EMAIL="zoe@example.com", COMPANY_NAME="Acme GmbH", CITY="Berlin"
    )
    split = lead(
        2, FIRST_NAME="Zoë", LAST_NAME="Müller", WORK_EMAIL="zoe@acme.example", WORK_PHONE="+4930", PREFERRED_LOCATION="Mitte"
    )
    address = lead(3, STREET_ADDRESS="Hauptstraße 1", REGION="BE", POSTAL_CODE="10115", COUNTRY="DE")
    one, two, three = mapped("leads", "party_record", *map(submitted, (full, split, address)))
    assert (one["record_role"], one["full_name"], one["company_name"], one["city"]) == ("lead", "Zoë Müller", "Acme GmbH", "Berlin")
    assert (one["email"], one["created_at"]) == ("zoe@example.com", "2026-11-20 09:30:00+01:00")
    assert (two["given_name"], two["family_name"], two["email"], two["phone"]) == ("Zoë", "Müller", "zoe@acme.example", "+4930")
    assert [three[c] for c in ("address_line1", "region", "postal_code", "country")] == ["Hauptstraße 1", "BE", "10115", "DE"]


def test_a_lead_without_answers_or_with_one_twice_is_still_a_party() -> None:
    twice = lead(1)
    twice["leadFormSubmissionFields"] = [
        {"fieldType": "EMAIL", "fieldValue": value} for value in ("a@example.com", "b@example.com")
    ]
    silent = {key: value for key, value in lead(2).items() if key != "leadFormSubmissionFields"}
    empty = {**lead(3), "leadFormSubmissionFields": []}
    rows = mapped("leads", "party_record", *map(submitted, (twice, silent, empty)))
    assert [row["email"] for row in rows] == ["a@example.com", None, None]


def test_a_campaign_is_mapped_with_its_currency_and_zone() -> None:
    payload = {
        "customer": {"id": "1234567890", "currencyCode": "EUR", "timeZone": "Europe/Berlin"},
        "campaign": {"id": "23", "name": "Old", "status": "REMOVED", "advertisingChannelType": "DISPLAY"},
    }
    assert mapped("campaigns", "ad_campaign", payload) == [
        {
            "source_record_id": "1",
            "platform": "google_ads",
            "account_id": "1234567890",
            "campaign_id": "23",
            "campaign_name": "Old",
            "status": "removed",
            "currency": "EUR",
            "timezone": "Europe/Berlin",
        }
    ]


def test_an_ad_group_is_mapped_to_its_campaign() -> None:
    group = {"id": "333", "name": "Schuhe", "status": "PAUSED", "type": "SEARCH_STANDARD"}
    payload = {"customer": {"id": "1234567890"}, "campaign": {"id": "22"}, "adGroup": group}
    assert mapped("ad_groups", "ad_group", payload) == [
        {
            "source_record_id": "1",
            "platform": "google_ads",
            "account_id": "1234567890",
            "campaign_id": "22",
            "ad_group_id": "333",
            "ad_group_name": "Schuhe",
            "status": "paused",
        }
    ]


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ({"name": "Banner 300x250"}, "Banner 300x250"),
        ({"name": "", "responsiveSearchAd": {"headlines": [{"text": "Schuhe"}, {"text": "Mehr Schuhe"}]}}, "Schuhe"),
        ({"responsiveSearchAd": {"headlines": []}}, None),
        ({"responsiveSearchAd": "x"}, None),
        ({}, None),
    ],
)
def test_an_ad_is_mapped_with_its_name_or_first_headline(about: dict[str, Any], name: str | None) -> None:
    payload = {
        "customer": {"id": "1234567890"},
        "campaign": {"id": "22"},
        "adGroup": {"id": "333"},
        "adGroupAd": {"status": "ENABLED", "ad": {"id": "4444", "type": "RESPONSIVE_SEARCH_AD", **about}},
    }
    assert mapped("ads", "ad", payload) == [
        {
            "source_record_id": "1",
            "platform": "google_ads",
            "account_id": "1234567890",
            "campaign_id": "22",
            "ad_group_id": "333",
            "ad_id": "4444",
            "ad_name": name,
            "landing_url": None,
            "status": "enabled",
        }
    ]


@pytest.mark.parametrize(
    ("ad", "group", "campaign", "url"),
    [
        ({"finalUrls": ["https://a.example/x", "https://a.example/y"]}, {}, {}, "https://a.example/x"),
        ({"finalUrls": ["https://a.example/x"], "finalUrlSuffix": "utm_id=1"}, {}, {}, "https://a.example/x?utm_id=1"),
        (
            *({"finalUrls": ["https://a.example/x?y=1"], "finalUrlSuffix": "a=1"}, {"finalUrlSuffix": "b=1"}),
            *({"finalUrlSuffix": "c=1"}, "https://a.example/x?y=1&a=1"),
        ),
        ({"finalUrls": ["https://a.example"], "finalUrlSuffix": ""}, {}, {"finalUrlSuffix": "c=1"}, "https://a.example?c=1"),
        ({"finalUrls": []}, {}, {"finalUrlSuffix": "c=1"}, None),
        ({"finalUrls": "x"}, {"finalUrlSuffix": "b=1"}, {}, None),
    ],
)
def test_an_ad_leads_to_its_final_url_with_the_nearest_suffix(
    ad: dict[str, Any], group: dict[str, Any], campaign: dict[str, Any], url: str | None
) -> None:
    payload = {"customer": {"id": "1"}, "campaign": campaign, "adGroup": group, "adGroupAd": {"ad": {"id": "4", **ad}}}
    (row,) = mapped("ads", "ad", payload)
    assert row.get("landing_url") == url
