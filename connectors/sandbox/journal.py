"""The state folder: what a world was made from, and every step that happened to it since.

``state.json`` says seed, people, origin, and where the clock stood when the world was last put down; ``journal.jsonl`` has every
day that was made and every write that came through a vendor's API, in order. One process at a time holds the folder.
"""

from __future__ import annotations

import fcntl
import json
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import IO, Any

from hub.contract.errors import ConfigError

DAYS_BACK = 7
# raised when the generator changes so that an old journal would make another world than it did
WORLD_VERSION = 1


class Journal:
    """What is kept in the state folder; without a folder nothing is kept.

    Raises:
        ConfigError: another process holds the folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                remedy = "end it (hub sandbox, make dev, make demo), or name another state folder"
                raise ConfigError("another sandbox is using this state folder", field=str(folder), remedy=remedy) from None

    def begin(self, seed: int, people: int, today: date) -> dict[str, Any]:
        """What the world is made from: as kept, or as asked if the folder is new.

        Raises:
            ConfigError: the folder holds a world made from something else, or cannot be read.
        """
        origin = datetime.combine(today - timedelta(days=DAYS_BACK), time_of_day(), UTC)
        start = int(origin.timestamp())
        asked = {"version": WORLD_VERSION, "seed": seed, "people": people, "origin": start, "clock": start}
        if self.folder is None:
            return asked
        path = self.folder / "state.json"
        if not path.exists():
            self._replace(asked)
            return asked
        kept = self._read(path.read_text(encoding="utf-8"))
        if set(kept) != set(asked) or kept["version"] != WORLD_VERSION:
            raise self.unfit("it was made by another version")
        if (kept["seed"], kept["people"]) != (seed, people):
            raise ConfigError(
                f"the sandbox state holds another world (seed {kept['seed']}, {kept['people']} people)",
                field=str(self.folder),
                remedy="ask for that one, or name another state folder",
            )
        return kept

    def entries(self) -> list[dict[str, Any]]:
        """The steps kept, oldest first. A last line that was cut off by a kill did not happen."""
        path = self.folder / "journal.jsonl" if self.folder else None
        if path is None or not path.exists():
            return []
        text = path.read_text(encoding="utf-8")
        whole, _, torn = text.rpartition("\n")
        if torn:
            path.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
        return [self._read(line) for line in whole.splitlines()]

    def note(self, entry: dict[str, Any]) -> None:
        """Keep a step."""
        if self.folder is not None:
            with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def put_down(self, made_from: dict[str, Any], clock: int) -> None:
        """Keep where the clock stands, and let go of the folder."""
        if self.folder is not None and self._lock is not None and not self._lock.closed:
            self._replace({**made_from, "clock": clock})
            self._lock.close()

    def unfit(self, why: str) -> ConfigError:
        """The error for a folder that cannot be used."""
        remedy = "delete the folder to begin a new world, or name another one"
        return ConfigError(f"the sandbox state cannot be used ({why})", field=str(self.folder), remedy=remedy)

    def _read(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            raise self.unfit("it is damaged") from None
        if not isinstance(found, dict):
            raise self.unfit("it is damaged")
        return found

    def _replace(self, state: dict[str, Any]) -> None:
        assert self.folder is not None
        fresh = self.folder / "state.json.new"
        fresh.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.folder / "state.json")
