"""A sync that is killed loses nothing and doubles nothing: kill -9 before and after every rename and commit, and at any moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from connectors.sandbox import running
from tests.pipelines.world import ROOT, sandbox_config

MOMENTS = 20


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("killed")
    with running(seed=7, people=40) as sandbox:
        config = sandbox_config(sandbox.base_url)
        config["sources"] = {"zendesk": {**config["sources"]["zendesk"], "per_page": 8}}
        asked = json.dumps({"config": config, "moments": MOMENTS, "seed": 1})
        command = [sys.executable, "-m", "tests.pipelines.kill_driver", str(folder)]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_there_is_much_to_lose(report: dict[str, Any]) -> None:
    assert report["unbroken"]["rows"] > 50
    assert report["unbroken"]["counted"] == report["unbroken"]["rows"]
    kinds = {name.removeprefix("before ").removeprefix("after ") for name in report["points"]}
    assert {"rename to part", "rename to committed.json", "commit", "write of sync_run"} <= kinds


def test_a_sync_killed_at_any_point_or_moment_ends_as_one_that_was_not(report: dict[str, Any]) -> None:
    assert len(report["kills"]) == len(report["points"]) + MOMENTS
    assert [kill["at"] for kill in report["kills"] if not kill["killed"]] == []
    wrong = [kill for kill in report["kills"] if {n: kill.get(n) for n in report["unbroken"]} != report["unbroken"]]
    assert wrong == []
