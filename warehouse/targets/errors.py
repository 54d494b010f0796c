"""What target databases say when something is wrong, in our own words.

Their messages quote rows, statements and addresses; only codes are looked at, and names of tables and columns.
"""

from __future__ import annotations

import re
from typing import Any

from hub.contract.errors import TargetError, TargetUnavailableError

# SQLSTATE of PostgreSQL and number of MySQL or MariaDB: what is wrong
_REFUSED = {"28P01", "28000", "1045", "1698"}
_FORBIDDEN = {"42501", "1044", "1142", "1143", "1227"}
_NO_DATABASE = {"3D000", "1049"}
_IN_USE = {"2BP01"}
_KEYLESS = {"1173", "3750"}
_FULL = {"53100", "1021", "1114"}
_BUSY = {"40001", "40P01", "53300", "55P03", "57014", "1040", "1205", "1213"}
_AWAY = {"2002", "2003", "2006", "2013", "1053", "1927", "4031"}
_SAID = (  # of a refused connection, which bears no SQLSTATE
    (r"password authentication failed|no password supplied|no pg_hba|role .* does not exist", "28P01"),
    (r"database .* does not exist", "3D000"),
    (r"too many clients|starting up|shutting down", "53300"),
)


def code_of(error: BaseException) -> str:
    """The SQLSTATE or number of a driver's error; empty if it bears none."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state
    first = error.args[0] if error.args else None
    if isinstance(first, int) and not isinstance(first, bool):
        return str(first)
    return next((code for pattern, code in _SAID if re.search(pattern, str(error), re.IGNORECASE)), "")


def trouble(error: Any, name: str, variable: str) -> TargetError:
    """A driver's error as one of ours; the published load is untouched whatever it is."""
    code = code_of(error)
    said = type(error).__name__ + (f" {code}" if code else "")
    known = {"field": f"publish.{name}"}
    catch_up = "the published load stays, the target catches up with the next hub sync"
    if code in _REFUSED:
        return TargetError(f"the server refuses user or password ({said})", **known, remedy=f"renew {variable}; {catch_up}")
    if code in _FORBIDDEN:
        return TargetError(
            f"the user may not do what publishing takes ({said})",
            **known,
            remedy="let it create schemas and tables there, or make the schemas and let it own them",
        )
    if code in _NO_DATABASE:
        return TargetError(f"there is no such database ({said})", **known, remedy=f"create it, or correct {variable}")
    if code in _IN_USE:
        return TargetError(
            f"something in the database needs what this load no longer has: {_dependent(error)} ({said})",
            **known,
            remedy="change or drop it, then run hub sync",
        )
    if code in _KEYLESS:
        return TargetError(
            f"the server takes no table without a primary key, and one is too long for its index or has none ({said})",
            **known,
            remedy="exclude that table under tables:, or switch off sql_require_primary_key (innodb_force_primary_key) there",
        )
    if code in _FULL:
        return TargetError(f"its disk is full ({said})", **known, remedy=f"free space there; {catch_up}")
    if code in _BUSY:
        return TargetUnavailableError(f"it is busy, or a long query holds a table ({said})", **known, remedy=catch_up)
    if code in _AWAY or code.startswith(("08", "57P")) or not code:
        return TargetUnavailableError(f"it does not answer, or the connection was lost ({said})", **known, remedy=catch_up)
    return TargetError(f"it does not take the load ({said})", **known, remedy=f"see the server's log; {catch_up}")


def _dependent(error: Any) -> str:
    """The object that PostgreSQL names first in the detail of a refused DROP; names only, no rows are ever in it."""
    detail = getattr(getattr(error, "diag", None), "message_detail", None) or "a view of yours"
    return str(detail).splitlines()[0]
