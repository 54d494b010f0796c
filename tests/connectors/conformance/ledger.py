"""What a connector's readings add up to: landed parts folded as the raw tables fold them, without a warehouse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.contract import Connector
from connectors.extract import Extraction, extract_stream, extract_window, stream_of
from connectors.landing import StreamLanding

_OLDEST = datetime.min.replace(tzinfo=UTC)


class Ledger:
    """The landing zone of one stream and what came through it.

    Attributes:
        current: record ID -> payload of its newest version; None if it is gone.
        versions: how many different versions of a record came, by record ID.
        rows: rows of the last reading.
    """

    def __init__(self, root: Path, stream: str) -> None:
        self.root, self.stream = root, stream
        self.current: dict[str, dict[str, Any] | None] = {}
        self.versions: dict[str, int] = {}
        self.merged: dict[str, str] = {}
        self.rejects: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self._hashes: dict[str, str] = {}

    def sync(self, connector: Connector, *, full: bool = False) -> Extraction:
        """Read from where it stopped, and take in what landed."""
        done = extract_stream(connector, stream_of(connector, self.stream), self.root, sync_run_id="run", full=full)
        self.take_in(connector)
        return done

    def backfill(self, connector: Connector, since: datetime, until: datetime) -> Extraction:
        """Read a window, and take in what landed."""
        stream = stream_of(connector, self.stream)
        done = extract_window(connector, stream, self.root, sync_run_id="backfill", since=since, until=until)
        self.take_in(connector)
        return done

    def landing(self, connector: Connector) -> StreamLanding:
        """The stream's landing folder."""
        return StreamLanding(self.root, connector.name, self.stream)

    def checkpoint(self, connector: Connector) -> dict[str, Any]:
        """The committed checkpoint."""
        value, _ = self.landing(connector).mirror()
        assert value is not None, "nothing was ever read"
        return dict(value)

    def pretend(self, connector: Connector, checkpoint: dict[str, Any]) -> None:
        """Let another checkpoint be the committed one."""
        landing = self.landing(connector)
        _, seq = landing.mirror()
        landing.committed(checkpoint, seq)

    def take_in(self, connector: Connector) -> None:
        """Fold the landed parts of whole readings, oldest first, and commit their cursor."""
        landing = self.landing(connector)
        parts = [(path, landing.info(path)) for path in landing.parts()]
        while parts and not parts[-1][1].complete:
            parts.pop()
        self.rows = [row for path, _ in parts for row in pq.read_table(path).to_pylist()]
        whole: set[str] | None = None
        for number, row in enumerate(self.rows):
            row["order"] = (row["source_updated_at"] or _OLDEST, number)
        for row in sorted(self.rows, key=lambda row: row["order"]):
            self._fold(row)
        if parts and parts[-1][1].snapshot:
            begun = max((n for n, (_, info) in enumerate(parts) if info.begins), default=None)
            if begun is not None:
                whole = {row["source_record_id"] for path, _ in parts[begun:] for row in pq.read_table(path).to_pylist()}
        if whole is not None:
            for key in self.current.keys() - whole:
                self.current[key] = None
        if parts:
            last = parts[-1][1]
            landing.committed(last.checkpoint, last.seq)

    def _fold(self, row: dict[str, Any]) -> None:
        key = row["source_record_id"]
        if row["op"] == "reject":
            self.rejects.append(row)
            return
        state = row["payload_hash"] if row["op"] == "upsert" else row["op"]
        if self._hashes.get(key) != state:
            self.versions[key] = self.versions.get(key, 0) + 1
        self._hashes[key] = state
        self.current[key] = json.loads(row["payload"]) if row["op"] == "upsert" else None
        if row["op"] == "merge":
            self.merged[key] = row["merged_into"]

    def state(self) -> dict[str, str]:
        """Record ID -> digest of its newest version, of all that live."""
        return {key: self._hashes[key] for key, payload in self.current.items() if payload is not None}
