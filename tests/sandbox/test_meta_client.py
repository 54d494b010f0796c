"""Meta's own client library (facebook-business) against the sandbox."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.lead import Lead
from facebook_business.adobjects.leadgenform import LeadgenForm
from facebook_business.adobjects.page import Page
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from connectors.ads.meta import LEVELS, SPEND_FIELDS
from connectors.ads.meta_leads import FIELDS as LEAD_FIELDS
from connectors.sandbox import SandboxHandle
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, APP_SECRET, PAGE_ID
from tests.sandbox.conftest import truth_rows

EVERY_STATUS = [*LEVELS[-1].statuses, "DELETED"]


def client(handle: SandboxHandle, token: str = ACCESS_TOKEN, secret: str | None = APP_SECRET) -> FacebookAdsApi:
    session = FacebookSession(app_secret=secret, access_token=token, timeout=30)
    session.requests.trust_env = False
    session.GRAPH = handle.url("meta")
    return FacebookAdsApi(session)


def account(api: FacebookAdsApi) -> AdAccount:
    return AdAccount(f"act_{ACCOUNT_ID}", api=api)


def page_client(handle: SandboxHandle) -> FacebookAdsApi:
    page = Page(PAGE_ID, api=client(handle)).api_get(fields=["id", "access_token"])
    return client(handle, page["access_token"])


def today(handle: SandboxHandle) -> date:
    return datetime.fromisoformat(handle.state()["clock"]).date()


def test_it_reads_the_account_and_pages_through_its_structure(shared: SandboxHandle) -> None:
    acme = account(client(shared))
    assert acme.api_get(fields=["currency", "timezone_name"])["timezone_name"] == "America/New_York"
    counts = shared.state()["counts"]["meta"]
    for level, edge in zip(LEVELS, (acme.get_campaigns, acme.get_ad_sets, acme.get_ads), strict=True):
        # the client knows fields by name alone, and warns of what is asked of an object within
        fields = [name.partition("{")[0] for name in level.fields]
        cursor = edge(fields=fields, params={"limit": 5, "effective_status": list(level.statuses)})
        found = list(cursor)
        assert len({node["id"] for node in found}) == len(found) == cursor.total() == counts[level.stream]
        unasked = {node["id"] for node in edge(fields=["id"])}
        assert unasked == {node["id"] for node in found if node["effective_status"] != "ARCHIVED"} != {n["id"] for n in found}


def test_it_reads_insights_by_ad_and_day_and_they_add_up(shared: SandboxHandle) -> None:
    acme = account(client(shared))
    window = {"since": str(today(shared) - timedelta(days=20)), "until": str(today(shared))}
    filtering = [{"field": "ad.effective_status", "operator": "IN", "value": EVERY_STATUS}]
    params = {"level": "ad", "time_increment": 1, "time_range": window, "filtering": filtering, "limit": 40}
    rows = list(acme.get_insights(fields=list(SPEND_FIELDS), params=params))
    assert len({(row["ad_id"], row["date_start"]) for row in rows}) == len(rows) > 200
    assert all(row["date_start"] == row["date_stop"] for row in rows)
    (whole,) = acme.get_insights(fields=["spend", "impressions"], params={"level": "account", "time_range": window})
    assert sum(Decimal(row["spend"]) for row in rows) == Decimal(whole["spend"])
    assert sum(int(row["impressions"]) for row in rows) == int(whole["impressions"])
    campaign = Campaign(rows[0]["campaign_id"], api=client(shared))
    (own,) = campaign.get_insights(fields=["spend"], params={"time_range": window})
    assert Decimal(own["spend"]) == sum(Decimal(r["spend"]) for r in rows if r["campaign_id"] == campaign["id"])


def test_it_has_a_long_report_made_in_the_vendors_own_time(shared: SandboxHandle) -> None:
    acme = account(client(shared))
    window = {"since": str(today(shared) - timedelta(days=380)), "until": str(today(shared))}
    params = {"level": "ad", "time_increment": 1, "time_range": window, "limit": 500}
    with pytest.raises(FacebookRequestError) as refused:
        acme.get_insights(fields=["spend"], params=params)
    assert (refused.value.api_error_code(), refused.value.api_error_subcode()) == (100, 1_487_534)
    job = acme.get_insights(fields=["ad_id", "spend"], params=params, is_async=True)
    job["id"] = job["report_run_id"]
    seen = [job.api_get()["async_status"] for _ in range(3)]
    assert seen == ["Job Not Started", "Job Running", "Job Completed"]
    rows = list(job.get_insights(params={"limit": 500}))
    assert len({(row["ad_id"], row["date_start"]) for row in rows}) == len(rows) > 3_000


def test_it_reads_the_leads_of_every_form_as_the_page(shared: SandboxHandle) -> None:
    api = page_client(shared)
    forms = list(Page(PAGE_ID, api=api).get_lead_gen_forms(fields=["id", "name", "status", "leads_count", "questions"]))
    assert {form["status"] for form in forms} == {"ACTIVE", "ARCHIVED"}
    leads = []
    for form in forms:
        found = list(LeadgenForm(form["id"], api=api).get_leads(fields=list(LEAD_FIELDS), params={"limit": 7}))
        assert len(found) == form["leads_count"]
        keys = {question["key"] for question in form["questions"]}
        assert all({answer["name"] for answer in lead["field_data"]} <= keys for lead in found)
        leads += found
    known = {row["source_record_id"] for row in truth_rows(shared) if row["source_system"] == "meta"}
    assert {lead["id"] for lead in leads} == known
    assert {lead["platform"] for lead in leads} == {"fb", "ig"}
    assert any(lead["is_organic"] and "ad_id" not in lead for lead in leads)
    times = [lead["created_time"] for lead in leads]
    middle = int(datetime.fromisoformat(sorted(times)[len(times) // 2]).timestamp())
    filtering = [{"field": "time_created", "operator": "GREATER_THAN", "value": middle}]
    later = [
        lead
        for form in forms
        for lead in LeadgenForm(form["id"], api=api).get_leads(fields=["created_time"], params={"filtering": filtering})
    ]
    assert len(later) == sum(datetime.fromisoformat(time).timestamp() > middle for time in times)


def test_it_makes_a_test_lead_reads_it_and_deletes_it(fresh: SandboxHandle) -> None:
    api = page_client(fresh)
    form = LeadgenForm(next(iter(Page(PAGE_ID, api=api).get_lead_gen_forms()))["id"], api=api)
    before = fresh.state()["counts"]["meta"]["leads"]
    made = form.create_test_lead(params={"field_data": [{"name": "full_name", "values": ["Zoë Ångström"]}]})
    with pytest.raises(FacebookRequestError, match="test lead for this form already"):
        form.create_test_lead()
    (listed,) = form.get_test_leads(fields=["id", "field_data"])
    assert listed["id"] == made["id"]
    assert made["id"] in {lead["id"] for lead in form.get_leads()}
    assert Lead(made["id"], api=api).api_get(fields=["field_data"])["field_data"][0]["values"] == ["Zoë Ångström"]
    Lead(made["id"], api=api).api_delete()
    assert fresh.state()["counts"]["meta"]["leads"] == before
    with pytest.raises(FacebookRequestError, match="does not exist"):
        Lead(made["id"], api=api).api_get()


def test_what_it_deletes_is_listed_no_more_and_shown_by_its_id(fresh: SandboxHandle) -> None:
    api = client(fresh)
    acme = account(api)
    ad = next(ad for ad in acme.get_ads(fields=["effective_status"]) if ad["effective_status"] == "ACTIVE")
    Ad(ad["id"], api=api).api_update(params={"status": "PAUSED", "name": "Renamed"})
    shown = Ad(ad["id"], api=api).api_get(fields=["name", "effective_status"])
    assert (shown["name"], shown["effective_status"]) == ("Renamed", "PAUSED")
    Ad(ad["id"], api=api).api_delete()
    assert Ad(ad["id"], api=api).api_get(fields=["effective_status"])["effective_status"] == "DELETED"
    assert ad["id"] not in {other["id"] for other in acme.get_ads(params={"effective_status": ["ACTIVE", "ARCHIVED", "PAUSED"]})}
    with pytest.raises(FacebookRequestError) as refused:
        acme.get_ads(params={"effective_status": ["DELETED"]})
    assert (refused.value.api_error_code(), refused.value.api_error_subcode()) == (100, 1_815_001)
    window = {"since": str(today(fresh) - timedelta(days=9)), "until": str(today(fresh))}
    told = {row["ad_id"] for row in acme.get_insights(fields=["ad_id"], params={"level": "ad", "time_range": window, "limit": 99})}
    assert ad["id"] not in told
    filtering = [{"field": "ad.effective_status", "operator": "IN", "value": ["DELETED"]}]
    params = {"level": "ad", "time_range": window, "filtering": filtering}
    assert [row["ad_id"] for row in acme.get_insights(fields=["ad_id"], params=params)] == [ad["id"]]


def test_a_paused_ad_set_pauses_its_ads(fresh: SandboxHandle) -> None:
    api = client(fresh)
    ad = next(ad for ad in account(api).get_ads(fields=["effective_status", "adset_id"]) if ad["effective_status"] == "ACTIVE")
    AdSet(ad["adset_id"], api=api).api_update(params={"status": "PAUSED"})
    assert Ad(ad["id"], api=api).api_get(fields=["effective_status"])["effective_status"] == "ADSET_PAUSED"


@pytest.mark.parametrize(
    ("token", "secret", "status", "code"),
    [("not-the-token", None, 401, 190), (ACCESS_TOKEN, "not-the-secret", 400, 100)],
)
def test_refusals_are_the_errors_the_client_knows(
    shared: SandboxHandle, token: str, secret: str | None, status: int, code: int
) -> None:
    with pytest.raises(FacebookRequestError) as refused:
        account(client(shared, token, secret)).api_get(fields=["name"])
    assert (refused.value.http_status(), refused.value.api_error_code()) == (status, code)


def test_leads_are_not_shown_to_a_users_token(shared: SandboxHandle) -> None:
    with pytest.raises(FacebookRequestError, match="must be called with a Page Access Token"):
        Page(PAGE_ID, api=client(shared)).get_lead_gen_forms()
