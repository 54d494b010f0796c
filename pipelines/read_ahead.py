"""The streams of a source's Dagster run, read ahead of their steps: while one is taken in, others are being read.

Dagster's steps stay in one thread, in the order of `Connector.streams`; only the readings are in threads of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Connector, Stream
from connectors.extract import Extraction
from connectors.reading_lock import ReadingLock
from connectors.readings import Readings
from pipelines.context import Hub
from pipelines.ingest import SyncRef, SyncRequest, align_mirrors, extract


class ReadAhead:
    """The readings of one source's run under way in this process.

    Args:
        connector: the one that reads.
    """

    def __init__(self, hub: Hub, connector: Connector) -> None:
        self._hub, self._connector = hub, connector
        self._run: str | None = None
        self._readings: Readings | None = None

    def serves(self, requests: Mapping[str, SyncRequest]) -> bool:
        """Whether a run is to be read ahead. A backfill is not: each of its windows follows what its stream just took in."""
        settings = self._hub.config.sources[self._connector.name]
        return settings.streams_at_a_time > 1 and len(requests) > 1 and not any(asked.window for asked in requests.values())

    def readings(self, ref: SyncRef, requests: Mapping[str, SyncRequest]) -> Readings:
        """The readings of a run; begun when they are first asked for.

        Args:
            requests: how each stream of the run is to be read.

        Raises:
            WarehouseError: the landing folder or the warehouse cannot be used.
        """
        if self._readings is None or self._run != ref.sync_run_id:
            self.stop()
            self._readings, self._run = self._begin(ref, requests), ref.sync_run_id
        return self._readings

    def stop(self) -> None:
        """Read no further, should a run have been broken off."""
        if self._readings is not None:
            self._readings.stop()
            self._readings = None

    def _begin(self, ref: SyncRef, requests: Mapping[str, SyncRequest]) -> Readings:
        hub, connector = self._hub, self._connector
        streams = [stream for stream in connector.streams() if stream.name in requests]
        at_a_time = min(hub.config.sources[connector.name].streams_at_a_time, connector.most_streams)

        def read(stream: Stream) -> Extraction:
            return extract(hub, connector, ref, requests[stream.name], stream)

        lock = ReadingLock(hub.config.warehouse.landing, connector.name)
        lock.acquire()
        try:
            align_mirrors(hub, connector.name, [stream.name for stream in streams])
            return Readings(streams, read, at_a_time=at_a_time, lock=lock)
        except BaseException:
            lock.release()
            raise
