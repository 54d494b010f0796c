"""Values of every type a database knows, as JSON that loses none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import simplejson

from connectors.databases.values import money_number, parsed_json
from connectors.mapping import parse_mapping
from connectors.payload import encode
from tests.connectors.databases import Database, connector, database, pages, payloads, records

pytestmark = pytest.mark.server
WHOLE = {"table": "things", "kind": "party", "id": "id"}
LARGE = 2**20


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Database]:
    with database("postgres", tmp_path) as made:
        yield made


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Database]:
    with database("mariadb", tmp_path) as made:
        yield made


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with database("sqlite", tmp_path) as made:
        yield made


def one_value(db: Database, monkeypatch: pytest.MonkeyPatch, kind: str, value: str) -> Any:
    """What becomes of a value of a column of some type, as raw JSON text."""
    db.run(f"CREATE TABLE things (id int, v {kind})", f"INSERT INTO things VALUES (1, {value})")
    (payload,) = payloads(pages(connector(db, monkeypatch, {"customers": WHOLE})))
    text, _ = encode(payload)
    return text.removeprefix('{"id":1,"v":').removesuffix("}")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("smallint", "-7", "-7"),
        ("bigint", "9223372036854775807", "9223372036854775807"),
        ("numeric(12,2)", "12.50", "12.50"),
        ("numeric(30,12)", "123456789012345678.123456789012", '"123456789012345678.123456789012"'),
        ("numeric", "1.10", '"1.10"'),
        ("numeric", "'NaN'", '"NaN"'),
        ("numeric(12,2)", "'NaN'", '"NaN"'),
        ("real", "0.1", "0.1"),
        ("double precision", "0.1", "0.1"),
        ("double precision", "'NaN'", '"NaN"'),
        ("double precision", "'-Infinity'", '"-Infinity"'),
        ("money", "'-92233720368547758.08'", '"-92233720368547758.08"'),
        ("money", "'0.5'", '"0.50"'),
        ("money[]", "'{1234.5,NULL}'", '["1234.50",null]'),
        ("boolean", "true", "true"),
        ("text", "NULL", "null"),
        ("text", "''", '""'),
        ("text", "E'tab\\t \"quoted\" 😀 Zoë \u2028'", '"tab\\t \\"quoted\\" 😀 Zoë \u2028"'),
        ("char(5)", "'ab'", '"ab   "'),
        ("date", "'2026-03-01'", '"2026-03-01"'),
        ("date", "'infinity'", '"infinity"'),
        ("date", "'0044-03-15 BC'", '"0044-03-15 BC"'),
        ("timestamp", "'2026-03-01 09:00:00.5'", '"2026-03-01T09:00:00.5"'),
        ("timestamptz", "'2026-03-01 09:00:00+02'", '"2026-03-01T07:00:00+00:00"'),
        ("timestamptz", "'infinity'", '"infinity"'),
        ("timestamptz", "'12026-03-01 09:00:00+00'", '"12026-03-01 09:00:00+00"'),
        ("time", "'09:00:00.25'", '"09:00:00.25"'),
        ("timetz", "'09:00:00+02'", '"09:00:00+02"'),
        ("interval", "'1 year 2 days 03:04:05.5'", '"P1Y2DT3H4M5.5S"'),
        ("uuid", "'8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11'", '"8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11"'),
        ("bytea", "'\\x00ff'", '"base64:AP8="'),
        ("bit(4)", "B'0101'", '"0101"'),
        ("jsonb", '\'{"a": 1.10, "b": [null, "x"]}\'', '{"a":1.10,"b":[null,"x"]}'),
        ("json", "'12345678901234567890.5'", "12345678901234567890.5"),
        ("int[]", "'{{1,2},{3,NULL}}'", "[[1,2],[3,null]]"),
        ("text[]", "'{\"a,b\",NULL}'", '["a,b",null]'),
        ("numeric(6,2)[]", "'{1.50,NULL}'", "[1.50,null]"),
        ("numeric[]", "'{1.50,NaN}'", '["1.50","NaN"]'),
        ("timestamptz[]", "'{2026-03-01 09:00:00+02}'", '["2026-03-01T07:00:00+00:00"]'),
        ("bytea[]", "ARRAY['\\xff'::bytea]", '["base64:/w=="]'),
        ("float8[]", "'{NaN,1.5}'", '["NaN",1.5]'),
        ("int4range", "'[1,5)'", '"[1,5)"'),
        ("inet", "'10.0.0.1/8'", '"10.0.0.1/8"'),
        ("xml", "'<a/>'", '"<a/>"'),
    ],
)
def test_postgres(postgres: Database, monkeypatch: pytest.MonkeyPatch, kind: str, value: str, expected: str) -> None:
    assert one_value(postgres, monkeypatch, kind, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234,567.89", "1234567.89"),
        ("-$1,234.50", "-1234.50"),
        ("($1,234.50)", "-1234.50"),
        ("1.234,50 €", "1234.50"),
        ("-12,34 €", "-12.34"),
        ("1 234,50 zł", "1234.50"),
        ("CHF 1'234.50", "1234.50"),
        ("¥123", "123"),
        ("¥1,234", "¥1,234"),  # or one and 234 thousandths
        ("1.234.567", "1.234.567"),
        ("", ""),
    ],
)
def test_money_of_postgres_is_a_number_in_whatever_language_the_server_writes_it(text: str, expected: str) -> None:
    assert money_number(text) == expected


def test_types_of_one_s_own(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.run(
        "CREATE TYPE mood AS ENUM ('sad', 'very happy')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN cents AS numeric(10,2)",
        "CREATE TABLE things (id int, m mood, p pair, c cents, ms mood[])",
        "INSERT INTO things VALUES (1, 'very happy', ROW(1, 'x y'), 1.50, '{sad}')",
    )
    (payload,) = payloads(pages(connector(postgres, monkeypatch, {"customers": WHOLE})))
    assert encode(payload)[0] == '{"id":1,"m":"very happy","p":"(1,\\"x y\\")","c":1.50,"ms":"{sad}"}'


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("tinyint(1)", "1", "1"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
        ("decimal(12,2)", "12.50", "12.50"),
        ("decimal(30,12)", "123456789012345678.123456789012", '"123456789012345678.123456789012"'),
        ("decimal(16,2) unsigned", "12345678901234.56", '"12345678901234.56"'),
        ("float", "0.1", "0.1"),
        ("double", "1e300", "1e+300"),
        ("varchar(50)", "'nul \\0 tab\\t 😀 Zoë'", '"nul \\u0000 tab\\t 😀 Zoë"'),
        ("varchar(9) character set latin1", "'Zürich'", '"Zürich"'),
        ("text", "NULL", "null"),
        ("date", "'2026-03-01'", '"2026-03-01"'),
        ("datetime(3)", "'2026-03-01 09:00:00.5'", '"2026-03-01T09:00:00.500"'),
        ("timestamp", "from_unixtime(1772355600)", '"2026-03-01T09:00:00+00:00"'),
        ("time", "'-838:59:59'", '"-838:59:59"'),
        ("year", "2026", "2026"),
        ("bit(1)", "b'1'", "1"),
        ("bit(12)", "b'100000000001'", "2049"),
        ("enum('a','b c')", "'b c'", '"b c"'),
        ("set('x','y')", "'y,x'", '"x,y"'),
        ("json", "'{\"a\": 1.10}'", '"{\\"a\\": 1.10}"'),
        ("blob", "x'00ff'", '"base64:AP8="'),
        ("binary(2)", "x'00ff'", '"base64:AP8="'),
        ("varbinary(9)", "'abc'", '"base64:YWJj"'),
        ("point", "point(1, 2)", '"base64:AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA=="'),
        ("uuid", "'8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11'", '"8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11"'),
    ],
)
def test_mariadb(mariadb: Database, monkeypatch: pytest.MonkeyPatch, kind: str, value: str, expected: str) -> None:
    assert one_value(mariadb, monkeypatch, kind, value) == expected


def test_the_zero_date_of_mariadb_is_kept_and_counts_as_no_time(mariadb: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    mariadb.run(
        "SET sql_mode = ''",
        "CREATE TABLE things (id int PRIMARY KEY, born date NOT NULL, modified datetime NOT NULL)",
        "INSERT INTO things VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '1980-00-00', '2026-06-30 10:00:00')",
    )
    source = connector(mariadb, monkeypatch, {"customers": {**WHOLE, "updated_at": "modified"}})
    first = pages(source)
    assert [(p["id"], p["born"]) for p in payloads(first)] == [(1, "0000-00-00"), (2, "1980-00-00")]
    assert [record.updated_at is None for record in records(first)] == [True, False]
    assert [p["id"] for p in payloads(pages(source, first[-1].checkpoint))] == [1], "read each time, like NULL"


def test_infinite_times_of_postgres_neither_stop_nor_move_the_cursor(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.run(
        "CREATE TABLE things (id int PRIMARY KEY, modified timestamptz)",
        "INSERT INTO things VALUES (1, '-infinity'), (2, '2026-06-30 10:00:00+00'), (3, 'infinity')",
    )
    source = connector(postgres, monkeypatch, {"customers": {**WHOLE, "updated_at": "modified"}})
    first = pages(source)
    assert [p["id"] for p in payloads(first)] == [1, 2, 3]
    assert first[-1].checkpoint["since"] == {"time": "2026-06-30T10:00:00+00:00"}
    postgres.run("INSERT INTO things VALUES (4, '2026-06-30 11:00:00+00')")
    assert {p["id"] for p in payloads(pages(source, first[-1].checkpoint))} >= {1, 3, 4}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("9223372036854775807", "9223372036854775807"),
        ("0.1", "0.1"),
        ("9e999", '"Infinity"'),
        ("'2026-03-01 09:00:00'", '"2026-03-01 09:00:00"'),
        ("x'00ff'", '"base64:AP8="'),
        ("CAST(x'5afc72696368' AS TEXT)", '"Z\ufffdrich"'),
        ("NULL", "null"),
    ],
)
def test_sqlite(sqlite: Database, monkeypatch: pytest.MonkeyPatch, value: str, expected: str) -> None:
    assert one_value(sqlite, monkeypatch, "", value) == expected


@pytest.mark.parametrize("system", ["postgres", "mariadb", "sqlite"])
def test_texts_of_a_megabyte_come_through_and_few_at_once(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with database(system, tmp_path) as db:
        db.run(f"CREATE TABLE things (id int PRIMARY KEY, v {'longtext' if system == 'mariadb' else 'text'})")
        for key in range(30):
            db.run(f"INSERT INTO things VALUES ({key}, '{chr(97 + key % 26) * LARGE}')")
        read = pages(connector(db, monkeypatch, {"customers": WHOLE}))
        assert [(p["id"], p["v"] == chr(97 + p["id"] % 26) * LARGE) for p in payloads(read)] == [(key, True) for key in range(30)]


def test_rows_are_asked_for_few_at_a_time_once_they_are_large(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.databases.server._FIRST_ROWS", 2)
    postgres.run("CREATE TABLE things (id int PRIMARY KEY, v text)")
    postgres.run(f"INSERT INTO things SELECT i, repeat('x', {LARGE}) FROM generate_series(1, 40) i")
    read = pages(connector(postgres, monkeypatch, {"customers": WHOLE}))
    assert max(len(page.records) for page in read) <= 12
    assert len(records(read)) == 40


def test_json_nested_deeper_than_anybody_reads_stays_text_and_lands(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "[" * 3000 + "]" * 3000
    shallow = json.dumps([[]] * 300)
    assert one_value(postgres, monkeypatch, "json", f"'{deep}'") == f'"{deep}"'
    assert parsed_json(shallow) == [[]] * 300
    assert parsed_json('{"a": 1e9999999999999999999}') == '{"a": 1e9999999999999999999}'
    assert parsed_json(b'{"a": 0.10}') == simplejson.loads('{"a": 0.10}', use_decimal=True)


@pytest.mark.parametrize("system", ["postgres", "mariadb", "sqlite"])
def test_an_id_is_the_same_wherever_it_is_made(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's own ID is made by the connector, and the ID of the party it belongs to by the mapping's SQL."""
    kinds = {
        "postgres": ("bytea", "uuid", "numeric(20,0)"),
        "mariadb": ("binary(16)", "uuid", "decimal(20,0)"),
        "sqlite": ("blob", "text", "int"),
    }
    binary, uuid, number = kinds[system]
    with database(system, tmp_path) as db:
        raw = "'\\x00112233445566778899aabbccddeeff'" if system == "postgres" else "x'00112233445566778899aabbccddeeff'"
        db.run(
            f"CREATE TABLE things (id int, b {binary}, u {uuid}, n {number}, t varchar(20), i bigint)",
            f"INSERT INTO things VALUES (1, {raw}, '8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11',"
            " 1234567890123456789, ' x ', 9223372036854775807)",
        )
        columns = ["b", "u", "n", "t", "i"]
        fields = {"ordered_at": "t", "currency": "t", "gross_amount": "n"}
        orders = {"table": "things", "kind": "order", "id": columns, "customer": columns, "fields": fields}
        source = connector(db, monkeypatch, {"customers": WHOLE, "orders": orders})
        (record,) = records(pages(source, stream="orders"))
        (block,) = [block for block in parse_mapping(source.mapping()) if block.stream == "orders"]
        con = duckdb.connect()
        con.execute("CREATE TABLE src AS SELECT ? AS source_record_id, ?::JSON AS payload", [record.id, encode(record.payload)[0]])
        ((party,),) = con.execute(f"SELECT party_id FROM ({block.select})").fetchall()
        assert party == record.id
        assert record.id.endswith(":8d5d1f0a-2c3b-4a58-9f0b-0c7f7d2b1e11:1234567890123456789:x:9223372036854775807")
