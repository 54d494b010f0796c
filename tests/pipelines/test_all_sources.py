"""Eight vendors, two databases and files in one hub: all arrives, the second sync asks for changes only, no secret leaks."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa

from connectors.sandbox import SandboxHandle, credentials, running
from connectors.sandbox.systems import systems
from tests.pipelines.world import IMPATIENT, World, sandbox_config
from tests.servers import MARIADB, POSTGRES, demand

CLIENTS = 60
FIELDS = {"full_name": "name", "email": "email"}
# what the sandbox calls its counts, where a stream bears another name
STREAM = {("google_ads", "spend_days"): "ad_spend_daily"}


@contextmanager
def _clients(url: str, table: str) -> Iterator[None]:
    """A table of clients in a database, for the length of a test."""
    engine = sa.create_engine(demand(url))
    rows = [{"id": n, "name": f"Client Number{n}", "email": f"client{n}@firm{n}.example"} for n in range(CLIENTS)]
    with engine.begin() as con:
        con.exec_driver_sql(
            f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(80), email VARCHAR(80),"
            " changed TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
        )
        con.execute(sa.text(f"INSERT INTO {table} (id, name, email) VALUES (:id, :name, :email)"), rows)
    try:
        yield
    finally:
        with engine.begin() as con:
            con.exec_driver_sql(f"DROP TABLE {table}")
        engine.dispose()


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, SandboxHandle, dict[str, str]]]:
    """A hub of all of it, synced once; the sandbox; and every secret by variable."""
    root, table = tmp_path_factory.mktemp("everything"), f"clients_{uuid4().hex[:8]}"
    secrets = {**credentials.env(), "ERP_URL": POSTGRES, "SHOP_URL": MARIADB}
    secrets |= {name: value for system in systems() for name, value in system.env.items()}
    (root / "in").mkdir()
    (root / "in" / "contacts.jsonl").write_text(
        "".join(json.dumps({"id": n, "name": f"Contact Number{n}", "email": f"c{n}@old{n}.example"}) + "\n" for n in range(40))
    )
    databases = (_clients(POSTGRES, table), _clients(MARIADB, table))
    with databases[0], databases[1], pytest.MonkeyPatch.context() as patch, running(seed=7, people=80) as sandbox:
        for name, value in secrets.items():
            patch.setenv(name, value)
        config = sandbox_config(sandbox.base_url)
        for system in systems():
            config["sources"][system.name] = {**system.source, "base_url": sandbox.url(system.name), "retry": dict(IMPATIENT)}
        for name, variable in (("erp", "ERP_URL"), ("till", "SHOP_URL")):
            stream = {"table": table, "kind": "party", "id": "id", "updated_at": "changed", "fields": FIELDS}
            config["sources"][name] = {"type": "sql", "url": f"${{{variable}}}", "streams": {"clients": stream}}
        contacts = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": FIELDS}
        config["sources"]["old_crm"] = {"type": "files", "streams": {"contacts": contacts}}
        world = World(root, {**config, "sync": {"at_a_time": 4}})
        outcome = world.sync()
        assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", 0, {})
        yield world, sandbox, secrets


def test_all_rows_arrive(everything: tuple[World, SandboxHandle, dict[str, str]]) -> None:
    world, sandbox, _ = everything
    counts = sandbox.state()["counts"]
    with world.working() as con:
        for source, streams in {**counts, "erp": {"clients": CLIENTS}, "till": {"clients": CLIENTS}}.items():
            for name, expected in streams.items():
                stream = STREAM.get((source, name), name)
                found = con.execute(
                    f"SELECT count(*) FILTER (op = 'upsert') FROM (FROM raw.\"{source}__{stream}\""
                    " QUALIFY row_number() OVER (PARTITION BY source_record_id ORDER BY version DESC) = 1)"
                ).fetchall()[0][0]
                assert found >= expected > 0, (source, stream)
        living = con.execute("SELECT record_key, merged_into FROM staging.party_record WHERE NOT is_deleted").fetchall()
        staged = {key for key, merged_into in living if merged_into is None}
        assert con.execute("SELECT count(*) FROM staging.rejected").fetchall() == [(0,)]
    truth = {":".join(line.split(",")[:3]) for line in sandbox.truth().splitlines()[1:]}
    assert truth <= staged
    ours = {key for key in staged if key.split(":")[0] not in ("erp", "till", "old_crm")}
    assert ours - truth == set(), "somebody who is no customer of the vendor's"
    systems_seen = {row[0] for row in world.ask("SELECT DISTINCT unnest(source_systems) FROM golden.customer")}
    assert systems_seen >= set(world.config["sources"])


def test_a_contact_that_the_vendor_merged_is_the_customer_it_was_merged_into(
    everything: tuple[World, SandboxHandle, dict[str, str]],
) -> None:
    world, _, _ = everything
    with world.working() as con:
        query = "SELECT record_key, merged_into FROM staging.party_record WHERE NOT is_deleted AND merged_into IS NOT NULL"
        merged = con.execute(query).fetchall()
    assert {key.split(":")[0] for key, _ in merged} == {"xero"}
    rows = world.ask("SELECT record_key, customer_id, link_reason FROM identity.customer_xref WHERE is_current")
    placed = {key: (customer, reason) for key, customer, reason in rows}
    for key, into in merged:
        assert placed[key] == (placed[into][0], "source_merge")


def test_the_second_sync_asks_only_for_changes(everything: tuple[World, SandboxHandle, dict[str, str]]) -> None:
    world, _, _ = everything
    first = dict(world.ask("SELECT source_system, sum(api_calls)::INT FROM ops.sync_run GROUP BY 1"))
    outcome = world.sync()
    again: dict[str, int] = {}
    for row in outcome.streams:
        again[row["source_system"]] = again.get(row["source_system"], 0) + row["api_calls"]
        changed = {name: row[f"rows_{name}"] for name in ("inserted", "updated", "deleted", "quarantined")}
        assert not any(changed.values()), (row["source_system"], row["stream"], changed)
    assert (outcome.action, outcome.exit_code) == ("unchanged", 0)
    assert sum(again.values()) < sum(first.values())
    # in so small a world a first reading is a page or two, so that asking for changes may take as many calls
    assert sum(again.values()) < sum(first.values())
    assert (
        sum(row["rows_extracted"] for row in outcome.streams) < world.ask("SELECT sum(rows_extracted) FROM ops.sync_run")[0][0] / 2
    )


def test_secrets_are_nowhere(everything: tuple[World, SandboxHandle, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, secrets = everything
    wrong = {name: f"wrong-{uuid4().hex}" for name in secrets if not name.endswith("_URL")}
    wrong |= {
        "ERP_URL": "postgresql+psycopg://postgres:wr0ng-pass@127.0.0.1:1/test",
        "SHOP_URL": "mysql+pymysql://root:wr0ng-pass@127.0.0.1:1/test",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    outcome = world.sync()
    assert outcome.exit_code == 4
    words = {*wrong.values(), *(value for name, value in secrets.items() if not name.endswith("_URL")), "wr0ng-pass"}
    said = json.dumps([outcome.errors, outcome.streams, outcome.load], default=str)
    assert [word for word in words if word in said] == []
    for folder in (world.root / "var", world.root / "data"):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and "private" not in path.parts:
                content = path.read_bytes().decode(errors="ignore")
                assert [word for word in words if word in content] == [], path
    for path in (world.root / "data" / "private").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} can be read by others"
