"""Zendesk's protocol to the letter: exports, lists, writes, limits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.sandbox import Sandbox, SandboxHandle, credentials, running
from connectors.sandbox.zendesk_beside import _minutes, identities
from tests.sandbox.conftest import TODAY, Vendor, zendesk_export, zendesk_vendor

USERS, TICKETS = "/api/v2/incremental/users/cursor", "/api/v2/incremental/tickets/cursor"


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return zendesk_vendor(shared)


@pytest.fixture
def own(fresh: SandboxHandle) -> tuple[SandboxHandle, Vendor]:
    return fresh, zendesk_vendor(fresh)


def now(handle: SandboxHandle) -> int:
    return int(datetime.fromisoformat(handle.state()["clock"]).astimezone(UTC).timestamp())


def test_credentials_are_email_token_or_bearer_and_all_else_is_401(shared: SandboxHandle) -> None:
    path, token = "/api/v2/users/me.json", credentials.ZENDESK_TOKEN
    assert Vendor(shared, "zendesk", headers={"authorization": f"Bearer {token}"}).get(path).status_code == 200
    for auth in (None, (credentials.ZENDESK_EMAIL, token), (f"{credentials.ZENDESK_EMAIL}/token", "wrong")):
        refused = Vendor(shared, "zendesk", auth=auth).get(path)
        assert (refused.status_code, refused.json()) == (401, {"error": "Couldn't authenticate you"})
        assert refused.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("path", [USERS, TICKETS, "/api/v2/users/me", "/api/v2/tickets"])
def test_paths_work_with_and_without_json(api: Vendor, path: str) -> None:
    plain, suffixed = api.get(path, start_time=0), api.get(f"{path}.json", start_time=0)
    assert plain.status_code == suffixed.status_code == 200
    assert plain.json() == suffixed.json()


def test_an_export_is_in_order_of_change_and_its_pages_meet(api: Vendor) -> None:
    whole = zendesk_export(api, "tickets")
    assert zendesk_export(api, "tickets", per_page=13) == whole
    stamps = [(t["generated_timestamp"], t["id"]) for t in whole]
    assert stamps == sorted(stamps)


def test_an_export_page_says_where_it_ends(api: Vendor) -> None:
    page = api.get(f"{USERS}.json", start_time=0, per_page=5).json()
    assert len(page["users"]) == 5
    assert page["end_of_stream"] is False
    assert (page["before_cursor"], page["before_url"]) == (None, None)
    assert page["after_url"].endswith(f"/zendesk{USERS}.json?cursor={page['after_cursor']}&per_page=5")
    following = api.get(USERS, cursor=page["after_cursor"], per_page=5).json()
    assert not {u["id"] for u in page["users"]} & {u["id"] for u in following["users"]}


def test_at_the_end_the_cursor_stays(api: Vendor) -> None:
    end = api.get(USERS, start_time=0).json()
    assert end["end_of_stream"] is True
    again = api.get(USERS, cursor=end["after_cursor"]).json()
    assert (again["users"], again["end_of_stream"], again["after_cursor"]) == ([], True, end["after_cursor"])


def test_the_last_minute_is_kept_back(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    number = handle.post_ticket("some.one@quickmail.example")
    assert number not in {t["id"] for t in zendesk_export(api, "tickets")}
    handle.push_clock(59)
    assert number not in {t["id"] for t in zendesk_export(api, "tickets")}
    handle.push_clock(2)
    assert number in {t["id"] for t in zendesk_export(api, "tickets")}


def test_a_changed_record_comes_again_at_the_end(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    changed = handle.post_ticket("some.one@quickmail.example")
    handle.push_clock(120)
    before = api.get(TICKETS, start_time=0).json()
    assert changed in {t["id"] for t in before["tickets"]}
    api("PUT", f"/api/v2/tickets/{changed}", json={"ticket": {"priority": "urgent"}})
    handle.push_clock(61)
    after = api.get(TICKETS, cursor=before["after_cursor"]).json()
    assert [(t["id"], t["priority"]) for t in after["tickets"]] == [(changed, "urgent")]


@pytest.mark.parametrize(
    "params", [{}, {"start_time": "abc"}, {"cursor": "!!"}, {"cursor": "bm9uc2Vuc2U="}, {"start_time": 0, "per_page": "x"}]
)
def test_wrong_export_parameters_are_400(api: Vendor, params: dict[str, object]) -> None:
    refused = api.get(TICKETS, **params)
    assert (refused.status_code, refused.json()["error"]["title"]) == (400, "Invalid attribute")


def test_a_start_in_the_last_minute_is_422(api: Vendor, shared: SandboxHandle) -> None:
    refused = api.get(TICKETS, start_time=now(shared) - 20)
    assert (refused.status_code, refused.json()["error"]) == (422, "InvalidValue")
    assert "Too recent start_time" in refused.json()["description"]


def test_more_than_a_thousand_a_page_is_a_thousand() -> None:
    with running(sandbox=Sandbox(2, 2_300, today=TODAY)) as handle:
        page = zendesk_vendor(handle).get(USERS, start_time=0, per_page=5_000).json()
        assert (len(page["users"]), page["end_of_stream"]) == (1_000, False)


def test_exports_are_throttled_when_told_to_be() -> None:
    with running(sandbox=Sandbox(7, 20, today=TODAY), zendesk_exports_per_minute=3) as handle:
        api = zendesk_vendor(handle)
        statuses = [api.get(USERS, start_time=0).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        throttled = api.get(TICKETS, start_time=0)
        assert 0 < int(throttled.headers["retry-after"]) <= 61
        assert throttled.json()["error"] == "APIRateLimitExceeded"
        assert api.get("/api/v2/users/me").status_code == 200


def test_deleted_tickets_and_users_stay_in_the_exports_marked(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    user = api("POST", "/api/v2/users", json={"user": {"name": "Short Visit", "email": "short@quickmail.example"}}).json()["user"]
    gone = api("DELETE", f"/api/v2/users/{user['id']}").json()["user"]
    ticket = handle.post_ticket("short@quickmail.example", name="Another")
    assert api("DELETE", f"/api/v2/tickets/{ticket}").status_code == 204
    handle.push_clock(61)
    assert gone["active"] is False
    users = {u["id"]: u for u in zendesk_export(api, "users")}
    tickets = {t["id"]: t for t in zendesk_export(api, "tickets")}
    assert (users[user["id"]]["active"], tickets[ticket]["status"]) == (False, "deleted")
    assert ticket not in {t["id"] for t in api.get(TICKETS, start_time=0, exclude_deleted="true").json()["tickets"]}
    assert api.get(f"/api/v2/tickets/{ticket}.json").status_code == 404
    assert api.get(f"/api/v2/users/{user['id']}.json").json()["user"]["active"] is False
    assert user["id"] not in {u["id"] for u in api.get("/api/v2/users").json()["users"]}


def test_a_user_with_an_open_ticket_cannot_be_deleted(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    requester = api.get(f"/api/v2/tickets/{handle.post_ticket('a@quickmail.example')}").json()["ticket"]["requester_id"]
    refused = api("DELETE", f"/api/v2/users/{requester}")
    assert (refused.status_code, refused.json()["error"]) == (422, "RecordInvalid")


def test_an_email_belongs_to_one_user_and_a_second_becomes_secondary(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    body = {"user": {"name": "One", "email": "one@quickmail.example", "external_id": "x1"}}
    made = api("POST", "/api/v2/users", json=body)
    assert (made.status_code, made.headers["location"]) == (201, made.json()["user"]["url"])
    twice = api("POST", "/api/v2/users", json={"user": {"name": "Two", "email": "ONE@quickmail.example"}})
    assert (twice.status_code, twice.json()["details"]["email"][0]["error"]) == (422, "DuplicateValue")
    key = made.json()["user"]["id"]
    update = {"user": {"email": "two@quickmail.example", "user_fields": {"common_customer_id": "c_1"}}}
    updated = api("PUT", f"/api/v2/users/{key}", json=update).json()["user"]
    assert (updated["email"], updated["user_fields"]) == ("one@quickmail.example", {"common_customer_id": "c_1"})
    assert [u["id"] for u in api.get("/api/v2/users/search", external_id="x1").json()["users"]] == [key]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"ticket": {"subject": "no text"}}, 422),
        ({"ticket": {"description": "x", "status": "unheard-of"}}, 422),
        ({"ticket": {"description": "x", "requester_id": 1}}, 422),
    ],
)
def test_tickets_that_cannot_be_are_refused(api: Vendor, body: dict[str, object], status: int) -> None:
    assert api("POST", "/api/v2/tickets", json=body).status_code == status


def test_closed_tickets_cannot_be_changed(api: Vendor) -> None:
    closed = next(t["id"] for t in zendesk_export(api, "tickets") if t["status"] == "closed")
    refused = api("PUT", f"/api/v2/tickets/{closed}", json={"ticket": {"status": "open"}})
    assert (refused.status_code, refused.json()["error"]) == (422, "RecordInvalid")


def test_lists_page_by_offset_and_by_cursor(api: Vendor) -> None:
    first = api.get("/api/v2/users.json", per_page=30).json()
    assert (len(first["users"]), first["previous_page"]) == (30, None)
    second = api.get("/api/v2/users.json", per_page=30, page=2).json()
    assert first["next_page"].endswith("page=2&per_page=30")
    by_cursor = api.get("/api/v2/users.json", **{"page[size]": 60}).json()
    assert by_cursor["users"] == first["users"] + second["users"]
    rest = api.get("/api/v2/users", **{"page[size]": 100, "page[after]": by_cursor["meta"]["after_cursor"]}).json()
    assert len(rest["users"]) == min(100, first["count"] - 60)
    assert api.get("/api/v2/users", page=101, per_page=100).json()["error"]["title"] == "InvalidPaginationDepth"
    assert {u["role"] for u in api.get("/api/v2/users", **{"role[]": ["agent", "admin"]}).json()["users"]} == {"agent", "admin"}


def test_unknown_places_are_404(api: Vendor) -> None:
    assert api.get("/api/v2/widgets.json").json()["error"] == "InvalidEndpoint"
    assert api.get("/api/v2/users/1.json").json()["error"] == "RecordNotFound"


def test_an_export_brings_what_is_asked_for_beside_its_records_and_nothing_unasked(api: Vendor) -> None:
    plain = api.get(TICKETS, start_time=0).json()
    asked = api.get(TICKETS, start_time=0, include="metric_sets,nonsense").json()
    assert set(asked) == set(plain)
    assert asked["after_url"].endswith("&include=metric_sets,nonsense")
    assert [{n: v for n, v in t.items() if n != "metric_set"} for t in asked["tickets"]] == plain["tickets"]
    assert all((t["metric_set"] is None) == (t["status"] == "deleted") for t in asked["tickets"])
    users = api.get(USERS, start_time=0, include="identities,organizations").json()
    assert {i["user_id"] for i in users["identities"]} <= {u["id"] for u in users["users"]}
    assert {o["id"] for o in users["organizations"]} == {u["organization_id"] for u in users["users"]} - {None}
    primary = {i["user_id"]: i["value"] for i in users["identities"] if i["primary"] and i["type"] == "email"}
    assert primary == {u["id"]: u["email"] for u in users["users"] if u["email"] and u["active"]}


def test_a_metric_set_tells_the_course_of_its_ticket(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    number = handle.post_ticket("metrics@quickmail.example")

    def metrics() -> dict[str, Any]:
        found: dict[str, Any] = api.get(f"/api/v2/tickets/{number}/metrics.json").json()["ticket_metric"]
        return found

    assert (metrics()["replies"], metrics()["solved_at"], metrics()["reply_time_in_minutes"]["calendar"]) == (0, None, None)
    for minutes, status in ((60, "pending"), (30, "open"), (90, "solved"), (5, "open")):
        handle.push_clock(minutes * 60)
        api("PUT", f"/api/v2/tickets/{number}.json", json={"ticket": {"status": status}}).raise_for_status()
    found = metrics()
    assert found["reply_time_in_minutes"]["calendar"] == 60
    assert found["agent_wait_time_in_minutes"]["calendar"] == 30
    assert found["full_resolution_time_in_minutes"]["calendar"] == 180
    assert found["reopens"] >= 1
    listed = api.get("/api/v2/ticket_metrics.json", per_page=100).json()["ticket_metrics"]
    assert found in listed


def test_business_hours_are_eight_on_working_days() -> None:
    friday = int(datetime(2026, 9, 18, 16, tzinfo=UTC).timestamp())
    assert _minutes([(friday, friday + 3 * 86_400)]) == {"calendar": 3 * 1_440, "business": 60 + 7 * 60}


def test_a_rating_follows_the_solution_and_some_customers_give_one(default_world: Sandbox) -> None:
    scores = Counter((t["status"] == "closed", t["satisfaction_rating"]["score"]) for t in default_world.world.zendesk.tickets)
    assert set(scores) >= {(True, "good"), (True, "bad"), (True, "offered"), (False, "offered"), (False, "unoffered")}
    assert (False, "good") not in scores
    closed = sum(n for (done, _), n in scores.items() if done)
    assert 0.18 < scores[True, "good"] / closed < 0.30


def test_a_users_former_e_mails_stay_among_the_identities(default_world: Sandbox) -> None:
    books = default_world.world.zendesk
    key, former = next((key, emails) for key, emails in books.other_emails.items() if books.users.get(key)["active"])
    user = books.users.get(key)
    found = [i["value"] for i in identities(books, user) if i["type"] == "email"]
    assert found == [user["email"], *former]
