"""Writing back to databases: columns of the stream's own table, or a table beside it, on each system that is tested live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.databases.connector import SqlConnector
from connectors.databases.settings import SqlSettings
from connectors.databases.writer import SqlWriter
from connectors.delivery import Deliverer, Delivery, Wish
from connectors.writeback import Standing, Text, ValueKind
from hub.contract.errors import CredentialsError, SourceDataError
from tests.connectors.databases import CUSTOMERS, SYSTEMS, Database, connector, database

ID, OTHER = "c_" + "a" * 26, "c_" + "b" * 26
KINDS: Mapping[str, ValueKind] = {
    "hub_id": "text",
    "tickets": "integer",
    "ltv": "decimal",
    "vip": "boolean",
    "since": "date",
    "seen": "time",
    "note": "decimal",
}
VALUES: Mapping[str, str] = {
    "hub_id": ID,
    "tickets": "3",
    "ltv": "120.5",
    "vip": "true",
    "since": "2026-02-03",
    "seen": "2026-03-01T10:00:00Z",
    "note": "7.25",
}


@pytest.fixture(params=SYSTEMS)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as made:
        moved = " ON UPDATE CURRENT_TIMESTAMP(6)" if made.system == "mariadb" else ""
        columns = "hub_id varchar(40) UNIQUE, tickets int, ltv decimal(12,4), vip boolean, since date"
        columns += f", seen {made.time}, note varchar(20)"
        made.run(
            f"CREATE TABLE customers (id int PRIMARY KEY, name varchar(50), modified {made.time} NULL{moved}, {columns})",
            f"CREATE TABLE hub_customers (customer varchar(20) PRIMARY KEY, {columns})",
            *(f"INSERT INTO customers (id, name, modified) VALUES ({n}, 'N{n}', '2026-01-01 00:00:00')" for n in (1, 2, 3)),
        )
        yield made


def nobodys(record: str, name: str, text: str) -> bool:
    return False


class Desk:
    """A database with the hub as a writer."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch, kinds: Mapping[str, ValueKind], **told: Any) -> None:
        self.db, self.kinds = db, kinds
        fields = {f"of_{name}": name for name in kinds}
        self.source: SqlConnector = connector(db, monkeypatch, {"customers": CUSTOMERS}, write_back={"fields": fields, **told})
        made = self.source.writer("customers", kinds)
        assert isinstance(made, SqlWriter)
        self.writer, self.table, self.key = made, told.get("table", "customers"), told.get("key", "id")

    def deliver(
        self, wishes: Mapping[str, Mapping[str, Text]], ours: Any = lambda *asked: False, **how: Any
    ) -> dict[str, Delivery]:
        """Deliver: record -> fields."""
        given = [Wish(record, fields, "key") for record, fields in wishes.items()]
        return {d.record: d for batch in Deliverer(self.writer, ours, **how).deliver(given) for d in batch}

    def held(self, record: str, *names: str) -> tuple[Any, ...] | None:
        """What the row holds."""
        with self.db.engine.connect() as con:
            row = con.exec_driver_sql(f"SELECT {', '.join(names)} FROM {self.table} WHERE {self.key} = '{record}'").fetchone()
        return None if row is None else tuple(row)


BESIDE = {"table": "hub_customers", "key": "customer"}


@pytest.fixture(params=["own", "beside"])
def desk(request: pytest.FixtureRequest, db: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(db, monkeypatch, KINDS, **(BESIDE if request.param == "beside" else {}))


def test_every_kind_of_value_is_written_and_found_again(desk: Desk) -> None:
    done = desk.deliver({"1": VALUES})["1"]
    assert set(done.fates.values()) == {"sent"}, done.reason
    held = desk.held("1", "hub_id", "tickets", "note")
    assert held == (ID, 3, "7.25")
    queries = desk.source.calls()[0]
    assert set(desk.deliver({"1": VALUES})["1"].fates.values()) == {"found"}
    # one SELECT, however many rows, and no write
    assert desk.source.calls()[0] == queries + 1


def test_fields_are_emptied(desk: Desk) -> None:
    desk.deliver({"1": VALUES})
    done = desk.deliver({"1": dict.fromkeys(KINDS)}, lambda *asked: True)["1"]
    assert set(done.fates.values()) == {"sent"}
    assert desk.held("1", *KINDS) == (None,) * len(KINDS)


def test_what_somebody_else_put_there_stays(desk: Desk) -> None:
    desk.deliver({"1": {"hub_id": "crm-1"}})
    done = desk.deliver({"1": {"hub_id": ID, "tickets": "1"}})["1"]
    assert done.fates == {"hub_id": "kept", "tickets": "sent"}
    assert desk.held("1", "hub_id", "tickets") == ("crm-1", 1)
    assert desk.deliver({"1": {"hub_id": ID}}, overwrite=True)["1"].fates == {"hub_id": "sent"}


def test_a_row_that_the_database_refuses_stops_no_other(desk: Desk) -> None:
    wishes = {
        "1": {"hub_id": ID},
        "2": {"note": "x" * 21 if desk.db.system != "sqlite" else "1", "hub_id": ID},
        "3": {"tickets": "1"},
    }
    done = desk.deliver(wishes)
    assert set(done["2"].fates.values()) <= {"dead", "owed"}
    assert "the database refuses the row" in (done["2"].reason or "")
    assert (done["1"].fates["hub_id"], done["3"].fates["tickets"]) == ("sent", "sent")
    assert (desk.held("1", "hub_id"), desk.held("3", "tickets")) == ((ID,), (1,))


def test_a_change_that_came_in_between_is_not_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.deliver({"1": {"hub_id": OTHER}})
    read = desk.writer.read
    looked: list[Any] = []

    def and_then(records: Any) -> Mapping[str, Standing]:
        found = read(records)
        if not looked:
            desk.db.run(f"UPDATE {desk.table} SET hub_id = 'crm-1' WHERE {desk.key} = '1'")
        looked.append(records)
        return found

    monkeypatch.setattr(desk.writer, "read", and_then)
    done = desk.deliver({"1": {"hub_id": ID}}, lambda record, name, text: text == OTHER)["1"]
    assert done.fates == {"hub_id": "kept"}
    assert desk.held("1", "hub_id") == ("crm-1",)


def test_a_row_that_is_gone_is_told_and_one_beside_is_made(desk: Desk) -> None:
    done = desk.deliver({"7": {"hub_id": ID}, "1": {"tickets": "1"}})
    beside = desk.table != "customers"
    assert done["7"].fates == {"hub_id": "sent" if beside else "gone"}
    assert desk.held("7", "hub_id") == ((ID,) if beside else None)
    assert done["1"].fates == {"tickets": "sent"}


def test_five_hundred_rows_are_read_with_one_question(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(db, monkeypatch, {"tickets": "integer"}, **BESIDE)
    desk.deliver({str(n): {"tickets": "1"} for n in range(40)})
    # what they hold, each row, and what they hold then
    assert desk.source.calls()[0] == 42


def test_the_time_of_our_own_change_is_the_one_that_the_next_reading_sees(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if db.system != "mariadb":
        pytest.skip("only MariaDB's table here notes the time of a change by itself")
    desk = Desk(db, monkeypatch, {"tickets": "integer"})
    done = desk.deliver({"1": {"tickets": "1"}})["1"]
    assert done.before == datetime(2026, 1, 1, tzinfo=UTC)
    (stream,) = desk.source.streams()
    read = {record.id: record.updated_at for page in stream.read(None) for record in page.records}
    assert done.after == read["1"]
    assert done.after != done.before


def test_a_table_or_column_that_is_not_there_is_named(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceDataError, match=r"there is no table hub_nowhere; make it, or correct table"):
        Desk(db, monkeypatch, {"tickets": "integer"}, table="hub_nowhere").deliver({"1": {"tickets": "1"}})
    with pytest.raises(SourceDataError, match=r"table customers lacks column points"):
        Desk(db, monkeypatch, {"points": "integer"}).deliver({"1": {"points": "1"}})


def test_a_user_who_may_not_write_is_told_what_to_grant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with database("postgres", tmp_path) as db:
        role = f"{db.schema}_reader"
        db.run(
            "CREATE TABLE customers (id int PRIMARY KEY, name text, modified timestamp, hub_id text)",
            "INSERT INTO customers VALUES (1, 'A', now())",
            f"CREATE ROLE {role}",
            f"GRANT USAGE ON SCHEMA {db.schema} TO {role}",
            f"GRANT SELECT ON customers TO {role}",
        )
        try:
            url = sa.make_url(db.url)
            options = f"{url.query['options']} -crole={role}"
            db.url = url.set(query={"options": options}).render_as_string(hide_password=False)
            desk = Desk(db, monkeypatch, {"hub_id": "text"})
            with pytest.raises(CredentialsError, match=r"may not write this .* grant the user INSERT and UPDATE on customers"):
                desk.deliver({"1": {"hub_id": ID}})
        finally:
            db.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


PARTY = {"kind": "party", "id": "id", "fields": {"full_name": "name"}}


@pytest.mark.parametrize(
    ("streams", "told", "error"),
    [
        ({"a": {**PARTY, "table": "a"}, "b": {**PARTY, "table": "b"}}, {}, "write_back needs stream: which one of a, b"),
        ({"a": {**PARTY, "table": "a"}}, {"stream": "x"}, "must be a stream of kind party; there are a"),
        ({"a": {**PARTY, "query": "SELECT * FROM a"}}, {}, "write_back needs table and key"),
        ({"a": {**PARTY, "table": "a", "id": ["x", "y"]}}, {"table": "t"}, "write_back needs key"),
        ({"a": {**PARTY, "table": "a", "fields": {"full_name": "hub_id"}}}, {}, "the hub reads column hub_id"),
    ],
)
def test_what_cannot_be_written_is_an_error_of_hub_yaml(streams: Any, told: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        SqlSettings(type="sql", url="${ERP_URL}", streams=streams, write_back={"fields": {"customer_id": "hub_id"}, **told})
