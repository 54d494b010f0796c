"""The Meta connector against a graph that asks for tokens, pages, filters, throttles and refuses as Meta documents it."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import ValidationError

from connectors.ads import meta, meta_leads
from connectors.ads.meta import LEVELS, MetaConnector
from connectors.ads.meta_settings import MetaSettings
from connectors.contract import Checkpoint, Deletes, Page, Record
from connectors.extract import stream_of
from connectors.mapping import parse_mapping
from connectors.registry import connector_class
from hub.contract.columns import TABLES
from hub.contract.errors import ConfigError, CredentialsError, ProtocolError, SourceUnavailableError
from tests.connectors import staging
from tests.loopback import Loopback, Reply, Request, serve

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
USER, PAGE, SECRET = "EAAuser", "EAApage", "app-secret"
OF_THE_PAGE = ("leadgen_forms", "leads", "test_leads")


def fault(code: int, subcode: int | None = None, status: int = 400, message: str = "about zoe@example.com", **more: Any) -> Reply:
    """An error as the Graph API sends it."""
    told = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return Reply({"error": {**told, **({} if subcode is None else {"error_subcode": subcode})}}, status, **more)


class FakeMeta:
    """One ad account and one page: strict about version, tokens and statuses; edges are paged by cursors, newest first."""

    def __init__(self) -> None:
        self.zone = "America/New_York"
        self.rows: list[dict[str, Any]] = []  # of the report by ad and day
        self.structure: dict[str, list[dict[str, Any]]] = {"campaigns": [], "adsets": [], "ads": []}
        self.deleted: dict[str, list[dict[str, Any]]] = {"campaign": [], "adset": [], "ad": []}
        self.leads: dict[str, list[dict[str, Any]]] = {"101": [], "102": []}
        self.questions: dict[str, list[dict[str, Any]]] = {}
        self.tests: set[str] = set()
        self.before: list[Callable[[Request], Reply | None]] = []
        self.after: list[Callable[[Request, Reply], Reply]] = []
        self.asked: list[Request] = []
        self.windows: list[tuple[date, date]] = []
        self.longest = 400  # days in a report that is not too much
        self.page_size = 1_000
        self.gives_page_token = True
        self.jobs: list[tuple[date, date]] = []
        self.polls = 0

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        for hook in list(self.before):
            reply = hook(request)
            if reply is not None:
                return reply
        reply = self._answer(request, {name: values[0] for name, values in request.query.items()})
        for change in self.after:
            reply = change(request, reply)
        return reply

    def _answer(self, request: Request, query: dict[str, str]) -> Reply:
        version, *parts = [part for part in request.path.split("/") if part]
        if version != "v26.0":
            return fault(2635)
        edge = parts[1] if len(parts) > 1 else None
        token = PAGE if edge in OF_THE_PAGE and self.gives_page_token else USER
        if request.headers.get("authorization") != f"Bearer {token}":
            return fault(190)
        if parts == []:
            shown = {row["id"]: row for rows in self.deleted.values() for row in rows}
            keys = query["ids"].split(",")
            return Reply({key: shown[key] for key in keys}) if all(key in shown for key in keys) else fault(100, 33)
        if parts == ["act_123"]:
            account = {"account_id": "123", "name": "Acme", "currency": "USD", "timezone_name": self.zone}
            return Reply({**{name: account[name] for name in query["fields"].split(",")}, "id": "act_123"})
        if parts == ["777"]:
            held = {"id": "777", "name": "Acme Page", "access_token": PAGE if self.gives_page_token else None}
            return Reply({name: held[name] for name in {*query["fields"].split(","), "id"} if held[name]})
        if parts == ["777", "leadgen_forms"]:
            forms = [{"id": key, **({"questions": asked} if (asked := self.questions.get(key)) else {})} for key in self.leads]
            return self._page(request, query, forms[::-1])
        if edge == "test_leads":
            return self._page(request, query, [{"id": lead["id"]} for lead in self.leads[parts[0]] if lead["id"] in self.tests])
        if edge == "leads":
            return self._page(request, query, self._leads(self.leads[parts[0]], query))
        if edge in self.structure:
            wanted = json.loads(query["effective_status"])
            if "DELETED" in wanted:
                return fault(100, 1_815_001)
            return self._page(request, query, [row for row in self.structure[edge] if row["effective_status"] in wanted])
        if edge == "insights":
            return self._insights(request, parts[0], query)
        if parts[0] == "555":
            self.polls += 1
            done = self.polls > 2
            status = "Job Completed" if done else "Job Running"
            return Reply({"id": "555", "async_status": status, "async_percent_completion": 100 if done else 30})
        return fault(100, 33)

    def _leads(self, held: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        found = sorted(held, key=lambda lead: lead["created_time"], reverse=True)
        for condition in json.loads(query.get("filtering", "[]")):
            assert condition["field"] == "time_created"
            sign = {"GREATER_THAN": 1, "LESS_THAN": -1}[condition["operator"]]
            found = [lead for lead in found if sign * (_seconds(lead["created_time"]) - condition["value"]) > 0]
        return found

    def _insights(self, request: Request, key: str, query: dict[str, str]) -> Reply:
        if request.method == "POST":
            window = json.loads(dict(parse_qsl(request.body.decode()))["time_range"])
            self.jobs.append((date.fromisoformat(window["since"]), date.fromisoformat(window["until"])))
            return Reply({"report_run_id": "555"})
        if key == "555":
            return self._page(request, query, self._days(*self.jobs[-1]))
        assert key == "act_123"
        (condition,) = json.loads(query["filtering"])
        assert condition["field"] == f"{query['level']}.effective_status"
        window = json.loads(query["time_range"])
        first, last = date.fromisoformat(window["since"]), date.fromisoformat(window["until"])
        if condition["value"] == ["DELETED"]:
            assert "time_increment" not in query
            assert last < TODAY  # Meta knows nothing of days to come
            return self._page(request, query, [{f"{query['level']}_id": row["id"]} for row in self.deleted[query["level"]]])
        # a report without DELETED leaves out what was deleted since
        assert "DELETED" in condition["value"]
        assert (query["level"], query["time_increment"]) == ("ad", "1")
        self.windows.append((first, last))
        if (last - first).days >= self.longest:
            return fault(100, 1_487_534, message="Please reduce the amount of data you're asking for, then retry your request")
        return self._page(request, query, self._days(first, last))

    def _days(self, first: date, last: date) -> list[dict[str, Any]]:
        return [row for row in self.rows if first <= date.fromisoformat(row["date_start"]) <= last]

    def _page(self, request: Request, query: dict[str, str], rows: list[dict[str, Any]]) -> Reply:
        size = min(int(query["limit"]), self.page_size)
        start = int(query.get("after", 0))
        body: dict[str, Any] = {"data": rows[start : start + size]}
        if body["data"]:
            body["paging"] = {"cursors": {"before": str(start), "after": str(start + size)}}
            if start + size < len(rows):
                body["paging"]["next"] = f"https://graph.facebook.com{request.path}?access_token=LEAK&after={start + size}"
        return Reply(body)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def lead(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    answers = more.pop("answers", {"full_name": "Zoë Müller", "email": "zoe@example.com", "phone_number": "+4930901820"})
    return {
        "id": str(number),
        "created_time": at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "form_id": "101",
        "platform": "ig",
        "is_organic": False,
        "campaign_id": "22",
        "adset_id": "333",
        "ad_id": "4444",
        "field_data": [{"name": name, "values": [value]} for name, value in answers.items()],
        **more,
    }


def spent(day: date, ad: str = "4444", spend: str = "12.34") -> dict[str, Any]:
    return {
        "account_id": "123",
        "account_currency": "USD",
        "campaign_id": "22",
        "adset_id": "333",
        "ad_id": ad,
        "spend": spend,
        "impressions": "1000",
        "clicks": "10",
        "date_start": day.isoformat(),
        "date_stop": day.isoformat(),
    }


def node(key: str, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    return {"id": key, "account_id": "123", "name": f"N {key}", "effective_status": status, **more}


class Door:
    """One server for all tests here."""

    server: Loopback
    account: FakeMeta


@pytest.fixture(scope="module", autouse=True)
def _door() -> Iterator[None]:
    with serve(lambda request: Door.account(request)) as Door.server:
        yield


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeMeta:
    monkeypatch.setattr(meta, "_now", lambda: NOW)
    monkeypatch.setattr(meta_leads, "_now", lambda: NOW)
    monkeypatch.setenv("META_ACCESS_TOKEN", USER)
    Door.account = FakeMeta()
    return Door.account


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("connectors.http.pause", waited.append)
    return waited


def configured(**options: Any) -> MetaSettings:
    given = {
        "type": "meta",
        "account_id": "act_123",
        "page_id": "777",
        "access_token": "${META_ACCESS_TOKEN}",
        "start_date": "2026-09-01",
        "retry": {"attempts": 3, "backoff_seconds": 0},
    }
    return MetaSettings.model_validate({**given, **options})


@contextmanager
def connected(**options: Any) -> Iterator[MetaConnector]:
    connector = MetaConnector("fb", configured(**{"base_url": Door.server.base_url, **options}))
    yield connector
    connector.close()


def read(connector: MetaConnector, stream: str, checkpoint: Checkpoint | None = None) -> list[Page]:
    kept = None if checkpoint is None else json.loads(json.dumps(checkpoint))
    return list(stream_of(connector, stream).read(kept))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(pages: list[Page]) -> list[str]:
    return [record.id for record in records(pages)]


# spend -----------------------------------------------------------------------------------------------------------


def test_a_first_reading_brings_every_day_in_windows_up_to_today_in_the_account(account: FakeMeta) -> None:
    account.rows = [spent(TODAY - timedelta(days=n)) for n in range(80)]
    with connected() as connector:
        pages = read(connector, "ad_spend_daily")
    assert len(ids(pages)) == len(set(ids(pages))) == 80
    assert {"4444:2026-11-23", "4444:2026-09-05"} <= set(ids(pages))
    days = [first + timedelta(days=n) for first, last in account.windows for n in range((last - first).days + 1)]
    assert days == [date(2026, 9, 1) + timedelta(days=n) for n in range(84)]
    assert [page.checkpoint for page in pages] == [{"read_to": last.isoformat()} for _, last in account.windows]


def test_a_window_of_several_pages_counts_as_read_with_its_last(account: FakeMeta) -> None:
    account.rows, account.page_size = [spent(TODAY, ad=str(n)) for n in range(5)], 2
    with connected(start_date="2026-11-22") as connector:
        pages = read(connector, "ad_spend_daily")
        assert [len(page.records) for page in pages] == [2, 2, 1]
        assert [page.checkpoint for page in pages] == [{"read_to": None}, {"read_to": None}, {"read_to": "2026-11-23"}]
        assert ids(read(connector, "ad_spend_daily", pages[0].checkpoint)) == ids(pages)


def test_the_next_reading_takes_the_last_28_days_again_because_meta_restates_them(account: FakeMeta) -> None:
    with connected() as connector:
        checkpoint = read(connector, "ad_spend_daily")[-1].checkpoint
        account.windows.clear()
        account.rows = [spent(TODAY - timedelta(days=28), spend="7")]
        again = read(connector, "ad_spend_daily", checkpoint)
    assert account.windows == [(TODAY - timedelta(days=28), TODAY)]
    assert [record.payload["spend"] for record in records(again)] == ["7"]


@pytest.mark.parametrize(
    ("today", "first"),
    [("2026-11-23", "2023-10-24"), ("2026-03-31", "2023-03-04"), ("2026-01-01", "2022-12-02"), ("2028-03-29", "2025-03-02")],
)
def test_without_a_start_date_reading_begins_where_metas_memory_does(
    account: FakeMeta, today: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta, "_now", lambda: datetime.fromisoformat(f"{today}T17:00:00+00:00"))
    with connected(start_date=None) as connector:
        next(stream_of(connector, "ad_spend_daily").read(None))
    assert account.windows[0][0].isoformat() == first


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("America/Los_Angeles", "2026-10-01T02:00:00+00:00", "2026-09-30"),
        ("Pacific/Auckland", "2026-10-01T12:00:00+00:00", "2026-10-02"),
        ("Europe/London", "2026-10-24T23:30:00+00:00", "2026-10-25"),  # the day the clocks go back
        ("Mars/Olympus_Mons", "2026-10-01T12:00:00+00:00", "2026-10-02"),  # unknown: nowhere is it later
    ],
)
def test_today_is_today_in_the_account(account: FakeMeta, zone: str, now: str, today: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "_now", lambda: datetime.fromisoformat(now))
    account.zone = zone
    with connected() as connector:
        read(connector, "ad_spend_daily")
    assert account.windows[-1][1].isoformat() == today


def test_a_window_that_is_too_much_is_halved_and_no_day_is_left_out(account: FakeMeta) -> None:
    account.rows = [spent(TODAY - timedelta(days=n)) for n in range(40)]
    account.longest = 4
    with connected(start_date="2026-10-20") as connector:
        pages = read(connector, "ad_spend_daily")
    assert set(ids(pages)) == {f"4444:{date(2026, 10, 20) + timedelta(days=n)}" for n in range(35)}
    assert pages[-1].checkpoint == {"read_to": "2026-11-23"}
    assert max((last - first).days for first, last in account.windows[4:]) < 4


@pytest.mark.parametrize(
    "reply",
    [
        lambda: fault(1, 99, 500),
        lambda: fault(1, None, 500, message="Please reduce the amount of data you're asking for, then retry your request"),
    ],
)
def test_an_unknown_error_of_a_report_is_met_by_asking_for_less(account: FakeMeta, reply: Callable[[], Reply]) -> None:
    account.rows = [spent(TODAY)]
    account.before.append(lambda r: reply() if r.path.endswith("/insights") and len(account.asked) < 4 else None)
    with connected(start_date="2026-11-01") as connector:
        assert ids(read(connector, "ad_spend_daily")) == [f"4444:{TODAY}"]
        assert connector.calls()[1] == 0


def test_a_day_that_is_too_much_is_made_a_report_in_metas_own_time(account: FakeMeta, waits: list[float]) -> None:
    account.rows = [spent(day, ad=str(n)) for day in (TODAY, TODAY - timedelta(days=1)) for n in range(3)]
    account.longest, account.page_size = 0, 2
    with connected(start_date="2026-11-22") as connector:
        pages = read(connector, "ad_spend_daily")
    assert account.jobs == [(TODAY - timedelta(days=1),) * 2, (TODAY, TODAY)]
    assert len(set(ids(pages))) == 6
    assert [page.checkpoint["read_to"] for page in pages] == [None, "2026-11-22", "2026-11-22", "2026-11-23"]
    assert waits[:3] == [2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", ["Job Failed", "Job Skipped"])
def test_a_report_that_meta_cannot_make_is_an_error_with_its_code(account: FakeMeta, waits: list[float], status: str) -> None:
    account.longest = 0
    failed = {"id": "555", "async_status": status, "async_percent_completion": 0, "error_code": 2, "error_subcode": 1504018}
    account.before.append(lambda r: Reply(failed) if r.path == "/v26.0/555" else None)
    with (
        connected(start_date="2026-11-23") as connector,
        pytest.raises(SourceUnavailableError, match=rf"^fb/ad_spend_daily: .*\({status}, code 2, subcode 1504018\)"),
    ):
        read(connector, "ad_spend_daily")


def test_a_report_that_never_ends_is_given_up(account: FakeMeta, waits: list[float]) -> None:
    account.longest = 0
    account.before.append(lambda r: Reply({"async_status": "Job Running"}) if r.path == "/v26.0/555" else None)
    with connected(start_date="2026-11-23") as connector, pytest.raises(SourceUnavailableError, match="after an hour"):
        read(connector, "ad_spend_daily")
    assert 3_000 < sum(waits) < 4_000


def test_a_backfill_reads_the_accounts_days_of_the_window_only(account: FakeMeta) -> None:
    account.rows = [spent(date(2026, 10, day)) for day in range(1, 31)]
    with connected() as connector:
        window = stream_of(connector, "ad_spend_daily").window
        assert window is not None
        # midnight UTC is still the day before in New York
        pages = list(window(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 7, 4, tzinfo=UTC)))
    assert ids(pages) == ["4444:2026-10-04", "4444:2026-10-05", "4444:2026-10-06"]


def test_a_checkpoint_from_the_future_brings_nothing_and_stays(account: FakeMeta) -> None:
    account.rows = [spent(TODAY)]
    with connected() as connector:
        assert read(connector, "ad_spend_daily", {"read_to": "2099-01-01"}) == []


def test_a_row_without_ad_or_day_is_set_aside(account: FakeMeta) -> None:
    account.rows = [{**spent(TODAY), "ad_id": None}, spent(TODAY)]
    with connected(start_date="2026-11-23") as connector:
        (page,) = read(connector, "ad_spend_daily")
    assert [(r.reason, r.where) for r in page.rejects] == [("it has no ad_id and date_start", "ad_spend_daily page 1 row 1")]
    assert len(page.records) == 1


# structure -------------------------------------------------------------------------------------------------------


def test_campaigns_come_archived_and_deleted_ones_too_with_their_accounts_currency(account: FakeMeta) -> None:
    account.structure["campaigns"] = [node("3"), node("2", "ARCHIVED"), node("1", "PAUSED")]
    account.deleted["campaign"] = [node("9", "DELETED")]
    account.page_size = 2
    with connected() as connector:
        found = records(read(connector, "campaigns"))
        assert stream_of(connector, "campaigns").deletes is Deletes.FLAG
    assert [(r.id, r.payload["effective_status"]) for r in found] == [
        *(("3", "ACTIVE"), ("2", "ARCHIVED"), ("1", "PAUSED")),
        ("9", "DELETED"),
    ]
    assert {r.payload["account"]["timezone_name"] for r in found} == {"America/New_York"}


@pytest.mark.parametrize("level", LEVELS[1:], ids=lambda level: level.stream)
def test_ad_sets_and_ads_are_read_as_meta_shows_them(account: FakeMeta, level: meta.Level) -> None:
    account.structure[level.path] = [node("5", "CAMPAIGN_PAUSED", updated_time="2026-11-01T10:00:00-0500")]
    account.deleted[level.name] = [node("6", "DELETED")]
    with connected() as connector:
        found = records(read(connector, level.stream))
    assert [r.payload for r in found] == [account.structure[level.path][0], account.deleted[level.name][0]]
    assert found[0].updated_at == datetime(2026, 11, 1, 15, tzinfo=UTC)


def test_many_deleted_ones_are_read_fifty_at_a_time_and_one_that_is_not_shown_stops_no_other(
    account: FakeMeta, caplog: pytest.LogCaptureFixture
) -> None:
    account.deleted["ad"] = [node(str(n), "DELETED") for n in range(120)]
    gone = {"7"}

    def hide(request: Request) -> Reply | None:
        return fault(100, 33) if gone & set(request.query.get("ids", [""])[0].split(",")) else None

    account.before.append(hide)
    with connected() as connector:
        found = ids(read(connector, "ads"))
    assert set(found) == {str(n) for n in range(120)} - gone
    assert all(len(r.query["ids"][0].split(",")) <= 50 for r in account.asked if "ids" in r.query)
    assert "no longer shows 7" in caplog.text


def test_a_page_that_is_too_much_is_asked_for_in_smaller_ones(account: FakeMeta) -> None:
    account.structure["ads"] = [node(str(n)) for n in range(60)]
    too_much = "Please reduce the amount of data you're asking for, then retry your request"
    account.before.append(
        lambda r: fault(1, None, 500, too_much) if r.path.endswith("/ads") and int(r.query["limit"][0]) > 25 else None
    )
    with connected() as connector:
        assert len(set(ids(read(connector, "ads")))) == 60
        assert connector.calls()[1] == 0


def test_a_page_that_comes_again_and_again_is_an_error(account: FakeMeta) -> None:
    account.structure["ads"] = [node(str(n)) for n in range(4)]
    account.page_size = 2

    def back(request: Request, reply: Reply) -> Reply:
        if request.path.endswith("/ads"):
            reply.body["paging"] = {"cursors": {"after": "2"}, "next": "https://graph.facebook.com/x?after=2"}
        return reply

    account.after.append(back)
    with connected() as connector, pytest.raises(ProtocolError, match=r"^fb/ads: the vendor sent us back"):
        read(connector, "ads")


# leads -----------------------------------------------------------------------------------------------------------


def submitted(count: int, form: str = "101", start: int = 0, ago: int = 0) -> list[dict[str, Any]]:
    return [lead(int(form) * 1_000 + n, NOW - timedelta(seconds=ago + 60 * n), form_id=form) for n in range(start, start + count)]


def test_leads_of_every_form_are_read_as_the_page(account: FakeMeta) -> None:
    account.leads = {"101": submitted(5), "102": submitted(2, "102")}
    account.page_size = 2
    with connected() as connector:
        pages = read(connector, "leads")
    assert sorted(ids(pages)) == sorted(lead["id"] for held in account.leads.values() for lead in held)
    assert pages[-1].checkpoint == {"since": int(NOW.timestamp()), "behind": {}}
    assert records(pages)[0].updated_at == NOW


def test_a_token_that_is_the_pages_own_is_used_where_the_page_gives_none(account: FakeMeta) -> None:
    account.leads["101"], account.gives_page_token = submitted(1), False
    with connected() as connector:
        assert len(ids(read(connector, "leads"))) == 1


def test_without_a_page_there_is_no_stream_of_leads(account: FakeMeta) -> None:
    with connected(page_id=None) as connector:
        assert [s.name for s in connector.streams()] == ["ad_spend_daily", "campaigns", "ad_groups", "ads"]
    with connected() as connector:
        assert [s.name for s in connector.streams()] == ["ad_spend_daily", "leads", "campaigns", "ad_groups", "ads"]


def test_a_later_reading_asks_for_what_came_since_less_the_look_back(account: FakeMeta) -> None:
    account.leads["101"] = submitted(3)
    with connected(lookback_seconds=60, start_date=None) as connector:
        checkpoint = read(connector, "leads")[-1].checkpoint
        account.asked.clear()
        again = read(connector, "leads", checkpoint)
    filters = [json.loads(r.query["filtering"][0]) for r in account.asked if r.path.endswith("/leads")]
    assert filters[0] == [{"field": "time_created", "operator": "GREATER_THAN", "value": int(NOW.timestamp()) - 61}]
    assert ids(again) == ["101000", "101001"]


def test_a_lead_sent_while_the_forms_were_read_comes_with_the_next_reading(account: FakeMeta) -> None:
    account.leads = {"101": submitted(1, ago=600), "102": submitted(1, "102", ago=300)}
    late = {"101": lead(5, NOW + timedelta(seconds=5)), "102": lead(6, NOW + timedelta(seconds=9), form_id="102")}

    def meanwhile(request: Request, reply: Reply) -> Reply:
        if request.path.endswith("/101/leads") and late:
            for form in list(late):
                account.leads[form].append(late.pop(form))
        return reply

    account.after.append(meanwhile)
    with connected(lookback_seconds=0) as connector:
        pages = read(connector, "leads")
        assert "6" in ids(pages)
        # never past the moment the reading began, though a later lead was seen
        assert pages[-1].checkpoint["since"] == int(NOW.timestamp())
        assert ids(read(connector, "leads", pages[-1].checkpoint)) == ["5", "6"]


def test_a_form_that_may_not_be_read_stops_no_other_and_misses_nothing_later(
    account: FakeMeta, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.leads = {"101": submitted(2, ago=900), "102": submitted(2, "102")}
    with connected(lookback_seconds=0) as connector:
        first = read(connector, "leads")[-1].checkpoint
        account.leads["101"].append(lead(7, NOW + timedelta(hours=1)))
        account.leads["102"].append(lead(8, NOW + timedelta(days=3), form_id="102"))
        monkeypatch.setattr(meta_leads, "_now", lambda: NOW + timedelta(days=9))
        account.before.append(lambda r: fault(200, status=403) if r.path.endswith("/101/leads") else None)
        pages = read(connector, "leads", first)
        assert "8" in ids(pages)
        assert "7" not in ids(pages)
        checkpoint = pages[-1].checkpoint
        assert checkpoint == {"since": _seconds(account.leads["102"][-1]["created_time"]), "behind": {"101": first["since"]}}
        assert "form 101 may not be read" in caplog.text
        account.before.clear()
        pages = read(connector, "leads", checkpoint)
        assert "7" in ids(pages)
        assert pages[-1].checkpoint["behind"] == {}


@pytest.mark.parametrize("reply", [fault(10), fault(200, status=403), fault(100, 33), Reply({}, 403)])
def test_where_no_form_may_be_read_the_reading_fails_at_once(account: FakeMeta, reply: Reply, waits: list[float]) -> None:
    account.leads["101"] = submitted(1)
    account.before.append(lambda r: reply if r.path.endswith("/leads") else None)
    with connected() as connector:
        with pytest.raises(CredentialsError, match=r"^fb/leads: Meta does not show us this .*leads_retrieval"):
            read(connector, "leads")
        assert connector.calls()[1] == 0
    assert waits == []


def test_credentials_that_end_while_forms_are_read_stop_the_reading(account: FakeMeta) -> None:
    account.leads["101"] = submitted(1)
    account.before.append(lambda r: fault(190, 463) if r.path.endswith("/102/leads") else None)
    with connected() as connector, pytest.raises(CredentialsError, match=r"code 190, subcode 463.*META_ACCESS_TOKEN"):
        read(connector, "leads")


@pytest.mark.parametrize("whole_pages", [1, 2, 3, 4])
def test_a_reading_that_broke_off_goes_on_with_the_form_it_was_at(account: FakeMeta, whole_pages: int) -> None:
    account.leads = {"101": submitted(3), "102": submitted(3, "102")}
    account.page_size = 2
    with connected() as connector:
        stream = stream_of(connector, "leads")
        pages = stream.read(None)
        kept = [next(pages) for _ in range(whole_pages)]
        pages.close()  # type: ignore[attr-defined]
        account.asked.clear()
        rest = read(connector, "leads", kept[-1].checkpoint)
    assert set(ids(kept)) | set(ids(rest)) == {lead["id"] for held in account.leads.values() for lead in held}
    assert rest[-1].checkpoint == {"since": int(NOW.timestamp()), "behind": {}}
    asked = {r.path.split("/")[2] for r in account.asked if r.path.endswith("/leads")}
    assert asked == {1: {"101", "102"}, 2: {"102"}, 3: {"102"}, 4: set()}[whole_pages]


def test_a_reading_that_brings_only_what_was_known_ends_whole(account: FakeMeta) -> None:
    account.leads["101"] = submitted(1)
    with connected() as connector:
        checkpoint = read(connector, "leads")[-1].checkpoint
        again = read(connector, "leads", checkpoint)
        assert ids(again) == ["101000"]
        assert again[-1].checkpoint == checkpoint


def test_a_reading_with_nothing_new_brings_no_page(account: FakeMeta) -> None:
    account.leads["101"] = submitted(1, ago=90)
    with connected(lookback_seconds=0) as connector:
        checkpoint = read(connector, "leads")[-1].checkpoint
        account.leads["101"].clear()
        assert read(connector, "leads", checkpoint) == []


def test_a_watermark_from_the_future_brings_nothing_and_stays(account: FakeMeta) -> None:
    account.leads["101"] = submitted(2)
    with connected() as connector:
        assert read(connector, "leads", {"since": 4_000_000_000, "behind": {}}) == []


def test_test_leads_are_marked_by_metas_own_list_of_them(account: FakeMeta) -> None:
    account.leads["101"], account.tests = submitted(2), {"101001"}
    with connected() as connector:
        found = {r.id: r.payload.get("is_test") for r in records(read(connector, "leads"))}
    assert found == {"101000": None, "101001": True}


def test_a_form_that_does_not_tell_its_test_leads_is_read_all_the_same(account: FakeMeta, caplog: pytest.LogCaptureFixture) -> None:
    account.leads["101"] = submitted(2)
    account.before.append(lambda r: fault(100) if r.path.endswith("/test_leads") else None)
    with connected() as connector:
        assert len(ids(read(connector, "leads"))) == 2
    assert "form 101 does not tell its test leads" in caplog.text


def test_a_backfill_of_leads_asks_for_the_window(account: FakeMeta) -> None:
    account.leads["101"] = [lead(n, datetime(2026, 10, n, tzinfo=UTC)) for n in range(1, 9)]
    with connected() as connector:
        window = stream_of(connector, "leads").window
        assert window is not None
        pages = list(window(datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 5, tzinfo=UTC)))
    assert sorted(ids(pages)) == ["3", "4"]


def test_a_lead_without_id_is_set_aside(account: FakeMeta) -> None:
    account.leads["101"] = [{**submitted(1)[0], "id": None}, *submitted(1, start=1)]
    with connected() as connector:
        pages = read(connector, "leads")
    assert [(r.reason, r.where) for page in pages for r in page.rejects] == [("it has no field id", "form 101 page 1 row 1")]


# throttling, faults, secrets -------------------------------------------------------------------------------------

BUSINESS = {"x-business-use-case-usage": json.dumps({"123": [{"call_count": 100, "estimated_time_to_regain_access": 3}]})}
ACCOUNT = {"x-ad-account-usage": json.dumps({"acc_id_util_pct": 100, "reset_time_duration": 17})}


@pytest.mark.parametrize(
    ("reply", "least"),
    [
        (lambda: fault(80_004, 2_446_079, headers=BUSINESS), 180),
        (lambda: fault(80_000, headers=BUSINESS), 180),
        (lambda: fault(17, 2_446_079, headers=ACCOUNT), 17),
        (lambda: fault(613, headers={"x-business-use-case-usage": "{not json"}), 0),
        (lambda: fault(4), 0),
        (lambda: fault(32, status=429, headers={"retry-after": "9"}), 9),
    ],
)
def test_a_throttle_is_waited_out_as_long_as_meta_says(
    account: FakeMeta, waits: list[float], reply: Callable[[], Reply], least: float
) -> None:
    account.rows, throttles = [spent(TODAY)], [reply, reply]
    account.before.append(lambda r: throttles.pop()() if throttles and r.path.endswith("/insights") else None)
    with connected(start_date="2026-11-23") as connector:
        assert len(ids(read(connector, "ad_spend_daily"))) == 1
        assert connector.calls()[1] == 2
    assert len(waits) == 2
    assert all(least <= wait < least + 1 for wait in waits)


def test_a_bar_longer_than_our_patience_is_not_waited_for(account: FakeMeta, waits: list[float]) -> None:
    hours = {"x-business-use-case-usage": json.dumps({"123": [{"estimated_time_to_regain_access": 120}]})}
    account.before.append(lambda r: fault(80_004, headers=hours) if r.path.endswith("/insights") else None)
    with connected() as connector, pytest.raises(SourceUnavailableError, match="slow down for 7200 s"):
        read(connector, "ad_spend_daily")
    assert waits == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ({"x-business-use-case-usage": json.dumps({"123": [{"call_count": 12, "total_time": 95}]})}, 30.0),
        ({"x-ad-account-usage": json.dumps({"acc_id_util_pct": 100})}, 60.0),
        ({"x-fb-ads-insights-throttle": json.dumps({"app_id_util_pct": 91.5, "acc_id_util_pct": 3})}, 9.0),
        ({"x-app-usage": json.dumps({"call_count": 90, "total_cputime": 90, "total_time": 90})}, None),
    ],
)
def test_we_go_slower_before_the_limit_is_reached(
    account: FakeMeta, waits: list[float], header: dict[str, str], wait: float | None
) -> None:
    account.after.append(lambda r, reply: Reply(reply.body, reply.status, header))
    with connected() as connector:
        connector.check()
    assert waits == ([] if wait is None else [wait, wait])


@pytest.mark.parametrize(
    "reply",
    [lambda: fault(2, status=500), lambda: fault(1), lambda: fault(-3, status=503), lambda: Reply(b"<html>", 502)],
)
def test_a_passing_fault_is_ridden_out_and_a_lasting_one_reported(
    account: FakeMeta, waits: list[float], reply: Callable[[], Reply]
) -> None:
    account.structure["ads"], faults = [node("1")], [reply, reply]
    account.before.append(lambda r: faults.pop()() if faults and r.path.endswith("/ads") else None)
    with connected() as connector:
        assert ids(read(connector, "ads")) == ["1"]
        faults += [reply] * 3
        with pytest.raises(SourceUnavailableError, match=r"^fb/ads: .*run the sync again"):
            read(connector, "ads")


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (fault(190, 460), CredentialsError, r"refused our credentials \(code 190, subcode 460\); renew access_token"),
        (fault(190, status=401), CredentialsError, "environment variable META_ACCESS_TOKEN"),
        (fault(102), CredentialsError, "renew access_token"),
        (fault(7, status=401), CredentialsError, "renew access_token"),
        (Reply({}, 401), CredentialsError, "401"),
        (fault(10), CredentialsError, r"does not show us this \(code 10\); check account_id"),
        (fault(294), CredentialsError, "with the rights ads_read"),
        (fault(100, 33), CredentialsError, "check account_id and page_id"),
        (fault(2635), ProtocolError, r"no longer takes version v26.0 of its API \(code 2635\); update this software"),
        (fault(100), ProtocolError, r"refused the request \(code 100\); check account_id, page_id, app_secret"),
        (Reply([]), ProtocolError, "sent no object"),
    ],
)
def test_a_refusal_names_metas_code_and_what_to_mend_at_once(
    account: FakeMeta, waits: list[float], reply: Reply, kind: type[Exception], said: str
) -> None:
    account.before.append(lambda r: reply)
    with connected() as connector:
        with pytest.raises(kind, match=said) as caught:
            read(connector, "campaigns")
        assert connector.calls() == (1, 0)
    assert str(caught.value).startswith("fb/campaigns: ")
    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("zoe@", USER, PAGE))
    assert waits == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": None}, "a page without data"),
        ({"data": [], "paging": {"next": "https://graph.facebook.com/x"}}, "that there is more, but not from where"),
    ],
)
def test_a_page_that_is_none_is_an_error_and_never_an_empty_success(account: FakeMeta, body: Any, said: str) -> None:
    account.before.append(lambda r: Reply(body) if r.path.endswith("/ads") else None)
    with connected() as connector, pytest.raises(ProtocolError, match=said):
        read(connector, "ads")


def test_a_cursor_that_stands_in_the_link_only_is_followed(account: FakeMeta) -> None:
    account.structure["ads"], account.page_size = [node(str(n)) for n in range(5)], 2

    def hide(request: Request, reply: Reply) -> Reply:
        if request.path.endswith("/ads"):
            reply.body["paging"].pop("cursors")
        return reply

    account.after.append(hide)
    with connected() as connector:
        assert len(ids(read(connector, "ads"))) == 5


def test_tokens_never_travel_in_a_url_and_never_show_in_a_log(account: FakeMeta, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    account.leads["101"], account.page_size = submitted(5), 2
    with connected() as connector:
        for stream in connector.streams():
            read(connector, stream.name)
    assert not any("access_token" in request.query for request in account.asked)
    assert all("LEAK" not in str(request.query) for request in account.asked)
    assert not any(token in caplog.text for token in (USER, PAGE, "LEAK"))


def test_the_apps_secret_is_proved_with_each_call_and_token(account: FakeMeta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("META_APP_SECRET", SECRET)
    account.leads["101"] = submitted(1)
    with connected(app_secret="${META_APP_SECRET}") as connector:
        read(connector, "leads")
    for request in account.asked:
        token = request.headers["authorization"].removeprefix("Bearer ")
        assert request.query["appsecret_proof"] == [hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()]
    assert {request.headers["authorization"] for request in account.asked} == {f"Bearer {USER}", f"Bearer {PAGE}"}


# settings and check ----------------------------------------------------------------------------------------------


def test_the_check_names_account_and_page(account: FakeMeta) -> None:
    with connected() as connector:
        assert connector.check() == "ad account 123, Acme, USD, America/New_York, page Acme Page"


def test_settings_take_ids_as_people_have_them_and_refuse_others() -> None:
    assert configured(account_id=123, page_id=777).account_id == "act_123"
    assert configured(page_id=" 777 ").page_id == "777"
    for bad in ({"account_id": "acme"}, {"page_id": "acme"}, {"access_token": "EAAB"}, {"restatement_days": 0}, {"page": "1"}):
        with pytest.raises(ValidationError):
            configured(**bad)


def test_a_connector_opens_nothing_and_needs_no_secret_before_it_is_used() -> None:
    connector = connector_class("meta")("fb", configured(access_token="${META_UNSET}"))
    assert len(connector.streams()) == 5
    assert connector.calls() == (0, 0)
    with pytest.raises(ConfigError, match="META_UNSET is not set"):
        connector.check()
    connector.close()


# mapping ---------------------------------------------------------------------------------------------------------


def mapped(stream: str, table: str, *payloads: Any) -> list[dict[str, Any]]:
    """What the mapping makes of payloads, which are numbered from 1 on."""
    return staging.mapped(MetaConnector("fb", None), stream, table, *payloads)


def test_the_mapping_yields_canonical_columns_only() -> None:
    blocks = parse_mapping(MetaConnector("fb", None).mapping())
    assert [(b.stream, b.table) for b in blocks] == [
        ("ad_spend_daily", "ad_spend_daily"),
        ("leads", "lead"),
        ("leads", "party_record"),
        ("leads", "consent"),
        ("campaigns", "ad_campaign"),
        ("ad_groups", "ad_group"),
        ("ads", "ad"),
    ]
    for block in blocks:
        for payload in ({}, {"field_data": "x", "actions": {"a": 1}, "account": 7}, {"field_data": [None, 1], "actions": [1]}):
            rows = mapped(block.stream, block.table, {"custom_disclaimer_responses": "x", **payload})
            assert len(rows) == (0 if block.table == "consent" else 1)  # who was asked nothing said nothing
            assert [n for row in rows for n in row if n != "source_record_id" and TABLES[block.table].column(n) is None] == []


def test_a_day_of_spend_is_mapped_to_its_ad_in_the_accounts_currency() -> None:
    (row,) = mapped("ad_spend_daily", "ad_spend_daily", spent(TODAY))
    assert row == {
        "source_record_id": "1",
        "platform": "meta",
        "account_id": "123",
        "campaign_id": "22",
        "ad_group_id": "333",
        "ad_id": "4444",
        "date_day": "2026-11-23",
        "currency": "USD",
        "spend": "12.34",
        "impressions": "1000",
        "clicks": "10",
        "platform_conversions": None,
        "platform_conversion_value": None,
    }


def actions(**counts: str) -> list[dict[str, str]]:
    return [{"action_type": name.replace("__", "."), "value": value} for name, value in counts.items()]


@pytest.mark.parametrize(
    ("told", "conversions", "value"),
    [
        ({"actions": actions(link_click="9")}, "0.0000", None),
        (
            {
                "actions": actions(omni_purchase="3", purchase="3", offsite_conversion__fb_pixel_purchase="2", lead="4"),
                "action_values": actions(omni_purchase="99.95", purchase="99.95"),
            },
            "7.0000",
            "99.9500",
        ),
        ({"actions": actions(offsite_conversion__fb_pixel_purchase="2")}, "2.0000", None),
        ({"actions": actions(onsite_conversion__lead_grouped="5", offsite_conversion__fb_pixel_lead="1")}, "5.0000", None),
        ({"actions": actions(purchase="many")}, "0.0000", None),
        ({}, None, None),
    ],
)
def test_a_conversion_that_stands_under_several_types_counts_once(
    told: dict[str, Any], conversions: str | None, value: str | None
) -> None:
    (row,) = mapped("ad_spend_daily", "ad_spend_daily", {**spent(TODAY), **told})
    assert (row["platform_conversions"], row["platform_conversion_value"]) == (conversions, value)


def test_a_lead_is_mapped_with_its_ad_and_where_it_came_from() -> None:
    (row,) = mapped("leads", "lead", {**lead(1, NOW), "is_test": True})
    assert row == {
        "source_record_id": "1",
        "party_id": "1",
        "party_stream": "leads",
        "platform": "meta",
        "campaign_id": "22",
        "ad_group_id": "333",
        "ad_id": "4444",
        "form_id": "101",
        "lead_source": "ig",
        "submitted_at": "2026-11-23T12:00:00+0000",
        "is_test": "true",
        "created_at": "2026-11-23T12:00:00+0000",
    }


def test_the_answers_of_a_lead_form_make_a_party() -> None:
    full = lead(1, NOW, answers={"full_name": "Zoë Müller", "email": "zoe@example.com", "phone_number": "+49", "city": "Berlin"})
    split = lead(2, NOW, answers={"First_Name": "Zoë", "last_name": "Müller", "work_email": "z@acme.example", "province": "ON"})
    address = lead(
        3,
        NOW,
        answers={
            "street_address": "Hauptstraße 1 🏠",
            "state": "BE",
            "zip_code": "10115",
            "country": "DE",
            "company_name": "Acme",
            "date_of_birth": "1990-02-28",
            "work_phone_number": "+4930",
            "what_do_you_want?": "tea",
        },
    )
    one, two, three = mapped("leads", "party_record", full, split, address)
    assert (one["record_role"], one["full_name"], one["email"], one["city"]) == ("lead", "Zoë Müller", "zoe@example.com", "Berlin")
    assert (two["given_name"], two["family_name"], two["email"], two["region"]) == ("Zoë", "Müller", "z@acme.example", "ON")
    columns = ("address_line1", "region", "postal_code", "country", "company_name", "birth_date", "phone")
    assert [three[c] for c in columns] == ["Hauptstraße 1 🏠", "BE", "10115", "DE", "Acme", "1990-02-28", "+4930"]
    assert "tea" not in str(three)


def test_the_answers_of_a_form_in_another_language_are_known_by_what_its_questions_ask_for(account: FakeMeta) -> None:
    types = {"E-Mail-Adresse": "EMAIL", "vollständiger_name": "FULL_NAME", "telefonnummer": "PHONE", "plz": "ZIP", "city": "CITY"}
    account.questions["101"] = [
        *({"id": "7", "key": key, "label": key, "type": asked} for key, asked in types.items()),
        {"id": "8", "key": "email", "label": "Wessen?", "type": "CUSTOM"},
    ]
    answers = {"E-Mail-Adresse": "zoe@example.com", "vollständiger_name": "Zoë Müller", "telefonnummer": "+49", "plz": "10115"}
    box = {"custom_disclaimer_responses": [{"checkbox_key": "news", "is_checked": "1"}]}
    account.leads["101"] = [lead(1, NOW, answers={**answers, "city": "Berlin"}, **box)]
    account.leads["102"] = submitted(1, "102")
    with connected() as connector:
        german, english = sorted(records(read(connector, "leads")), key=lambda record: int(record.id))
    assert "questions" not in english.payload, "its keys say what they ask for"
    (party,) = mapped("leads", "party_record", dict(german.payload))
    told = ("email", "full_name", "phone", "postal_code", "city")
    assert [party[name] for name in told] == ["zoe@example.com", "Zoë Müller", "+49", "10115", "Berlin"]
    assert {row["identifier"] for row in mapped("leads", "consent", dict(german.payload))} == {"zoe@example.com", "+49"}


def test_a_lead_whose_answers_are_empty_doubled_or_misshapen_is_still_a_party() -> None:
    odd = [
        {"id": "1", "field_data": []},
        {"id": "2"},
        {"id": "3", "field_data": [{"name": "email", "values": []}, {"name": "email", "values": ["b@example.com"]}]},
        {"id": "4", "field_data": [{"name": "email", "values": ["a@example.com", "b@example.com"]}]},
        {"id": "5", "field_data": [{"name": "email", "values": "a@example.com"}, {"values": ["x"]}]},
        {"id": "6", "field_data": [{"name": "email", "values": [" "]}]},
    ]
    assert [row["email"] for row in mapped("leads", "party_record", *odd)] == [None, None, None, "a@example.com", None, None]


def test_structure_is_mapped_with_status_and_parents() -> None:
    held = node(
        "22", "DELETED", created_time="2026-01-01T00:00:00-0500", account={"currency": "JPY", "timezone_name": "Asia/Tokyo"}
    )
    assert mapped("campaigns", "ad_campaign", held) == [
        {
            "source_record_id": "1",
            "platform": "meta",
            "account_id": "123",
            "campaign_id": "22",
            "campaign_name": "N 22",
            "status": "deleted",
            "currency": "JPY",
            "timezone": "Asia/Tokyo",
            "created_at": "2026-01-01T00:00:00-0500",
        }
    ]
    (group,) = mapped("ad_groups", "ad_group", node("333", "CAMPAIGN_PAUSED", campaign_id="22"))
    assert (group["ad_group_id"], group["campaign_id"], group["status"]) == ("333", "22", "campaign_paused")
    (ad,) = mapped("ads", "ad", node("4444", campaign_id="22", adset_id="333"))
    assert (ad["ad_id"], ad["ad_group_id"], ad["campaign_id"], ad["ad_name"]) == ("4444", "333", "22", "N 4444")


@pytest.mark.parametrize(
    ("creative", "url"),
    [
        ({"id": "9", "url_tags": "utm_source=facebook&utm_campaign=spring"}, "?utm_source=facebook&utm_campaign=spring"),
        ({"id": "9", "url_tags": "?utm_source=facebook"}, "?utm_source=facebook"),
        ({"id": "9", "url_tags": ""}, None),
        ({"id": "9"}, None),
        ("9", None),
        (None, None),
    ],
)
def test_an_ad_tells_what_its_links_say(creative: Any, url: str | None) -> None:
    (ad,) = mapped("ads", "ad", node("4444", campaign_id="22", adset_id="333", creative=creative))
    assert ad.get("landing_url") == url
