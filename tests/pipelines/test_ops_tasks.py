"""The five tasks of the ops page, done as it says: its commands are read out of it and run in order on a hub that needs them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.tour.days import CRM, export
from connectors.sandbox import SandboxHandle, running
from tests.pipelines.test_cli import Shell
from tests.pipelines.test_docs import DOCS, indented_blocks
from tests.pipelines.world import World, sandbox_config

SECTION = re.split(r"^## ", DOCS["ops"].partition("## Five tasks\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
TASKS = dict(
    zip(re.findall(r"^\*\*(.+?)\*\*", SECTION, re.MULTILINE), re.split(r"^\*\*.+?\*\*", SECTION, flags=re.M)[1:], strict=True)
)


def lines(task: str) -> list[str]:
    """The commands of a task."""
    return [line for block in indented_blocks(TASKS[task]) for line in block.splitlines()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SandboxHandle]:
    with running(seed=7, people=40, state_dir=tmp_path / "sandbox") as handle:
        yield handle


@pytest.fixture
def world(tmp_path: Path, shop: SandboxHandle) -> World:
    """A hub of a shop and a CRM. Tuesday's load is published; yesterday's is held, since the CRM sent its deals twice."""
    config = sandbox_config(shop.base_url)
    config["sources"] = {"shopify": config["sources"]["shopify"], "crm": CRM}
    world = World(tmp_path, config)
    export(tmp_path / "exports", 1)
    assert world.sync().action == "published"
    export(tmp_path / "exports", 3)
    assert world.sync().action == "held"
    return world


class Newcomer:
    """Types what the page says, with what the screen showed put in for LOAD and ID."""

    def __init__(self, shell: Shell, root: Path) -> None:
        self._shell, self._root, self.seen = shell, root, ""

    def __call__(self, line: str, ends: int = 0, **filled: str) -> str:
        for word, value in filled.items():
            assert word in line, line
            line = line.replace(word, value)
        command, _, into = line.partition(" > ")
        code, out, err = self._shell(*shlex.split(command)[1:])
        assert code == ends, f"{line}: {out}{err}"
        if into:
            (self._root / into).write_text(out)
        self.seen = out
        return out

    def found(self, pattern: str) -> str:
        """What the last command showed."""
        match = re.search(pattern, self.seen, re.MULTILINE)
        assert match, (pattern, self.seen)
        return match.group(1)


def test_an_ops_newcomer_does_the_five_tasks_from_the_page_alone(
    world: World, shop: SandboxHandle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    hub = Newcomer(Shell(world, capsys, monkeypatch), world.root)
    assert list(TASKS) == [
        "Why was yesterday's load held?",
        "Replay rows that were mended.",
        "Read last week of one source again.",
        "Go back to Tuesday.",
        "Pause a vendor.",
    ]

    status, loads, show, sync = lines("Why was yesterday's load held?")
    hub(status)
    load = hub.found(r"^held: load (\S+) by rows_doubled")
    assert load in hub(loads)
    said = hub(show, LOAD=load)
    assert "see whether the source was exported twice" in said
    assert "crm:deals:X-D-00000" in said
    export(world.root / "exports", 2)  # the CRM is mended
    hub(sync)
    assert "published load" in hub.seen

    listed, payload, release, sync, listed_again = lines("Replay rows that were mended.")
    hub(listed)
    row = hub.found(r"^(\w{12}) +crm +deals +D-00200")
    hub(payload, ID=row)
    mended = json.loads((world.root / "row.json").read_text())
    (world.root / "row.json").write_text(json.dumps({**mended, "amount": "99.50"}))
    hub(release, ID=row)
    assert "hub sync" in hub.seen, "what to do next is said"
    hub(sync)
    assert row not in hub(listed_again)
    assert world.ask("SELECT gross_amount::VARCHAR FROM golden.customer_order WHERE order_key = 'crm:deals:D-00200'") == [
        ("99.50",)
    ]

    (again,) = lines("Read last week of one source again.")
    hub(again)
    assert "shopify" in hub.seen

    loads, rollback, status, release, sync = lines("Go back to Tuesday.")
    hub(loads)
    tuesday = re.findall(r"^(\d{8}T\d{6}_\w+)\b.* published ", hub.seen, re.MULTILINE)[-1]
    hub(rollback, LOAD=tuesday)
    assert "hub rollback --release" in hub.seen
    assert f"load {tuesday}" in hub(status)
    hub(release)
    assert "hub sync" in hub.seen
    hub(sync)
    assert tuesday not in hub(status)

    pause, status, resume, sync = lines("Pause a vendor.")
    hub(pause)
    assert "hub resume shopify" in hub.seen
    assert "shopify is paused since" in hub(status)
    hub(resume)
    hub(sync)
    assert "paused" not in hub(status)
