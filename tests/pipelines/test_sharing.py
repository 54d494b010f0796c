"""The shared file follows the published load: forwards by what changed, back with a rollback, and after a crash by looking."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub.contract.errors import ConfigError
from pipelines.config import load_config
from pipelines.doctor import examine
from pipelines.publishing import adopt_published
from pipelines.rollback import release, rollback
from pipelines.sharing import settle_shared
from tests.pipelines.days import CONFIG, Days, copied, second_day
from tests.pipelines.world import World
from warehouse.publish import kept_loads, live_load
from warehouse.sharing import shared_file, shared_load


@pytest.fixture(scope="module")
def days(settled_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A hub of two loads that begins to share. The tests go on with it one after the other."""
    made = copied(settled_days, tmp_path_factory.mktemp("sharing"))
    made.world.configure({**made.world.config, "warehouse": {"keep_loads": 2, "shared": "data/shared/golden.duckdb"}})
    return made


def ask(days: Days, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(days.root / "data" / "shared" / "golden.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def shows(days: Days) -> tuple[str | None, str | None]:
    """The load that analysts see, and the one that is shared."""
    with days.world.hub() as hub:
        return live_load(hub.config.warehouse), shared_load(hub.config.warehouse)


def test_a_hub_that_begins_to_share_shares_the_load_it_has(days: Days) -> None:
    assert shows(days)[1] is None
    with days.world.hub() as hub:
        adopt_published(hub)  # what a sync does first
    live, shared = shows(days)
    assert live == shared
    assert ask(days, "SELECT count(*), count(full_name), count(email) FROM golden.customer") == [(240, 0, 240)]
    assert ask(days, "SELECT load_id FROM ops.shared_state") == [(live,)]
    told = "SELECT comment FROM duckdb_columns() WHERE table_name = 'customer' AND column_name = 'email'"
    assert ask(days, told) == days.world.ask(told)


def test_a_rollback_takes_the_shared_file_along_and_open_sessions_keep_theirs(days: Days) -> None:
    second = shows(days)[0]
    with duckdb.connect(str(days.root / "data" / "shared" / "golden.duckdb"), read_only=True) as reader, days.world.hub() as hub:
        back = rollback(hub, None, by="ops")
        assert reader.execute("SELECT load_id FROM ops.shared_state").fetchall() == [(second,)]
    assert shows(days) == (back.load_id, back.load_id)
    assert ask(days, "SELECT count(*) FROM golden.customer_order") == days.world.ask("SELECT count(*) FROM golden.customer_order")
    with days.world.hub() as hub:
        release(hub, by="ops")


def test_the_next_load_is_shared_by_what_changed_and_is_as_if_made_whole(days: Days) -> None:
    files = second_day()
    files["customers"][5]["email"] = "moved@mail.org"
    files["customers"] = [row for row in files["customers"] if row["id"] != "7"]
    files["contacts"] = [row for row in files["contacts"] if row["id"] != "7"]
    days.write(files)
    verdict = days.load()
    assert verdict is not None
    assert verdict.decision == "pass"
    assert shows(days) == (verdict.load_id, verdict.load_id)
    with days.world.hub() as hub:
        settings = hub.config.warehouse
        assert {path.stem.removeprefix("golden-") for path in settings.shared_loads.iterdir()} <= set(kept_loads(settings))
        grown = shared_file(settings, verdict.load_id)
        kept = days.root / "grown.duckdb"
        shutil.copyfile(grown, kept)
        shutil.rmtree(settings.shared_loads)
        settings.shared.unlink()  # type: ignore[union-attr]
        settle_shared(hub)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{kept}' AS grown (READ_ONLY); ATTACH '{grown}' AS whole (READ_ONLY)")
        tables = [name for (name,) in con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()]
        assert len(tables) > 80
        for table in sorted(set(tables)):
            sides = [
                f"(FROM {one}.{table} EXCEPT ALL FROM {other}.{table})" for one, other in (("grown", "whole"), ("whole", "grown"))
            ]
            assert con.execute(" UNION ALL ".join(sides)).fetchall() == [], table


def test_after_a_crash_between_the_two_links_the_next_sync_mends_the_second(days: Days) -> None:
    live = shows(days)[0]
    with days.world.hub() as hub:
        settings = hub.config.warehouse
        assert settings.shared is not None
        settings.shared.unlink()
        settings.shared.symlink_to("published/golden-gone.duckdb")
        (settings.shared_loads / ".golden-cut-off.duckdb.tmp").touch()
        assert {f.check for f in examine(hub) if f.severity != "ok"} >= {"shared", "leftover"}
        adopt_published(hub)
        assert [f.severity for f in examine(hub) if f.check == "shared"] == ["ok"]
    assert shows(days) == (live, live)
    assert ask(days, "SELECT count(*) FROM golden.customer_360") == days.world.ask("SELECT count(*) FROM golden.customer_360")


def test_an_open_folder_for_both_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="shared needs a folder of its own"):
        load_config(written(tmp_path, warehouse={"shared": "data/golden-shared.duckdb"}))


def test_a_masked_target_needs_a_shared_load(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"publish\.analysts\.masked"):
        load_config(written(tmp_path, publish=[{"name": "analysts", "url": "${URL}", "masked": True}]))


def written(folder: Path, **config: Any) -> Path:
    World(folder, {**CONFIG, **config})
    return folder / "hub.yaml"
