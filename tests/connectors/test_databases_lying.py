"""A first reading of a PostgreSQL table follows where its rows lie, and loses none of those that move while it is broken off."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.contract import Page
from connectors.databases.ahead import ahead
from connectors.databases.reading import Reading
from connectors.databases.systems import Postgres
from connectors.extract import extract_stream
from connectors.landing import StreamLanding
from hub.contract.errors import SourceUnavailableError
from tests.connectors.databases import CUSTOMERS, NOW, Database, at, connector, database, ids, pages, records, stream_of

pytestmark = pytest.mark.server
SIZE = 120


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Eight rows to a block, a block to a page; the rows lie the other way round than their IDs and times go."""
    monkeypatch.setattr("connectors.databases.blocks._RANGE", 1)
    with database("postgres", tmp_path, alone=True) as made:
        made.run(
            "CREATE TABLE customers (id int PRIMARY KEY, name text, modified timestamp, filler text)"
            " WITH (autovacuum_enabled = off)",
            f"INSERT INTO customers SELECT i, 'n' || i, TIMESTAMP '2026-06-01' + i * INTERVAL '1 minute', repeat('x', 900)"
            f" FROM generate_series({SIZE}, 1, -1) i",
        )
        yield made


def outside(db: Database, *statements: str) -> None:
    """Run what may not run in a transaction."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        for statement in statements:
            con.exec_driver_sql(statement)


def lying(db: Database) -> list[str]:
    with db.engine.connect() as con:
        return [str(row[0]) for row in con.exec_driver_sql("SELECT id FROM customers ORDER BY ctid")]


def broken_off(db: Database, monkeypatch: pytest.MonkeyPatch, after: int) -> list[Page]:
    """The first pages of a first reading."""
    reading = stream_of(at(connector(db, monkeypatch), monkeypatch)).read(None)
    read = [next(reading) for _ in range(after)]
    reading.close()  # type: ignore[attr-defined]
    return read


def test_rows_come_in_the_order_in_which_they_lie_and_then_only_what_changes(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    source = at(connector(db, monkeypatch), monkeypatch)
    first = pages(source)
    assert ids(first) == lying(db) == [str(n) for n in range(SIZE, 0, -1)]
    assert len(first) > 10
    assert ids(pages(source, first[-1].checkpoint)) == []
    db.run("UPDATE customers SET name = 'new', modified = '2026-06-30' WHERE id = 7")
    assert "7" in ids(pages(source, first[-1].checkpoint))


@pytest.mark.parametrize("after", [1, 5, 14])
def test_a_reading_that_broke_off_goes_on_and_brings_what_moved_behind_it_though_its_time_says_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    # room in the blocks that are read first, into which rows of the last ones move
    gone = lying(db)[:6]
    db.run(f"DELETE FROM customers WHERE id IN ({', '.join(gone)})")
    outside(db, "VACUUM customers")
    first = broken_off(db, monkeypatch, after)
    late = lying(db)[-4:]
    db.run(f"UPDATE customers SET name = 'moved' WHERE id IN ({', '.join(late)})")
    assert not set(late) & set(lying(db)[-4:]), "they lie elsewhere now"
    rest = pages(at(connector(db, monkeypatch), monkeypatch), first[-1].checkpoint)
    assert {*ids(first), *ids(rest)} == {str(n) for n in range(1, SIZE + 1)} - set(gone)
    assert {record.id for record in records(rest) if record.payload["name"] == "moved"} == set(late)
    assert len(ids(rest)) < SIZE - (after - 1) * 7, "what was read is not read again"


def test_a_table_that_was_written_anew_is_read_anew(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first = broken_off(db, monkeypatch, 9)
    outside(db, "VACUUM FULL customers")
    assert ids(pages(at(connector(db, monkeypatch), monkeypatch), first[-1].checkpoint)) == lying(db)


def test_what_changes_while_a_first_reading_is_broken_off_is_left_to_no_one_but_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = broken_off(db, monkeypatch, 3)
    db.run("UPDATE customers SET modified = '2026-07-02', name = 'later' WHERE id = 1", "INSERT INTO customers VALUES (500, 'new')")
    rest = pages(at(connector(db, monkeypatch), monkeypatch, NOW + timedelta(days=2)), first[-1].checkpoint)
    after = pages(at(connector(db, monkeypatch), monkeypatch, NOW + timedelta(days=2)), rest[-1].checkpoint)
    assert {"1", "500"} <= set(ids(after))
    latest = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=SIZE)
    assert rest[-1].checkpoint["since"] == {"time": latest.replace(tzinfo=None).isoformat()}


@pytest.mark.parametrize(
    "made",
    [
        "ALTER TABLE customers DROP CONSTRAINT customers_pkey",
        "ALTER TABLE customers RENAME TO people; CREATE VIEW customers AS SELECT * FROM people",
        "CREATE TABLE more () INHERITS (customers)",
        "UPDATE customers SET modified = 'infinity' WHERE id = 3",
        "ALTER TABLE customers DROP CONSTRAINT customers_pkey; CREATE UNIQUE INDEX ON customers (id) WHERE id > 5",
        "ALTER TABLE customers DROP CONSTRAINT customers_pkey; CREATE UNIQUE INDEX ON customers (id, name)",
    ],
)
def test_where_rows_may_lie_elsewhere_or_share_an_id_the_time_of_change_is_followed(
    db: Database, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    db.run(*made.split("; "))
    read = ids(pages(at(connector(db, monkeypatch), monkeypatch)))
    assert read[:2] == ["1", "2"]
    assert sorted(map(int, read)) == list(range(1, SIZE + 1))


def test_an_index_of_some_of_the_columns_that_identify_a_row_will_do(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.run("ALTER TABLE customers ALTER name SET NOT NULL")
    source = at(connector(db, monkeypatch, {"customers": {**CUSTOMERS, "id": ["id", "name"]}}), monkeypatch)
    assert ids(pages(source))[0] == f"{SIZE}:n{SIZE}"


def test_a_limited_sync_comes_further_each_time_though_a_block_has_many_pages(
    db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("connectors.databases.reading.PAGE_BYTES", 1)
    source = at(connector(db, monkeypatch), monkeypatch)
    landing = StreamLanding(tmp_path, "erp", "customers")
    read = 0
    for turn in range(1, SIZE):
        read += extract_stream(source, stream_of(source), tmp_path, sync_run_id=str(turn), limit=1).rows
        last = landing.info(landing.parts()[-1])
        landing.committed(last.checkpoint, last.seq)
        if "place" not in (last.checkpoint or {}):
            break
    assert read >= SIZE
    assert turn <= 2 * SIZE // 7


def test_a_reading_that_breaks_off_within_one_block_again_and_again_ends(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.databases.reading.PAGE_BYTES", 1)
    read, tries = Reading.pages, list[int]()

    def breaking(self: Reading, *args: Any) -> Iterator[Page]:
        tries.append(1)
        yield next(iter(read(self, *args)))
        raise SourceUnavailableError("it broke", source="erp", stream="customers")

    monkeypatch.setattr(Reading, "pages", breaking)
    source = at(connector(db, monkeypatch, retry={"attempts": 3}), monkeypatch)
    with pytest.raises(SourceUnavailableError):
        pages(source)
    assert len(tries) == 3


def test_a_reading_that_is_given_up_makes_the_server_stop_what_was_asked_ahead(db: Database) -> None:
    refused = []
    with db.engine.connect() as con:

        def slow() -> Generator[int, None, None]:
            yield 1
            try:
                con.exec_driver_sql("SELECT pg_sleep(60)")
            except sa.exc.DBAPIError as error:
                refused.append(getattr(error.orig, "sqlstate", None))
                raise

        items = ahead(slow(), lambda: Postgres().give_up(con))
        assert next(items) == 1
        with db.engine.connect() as other:  # it is under way
            while not other.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%' AND state = 'active'"
            ).scalar_one():
                other.rollback()
        items.close()
    assert refused == ["57014"]


def test_what_is_read_ahead_fails_where_it_is_asked_for() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise SourceUnavailableError("gone", source="s")

    items = ahead(failing(), lambda: None)
    assert next(items) == 1
    with pytest.raises(SourceUnavailableError, match="gone"):
        next(items)
