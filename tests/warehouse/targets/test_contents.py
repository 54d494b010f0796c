"""What is in a target is what is in the published load: every value, key, index and comment."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.targets.kit import Database, Loads
from warehouse.targets import TableSpec

SEEN = datetime.fromisoformat("2026-01-02T03:04:05.678901")
HARD = [
    "",
    " ",
    "NULL",
    "\\N",
    "\\",
    'a "quoted" word',
    "it's",
    "line\nbreak\r\n",
    "a,b;c\td",
    "Zoë 𝒳 字",
    "\\.",
    "100%",
    "trailing ",
    "c:\\new\\table",
]


def test_values_arrive_as_they_are(db: Database, loads: Loads) -> None:
    loads.make("L1")
    done = db.publish(loads)
    assert (done.load_id, set(done.loaded), done.updated, done.unkeyed) == ("L1", {str(s) for s in _specs()}, (), ())
    ann, bob = db.ask("SELECT * FROM {golden.customer} ORDER BY 1")
    assert ann[:3] == ("c_1", "Ann", "ann@example.org")
    assert (ann[3], bool(ann[4]), ann[5], ann[6]) == (0.1, False, date(1980, 2, 29), SEEN)
    assert (_json(ann[7]), _json(ann[8])) == (["a", "b"], {"EUR": 1.5})
    assert bob == ("c_2", "Bob", *[None] * 7)
    assert db.ask("SELECT amount FROM {golden.customer_order} WHERE order_key = 'o1'") == [(Decimal("0.142857"),)]
    assert db.ask("SELECT count(*) FROM {golden.customer_order}") == [(3000,)]


def _specs() -> tuple[TableSpec, ...]:
    from tests.warehouse.targets.kit import SPECS

    return SPECS


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def test_a_view_is_a_table_there(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    assert db.ask("SELECT customer_id, orders FROM {golden.customer_360} ORDER BY 1") == [("c_1", 1500), ("c_2", 1500)]


def test_keys_that_differ_in_case_or_by_a_blank_are_two(db: Database, loads: Loads) -> None:
    loads.make("L1", "INSERT INTO golden.customer (customer_id) VALUES ('C_1'), ('c_1 '), ('ç_1')")
    assert db.publish(loads).unkeyed == ()
    assert db.ask("SELECT full_name FROM {golden.customer} WHERE customer_id = 'c_1'") == [("Ann",)]
    assert db.ask("SELECT count(*) FROM {golden.customer}") == [(5,)]


@pytest.mark.parametrize("streams", [True, False])
def test_hard_text_arrives_by_the_fast_path_and_by_batches(
    db: Database, loads: Loads, streams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not streams:
        _forbid_streams(db, monkeypatch)
    rows = ", ".join(f"('h{n:02}', '{text.replace(chr(39), chr(39) * 2)}')" for n, text in enumerate(HARD))
    loads.make("L1", "ALTER TABLE golden.customer ADD COLUMN tags VARCHAR[]", "DELETE FROM golden.customer")
    _more(
        loads,
        "L1",
        f"INSERT INTO golden.customer (customer_id, full_name) VALUES {rows}",
        "UPDATE golden.customer SET tags = [full_name]",
    )
    db.publish(loads)
    found = db.ask("SELECT full_name, tags FROM {golden.customer} ORDER BY customer_id")
    assert [name for name, _ in found] == HARD
    assert [_json(tags) for _, tags in found] == [[text] for text in HARD]


def _forbid_streams(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if db.system != "mariadb":
        pytest.skip("PostgreSQL always streams")
    import warehouse.targets.mysql as mysql

    made = mysql.MySql.__init__

    def without(self: Any, *arguments: Any) -> None:
        made(self, *arguments)
        self._streams = 0

    monkeypatch.setattr(mysql.MySql, "__init__", without)


def _more(loads: Loads, load_id: str, *statements: str) -> None:
    import duckdb

    from warehouse.publish import load_file

    with duckdb.connect(str(load_file(loads.settings, load_id))) as con:
        for statement in statements:
            con.execute(statement)


def test_the_character_zero_is_left_out_where_a_database_has_none(db: Database, loads: Loads) -> None:
    loads.make(
        "L1", "UPDATE golden.customer SET full_name = 'a' || chr(0) || 'b', source_systems = ['x' || chr(0) || 'y', '\\u0000']"
    )
    db.publish(loads)
    name, tags = db.ask("SELECT full_name, source_systems FROM {golden.customer} WHERE customer_id = 'c_1'")[0]
    if db.system == "postgres":
        assert (name, _json(tags)) == ("ab", ["xy", "\\u0000"])
    else:
        assert (name, _json(tags)) == ("a\x00b", ["x\x00y", "\\u0000"])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40), max_size=60))
def test_any_text_arrives(db: Database, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    import duckdb

    from tests.warehouse.targets.kit import loads_in
    from warehouse.publish import load_file

    loads = loads_in(tmp_path_factory.mktemp("loads"))
    loads.make("L1", "DELETE FROM golden.customer")
    with duckdb.connect(str(load_file(loads.settings, "L1"))) as con:
        for n, text in enumerate(texts):
            con.execute(
                "INSERT INTO golden.customer (customer_id, full_name, source_systems) VALUES (?, ?, ?)", [f"{n:03}", text, [text]]
            )
    db.publish(loads, specs=_specs()[:1])
    found = db.ask("SELECT full_name, source_systems FROM {golden.customer} ORDER BY customer_id")
    assert [(name, _json(tags)) for name, tags in found] == [(text, [text]) for text in texts]


def test_keys_indexes_and_comments_are_made(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    import sqlalchemy as sa

    look = sa.inspect(db.engine)
    schema = f"{db.prefix}golden"
    assert look.get_pk_constraint("customer", schema)["constrained_columns"] == ["customer_id"]
    assert look.get_pk_constraint("customer_xref", f"{db.prefix}identity")["constrained_columns"] == ["record_key", "valid_from"]
    assert [i["column_names"] for i in look.get_indexes("customer", schema)] == [["email"]]
    assert sorted(i["column_names"] for i in look.get_indexes("customer_order", schema)) == [["customer_id"], ["ordered_at"]]
    comments = {c["name"]: c["comment"] for c in look.get_columns("customer", schema)}
    assert (comments["customer_id"], comments["email"]) == ("The ID, for ever", "It's theirs")
    assert look.get_table_comment("customer", schema)["text"] == "Who buys, 100% of them"


def test_rows_without_a_key_of_their_own_travel_too(db: Database, loads: Loads) -> None:
    loads.make("L1", "INSERT INTO golden.customer SELECT * FROM golden.customer WHERE customer_id = 'c_1'")
    assert db.publish(loads).unkeyed == ("golden.customer",)
    loads.make(
        "L2",
        "INSERT INTO golden.customer SELECT * FROM golden.customer WHERE customer_id = 'c_1'",
        "UPDATE golden.customer SET score = 2",
    )
    assert "golden.customer" in db.publish(loads).loaded
    assert db.ask("SELECT customer_id, score FROM {golden.customer} ORDER BY 1") == [("c_1", 2.0), ("c_1", 2.0), ("c_2", 2.0)]


def test_a_key_too_long_for_an_index_loses_nothing(mariadb: Database, loads: Loads) -> None:
    long = "k" * 2000
    loads.make("L1", f"INSERT INTO golden.customer (customer_id) VALUES ('{long}1'), ('{long}2')")
    mariadb.publish(loads)
    assert mariadb.ask("SELECT count(DISTINCT customer_id) FROM {golden.customer}") == [(4,)]
    loads.make("L2", f"INSERT INTO golden.customer (customer_id) VALUES ('{long}2')")
    mariadb.publish(loads)
    assert mariadb.ask("SELECT count(*) FROM {golden.customer}") == [(3,)]
