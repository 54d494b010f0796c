"""The checkpoint of what is read by days: the last day that was read. Which days are read again after it, each vendor decides."""

from __future__ import annotations

from datetime import date

from connectors.contract import Checkpoint


def last_day(checkpoint: Checkpoint | None) -> date | None:
    """The day of a checkpoint; None, which has all days read again, before the first one and where it is damaged."""
    try:
        return date.fromisoformat((checkpoint or {})["read_to"])
    except (KeyError, TypeError, ValueError):
        return None
