"""What comes from PostgreSQL in columns is what would come row by row: landed rows, rejects and checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.column_records import ColumnRecords
from connectors.contract import Page
from connectors.databases.connector import SqlConnector
from connectors.databases.postgres import Postgres
from connectors.extract import extract_stream
from connectors.landing import StreamLanding
from hub.contract.errors import SourceError
from tests.connectors.databases import NOW, Database, at, connector, database, ids, pages, rejects, stream_of

pytestmark = pytest.mark.server
_CHARACTERS = st.characters(min_codepoint=1, exclude_categories=["Cs"]) | st.sampled_from('"\\,\n\r\t \x01\x7f\u2028')
_TEXT = st.text(_CHARACTERS, max_size=8) | st.sampled_from(["", " ", "\\.", "\\N", "NULL", '""', "NaN", "t"])
_TIMES = st.datetimes(min_value=NOW.replace(tzinfo=None, year=1970), max_value=NOW.replace(tzinfo=None, year=9998)).map(str) | (
    st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "12026-03-01 09:00:00", "0001-01-01", "2026-03-01 09:00:00.500"])
)
_TYPES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "text": _TEXT,
    "char(3)": st.text("aé ", max_size=3),
    "numeric(12,2)": st.decimals(-(10**9), 10**9, places=2).map(str) | st.just("NaN"),
    "numeric(12,8)": st.decimals(-999, 999, places=8).map(str),
    "numeric": st.decimals(-(10**30), 10**30, places=12).map(str) | st.sampled_from(["NaN", "Infinity"]),
    "real": st.floats(width=32).map(str),
    "float8": st.floats().map(str),
    "timestamp": _TIMES,
    "timestamptz": _TIMES,
    "date": st.dates().map(str) | st.sampled_from(["infinity", "0044-03-15 BC"]),
    "bytea": st.binary(max_size=4),
    "jsonb": st.sampled_from(['{"b": 1.10, "a": [null, "x"]}', "[]", "7", '"q"', "null"]),
    "text[]": st.lists(st.none() | st.text(_CHARACTERS, max_size=3), max_size=3),
    "numeric(6,2)[]": st.lists(st.none() | st.decimals(-999, 999, places=2), max_size=2),
    "uuid": st.uuids().map(str),
}


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Database]:
    with database("postgres", tmp_path) as made:
        yield made


def landed(source: SqlConnector, root: Path) -> list[dict[str, Any]]:
    extract_stream(source, stream_of(source), root, sync_run_id="r")
    landing = StreamLanding(root, "erp", "customers")
    found = [{**row, "extracted_at": None} for part in landing.parts() for row in pq.read_table(part).to_pylist()]
    landing.discard()
    return found


def shown(read: list[Page]) -> list[Any]:
    # checkpoints as they are kept: a NaN in one is not equal to the next
    return [(list(page.records), page.rejects, json.dumps(page.checkpoint), page.begins) for page in read]


def both_ways(db: Database, monkeypatch: pytest.MonkeyPatch, root: Path, stream: dict[str, Any], **others: Any) -> None:
    """Read a stream in columns and row by row, and see that both are the same; it is read in columns where it can be."""
    source = at(connector(db, monkeypatch, {"customers": {"table": "things", "kind": "party", **stream}}, **others), monkeypatch)
    columns = pages(source), landed(source, root)
    with monkeypatch.context() as rows_only:
        rows_only.setattr(Postgres, "copy", lambda *args: None)
        rows = pages(source), landed(source, root)
    assert shown(columns[0]) == shown(rows[0])
    assert columns[1] == rows[1]
    assert all(isinstance(page.records, ColumnRecords) for page in columns[0] if len(page.records))


def put(db: Database, rows: list[list[Any]]) -> None:
    names = [f"c{number}" for number in range(len(_TYPES))]
    values = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in zip(names, _TYPES, strict=True))
    with db.engine.begin() as con:
        con.exec_driver_sql("TRUNCATE things")
        for row in rows:
            con.execute(sa.text(f"INSERT INTO things VALUES ({values})".replace("::", r"\:\:")), dict(zip(names, row, strict=True)))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(*(st.none() | values for values in _TYPES.values())).map(list), max_size=6), data=st.data())
def test_columns_of_every_type_land_as_rows_do(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: list[list[Any]], data: st.DataObject
) -> None:
    names = [f"c{number}" for number in range(len(_TYPES))]
    if not sa.inspect(postgres.engine).has_table("things", schema=postgres.schema):
        postgres.run(f"CREATE TABLE things ({', '.join(f'{n} {kind}' for n, kind in zip(names, _TYPES, strict=True))})")
    put(postgres, rows)
    kinds = dict(zip(_TYPES, names, strict=True))
    sortable = [name for kind, name in kinds.items() if kind != "jsonb"]
    stream = {"id": data.draw(st.lists(st.sampled_from(sortable), min_size=1, max_size=2, unique=True))}
    updated_at = data.draw(
        st.none() | st.sampled_from([kinds[kind] for kind in ("timestamp", "timestamptz", "date", "int", "text")])
    )
    if updated_at:
        stream["updated_at"] = updated_at
    if data.draw(st.booleans()):
        stream["deleted_flag"] = data.draw(st.sampled_from([kinds[kind] for kind in ("bool", "int", "text", "timestamptz")]))
    both_ways(postgres, monkeypatch, tmp_path, stream, timezone=data.draw(st.sampled_from(["UTC", "Europe/Berlin"])))


def test_a_row_whose_id_is_no_number_lands_as_in_rows(postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    postgres.run("CREATE TABLE things (id float8, name text)", "INSERT INTO things VALUES ('NaN', 'a'), (NULL, 'b'), (1.5, 'c')")
    both_ways(postgres, monkeypatch, tmp_path, {"id": "id"})


def test_rows_without_an_id_and_repeated_ones_are_turned_down_as_in_rows(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    postgres.run("CREATE TABLE things (id text)", "INSERT INTO things VALUES ('a'), ('a'), (NULL), (' '), ('\\.'), ('b')")
    both_ways(postgres, monkeypatch, tmp_path, {"id": "id"})
    read = pages(connector(postgres, monkeypatch, {"customers": {"table": "things", "kind": "party", "id": "id"}}))
    assert (sorted(ids(read)), len(rejects(read))) == (["\\.", "a", "b"], 3)


def test_names_and_values_may_hold_what_a_statement_s_parameters_are_marked_with(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    postgres.run('CREATE TABLE things ("a%s" text, "%(b)s" timestamp)', "INSERT INTO things VALUES ('100%', '2026-06-30 10:00:00')")
    source = at(
        connector(postgres, monkeypatch, {"customers": {"table": "things", "kind": "party", "id": "a%s", "updated_at": "%(b)s"}}),
        monkeypatch,
    )
    first = pages(source)
    assert ids(first) == ["100%"]
    assert ids(pages(source, {**first[0].checkpoint})) == ["100%"], "where it resumes, there are values to compare with"


def test_a_reading_that_is_given_up_leaves_the_server_in_peace(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.databases.reading.COPIED_ROWS", 10)
    table = f"{postgres.schema}_given_up"  # so that no other test's reading is found
    postgres.run(f"CREATE TABLE {table} AS SELECT i AS id, repeat('x', 1000) AS v FROM generate_series(1, 50000) i")
    source = connector(postgres, monkeypatch, {"customers": {"table": table, "kind": "party", "id": "id"}})
    with closing(stream_of(source).read(None)) as reading:  # type: ignore[type-var]
        assert len(next(reading).records) == 10
        assert copies(postgres, table) == 1
    assert copies(postgres, table) == 0


def copies(db: Database, table: str) -> int:
    """How many COPYs of a table are under way."""
    with db.engine.connect() as con:
        asked = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE :mark")
        return int(con.execute(asked, {"mark": f"COPY%{table}%"}).scalar_one())


def test_a_connection_that_is_lost_in_the_middle_is_taken_up_again(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.databases.reading.COPIED_ROWS", 1000)
    table = f"{postgres.schema}_lost"  # so that no other test's connection is meant
    postgres.run(f"CREATE TABLE {table} AS SELECT i AS id, repeat('x', 1000) AS v FROM generate_series(1, 30000) i")
    source = connector(postgres, monkeypatch, {"customers": {"table": table, "kind": "party", "id": "id"}})
    read = []
    for number, page in enumerate(stream_of(source).read(None)):
        read.append(page)
        if number == 2:
            postgres.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE application_name = 'customer-hub' AND query LIKE 'COPY%{table}%'"
            )
    assert {int(key) for key in ids(read)} == set(range(1, 30001))
    assert source.calls()[1] == 1


def test_a_statement_that_fails_while_rows_arrive_is_an_error_and_what_came_before_it_is_kept(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.databases.reading.COPIED_ROWS", 1000)
    postgres.run(
        "CREATE TABLE counted (id int PRIMARY KEY, pad text)",
        "INSERT INTO counted SELECT i, repeat('x', 500) FROM generate_series(1, 30000) i",
        "CREATE VIEW shares AS SELECT id, pad, 10 / (29000 - id) AS share FROM counted",
        "ANALYZE counted",
    )
    source = connector(postgres, monkeypatch, {"customers": {"table": "shares", "kind": "party", "id": "id"}})
    read: list[str] = []
    with pytest.raises(SourceError, match=r"erp/customers: the database cannot read this \(DivisionByZero 22012\)"):
        read.extend(record.id for page in stream_of(source).read(None) for record in page.records)
    assert read, "the statement failed before a page was full, which tests nothing"
    assert read == [str(key) for key in range(1, len(read) + 1)]
    assert len(read) % 1000 == 0
