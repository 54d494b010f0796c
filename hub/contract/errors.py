"""All errors the hub raises on purpose, in one tree by what the reader has to do.

    HubError
    ├── ConfigError            mend hub.yaml or the environment, then run again
    ├── NotFoundError          the thing asked for does not exist (a customer, a load, a record)
    ├── SourceError            this source failed; the other sources go on
    │   ├── CredentialsError     renew or correct the key; never retried
    │   ├── SourceUnavailableError   the vendor is down or throttles; run again later
    │   ├── ProtocolError        the answer breaks the vendor's own rules (truncated JSON, a page that repeats)
    │   └── SourceDataError      the data cannot be read as declared (a column that is missing)
    ├── WarehouseError         the warehouse itself
    │   ├── WarehouseBusyError   another process writes; wait or end it
    │   ├── WarehouseAccessError the file or folder cannot be opened or written
    │   ├── LineageError         landed parts do not continue the committed cursor; they are read again
    │   └── TargetError          a further target of the golden tables cannot be written; it catches up with the next sync
    │       └── TargetUnavailableError   it does not answer, or is busy; tried again
    ├── DeliveryError          an alert could not be delivered; it stays owed and goes out with the next evaluation
    ├── GateError              the gate could not judge (never said of bad data)
    └── PublishRefusedError    no passing verdict for exactly this candidate

A message is one line: what, where (source, stream, record, field), and what to do. It never holds a secret or a person's data:
record IDs are keys of the source and may appear, values may not.
"""

from __future__ import annotations

from functools import partial

from hub.contract.printable import printable


class HubError(Exception):
    """An error with a place and a remedy.

    Args:
        what: what went wrong, a clause without a full stop.
        source: key under ``sources:`` in hub.yaml.
        stream: stream of that source.
        record: source record ID.
        field: field, column or configuration key.
        remedy: what the reader does about it, an imperative clause.
    """

    def __init__(
        self,
        what: str,
        *,
        source: str | None = None,
        stream: str | None = None,
        record: str | None = None,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.source, self.stream = what, source, stream
        self.record, self.field, self.remedy = record, field, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "/".join(part for part in (self.source, self.stream) if part)
        if self.record is not None:
            place += f" record {self.record}"
        if self.field is not None:
            place += f" field {self.field}"
        line = f"{place.strip()}: {self.what}" if place else self.what
        if self.remedy:
            line += f"; {self.remedy}"
        return printable(" ".join(line.split()))  # names of files, columns and records are not ours

    def __reduce__(self) -> tuple[object, ...]:
        # the default would call cls(str(self)) and lose the place; errors cross process borders
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(cls: type[HubError], state: dict[str, str | None]) -> HubError:
    what = state.pop("what") or ""
    return cls(what, **{k: v for k, v in state.items() if k in ("source", "stream", "record", "field", "remedy")})


class ConfigError(HubError):
    """hub.yaml or the environment is wrong."""


class NotFoundError(HubError):
    """What was asked for does not exist."""


class SourceError(HubError):
    """A source failed; the others go on."""


class CredentialsError(SourceError):
    """The source refused who we are or what we may see (401, 403). Retrying would not help."""


class SourceUnavailableError(SourceError):
    """The source did not answer usefully within the bounded retries."""


class ProtocolError(SourceError):
    """The answer is not what the vendor's own description promises."""


class SourceDataError(SourceError):
    """The data cannot be read as hub.yaml declares it."""


class WarehouseError(HubError):
    """Something about the warehouse files or the control store."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the warehouse."""


class WarehouseAccessError(WarehouseError):
    """A warehouse file or folder cannot be opened, read or written."""


class LineageError(WarehouseError):
    """Landed parts do not continue the committed cursor."""


class TargetError(WarehouseError):
    """A further target of the golden tables cannot be written. The published load is not touched by it."""


class TargetUnavailableError(TargetError):
    """The target did not answer, or somebody held what had to change; trying again may help."""


class DeliveryError(HubError):
    """A channel did not take an alert; the syncs are not touched by it.

    Args:
        channel: its name under ``alerts:`` in hub.yaml.
        passing: whether trying again may help; it does not where the channel refused this very message.
    """

    def __init__(self, what: str, *, channel: str, passing: bool, remedy: str | None = None) -> None:
        self.channel, self.passing = channel, passing
        super().__init__(what, source=f"alerts.{channel}", remedy=remedy)

    def __reduce__(self) -> tuple[object, ...]:
        return (partial(DeliveryError, self.what, channel=self.channel, passing=self.passing, remedy=self.remedy), ())


class GateError(HubError):
    """The gate itself failed; says nothing about the data."""


class PublishRefusedError(HubError):
    """publish() was asked to publish a candidate without a passing verdict for exactly that candidate."""
