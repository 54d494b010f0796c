"""Freshdesk: how it is read, against the sandbox's protocol behind a server that can be made to misbehave."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from connectors.contract import Checkpoint, Page, Record
from connectors.extract import stream_of
from connectors.registry import connector_class
from connectors.sandbox.freshdesk.books import BLOCKED, CLOSED, DELETED, LIVE, OPEN, RESOLVED
from connectors.ticketing.freshdesk import FreshdeskConnector, FreshdeskSettings
from hub.contract.errors import CredentialsError, ProtocolError
from tests.connectors import staging
from tests.connectors.conformance.freshdesk import Account
from tests.connectors.conformance.vendor import NOW, body_of
from tests.loopback import Reply, Request

DAY = 86_400
RATINGS = "/api/v2/surveys/satisfaction_ratings"


class Desk(Account):
    """An account of one's own: nobody in it but who a test puts there."""

    def connector(self, **fields: Any) -> FreshdeskConnector:
        given = {"type": "freshdesk", "retry": {"attempts": 3, "backoff_seconds": 0}, **self.settings(), **fields}
        return FreshdeskConnector("desk", FreshdeskSettings.model_validate(given))

    def contact(self, name: str = "Jane", *, ago: int = 0, **fields: Any) -> str:
        return str(self.books.add_contact(self.time - ago, {"name": name, **fields})["id"])

    def ticket(self, contact: str, subject: str = "Help", *, ago: int = 0, **fields: Any) -> str:
        return str(self.books.add_ticket(self.time - ago, int(contact), {"subject": subject, **fields})["id"])

    def asked_for(self, path: str) -> list[Request]:
        return [r for r in self.server.requests if r.path == path]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("connectors.http.pause", waited.append)
    return waited


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Iterator[Desk]:
    made = Desk(tmp_path, monkeypatch)
    with made.running():
        yield made


def pages(connector: FreshdeskConnector, stream: str, checkpoint: Checkpoint | None = None) -> list[Page]:
    # a checkpoint is kept as JSON between readings
    kept = None if checkpoint is None else json.loads(json.dumps(checkpoint))
    return list(stream_of(connector, stream).read(kept))


def read(
    connector: FreshdeskConnector, stream: str, checkpoint: Checkpoint | None = None
) -> tuple[list[Record], Checkpoint | None]:
    found = pages(connector, stream, checkpoint)
    return [record for page in found for record in page.records], found[-1].checkpoint if found else checkpoint


def ops(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.id, record.op) for record in records]


# reading -----------------------------------------------------------------------------------------------------------


def test_the_registry_knows_it_and_facts_come_before_parties(desk: Desk) -> None:
    assert connector_class("freshdesk") is FreshdeskConnector
    assert [(s.name, s.kind) for s in desk.connector().streams()] == [("tickets", "ticket"), ("contacts", "party")]


def test_old_tickets_come_too_because_a_time_is_always_sent(desk: Desk) -> None:
    old = desk.ticket(desk.contact(ago=800 * DAY), ago=700 * DAY)
    records, _ = read(desk.connector(), "tickets")
    assert ops(records) == [(old, "upsert")]
    (first, deleted, spam) = desk.asked_for("/api/v2/tickets")
    order = {"order_by": ["updated_at"], "order_type": ["asc"], "per_page": ["20"], "page": ["1"]}
    assert first.query == {**order, "updated_since": ["2010-01-01T00:00:00Z"], "include": ["requester,stats"]}
    assert (deleted.query["filter"], spam.query["filter"]) == (["deleted"], ["spam"])
    assert all("updated_since" in request.query for request in (deleted, spam))


def test_a_later_reading_asks_for_what_changed_only(desk: Desk) -> None:
    connector = desk.connector()
    contacts = [desk.contact(f"Contact {n:03d}", ago=5 * DAY) for n in range(100)]
    tickets = [desk.ticket(contact, ago=4 * DAY) for contact in contacts]
    done = {stream: read(connector, stream)[1] for stream in ("tickets", "contacts")}
    desk.books.update_contact(desk.time, contacts[7], {"name": "New Name"})
    desk.books.update_ticket(desk.time, tickets[9], {"status": CLOSED})
    desk.server.requests.clear()
    found, _ = read(connector, "tickets", done["tickets"])
    assert {r.id for r in found} == {tickets[9], *tickets}, "all tickets were made in one second, and that one is looked at again"
    found, after = read(connector, "contacts", done["contacts"])
    assert contacts[7] in {r.id for r in found}
    desk.server.requests.clear()
    assert [r.id for r in read(connector, "contacts", after)[0]] == [contacts[7]]
    assert len(desk.server.requests) == 3


def test_what_was_read_is_not_asked_for_again(desk: Desk) -> None:
    connector = desk.connector()
    desk.ticket(desk.contact(ago=9 * DAY), ago=8 * DAY)
    _, done = read(connector, "tickets")
    calls = connector.calls()[0]
    found = pages(connector, "tickets", done)
    assert [page.checkpoint for page in found] in ([], [done] * len(found))
    assert connector.calls()[0] - calls == 4, "three lists and the ratings"


def test_the_checkpoint_does_not_pass_the_moment_the_reading_began(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ticketing.freshdesk_desk.Desk.now", lambda self: datetime.fromtimestamp(NOW + 10, UTC))
    contact = desk.contact(ago=-500)
    desk.ticket(contact, ago=-500)
    for stream, mark in (("tickets", "tickets"), ("contacts", "contacts")):
        _, checkpoint = read(desk.connector(), stream)
        assert checkpoint is not None
        assert datetime.fromisoformat(checkpoint[mark]).timestamp() == NOW + 10


def test_a_short_page_with_a_link_goes_on_and_a_full_one_without_it_too(desk: Desk) -> None:
    keys = {desk.ticket(desk.contact(f"C{n}", ago=DAY), ago=n * 600) for n in range(65)}

    def shortened(request: Request, reply: Reply) -> Reply:
        if request.path != "/api/v2/tickets" or "filter" in request.query or not reply.headers.get("link"):
            return reply
        return Reply(body_of(reply)[:-3], 200, reply.headers)

    desk.after[:] = [shortened]
    # a page that is cut short by the server keeps its place, so that what it left out comes when the time is asked for again
    assert {r.id for r in read(desk.connector(), "tickets")[0]} == keys
    desk.after[:] = [lambda request, reply: Reply(reply.body, reply.status, {})]
    assert {r.id for r in read(desk.connector(), "tickets")[0]} == keys
    assert {r.id for r in read(desk.connector(), "contacts")[0]} == set(desk.books.state)


def test_a_page_that_repeats_is_reported(desk: Desk) -> None:
    for n in range(65):
        desk.ticket(desk.contact(f"C{n:02d}", ago=DAY), ago=n * 600)
    for stream, path in (("tickets", "/api/v2/tickets"), ("contacts", "/api/v2/contacts")):
        served: list[Any] = []

        def again(request: Request, reply: Reply, path: str = path, served: list[Any] = served) -> Reply:
            if request.path != path:
                return reply
            served.append(reply)
            return served[0]

        desk.after[:] = [again]
        with pytest.raises(ProtocolError, match=rf"^desk/{stream}: the vendor sent us back to a page we already read"):
            pages(desk.connector(), stream)


@pytest.mark.parametrize("stream", ["tickets", "contacts"])
def test_what_is_no_list_is_reported(desk: Desk, stream: str) -> None:
    desk.before.append(lambda request: Reply({"hello": "world"}) if request.path == f"/api/v2/{stream}" else None)
    with pytest.raises(ProtocolError, match=rf"^desk/{stream}: Freshdesk sent no list at GET /api/v2/{stream}; check domain"):
        pages(desk.connector(), stream)


@pytest.mark.parametrize("stream", ["tickets", "contacts"])
def test_a_record_without_id_is_set_aside(desk: Desk, stream: str) -> None:
    known = desk.contact(ago=50)
    known = desk.ticket(known, ago=40) if stream == "tickets" else known
    strange = {"subject": "nobody's"}

    def with_strange(request: Request, reply: Reply) -> Reply:
        plain = request.path == f"/api/v2/{stream}" and not {"filter", "state"} & set(request.query)
        return Reply([strange, *body_of(reply)], 200) if plain else reply

    desk.after.append(with_strange)
    found = pages(desk.connector(), stream)
    assert [r.id for page in found for r in page.records] == [known]
    (reject,) = [reject for page in found for reject in page.rejects]
    assert (json.loads(reject.content), reject.reason) == (strange, "it has no field id")


def test_a_window_brings_what_changed_in_it(desk: Desk) -> None:
    contact = desk.contact("Old", ago=30 * DAY)
    inside = desk.contact("Inside", ago=10 * DAY)
    late = desk.contact("Late", ago=DAY)
    tickets = [desk.ticket(key, ago=ago) for key, ago in ((contact, 29 * DAY), (inside, 10 * DAY), (late, DAY))]
    desk.books.set_apart(desk.time - 9 * DAY, desk.ticket(contact, ago=28 * DAY), "deleted", True)
    since, until = (datetime.fromtimestamp(desk.time - days * DAY, UTC) for days in (12, 5))
    connector = desk.connector()
    for stream, expected in (("tickets", tickets[1]), ("contacts", inside)):
        window = stream_of(connector, stream).window
        assert window is not None
        found = [record for page in window(since, until) for record in page.records]
        assert [r.id for r in found if r.op == "upsert"] == [expected]
        assert len([r for r in found if r.op == "delete"]) == (1 if stream == "tickets" else 0)


# what is gone ------------------------------------------------------------------------------------------------------


def test_tickets_in_the_trash_and_spam_are_gone_until_they_come_back(desk: Desk) -> None:
    connector, contact = desk.connector(), desk.contact(ago=DAY)
    stays, trashed, spam = (desk.ticket(contact, ago=DAY - n) for n in range(3))
    _, done = read(connector, "tickets")
    desk.books.set_apart(desk.time, trashed, "deleted", True)
    desk.books.set_apart(desk.time, spam, "spam", True)
    found, done = read(connector, "tickets", done)
    assert {(r.id, r.op) for r in found} >= {(trashed, "delete"), (spam, "delete")}
    assert (stays, "delete") not in ops(found)
    desk.tick()
    desk.books.set_apart(desk.time, trashed, "deleted", False)
    desk.books.set_apart(desk.time, spam, "spam", False)
    found, _ = read(connector, "tickets", done)
    last = {r.id: r.op for r in sorted(found, key=lambda r: r.updated_at or datetime.min.replace(tzinfo=UTC))}
    assert (last[trashed], last[spam]) == ("upsert", "upsert")


def test_blocked_contacts_stay_deleted_ones_go_and_restored_ones_come_back(desk: Desk) -> None:
    connector = desk.connector()
    blocked, gone = desk.contact("Blocked", ago=DAY), desk.contact("Gone", ago=DAY)
    _, done = read(connector, "contacts")
    desk.books.set_state(desk.time, blocked, BLOCKED)
    desk.books.set_state(desk.time, gone, DELETED)
    found, done = read(connector, "contacts", done)
    assert sorted(ops(found)) == sorted([(blocked, "upsert"), (gone, "delete")])
    desk.tick()
    desk.books.set_state(desk.time, gone, LIVE)
    found, _ = read(connector, "contacts", done)
    assert (gone, "upsert") in ops(found)


def test_a_merged_contact_is_a_delete_and_the_one_that_lives_on_has_its_tickets(desk: Desk) -> None:
    connector = desk.connector()
    loser, winner = desk.contact("Jane", email="jane@quickmail.example", ago=DAY), desk.contact("Jane Doe", phone="1", ago=DAY)
    ticket = desk.ticket(loser, ago=DAY)
    _, done = read(connector, "contacts")
    desk.books.merge_contacts(desk.time, winner, [loser], {})
    found = {r.id: r for r in read(connector, "contacts", done)[0]}
    assert (found[loser].op, found[winner].op) == ("delete", "upsert")
    assert found[winner].payload["email"] == "jane@quickmail.example"
    assert [r.payload["requester_id"] for r in read(connector, "tickets")[0] if r.id == ticket] == [int(winner)]


@pytest.mark.parametrize("stream", ["tickets", "contacts"])
def test_a_server_that_ignores_what_it_is_asked_for_deletes_nobody(
    desk: Desk, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    contact = desk.contact(ago=DAY)
    desk.ticket(contact, ago=DAY)

    def ignored(request: Request) -> Request:
        kept = {n: v for n, v in request.query.items() if n not in ("filter", "include") and v != ["deleted"]}
        return replace(request, query=kept)

    desk.rewrite = ignored
    with caplog.at_level(logging.WARNING):
        found, done = read(desk.connector(), stream)
    assert {op for _, op in ops(found)} == {"upsert"}
    assert f"desk/{stream}: the list of deleted holds records that are not marked so" in caplog.text
    assert done is not None
    assert done.get("deleted") is None


# satisfaction ------------------------------------------------------------------------------------------------------


def rating_of(records: list[Record], key: str) -> Any:
    (payload,) = [r.payload for r in records if r.id == key][-1:]
    return (payload.get("satisfaction_rating") or {}).get("ratings", {}).get("default_question")


def test_a_ticket_bears_the_newest_of_its_ratings_without_what_was_written(desk: Desk) -> None:
    ticket = desk.ticket(desk.contact(ago=DAY), ago=DAY)
    desk.books.rate(desk.time - 500, ticket, {"default_question": 103}, "lovely, says Jane")
    desk.books.rate(desk.time - 400, ticket, {"default_question": -101}, "not any more")
    records, _ = read(desk.connector(), "tickets")
    assert rating_of(records, ticket) == -101
    assert "feedback" not in records[0].payload["satisfaction_rating"]


def test_a_rating_alone_brings_its_ticket_again_and_no_other_and_only_once(desk: Desk) -> None:
    connector, contact = desk.connector(), desk.contact(ago=10 * DAY)
    tickets = [desk.ticket(contact, ago=9 * DAY - n * 1000) for n in range(6)]
    desk.books.rate(desk.time - DAY, tickets[0], {"default_question": 103}, None)
    _, done = read(connector, "tickets")
    desk.books.rate(desk.time, tickets[2], {"default_question": 100}, None)
    desk.server.requests.clear()
    found, done = read(connector, "tickets", done)
    assert rating_of(found, tickets[2]) == 100
    assert [r.path for r in desk.server.requests if r.path.startswith("/api/v2/tickets/")] == [f"/api/v2/tickets/{tickets[2]}"]
    desk.server.requests.clear()
    read(connector, "tickets", done)
    assert [r.path for r in desk.server.requests if r.path.startswith("/api/v2/tickets/")] == []


def test_a_rating_that_shows_late_is_not_lost(desk: Desk) -> None:
    connector, contact = desk.connector(), desk.contact(ago=10 * DAY)
    one, two = (desk.ticket(contact, ago=9 * DAY - n * 1000) for n in range(2))
    _, done = read(connector, "tickets")
    desk.books.rate(desk.time, one, {"default_question": 103}, None)
    _, done = read(connector, "tickets", done)
    desk.books.rate(desk.time - 100, two, {"default_question": -103}, None)
    assert rating_of(read(connector, "tickets", done)[0], two) == -103


def test_a_ticket_rated_long_ago_keeps_its_rating_when_it_changes(desk: Desk) -> None:
    connector, contact = desk.connector(), desk.contact(ago=400 * DAY)
    old, recent = desk.ticket(contact, ago=399 * DAY), desk.ticket(contact, ago=10 * DAY)
    desk.books.rate(desk.time - 390 * DAY, old, {"default_question": 102}, None)
    desk.books.rate(desk.time - 9 * DAY, desk.ticket(contact, ago=10 * DAY), {"default_question": 103}, None)
    _, done = read(connector, "tickets")
    desk.books.update_ticket(desk.time, old, {"status": OPEN})
    desk.books.update_ticket(desk.time, recent, {"status": RESOLVED})
    desk.server.requests.clear()
    found, _ = read(connector, "tickets", done)
    assert (rating_of(found, old), rating_of(found, recent)) == (102, None)
    asked = [r.path for r in desk.server.requests if r.path.endswith("satisfaction_ratings")]
    assert asked == [RATINGS, f"/api/v2/tickets/{old}/satisfaction_ratings"], "one list, and the one ticket that is older than it"


def test_ratings_given_while_a_first_reading_was_broken_off_are_not_lost(desk: Desk) -> None:
    connector, contact = desk.connector(), desk.contact(ago=200 * DAY)
    tickets = [desk.ticket(contact, ago=(100 - n) * DAY) for n in range(50)]
    reading = stream_of(connector, "tickets").read(None)
    broken_off = next(reading).checkpoint
    desk.books.rate(desk.time, tickets[0], {"default_question": 101}, None)
    assert rating_of(read(connector, "tickets", broken_off)[0], tickets[0]) == 101


def refuse(path: str) -> Callable[[Request], Reply | None]:
    said = Reply({"code": "require_feature", "message": "The Surveys feature is not supported in your plan."}, 403)
    return lambda request: said if request.path.startswith(path) else None


def test_tickets_come_without_ratings_where_they_may_not_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    ticket = desk.ticket(desk.contact(ago=DAY), ago=DAY)
    desk.books.rate(desk.time, ticket, {"default_question": 103}, None)
    desk.before.append(refuse(RATINGS))
    with caplog.at_level(logging.WARNING):
        found, _ = read(desk.connector(), "tickets")
    assert (ops(found), rating_of(found, ticket)) == ([(ticket, "upsert")], None)
    assert caplog.text.count("satisfaction is not learnt: 403") == 1
    desk.before.clear()
    desk.server.requests.clear()
    assert ops(read(desk.connector(satisfaction=False), "tickets")[0]) == [(ticket, "upsert")]
    assert desk.asked_for(RATINGS) == []


@pytest.mark.parametrize("stream", ["tickets", "contacts"])
def test_a_refused_list_is_a_failure(desk: Desk, stream: str) -> None:
    desk.before.append(refuse(f"/api/v2/{stream}"))
    with pytest.raises(CredentialsError, match=rf"^desk/{stream}: 403, .*FRESHDESK_API_KEY"):
        pages(desk.connector(), stream)


# companies ---------------------------------------------------------------------------------------------------------


def test_a_contact_bears_the_name_of_its_company(desk: Desk) -> None:
    acme = desk.books.company(desk.time - DAY, "Acme GmbH", "acme.example")
    there = desk.contact("A", company_id=acme, ago=DAY)
    nowhere = desk.contact("B", ago=DAY)
    found = {r.id: r.payload for r in read(desk.connector(), "contacts")[0]}
    assert found[there]["company"] == {"id": acme, "name": "Acme GmbH"}
    assert "company" not in found[nowhere]
    assert [r.path for r in desk.server.requests if "companies" in r.path] == [f"/api/v2/companies/{acme}"]


def test_many_companies_are_listed_instead_of_asked_for_one_by_one(desk: Desk) -> None:
    for n in range(150):
        desk.contact(f"C{n:03d}", company_id=desk.books.company(desk.time - DAY, f"Company {n}", "c.example"), ago=DAY)
    found = read(desk.connector(), "contacts")[0]
    assert {r.payload["company"]["name"] for r in found} == {f"Company {n}" for n in range(150)}
    asked = [r.path for r in desk.server.requests if "companies" in r.path]
    assert asked.count("/api/v2/companies") == 2
    assert len(asked) <= 22


def test_contacts_come_without_companies_where_they_may_not_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    key = desk.contact("A", company_id=desk.books.company(desk.time - DAY, "Acme", "acme.example"), ago=DAY)
    desk.before.append(refuse("/api/v2/companies"))
    with caplog.at_level(logging.WARNING):
        found = read(desk.connector(), "contacts")[0]
    assert ops(found) == [(key, "upsert")]
    assert caplog.text.count("companies' names are not learnt: 403") == 1


# rate limits -------------------------------------------------------------------------------------------------------


def test_calls_are_spaced_out_before_the_limit_is_reached(desk: Desk, waits: list[float]) -> None:
    contact = desk.contact(ago=DAY)
    for n in range(65):
        desk.ticket(contact, ago=DAY - n * 600)
    desk.after.append(lambda request, reply: replace(reply, headers={**reply.headers, "x-ratelimit-remaining": "71"}))
    pages(desk.connector(satisfaction=False), "tickets")
    assert waits == [], "71 of 700 is just above a tenth"
    desk.after.append(lambda request, reply: replace(reply, headers={**reply.headers, "x-ratelimit-remaining": "69"}))
    pages(desk.connector(satisfaction=False), "tickets")
    assert waits[0] == pytest.approx(5 * 60 / 700), "a page with requester and stats costs five calls"
    waits.clear()
    pages(desk.connector(satisfaction=False, headroom=0), "tickets")
    assert waits == []


def test_a_budget_of_our_own_holds_for_each_list(desk: Desk, waits: list[float]) -> None:
    contact = desk.contact(ago=DAY)
    for n in range(65):
        desk.ticket(contact, ago=DAY - n * 600)
    connector = desk.connector(satisfaction=False, lists_per_minute=5)
    pages(connector, "tickets")
    assert len(desk.asked_for("/api/v2/tickets")) > 5
    assert len(waits) == len(desk.asked_for("/api/v2/tickets")) - 5
    waits.clear()
    pages(connector, "contacts")
    assert waits == []


# settings and credentials ------------------------------------------------------------------------------------------


def test_check_says_who_we_are(desk: Desk) -> None:
    assert desk.connector().check() == "Freshdesk sandbox-goods, agent 155000000001"


@pytest.mark.parametrize(
    ("body", "error", "what"),
    [
        ({"id": 7, "ticket_scope": 2}, CredentialsError, "the agent may not see all tickets; .*global ticket scope"),
        ({"hello": "world"}, ProtocolError, "names no agent; check domain"),
        ([], ProtocolError, "names no agent"),
    ],
)
def test_check_refuses_who_would_not_see_everything(desk: Desk, body: Any, error: type[Exception], what: str) -> None:
    desk.before.append(lambda request: Reply(body))
    with pytest.raises(error, match=what):
        desk.connector().check()


def test_check_refuses_a_wrong_key_and_does_not_say_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = desk.connector()
    monkeypatch.setenv("FRESHDESK_API_KEY", "hush-hush")
    with pytest.raises(CredentialsError, match=r"^desk: 401, .*FRESHDESK_API_KEY") as caught:
        connector.check()
    assert "hush" not in str(caught.value)


CONFIG: dict[str, Any] = {"type": "freshdesk", "domain": "acme", "api_key": "${FRESHDESK_API_KEY}"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain", "help.acme.example"),
        ("api_key", "hush-hush"),
        ("per_page", 101),
        ("per_page", 19),
        ("lookback_seconds", 0),
        ("lists_per_minute", 0),
        ("headroom", 1),
        ("start_time", "yesterday"),
        ("token", "x"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        FreshdeskSettings.model_validate({**CONFIG, field: value})


@pytest.mark.parametrize("value", ["acme", "ACME.freshdesk.com", "https://acme.freshdesk.com/"])
def test_a_domain_may_be_given_in_full(value: str) -> None:
    assert FreshdeskSettings.model_validate({**CONFIG, "domain": value}).domain == "acme"


# mapping -----------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: dict[str, Any]) -> list[dict[str, str]]:
    """What the mapping makes of tickets and contacts, without what it leaves open."""
    connector = FreshdeskConnector("s", FreshdeskSettings.model_validate(CONFIG))
    return staging.told(staging.mapped(connector, stream, table, *payloads, key="id"))


def ticket(**fields: Any) -> dict[str, Any]:
    return {
        "id": 1866,
        "requester_id": 156_003_698_648,
        "subject": "Wo ist mein Päckchen?",
        "source": 1,
        "status": 4,
        "priority": 2,
        "created_at": "2026-04-07T15:35:54Z",
        "updated_at": "2026-04-07T20:01:20Z",
        "stats": {
            "first_responded_at": "2026-04-07T16:32:17Z",
            "resolved_at": "2026-04-07T20:01:14Z",
            "closed_at": None,
            "reopened_at": None,
        },
        "satisfaction_rating": {"id": 1, "ratings": {"default_question": 103, "question_2": -102}},
        **fields,
    }


def test_a_ticket_belongs_to_its_requester() -> None:
    assert mapped("tickets", "ticket", ticket()) == [
        {
            "source_record_id": "1866",
            "party_id": "156003698648",
            "party_stream": "contacts",
            "subject": "Wo ist mein Päckchen?",
            "channel": "email",
            "status": "solved",
            "priority": "normal",
            "opened_at": "2026-04-07T15:35:54Z",
            "first_reply_at": "2026-04-07T16:32:17Z",
            "solved_at": "2026-04-07T20:01:14Z",
            "satisfaction": "good",
            "created_at": "2026-04-07T15:35:54Z",
        }
    ]


@pytest.mark.parametrize(
    ("said", "canonical"),
    [(2, "open"), (3, "pending"), (4, "solved"), (5, "closed"), (6, "pending"), (7, "on_hold"), (8, "open"), (23, "open")],
)
def test_every_status_has_its_canonical_word(said: int, canonical: str) -> None:
    assert mapped("tickets", "ticket", ticket(status=said))[0]["status"] == canonical


SOURCES = [(1, "email"), (2, "web"), (3, "voice"), (7, "chat"), (9, "web_widget"), (77, "source_77")]
GOOD, NEUTRAL, BAD = (1, 101, 102, 103), (2, 100), (3, -101, -102, -103)


@pytest.mark.parametrize(("source", "channel"), SOURCES)
def test_a_source_is_a_channel(source: int, channel: str) -> None:
    assert mapped("tickets", "ticket", ticket(source=source))[0]["channel"] == channel


@pytest.mark.parametrize(
    ("rating", "satisfaction"),
    [(code, word) for word, codes in (("good", GOOD), ("neutral", NEUTRAL), ("bad", BAD)) for code in codes],
)
def test_both_scales_of_ratings_are_read(rating: int, satisfaction: str) -> None:
    rated = ticket(satisfaction_rating={"ratings": {"default_question": rating}})
    assert mapped("tickets", "ticket", rated)[0]["satisfaction"] == satisfaction


def test_an_unrated_or_reopened_ticket_says_no_more_than_is_known() -> None:
    (row,) = mapped("tickets", "ticket", ticket(status=2, satisfaction_rating=None))
    assert "satisfaction" not in row
    assert "solved_at" not in row, "it is open again"
    (row,) = mapped("tickets", "ticket", ticket(status=5, stats={"resolved_at": None, "closed_at": "2026-04-08T00:00:00Z"}))
    assert row["solved_at"] == "2026-04-08T00:00:00Z"


def contact(**fields: Any) -> dict[str, Any]:
    return {
        "id": 156_003_698_648,
        "name": "Jane Döe",
        "email": "jane@example.com",
        "phone": "+44 113 496 0001",
        "mobile": "+44 7700 900000",
        "address": "1 High Street\r\nFlat 2\nLeeds",
        "language": "en",
        "unique_external_id": "crm-77",
        "company_id": 8,
        "company": {"id": 8, "name": "Super Nova"},
        "created_at": "2026-01-02T03:04:05Z",
        **fields,
    }


def test_a_contact_becomes_a_party() -> None:
    assert mapped("contacts", "party_record", contact()) == [
        {
            "source_record_id": "156003698648",
            "record_role": "ticket_user",
            "legacy_id": "crm-77",
            "full_name": "Jane Döe",
            "company_name": "Super Nova",
            "email": "jane@example.com",
            "phone": "+44 7700 900000",
            "address_line1": "1 High Street, Flat 2, Leeds",
            "locale": "en",
            "created_at": "2026-01-02T03:04:05Z",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mobile": None}, {"phone": "+44 113 496 0001"}),
        ({"email": None, "other_emails": ["a@example.com", "b@example.com"]}, {"email": "a@example.com"}),
        ({"name": "JANE@example.com"}, {"full_name": None}),
        ({"name": "+44 7700 900000"}, {"full_name": None}),
        ({"company": None}, {"company_name": None}),
        ({}, {"email_verified": None}),
        ({"active": True}, {"email_verified": "true"}),
        ({"active": False}, {"email_verified": "false"}),
        ({"active": True, "email": None, "other_emails": ["a@example.com"]}, {"email_verified": None}),
        ({"contact_type": "visitor"}, {"email": "jane@example.com"}),
    ],
)
def test_what_stands_in_for_a_value_and_what_replaces_one(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    (row,) = mapped("contacts", "party_record", contact(**fields))
    assert {name: row.get(name) for name in expected} == expected


def test_a_visitor_known_by_nothing_is_nobody_yet() -> None:
    nobody = contact(contact_type="visitor", email=None, phone=None, mobile=None, unique_external_id=None)
    assert mapped("contacts", "party_record", nobody) == []
    # nor does the ID that the hub wrote back make somebody of them
    assert mapped("contacts", "party_record", {**nobody, "unique_external_id": "c_" + "a" * 26}) == []
    assert len(mapped("contacts", "party_record", {**nobody, "unique_external_id": "crm-17"})) == 1


# an independent description ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described(specs: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((specs / "freshdesk_ballerina.yaml").read_text())
    return loaded


# that description is thin: it has lists and single records of two kinds, none of their parameters, and takes an e-mail for granted
_NOT_DESCRIBED = ("/api/v2/agents/me", RATINGS, "/api/v2/companies")
_MAY_BE_NULL = {"email", "due_by", "nr_due_by", "source_additional_info", "product_id"}


def test_requests_and_answers_keep_to_the_description(described: dict[str, Any], desk: Desk) -> None:
    company = desk.books.company(desk.time - DAY, "Acme", "acme.example")
    people = [desk.contact(f"C{n}", email=f"c{n}@quickmail.example", company_id=company, ago=DAY) for n in range(30)]
    tickets = [desk.ticket(person, ago=DAY - n) for n, person in enumerate(people)]
    connector = desk.connector()
    connector.check()
    _, done = read(connector, "tickets")
    desk.books.rate(desk.time, tickets[3], {"default_question": 103}, None)
    records = {
        "tickets": read(connector, "tickets")[0] + read(connector, "tickets", done)[0],
        "contacts": read(connector, "contacts")[0],
    }
    for request in desk.server.requests:
        path = request.path.replace(tickets[3], "{id}")
        assert path.startswith(_NOT_DESCRIBED) or "get" in described["paths"][path], request.path
    types = {"integer": int, "string": str, "boolean": bool, "array": list}
    for stream, schema in (("tickets", "Ticket"), ("contacts", "Contact")):
        properties = described["components"]["schemas"][schema]["properties"]
        assert records[stream]
        for record in records[stream]:
            for name, about in properties.items():
                value = record.payload.get(name)
                assert isinstance(value, types[about["type"]]) or value is None, (stream, name)
                assert value is not None or about.get("nullable") or name in _MAY_BE_NULL or name not in record.payload, (
                    stream,
                    name,
                )


def test_what_the_description_says_a_record_is_can_be_mapped(described: dict[str, Any]) -> None:
    sample = {"integer": 3, "string": "2026-01-01T00:00:00Z", "boolean": False, "array": ["a@example.com"]}
    for stream, table, schema in (("tickets", "ticket", "Ticket"), ("contacts", "party_record", "Contact")):
        properties = described["components"]["schemas"][schema]["properties"]
        (row,) = mapped(stream, table, {name: sample[about["type"]] for name, about in properties.items()})
        assert row["created_at"] == sample["string"]


def test_the_look_back_reads_again_no_more_than_it_says(desk: Desk) -> None:
    connector = desk.connector(lookback_seconds=60)
    desk.ticket(desk.contact(ago=DAY), ago=1000)
    _, done = read(connector, "tickets")
    desk.server.requests.clear()
    read(connector, "tickets", done)
    asked = datetime.fromisoformat(desk.asked_for("/api/v2/tickets")[0].query["updated_since"][0])
    assert asked == datetime.fromtimestamp(desk.time - 1000, UTC) - timedelta(seconds=60)
