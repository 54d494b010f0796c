"""Further targets as part of a sync: they follow the link, and one that fails undoes nothing and catches up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from hub.golden import VIEWS
from pipelines.instance import open_instance
from pipelines.runner import EXIT_OK, EXIT_SOURCE_FAILED
from pipelines.targets import VIEW_KEYS, all_specs
from tests.pipelines.test_cli import Shell
from tests.pipelines.world import World
from tests.servers import MARIADB, POSTGRES
from tests.warehouse.targets.kit import Database, target_database

STREAM = {"path": "in/contacts.jsonl", "kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}
SYSTEMS = {"pg": "postgres", "maria": "mariadb"}


def write(root: Path, people: int, domain: str = "mail") -> None:
    (root / "in").mkdir(exist_ok=True)
    rows = [{"id": n, "name": f"Person{n} Family{n}", "email": f"p{n}@{domain}{n}.org"} for n in range(people)]
    (root / "in" / "contacts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, Database]]:
    with (
        pytest.MonkeyPatch.context() as patched,
        target_database("postgres", patched) as one,
        target_database("mariadb", patched) as two,
    ):
        patched.setenv("PG_URL", POSTGRES)
        patched.setenv("MARIA_URL", MARIADB)
        yield {"pg": one, "maria": two}


@pytest.fixture(scope="module")
def world(databases: dict[str, Database], tmp_path_factory: pytest.TempPathFactory) -> World:
    """A hub with two targets, synced once. The tests go on with it one after the other."""
    publish = [
        {"name": name, "url": f"${{{name.upper()}_URL}}", "schema_prefix": db.prefix, "tables": {"exclude": ["identity.match_*"]}}
        for name, db in databases.items()
    ]
    made = World(
        tmp_path_factory.mktemp("hub"),
        {"publish": publish, "sources": {"crm": {"type": "files", "streams": {"contacts": STREAM}}}},
    )
    write(made.root, 40)
    outcome = made.sync()
    assert (outcome.action, outcome.exit_code) == ("published", EXIT_OK), outcome.error
    return made


def customers(db: Database) -> list[tuple[str, ...]]:
    return db.ask("SELECT customer_id, full_name, email, load_id FROM {golden.customer} ORDER BY 1")


def published(world: World) -> list[tuple[str, ...]]:
    return world.ask("SELECT customer_id, full_name, email, load_id FROM golden.customer ORDER BY 1")


def test_targets_have_what_is_published_but_for_what_is_left_out(world: World, databases: dict[str, Database]) -> None:
    for db in databases.values():
        assert customers(db) == published(world)
        assert db.ask("SELECT count(*) FROM {golden.customer_360}") == [(40,)]
        look = sa.inspect(db.engine)
        for schema in ("golden", "identity", "quality", "ops"):
            wanted = {spec.name for spec in all_specs() if spec.schema == schema and not str(spec).startswith("identity.match_")}
            assert set(look.get_table_names(f"{db.prefix}{schema}")) - {"hub_published"} == wanted
        keyed = {spec.name: spec.keys for spec in all_specs() if spec.schema == "golden"}
        for name, keys in keyed.items():
            found = look.get_pk_constraint(name, f"{db.prefix}golden")["constrained_columns"]
            assert tuple(found) == keys, name


def test_comments_are_in_every_target_and_in_the_published_file(world: World, databases: dict[str, Database]) -> None:
    spec = next(spec for spec in all_specs() if str(spec) == "golden.customer_identifier")
    assert spec.comment
    for db in databases.values():
        assert sa.inspect(db.engine).get_table_comment(spec.name, f"{db.prefix}golden")["text"] == spec.comment
    told = world.ask("SELECT comment FROM duckdb_tables() WHERE schema_name = 'golden' AND table_name = ?", spec.name)
    assert told == [(spec.comment,)]


def test_a_target_that_is_away_stops_nothing_and_catches_up(
    world: World, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Shell(world, capsys, monkeypatch)
    write(world.root, 41)
    monkeypatch.setattr("pipelines.build_assets._PATIENCE", dg.RetryPolicy(max_retries=1, delay=0))
    monkeypatch.setenv("PG_URL", sa.make_url(POSTGRES).set(port=1, password="s3cret").render_as_string(hide_password=False))
    code, out, err = hub("sync")
    assert code == EXIT_SOURCE_FAILED
    assert "published load" in out
    assert "target pg lags behind" in out
    assert "publish.pg: it does not answer" in out
    assert "s3cret" not in out + err
    assert len(published(world)) == 41
    assert customers(databases["maria"]) == published(world)
    assert len(customers(databases["pg"])) == 40
    found = {row["target"]: row for row in hub.json("status")["targets"]}
    assert (found["pg"]["current"], found["maria"]["current"]) == (False, True)
    code, out, _ = hub("check")
    assert code == 1
    assert "publish.pg: it does not answer" in out
    for path in (world.root / "var").rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes()
    monkeypatch.setenv("PG_URL", POSTGRES)
    code, out, _ = hub("sync")
    assert code == 0, out
    assert "nothing changed" in out
    assert customers(databases["pg"]) == published(world)
    assert [row["ok"] for row in hub.json("check")] == [True, True, True]


def test_a_target_is_brought_up_at_once_and_only_the_one_that_is_named(
    world: World, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Shell(world, capsys, monkeypatch)
    away = sa.make_url(POSTGRES).set(port=1).render_as_string(hide_password=False)
    monkeypatch.setattr("pipelines.build_assets._PATIENCE", dg.RetryPolicy(max_retries=1, delay=0))
    for name in SYSTEMS:
        monkeypatch.setenv(f"{name.upper()}_URL", away)
    write(world.root, 42)
    assert hub("sync")[0] == EXIT_SOURCE_FAILED
    code, out, _ = hub("publish", "pg")
    assert code == EXIT_SOURCE_FAILED
    assert "target pg lags behind" in out
    monkeypatch.setenv("PG_URL", POSTGRES)
    monkeypatch.setenv("MARIA_URL", MARIADB)
    code, out, _ = hub("publish", "pg")
    assert code == EXIT_OK, out
    assert "target pg: shows load" in out
    assert "maria" not in out
    assert customers(databases["pg"]) == published(world) != customers(databases["maria"])
    assert len(published(world)) == 42
    # all of them, and one that is up to date has nothing to do
    done = {row["target"]: row for row in hub.json("publish")}
    assert {name: row["current"] for name, row in done.items()} == {"pg": True, "maria": True}
    assert (done["pg"]["rows_written"], done["maria"]["rows_written"] > 0) == (0, True)
    assert customers(databases["maria"]) == published(world)
    code, _, err = hub("publish", "pgg")
    assert (code, "no target 'pgg' in hub.yaml" in err) == (1, True)


def test_targets_follow_a_rollback(
    world: World, databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Shell(world, capsys, monkeypatch)
    write(world.root, 41)
    assert hub("sync")[0] == 0
    code, out, _ = hub("rollback")
    assert code == 0, out
    assert "target pg: shows load" in out
    assert len(published(world)) == 41
    for db in databases.values():
        assert customers(db) == published(world)
        known = db.ask("SELECT status, count(*) FROM {identity.customer_registry} GROUP BY status ORDER BY 1")
        assert known == [("active", 41), ("retired", 1)]
    assert hub("rollback", "--release")[0] == 0


def test_each_target_is_an_asset_with_its_figures(world: World) -> None:
    with world.hub() as hub, open_instance(hub.config) as instance:
        for name in SYSTEMS:
            event = instance.get_latest_materialization_event(dg.AssetKey(["published", name]))
            assert event is not None
            assert event.asset_materialization is not None
            assert {"load_id", "rows_written", "dagster/row_count"} <= event.asset_materialization.metadata.keys()


def test_every_view_that_travels_says_what_tells_its_rows_apart() -> None:
    assert {*VIEW_KEYS} == {*(f"golden.{view}" for view in VIEWS), "identity.customer_redirect"}
