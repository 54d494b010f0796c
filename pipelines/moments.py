"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.contract.errors import ConfigError
from warehouse.control import utcnow


def moment_ahead(text: str, field: str) -> datetime:
    """A time that is to come, in UTC without zone as the stores keep it.

    Args:
        text: ISO date or time, UTC unless it names a zone.
        field: the option it was given to.

    Raises:
        ConfigError: it is no time, or it is past.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError("no date or time", field=field, remedy="give an ISO one, as 2027-03-01") from None
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if moment <= utcnow():
        raise ConfigError("that time is past", field=field, remedy="give a later one, or leave it out")
    return moment
