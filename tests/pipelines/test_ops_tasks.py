"""The five tasks of the ops page, done as it says: its commands are read out of it and run in order on a hub that needs them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bench.tour.days import CRM, export
from connectors.sandbox import running
from tests.pipelines.shared import built_once, copy_of
from tests.pipelines.test_cli import Shell
from tests.pipelines.test_docs import DOCS, indented_blocks
from tests.pipelines.world import World, sandbox_config
from warehouse import control_tables as t

SECTION = re.split(r"^## ", DOCS["ops"].partition("## Five tasks\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
TASKS = dict(
    zip(re.findall(r"^\*\*(.+?)\*\*", SECTION, re.MULTILINE), re.split(r"^\*\*.+?\*\*", SECTION, flags=re.M)[1:], strict=True)
)


def lines(task: str) -> list[str]:
    """The commands of a task."""
    return [line for block in indented_blocks(TASKS[task]) for line in block.splitlines()]


def config(base_url: str) -> dict[str, Any]:
    """A hub of a shop and a CRM."""
    found = sandbox_config(base_url)
    return {**found, "sources": {"shopify": found["sources"]["shopify"], "crm": CRM}}


def held(root: Path) -> None:
    """Tuesday's load is published; yesterday's is held, since the CRM sent its deals twice."""
    with running(seed=7, people=40, state_dir=root / "sandbox") as shop:
        world = World(root, config(shop.base_url))
        for day, action in ((1, "published"), (3, "held")):
            export(root / "exports", day)
            assert world.sync().action == action


def mended(root: Path, held: Path) -> None:
    """The CRM is mended, and a load is published again."""
    copy_of(held, root)
    with running(seed=7, people=40, state_dir=root / "sandbox") as shop:
        export(root / "exports", 2)
        assert World(root, config(shop.base_url)).sync().action == "published"


class Newcomer:
    """Types what the page says, with what the screen showed put in for LOAD and ID."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.seen = world, ""
        self._shell = Shell(world, capsys, monkeypatch)

    def __call__(self, line: str, **filled: str) -> str:
        for word, value in filled.items():
            assert word in line, line
            line = line.replace(word, value)
        command, _, into = line.partition(" > ")
        code, out, err = self._shell(*shlex.split(command)[1:])
        assert code == 0, f"{line}: {out}{err}"
        if into:
            (self.world.root / into).write_text(out)
        self.seen = out
        return out

    def found(self, pattern: str) -> str:
        """What the last command showed."""
        match = re.search(pattern, self.seen, re.MULTILINE)
        assert match, (pattern, self.seen)
        return match.group(1)


@pytest.fixture
def begin(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Newcomer]]:
    """Sits down before a hub: one whose load is held, or one that goes well again."""
    monkeypatch.setenv("COLUMNS", "200")
    with ExitStack() as stack:

        def sit_down(*, well: bool = True) -> Newcomer:
            hub = built_once(tmp_path_factory, "held-yesterday", held)
            if well:
                hub = built_once(tmp_path_factory, "mended-today", partial(mended, held=hub))
            copy_of(hub, tmp_path)
            shop = stack.enter_context(running(seed=7, people=40, state_dir=tmp_path / "sandbox"))
            return Newcomer(World(tmp_path, config(shop.base_url)), capsys, monkeypatch)

        yield sit_down


def test_the_tasks_are_those_that_are_tried_here() -> None:
    tried = re.findall(r'lines\("(.+)"\)', Path(__file__).read_text())
    assert tried == list(TASKS)


def test_why_a_load_was_held_and_what_to_do(begin: Callable[..., Newcomer]) -> None:
    status, loads, show, sync = lines("Why was yesterday's load held?")
    hub = begin(well=False)
    hub(status)
    load = hub.found(r"^held: load (\S+) by rows_doubled")
    assert load in hub(loads)
    said = hub(show, LOAD=load)
    assert "see whether the source was exported twice" in said
    assert "crm:deals:X-D-00000" in said
    export(hub.world.root / "exports", 2)
    assert "published load" in hub(sync)


def test_a_row_that_was_mended_by_hand_is_replayed(begin: Callable[..., Newcomer]) -> None:
    listed, payload, release, sync, listed_again = lines("Replay rows that were mended.")
    hub = begin()
    hub(listed)
    assert "hub quarantine release ID" in hub.seen, "what to do next is said"
    row = hub.found(r"^(\w{12}) +crm +deals +D-00200")
    hub(payload, ID=row)
    file = hub.world.root / "row.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "amount": "99.50"}))
    hub(release, ID=row)
    assert "hub sync" in hub.seen, "what to do next is said"
    hub(sync)
    assert row not in hub(listed_again)
    amount = "SELECT gross_amount::DOUBLE FROM golden.customer_order WHERE order_key = 'crm:deals:D-00200'"
    assert hub.world.ask(amount) == [(99.5,)]


def test_last_week_of_one_source_is_read_again(begin: Callable[..., Newcomer]) -> None:
    (again,) = lines("Read last week of one source again.")
    hub = begin()
    hub(again)
    assert "shopify" in hub.seen
    assert "crm" not in hub.seen
    with hub.world.hub() as opened:
        modes = opened.control.rows(sa.select(t.sync_run.c.source_system, t.sync_run.c.mode).where(t.sync_run.c.mode == "backfill"))
    assert {row["source_system"] for row in modes} == {"shopify"}


def test_a_hub_goes_back_to_tuesday_and_on_again(begin: Callable[..., Newcomer]) -> None:
    loads, rollback, status, release, sync = lines("Go back to Tuesday.")
    hub = begin()
    hub(loads)
    assert "hub rollback LOAD" in hub.seen, "what to do next is said"
    tuesday = re.findall(r"^(\d{8}T\d{6}_\w+)\b.* published ", hub.seen, re.MULTILINE)[-1]
    hub(rollback, LOAD=tuesday)
    assert "hub rollback --release" in hub.seen
    assert f"pinned: load {tuesday}" in hub(status)
    assert "hub sync" in hub(release)
    hub(sync)
    assert tuesday not in hub("hub status")


def test_a_vendor_is_paused_and_resumed(begin: Callable[..., Newcomer]) -> None:
    pause, status, resume, sync = lines("Pause a vendor.")
    hub = begin()
    hub(pause)
    assert "hub resume shopify" in hub.seen
    assert "shopify is paused since" in hub(status)
    assert "hub sync" in hub(resume)
    hub(sync)
    assert "paused" not in hub("hub status")
