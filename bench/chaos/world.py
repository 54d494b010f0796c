"""Sources that change from day to day: the vendor sandbox, and a CRM whose export is edited by hand."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import yaml

from connectors.sandbox import SandboxHandle, serve

ROOT = Path(__file__).resolve().parents[2]
VENDORS = ("shopify", "zendesk")  # whose few streams make for many kills
CONTACTS = 60


@contextmanager
def sandbox(folder: Path, seed: int, people: int) -> Iterator[SandboxHandle]:
    """A sandbox in a process of its own."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        serve(port=0, seed=seed, people=people, state_dir=folder, on_ready=lambda url: _tell(theirs, url))
        os._exit(0)
    os.close(theirs)
    try:
        with os.fdopen(ours) as told, SandboxHandle(told.read()) as handle:
            yield handle
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _tell(pipe: int, url: str) -> None:
    os.write(pipe, url.encode())
    os.close(pipe)


def config(base_url: str, folder: Path) -> dict[str, Any]:
    """A hub.yaml over the sandbox and the CRM's export in a folder."""
    text = (ROOT / "hub.yaml").read_text().replace("${HUB_SANDBOX_URL:-http://127.0.0.1:8377}", base_url)
    found: dict[str, Any] = yaml.safe_load(text)
    found["sources"] = {name: found["sources"][name] for name in VENDORS}
    found["sources"]["zendesk"]["exports_per_minute"] = 1000
    fields = {"full_name": "name", "email": "email", "phone": "phone", "city": "city"}
    contacts = {"path": str(folder / "contacts.csv"), "kind": "party", "id": "id", "fields": fields, "deletes": "snapshot"}
    found["sources"]["crm"] = {"type": "files", "country": "US", "streams": {"contacts": contacts}}
    found["reporting"]["rates"] = str(ROOT / "rates.csv")
    return {**found, "sync": {"at_a_time": 2}}


class Crm:
    """The export of a CRM: contacts that come, change, go, and turn out to be one person, or two after all."""

    def __init__(self, folder: Path, rng: Random) -> None:
        self._path, self._rng = folder / "contacts.csv", rng
        self._contacts = {n: _contact(n) for n in range(CONTACTS)}
        self._twins: dict[int, dict[str, str]] = {}
        self._export()

    def new_day(self) -> None:
        """Two come, two change, one goes, two become one, and two that were one part again."""
        rng, there = self._rng, self._contacts
        for _ in range(2):
            number = max(there) + 1
            there[number] = _contact(number)
        for number in rng.sample(sorted(there), 2):
            there[number] = {**there[number], "city": rng.choice(("Boston", "Austin", "Denver"))}
        there.pop(rng.choice(sorted(there.keys() - self._twins.keys())))
        for number in [number for number in self._twins if number in there][:1]:
            there[number] = self._twins.pop(number)
        one, other = rng.sample(sorted(there.keys() - self._twins.keys()), 2)
        self._twins[other] = there[other]
        there[other] = {**there[one], "id": str(other)}
        self._export()

    def _export(self) -> None:
        with open(self._path, "w", newline="", encoding="utf-8") as sink:
            writer = csv.DictWriter(sink, list(_contact(0)))
            writer.writeheader()
            writer.writerows(self._contacts.values())


def _contact(number: int) -> dict[str, str]:
    given = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Finn", "Gil", "Hana")[number % 8]
    family = f"{chr(65 + number % 23)}{chr(97 + number // 23 % 23)}{chr(97 + number * 7 % 23)}mann"
    return {
        "id": str(number),
        "name": f"{given} {family}",
        "email": f"{given}.{family}{number}@mail{number % 7}.example".lower(),
        "phone": f"+1 617 555 {number:04}",
        "city": "Boston",
    }
