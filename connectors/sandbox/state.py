"""The sandbox as a whole: a world and its clock, kept alive over restarts by the journal of what happened to it.

A start makes the world anew and replays the journal: the same steps make the same world, so there is nothing else to store.

Day 1 begins at midnight UTC, seven days before the day the world was made. From there its clock ticks as the real one does while
the sandbox runs, and jumps where it is told to; it never passes the real now.
"""

from __future__ import annotations

import csv
import gc
import io
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.sandbox import history
from connectors.sandbox.days import make_day
from connectors.sandbox.journal import Journal
from connectors.sandbox.population import DAY
from connectors.sandbox.shopify_books import UserError
from connectors.sandbox.stripe_objects import API_VERSION
from connectors.sandbox.systems import systems
from connectors.sandbox.world import World
from connectors.sandbox.writes import WRITES
from connectors.sandbox.zendesk_books import DuplicateEmailError

DEFAULT_SEED = 1
DEFAULT_PEOPLE = 5_000
TRUTH_COLUMNS = ("source_system", "stream", "source_record_id", "entity_id")


class Clock:
    """World time: it ticks with the real clock, is pushed on, and never passes the real now. Unix seconds."""

    def __init__(self, at: float, real: Callable[[], float]) -> None:
        self._real = real
        self.set(at)

    def set(self, at: float) -> None:
        """Stand at that time, or at the real now if that is earlier."""
        self._set_at = self._real()
        self._at = min(at, self._set_at)

    def now(self) -> int:
        """The time, in whole seconds."""
        real = self._real()
        return int(min(self._at + max(0.0, real - self._set_at), real))

    def room(self) -> int:
        """Seconds between it and the real now."""
        return int(self._real()) - self.now()


class Sandbox:
    """A world that can be read, written to and moved on in time.

    Args:
        seed, people: what the world is made from.
        state_dir: where it survives a restart; None for one that does not.
        today: the real day at creation; day 1 is seven days before it.
        real_clock: unix seconds, for tests.

    Raises:
        ConfigError: the state folder holds another world, is in use, or cannot be read.
    """

    stripe_version = API_VERSION

    def __init__(
        self,
        seed: int = DEFAULT_SEED,
        people: int = DEFAULT_PEOPLE,
        state_dir: Path | str | None = None,
        *,
        today: date | None = None,
        real_clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed, self.people, self.day = seed, people, 1
        self._journal = Journal(Path(state_dir) if state_dir is not None else None)
        self._made_from = self._journal.begin(seed, people, today or datetime.fromtimestamp(real_clock(), UTC).date())
        # a hundred thousand objects are made and all are kept: looking for garbage meanwhile doubles the time
        collecting = gc.isenabled()
        gc.disable()
        try:
            self.world = World(seed, people, self._made_from["origin"])
            history.write(self.world)
            clock = self._replay(self._made_from["clock"])
        finally:
            if collecting:
                gc.enable()
        self.clock = Clock(clock, real_clock)

    @cached_property
    def _writes(self) -> dict[str, Callable[..., Any]]:
        return WRITES | {name: write for system in systems() for name, write in system.writes.items()}

    def _replay(self, clock: int) -> int:
        for entry in self._journal.entries():
            try:
                self._apply(entry)
            except (KeyError, ValueError, TypeError, UserError, DuplicateEmailError) as error:
                raise self._journal.unfit(f"step {entry.get('do')!r} cannot be repeated") from error
            clock = max(clock, entry.get("to", entry["at"]))
        return clock

    def _apply(self, entry: dict[str, Any]) -> Any:
        if entry["do"] == "advance":
            self.day += 1
            return make_day(self.world, self.day, entry["at"], entry["to"])
        if entry["do"] == "clock":
            return None
        return self._writes[entry["do"]](self.world, entry["at"], **entry["with"])

    def _step(self, entry: dict[str, Any]) -> Any:
        done = self._apply(entry)
        self._journal.note(entry)
        return done

    def now(self) -> int:
        """World time, unix seconds."""
        return self.clock.now()

    def write(self, name: str, **arguments: Any) -> Any:
        """A write through a vendor's API, kept in the journal. Raises what the write raises, and then nothing has changed."""
        return self._step({"do": name, "at": self.now(), "with": arguments})

    def advance(self, days: int = 1) -> dict[str, Any]:
        """Make the next days happen, as many as fit before the real now. Returns the state, and how many days that were."""
        made = 0
        while made < days and self.clock.room() >= DAY:
            start = self.now()
            self._step({"do": "advance", "at": start, "to": start + DAY})
            self.clock.set(start + DAY)
            made += 1
        note = {} if made == days else {"note": "the sandbox has caught up with the real date; a further day needs tomorrow"}
        return {"advanced": made, **note, **self.state()}

    def push_clock(self, seconds: int) -> dict[str, Any]:
        """Push the clock on, at most to the real now. Returns the state."""
        target = self.now() + max(0, seconds)
        self.clock.set(target)
        self._step({"do": "clock", "at": self.now()})
        return self.state()

    def state(self) -> dict[str, Any]:
        """Seed, people, day, clock, counts per system."""
        clock = datetime.fromtimestamp(self.now(), UTC).isoformat()
        return {"seed": self.seed, "people": self.people, "day": self.day, "clock": clock, "counts": self.world.counts()}

    def truth_csv(self) -> str:
        """Who is behind every live party record, as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(self.world.truth())
        return text.getvalue()

    def write_truth(self, path: Path | str) -> None:
        """The same, into a file."""
        Path(path).write_text(self.truth_csv(), encoding="utf-8")

    def close(self) -> None:
        """Put the world down: a later start goes on from this time, and the folder is free."""
        self._journal.put_down(self._made_from, self.now())
