"""`hub sync` in processes of its own that can be killed at a chosen stage: forked, so that one costs a sync and not a start."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from multiprocessing import forkserver
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from bench.chaos.marks import BOOT, EXTRACTION, MARKS, RAW, STAGES, START
from pipelines import forking

T = TypeVar("T")
_PATIENCE = 1800.0  # seconds, on however busy a machine
_FAREWELL = 10.0  # seconds in which readers have to end after their command


@dataclass(frozen=True)
class Ended:
    """How a sync ended.

    Attributes:
        stage: in which it was when it was killed; None if it ended by itself.
        how: what was killed: the command, a reader, or the machine.
        code: its exit code.
        lasted: seconds in each stage.
        said: what it printed, as JSON, and on standard error.
    """

    stage: str | None
    how: str
    code: int | None
    lasted: dict[str, float]
    said: dict[str, Any]
    complained: str


def start_server() -> None:
    """Start the server that forks the readers of all syncs: one for them all, as a start of it is half a sync."""
    forkserver.set_forkserver_preload(["bench.chaos.marks"])
    forkserver.ensure_running()
    # syncs are forked from this process, so that the server runs but is no child of theirs, which they would ask it for
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[attr-defined]
    forking.start = lambda: None


def learn(root: Path) -> None:
    """Import here what the last sync of a hub had imported by its end, so that those to come need not."""
    for name in (root / "modules").read_text().splitlines():
        with suppress(Exception):  # some are made by others, not imported
            import_module(name)


def in_child(act: Callable[[], T]) -> T:
    """What an act returns that is done in a process of its own: DuckDB's threads would not survive a fork."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        try:
            told: tuple[bool, Any] = (True, act())
        except BaseException:
            told = (False, traceback.format_exc())
        with os.fdopen(theirs, "wb") as sink:
            pickle.dump(told, sink)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as source:
        well, done = pickle.load(source)
    os.waitpid(pid, 0)
    if not well:
        raise RuntimeError(done)
    return done  # type: ignore[no-any-return]


def sync(root: Path) -> Ended:
    """One that nobody kills."""
    return _Sync(root).wait()


def killed_sync(root: Path, stage: str, usual: dict[str, float], rng: Random, victims: Sequence[str]) -> Ended:
    """One that is killed at a random moment of a stage, if it gets there; what is killed is one of `victims`, see `_Sync.kill`."""
    running = _Sync(root)
    while not running.reached(stage):
        if running.over():
            return running.wait()
        time.sleep(0.005)
    time.sleep(rng.uniform(0.0, usual.get(stage, 0.2)))
    return running.kill(rng, victims)


class _Sync:
    """A `hub sync` under way."""

    def __init__(self, root: Path) -> None:
        self._root, self._marks = root, root / "marks"
        self._out, self._err, self._temporary = root / "stdout", root / "stderr", root / "tmp"
        self._marks.unlink(missing_ok=True)
        self._code: int | None = None
        self._pid = os.fork()
        if self._pid == 0:
            self._run()

    def _run(self) -> None:
        for number, path in ((1, self._out), (2, self._err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.environ[MARKS] = str(self._marks)
        self._temporary.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = str(self._temporary)
        tempfile.tempdir = None
        os.chdir(self._root)
        from bench.chaos.marks import mark
        from pipelines.cli import main

        mark(START)
        sys.argv = ["hub", "sync", "--json"]
        code = 1
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            (self._root / "modules").write_text("\n".join(sorted(sys.modules)))
            os._exit(code)

    def over(self) -> bool:
        """Whether it has ended."""
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is not None

    def reached(self, stage: str) -> bool:
        """Whether it was in a stage."""
        return any(said == stage for _, _, said in self._said())

    def wait(self) -> Ended:
        """Let it end."""
        deadline = time.monotonic() + _PATIENCE
        while not self.over():
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                raise RuntimeError(f"a sync of {self._root} hangs: {self._err.read_text()[-2000:]}")
            time.sleep(0.01)
        return self._ended(None, "")

    def kill(self, rng: Random, victims: Sequence[str]) -> Ended:
        """Kill the command, one of its readers, or all as a machine does that is started anew, with nothing in its /tmp."""
        readers = self._readers()
        how = rng.choice(["command", *(victim for victim in victims if readers or victim != "reader")])
        if self.over():
            return self._ended(None, "")
        if how == "reader":
            _kill(rng.choice(readers))
            stage = self._stage()
            ended = self.wait()
            return Ended(stage, how, ended.code, ended.lasted, ended.said, ended.complained)
        _kill(self._pid)
        stage = self._stage()
        for reader in readers if how == "machine" else []:
            _kill(reader)
        _, status = os.waitpid(self._pid, 0)
        self._code = os.waitstatus_to_exitcode(status)
        if self._code != -signal.SIGKILL:
            return self._ended(None, "")
        deadline = time.monotonic() + _FAREWELL
        while self._readers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"readers {self._readers()} of {self._root} go on after their command was killed")
            time.sleep(0.01)
        if how == "machine":
            shutil.rmtree(self._temporary)
            os.environ[BOOT] = str(int(os.environ.get(BOOT, "0")) + 1)
        return self._ended(stage, how)

    def _said(self) -> list[tuple[float, int, str]]:
        if not self._marks.exists():
            return []
        lines = [line.split() for line in self._marks.read_text().splitlines()]
        return [(float(at), int(pid), stage) for at, pid, stage in lines]

    def _readers(self) -> list[int]:
        return [pid for pid in {pid for _, pid, _ in self._said()} - {self._pid} if _runs(pid)]

    def _stage(self) -> str:
        last = {pid: stage for _, pid, stage in self._said()}
        own = last.pop(self._pid, START)
        return RAW if own == EXTRACTION and RAW in last.values() else own

    def _ended(self, stage: str | None, how: str) -> Ended:
        lasted = dict.fromkeys(STAGES, 0.0)
        own = [(at, stage) for at, pid, stage in self._said() if pid == self._pid]
        for (at, entered), (until, _) in pairwise(own):
            lasted[entered] += until - at
        lasted[RAW] = lasted[EXTRACTION]  # what readers do is not over when one of them has done it
        text = self._out.read_text()
        said = json.loads(text) if self._code is not None and self._code >= 0 and text.startswith("{") else {}
        return Ended(stage, how, self._code, {s: t for s, t in lasted.items() if t}, said, self._err.read_text())


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
