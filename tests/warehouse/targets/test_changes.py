"""Only what changed travels, all of it at once; what others made of the tables stays; what is in doubt is loaded whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from hub.contract.errors import NotFoundError, TargetError, TargetUnavailableError
from tests.warehouse.targets.kit import SPECS, Database, Loads
from warehouse.publish import load_file
from warehouse.targets import check_target
from warehouse.targets.settings import TableChoice

CHANGED = (
    "UPDATE golden.customer SET full_name = 'Anna' WHERE customer_id = 'c_1'",
    "INSERT INTO golden.customer (customer_id, full_name) VALUES ('c_3', 'Cy')",
    "DELETE FROM golden.customer_order WHERE order_key = 'o7'",
)
REWRITTEN = ("UPDATE golden.customer_order SET amount = amount + 1",)


def same_as_published(db: Database, loads: Loads, load_id: str) -> None:
    """All keys and a value of each table, side by side."""
    queries = (
        "SELECT customer_id, full_name FROM {golden.customer} ORDER BY 1",
        "SELECT order_key, customer_id, amount FROM {golden.customer_order} ORDER BY 1",
        "SELECT customer_id, orders, spent FROM {golden.customer_360} ORDER BY 1",
        "SELECT record_key, customer_id FROM {identity.customer_xref} ORDER BY 1",
        "SELECT load_id FROM {ops.load_batch} ORDER BY 1",
    )
    with duckdb.connect(str(load_file(loads.settings, load_id)), read_only=True) as con:
        for query in queries:
            expected = con.execute(query.replace("{", "").replace("}", "")).fetchall()
            assert sorted(db.ask(query)) == sorted(expected), query


def test_a_delta_brings_what_changed_and_no_more(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    loads.make("L2", *CHANGED)
    done = db.publish(loads)
    assert set(done.updated) == {"golden.customer", "golden.customer_order", "golden.customer_360", "ops.load_batch"}
    assert done.loaded == ()
    # a customer changed and one came, in table and view; the customer of the order that went changed in the view; a load each way
    assert done.written == 3 + 1 + 5 + 2
    same_as_published(db, loads, "L2")


def test_nothing_travels_where_nothing_changed(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    done = db.publish(loads)
    assert (done.written, done.loaded, done.updated) == (0, (), ())


def test_a_target_that_missed_loads_and_one_rolled_back_get_a_delta_too(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    loads.make("L2", "DELETE FROM golden.customer WHERE customer_id = 'c_2'")
    loads.make("L3", *CHANGED)
    assert db.publish(loads).loaded == ()
    same_as_published(db, loads, "L3")
    loads.show("L1")
    assert db.publish(loads).loaded == ()
    same_as_published(db, loads, "L1")


def test_without_the_file_of_what_it_has_a_target_is_loaded_whole(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    load_file(loads.settings, "L1").unlink()
    loads.make("L2", *CHANGED)
    done = db.publish(loads)
    assert (set(done.loaded), done.updated) == (
        {"golden.customer", "golden.customer_order", "golden.customer_360", "ops.load_batch"},
        (),
    )
    same_as_published(db, loads, "L2")


def test_a_table_of_which_most_changed_is_loaded_whole_and_the_others_are_not(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    loads.make("L2", *CHANGED, *REWRITTEN)
    done = db.publish(loads)
    assert done.loaded == ("golden.customer_order",)
    assert "golden.customer" in done.updated
    same_as_published(db, loads, "L2")


@pytest.mark.parametrize(
    "meddling",
    [
        "DELETE FROM {golden.customer} WHERE customer_id = 'c_1'",
        "INSERT INTO {golden.customer} (customer_id) VALUES ('c_3')",
        "DROP TABLE {golden.customer_360}",
    ],
)
def test_a_table_that_somebody_wrote_to_is_put_right(db: Database, loads: Loads, meddling: str) -> None:
    loads.make("L1")
    db.publish(loads)
    db.run(meddling)
    loads.make("L2", *CHANGED)
    db.publish(loads)
    same_as_published(db, loads, "L2")


def test_columns_that_come_go_and_change_their_type(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    new_shape = (
        "ALTER TABLE golden.customer ADD COLUMN city VARCHAR",
        "UPDATE golden.customer SET city = 'York'",
        "ALTER TABLE golden.customer_order ALTER amount TYPE VARCHAR",
        "CREATE OR REPLACE VIEW golden.customer_360 AS SELECT customer_id, count(*) AS orders, sum(amount::DECIMAL(18,6)) AS spent"
        " FROM golden.customer_order GROUP BY ALL",
    )
    loads.make("L2", *new_shape)
    done = db.publish(loads)
    assert {"golden.customer", "golden.customer_order", "golden.customer_360"} <= set(done.loaded)
    assert db.ask("SELECT customer_id, city FROM {golden.customer} ORDER BY 1") == [("c_1", "York"), ("c_2", "York")]
    assert db.ask("SELECT amount FROM {golden.customer_order} WHERE order_key = 'o1'") == [("0.142857",)]
    names = [column["name"] for column in sa.inspect(db.engine).get_columns("customer_360", f"{db.prefix}golden")]
    assert sorted(names) == ["customer_id", "orders", "spent"]
    assert sa.inspect(db.engine).get_pk_constraint("customer", f"{db.prefix}golden")["constrained_columns"] == ["customer_id"]
    loads.show("L1")
    db.publish(loads)
    same_as_published(db, loads, "L1")


def test_a_new_meaning_is_told_without_moving_rows(db: Database, loads: Loads) -> None:
    from dataclasses import replace

    loads.make("L1")
    db.publish(loads)
    specs = (replace(SPECS[0], columns={"email": "Where to write to"}), *SPECS[1:])
    done = db.publish(loads, specs=specs)
    assert (done.written, done.loaded) == (0, ())
    comments = {c["name"]: c["comment"] for c in sa.inspect(db.engine).get_columns("customer", f"{db.prefix}golden")}
    assert comments["email"] == "Where to write to"
    same_as_published(db, loads, "L1")


def test_tables_that_are_no_longer_wanted_go(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads)
    done = db.publish(loads, tables=TableChoice(exclude=("identity.*", "golden.customer_360")))
    assert done.rows == 3003
    look = sa.inspect(db.engine)
    assert look.get_table_names(f"{db.prefix}identity") == []
    assert sorted(look.get_table_names(f"{db.prefix}golden")) == ["customer", "customer_order"]


def test_nothing_that_is_not_ours_is_replaced(db: Database, loads: Loads) -> None:
    loads.make("L1")
    what = "SCHEMA" if db.system == "postgres" else "DATABASE"
    db.run(f"CREATE {what} {db.prefix}golden", "CREATE TABLE {golden.customer} (mine int)")
    with pytest.raises(TargetError, match=r"golden\.customer is there already and was not made by this hub") as caught:
        db.publish(loads)
    assert "analytics" in str(caught.value)
    assert db.ask("SELECT count(*) FROM {golden.customer}") == [(0,)]


def test_two_hubs_do_not_take_turns(db: Database, loads: Loads) -> None:
    loads.make("L1")
    db.publish(loads, owner="us")
    with pytest.raises(TargetError, match=r"another hub's.*schema_prefix"):
        db.publish(loads, owner="them")


def test_nothing_published_yet_is_said(db: Database, loads: Loads) -> None:
    with pytest.raises(NotFoundError, match="nothing is published yet"):
        db.publish(loads)


# whoever reads meanwhile --------------------------------------------------------------------------------------------


@contextmanager
def reader(db: Database, isolation: str = "READ COMMITTED") -> Iterator[list[Any]]:
    """Reads the customers over and over; yields what it saw, which is complete once the with block ends."""
    seen: list[Any] = []
    stop, begun = threading.Event(), threading.Event()

    def loop() -> None:
        engine = sa.create_engine(db.url, poolclass=sa.pool.NullPool, isolation_level=isolation)  # type: ignore[arg-type]
        query = sa.text(db._named("SELECT count(*), min(full_name), max(full_name) FROM {golden.customer}").replace("%%", "%"))
        with engine.connect() as con:
            while not stop.is_set():
                try:
                    seen.append(tuple(con.execute(query).one()))
                except sa.exc.DBAPIError as error:
                    seen.append(str(error.orig))
                con.rollback()
                begun.set()

    thread = threading.Thread(target=loop)
    thread.start()
    begun.wait(10)
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_a_reader_sees_one_load_or_the_next_and_never_less(db: Database, loads: Loads) -> None:
    everybody = [
        f"INSERT INTO golden.customer (customer_id, full_name) SELECT 'n' || i, 'Mia' FROM range({n}) r(i)" for n in (4000, 5000)
    ]
    loads.make("L1", everybody[0])
    db.publish(loads)
    whole = {1: (4002, "Ann", "Mia"), 2: (5002, "Ann", "Mia"), 3: (5002, "Ann", "Nia")}
    with reader(db) as seen:
        for _ in range(2):
            loads.make("L2", everybody[1])
            assert "golden.customer" in db.publish(loads).updated
            loads.make("L3", everybody[1], "UPDATE golden.customer SET full_name = 'Nia' WHERE full_name = 'Mia'")
            assert "golden.customer" in db.publish(loads).loaded
            load_file(loads.settings, "L1").unlink(missing_ok=True)
            load_file(loads.settings, "L2").unlink()
            loads.make("L1", everybody[0])
            assert "golden.customer" in db.publish(loads).loaded
            load_file(loads.settings, "L3").unlink()
    assert len(seen) > 20
    assert set(seen) <= set(whole.values())
    assert len(set(seen)) > 1, "the reader saw it change"


def test_a_transaction_that_began_before_goes_on_seeing_what_it_began_with(postgres: Database, loads: Loads) -> None:
    loads.make("L1")
    postgres.publish(loads)
    engine = sa.create_engine(postgres.url, poolclass=sa.pool.NullPool, isolation_level="REPEATABLE READ")
    with engine.connect() as con:
        count = sa.text(f"SELECT count(*) FROM {postgres.prefix}golden.customer_order")
        con.execute(sa.text("SELECT 1"))
        load_file(loads.settings, "L1").unlink()
        loads.make("L2", *CHANGED, *REWRITTEN)
        assert "golden.customer_order" in postgres.publish(loads).loaded
        assert con.execute(count).scalar() == 3000
    assert postgres.ask("SELECT count(*) FROM {golden.customer_order}") == [(2999,)]


def test_grants_owners_views_and_columns_of_others_stay_in_postgres(postgres: Database, loads: Loads) -> None:
    role = f"{postgres.prefix}reader"
    loads.make("L1")
    postgres.publish(loads)
    postgres.run(
        f"CREATE ROLE {role}",
        f"GRANT SELECT ON {{golden.customer}}, {{golden.customer_order}} TO {role}",
        "CREATE VIEW {ops.mine} AS SELECT customer_id, email FROM {golden.customer}",
        "ALTER TABLE {golden.customer} ADD COLUMN note text DEFAULT 'ours'",
    )
    try:
        load_file(loads.settings, "L1").unlink()
        loads.make("L2", *CHANGED, *REWRITTEN, "ALTER TABLE golden.customer ADD COLUMN city VARCHAR")
        done = postgres.publish(loads)
        assert {"golden.customer", "golden.customer_order"} <= set(done.loaded)
        assert postgres.ask("SELECT count(*) FROM {ops.mine}") == [(3,)]
        assert postgres.ask("SELECT DISTINCT note FROM {golden.customer}") == [("ours",)]
        for table in ("customer", "customer_order"):
            granted = f"SELECT has_table_privilege('{role}', '{postgres.prefix}golden.{table}', 'SELECT')"
            assert postgres.ask(granted) == [(True,)]
        loads.make(
            "L3",
            "CREATE OR REPLACE TABLE golden.customer AS SELECT * EXCLUDE (email) FROM golden.customer",
            "CREATE OR REPLACE VIEW golden.customer_360 AS FROM golden.customer",
        )
        with pytest.raises(TargetError, match=r"view .*mine depends on .*email.*change or drop it"):
            postgres.publish(loads)
        assert postgres.ask("SELECT count(email) FROM {ops.mine}") == [(1,)]
    finally:
        postgres.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_grants_and_views_of_others_stay_in_mariadb(mariadb: Database, loads: Loads) -> None:
    user = f"'{mariadb.prefix}r'@'localhost'"
    loads.make("L1")
    mariadb.publish(loads)
    mariadb.run(
        f"CREATE USER {user}",
        f"GRANT SELECT ON {{golden.customer}} TO {user}",
        "CREATE VIEW {ops.mine} AS SELECT customer_id, email FROM {golden.customer}",
    )
    try:
        load_file(loads.settings, "L1").unlink()
        loads.make("L2", *CHANGED, *REWRITTEN)
        mariadb.publish(loads)
        assert mariadb.ask("SELECT count(*) FROM {ops.mine}") == [(3,)]
        assert any("golden" in grant for (grant,) in mariadb.ask(f"SHOW GRANTS FOR {user}"))
        tables = "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'hub\\_%' AND table_schema LIKE "
        assert mariadb.ask(f"{tables} '{mariadb.prefix}%'") == [("hub_published",)]
    finally:
        mariadb.run(f"DROP USER {user}")


# when it goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [CHANGED, (*CHANGED, *REWRITTEN)], ids=["delta", "whole"])
def test_a_connection_lost_half_way_leaves_the_target_as_it_was(
    db: Database, loads: Loads, change: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.make("L1")
    db.publish(loads)
    loads.make("L2", *change)
    calls = []

    def cut(self: Any, *arguments: Any) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            kill_others(db, self)
        return before(self, *arguments)

    from warehouse.targets import mysql, postgres

    adapter: Any = postgres.Postgres if db.system == "postgres" else mysql.MySql
    step = "_change" if db.system == "postgres" else "_delta"
    before = getattr(adapter, step)
    with monkeypatch.context() as patched:
        patched.setattr(adapter, step, cut)
        with pytest.raises(TargetUnavailableError, match=r"connection was lost.*the target catches up") as caught:
            db.publish(loads)
    assert "\n" not in str(caught.value)
    same_as_published(db, loads, "L1")
    db.publish(loads)
    same_as_published(db, loads, "L2")


def kill_others(db: Database, target: Any) -> None:
    """End the server's side of a target's connection."""
    if db.system == "postgres":
        db.ask(f"SELECT pg_terminate_backend({target._con.info.backend_pid})")
    else:
        db.run(f"KILL {target._con.thread_id()}")


def test_a_server_that_refuses_or_is_away_is_an_error_of_one_line_without_the_password(
    db: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.make("L1")
    url = sa.make_url(db.url).set(username="nobody", password="s3cret")
    monkeypatch.setenv("ANALYTICS_URL", url.set(port=1).render_as_string(hide_password=False))
    with pytest.raises(TargetUnavailableError, match=r"publish\.analytics: it does not answer") as away:
        db.publish(loads)
    monkeypatch.setenv("ANALYTICS_URL", url.render_as_string(hide_password=False))
    with pytest.raises(TargetError) as refused:
        check_target(db.settings, SPECS)
    for caught in (away, refused):
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_check_leaves_nothing_behind(db: Database) -> None:
    assert check_target(db.settings, SPECS).startswith("PostgreSQL" if db.system == "postgres" else "MariaDB")
    assert [name for name in sa.inspect(db.engine).get_schema_names() if name.startswith(db.prefix)] == []


def test_other_databases_get_the_same_by_batches(loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.contract.secret import Secret
    from warehouse.targets import TargetSettings, publish_to

    monkeypatch.setenv("ANALYTICS_URL", f"sqlite:///{tmp_path / 'target.db'}")
    settings = TargetSettings(name="analytics", url=Secret("${ANALYTICS_URL}"))
    assert "not tested" in check_target(settings, SPECS)
    loads.make("L1")
    publish_to(settings, loads.settings, SPECS, owner="us")
    loads.make("L2", *CHANGED)
    assert publish_to(settings, loads.settings, SPECS, owner="us").loaded == ()
    with sa.create_engine(f"sqlite:///{tmp_path / 'target.db'}").connect() as con:
        rows = con.exec_driver_sql("SELECT customer_id, full_name FROM golden_customer ORDER BY 1").all()
        assert [tuple(row) for row in rows] == [("c_1", "Anna"), ("c_2", "Bob"), ("c_3", "Cy")]
        assert con.exec_driver_sql("SELECT count(*) FROM golden_customer_order").scalar() == 2999
