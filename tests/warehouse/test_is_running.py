"""Which processes count as running."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from warehouse.locks import is_running


def test_a_process_that_ended_is_not_running_although_nobody_has_asked_for_its_exit_code() -> None:
    process = subprocess.Popen(["true"])
    try:
        deadline = time.monotonic() + 30
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_running(process.pid)
    finally:
        process.wait()
    assert not is_running(process.pid)


def test_a_process_of_anybodys_that_is_there_is_running() -> None:
    assert is_running(os.getpid())
    assert is_running(1)
