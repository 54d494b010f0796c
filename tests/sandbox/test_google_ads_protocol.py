"""Google Ads' REST protocol: tokens, headers, streams, and errors that carry a GoogleAdsFailure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sandbox import SandboxHandle, credentials
from tests.sandbox.conftest import Vendor, google_rows, google_vendor

STREAM = f"/v26/customers/{credentials.GOOGLE_ADS_CUSTOMER_ID}/googleAds:searchStream"
LEADS = """SELECT lead_form_submission_data.id, lead_form_submission_data.gclid, lead_form_submission_data.submission_date_time,
    lead_form_submission_data.lead_form_submission_fields, lead_form_submission_data.campaign FROM lead_form_submission_data"""
FORM = {
    "grant_type": "refresh_token",
    "client_id": credentials.GOOGLE_ADS_CLIENT_ID,
    "client_secret": credentials.GOOGLE_ADS_CLIENT_SECRET,
    "refresh_token": credentials.GOOGLE_ADS_REFRESH_TOKEN,
}


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return google_vendor(shared)


def failure(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Status code, status and error code of a refused stream."""
    error = answer.json()[0]["error"]
    assert error["code"] == answer.status_code
    assert error["details"][0]["@type"].endswith("google.ads.googleads.v26.errors.GoogleAdsFailure")
    return answer.status_code, error["status"], error["details"][0]["errors"][0]["errorCode"]


def ask(api: Vendor, query: str, **how: Any) -> httpx.Response:
    return api("POST", how.pop("path", STREAM), json={"query": query}, **how)


def today(handle: SandboxHandle) -> date:
    return datetime.fromisoformat(handle.state()["clock"]).date()


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"refresh_token": "1//revoked"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses_as_oauth_does(shared: SandboxHandle, change: dict[str, str], status: int, error: str) -> None:
    answer = Vendor(shared, "google_ads")("POST", "/token", data={**FORM, **change})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_token_is_good_for_an_hour(fresh: SandboxHandle) -> None:
    told = Vendor(fresh, "google_ads")("POST", "/token", data=FORM).json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3599)
    api = google_vendor(fresh)
    assert ask(api, "SELECT customer.id FROM customer").status_code == 200
    fresh.push_clock(3_601)
    expired = ask(api, "SELECT customer.id FROM customer")
    assert failure(expired) == (401, "UNAUTHENTICATED", {"authenticationError": "OAUTH_TOKEN_EXPIRED"})
    assert ask(google_vendor(fresh), "SELECT customer.id FROM customer").status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"authorization": ""}, (401, "UNAUTHENTICATED", {"authenticationError": "NOT_ADS_USER"})),
        ({"authorization": "Bearer ya29.made-up"}, (401, "UNAUTHENTICATED", {"authenticationError": "OAUTH_TOKEN_INVALID"})),
        ({"developer-token": "wrong"}, (401, "UNAUTHENTICATED", {"authenticationError": "DEVELOPER_TOKEN_INVALID"})),
        ({"login-customer-id": "123-456-7890"}, (400, "INVALID_ARGUMENT", {"headerError": "INVALID_LOGIN_CUSTOMER_ID"})),
    ],
)
def test_wrong_headers_are_refused_by_name(api: Vendor, headers: dict[str, str], expected: tuple[int, str, dict[str, str]]) -> None:
    assert failure(ask(api, "SELECT customer.id FROM customer", headers=headers)) == expected


def test_a_missing_developer_token_is_a_bad_request_as_documented(shared: SandboxHandle) -> None:
    token = Vendor(shared, "google_ads")("POST", "/token", data=FORM).json()["access_token"]
    api = Vendor(shared, "google_ads", headers={"authorization": f"Bearer {token}"})
    expected = (400, "INVALID_ARGUMENT", {"requestError": "DEVELOPER_TOKEN_PARAMETER_MISSING"})
    assert failure(ask(api, "SELECT customer.id FROM customer")) == expected


def test_other_versions_and_places_are_404_and_no_json(api: Vendor) -> None:
    for path in (STREAM.replace("v26", "v21"), STREAM.replace("v26", "v27"), "/v26/customers/1/campaigns"):
        answer = ask(api, "SELECT customer.id FROM customer", path=path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    assert api.get(STREAM).status_code == 404


def test_other_customers_are_refused(api: Vendor) -> None:
    def of(customer: str) -> tuple[int, str, dict[str, str]]:
        return failure(ask(api, "SELECT customer.id FROM customer", path=STREAM.replace("1234567890", customer)))

    assert of("9999999999") == (403, "PERMISSION_DENIED", {"authorizationError": "USER_PERMISSION_DENIED"})
    assert of("123-456-7890") == (400, "INVALID_ARGUMENT", {"requestError": "INVALID_CUSTOMER_ID"})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT campaign.foo FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.id FROM widget", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT ad_group.id FROM campaign", "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE"),
        ("SELECT campaign.id, segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        ("SELECT campaign.id, segments.date FROM campaign WHERE segments.date >= '2026-09-01'", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        (f"{LEADS} ORDER BY lead_form_submission_data.submission_date_time", "PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE"),
        ("SELECT campaign.id FROM campaign ORDER BY metrics.clicks", "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE"),
        (f"{LEADS} WHERE lead_form_submission_data.lead_form_submission_fields = 'x'", "PROHIBITED_FIELD_IN_WHERE_CLAUSE"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id = 'many'", "BAD_VALUE"),
        ("SELECT campaign.id FROM campaign WHERE campaign.status > 'ENABLED'", "OPERATOR_FIELD_MISMATCH"),
    ],
)
def test_queries_that_cannot_run_are_refused_with_googles_code(api: Vendor, query: str, code: str) -> None:
    assert failure(ask(api, query)) == (400, "INVALID_ARGUMENT", {"queryError": code})


def test_a_body_without_a_query_is_refused(api: Vendor) -> None:
    assert failure(api("POST", STREAM, content=b"{}"))[2] == {"requestError": "REQUIRED_FIELD_MISSING"}


def test_rows_are_proto_json_and_hold_only_what_was_asked(api: Vendor, shared: SandboxHandle) -> None:
    day = (today(shared) - timedelta(days=3)).isoformat()
    where = f"segments.date = '{day}' AND campaign.status = 'ENABLED'"
    fields = "campaign.id, campaign.advertising_channel_type, segments.date, metrics.cost_micros, metrics.conversions"
    rows = google_rows(api, f"SELECT {fields}, customer.currency_code FROM campaign WHERE {where}")
    assert rows
    for row in rows:
        assert set(row) == {"campaign", "segments", "metrics", "customer"}
        assert set(row["campaign"]) == {"resourceName", "id", "advertisingChannelType"}
        assert row["campaign"]["resourceName"] == f"customers/1234567890/campaigns/{row['campaign']['id']}"
        assert isinstance(row["metrics"]["costMicros"], str)
        assert int(row["metrics"]["costMicros"]) % 10_000 == 0
        assert isinstance(row["metrics"]["conversions"], float)
        assert (row["segments"], row["customer"]["currencyCode"]) == ({"date": day}, "EUR")


def test_a_long_stream_comes_in_batches_with_mask_and_request_id(api: Vendor, shared: SandboxHandle) -> None:
    last = today(shared)
    where = f"segments.date BETWEEN '{last - timedelta(days=500)}' AND '{last}'"
    batches = ask(api, f"SELECT campaign.id, segments.date, metrics.clicks FROM campaign WHERE {where}").json()
    assert len(batches) > 1
    assert {batch["fieldMask"] for batch in batches} == {"campaign.id,segments.date,metrics.clicks"}
    assert all(batch["requestId"] for batch in batches)
    assert sum(len(batch["results"]) for batch in batches) == shared.state()["counts"]["google_ads"]["spend_days"]


def test_a_stream_without_rows_has_one_batch_without_results(api: Vendor) -> None:
    batches = ask(api, "SELECT campaign.id FROM campaign WHERE campaign.id = 1").json()
    assert len(batches) == 1
    assert "results" not in batches[0]
    assert batches[0]["fieldMask"] == "campaign.id"


def test_removed_campaigns_stay_queryable(api: Vendor) -> None:
    rows = google_rows(api, "SELECT campaign.name, campaign.status FROM campaign WHERE campaign.status = 'REMOVED'")
    assert [row["campaign"]["name"] for row in rows] == ["Old tests"]


def test_days_add_up_to_the_whole_and_ad_groups_to_campaigns(api: Vendor, shared: SandboxHandle) -> None:
    span = f"WHERE segments.date BETWEEN '{today(shared) - timedelta(days=40)}' AND '{today(shared)}'"

    def cost(fields: str, resource: str) -> int:
        rows = google_rows(api, f"SELECT {fields}metrics.cost_micros FROM {resource} {span}")
        return sum(int(row["metrics"]["costMicros"]) for row in rows)

    whole = cost("", "customer")
    assert whole > 0
    assert whole == cost("campaign.id, ", "campaign") == cost("segments.date, ", "campaign") == cost("ad_group.id, ", "ad_group")


def test_conversions_of_recent_days_still_grow_and_costs_do_not(fresh: SandboxHandle) -> None:
    query = "SELECT campaign.id, segments.date, metrics.cost_micros, metrics.conversions FROM campaign WHERE segments.date = '{}'"
    day = today(fresh) - timedelta(days=1)
    before = google_rows(google_vendor(fresh), query.format(day))
    fresh.advance(2)
    after = google_rows(google_vendor(fresh), query.format(day))
    assert [r["metrics"]["costMicros"] for r in before] == [r["metrics"]["costMicros"] for r in after]
    assert sum(r["metrics"]["conversions"] for r in before) < sum(r["metrics"]["conversions"] for r in after)
    assert google_rows(google_vendor(fresh), query.format(today(fresh) - timedelta(days=1)))


def test_leads_have_answers_times_with_offset_and_mostly_a_click(api: Vendor, shared: SandboxHandle) -> None:
    leads = [row["leadFormSubmissionData"] for row in google_rows(api, LEADS)]
    assert len({lead["id"] for lead in leads}) == len(leads) == shared.state()["counts"]["google_ads"]["leads"]
    for lead in leads:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", lead["submissionDateTime"])
        kinds = [answer["fieldType"] for answer in lead["leadFormSubmissionFields"]]
        assert len(kinds) == len(set(kinds))
        assert {"FULL_NAME", "FIRST_NAME"} & set(kinds)
    assert 0.8 < sum("gclid" in lead for lead in leads) / len(leads) < 1


def test_leads_filter_by_submission_time_in_account_time(api: Vendor) -> None:
    leads = [row["leadFormSubmissionData"] for row in google_rows(api, LEADS)]
    times = sorted(datetime.fromisoformat(lead["submissionDateTime"]) for lead in leads)
    since = times[len(times) // 2]
    expected = {lead["id"] for lead in leads if datetime.fromisoformat(lead["submissionDateTime"]) >= since}
    for text in (since.isoformat(sep=" "), since.replace(tzinfo=None).isoformat(sep=" ")):
        rows = google_rows(api, f"{LEADS} WHERE lead_form_submission_data.submission_date_time >= '{text}'")
        assert {row["leadFormSubmissionData"]["id"] for row in rows} == expected


def test_ads_are_of_ad_groups_and_performance_max_has_none(api: Vendor) -> None:
    fields = "campaign.advertising_channel_type, ad_group.id, ad_group_ad.status, ad_group_ad.ad.id, ad_group_ad.ad.name"
    more = "ad_group_ad.ad.type, ad_group_ad.ad.responsive_search_ad.headlines"
    rows = google_rows(api, f"SELECT {fields}, {more} FROM ad_group_ad ORDER BY ad_group_ad.ad.id")
    numbers = [int(row["adGroupAd"]["ad"]["id"]) for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        ad, group = row["adGroupAd"]["ad"], row["adGroup"]["id"]
        assert row["adGroupAd"]["resourceName"] == f"customers/1234567890/adGroupAds/{group}~{ad['id']}"
        assert ad["resourceName"] == f"customers/1234567890/ads/{ad['id']}"
        assert ("name" in ad) != ("headlines" in ad.get("responsiveSearchAd", {}))
    assert {row["campaign"]["advertisingChannelType"] for row in rows} == {"SEARCH", "DISPLAY"}
    half = google_rows(api, f"SELECT ad_group_ad.ad.id FROM ad_group_ad WHERE ad_group_ad.ad.id >= {numbers[5]} LIMIT 3")
    assert [int(row["adGroupAd"]["ad"]["id"]) for row in half] == numbers[5:8]
    answer = ask(api, "SELECT ad_group_ad.ad.id FROM ad_group_ad ORDER BY ad_group_ad.ad.nothing")
    assert failure(answer)[2] == {"queryError": "UNRECOGNIZED_FIELD"}


def test_a_lead_came_by_an_ad_that_there_is(api: Vendor) -> None:
    known = {row["adGroupAd"]["resourceName"] for row in google_rows(api, "SELECT ad_group_ad.ad.id FROM ad_group_ad")}
    query = "SELECT lead_form_submission_data.id, lead_form_submission_data.ad_group_ad FROM lead_form_submission_data"
    told = [row["leadFormSubmissionData"].get("adGroupAd") for row in google_rows(api, query)]
    assert known >= {name for name in told if name}
    assert any(told)
    assert None in told, "some came by Performance Max"


def test_a_quota_fault_says_in_the_body_how_long_to_wait(fresh: SandboxHandle) -> None:
    api = google_vendor(fresh)
    fresh.fault("google_ads", status=429, retry_after=30, path="/v26")
    answer = ask(api, "SELECT customer.id FROM customer")
    assert failure(answer) == (429, "RESOURCE_EXHAUSTED", {"quotaError": "RESOURCE_EXHAUSTED"})
    details = answer.json()[0]["error"]["details"]
    assert details[0]["errors"][0]["details"]["quotaErrorDetails"]["retryDelay"] == "30s"
    assert details[1] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}
    assert "retry-after" not in answer.headers
