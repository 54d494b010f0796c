"""The history of customers: what was true on a day by what is known now, and what was believed on it; nothing believed is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.golden import TABLES, GoldenSettings, build_golden
from hub.golden.history import add_history, as_of_macro, attributes
from hub.golden.maker import Maker
from tests.hub.parties import assign, stage_parties, warehouse

NOW = datetime(2026, 6, 1)  # noqa: DTZ001 - stores keep UTC without zone
FOREVER = datetime(2099, 1, 1)  # noqa: DTZ001
ATTRIBUTES = ("status", "email", "city", "address_line2", "first_seen_at", "open_tickets")
Row = dict[str, Any]


def day(n: int) -> datetime:
    return NOW + timedelta(days=n)


class Loads:
    """A golden customer table of few columns, load by load, and the loads published before as they were then."""

    def __init__(self) -> None:
        self.con = warehouse()
        self.live: str | None = None
        self.loads: dict[str, tuple[datetime, list[tuple[Any, ...]]]] = {}
        self.con.execute(
            "CREATE TABLE golden.customer (customer_id VARCHAR, status VARCHAR, email VARCHAR, city VARCHAR, address_line2 VARCHAR,"
            " first_seen_at TIMESTAMP, open_tickets BIGINT, load_id VARCHAR)"
        )
        self.con.execute(
            "CREATE TABLE golden.customer_attribute"
            " (customer_id VARCHAR, attribute VARCHAR, source_updated_at TIMESTAMP, is_winner BOOLEAN)"
        )

    def load(self, now: datetime, customers: Mapping[str, Row], events: tuple[tuple[str, str, str], ...] = ()) -> str:
        """Build a load on the live one; `since` of a customer says as of when its winning records were last changed."""
        name = f"L{len(self.loads) + 1}"
        before = {row[0]: row for row in self.loads[self.live][1]} if self.live else {}
        rows = []
        for customer_id, said in sorted(customers.items()):
            row = (customer_id, *({"status": "active", "open_tickets": 0, **said}.get(column) for column in ATTRIBUTES))
            same = before.get(customer_id, (None,))[:-1] == row
            rows.append((*row, before[customer_id][-1] if same else name))
        self.con.execute("DELETE FROM golden.customer")
        self.con.execute("DELETE FROM golden.customer_attribute")
        if rows:
            self.con.executemany("INSERT INTO golden.customer VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for customer_id, said in customers.items():
            for attribute in ("email", "city"):
                if said.get(attribute) and "since" in said:
                    self.con.execute(
                        "INSERT INTO golden.customer_attribute VALUES (?, ?, ?, true)", [customer_id, attribute, said["since"]]
                    )
        for kind, customer_id, other in events:
            self.con.execute(
                "INSERT INTO identity.merge_log VALUES (?, ?, ?, ?, [], 'linkage', ?, ?)",
                [f"{name}{kind}{customer_id}{other}", kind, customer_id, other, name, now],
            )
            if kind == "merge":
                self.con.execute(
                    "INSERT OR REPLACE INTO identity.customer_registry VALUES (?, 'merged', ?, 's', 0, ?, 'run', NULL)",
                    [other, customer_id, now],
                )
        add_history(Maker(self.con, TABLES, name, "live_" + self.live if self.live else None), now=now)
        self.con.execute(as_of_macro(attributes(self.con)))
        self.loads[name] = (now, rows)
        return name

    def publish(self, name: str) -> None:
        """Keep the load just built as the published one."""
        self.con.execute(f"ATTACH ':memory:' AS live_{name}")
        self.con.execute(f"CREATE SCHEMA live_{name}.golden")
        self.con.execute(f"CREATE TABLE live_{name}.golden.customer_history AS FROM golden.customer_history")
        self.live = name

    def day(self, now: datetime, customers: Mapping[str, Row], events: tuple[tuple[str, str, str], ...] = ()) -> str:
        """Build a load and publish it."""
        name = self.load(now, customers, events)
        self.publish(name)
        return name

    def as_of(self, columns: str, ts: datetime, known_at: datetime | None = None) -> list[tuple[Any, ...]]:
        return self.con.execute(
            f"SELECT {columns} FROM golden.customer_as_of(?, known_at := ?) ORDER BY customer_id", [ts, known_at]
        ).fetchall()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def timeline(self, columns: str) -> list[tuple[Any, ...]]:
        return self.ask(
            f"SELECT {columns} FROM golden.customer_history WHERE superseded_at IS NULL ORDER BY customer_id, valid_from"
        )


@pytest.fixture
def loads() -> Iterator[Loads]:
    made = Loads()
    yield made
    made.con.close()


def test_a_customer_is_known_from_when_it_was_first_seen_and_changes_when_its_record_says(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x", "first_seen_at": day(-900), "since": day(-30)}})
    loads.day(day(1), {"c_1": {"email": "b@x", "first_seen_at": day(-900), "since": day(0.25)}})
    assert loads.timeline("valid_from, valid_to, change_type, changed_attributes") == [
        (day(-900), day(0.25), "created", "[]"),
        (day(0.25), None, "changed", '["email"]'),
    ]
    # on the evening of the change the hub did not know of it yet
    assert loads.as_of("email", day(0.5)) == [("b@x",)]
    assert loads.as_of("email", day(0.5), day(0.5)) == [("a@x",)]
    assert loads.as_of("email", day(-901)) == []


def test_late_news_corrects_what_was_true_and_keeps_what_was_believed(loads: Loads) -> None:
    seen = {"first_seen_at": day(-100)}
    loads.day(day(0), {"c_1": {"email": "a@x", "city": "Leeds", **seen}})
    loads.day(day(10), {"c_1": {"email": "a@x", "city": "York", "since": day(9), **seen}})
    loads.day(day(20), {"c_1": {"email": "b@x", "city": "York", "since": day(5), **seen}})
    assert loads.timeline("valid_from, valid_to, snapshot->>'email', snapshot->>'city', change_type, changed_attributes") == [
        (day(-100), day(5), "a@x", "Leeds", "created", "[]"),
        (day(5), day(9), "b@x", "Leeds", "changed", '["email"]'),
        (day(9), None, "b@x", "York", "changed", '["city"]'),
    ]
    assert loads.as_of("email, city", day(7)) == [("b@x", "Leeds")]
    assert loads.as_of("email, city", day(7), day(7)) == [("a@x", "Leeds")]
    assert loads.as_of("email, city", day(7), day(15)) == [("a@x", "Leeds")]
    assert loads.as_of("email, city", day(12), day(12)) == [("a@x", "York")]


def test_news_of_an_earlier_beginning_lets_the_customer_begin_earlier(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x", "first_seen_at": day(-10)}})
    loads.day(day(1), {"c_1": {"email": "a@x", "first_seen_at": day(-50)}})
    assert loads.timeline("valid_from, valid_to, snapshot->>'first_seen_at'") == [(day(-50), None, f"{day(-50)}")]
    assert loads.as_of("customer_id", day(-20), NOW) == []


def test_what_has_no_time_of_its_own_and_what_lies_ahead_holds_from_the_load(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x"}})
    loads.day(day(1), {"c_1": {"email": "b@x", "open_tickets": 1, "since": day(300)}})
    assert loads.timeline("valid_from, change_type, changed_attributes") == [
        (NOW, "created", "[]"),
        (day(1), "changed", '["email","open_tickets"]'),
    ]


def test_a_member_of_a_group_that_became_empty_is_dated_by_the_record_that_won(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"city": "Leeds", "address_line2": "Flat 1"}})
    loads.day(day(5), {"c_1": {"city": "York", "since": day(2)}})
    assert loads.timeline("valid_from, changed_attributes") == [(NOW, "[]"), (day(2), '["city","address_line2"]')]


def test_before_a_merge_both_are_there_and_after_an_unmerge_again(loads: Loads) -> None:
    two = {"c_1": {"email": "a@x", "first_seen_at": day(-9)}, "c_2": {"email": "b@x", "first_seen_at": day(-5)}}
    loads.day(NOW, two)
    loads.day(day(1), {"c_1": {"email": "b@x", "first_seen_at": day(-9), "since": day(-4)}}, (("merge", "c_1", "c_2"),))
    assert loads.as_of("customer_id, email", day(0.5)) == [("c_1", "a@x"), ("c_2", "b@x")]
    assert loads.as_of("customer_id, email", day(1)) == [("c_1", "b@x")]
    assert loads.timeline("customer_id, valid_to, change_type, end_type") == [
        ("c_1", day(1), "created", None),
        ("c_1", None, "merged", None),
        ("c_2", day(1), "created", "merged"),
    ]
    loads.day(day(2), two, (("unmerge", "c_2", "c_1"),))
    assert loads.timeline("customer_id, valid_from, valid_to, change_type, end_type") == [
        ("c_1", day(-9), day(1), "created", None),
        ("c_1", day(1), day(2), "merged", None),
        ("c_1", day(2), None, "split", None),
        ("c_2", day(-5), day(1), "created", "merged"),
        ("c_2", day(2), None, "restored", None),
    ]
    assert loads.as_of("customer_id", day(1.5)) == [("c_1",)]
    assert loads.as_of("customer_id, email", day(2)) == [("c_1", "a@x"), ("c_2", "b@x")]


def test_a_customer_born_of_a_split_is_known_from_the_split(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x", "first_seen_at": day(-9)}})
    loads.day(
        day(1),
        {"c_1": {"email": "a@x", "first_seen_at": day(-9), "city": "Leeds"}, "c_2": {"email": "b@x", "first_seen_at": day(-9)}},
        (("split", "c_1", "c_2"),),
    )
    assert loads.timeline("customer_id, valid_from, change_type") == [
        ("c_1", day(-9), "created"),
        ("c_1", day(1), "split"),
        ("c_2", day(1), "created"),
    ]


def test_who_left_is_retired_and_whose_row_is_gone_ends(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x"}, "c_2": {"email": "b@x"}})
    loads.day(day(1), {"c_1": {"status": "retired"}})
    assert loads.timeline("customer_id, valid_from, valid_to, change_type, end_type") == [
        ("c_1", NOW, day(1), "created", None),
        ("c_1", day(1), None, "retired", None),
        ("c_2", NOW, day(1), "created", "retired"),
    ]


def test_an_unchanged_day_adds_no_row_and_a_load_built_twice_is_the_same(loads: Loads) -> None:
    customers = {"c_1": {"email": "a@x", "first_seen_at": day(-9)}, "c_2": {"email": "b@x"}}
    loads.day(NOW, customers)
    first = loads.ask("FROM golden.customer_history ORDER BY ALL")
    loads.day(day(1), customers)
    assert loads.ask("FROM golden.customer_history ORDER BY ALL") == first
    loads.day(day(2), {**customers, "c_2": {"email": "c@x", "since": day(1)}})
    name, live = loads.live, "live_L2"
    once = loads.ask("FROM golden.customer_history ORDER BY ALL")
    assert len(once) == 4
    add_history(Maker(loads.con, TABLES, str(name), live), now=day(2))
    assert loads.ask("FROM golden.customer_history ORDER BY ALL") == once


def test_a_load_that_was_held_or_rolled_back_leaves_no_trace(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x"}})
    loads.load(day(1), {"c_1": {"email": "held@x"}, "c_9": {"email": "z@x"}})
    loads.day(day(2), {"c_1": {"email": "b@x"}})
    assert loads.ask("SELECT count(*) FROM golden.customer_history WHERE recorded_load_id = 'L2' OR load_id = 'L2'") == [(0,)]
    assert loads.as_of("email", FOREVER, day(1.5)) == [("a@x",)]
    loads.live = "L1"
    loads.day(day(3), {"c_1": {"email": "c@x"}})
    assert loads.as_of("email", FOREVER, day(2.5)) == [("a@x",)]
    assert [row[0] for row in loads.timeline("snapshot->>'email'")] == ["a@x", "c@x"]


def test_known_time_never_runs_backwards(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x"}})
    loads.day(day(-3), {"c_1": {"email": "b@x"}})
    assert loads.ask(
        "SELECT count(*) FROM golden.customer_history WHERE superseded_at <= recorded_at OR valid_to <= valid_from"
    ) == [(0,)]
    assert [row[0] for row in loads.timeline("snapshot->>'email'")] == ["a@x", "b@x"]


def test_a_new_column_without_values_changes_no_history_and_one_with_values_does(loads: Loads) -> None:
    loads.day(NOW, {"c_1": {"email": "a@x"}, "c_2": {"email": "b@x"}})
    loads.con.execute("ALTER TABLE golden.customer ADD COLUMN nickname VARCHAR")
    loads.con.execute("UPDATE golden.customer SET load_id = 'L2', nickname = CASE customer_id WHEN 'c_2' THEN 'Bee' END")
    add_history(Maker(loads.con, TABLES, "L2", "live_L1"), now=day(1))
    assert loads.timeline("customer_id, valid_from, changed_attributes") == [
        ("c_1", NOW, "[]"),
        ("c_2", NOW, "[]"),
        ("c_2", day(1), '["nickname"]'),
    ]
    loads.con.execute(as_of_macro(attributes(loads.con)))
    assert loads.as_of("nickname", day(2)) == [(None,), ("Bee",)]


def test_exact_decimals_and_lists_come_back_as_they_were(loads: Loads) -> None:
    loads.con.execute("ALTER TABLE golden.customer ADD COLUMN net DECIMAL(18,4)")
    loads.con.execute("ALTER TABLE golden.customer ADD COLUMN systems VARCHAR[]")
    loads.con.execute(
        "INSERT INTO golden.customer VALUES ('c_1', 'active', 'a@x', NULL, NULL, NULL, 0, 'L1', 12345678901234.5678, ['a', '\"b'])"
    )
    add_history(Maker(loads.con, TABLES, "L1", None), now=NOW)
    loads.con.execute(as_of_macro(attributes(loads.con)))
    assert loads.as_of("net = 12345678901234.5678, systems", NOW) == [(True, ["a", '"b'])]


IDS = ("c_1", "c_2", "c_3")
values = st.sampled_from([None, "x", "y", "z"])
times = st.one_of(st.none(), st.integers(-20, 60).map(day))
customer = st.fixed_dictionaries(
    {"email": values, "city": values, "first_seen_at": times, "open_tickets": st.integers(0, 2)},
    optional={"since": times, "status": st.sampled_from(["active", "retired"])},
)
event = st.tuples(st.sampled_from(["merge", "split", "unmerge"]), st.sampled_from(IDS), st.sampled_from(IDS))
one_load = st.tuples(
    st.integers(0, 5),  # days since the load before
    st.dictionaries(st.sampled_from(IDS), customer),
    st.lists(event, max_size=2, unique=True).map(tuple),
    st.sampled_from(["publish", "publish", "publish", "hold", "roll back"]),
)


@given(st.lists(one_load, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_at_any_point_of_both_times_a_customer_is_one_row_and_every_load_comes_back(
    script: list[tuple[int, dict[str, Row], tuple[tuple[str, str, str], ...], str]],
) -> None:
    loads, at = Loads(), NOW
    line: list[str] = []  # the published loads that the live one rests on
    for days, customers, events, end in script:
        at += timedelta(days=days, hours=1)
        before = loads.ask(f"FROM live_{loads.live}.golden.customer_history") if loads.live else []
        name = loads.load(at, customers, events)
        history = loads.ask("FROM golden.customer_history")
        # nothing that was believed is lost: rows are closed, never changed or removed
        assert {(*row[:4], *row[5:-1]) for row in before} <= {(*row[:4], *row[5:-1]) for row in history}
        if end == "hold":
            continue
        loads.publish(name)
        line.append(name)
        if end == "roll back" and len(line) > 1:
            line.pop()
            loads.live = line[-1]
    if line:
        _check(loads, line)
    loads.con.close()


def _check(loads: Loads, line: list[str]) -> None:
    history = f"live_{line[-1]}.golden.customer_history"
    overlaps = f"""SELECT count(*) FROM {history} a JOIN {history} b ON a.customer_id = b.customer_id AND a.rowid < b.rowid
      AND a.valid_from < coalesce(b.valid_to, 'infinity') AND b.valid_from < coalesce(a.valid_to, 'infinity')
      AND a.recorded_at < coalesce(b.superseded_at, 'infinity') AND b.recorded_at < coalesce(a.superseded_at, 'infinity')"""
    assert loads.ask(overlaps) == [(0,)]
    assert loads.ask(f"SELECT count(*) FROM {history} WHERE valid_to <= valid_from OR superseded_at <= recorded_at") == [(0,)]
    keys = f"SELECT count(*), count(DISTINCT (customer_id, valid_from, recorded_at)) FROM {history}"
    assert len(set(loads.ask(keys)[0])) == 1
    loads.con.execute(f"CREATE OR REPLACE TABLE golden.customer_history AS FROM {history}")
    columns = ", ".join(("customer_id", *ATTRIBUTES, "load_id"))
    for name in line:
        now, rows = loads.loads[name]
        assert loads.as_of(columns, now, now) == rows
        assert loads.as_of(columns, FOREVER, now) == rows
    assert loads.as_of(columns, FOREVER) == loads.loads[line[-1]][1]


def test_the_history_of_a_built_load_is_its_golden_customers() -> None:
    con = warehouse()
    ann = {"email": "a@mail.org", "given_name": "Ann", "family_name": "Lee", "country": "GB", "created_at": "2025-03-01T09:00:00Z"}
    stage_parties(con, [{"key": "shop:customers:1", **ann}])
    assign(con, {"c_1": ["shop:customers:1"]})
    build_golden(con, GoldenSettings(("shop",)), load_id="L1", live=None, now=NOW)
    con.execute(as_of_macro(attributes(con)))
    golden = con.execute("FROM golden.customer").fetchall()
    assert golden
    assert con.execute("FROM golden.customer_as_of(?)", [NOW]).fetchall() == golden
    assert con.execute("SELECT valid_from, record_hash = md5(snapshot::VARCHAR) FROM golden.customer_history").fetchall() == [
        (datetime(2025, 3, 1, 9), True)  # noqa: DTZ001
    ]
    con.close()
