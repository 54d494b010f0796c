"""Who may be contacted: nobody against a live denial, whatever was granted before, elsewhere or by whom they are merged with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.golden import GoldenSettings, Suppressions, build_golden
from hub.golden.suppression import identifier_hmac
from tests.hub.golden.helpers import SOURCES, as_live, ask, build, day, fact
from tests.hub.parties import T0, assign, stage_parties, warehouse

FLAGS = "SELECT can_email, can_sms, can_call FROM golden.customer WHERE customer_id = ?"
PHONE = "+4930123456"


def person(con: duckdb.DuckDBPyConnection, key: str, email: str | None = "ann@ash.example", phone: str | None = PHONE) -> None:
    stage_parties(con, [{"key": key, "full_name": "Ann Ash", "email": email, "phone": phone, "updated": T0}])


def said(
    con: duckdb.DuckDBPyConnection, key: str, status: str, *, at: datetime | None = T0, signal: str = "s", **values: Any
) -> None:
    """A record's signal, about its own address if nothing else is said."""
    source, stream, id_ = key.split(":")
    given = {"signal": signal, "purpose": "marketing", "channel": "email", "identifier": "ann@ash.example", "is_kept": False}
    fact(con, "consent", f"{source}:{stream}:{id_}:{signal}", key, **given | {"status": status, "captured_at": at} | values)


def flags(con: duckdb.DuckDBPyConnection, customer: str = "c1") -> tuple[bool, bool, bool]:
    ((email, sms, call),) = ask(con, FLAGS, customer)
    return email, sms, call


def test_nobody_is_contactable_who_never_said_so(con: duckdb.DuckDBPyConnection) -> None:
    person(con, "shop:customers:1")
    said(con, "shop:customers:1", "not_given")
    said(con, "shop:customers:1", "pending", signal="t")
    assign(con, {"c1": ["shop:customers:1"]})
    build(con)
    assert flags(con) == (False, False, False)


def test_a_grant_holds_for_its_channel_and_the_address_that_is_shown(con: duckdb.DuckDBPyConnection) -> None:
    person(con, "shop:customers:1")
    said(con, "shop:customers:1", "granted")
    said(con, "shop:customers:1", "granted", signal="sms", channel="sms", identifier=PHONE)
    person(con, "bill:customers:1", "other@ash.example", None)
    said(con, "bill:customers:1", "granted")  # of another address than the one that is shown
    assign(con, {"c1": ["shop:customers:1"], "c2": ["bill:customers:1"]})
    build(con)
    assert flags(con) == (True, True, False)
    assert flags(con, "c2") == (False, False, False)


def test_whose_record_is_gone_stays_a_customer_as_long_as_a_denial_of_theirs_is_told(con: duckdb.DuckDBPyConnection) -> None:
    """As whose orders are told: the gate asks for the customer that a row names."""
    person(con, "shop:customers:1")
    said(con, "shop:customers:1", "denied")
    assign(con, {"c1": ["shop:customers:1"]})
    build(con)
    con.execute("DELETE FROM staging.party_record")
    con.execute("UPDATE staging.consent SET is_kept = true")
    con.execute("UPDATE identity.customer_xref SET is_current = false, valid_to = ?", [T0])
    con.execute("UPDATE identity.customer_registry SET status = 'retired'")
    build(con)
    assert ask(con, "SELECT customer_id, is_denial FROM golden.consent") == [("c1", True)]
    assert ask(con, "SELECT customer_id, status, email, can_email FROM golden.customer") == [("c1", "retired", None, False)]


def test_a_denial_gives_way_only_to_a_newer_grant_of_the_same(con: duckdb.DuckDBPyConnection) -> None:
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"status": "denied", "at": day(-1)}, True),
        ({"status": "denied", "at": day(0)}, False),
        ({"status": "denied", "at": day(1)}, False),
        ({"status": "denied", "at": None}, False),
        ({"status": "unclear", "at": day(1)}, False),
        ({"status": "denied", "at": day(-1), "identifier": "old@ash.example"}, False),
        ({"status": "denied", "at": day(-1), "identifier": None}, True),  # about its record's own address
        ({"status": "denied", "at": day(-1), "purpose": "any"}, False),
        ({"status": "denied", "at": day(-1), "channel": "all"}, False),
        ({"status": "denied", "at": day(1), "purpose": "surveys"}, True),
        ({"status": "denied", "at": day(1), "channel": "sms"}, True),
        ({"status": "denied", "at": day(1), "expires_at": day(-1)}, True),
    ]
    for n, (other, _) in enumerate(cases):
        for key in (f"shop:customers:{n}", f"help:users:{n}"):
            person(con, key, f"p{n}@ash.example", None)
        said(con, f"shop:customers:{n}", "granted", at=day(0), identifier=f"p{n}@ash.example")
        said(con, f"help:users:{n}", **{"identifier": f"p{n}@ash.example"} | other)
    assign(con, {f"c{n}": [f"shop:customers:{n}", f"help:users:{n}"] for n in range(len(cases))})
    build(con, now=day(3))
    assert {n: flags(con, f"c{n}")[0] for n in range(len(cases))} == {n: expected for n, (_, expected) in enumerate(cases)}


def test_a_grant_without_a_time_overrides_nothing_nor_does_one_from_the_future(con: duckdb.DuckDBPyConnection) -> None:
    for n, at in enumerate((None, day(900))):
        person(con, f"shop:customers:{n}", f"p{n}@ash.example")
        said(con, f"shop:customers:{n}", "granted", at=at, identifier=f"p{n}@ash.example")
        said(con, f"shop:customers:{n}", "denied", at=day(-9), signal="old", identifier=f"p{n}@ash.example")
    assign(con, {"c0": ["shop:customers:0"], "c1": ["shop:customers:1"]})
    build(con)
    assert flags(con, "c0")[0] is flags(con, "c1")[0] is False


def test_a_grant_ends_on_its_last_day(con: duckdb.DuckDBPyConnection) -> None:
    person(con, "shop:customers:1")
    said(con, "shop:customers:1", "granted", expires_at=day(2))
    assign(con, {"c1": ["shop:customers:1"]})
    seen = []
    for n in range(4):
        build(con, f"L{n}", now=day(n))
        seen.append(flags(con)[0])
    assert seen == [True, True, False, False]


def test_a_denial_that_names_only_an_address_holds_for_whoever_has_it(con: duckdb.DuckDBPyConnection) -> None:
    person(con, "shop:customers:1")
    said(con, "shop:customers:1", "granted")
    fact(con, "consent", "list:unsubscribed:7:s", None, purpose="marketing", channel="email", status="denied", is_kept=False,
         identifier="ann@ash.example", captured_at=day(1))  # fmt: skip
    assign(con, {"c1": ["shop:customers:1"]})
    build(con)
    assert flags(con) == (False, False, False)
    assert ask(con, "SELECT customer_id, is_denial FROM golden.consent WHERE source_system = 'list'") == [(None, True)]


def test_a_merge_takes_the_strictest_of_both_and_a_split_gives_back_what_was(con: duckdb.DuckDBPyConnection) -> None:
    person(con, "shop:customers:1")
    person(con, "bill:customers:1", "ash@ash.example", None)
    said(con, "shop:customers:1", "granted")
    said(con, "bill:customers:1", "denied", identifier="ash@ash.example")
    apart = {"c1": ["shop:customers:1"], "c2": ["bill:customers:1"]}
    for n, (owned, contactable) in enumerate(((apart, True), ({"c1": [*apart["c1"], *apart["c2"]]}, False), (apart, True))):
        assign(con, owned)
        build(con, f"L{n}", live=as_live(con) if n else None)
        assert flags(con)[0] is contactable


def test_who_is_on_the_list_is_not_contacted_whatever_was_granted(con: duckdb.DuckDBPyConnection) -> None:
    secret = b"of this hub"
    con.execute("CREATE SCHEMA steward")
    con.execute("CREATE TABLE steward.suppression (id_hmac VARCHAR, lifted_at TIMESTAMP)")
    for n, email in enumerate(("a@ash.example", "b@ash.example", "c@ash.example")):
        person(con, f"shop:customers:{n}", email, f"+4930901{n:03}")
        said(con, f"shop:customers:{n}", "granted", identifier=email)
        said(con, f"shop:customers:{n}", "granted", signal="sms", channel="sms", identifier=f"+4930901{n:03}")
    assign(con, {f"c{n}": [f"shop:customers:{n}"] for n in range(3)})
    listed = [[identifier_hmac(secret, "a@ash.example"), None], [identifier_hmac(secret, "b@ash.example"), T0]]
    con.executemany("INSERT INTO steward.suppression VALUES (?, ?)", listed)
    settings = GoldenSettings(SOURCES, suppressions=Suppressions("steward.suppression", secret))
    build_golden(con, settings, load_id="L1", live=None, now=T0)
    assert [flags(con, f"c{n}") for n in range(3)] == [(False, False, False), (True, True, False), (True, True, False)]
    assert ask(con, "FROM suppressed") == [("a@ash.example",)]


# of any signals ------------------------------------------------------------------------------------------------------

EMAILS = ("a@ash.example", "b@ash.example", "c@ash.example")


@dataclass(frozen=True)
class Signal:
    """What one record says, and when."""

    record: int
    status: str
    purpose: str
    channel: str
    email: int
    at: int | None


signals = st.lists(
    st.builds(
        Signal,
        st.integers(0, 5),
        st.sampled_from(["granted", "granted", "granted", "denied", "unclear", "pending"]),
        st.sampled_from(["marketing", "marketing", "any", "surveys"]),
        st.sampled_from(["email", "email", "all", "sms"]),
        st.integers(0, 2),
        st.one_of(st.none(), st.integers(-5, 0)),
    ),
    max_size=20,
)


def against(signal: Signal, told: Sequence[Signal]) -> bool:
    """Whether it denies e-mail for marketing, and no newer grant of the very same takes it back."""
    if signal.status not in ("denied", "unclear") or signal.purpose == "surveys" or signal.channel == "sms":
        return False
    same = [s for s in told if (s.purpose, s.channel, s.email) == (signal.purpose, signal.channel, signal.email)]
    times = [s.at for s in same if s.status == "granted" and s.at is not None]
    return signal.at is None or not times or max(times) <= signal.at


@given(told=signals, owners=st.lists(st.integers(0, 2), min_size=6, max_size=6), order=st.randoms())
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_said_in_whatever_order_nobody_is_contactable_against_a_live_denial(
    told: list[Signal], owners: list[int], order: Any
) -> None:
    seen = []
    with warehouse() as con:
        con.execute("SET threads = 1")
        for n in range(6):
            person(con, f"{SOURCES[n % 3]}:customers:{n}", EMAILS[n % 3], None)
        customers = {f"c{c}": [f"{SOURCES[n % 3]}:customers:{n}" for n in range(6) if owners[n] == c] for c in set(owners)}
        for _ in range(2):
            con.execute("DELETE FROM staging.consent")
            for n, s in order.sample(list(enumerate(told)), len(told)):
                key = f"{SOURCES[s.record % 3]}:customers:{s.record}"
                said(con, key, s.status, at=None if s.at is None else day(s.at), signal=f"s{n}", purpose=s.purpose,
                     channel=s.channel, identifier=EMAILS[s.email])  # fmt: skip
            assign(con, {name: order.sample(members, len(members)) for name, members in customers.items()})
            build(con)
            seen.append(dict(ask(con, "SELECT customer_id, can_email FROM golden.customer")))
        shown = dict(ask(con, "SELECT customer_id, email FROM golden.customer"))
    assert seen[0] == seen[1]
    for n in range(3):
        if f"c{n}" not in customers:
            continue
        theirs = {EMAILS[r % 3] for r in range(6) if owners[r] == n}
        of_them = [s for s in told if owners[s.record] == n or EMAILS[s.email] in theirs]
        granted = any(
            s.status == "granted" and s.purpose == "marketing" and s.channel != "sms" and EMAILS[s.email] == shown[f"c{n}"]
            for s in told
        )
        assert seen[0][f"c{n}"] is (granted and not any(against(s, told) for s in of_them))
