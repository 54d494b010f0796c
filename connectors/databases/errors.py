"""What databases say when something is wrong, in our own words.

Their messages quote rows, statements and addresses; only their codes are looked at, and for refused connections, where PostgreSQL
sends no code, what it is that the message complains of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, CredentialsError, SourceDataError, SourceError, SourceUnavailableError

LATER = "run the sync again later, it goes on where it stopped"

# SQLSTATE of PostgreSQL, number of MySQL and MariaDB, name of SQLite: what is wrong
_REFUSED = {"28P01", "28000", "1045", "1698"}
_FORBIDDEN = {"SQLITE_AUTH", "SQLITE_PERM", "42501", "1044", "1142", "1143", "1227", "1370"}
_NO_DATABASE = {"3D000", "1049"}
_NO_TABLE = {"42P01", "3F000", "1146"}
_NO_COLUMN = {"42703", "1054"}
_AWAY = {"2002", "2003", "2006", "2013", "1053", "1077", "1927", "4031"}
_BUSY = {"40001", "40P01", "53300", "53400", "55P03", "57014", "SQLITE_BUSY", "SQLITE_LOCKED"} | {
    *("1040", "1203", "1205", "1213", "1226", "1969", "3024")
}
_SAID = (  # of a refused connection, which bears no SQLSTATE
    (r"password authentication failed|no password supplied|no pg_hba|role .* does not exist|authentication", "28000"),
    (r"database .* does not exist", "3D000"),
    (r"too many (clients|connections)|starting up|shutting down", "53300"),
    (r"permission denied", "42501"),
)


@dataclass(frozen=True)
class Place:
    """Where an error belongs: the source, its database without user and password, the variable that holds the URL."""

    source: str
    address: str
    variable: str
    stream: str | None = None


def trouble(error: Exception, place: Place, *, connecting: bool) -> SourceError | ConfigError:
    """An error of the database or its driver, as one of ours."""
    known = {"source": place.source, "stream": place.stream}
    refused = isinstance(error, TypeError | sa.exc.ProgrammingError | sa.exc.ArgumentError)
    if connecting and refused and not code_of(getattr(error, "orig", None), connecting=True):
        return ConfigError(
            f"the driver does not take the URL ({type(error).__name__})",
            **known,
            remedy=f"check the options after ? in environment variable {place.variable}",
        )
    if not isinstance(error, sa.exc.DBAPIError):
        if isinstance(error, sa.exc.SQLAlchemyError):
            return SourceDataError(
                f"the database cannot be read so ({type(error).__name__})", **known, remedy="check the stream in hub.yaml"
            )
        return SourceDataError(
            f"a value cannot be read ({type(error).__name__})",
            **known,
            remedy="leave its column out or cast it in a query",
        )
    code = code_of(error.orig, connecting=connecting)
    said = type(error.orig).__name__ + (f" {code}" if code else "")
    look = f"check the URL in environment variable {place.variable}"
    if code in _REFUSED:
        return CredentialsError(f"{place.address} refused user or password ({said})", **known, remedy=look)
    if code in _FORBIDDEN:
        return CredentialsError(
            f"the user may not read this at {place.address} ({said})", **known, remedy="grant it SELECT on what the stream reads"
        )
    if code in _NO_DATABASE:
        return ConfigError(f"there is no such database at {place.address} ({said})", **known, remedy=look)
    if code in _NO_TABLE:
        return SourceDataError(f"a table that it reads is not there ({said})", **known, remedy="correct table or query in hub.yaml")
    if code in _NO_COLUMN:
        return SourceDataError(f"a column that it reads is not there ({said})", **known, remedy="correct the stream in hub.yaml")
    if code in _BUSY:
        return SourceUnavailableError(f"{place.address} is busy or took too long ({said})", **known, remedy=LATER)
    if connecting and isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return SourceUnavailableError(
            f"no database answers at {place.address} ({said})", **known, remedy=f"start it, or {look}; then {LATER}"
        )
    gone = code in _AWAY or code.startswith(("08", "57P"))
    if error.connection_invalidated or gone or isinstance(error, sa.exc.InterfaceError) or _closed(error):
        return SourceUnavailableError(f"the connection to {place.address} was lost ({said})", **known, remedy=LATER)
    return SourceDataError(f"the database cannot read this ({said})", **known, remedy="run the query there to see what is wrong")


def code_of(error: Any, *, connecting: bool = False) -> str:
    """Number, SQLSTATE or SQLite's name of a driver's error; empty if there is none."""
    first = error.args[0] if error is not None and error.args else None
    if isinstance(first, int) and not isinstance(first, bool):
        return str(first)
    named = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    if isinstance(named, str):
        return named
    if connecting:
        return next((code for pattern, code in _SAID if re.search(pattern, str(error), re.IGNORECASE)), "")
    return ""


def _closed(error: sa.exc.DBAPIError) -> bool:
    # psycopg's way of saying that nobody is there any more
    return isinstance(error, sa.exc.OperationalError) and "psycopg" in type(error.orig).__module__ and not code_of(error.orig)
