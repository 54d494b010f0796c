"""How requests are made, repeated and reported, against a scripted server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.answer import error_code
from connectors.contract import RetrySettings
from connectors.http import HttpSession, by_header, retry_after
from connectors.page_guard import PageGuard
from hub.contract.errors import CredentialsError, ProtocolError, SourceUnavailableError
from tests.loopback import Handler, Loopback, Reply, Request, serve

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "sk_very_secret"


@contextmanager
def session(
    handler: Handler,
    waits: list[float] | None = None,
    throttle: Callable[..., float | None] = by_header,
    path: str = "/",
    **retry: float,
) -> Iterator[tuple[HttpSession, Loopback]]:
    """A session to a scripted server; waits are noted, not slept."""
    with serve(handler) as server:
        http = HttpSession(
            server.base_url + path,
            source="shop",
            retry=RetrySettings(**{"attempts": 4, "backoff_seconds": 0, "timeout_seconds": 5, **retry}),
            headers={"authorization": f"Bearer {TOKEN}"},
            throttle=throttle,
            remedy="put a valid key into SHOP_KEY",
            sleep=(waits if waits is not None else []).append,
        )
        try:
            yield http, server
        finally:
            http.close()


def script(*replies: Reply) -> Handler:
    """Answers in turn; the last one stays."""
    queue = list(replies)
    return lambda request: queue.pop(0) if len(queue) > 1 else queue[0]


def test_numbers_keep_their_digits() -> None:
    with session(script(Reply(b'{"amount": 10.10, "big": 12345678901234567890}'))) as (http, _):
        assert http.get("/x") == {"amount": Decimal("10.10"), "big": 12345678901234567890}


def test_a_number_that_nobody_can_hold_is_text_and_costs_no_page() -> None:
    with session(script(Reply(b'{"amount": 1e9999999999999999999, "other": 1.50}'))) as (http, _):
        assert http.get("/x") == {"amount": "1e9999999999999999999", "other": Decimal("1.50")}


def test_parameters_and_headers_reach_the_server() -> None:
    with session(script(Reply({}))) as (http, server):
        http.get("/list", params={"types[]": ["a.b", "c.d"], "created[gte]": 5})
        http.post("/form", data={"q": "ü"})
        http.post("/query", json={"query": "{ shop }"})
    listed, form, query = server.requests
    assert listed.query == {"types[]": ["a.b", "c.d"], "created[gte]": ["5"]}
    assert listed.headers["authorization"] == f"Bearer {TOKEN}"
    assert (form.method, form.body) == ("POST", b"q=%C3%BC")
    assert query.json() == {"query": "{ shop }"}


def test_a_base_url_with_a_path_keeps_it() -> None:
    with session(script(Reply({})), path="/sandbox/") as (http, server):
        http.get("/v1/customers")
    assert server.requests[0].path == "/sandbox/v1/customers"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 530])
def test_passing_trouble_is_retried_until_it_passes(status: int) -> None:
    with session(script(Reply({}, status), Reply({}, status), Reply({"ok": True}))) as (http, server):
        assert http.get("/x") == {"ok": True}
    assert (len(server.requests), http.requests, http.retries) == (3, 3, 2)


def test_lasting_trouble_ends_after_the_bounded_attempts() -> None:
    with session(script(Reply({}, 500))) as (http, server), pytest.raises(SourceUnavailableError) as error:
        http.get("/v1/customers", stream="customers")
    assert len(server.requests) == 4
    assert str(error.value).startswith("shop/customers: answered 500 at GET /v1/customers; ")


@pytest.mark.parametrize(("status", "what"), [(401, "refused our credentials"), (403, "does not allow us to read this")])
def test_a_refusal_is_reported_at_once_and_names_the_setting(status: int, what: str) -> None:
    reply = Reply({"error": {"message": f"Invalid API Key provided: {TOKEN}"}}, status)
    with session(script(reply)) as (http, server), pytest.raises(CredentialsError) as error:
        http.get("/v1/customers", stream="customers")
    assert len(server.requests) == 1
    assert what in str(error.value)
    assert "SHOP_KEY" in str(error.value)
    assert TOKEN not in str(error.value)


def test_another_refusal_is_reported_at_once_with_the_vendors_code_only() -> None:
    reply = Reply({"error": {"code": "parameter_unknown", "message": "no such person: jane@example.com"}}, 400)
    with session(script(reply)) as (http, server), pytest.raises(ProtocolError) as error:
        http.get("/x")
    assert len(server.requests) == 1
    assert "400 (parameter_unknown)" in str(error.value)
    assert "jane" not in str(error.value)


def test_a_missing_object_is_none_where_that_is_an_answer() -> None:
    with session(script(Reply({"error": {}}, 404))) as (http, _):
        assert http.get("/x", missing_ok=True) is None
        with pytest.raises(ProtocolError, match="404"):
            http.get("/x")


def test_truncated_json_is_asked_for_again() -> None:
    with session(script(Reply(b'{"data": [{"id": 1'), Reply({"data": []}))) as (http, _):
        assert http.get("/x") == {"data": []}


@pytest.mark.parametrize("body", [b'{"data": [{"id": 1', b"", b"<html>down</html>", b'{"a": NaN}', b"\xff\xfe{}"])
def test_what_is_never_whole_json_is_an_error_that_says_so(body: bytes) -> None:
    with (
        session(script(Reply(body))) as (http, server),
        pytest.raises(ProtocolError, match=rf"no complete JSON \({len(body)} bytes\)"),
    ):
        http.get("/x")
    assert len(server.requests) == 4


def test_a_body_shorter_than_announced_is_asked_for_again() -> None:
    def cut(request: Request) -> Reply:
        return Reply(b'{"data": [', headers={"content-length": "4000", "connection": "close"})

    with session(cut, attempts=2, timeout_seconds=1) as (http, server), pytest.raises(SourceUnavailableError, match="no answer"):
        http.get("/x")
    assert len(server.requests) == 2


def test_no_server_is_reported_without_its_address_details() -> None:
    with serve(script(Reply({}))) as server:
        address = server.base_url
    http = HttpSession(address, source="shop", retry=RetrySettings(attempts=2, backoff_seconds=0))
    with pytest.raises(SourceUnavailableError, match=r"shop: no answer to GET /x \(ConnectError\)"):
        http.get("/x")
    assert (http.requests, http.retries) == (2, 1)
    http.close()


# slowing down ------------------------------------------------------------------------------------------------------


def test_seconds_asked_for_are_waited() -> None:
    waits: list[float] = []
    with session(script(Reply({}, 429, {"retry-after": "7"}), Reply({"ok": 1})), waits) as (http, _):
        assert http.get("/x") == {"ok": 1}
    assert waits == [7.0]


def test_a_date_asked_for_is_waited_for() -> None:
    waits: list[float] = []
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with session(script(Reply({}, 503, {"retry-after": when}), Reply({"ok": 1})), waits) as (http, _):
        assert http.get("/x") == {"ok": 1}
    assert len(waits) == 1
    assert 30 < waits[0] <= 90


def test_a_429_without_a_header_backs_off() -> None:
    waits: list[float] = []
    with session(script(Reply({}, 429), Reply({}, 429), Reply({"ok": 1})), waits, backoff_seconds=2) as (http, _):
        assert http.get("/x") == {"ok": 1}
    assert len(waits) == 2
    assert 0 <= waits[0] <= 2
    assert 0 <= waits[1] <= 4


def test_a_wait_beyond_our_patience_ends_the_source_at_once() -> None:
    waits: list[float] = []
    handler = script(Reply({}, 429, {"retry-after": "3600"}))
    with session(handler, waits) as (http, server), pytest.raises(SourceUnavailableError, match="slow down for 3600 s"):
        http.get("/x")
    assert (len(server.requests), waits) == (1, [])


def test_a_vendor_may_ask_to_slow_down_with_status_200() -> None:
    def throttle(response: httpx.Response, body: object) -> float | None:
        return 3.0 if isinstance(body, dict) and body.get("throttled") else None

    waits: list[float] = []
    with session(script(Reply({"throttled": True}), Reply({"ok": 1})), waits, throttle) as (http, _):
        assert http.get("/x") == {"ok": 1}
    assert waits == [3.0]


def test_waiting_is_logged_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="connectors.http")
    with session(script(Reply({}, 429, {"retry-after": "7"}), Reply({}))) as (http, _):
        http.get("/x", params={"email": "jane@example.com"})
    ours = [record.getMessage() for record in caplog.records if record.name == "connectors.http"]
    assert ours == ["shop: waiting 7.0 s before trying again"]


def test_when_one_thread_is_told_to_slow_down_the_others_wait_too() -> None:
    asleep, go_on = threading.Event(), threading.Event()
    waits: list[tuple[str, float, int]] = []

    def sleep(seconds: float) -> None:
        waits.append((threading.current_thread().name, seconds, len(server.requests)))
        if threading.current_thread().name == "told":
            asleep.set()
            assert go_on.wait(30)
        else:
            go_on.set()

    with serve(script(Reply({}, 429, {"retry-after": "7"}), Reply({"ok": 1}))) as server:
        http = HttpSession(server.base_url, source="shop", retry=RetrySettings(backoff_seconds=0), sleep=sleep)
        with closing(http), ThreadPoolExecutor(1, thread_name_prefix="t") as pool:

            def told() -> object:
                threading.current_thread().name = "told"
                return http.get("/x"), http.requests, http.retries

            first = pool.submit(told)
            assert asleep.wait(30)
            assert http.get("/y") == {"ok": 1}
            assert first.result() == ({"ok": 1}, 2, 1)
            assert (http.requests, http.retries) == (1, 0)
            assert http.get("/z") == {"ok": 1}
    (_, asked, _), (name, waited, sent) = waits
    assert (asked, name, sent) == (7.0, threading.current_thread().name, 1), "nothing more was asked before the time was over"
    assert 0 < waited <= 7


def test_what_fails_for_one_thread_only_makes_no_other_wait() -> None:
    waits: list[float] = []
    with session(script(Reply({}, 500), Reply({"ok": 1})), waits, backoff_seconds=60) as (http, _):
        assert http.get("/x") == {"ok": 1}
        assert http.get("/y") == {"ok": 1}
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("Tue, 24 Nov 99999999999 12:00:30 GMT", None),
        ("nan", 0.0),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    response = httpx.Response(429, headers={} if value is None else {"retry-after": value})
    assert retry_after(response, lambda: NOW) == seconds


@given(st.text(max_size=30).filter(lambda text: text.isprintable() and text.isascii()))
def test_no_retry_after_header_breaks_us(value: str) -> None:
    wait = retry_after(httpx.Response(429, headers={"retry-after": value}), lambda: NOW)
    assert wait is None or wait >= 0


def test_a_header_on_a_good_answer_is_no_throttle() -> None:
    assert by_header(httpx.Response(200, headers={"retry-after": "5"}), {}) is None


# small parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"code": "resource_missing", "type": "invalid_request_error"}}, "resource_missing"),
        ({"error": {"type": "invalid_request_error"}}, "invalid_request_error"),
        ({"error": {"code": 403, "status": "PERMISSION_DENIED"}}, "403"),
        ({"error": "StartTimeTooRecent", "description": "x"}, "StartTimeTooRecent"),
        ({"error": "no such person jane@example.com"}, None),
        ({"errors": []}, None),
        (["error"], None),
        (None, None),
    ],
)
def test_only_short_codes_of_the_vendor_are_repeated(body: object, code: str | None) -> None:
    assert error_code(body) == code


def test_a_page_that_comes_twice_stops_the_reading() -> None:
    guard = PageGuard("shop", "orders")
    assert [guard.advance("a"), guard.advance("b")] == ["a", "b"]
    with pytest.raises(ProtocolError, match="shop/orders: the vendor sent us back to a page"):
        guard.advance("a")
