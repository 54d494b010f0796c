"""Dagster's history in PostgreSQL that cannot be opened: one line that names what to mend, for commands and the doctor alike."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hub.contract.errors import WarehouseAccessError
from pipelines.doctor import examine
from pipelines.instance import open_instance
from tests.deploy.kit import DEPLOY, env_example, free_port
from tests.pipelines.test_pauses import CONFIG
from tests.pipelines.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A hub with the instance of production, whose database server is away."""
    for name, value in env_example().items():
        if name.startswith("DAGSTER_"):
            monkeypatch.setenv(name, value or "s3cret")
    monkeypatch.setenv("DAGSTER_PG_PORT", str(free_port()))
    home = tmp_path / "var" / "dagster"
    home.mkdir(parents=True)
    shutil.copyfile(DEPLOY / "dagster.yaml", home / "dagster.yaml")
    return World(tmp_path, CONFIG)


def refusal(world: World) -> str:
    with world.hub() as hub, pytest.raises(WarehouseAccessError) as refused, open_instance(hub.config):
        pass
    return str(refused.value)


def test_a_server_that_is_away_is_named_with_what_it_said_and_without_the_password(world: World) -> None:
    line = refusal(world)
    assert f"the Dagster instance in {world.root}/var/dagster cannot be opened (" in line
    assert f"port {os.environ['DAGSTER_PG_PORT']} failed: Connection refused" in line
    assert "see that its server runs" in line
    assert "s3cret" not in line
    with world.hub() as hub:
        (found,) = [finding for finding in examine(hub) if finding.check == "dagster"]
    assert (found.severity, found.what in line, "server runs" in str(found.remedy)) == ("error", True, True)


def test_a_variable_that_is_not_set_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_PG_PORT")
    assert "cannot be opened (environment variable DAGSTER_PG_PORT is not set)" in refusal(world)
