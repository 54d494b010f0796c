"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.contract.errors import ConfigError
from warehouse.control import utcnow


def moment_of(text: str, field: str) -> datetime:
    """A time in UTC without zone, as the stores keep it; see `moment_ahead`. Raises `ConfigError` if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError("no date or time", field=field, remedy="give an ISO one, as 2027-03-01") from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def moment_behind(text: str, field: str) -> datetime:
    """A time that has been, in UTC without zone; see `moment_ahead`. Raises `ConfigError` if it is none, or yet to come."""
    moment = moment_of(text, field)
    if moment > utcnow():
        raise ConfigError("that time is yet to come", field=field, remedy="give an earlier one, or leave it out")
    return moment


def moment_ahead(text: str, field: str) -> datetime:
    """A time that is to come, in UTC without zone as the stores keep it.

    Args:
        text: ISO date or time, UTC unless it names a zone.
        field: the option it was given to.

    Raises:
        ConfigError: it is no time, or it is past.
    """
    moment = moment_of(text, field)
    if moment <= utcnow():
        raise ConfigError("that time is past", field=field, remedy="give a later one, or leave it out")
    return moment
