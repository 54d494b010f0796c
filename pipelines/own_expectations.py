"""Puts the users' own expectations to the candidate that lies in the warehouse: reads the columns they need, runs their queries."""

from __future__ import annotations

import difflib
import hashlib
from functools import partial
from typing import TYPE_CHECKING

from expectations import CheckResult, GateSettings
from expectations.frames import MAX_EXAMPLES
from expectations.own import Failures, OwnCheck, Table, judge_own, needed_columns, own_checks
from hub.contract.errors import ConfigError
from hub.golden import TABLES, VIEWS

if TYPE_CHECKING:
    import duckdb

_KEY = "__key"


def own_file_digest(settings: GateSettings) -> str | None:
    """A digest of the file of `gate.python`: a load is judged anew when it changes.

    Raises:
        ConfigError: it cannot be read.
    """
    if settings.python is None:
        return None
    try:
        return hashlib.blake2b(settings.python.read_bytes(), digest_size=12).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"cannot read {settings.python} ({error.strerror})", field="gate.python", remedy="name a file that is there"
        ) from error


def own_results(con: duckdb.DuckDBPyConnection, settings: GateSettings) -> list[CheckResult]:
    """What the users' own checks find in the candidate; nothing is imported where there are none.

    Raises:
        ConfigError: one speaks of a table or column that is not there, or its query does not run.
        GateError: one could not be computed.
    """
    if not settings.expectations and settings.python is None:
        return []
    return judge_own(verified(settings), partial(_read, con), partial(_run, con))


def verified(settings: GateSettings) -> list[OwnCheck]:
    """The users' own checks, with tables that exist and queries that only read; what `hub check` can say before there is data.

    Raises:
        ConfigError: names what is wrong, and the nearest right name.
    """
    checks = own_checks(settings)
    known = [f"golden.{name}" for name in (*TABLES, *VIEWS)]
    for check in checks:
        if check.query is not None:
            _demand_select(check)
        elif check.table not in known:
            near = difflib.get_close_matches(str(check.table), known, n=1)
            raise ConfigError(
                f"no table {check.table!r}", field=check.where, remedy=f"did you mean {near[0]!r}?" if near else ", ".join(known)
            )
    return checks


def _demand_select(check: OwnCheck) -> None:
    import duckdb

    try:
        statements = duckdb.extract_statements(check.query or "")
    except duckdb.Error as error:
        raise ConfigError(f"the query is no SQL ({str(error).splitlines()[0]})", field=check.where, remedy="mend it") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError("the query must be one SELECT", field=check.where, remedy="its rows are what is wrong")


def _read(con: duckdb.DuckDBPyConnection, check: OwnCheck) -> Table:
    name = str(check.table).removeprefix("golden.")
    known = [row[0] for row in con.execute(f"DESCRIBE golden.{name}").fetchall()]
    columns = needed_columns(check, known)
    key = " || ':' || ".join(f'"{part}"::VARCHAR' for part in TABLES.get(name, (known[0],)))
    chosen = ", ".join(f'"{column}"' for column in (known if columns is None else columns))
    rest = f", {chosen}" if chosen else ""
    limit = " LIMIT 0" if columns is None else ""
    return Table(con.execute(f"SELECT {key} AS {_KEY}{rest} FROM golden.{name} ORDER BY {_KEY}{limit}").df(), _KEY)


def _run(con: duckdb.DuckDBPyConnection, check: OwnCheck) -> Failures:
    import duckdb

    query = str(check.query).strip().rstrip(";")
    try:
        rows = con.execute(f"SELECT count(*) FROM ({query}) AS failing").fetchall()[0][0]
        first = con.execute(f"DESCRIBE ({query})").fetchall()[0][0]
        keys = con.execute(
            f'SELECT DISTINCT "{first}"::VARCHAR AS key FROM ({query}) AS failing WHERE "{first}" IS NOT NULL'
            f" ORDER BY key LIMIT {MAX_EXAMPLES}"
        ).fetchall()
    except duckdb.Error as error:
        raise ConfigError(
            f"the query of {check.name!r} does not run ({str(error).splitlines()[0]})", field=check.where, remedy="mend it"
        ) from error
    return Failures(int(rows), tuple(key for (key,) in keys))
