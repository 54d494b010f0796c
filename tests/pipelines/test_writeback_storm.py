"""Merges and splits at random, through throttles, lost answers, outages and kills: in the end each record holds its own ID."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.contract import Connector
from connectors.writeback import WriteBackSettings
from hub.contract.errors import SourceUnavailableError
from hub.identity.registry import mint
from pipelines.writeback.outbox import Outbox
from pipelines.writeback.run import Options, Result, _Stream
from tests.connectors.conformance.counterpart import Counterpart
from tests.connectors.conformance.test_suite import _TLS
from tests.connectors.writers import CASES, Case
from tests.loopback import Reply, Request
from tests.pipelines.test_writeback_owed import Load
from warehouse.control import ControlStore

RECORDS, ROUNDS = 24, 12


class KilledError(Exception):
    """The process ends here."""


class Storm:
    """A vendor, a load in miniature that changes, and the outbox between them."""

    def __init__(self, case: Case, vendor: Counterpart, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self.case, self.vendor, self.rng = case, vendor, Random(seed)
        self.records = [vendor.put() for _ in range(RECORDS)]
        self.former: dict[str, list[str]] = {}
        self.owner = {record: self.new_id() for record in self.records}
        self.hub: Any = SimpleNamespace(control=ControlStore(str(folder / "control.db")))
        self.connector: Connector = vendor.connect()
        self.kill_in = 0
        self.killed = False
        note = Outbox.note

        def noted(outbox: Outbox, *given: Any) -> None:
            self.kill_in -= 1
            if self.kill_in == 0:
                raise KilledError
            note(outbox, *given)

        monkeypatch.setattr(Outbox, "note", noted)

    def new_id(self) -> str:
        """An ID that was not there before."""
        made = mint(b"secret", "desk", len(self.former))
        self.former[made] = []
        return made

    def day(self) -> None:
        """A few merges and splits; a split gives a former ID back, or a new one."""
        for _ in range(self.rng.randint(1, 5)):
            one, other = self.rng.sample(self.records, 2)
            winner, loser = self.owner[one], self.owner[other]
            if winner != loser:
                for record in self.records:
                    if self.owner[record] == loser:
                        self.owner[record] = winner
            else:
                unused = [customer for customer in self.former if customer not in self.owner.values()]
                self.owner[one] = self.rng.choice(unused) if unused and self.rng.random() < 0.7 else self.new_id()
        self.vendor.tick(5)

    def load(self) -> Load:
        """What is published now."""
        made = Load()
        for customer in set(self.owner.values()):
            made.customer(customer, *(record for record in self.records if self.owner[record] == customer))
        made.con.execute(
            f"UPDATE identity.customer_xref SET source_system = '{self.connector.name}', stream = '{self.vendor.stream}'"
        )
        made.con.executemany("INSERT INTO identity.customer_registry VALUES (?)", [[customer] for customer in self.former])
        return made

    def run(self) -> Result:
        """One run of the write-back."""
        settings = WriteBackSettings(fields={"customer_id": self.case.id_field})
        result = Result("source", "load")
        load = self.load()
        try:
            stream = _Stream(self.hub, load.con, self.connector, self.vendor.stream, settings, Options(), result)
            stream.deliver()
        finally:
            load.con.close()
        return result

    def wrong(self) -> dict[str, Any]:
        """Records that hold another ID than they should, and customers of whom none has it."""
        held = {record: self.case.held(self.vendor, record, self.case.id_field) or None for record in self.records}
        if self.connector.writer(self.vendor.stream, self.case.kinds).is_unique(self.case.id_field):  # type: ignore[union-attr]
            strays = {record: value for record, value in held.items() if value not in (None, self.owner[record])}
            return strays | dict.fromkeys(set(self.owner.values()) - set(held.values()))
        return {record: value for record, value in held.items() if value != self.owner[record]}


def faults(storm: Storm) -> Sequence[Callable[[], None]]:
    """What can go wrong in a run."""
    rng, vendor, writes = storm.rng, storm.vendor, storm.case.writes

    def struck(times: int, reply: Reply) -> Callable[[Request], Reply | None]:
        left = [times]

        def strike(request: Request) -> Reply | None:
            if rng.random() < 0.5 and left[0]:
                left[0] -= 1
                return reply
            return None

        return strike

    def throttled() -> None:
        vendor.before.append(struck(3, Reply({}, 429, {"retry-after": "1"})))

    def lost() -> None:
        strike = struck(rng.choice((1, 12)), Reply(b"", 504))
        vendor.after.append(lambda request, reply: (writes(request) and strike(request)) or reply)

    def down() -> None:
        vendor.before.append(lambda request: Reply({}, 503))

    def killed() -> None:
        storm.kill_in = rng.randint(1, 4)

    return (throttled, lost, down, killed)


@pytest.fixture(params=list(CASES))
def storm(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storm]:
    monkeypatch.setattr("connectors.http.pause", lambda seconds: None)
    monkeypatch.setattr("ssl.create_default_context", lambda *args, **options: _TLS)
    case = CASES[request.param]
    with case.counterpart(tmp_path, monkeypatch).running() as vendor:
        made = Storm(case, vendor, tmp_path, monkeypatch, seed=17)
        yield made
        made.hub.control.close()


def test_after_a_storm_every_record_holds_its_customers_id_and_nothing_more_is_sent(storm: Storm) -> None:
    went_wrong = 0
    for _ in range(ROUNDS):
        storm.day()
        storm.vendor.before.clear()
        storm.vendor.after.clear()
        for fault in storm.rng.sample(faults(storm), storm.rng.randint(0, 2)):
            fault()
        try:
            went_wrong += storm.run().error is not None
        except (KilledError, SourceUnavailableError):
            went_wrong += 1
        storm.kill_in = 0
    assert went_wrong > 1
    storm.vendor.before.clear()
    storm.vendor.after.clear()
    calm = storm.run()
    assert (calm.error, calm.fates["dead"], calm.fates["kept"]) == (None, 0, 0)
    assert storm.wrong() == {}
    before = storm.connector.calls()[0]
    assert storm.run().fates == {"unchanged": RECORDS}
    assert storm.connector.calls()[0] == before
