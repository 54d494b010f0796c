"""Meta's Graph API in the sandbox: versions, fields, pages, usage headers; and how a world's days show in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign

from connectors.ads import meta, meta_leads
from connectors.ads.meta import LEVELS, MetaConnector
from connectors.ads.meta_settings import MetaSettings
from connectors.contract import Page
from connectors.extract import stream_of
from connectors.sandbox import Sandbox, SandboxHandle, running
from connectors.sandbox.meta import SYSTEM, shapes
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, PAGE_ID, PAGE_TOKEN, MetaBooks
from connectors.sandbox.meta.report import FIELDS as REPORT_FIELDS
from connectors.sandbox.systems import systems
from tests.sandbox.conftest import TODAY, Vendor, truth_rows

ACT = f"/v26.0/act_{ACCOUNT_ID}"


def meta_vendor(handle: SandboxHandle, token: str = ACCESS_TOKEN) -> Vendor:
    return Vendor(handle, "meta", headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def connector(fresh: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetaConnector]:
    for name, value in SYSTEM.env.items():
        monkeypatch.setenv(name, value)
    for module in (meta, meta_leads):
        monkeypatch.setattr(module, "_now", lambda: datetime.fromisoformat(fresh.state()["clock"]))
    made = MetaConnector("meta", MetaSettings.model_validate({**SYSTEM.source, "base_url": fresh.url("meta")}))
    yield made
    made.close()


def read(connector: MetaConnector, stream: str, kept: dict[str, Any] | None = None) -> list[Page]:
    return list(stream_of(connector, stream).read(kept))


def payloads(pages: list[Page]) -> dict[str, dict[str, Any]]:
    return {record.id: dict(record.payload) for page in pages for record in page.records}


# the connector against it ----------------------------------------------------------------------------------------


def test_the_connector_reads_all_that_is_there(fresh: SandboxHandle, connector: MetaConnector) -> None:
    assert connector.check() == f"ad account {ACCOUNT_ID}, Sandbox Goods, USD, America/New_York, page Sandbox Goods"
    found = {stream.name: read(connector, stream.name) for stream in connector.streams()}
    assert not any(page.rejects for pages in found.values() for page in pages)
    counts = fresh.state()["counts"]["meta"]
    live = {name: [p for p in payloads(pages).values() if p.get("effective_status") != "DELETED"] for name, pages in found.items()}
    assert {name: len(live[name]) for name in counts} == counts
    assert {p["effective_status"] for p in payloads(found["campaigns"]).values()} == {"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"}
    known = {row["source_record_id"] for row in truth_rows(fresh) if row["source_system"] == "meta"}
    assert set(payloads(found["leads"])) == known
    assert sum("is_test" in payload for payload in payloads(found["leads"]).values()) == 1
    days = payloads(found["ad_spend_daily"])
    ads = payloads(found["ads"])
    assert {payload["ad_id"] for payload in days.values()} == set(ads)
    assert {ads[p["ad_id"]]["effective_status"] for p in days.values()} >= {"ACTIVE", "DELETED", "ARCHIVED"}


def test_a_day_brings_leads_ads_changes_and_a_deletion(fresh: SandboxHandle, connector: MetaConnector) -> None:
    before = {stream.name: read(connector, stream.name) for stream in connector.streams()}
    fresh.advance(2)
    after = {name: read(connector, name, dict(pages[-1].checkpoint)) for name, pages in before.items()}
    assert set(payloads(after["leads"])) - set(payloads(before["leads"]))
    old, new = payloads(before["ads"]), payloads(after["ads"])
    assert len(set(new) - set(old)) == 2
    assert set(old) <= set(new)
    assert sum(new[key]["effective_status"] == "DELETED" != old[key]["effective_status"] for key in old) >= 1
    assert [p["name"] for p in payloads(after["campaigns"]).values()] != [p["name"] for p in payloads(before["campaigns"]).values()]
    spend, again = payloads(before["ad_spend_daily"]), payloads(after["ad_spend_daily"])
    assert {key.partition(":")[2] for key in set(again) - set(spend)} >= {str(date(2026, 9, 13)), str(date(2026, 9, 14))}
    assert any(again[key] != spend[key] for key in set(again) & set(spend))


def test_leads_come_from_the_one_population(shared: SandboxHandle) -> None:
    rows = truth_rows(shared)
    others = {row["entity_id"] for row in rows if row["source_system"] != "meta"}
    own = [row["entity_id"] for row in rows if row["source_system"] == "meta"]
    assert len(own) > 10
    assert sum(entity in others for entity in own) > len(own) // 2


def test_the_others_are_the_same_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def everyone_else() -> list[tuple[str, ...]]:
        sandbox = Sandbox(5, 60, today=TODAY)
        sandbox.advance(2)
        return [row for row in sandbox.world.truth() if row[0] != "meta"]

    with_it = everyone_else()
    others = tuple(system for system in systems() if system.name != "meta")
    for module in ("world", "history", "days"):
        monkeypatch.setattr(f"connectors.sandbox.{module}.systems", lambda: others)
    assert everyone_else() == with_it


def test_the_same_seed_makes_the_same_books_days_and_figures() -> None:
    def books() -> tuple[MetaBooks, int]:
        sandbox = Sandbox(3, 80, today=TODAY)
        sandbox.advance(2)
        return sandbox.world.books["meta"], sandbox.now()

    (one, now), (two, _) = books(), books()
    assert [shapes.lead(lead) for lead in one.leads] == [shapes.lead(lead) for lead in two.leads]
    assert [shapes.structure(node) for node in one.nodes.values()] == [shapes.structure(node) for node in two.nodes.values()]
    ad = next(one.of_kind("ad"))
    assert one.figures(ad, date(2026, 9, 1), now) == two.figures(two.nodes[ad.key], date(2026, 9, 1), now)


def test_writes_survive_a_restart(tmp_path: Path) -> None:
    first = Sandbox(3, 30, tmp_path, today=TODAY)
    books = first.world.books["meta"]
    form, ad = books.forms[1]["id"], next(books.of_kind("ad")).key
    first.write("meta.create_test_lead", form=form, field_data=[])
    first.write("meta.update_object", key=ad, fields={"name": None, "status": "DELETED"})
    gone = next(lead["id"] for lead in books.leads if not lead["test"])
    first.write("meta.delete_lead", key=gone)
    first.advance()
    first.close()
    again = Sandbox(3, 30, tmp_path, today=TODAY)
    held = again.world.books["meta"]
    assert [shapes.lead(lead) for lead in held.leads] == [shapes.lead(lead) for lead in books.leads]
    assert held.nodes[ad].effective_status == "DELETED"
    assert list(again.world.truth()) == list(first.world.truth())
    again.close()


# the protocol ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "params", "told"),
    [
        (ACT.replace("v26", "v25"), {}, (400, 2635, None)),
        (ACT.replace("v26", "v27"), {}, (400, 2500, None)),
        ("/act_1", {}, (400, 2500, None)),
        ("/v26.0/act_1", {}, (400, 100, 33)),
        (f"{ACT}/campaigns/x", {}, (400, 2500, None)),
        (f"{ACT}/nothing", {}, (400, 100, 33)),
        (ACT, {"fields": "currency,colour"}, (400, 100, None)),
        (f"{ACT}/campaigns", {"effective_status": "ACTIVE"}, (400, 100, None)),
        (f"{ACT}/campaigns", {"limit": 5_000}, (500, 1, None)),
        (f"{ACT}/campaigns", {"after": "x"}, (400, 100, None)),
        (f"{ACT}/insights", {"fields": "colour"}, (400, 100, None)),
        (f"{ACT}/insights", {"level": "page"}, (400, 100, None)),
        (f"{ACT}/insights", {"time_increment": "91"}, (400, 100, None)),
        (f"{ACT}/insights", {"time_range": '{"since":"2026-09-02","until":"2026-09-01"}'}, (400, 100, None)),
        (f"{ACT}/insights", {"time_range": '{"since":"2020-09-02","until":"2026-09-01"}'}, (400, 3018, None)),
        (f"{ACT}/insights", {"filtering": '[{"field":"ad.colour","operator":"IN","value":[]}]'}, (400, 100, None)),
        ("/v26.0/", {"ids": "1"}, (400, 100, 33)),
        ("/v26.0/", {}, (400, 100, None)),
    ],
)
def test_what_meta_refuses_is_refused_with_its_code(
    shared: SandboxHandle, path: str, params: dict[str, Any], told: tuple[int, int, int | None]
) -> None:
    answer = meta_vendor(shared).get(path, **params)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == told


def test_without_a_token_nothing_is_shown_and_it_may_come_in_the_query(shared: SandboxHandle) -> None:
    bare = Vendor(shared, "meta")
    assert bare.get(ACT).json()["error"]["code"] == 104
    assert bare.get(ACT, access_token=ACCESS_TOKEN).json() == {"account_id": ACCOUNT_ID, "id": f"act_{ACCOUNT_ID}"}


def test_pages_carry_cursors_and_a_link_with_the_token_and_end_without_one(shared: SandboxHandle) -> None:
    vendor = meta_vendor(shared, PAGE_TOKEN)
    page = vendor.get(f"/v26.0/{PAGE_ID}/leadgen_forms", limit=2).json()
    assert len(page["data"]) == 2
    assert PAGE_TOKEN in page["paging"]["next"]
    last = vendor.get(f"/v26.0/{PAGE_ID}/leadgen_forms", limit=2, after=page["paging"]["cursors"]["after"]).json()
    assert len(last["data"]) == 1
    assert "next" not in last["paging"]
    assert Vendor(shared, "meta")("GET", page["paging"]["next"]).json() == last


def test_a_lead_sent_while_we_page_moves_nothing_out_of_sight(fresh: SandboxHandle) -> None:
    vendor = meta_vendor(fresh, PAGE_TOKEN)
    form = vendor.get(f"/v26.0/{PAGE_ID}/leadgen_forms").json()["data"][-1]["id"]
    everything = [lead["id"] for lead in vendor.get(f"/v26.0/{form}/leads", limit=500).json()["data"]]
    page = vendor.get(f"/v26.0/{form}/leads", limit=2).json()
    answer = vendor("DELETE", f"/v26.0/{page['data'][-1]['id']}")
    assert answer.json() == {"success": True}
    assert vendor("POST", f"/v26.0/{form}/test_leads").status_code == 400  # it has one from the start
    rest = vendor.get(f"/v26.0/{form}/leads", limit=500, after=page["paging"]["cursors"]["after"]).json()["data"]
    assert [lead["id"] for lead in page["data"] + rest] == everything


def test_leads_older_than_ninety_days_are_given_out_no_more() -> None:
    sandbox = Sandbox(7, 60, today=TODAY)
    books: MetaBooks = sandbox.world.books["meta"]
    with running(sandbox=sandbox) as handle:
        vendor = meta_vendor(handle, PAGE_TOKEN)
        form = books.forms[0]["id"]
        old = books.keep_lead(sandbox.now() - 91 * 86_400, form, [("email", "old@quickmail.example")], ad=None, platform="fb")
        assert old["id"] not in {lead["id"] for lead in vendor.get(f"/v26.0/{form}/leads", limit=500).json()["data"]}
        shown = vendor.get(f"/v26.0/{form}", fields="leads_count,expired_leads_count").json()
        assert shown["expired_leads_count"] == 1


def test_answers_tell_how_much_of_the_limit_is_used(shared: SandboxHandle) -> None:
    headers = meta_vendor(shared).get(ACT).headers
    assert headers["facebook-api-version"] == "v26.0"
    (business,) = json.loads(headers["x-business-use-case-usage"])[ACCOUNT_ID]
    assert business["estimated_time_to_regain_access"] == 0
    assert json.loads(headers["x-app-usage"])["call_count"] < 90


@pytest.mark.parametrize(
    ("seconds", "code", "header", "told"),
    [
        (120, 80_004, "x-business-use-case-usage", '"estimated_time_to_regain_access": 2'),
        (5, 17, "x-ad-account-usage", '"reset_time_duration": 5'),
    ],
)
def test_a_throttle_says_in_a_header_when_it_ends(fresh: SandboxHandle, seconds: int, code: int, header: str, told: str) -> None:
    fresh.fault("meta", status=429, retry_after=seconds)
    answer = meta_vendor(fresh).get(ACT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert told in answer.headers[header]
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(("status", "code"), [(401, 190), (403, 200), (500, 2), (503, 2)])
def test_other_faults_come_in_metas_words(fresh: SandboxHandle, status: int, code: int) -> None:
    fresh.fault("meta", status=status)
    answer = meta_vendor(fresh).get(ACT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_spend_is_final_after_some_days_and_conversions_arrive_for_twenty_eight(default_world: Sandbox) -> None:
    books: MetaBooks = default_world.world.books["meta"]
    ad, day = next(books.of_kind("ad")), date(2026, 8, 1)
    start = int(datetime(2026, 8, 1, 16, tzinfo=UTC).timestamp())
    told = [books.figures(ad, day, start + age * 86_400) for age in range(40)]
    assert told[0]["spend"] < told[1]["spend"]
    assert [f["purchases"] for f in told] == sorted(f["purchases"] for f in told)
    assert told[28] == told[39]
    assert any(books.figures(ad, day - timedelta(days=n), start)["spend"] % 100 for n in range(9))


# against what Meta publishes -------------------------------------------------------------------------------------


def fields_in(specs: Path, name: str) -> set[str]:
    return {field["name"] for field in json.loads((specs / f"meta_{name}.json").read_text())["fields"]}


def test_every_field_asked_for_and_answered_is_in_metas_description(specs: Path, default_world: Sandbox) -> None:
    books: MetaBooks = default_world.world.books["meta"]
    assert set(meta.SPEND_FIELDS) <= fields_in(specs, "AdsInsights")
    assert fields_in(specs, "AdsInsights") >= REPORT_FIELDS
    assert set(LEVELS[0].fields) <= fields_in(specs, "Campaign")
    assert set(shapes.structure(next(books.of_kind("campaign")))) <= fields_in(specs, "Campaign")
    assert set(meta_leads.FIELDS) <= fields_in(specs, "Lead")
    assert set(shapes.lead(next(iter(books.leads)))) <= fields_in(specs, "Lead")
    assert set(shapes.form(books.forms[0], 0, 0)) <= fields_in(specs, "LeadgenForm")


def test_every_edge_of_a_form_that_is_used_is_in_metas_description(specs: Path) -> None:
    apis = json.loads((specs / "meta_LeadgenForm.json").read_text())["apis"]
    assert {("GET", "leads"), ("GET", "test_leads"), ("POST", "test_leads")} <= {(a["method"], a.get("endpoint")) for a in apis}
    assert {"DELETE", "GET"} <= {a["method"] for a in json.loads((specs / "meta_Lead.json").read_text())["apis"]}


def test_parameters_of_reports_are_in_metas_description(specs: Path) -> None:
    apis = json.loads((specs / "meta_Campaign.json").read_text())["apis"]
    for method in ("GET", "POST"):
        (insights,) = (a for a in apis if (a["method"], a.get("endpoint")) == (method, "insights"))
        named = {param["name"] for param in insights["params"]}
        assert {"level", "time_increment", "time_range", "fields", "filtering", "limit"} <= named


@pytest.mark.parametrize(
    ("level", "cls"), [*zip(LEVELS, (Campaign, AdSet, Ad), strict=True)], ids=["campaigns", "ad_groups", "ads"]
)
def test_every_status_and_field_of_this_version_is_asked_for(level: meta.Level, cls: type[Any]) -> None:
    """As Meta's own client has them: a status left out would leave objects, and their spend, out."""
    statuses = {value for name, value in vars(cls.EffectiveStatus).items() if not name.startswith("_")}
    assert {*level.statuses, "DELETED"} == statuses
    fields = {value for name, value in vars(cls.Field).items() if not name.startswith("_")}
    assert {name.partition("{")[0] for name in level.fields} <= fields
    within = {name for field in level.fields for name in field.partition("{")[2].rstrip("}").split(",")} - {""}
    assert within <= {value for name, value in vars(AdCreative.Field).items() if not name.startswith("_")}


def test_an_object_within_shows_its_id_and_what_is_asked_of_it(fresh: SandboxHandle) -> None:
    meta_ads = meta_vendor(fresh)
    (plain,) = meta_ads.get(f"{ACT}/ads", fields="creative", limit=1).json()["data"]
    (tagged,) = meta_ads.get(f"{ACT}/ads", fields="name,creative{url_tags}", limit=1).json()["data"]
    assert plain["creative"] == {"id": tagged["creative"]["id"]}
    assert tagged["creative"]["url_tags"].startswith("utm_source=facebook&")
    refused = meta_ads.get(f"{ACT}/ads", fields="creative{nothing}")
    assert refused.json()["error"]["code"] == 100
