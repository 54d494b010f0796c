"""A hub whose hub.yaml says ``engine: spark``: it publishes, leaves nothing behind, and the next sync links what changed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from tests.pipelines.test_files_hub import CONTACTS, PEOPLE, write
from tests.pipelines.world import World

pytestmark = pytest.mark.skipif(not (find_spec("pyspark") and which("java")), reason="without PySpark or Java")


def test_a_hub_links_on_spark_and_then_what_changed_on_duckdb(tmp_path: Path) -> None:
    twice = [(100 + n, name, email, "York") for n, name, email, _ in PEOPLE[:5]]
    write(tmp_path / "in" / "contacts.csv", "id,name,email,city", [*PEOPLE, *twice])
    sources = {"crm": {"type": "files", "country": "GB", "streams": {"contacts": CONTACTS}}}
    spark = {"master": "local[2]", "config": {"spark.sql.shuffle.partitions": 2}}
    world = World(tmp_path, {"sources": sources, "identity": {"engine": "spark", "spark": spark}})
    outcome = world.sync()
    assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", 0, {})
    figures = "SELECT records, clusters, candidate_pairs > 0 FROM identity.resolution_run ORDER BY ended_at"
    assert world.ask(figures) == [(45, 40, True)]
    assert [path.name for path in (tmp_path / "data" / "exchange").iterdir()] == ["spark.log"]
    world.configure({**world.config, "identity": {"engine": "duckdb"}})
    assert world.sync().action == "unchanged"
    write(tmp_path / "in" / "contacts.csv", "id,name,email,city", [*PEOPLE, *twice, (900, "Ann Other", "ann@other.org", "York")])
    world.configure({**world.config, "identity": {"engine": "spark", "spark": {"master": "no such master"}}})
    assert world.sync().action == "published"  # so little changed that Spark is not asked
    assert world.ask(figures)[-1][:2] == (46, 41)
