"""Zendesk: how it is read, against a server that is as strict as Zendesk documents itself."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from pydantic import ValidationError

import connectors.landing as landing_module
from connectors.contract import Checkpoint, Page, Record
from connectors.extract import extract_stream, stream_of
from connectors.landing import StreamLanding
from connectors.registry import connector_class
from connectors.ticketing.zendesk import RequestBudget, ZendeskConnector, ZendeskSettings
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.loopback import Loopback, Reply, Request, serve

TOKEN = "hush-hush"
BASIC = "Basic " + base64.b64encode(f"ops@acme.example/token:{TOKEN}".encode()).decode()
NOW = 1_790_000_000  # unix seconds; the server's clock is its own


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeZendesk:
    """The two cursor exports and users/me: ordered by time of change and ID, the last minute left out, 1000 records a page."""

    server: Loopback

    def __init__(self) -> None:
        self.now = NOW
        self.records: dict[str, dict[int, dict[str, Any]]] = {"users": {}, "tickets": {}}
        self.changed: dict[tuple[str, int], int] = {}
        self.beside: dict[str, list[dict[str, Any]]] = {"metric_sets": [], "identities": [], "organizations": []}
        self.refuses_sideloads = False
        self.me: dict[str, Any] = {"id": 1, "name": "Ops", "role": "admin"}
        self.faults: list[Callable[[Request], Reply | None]] = []
        self._serial = 0

    # what happens there

    def put(self, kind: str, number: int | None = None, **fields: Any) -> int:
        """A record made or changed now."""
        if number is None:
            self._serial += 1
            number = self._serial
            fields = {"id": number, "created_at": iso(self.now), **fields}
        record = self.records[kind].setdefault(number, {})
        record.update(fields, updated_at=iso(self.now))
        if kind == "tickets":
            record["generated_timestamp"] = self.now
        self.changed[kind, number] = self.now
        return number

    # what it answers

    def __call__(self, request: Request) -> Reply:
        for fault in list(self.faults):
            reply = fault(request)
            if reply is not None:
                return reply
        if request.path == "/api/v2/users/me":
            known = request.headers.get("authorization") == BASIC
            return Reply({"user": self.me if known else {"id": None, "name": "Anonymous user", "role": "end-user"}})
        if request.headers.get("authorization") != BASIC:
            return Reply({"error": "Couldn't authenticate you"}, 401)
        if self.me["role"] != "admin":
            return Reply({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)
        kind = request.path.removeprefix("/api/v2/incremental/").removesuffix("/cursor")
        if kind not in self.records or not request.path.endswith("/cursor"):
            return Reply({"error": "InvalidEndpoint", "description": "Not found"}, 404)
        return self._export(kind, {name: values[0] for name, values in request.query.items()})

    def _export(self, kind: str, query: dict[str, str]) -> Reply:
        size = int(query.pop("per_page", "1000"))
        asked = query.pop("include", "").split(",")
        if asked != [""] and self.refuses_sideloads:
            return Reply({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)
        if not 1 <= size <= 1000 or set(query) not in ({"start_time"}, {"cursor"}):
            return Reply({"error": "InvalidParameters"}, 400)
        if "start_time" in query:
            after = (int(query["start_time"]) - 1, 10**9)
            if after[0] > self.now - 60:
                return Reply({"error": "StartTimeTooRecent", "description": "Too recent start_time."}, 400)
        else:
            try:
                time, _, number = base64.b64decode(query["cursor"], validate=True).decode().partition("||")
                after = (int(time), int(number))
            except ValueError:
                return Reply({"error": "InvalidCursor"}, 400)
        found = sorted(
            (time, number)
            for (k, number), time in self.changed.items()
            if k == kind and after < (time, number) and time < self.now - 60
        )
        page = found[:size]
        last = page[-1] if page else after
        cursor = base64.b64encode(f"{last[0]}||{last[1]}".encode()).decode()
        body = {
            kind: [self.records[kind][number] for _, number in page],
            "after_cursor": cursor,
            "after_url": f"https://acme.zendesk.com/api/v2/incremental/{kind}/cursor.json?cursor={cursor}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": len(found) <= size,
        }
        return Reply({**body, **{name: found for name, found in self.beside.items() if name in asked and found}})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeZendesk]:
    monkeypatch.setenv("ZENDESK_TOKEN", TOKEN)
    vendor = FakeZendesk()
    with serve(vendor) as vendor.server:
        yield vendor


@pytest.fixture
def zendesk(fake: FakeZendesk) -> Iterator[ZendeskConnector]:
    connector = connect(fake)
    yield connector
    connector.close()


CONFIG: dict[str, Any] = {
    "type": "zendesk",
    "subdomain": "acme",
    "email": "ops@acme.example",
    "api_token": "${ZENDESK_TOKEN}",
    "exports_per_minute": 1000,
    "per_page": 2,
    "retry": {"attempts": 3, "backoff_seconds": 0, "timeout_seconds": 5},
}


def connect(fake: FakeZendesk, **fields: Any) -> ZendeskConnector:
    config = {**CONFIG, "base_url": fake.server.base_url, **fields}
    return ZendeskConnector("support", ZendeskSettings.model_validate(config))


def pages(connector: ZendeskConnector, stream: str, checkpoint: Checkpoint | None = None) -> list[Page]:
    # a checkpoint is kept as JSON between readings
    kept = None if checkpoint is None else json.loads(json.dumps(checkpoint))
    return list(stream_of(connector, stream).read(kept))


def read(connector: ZendeskConnector, stream: str, checkpoint: Checkpoint | None = None) -> tuple[list[Record], Checkpoint | None]:
    found = pages(connector, stream, checkpoint)
    return [record for page in found for record in page.records], found[-1].checkpoint if found else checkpoint


def ids(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.id, record.op) for record in records]


# reading -----------------------------------------------------------------------------------------------------------


def test_the_registry_knows_it() -> None:
    assert connector_class("zendesk") is ZendeskConnector


def test_facts_come_before_parties(zendesk: ZendeskConnector) -> None:
    assert [(s.name, s.kind) for s in zendesk.streams()] == [("tickets", "ticket"), ("users", "party")]


def test_a_first_reading_begins_at_the_beginning_and_follows_the_cursor(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = [fake.put("users", name=f"User {n}", user_fields={"tier": "gold"}) for n in range(5)]
    fake.now += 100
    records, checkpoint = read(zendesk, "users")
    assert ids(records) == [(str(n), "upsert") for n in made]
    assert records[0].payload == fake.records["users"][made[0]]
    assert records[0].updated_at == datetime.fromtimestamp(NOW, UTC)
    first, second, third = fake.server.requests
    assert (first.path, first.query) == (
        "/api/v2/incremental/users/cursor",
        {
            "per_page": ["2"],
            "start_time": ["0"],
            "include": ["identities,organizations"],
        },
    )
    assert set(second.query) == set(third.query) == {"per_page", "cursor", "include"}
    assert checkpoint == {"cursor": base64.b64encode(f"{NOW}||{made[-1]}".encode()).decode()}


def test_two_full_readings_are_equal(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    for _ in range(5):
        fake.put("tickets", status="open")
    fake.now += 100
    assert read(zendesk, "tickets")[0] == read(zendesk, "tickets")[0]


def test_reading_may_begin_later_than_the_beginning(fake: FakeZendesk) -> None:
    fake.put("users")
    fake.now += 1000
    late = fake.put("users")
    fake.now += 100
    connector = connect(fake, start_time=iso(NOW + 500))
    assert ids(read(connector, "users")[0]) == [(str(late), "upsert")]
    connector.close()


def test_a_second_reading_with_nothing_new_brings_no_page_and_costs_one_request(
    fake: FakeZendesk, zendesk: ZendeskConnector
) -> None:
    fake.put("users")
    fake.now += 100
    _, checkpoint = read(zendesk, "users")
    before = zendesk.calls()[0]
    assert pages(zendesk, "users", checkpoint) == []
    assert zendesk.calls()[0] - before == 1


def test_an_empty_account_is_read_without_trouble(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    records, checkpoint = read(zendesk, "users")
    assert records == []
    made = fake.put("users")
    fake.now += 100
    assert ids(read(zendesk, "users", checkpoint)[0]) == [(str(made), "upsert")]


def test_a_later_reading_brings_what_changed_only(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = [fake.put("users", name="old") for _ in range(4)]
    fake.now += 100
    _, checkpoint = read(zendesk, "users")
    fake.put("users", made[1], name="new")
    fake.now += 100
    records, checkpoint = read(zendesk, "users", checkpoint)
    assert [(r.id, r.payload["name"]) for r in records] == [(str(made[1]), "new")]
    assert pages(zendesk, "users", checkpoint) == []


def test_records_changed_in_the_second_of_the_cursor_are_not_lost(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    """A whole page and more with one time: a cursor gets past it, where a time would stay stuck or skip."""
    made = [fake.put("tickets", status="open") for _ in range(7)]
    fake.now += 100
    assert ids(read(zendesk, "tickets")[0]) == [(str(n), "upsert") for n in made]


def test_the_most_recent_minute_comes_with_the_next_reading(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    early = fake.put("tickets", status="open")
    fake.now += 70
    late = fake.put("tickets", status="open")
    records, checkpoint = read(zendesk, "tickets")
    assert ids(records) == [(str(early), "upsert")]
    fake.now += 70
    assert ids(read(zendesk, "tickets", checkpoint)[0]) == [(str(late), "upsert")]


def test_a_ticket_changed_by_the_system_only_is_dated_by_its_generation(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = fake.put("tickets", status="solved")
    fake.records["tickets"][made]["updated_at"] = iso(NOW - 5000)
    fake.now += 100
    (record,) = read(zendesk, "tickets")[0]
    assert record.updated_at == datetime.fromtimestamp(NOW, UTC)


def test_a_cursor_of_the_future_brings_nothing(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.put("users")
    fake.now += 100
    future = {"cursor": base64.b64encode(f"{NOW * 2}||0".encode()).decode()}
    assert pages(zendesk, "users", future) == []


def test_an_empty_page_in_the_middle_does_not_end_the_reading(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = fake.put("users")
    fake.now += 100
    middle = base64.b64encode(b"5||0").decode()
    empty = {"users": [], "after_cursor": middle, "end_of_stream": False}
    fake.faults.append(lambda r: Reply(empty) if "start_time" in r.query else None)
    found = pages(zendesk, "users")
    assert [[r.id for r in page.records] for page in found] == [[], [str(made)]]
    assert found[0].checkpoint == {"cursor": middle}


def test_an_end_without_a_cursor_keeps_the_last_one(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    end = {"users": [{"id": 9}], "after_cursor": None, "end_of_stream": True}
    fake.faults.append(lambda r: Reply(end))
    assert pages(zendesk, "users", {"cursor": "abc"})[0].checkpoint == {"cursor": "abc"}
    fake.faults[:] = [lambda r: Reply({**end, "users": []})]
    assert pages(zendesk, "users", {"cursor": "abc"}) == []
    assert pages(zendesk, "users") == []


# what comes beside the records --------------------------------------------------------------------------------------


def test_a_ticket_comes_with_its_metric_set_wherever_zendesk_puts_it(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    inside, beside, without = fake.put("tickets"), fake.put("tickets"), fake.put("tickets")
    fake.records["tickets"][inside]["metric_set"] = {"ticket_id": inside, "reopens": 1}
    fake.beside["metric_sets"] = [{"ticket_id": beside, "reopens": 2}, {"ticket_id": [1]}, "nonsense"]
    fake.now += 100
    found = {record.id: record.payload.get("metric_set") for record in read(zendesk, "tickets")[0]}
    assert found == {
        str(inside): {"ticket_id": inside, "reopens": 1},
        str(beside): {"ticket_id": beside, "reopens": 2},
        str(without): None,
    }
    assert {tuple(r.query["include"]) for r in fake.server.requests} == {("metric_sets",)}


def test_a_user_comes_with_all_identities_and_the_name_of_the_organization(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    known, lonely, odd = fake.put("users", organization_id=7), fake.put("users", organization_id=8), fake.put("users")
    fake.records["users"][odd]["organization_id"] = [7]
    fake.beside["organizations"] = [{"id": 7, "name": "Acme", "updated_at": iso(NOW), "notes": "x"}]
    fake.beside["identities"] = [
        {"id": 12, "user_id": known, "type": "phone_number", "value": "+44 113 496 0000"},
        {"id": 9, "user_id": known, "type": "email", "value": "jane@example.com"},
    ]
    fake.now += 100
    payloads = {record.id: record.payload for record in read(zendesk, "users")[0]}
    assert payloads[str(known)]["organization"] == {"id": 7, "name": "Acme"}
    assert [i["id"] for i in payloads[str(known)]["identities"]] == [9, 12], "always in the same order"
    assert payloads[str(lonely)] == fake.records["users"][lonely]
    assert payloads[str(odd)] == fake.records["users"][odd]


def test_tickets_are_read_without_metric_sets_where_those_are_forbidden(
    fake: FakeZendesk, zendesk: ZendeskConnector, caplog: pytest.LogCaptureFixture
) -> None:
    made = [fake.put("tickets", status="open") for _ in range(5)]
    fake.now += 100
    fake.refuses_sideloads = True
    assert ids(read(zendesk, "tickets")[0]) == [(str(n), "upsert") for n in made]
    assert ["include" in r.query for r in fake.server.requests] == [True, False, False, False], "asked for once"
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == [
        "support/tickets: Zendesk does not let us read metric_sets; going on without"
    ]


# a window of time ---------------------------------------------------------------------------------------------------


def window(connector: ZendeskConnector, stream: str, since: int, until: int) -> list[tuple[str, str]]:
    read_window = stream_of(connector, stream).window
    assert read_window is not None
    moments = (datetime.fromtimestamp(at, UTC) for at in (since, until))
    return ids([record for page in read_window(*moments) for record in page.records])


def test_a_window_brings_what_changed_in_it_and_asks_for_no_page_beyond(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = []
    for _ in range(12):
        made.append(fake.put("tickets", status="open"))
        fake.now += 10
    fake.put("tickets", made[2], status="deleted")
    fake.now += 100
    found = window(zendesk, "tickets", NOW + 10, NOW + 50)
    assert found == [(str(made[n]), "upsert") for n in (1, 3, 4)], "what changed later is of a later window"
    assert len(fake.server.requests) == 3, "two pages with what was asked for and one that shows that there is no more"
    assert window(zendesk, "tickets", NOW + 120, NOW + 121) == [(str(made[2]), "delete")]


def test_a_window_up_to_now_asks_for_no_time_that_zendesk_refuses(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    made = fake.put("users")
    real = int(datetime.now(UTC).timestamp())
    fake.now = real
    assert window(zendesk, "users", real - 5, real + 60) == []
    assert window(zendesk, "users", NOW, real + 60) == [(str(made), "upsert")]


# what is gone ------------------------------------------------------------------------------------------------------


def test_a_deleted_ticket_becomes_a_delete(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    kept, gone = fake.put("tickets", status="open"), fake.put("tickets", status="open")
    fake.now += 100
    _, checkpoint = read(zendesk, "tickets")
    fake.put("tickets", gone, status="deleted")
    fake.put("tickets", kept, status="closed")
    fake.now += 100
    assert sorted(ids(read(zendesk, "tickets", checkpoint)[0])) == [(str(kept), "upsert"), (str(gone), "delete")]


@pytest.mark.parametrize(
    ("fields", "op"),
    [
        ({"active": False}, "delete"),
        ({"active": False, "permanently_deleted": True, "email": None, "name": "Permanently Deleted User"}, "delete"),
        ({"active": True, "suspended": True}, "upsert"),
        ({"active": True, "role": "agent"}, "upsert"),
        ({}, "upsert"),
    ],
)
def test_only_an_inactive_user_is_gone(fake: FakeZendesk, zendesk: ZendeskConnector, fields: dict[str, Any], op: str) -> None:
    made = fake.put("users", **fields)
    fake.now += 100
    assert ids(read(zendesk, "users")[0]) == [(str(made), op)]


def test_a_record_without_id_is_set_aside(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.records["users"][7] = {"email": "x@example.com"}
    fake.changed["users", 7] = NOW
    made = fake.put("users")
    fake.now += 100
    (page,) = pages(zendesk, "users")
    assert [(r.reason, r.where) for r in page.rejects] == [("it has no field id", "item 2 after cursor none")]
    assert json.loads(page.rejects[0].content) == {"email": "x@example.com"}
    assert ids(page.records) == [(str(made), "upsert")]


# breaking off and resuming -----------------------------------------------------------------------------------------


def test_a_reading_that_broke_off_goes_on_where_it_stopped(
    fake: FakeZendesk, zendesk: ZendeskConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_module, "PART_ROWS", 2)
    made = [fake.put("users") for _ in range(6)]
    fake.now += 100
    stream = stream_of(zendesk, "users")
    replies = [None, None, Reply({}, 500), Reply({}, 502), Reply({}, 503)]
    fake.faults.append(lambda r: replies.pop(0) if replies else None)
    with pytest.raises(SourceUnavailableError, match=r"^support/users: answered 503"):
        extract_stream(zendesk, stream, tmp_path, sync_run_id="one")
    assert StreamLanding(tmp_path, "support", "users").resume_point().broken_off
    fake.server.requests.clear()
    fake.put("users", made[0], name="changed after it was read")
    fake.now += 100
    extract_stream(zendesk, stream, tmp_path, sync_run_id="two")
    assert "cursor" in fake.server.requests[0].query
    parts = [str(part) for part in StreamLanding(tmp_path, "support", "users").parts()]
    rows = duckdb.connect().execute("SELECT source_record_id FROM read_parquet(?, filename = true) ORDER BY filename", [parts])
    assert [row[0] for row in rows.fetchall()] == [*(str(n) for n in made), str(made[0])]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_killed_after_any_page_nothing_is_lost(fake: FakeZendesk, zendesk: ZendeskConnector, stop: int) -> None:
    made = [fake.put("users", v=0) for _ in range(5)]
    fake.now += 100
    state: dict[str, int] = {}
    checkpoint: Checkpoint | None = None
    for round_number in range(5):
        for number, page in enumerate(stream_of(zendesk, "users").read(checkpoint), 1):
            state.update({record.id: record.payload["v"] for record in page.records})
            checkpoint = page.checkpoint
            if number == stop:
                break
        if round_number < 2:
            fake.put("users", made[round_number], v=round_number + 1)
            fake.put("users", v=9)
            fake.now += 100
    assert state == {str(number): record["v"] for number, record in fake.records["users"].items()}


# trouble -----------------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_refused_at_once_and_named_by_its_variable(fake: FakeZendesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENDESK_TOKEN", "wrong-one")
    with pytest.raises(CredentialsError, match=r"^support/users: 401.*ZENDESK_TOKEN \(setting api_token\).*email") as error:
        pages(connect(fake), "users")
    assert len(fake.server.requests) == 1
    assert "wrong-one" not in str(error.value)


def test_a_user_who_is_no_admin_is_an_error_and_never_an_empty_stream(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.me["role"] = "agent"
    with pytest.raises(CredentialsError, match=r"403.*at GET /api/v2/incremental/users/cursor.*names an admin"):
        pages(zendesk, "users")
    assert [("include" in r.query) for r in fake.server.requests] == [True, False], "once with what belongs to it, once without"
    assert zendesk.calls()[1] == 0


def test_a_missing_variable_is_named(fake: FakeZendesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZENDESK_TOKEN")
    with pytest.raises(ConfigError, match="ZENDESK_TOKEN is not set"):
        pages(connect(fake), "users")


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {}),
        (429, {"retry-after": "0"}),
        (429, {"retry-after": format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)}),
        (503, {"retry-after": "0"}),
        (500, {}),
    ],
)
def test_passing_trouble_passes(fake: FakeZendesk, zendesk: ZendeskConnector, status: int, headers: dict[str, str]) -> None:
    fake.put("users")
    fake.now += 100
    trouble = [Reply({"error": "TooManyRequests"}, status, headers)] * 2
    fake.faults.append(lambda r: trouble.pop() if trouble else None)
    assert len(read(zendesk, "users")[0]) == 1
    assert zendesk.calls() == (3, 2)


def test_500_for_ever_is_reported(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.faults.append(lambda r: Reply({}, 500))
    with pytest.raises(SourceUnavailableError, match=r"^support/tickets: answered 500"):
        pages(zendesk, "tickets")
    assert len(fake.server.requests) == 3


def test_truncated_json_is_reported(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.faults.append(lambda r: Reply(b'{"users": [{"id": 1}, {"id"'))
    with pytest.raises(
        ProtocolError, match=r"^support/users: the answer to GET /api/v2/incremental/users/cursor is no complete JSON"
    ):
        pages(zendesk, "users")


def test_an_unknown_cursor_is_reported_with_what_to_do(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    with pytest.raises(ProtocolError, match=r"support/users: .*400 \(InvalidCursor\).*hub sync support --full"):
        pages(zendesk, "users", {"cursor": "from another account"})


def test_a_start_too_recent_is_reported_with_zendesks_code(fake: FakeZendesk) -> None:
    with pytest.raises(ProtocolError, match=r"400 \(StartTimeTooRecent\)"):
        pages(connect(fake, start_time=iso(NOW)), "users")


def test_a_page_that_repeats_is_reported(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.faults.append(lambda r: Reply({}, 500) if len(fake.server.requests) > 20 else None)  # lest we follow it for ever
    fake.faults.append(lambda r: Reply({"users": [{"id": 1}], "after_cursor": "abc", "end_of_stream": False}))
    with pytest.raises(ProtocolError, match="support/users: the vendor sent us back to a page"):
        pages(zendesk, "users")
    fake.server.requests.clear()
    with pytest.raises(ProtocolError, match="support/users: the vendor sent us back to a page"):
        pages(zendesk, "users", {"cursor": "abc"})
    assert len(fake.server.requests) == 1


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ([], "a page without users or end_of_stream"),
        ({"users": {}, "end_of_stream": True}, "a page without users or end_of_stream"),
        ({"users": []}, "a page without users or end_of_stream"),
        ({"users": [], "end_of_stream": False}, "no cursor to go on from"),
    ],
)
def test_a_page_that_breaks_zendesks_rules_is_reported(fake: FakeZendesk, zendesk: ZendeskConnector, body: Any, what: str) -> None:
    fake.faults.append(lambda r: Reply(body))
    with pytest.raises(ProtocolError, match=rf"^support/users: Zendesk .*{what}"):
        pages(zendesk, "users")


# settings and credentials ------------------------------------------------------------------------------------------


def test_check_says_who_we_are_in_one_call(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    assert zendesk.calls() == (0, 0)
    assert zendesk.check() == "Zendesk acme, user 1 (admin)"
    assert zendesk.calls() == (1, 0)


def test_check_sees_through_the_anonymous_user(fake: FakeZendesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENDESK_TOKEN", "wrong-one")
    with pytest.raises(CredentialsError, match=r"support: Zendesk does not know these credentials.*ZENDESK_TOKEN"):
        connect(fake).check()


def test_check_refuses_a_user_who_could_not_export(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.me["role"] = "agent"
    with pytest.raises(CredentialsError, match="no admin"):
        zendesk.check()


def test_check_refuses_what_is_no_zendesk(fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    fake.faults.append(lambda r: Reply({"hello": "world"}))
    with pytest.raises(ProtocolError, match="names no user; check subdomain"):
        zendesk.check()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subdomain", "acme.zendesk.com"),
        ("subdomain", "https://acme"),
        ("api_token", "hush-hush"),
        ("per_page", 1001),
        ("per_page", 0),
        ("exports_per_minute", 0),
        ("start_time", "yesterday"),
        ("token", "x"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        ZendeskSettings.model_validate({**CONFIG, field: value})


@pytest.mark.parametrize("value", [date(2026, 1, 1), "2026-01-01", "2026-01-01T01:00:00+01:00", 1_767_225_600])
def test_a_start_is_a_date_or_a_time(value: Any) -> None:
    assert ZendeskSettings.model_validate({**CONFIG, "start_time": value}).start_time == datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_budget_lets_a_short_sync_through_and_spreads_a_long_one() -> None:
    clock = Clock()
    budget = RequestBudget(10, clock=clock, sleep=clock.sleep)
    sent = []
    for _ in range(35):
        budget.spend()
        sent.append(clock.now)
        clock.now += 0.5
    assert sent[9] == 4.5, "the first ten go out at once"
    assert len(clock.slept) == 3
    assert all(sum(1 for t in sent if start <= t < start + 60) <= 10 for start in sent)


def test_the_budget_does_not_wait_when_requests_are_rare() -> None:
    clock = Clock()
    budget = RequestBudget(2, clock=clock, sleep=clock.sleep)
    for _ in range(10):
        budget.spend()
        clock.now += 31
    assert clock.slept == []


# mapping -----------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: dict[str, Any]) -> list[dict[str, str]]:
    """What the mapping makes of users and tickets, without what it leaves open."""
    connector = ZendeskConnector("s", ZendeskSettings.model_validate(CONFIG))
    return staging.told(staging.mapped(connector, stream, table, *payloads, key="id"))


def user(**fields: Any) -> dict[str, Any]:
    return {
        "id": 361_526_384_192_834,
        "name": "Jane Döe",
        "email": "jane@example.com",
        "phone": "+44 113 496 0000",
        "external_id": "crm-77",
        "locale": "en-GB",
        "role": "end-user",
        "active": True,
        "created_at": "2026-01-02T03:04:05Z",
        **fields,
    }


def test_a_user_becomes_a_party() -> None:
    assert mapped("users", "party_record", user()) == [
        {
            "source_record_id": "361526384192834",
            "record_role": "ticket_user",
            "legacy_id": "crm-77",
            "full_name": "Jane Döe",
            "email": "jane@example.com",
            "phone": "+44 113 496 0000",
            "locale": "en-GB",
            "created_at": "2026-01-02T03:04:05Z",
        }
    ]


@pytest.mark.parametrize(("role", "rows"), [("end-user", 1), (None, 1), ("agent", 0), ("admin", 0)])
def test_staff_are_no_customers(role: str | None, rows: int) -> None:
    assert len(mapped("users", "party_record", user(role=role))) == rows


@pytest.mark.parametrize(
    ("name", "full_name"),
    [
        ("JANE@example.com", None),
        ("Caller +44 113 496-0000", None),
        ("+1 (415) 555.0100", None),
        ("Agent 47", "Agent 47"),
        ("Caller", "Caller"),
    ],
)
def test_what_stands_in_for_a_name_is_no_name(name: str, full_name: str | None) -> None:
    assert mapped("users", "party_record", user(name=name))[0].get("full_name") == full_name


def ticket(**fields: Any) -> dict[str, Any]:
    return {
        "id": 35436,
        "requester_id": 361_526_384_192_834,
        "submitter_id": 5,
        "subject": "Wo ist mein Päckchen?",
        "status": "open",
        "priority": None,
        "via": {"channel": "email", "source": {}},
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-05T00:00:00Z",
        **fields,
    }


def test_a_ticket_belongs_to_its_requester() -> None:
    assert mapped("tickets", "ticket", ticket()) == [
        {
            "source_record_id": "35436",
            "party_id": "361526384192834",
            "party_stream": "users",
            "subject": "Wo ist mein Päckchen?",
            "channel": "email",
            "status": "open",
            "opened_at": "2026-01-02T03:04:05Z",
            "created_at": "2026-01-02T03:04:05Z",
        }
    ]


@pytest.mark.parametrize(
    ("said", "canonical"),
    [("new", "new"), ("open", "open"), ("pending", "pending"), ("hold", "on_hold"), ("solved", "solved"), ("closed", "closed")],
)
def test_every_status_has_its_canonical_word(said: str, canonical: str) -> None:
    assert mapped("tickets", "ticket", ticket(status=said))[0]["status"] == canonical


def test_a_solved_ticket_says_when_it_was_answered_and_solved_and_how_it_was_rated() -> None:
    metrics = {
        "solved_at": "2026-01-04T10:00:00Z",
        "reopens": 2,
        "reply_time_in_minutes": {"calendar": 75, "business": 15},
        "reply_time_in_seconds": {"calendar": None},
    }
    rating = {"id": 1234, "score": "good", "comment": "Great support!"}
    (row,) = mapped("tickets", "ticket", ticket(status="closed", metric_set=metrics, satisfaction_rating=rating))
    assert (row["first_reply_at"], row["solved_at"]) == ("2026-01-02T04:19:05Z", "2026-01-04T10:00:00Z")
    assert (row["reopen_count"], row["satisfaction"]) == ("2", "good")
    (again,) = mapped("tickets", "ticket", ticket(status="open", metric_set=metrics))
    assert "solved_at" not in again, "it is open again"


@pytest.mark.parametrize(
    ("created", "metrics", "first_reply"),
    [
        (
            "2026-01-02T03:04:05Z",
            {"reply_time_in_seconds": {"calendar": 61}, "reply_time_in_minutes": {"calendar": 1}},
            "03:05:06Z",
        ),
        ("2026-01-02T03:04:05+02:00", {"reply_time_in_minutes": {"calendar": 1}}, "03:05:05+02:00"),
        ("2026-01-02T03:04:05Z", {"reply_time_in_minutes": {"calendar": 10**18}}, None),
        ("2026-01-02T03:04:05Z", {"reply_time_in_minutes": {"calendar": "soon"}}, None),
        ("2026-01-02T03:04:05Z", {"reply_time_in_minutes": 7}, None),
        ("2026-01-02T03:04:05Z", "none", None),
        ("yesterday", {"reply_time_in_minutes": {"calendar": 1}}, None),
        ("294240-01-02T03:04:05Z", {"reply_time_in_minutes": {"calendar": 2**31 - 1}}, None),
    ],
)
def test_the_first_reply_is_counted_from_the_opening(created: str, metrics: Any, first_reply: str | None) -> None:
    (row,) = mapped("tickets", "ticket", ticket(created_at=created, metric_set=metrics))
    assert row.get("first_reply_at", "").removeprefix("2026-01-02T") == (first_reply or "")


@pytest.mark.parametrize(
    ("score", "satisfaction"),
    [
        ("good", "good"),
        ("bad", "bad"),
        ("good_with_comment", "good"),
        ("offered", None),
        ("unoffered", None),
        (None, None),
        (7, None),
    ],
)
def test_only_a_rating_that_was_given_is_one(score: Any, satisfaction: str | None) -> None:
    (row,) = mapped("tickets", "ticket", ticket(satisfaction_rating={"score": score}))
    assert row.get("satisfaction") == satisfaction
    assert "satisfaction" not in mapped("tickets", "ticket", ticket(satisfaction_rating="good"))[0]


def test_a_user_is_of_an_organization_and_known_by_an_identity_where_the_user_says_nothing() -> None:
    identities = [
        {"type": "google", "value": "other@example.com"},
        {"type": "email", "value": "second@example.com"},
        {"type": "phone_number", "value": "+44 20 7946 0000"},
    ]
    silent = user(email=None, phone=None, name="second@example.com", identities=identities, organization={"id": 7, "name": "Acme"})
    (row,) = mapped("users", "party_record", silent)
    assert (row["email"], row["phone"], row["company_name"]) == ("second@example.com", "+44 20 7946 0000", "Acme")
    assert "full_name" not in row
    (spoken,) = mapped("users", "party_record", user(identities=identities))
    assert (spoken["email"], spoken["phone"]) == ("jane@example.com", "+44 113 496 0000")


@pytest.mark.parametrize(
    ("fields", "verified"),
    [
        ({}, None),
        ({"verified": True}, "true"),
        ({"verified": False}, "false"),
        # verified by the phone, not by the mail
        ({"verified": True, "identities": [{"type": "email", "value": "Jane@example.com", "verified": False}]}, "false"),
        ({"verified": False, "identities": [{"type": "email", "value": "JANE@example.com", "verified": True}]}, "true"),
        ({"verified": True, "identities": [{"type": "email", "value": "other@example.com", "verified": True}]}, None),
        ({"verified": True, "identities": [{"type": "google", "value": "jane@example.com", "verified": True}]}, None),
        ({"email": None, "verified": True}, None),
        ({"email": None, "identities": [{"type": "email", "value": "second@example.com", "verified": True}]}, "true"),
    ],
)
def test_an_email_is_verified_if_its_own_identity_is(fields: dict[str, Any], verified: str | None) -> None:
    (row,) = mapped("users", "party_record", user(**fields))
    assert row.get("email_verified") == verified


# Zendesk's own word ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oas(specs: Path) -> dict[str, Any]:
    with gzip.open(Path(specs, "zendesk_oas.yaml.gz")) as file:
        loaded: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


@pytest.mark.parametrize(("stream", "schema"), [("users", "Users"), ("tickets", "Tickets")])
def test_zendesks_own_sample_answer_is_read_and_mapped(
    oas: dict[str, Any], fake: FakeZendesk, zendesk: ZendeskConnector, stream: str, schema: str
) -> None:
    assert "get" in oas["paths"][f"/api/v2/incremental/{stream}/cursor"]
    sample = oas["components"]["schemas"][f"CursorBasedExportIncremental{schema}Response"]["example"]
    fake.faults.append(lambda r: Reply(json.loads(json.dumps(sample, default=str))))
    records, checkpoint = read(zendesk, stream)
    assert ids(records) == [("35436", "upsert")]
    assert checkpoint == {"cursor": sample["after_cursor"]}
    payload = json.loads(json.dumps(dict(records[0].payload), default=str))
    if stream == "tickets":
        (row,) = mapped("tickets", "ticket", payload)
        assert (row["party_id"], row["status"], row["priority"], row["channel"]) == ("20978392", "open", "high", "web")
    else:
        assert mapped("users", "party_record", payload) == [], "the sample is an agent"
        (row,) = mapped("users", "party_record", {**payload, "role": "end-user"})
        assert (row["full_name"], row["email"], row["legacy_id"]) == ("Johnny Agent", "johnny@example.com", "sai989sur98w9")


def test_every_request_is_in_zendesks_openapi(oas: dict[str, Any], fake: FakeZendesk, zendesk: ZendeskConnector) -> None:
    for stream in ("users", "tickets"):
        for _ in range(3):
            fake.put(stream)
    fake.now += 100
    read(zendesk, "users")
    read(zendesk, "tickets")
    zendesk.check()
    shared = oas["components"]["parameters"]
    for request in fake.server.requests:
        declared = oas["paths"][request.path].get("parameters", [])
        names = {shared[p["$ref"].rsplit("/", 1)[1]]["name"] if "$ref" in p else p["name"] for p in declared}
        # per_page is declared for users only, and documented for both; sideloads are described in prose
        assert set(request.query) <= names | {"per_page", "include"}
        prose = oas["paths"][request.path]["get"]["description"]
        assert ("include" in request.query) == ("Sideloading" in prose)


def test_a_metric_set_as_zendesk_describes_it_is_mapped(oas: dict[str, Any]) -> None:
    sample = json.loads(json.dumps(oas["components"]["schemas"]["TicketMetricObject"]["example"], default=str))
    (row,) = mapped("tickets", "ticket", ticket(status="solved", metric_set=sample))
    assert (row["first_reply_at"], row["reopen_count"]) == ("2026-01-03T18:55:05Z", "55")  # 2391 minutes, which are 143460 seconds
    assert row["solved_at"].startswith("2011-05-09")


def test_identities_and_organizations_as_zendesk_describes_them_are_joined_and_mapped(
    oas: dict[str, Any], fake: FakeZendesk, zendesk: ZendeskConnector
) -> None:
    schemas = oas["components"]["schemas"]
    identity, organization = (
        json.loads(json.dumps(schemas[f"{n}Object"]["example"], default=str)) for n in ("UserIdentity", "Organization")
    )
    made = fake.put("users", role="end-user", organization_id=organization["id"])
    fake.beside.update(identities=[{**identity, "user_id": made}], organizations=[organization])
    fake.now += 100
    (record,) = read(zendesk, "users")[0]
    (row,) = mapped("users", "party_record", json.loads(json.dumps(record.payload, default=str)))
    assert (row["email"], row["company_name"]) == (identity["value"], organization["name"])
