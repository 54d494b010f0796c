"""Delivering what is owed: per source and stream, from the published load through the connector's writer into the outbox.

Each batch is noted once it was answered. So a process that dies owes no more than one batch that it may have sent, and the next run
reads each record before it writes: what took effect is found and not sent again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from connectors.contract import Connector
from connectors.delivery import Deliverer, Delivery
from connectors.writeback import WriteBackSettings, Writer
from hub.contract.errors import ConfigError, HubError, NotFoundError, SourceError, SourceUnavailableError
from pipelines.context import Hub
from pipelines.pauses import active_pauses
from pipelines.writeback.outbox import Known, Outbox, note_run, runs
from pipelines.writeback.owed import Ledger, Owed
from pipelines.writeback.values import PERSONAL, kind_of
from warehouse.connection import published, writing_back
from warehouse.control import utcnow
from warehouse.publish import live_load

FATES = ("sent", "found", "kept", "dead", "gone", "owed")


@dataclass(frozen=True)
class Options:
    """How a run goes about it.

    Attributes:
        dry: read and compare only; see `Result.diff`.
        verify: compare every record with what its system holds, not only those that differ from what the outbox knows.
        adopt: take whatever stands in the fields for ours, as after the outbox was lost.
        limit: at most so many records of each stream.
    """

    dry: bool = False
    verify: bool = False
    adopt: bool = False
    limit: int | None = None


@dataclass
class Result:
    """What became of one source.

    Attributes:
        fates: fields by fate; and those of which nothing was asked, as ``unchanged``.
        diff: of a dry run: per field that would be written, kept or dropped, what the record holds and what it should.
        partial: whether a limit left records out.
        error: why it did not get to the end.
    """

    source: str
    load_id: str
    fates: Counter[str] = field(default_factory=Counter)
    diff: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    partial: bool = False
    error: HubError | None = None


def targets(hub: Hub) -> tuple[str, ...]:
    """The sources that are written to."""
    return tuple(name for name in hub.config.enabled() if hub.config.sources[name].write_back is not None)


def chosen(hub: Hub, named: Sequence[str]) -> tuple[str, ...]:
    """The sources named, or all that are written to. Raises `ConfigError`."""
    there = targets(hub)
    for name in named:
        hub.config.connector(name)
        if name not in there:
            raise ConfigError(
                "nothing is written to this source",
                field=f"sources.{name}.write_back",
                remedy="say there which fields are, or enable it",
            )
    if not there:
        raise ConfigError("nothing is written to any source", field="write_back", remedy="add write_back: to a source")
    return tuple(name for name in there if not named or name in named)


def write_back(hub: Hub, source: str, options: Options | None = None) -> Result:
    """Deliver what is owed to one source.

    What stops it is in the result, and what it did before is noted.

    Raises:
        NotFoundError: nothing is published yet.
        WarehouseError: the published load or the control store cannot be used.
    """
    how = options or Options()
    load_id = live_load(hub.config.warehouse)
    if load_id is None:
        raise NotFoundError("nothing is published yet", remedy="run hub sync first")
    settings = hub.config.sources[source].write_back
    assert settings is not None, source
    result, began = Result(source, load_id), time.monotonic()
    connector = hub.config.connector(source)
    with writing_back(hub.config.warehouse), published(hub.config.warehouse) as con:
        try:
            if source in active_pauses(hub):
                raise ConfigError("the source is paused", source=source, remedy=f"hub resume {source} ends it")
            for stream in connector.streams():
                _Stream(hub, con, connector, stream.name, settings, how, result).deliver()
        except HubError as error:
            result.error = error
        finally:
            result.calls, result.retries = connector.calls()
            connector.close()
        result.seconds = round(time.monotonic() - began, 3)
        if not how.dry:
            _note(hub, result)
    return result


def _note(hub: Hub, result: Result) -> None:
    before = runs(hub).get(result.source, {})
    row = {
        "source_system": result.source,
        "load_id": before.get("load_id") if result.error or result.partial else result.load_id,
        "ran_at": utcnow(),
        **{fate: result.fates[fate] for fate in (*FATES, "unchanged")},
        "api_calls": result.calls,
        "retries": result.retries,
        "seconds": result.seconds,
        "error": None if result.error is None else str(result.error),
    }
    note_run(hub, row)


class _Stream:
    """One stream of a source."""

    def __init__(
        self,
        hub: Hub,
        con: duckdb.DuckDBPyConnection,
        connector: Connector,
        stream: str,
        settings: WriteBackSettings,
        options: Options,
        result: Result,
    ) -> None:
        self._settings, self._options, self._result, self._connector = settings, options, result, connector
        kinds = {name: kind_of(attribute) for attribute, name in settings.fields.items()}
        self._writer: Writer | None = connector.writer(stream, kinds)
        self._place = (connector.name, stream)
        self._outbox = Outbox(hub, self._place, result.load_id)
        self._ledger = Ledger(con, hub.control.secret("writeback_salt").hex())

    def deliver(self) -> None:
        """Deliver what is owed; nothing to a stream that takes nothing."""
        if self._writer is None:
            return
        how, state = self._options, self._outbox.state()
        owed = self._ledger.owed(
            self._place,
            self._settings.fields,
            state,
            self._writer,
            verify=how.verify,
            overwrite=self._settings.overwrite,
            limit=how.limit,
        )
        places = zip(state.source_record_id, state.field, strict=True)
        known = dict(zip(places, map(Known, state.confirmed_digest, state.attempts), strict=True))
        self._result.fates["unchanged"] += owed.unchanged
        self._result.partial = self._result.partial or owed.more
        if not how.dry:
            self._outbox.forget(owed.left, self._settings.fields.values())
            self._outbox.begin(owed.wishes)

        def is_ours(record: str, name: str, text: str) -> bool:
            return (
                how.adopt
                or ((record, name) in known and known[record, name].digest == self._ledger.digest(text))
                or self._ledger.is_own_id(owed.attributes[name], text)
            )

        deliverer = Deliverer(self._writer, is_ours, overwrite=self._settings.overwrite, dry=how.dry)
        wishes = {wish.record: wish.fields for wish in owed.wishes}
        late: list[str] = []
        heard = False
        for batch in self._batches(deliverer, owed):
            self._result.fates.update(fate for delivery in batch for fate in delivery.fates.values())
            if how.dry:
                self._result.diff += [line for delivery in batch for line in _lines(delivery, owed, wishes[delivery.record])]
                continue
            self._outbox.note(batch, owed, known)
            late += [delivery.record for delivery in batch if "owed" in delivery.fates.values()]
            heard = heard or any("owed" not in delivery.fates.values() for delivery in batch)
        if late and (heard or self._answers()):
            # the vendor answers otherwise: it is the record
            died = self._outbox.count_tries(late)
            self._result.fates.update(dead=died, owed=-died)
        if self._result.fates["owed"] > 0 and self._result.error is None:
            what, (source, stream) = f"{len(set(late))} records did not get through", self._place
            raise SourceUnavailableError(what, source=source, stream=stream, remedy="they are tried again with the next run")

    def _answers(self) -> bool:
        """Whether the vendor answers at all, asked by one cheap call."""
        try:
            self._connector.check()
        except SourceError:
            return False
        return True

    def _batches(self, deliverer: Deliverer, owed: Owed) -> Iterator[list[Delivery]]:
        """The deliveries; an outage ends them, and is the result's error."""
        try:
            yield from deliverer.deliver(owed.wishes)
        except SourceUnavailableError as error:
            self._result.error = error


def _lines(delivery: Delivery, owed: Owed, wanted: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """What a dry run tells of a record: keys and fields, and of what is personal only whether there is a value."""
    lines = []
    for name, fate in delivery.fates.items():
        if fate == "found":
            continue
        attribute = owed.attributes[name]
        masked = attribute in PERSONAL
        lines.append(
            {
                "record": delivery.record,
                "customer_id": owed.customers[delivery.record],
                "field": name,
                "attribute": attribute,
                "fate": fate,
                "holds": _shown(delivery.held.get(name), masked or fate == "kept"),
                "wanted": _shown(wanted[name], masked),
                "reason": delivery.reason if fate in ("kept", "dead", "gone", "owed") else None,
            }
        )
    return lines


def _shown(text: str | None, masked: bool) -> str | None:
    return None if text is None else "***" if masked else text
