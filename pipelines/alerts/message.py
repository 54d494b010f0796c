"""What an alert says, once for people and once for machines. Names, keys, counts and times only.

The texts come from errors and checks, which hold no values by themselves; what looks like a person's address or number is masked
all the same, since a record's ID may be one.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipelines.alerts.condition import moment
from pipelines.alerts.state import OPENED, RECOVERED, REMINDER
from pipelines.context import Hub

_PERSONAL = re.compile(r"[^\s@<>\"',;:=/]+@[^\s@<>\"',;:/]+|\+\d[\d ().-]{6,}\d")
_CREDENTIALS = re.compile(r"://[^\s/@]+@")
_TITLES = {
    "run_failed": "failed",
    "gate_held": "load held",
    "freshness_missed": "late",
    "schema_changed": "fields changed",
    "expiring": "ends soon",
    "target_failed": "target lags behind",
    "write_back_failed": "not all was written back",
}
_MARKS = {REMINDER: "still: ", RECOVERED: "recovered: "}


def masked(text: str) -> str:
    """A text in one line, without what looks like an e-mail address, a phone number or the credentials in a URL."""
    return _PERSONAL.sub("[masked]", _CREDENTIALS.sub("://", " ".join(text.split())))


@dataclass(frozen=True)
class Message:
    """One alert as it is told. The fields are those of the JSON object that webhooks get, times as ISO 8601.

    Attributes:
        event: opened, reminder, recovered or test.
        hub, host: whose alert it is: the folder of hub.yaml, and the machine.
        key: the same for all messages on one condition.
        times: runs or loads that it befell without a good one between.
        episodes: how often it came up, this time counted.
        recovered_at: when it was seen to be over; None before that.
    """

    event: str
    hub: str
    host: str
    key: str
    kind: str
    severity: str
    title: str
    where: str
    what: str
    since: str
    times: int
    episodes: int
    recovered_at: str | None
    next_step: str
    runbook: str

    def payload(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def lines(self) -> list[tuple[str, str]]:
        """For people: a word, and what is to be said to it."""
        seen = f"{self.times} time{'s' if self.times > 1 else ''}"
        before = f"; came up {self.episodes - 1} times before" if self.episodes > 1 else ""
        until = f", over at {_spoken(self.recovered_at)}" if self.recovered_at else ""
        told = [("what", self.what), ("where", self.where), ("since", _spoken(self.since) + until), ("seen", seen + before)]
        if self.event != RECOVERED:
            told += [("next", self.next_step), ("more", f'docs/ops.md, "{self.runbook}"')]
        return told


def compose(hub: Hub, message: str, alert: Mapping[str, Any]) -> Message:
    """A message on an alert as it stands in the control store."""
    over = alert["resolved_at"] if message == RECOVERED else None
    return Message(
        event=message,
        hub=hub.config.root.name,
        host=socket.gethostname(),
        key=masked(alert["alert_key"]),
        kind=alert["kind"],
        severity=alert["severity"],
        title=f"{_MARKS.get(message, '')}{alert['place']} {_TITLES[alert['kind']]}",
        where=alert["place"],
        what=masked(alert["what"]),
        since=_iso(alert["since"]),
        times=alert["times"],
        episodes=alert["episodes"],
        recovered_at=_iso(over) if over is not None else None,
        next_step=alert["next_step"],
        runbook=alert["runbook"],
    )


def trial(hub: Hub, now: datetime) -> Message:
    """What `hub alerts test` sends."""
    row = {
        "alert_key": "test",
        "kind": "run_failed",
        "severity": "warning",
        "place": "hub alerts test",
        "what": "nothing is wrong: somebody tried out whether alerts arrive here",
        "since": now,
        "times": 1,
        "episodes": 1,
        "resolved_at": None,
        "next_step": "nothing to do",
        "runbook": "Alerts",
    }
    said = compose(hub, OPENED, row)
    return Message(**(asdict(said) | {"event": "test", "kind": "test", "title": "a test of the alerts"}))


def _iso(time: datetime) -> str:
    return time.replace(microsecond=0).isoformat() + "Z"


def _spoken(iso: str) -> str:
    return moment(datetime.fromisoformat(iso))
