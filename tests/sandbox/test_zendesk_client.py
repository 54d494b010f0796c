"""The common Zendesk client (zenpy) against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket, User
from zenpy.lib.exception import APIException, RecordNotFoundException

from connectors.sandbox import SandboxHandle, credentials


class Loopback(HTTPAdapter):
    """zenpy insists on https and zendesk.com; this sends its requests to the sandbox instead."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        sent = request.copy()
        sent.url = self._base_url + request.path_url
        response = super().send(sent, *args, **kwargs)
        response.request = request
        return response


def client(handle: SandboxHandle, token: str = credentials.ZENDESK_TOKEN) -> Zenpy:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Loopback(handle.url("zendesk")))
    return Zenpy(subdomain=credentials.ZENDESK_SUBDOMAIN, email=credentials.ZENDESK_EMAIL, token=token, session=session)


def test_it_pages_users_and_tickets_through_the_incremental_exports(shared: SandboxHandle) -> None:
    api = client(shared)
    counts = shared.state()["counts"]["zendesk"]
    users = list(api.users.incremental(start_time=0, per_page=20))
    assert len({u.id for u in users}) == len(users)
    assert sum(u.active for u in users) == counts["users"]
    tickets = list(api.tickets.incremental(start_time=0, per_page=20))
    assert sum(t.status != "deleted" for t in tickets) == counts["tickets"] == len({t.id for t in tickets})


def test_it_goes_on_from_a_cursor(fresh: SandboxHandle) -> None:
    api = client(fresh)
    first = api.tickets.incremental(start_time=0)
    seen = list(first)
    assert list(api.tickets.incremental(cursor=first.after_cursor)) == []
    number = fresh.post_ticket("late.comer@quickmail.example")
    fresh.push_clock(61)
    assert [t.id for t in api.tickets.incremental(cursor=first.after_cursor)] == [number]
    assert number not in {t.id for t in seen}


def test_it_creates_solves_and_deletes_a_ticket_of_an_unknown_sender(fresh: SandboxHandle) -> None:
    api = client(fresh)
    sender = User(name="Zoë Ångström", email="zoe.angstrom@quickmail.example")
    made = api.tickets.create(Ticket(subject="Where is it?", description="My parcel", requester=sender))
    assert (made.ticket.status, made.ticket.requester.email) == ("new", "zoe.angstrom@quickmail.example")
    ticket = api.tickets(id=made.ticket.id)
    ticket.status = "solved"
    assert api.tickets.update(ticket).ticket.status == "solved"
    again = api.tickets.create(Ticket(description="And this", requester=User(name="Z", email="Zoe.Angstrom@quickmail.example")))
    assert again.ticket.requester_id == made.ticket.requester_id
    api.tickets.delete(api.tickets(id=again.ticket.id))
    with pytest.raises(RecordNotFoundException):
        api.tickets(id=again.ticket.id)


def test_it_lists_searches_and_knows_itself(shared: SandboxHandle) -> None:
    api = client(shared)
    assert api.users.me().email == credentials.ZENDESK_EMAIL
    users = list(api.users())
    assert len(users) == shared.state()["counts"]["zendesk"]["users"]
    known = next(u for u in users if u.role == "end-user" and u.email)
    assert [u.id for u in api.search(f"type:user email:{known.email}")] == [known.id]
    assert [u.id for u in api.users.search(query=f"email:{known.email}")] == [known.id]
    assert {t.status for t in api.search(type="ticket", status="closed")} == {"closed"}


def test_refusals_are_the_errors_the_client_knows(shared: SandboxHandle) -> None:
    with pytest.raises(APIException, match="authenticate"):
        client(shared, "not-the-token").users.me()
    with pytest.raises(RecordNotFoundException):
        client(shared).users(id=1)


def test_it_reads_a_tickets_metrics_and_a_users_identities(fresh: SandboxHandle) -> None:
    api = client(fresh)
    solved = next(t for t in api.tickets.incremental(start_time=0) if t.status in ("solved", "closed"))
    metric = api.tickets.metrics(solved.id)
    assert (metric.ticket_id, metric.replies > 0) == (solved.id, True)
    assert metric.created_at <= metric.solved_at
    assert metric.reply_time_in_minutes["calendar"] <= metric.full_resolution_time_in_minutes["calendar"]
    known = next(u for u in api.users() if u.role == "end-user" and u.email)
    known.email = "second.address@quickmail.example"
    assert api.users.update(known).email != known.email, "the primary one stays"
    identities = list(api.users.identities(id=known.id))
    assert [i.value for i in identities if i.type == "email"][-1] == known.email
    assert [i.primary for i in identities].count(True) == 1
