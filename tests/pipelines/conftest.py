from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox import SandboxHandle, running
from pipelines.cli import main
from tests.pipelines.days import settled
from tests.pipelines.shared import built_once
from tests.pipelines.world import Command, World, sandbox_config

SEED, PEOPLE = 7, 150


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub that has synced once, and the state of its sandbox: what most tests begin with, as copies."""

    def build(root: Path) -> None:
        with running(seed=SEED, people=PEOPLE, state_dir=root / "sandbox") as handle:
            outcome = World(root, sandbox_config(handle.base_url)).sync()
        assert (outcome.action, outcome.exit_code, outcome.errors) == ("published", 0, {})

    return built_once(tmp_path_factory, "first-day", build)


@pytest.fixture(scope="session")
def settled_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub over files that has published two ordinary days; tests work on copies (`days.copied`)."""
    return built_once(tmp_path_factory, "settled-days", settled)


@pytest.fixture
def sandbox(first_day: Path, tmp_path: Path) -> Iterator[SandboxHandle]:
    """A sandbox of 150 people on its first day."""
    shutil.copytree(first_day / "sandbox", tmp_path / "sandbox")
    with running(seed=SEED, people=PEOPLE, state_dir=tmp_path / "sandbox") as handle:
        yield handle


@pytest.fixture
def world(tmp_path: Path, sandbox: SandboxHandle) -> World:
    """A hub before its first sync."""
    return World(tmp_path, sandbox_config(sandbox.base_url))


@pytest.fixture
def synced(first_day: Path, tmp_path: Path, sandbox: SandboxHandle) -> World:
    """A hub after its first sync."""
    shutil.copytree(first_day / "data", tmp_path / "data", symlinks=True)
    return World(tmp_path, sandbox_config(sandbox.base_url))


@pytest.fixture
def hub(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `hub` in this process: the JSON it printed, or the one line of its error."""
    monkeypatch.chdir(world.root)
    for name in ("HUB_CONFIG", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, fails: bool = False, text: bool = False) -> Any:
        monkeypatch.setattr(sys, "argv", ["hub", *arguments, *([] if fails or text else ["--json"])])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert bool(ended.value.code) is fails, err
        if fails:
            assert err.count("\n") == 1
            return err
        return out if text else json.loads(out)

    return run
