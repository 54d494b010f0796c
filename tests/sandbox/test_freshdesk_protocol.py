"""Freshdesk's protocol to the letter: lists and what they leave out, paging, writes, limits; and how it joins the world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import Sandbox, SandboxHandle, running
from connectors.sandbox import systems as joined
from connectors.sandbox.freshdesk import SYSTEM
from connectors.sandbox.freshdesk.api import API_KEY, FreshdeskApi
from connectors.sandbox.freshdesk.books import FreshdeskBooks
from connectors.sandbox.wire import Call
from tests.connectors.conformance.vendor import basic
from tests.sandbox.conftest import TODAY, Vendor, truth_rows

TICKETS, CONTACTS, RATINGS = "/api/v2/tickets", "/api/v2/contacts", "/api/v2/surveys/satisfaction_ratings"
ALWAYS = "2010-01-01T00:00:00Z"


@pytest.fixture(autouse=True, scope="module")
def _only_freshdesk() -> Iterator[None]:
    """The other systems that joined are not looked at here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joined, "_SYSTEMS", ("freshdesk",))
        joined.systems.cache_clear()
        yield
    joined.systems.cache_clear()


@pytest.fixture(scope="module")
def handle() -> Iterator[SandboxHandle]:
    with running(sandbox=Sandbox(7, 400, today=TODAY)) as made:
        yield made


@pytest.fixture(scope="module")
def api(handle: SandboxHandle) -> Vendor:
    return vendor(handle)


@pytest.fixture
def own() -> Iterator[tuple[SandboxHandle, Vendor]]:
    with running(sandbox=Sandbox(7, 60, today=TODAY)) as made:
        yield made, vendor(made)


def vendor(handle: SandboxHandle, key: str = API_KEY) -> Vendor:
    return Vendor(handle, "freshdesk", auth=(key, "X"))


def everything(api: Vendor, path: str, **params: Any) -> list[dict[str, Any]]:
    """All pages of a list, by its links."""
    found: list[dict[str, Any]] = []
    answer = api.get(path, per_page=100, **params)
    while True:
        found += answer.raise_for_status().json()
        if "next" not in answer.links:
            return found
        answer = api("GET", answer.links["next"]["url"])


def refusal(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["field"], error["code"]


# reading -----------------------------------------------------------------------------------------------------------


def test_credentials_are_the_key_with_any_password_and_all_else_is_401(handle: SandboxHandle, api: Vendor) -> None:
    assert api.get("/api/v2/agents/me").json()["ticket_scope"] == 1
    assert Vendor(handle, "freshdesk", auth=(API_KEY, "anything")).get(TICKETS).status_code == 200
    refused = vendor(handle, "wrong").get(TICKETS)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")


def test_lists_are_paged_by_number_and_linked(api: Vendor) -> None:
    first = api.get(CONTACTS)
    assert len(first.json()) == 30
    assert first.links["next"]["url"].endswith("/freshdesk/api/v2/contacts?page=2")
    whole = everything(api, CONTACTS)
    assert [c["id"] for c in api.get(CONTACTS, per_page=7, page=3).json()] == [c["id"] for c in whole[14:21]]
    names = [c["name"].lower() for c in whole]
    assert names == sorted(names)
    assert api.get(CONTACTS, page=50).json() == []


@pytest.mark.parametrize(
    ("path", "params", "field", "code"),
    [
        (CONTACTS, {"per_page": 101}, "per_page", "invalid_value"),
        (CONTACTS, {"per_page": 0}, "per_page", "invalid_value"),
        (CONTACTS, {"page": "x"}, "page", "invalid_value"),
        (CONTACTS, {"updated_since": ALWAYS}, "updated_since", "invalid_field"),
        (CONTACTS, {"_updated_since": "yesterday"}, "_updated_since", "invalid_value"),
        (CONTACTS, {"state": "asleep"}, "state", "invalid_value"),
        (TICKETS, {"_updated_since": ALWAYS}, "_updated_since", "invalid_field"),
        (TICKETS, {"filter": "mine"}, "filter", "invalid_value"),
        (TICKETS, {"order_by": "subject"}, "order_by", "invalid_value"),
        (TICKETS, {"include": "everything", "updated_since": ALWAYS}, "include", "invalid_value"),
        (TICKETS, {"page": 301}, "page", "invalid_value"),
    ],
)
def test_what_freshdesk_does_not_know_is_400(api: Vendor, path: str, params: dict[str, Any], field: str, code: str) -> None:
    assert refusal(api.get(path, **params)) == (400, field, code)


def test_page_300_is_the_last_of_tickets(api: Vendor) -> None:
    assert api.get(TICKETS, page=300).json() == []
    assert "beyond the 300th page" in api.get(TICKETS, page=301).json()["errors"][0]["message"]


def test_without_a_time_only_tickets_of_the_last_30_days_are_shown(api: Vendor) -> None:
    recent, all_of = everything(api, TICKETS), everything(api, TICKETS, updated_since=ALWAYS)
    assert 0 < len(recent) < len(all_of) / 3
    assert min(t["created_at"] for t in recent) > "2026-08-10"


def test_tickets_can_be_ordered_by_change_from_a_time_on(api: Vendor) -> None:
    whole = everything(api, TICKETS, updated_since=ALWAYS, order_by="updated_at", order_type="asc")
    times = [t["updated_at"] for t in whole]
    assert times == sorted(times)
    middle = times[len(times) // 2]
    later = everything(api, TICKETS, updated_since=middle, order_by="updated_at", order_type="asc")
    assert [t["id"] for t in later] == [t["id"] for t in whole if t["updated_at"] >= middle]


def test_an_include_brings_more_and_costs_more(api: Vendor) -> None:
    plain, full = (api.get(TICKETS, updated_since=ALWAYS, **more) for more in ({}, {"include": "requester,stats"}))
    assert (plain.headers["x-ratelimit-used-currentrequest"], full.headers["x-ratelimit-used-currentrequest"]) == ("1", "5")
    assert set(full.json()[0]) - set(plain.json()[0]) == {"requester", "stats"}
    assert {"description", "stats"} & set(plain.json()[0]) == set()
    closed = next(t for t in full.json() if t["status"] == 5)
    assert (
        closed["created_at"]
        < closed["stats"]["first_responded_at"]
        < closed["stats"]["resolved_at"]
        <= closed["stats"]["closed_at"]
    )
    assert closed["requester"]["id"] == closed["requester_id"]


def test_spam_and_the_blocked_are_in_lists_of_their_own(api: Vendor) -> None:
    spam, blocked = everything(api, TICKETS, filter="spam", updated_since=ALWAYS), everything(api, CONTACTS, state="blocked")
    assert spam
    assert all(t["spam"] for t in spam)
    assert {t["requester_id"] for t in spam} == {c["id"] for c in blocked}
    assert not {t["id"] for t in spam} & {t["id"] for t in everything(api, TICKETS, updated_since=ALWAYS)}
    assert not {c["id"] for c in blocked} & {c["id"] for c in everything(api, CONTACTS)}


def test_every_kind_of_ticket_there_is_occurs(api: Vendor) -> None:
    tickets = everything(api, TICKETS, updated_since=ALWAYS, include="stats")
    assert {2, 5} <= {t["status"] for t in tickets} <= {2, 3, 4, 5, 6, 7}
    assert len({t["source"] for t in tickets}) > 3
    assert any(t["stats"]["reopened_at"] for t in tickets)
    ratings = everything(api, RATINGS)
    assert {"default_question"} == set().union(*(r["ratings"] for r in ratings))
    assert {r["ticket_id"] for r in ratings} <= {t["id"] for t in tickets}
    assert any(c["company_id"] for c in everything(api, CONTACTS))


# writing -----------------------------------------------------------------------------------------------------------


def test_a_contact_is_made_changed_deleted_restored_and_erased(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    made = api("POST", CONTACTS, json={"name": "Zoë", "email": "zoe@quickmail.example", "unique_external_id": "c_1"})
    assert made.status_code == 201
    key = made.json()["id"]
    twice = api("POST", CONTACTS, json={"name": "Z", "email": "ZOE@quickmail.example"})
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (409, "duplicate_value")
    changed = api("PUT", f"{CONTACTS}/{key}", json={"unique_external_id": "c_2"}).json()
    assert (changed["unique_external_id"], api.get(f"{CONTACTS}/{key}").json()["other_emails"]) == ("c_2", [])
    assert api("DELETE", f"{CONTACTS}/{key}/hard_delete").status_code == 400, "it is not deleted yet"
    assert api("DELETE", f"{CONTACTS}/{key}").status_code == 204
    (gone,) = everything(api, CONTACTS, state="deleted")
    assert (gone["id"], gone["deleted"]) == (key, True)
    assert key not in {c["id"] for c in everything(api, CONTACTS)}
    assert api("PUT", f"{CONTACTS}/{key}/restore").status_code == 204
    assert "deleted" not in api.get(f"{CONTACTS}/{key}").json()
    assert api("DELETE", f"{CONTACTS}/{key}/hard_delete?force=true").status_code == 204
    assert api.get(f"{CONTACTS}/{key}").status_code == 404
    assert everything(api, CONTACTS, state="deleted") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "a@quickmail.example"}, "name"),
        ({"name": "A"}, "email"),
        ({"name": "A", "email": "a@b"}, "email"),
        ({"x": 1}, "x"),
    ],
)
def test_contacts_that_cannot_be_are_refused(api: Vendor, body: dict[str, Any], field: str) -> None:
    assert refusal(api("POST", CONTACTS, json=body))[:2] == (400, field)


def test_merged_contacts_leave_their_tickets_and_addresses_to_the_one_that_stays(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    one, two = (api("POST", CONTACTS, json={"name": n, "email": f"{n}@quickmail.example"}).json()["id"] for n in ("ann", "anne"))
    ticket = api("POST", TICKETS, json={"requester_id": two, "subject": "Hi", "description": "x"}).json()
    assert api("POST", f"{CONTACTS}/merge", json={"primary_contact_id": one, "secondary_contact_ids": [two]}).status_code == 204
    assert api.get(f"{TICKETS}/{ticket['id']}").json()["requester_id"] == one
    assert api.get(f"{CONTACTS}/{one}").json()["other_emails"] == ["anne@quickmail.example"]
    assert [c["id"] for c in everything(api, CONTACTS, state="deleted")] == [two]
    assert str(two) not in {row["source_record_id"] for row in truth_rows(handle)}


def test_a_ticket_goes_to_the_trash_and_back(own: tuple[SandboxHandle, Vendor]) -> None:
    _, api = own
    made = api(
        "POST", TICKETS, json={"email": "new.one@quickmail.example", "subject": "Hi", "description": "x", "status": 2}
    ).json()
    path = f"{TICKETS}/{made['id']}"
    assert api("PUT", path, json={"status": 4}).json()["status"] == 4
    rated = api("POST", f"{path}/satisfaction_ratings", json={"ratings": {"default_question": 103}})
    assert (rated.status_code, api.get(f"{path}/satisfaction_ratings").json()) == (201, [rated.json()])
    assert api.get(path, include="stats").json()["stats"]["resolved_at"]
    assert api("DELETE", path).status_code == 204
    assert api.get(path).json()["deleted"] is True
    assert made["id"] in {t["id"] for t in everything(api, TICKETS, filter="deleted", updated_since=ALWAYS)}
    assert api("PUT", f"{path}/restore").status_code == 204
    assert made["id"] in {t["id"] for t in everything(api, TICKETS)}
    assert api("DELETE", f"{TICKETS}/1").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"), [({"subject": "x"}, "requester_id"), ({"email": "a@b.example", "status": 99}, "status")]
)
def test_tickets_that_cannot_be_are_refused(api: Vendor, body: dict[str, Any], field: str) -> None:
    assert refusal(api("POST", TICKETS, json=body))[:2] == (400, field)


# limits ------------------------------------------------------------------------------------------------------------


def test_calls_beyond_the_limit_are_429_and_includes_count() -> None:
    api = FreshdeskApi(Sandbox(7, 20, today=TODAY), calls_per_minute=12)
    call = Call("GET", TICKETS, (("include", "requester,stats"),), {"authorization": basic(API_KEY, "X")}, b"", "http://here")
    answers = [api.answer(call) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[1].headers["x-ratelimit-remaining"] == "2"
    assert 0 < int(answers[2].headers["retry-after"]) <= 61


# the world ---------------------------------------------------------------------------------------------------------


def served(api: Vendor) -> set[str]:
    return {str(c["id"]) for state in ({}, {"state": "blocked"}) for c in everything(api, CONTACTS, **state)}


def test_truth_names_every_contact_that_is_there(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    for days in (0, 4):
        handle.advance(days)
        known = [row["source_record_id"] for row in truth_rows(handle) if row["source_system"] == "freshdesk"]
        assert sorted(served(api)) == sorted(known)
        assert handle.state()["counts"]["freshdesk"]["contacts"] == len(known)


def test_days_bring_new_changed_and_deleted_records(own: tuple[SandboxHandle, Vendor]) -> None:
    handle, api = own
    before = {c["id"]: c for c in everything(api, CONTACTS)}
    handle.advance(7)
    after = {c["id"]: c for c in everything(api, CONTACTS)}
    assert set(after) - set(before)
    assert any(after[key] != before[key] for key in set(after) & set(before))
    assert everything(api, CONTACTS, state="deleted")
    assert everything(api, TICKETS, filter="deleted", updated_since=ALWAYS)


def held(sandbox: Sandbox) -> list[Any]:
    books: FreshdeskBooks = sandbox.world.books["freshdesk"]
    return [list(books.contacts), list(books.tickets), list(books.ratings), list(books.companies), books.state, books.stats]


def test_the_same_steps_make_the_same_books_also_after_a_restart(tmp_path: Path) -> None:
    first = Sandbox(7, 60, tmp_path / "state", today=TODAY)
    made = first.write("freshdesk.create_contact", fields={"name": "Zoë", "email": "zoe@quickmail.example"})
    first.write("freshdesk.create_ticket", requester={"email": "Zoe@quickmail.example"}, fields={"subject": "Hi"})
    first.advance(2)
    first.write("freshdesk.delete_contact", key=str(made["id"]))
    first.close()
    again = Sandbox(7, 60, tmp_path / "state", today=TODAY)
    assert held(again) == held(first)
    assert held(Sandbox(7, 60, today=TODAY)) == held(Sandbox(7, 60, today=TODAY))
    again.close()


def test_the_other_systems_are_the_same_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def others(sandbox: Sandbox) -> list[Any]:
        world = sandbox.world
        shelves = (world.stripe.customers, world.zendesk.users, world.zendesk.tickets, world.shopify.orders)
        return [[list(shelf) for shelf in shelves], [row for row in world.truth() if row[0] != SYSTEM.name]]

    present = Sandbox(7, 80, today=TODAY)
    present.advance(2)
    monkeypatch.setattr(joined, "_SYSTEMS", ())
    joined.systems.cache_clear()
    absent = Sandbox(7, 80, today=TODAY)
    absent.advance(2)
    joined.systems.cache_clear()
    assert others(present) == others(absent)
