"""Values that break software: they reach raw as they were sent, and golden as they can be read."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from tests.loopback import Reply, Request, serve
from tests.pipelines.world import IMPATIENT, World


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"end": "bottom"}
    for level in range(depth):
        inner = {"level": level, "in": [inner]}
    return inner


HARD: dict[str, Any] = {
    "nul": "before\u0000after",
    "emoji": "\U0001f9d1\u200d\U0001f680 \U0001f1e9\U0001f1ea",
    "bidi": "\u202eDrawkcab\u202c \u0645\u0631\u062d\u0628\u0627",
    "combining": "Jose\u0301 / Jos\u00e9",
    "large": "x" * 1_000_000,
    "deep": nested(200),
    "digits": Decimal("12345678901234567890.123456789"),
    "tiny": Decimal("1E-30"),
    "huge": 10**40,
    "empty": ["", None, {}, []],
    "quote": "'; DROP TABLE raw.x; -- \"\\\n\r\t",
}
ZONES = [  # what the vendor says, and when that was
    ("2026-03-29T01:30:00+01:00", "2026-03-29 00:30:00"),  # the hour that does not exist in Berlin, said with its offset
    ("2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00"),  # the hour that comes twice: first
    ("2026-10-25T02:30:00+01:00", "2026-10-25 01:30:00"),  # and second
    ("2026-07-01T12:00:00+05:45", "2026-07-01 06:15:00"),
    ("2026-07-01T23:30:00-11:00", "2026-07-02 10:30:00"),
    ("2026-07-01T12:00:00Z", "2026-07-01 12:00:00"),
    ("2026-07-01T12:00:00", "2026-07-01 10:00:00"),  # no zone: the source's own, Berlin
    ("2026-01-01T12:00:00", "2026-01-01 11:00:00"),
]


def charge(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": key,
        "object": "charge",
        "created": 1_780_000_000,
        "currency": "usd",
        "amount": 100,
        "status": "succeeded",
        **fields,
    }


def test_hard_values_come_over_http_into_raw_as_they_were_sent(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_hard")
    sent = {"ch_1": charge("ch_1", metadata=HARD), **{f"ch_{n}": charge(f"ch_{n}", n=n) for n in range(2, 5)}}

    def answer(request: Request) -> Reply:
        rows = list(sent.values()) if request.path == "/v1/charges" else []
        body = {"object": "list", "data": rows, "has_more": False}
        return Reply(simplejson.dumps(body, use_decimal=True, ensure_ascii=False).encode())

    with serve(answer) as server:
        source = {"type": "stripe", "base_url": server.base_url, "api_key": "${STRIPE_API_KEY}", "retry": IMPATIENT}
        world = World(tmp_path, {"sources": {"stripe": source}})
        assert world.sync().exit_code == 0
    with world.working() as con:
        (payload,) = con.execute("SELECT payload FROM raw.stripe__charges WHERE source_record_id = 'ch_1'").fetchall()[0]
    assert simplejson.loads(payload, use_decimal=True)["metadata"] == HARD
    assert world.ask("SELECT count(*), sum(amount)::VARCHAR FROM golden.payment") == [(4, "4.0000")]


def test_times_are_right_across_zones_and_when_clocks_change(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "contacts.jsonl").write_text('{"id": "1", "name": "Ada Berg"}\n')
    orders = [{"no": str(n), "at": said, "customer": "1", "total": "1.00", "currency": "EUR"} for n, (said, _) in enumerate(ZONES)]
    (folder / "orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in orders))
    fields = {"ordered_at": "at", "currency": "currency", "gross_amount": "total"}
    streams = {
        "contacts": {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name"}},
        "orders": {"path": "in/orders.jsonl", "kind": "order", "id": "no", "customer": "customer", "fields": fields},
    }
    world = World(tmp_path, {"sources": {"shop": {"type": "files", "timezone": "Europe/Berlin", "streams": streams}}})
    assert world.sync().exit_code == 0
    found = world.ask("SELECT source_record_id, ordered_at::VARCHAR FROM golden.customer_order ORDER BY source_record_id::INT")
    assert found == [(str(n), moment) for n, (_, moment) in enumerate(ZONES)]
