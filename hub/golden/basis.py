"""What the golden tables of a load were made from, kept in schema basis of the working warehouse, so that the next load makes anew
only what differs from it.

Of each input row the basis keeps its key and a digest of what it said. It may be dropped at any time, and counts only for the load
that is live, made by the same rules; then the tables are made whole. A load that was held or broke off leaves it as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import duckdb

from hub.contract.columns import FACTS, PARTY
from hub.golden.settings import GoldenSettings
from hub.golden.text import sql
from hub.identity import account_rules

# what a staged row has that golden tables do not depend on
_NOT_READ = ("sync_run_id", "payload_hash")
# inputs that are no staging tables, with their key, what else is kept of them, and the columns that count; made before `compare`
_MADE = {
    "owner": ("record_key", "customer_id", "record_key, customer_id, is_current, match_probability", "owner"),
    "override": (
        "override_id",
        "anchor_record_key",
        "override_id, anchor_record_key, attribute, action, value, created_at",
        "override_in_force",
    ),
    "suppressed": ("identifier", "identifier", "identifier", "suppressed"),
    "fx": ("currency || ':' || day", "currency", "currency, day, rate", "fx"),
}
INPUTS: tuple[str, ...] = (PARTY.name, *(table.name for table in FACTS), *_MADE)


@dataclass(frozen=True)
class HowBuilt:
    """How the golden tables of a load were made.

    Attributes:
        whole: why they were made whole; None where only what a day touched was made anew.
        inputs: input rows that came, went or changed since the published load; all where made whole.
        customers: customers made anew.
        facts: facts made anew.
    """

    whole: str | None
    inputs: int
    customers: int
    facts: int


def rules_digest(settings: GoldenSettings) -> str:
    """Changes when the same inputs could give other rows: with settings, texts of this package and of account links, and DuckDB,
    whose digests are kept.

    Segments and overrides do not count: memberships are always asked for anew, and overrides are an input.
    """
    own = [(file.name, file.read_text(encoding="utf-8")) for file in files("hub.golden").iterdir() if file.is_file()]
    texts = sorted([*own, *account_rules()])
    said = [duckdb.__version__, settings.sources, settings.survivorship, settings.reporting, settings.consent]
    return hashlib.blake2b(repr((said, texts)).encode(), digest_size=16).hexdigest()


def settle(con: duckdb.DuckDBPyConnection, *, live: str | None, follows: str | None, rules: str) -> str | None:
    """Make the basis that of the live load and the golden tables hold its rows, if that can be.

    Args:
        live: catalog of the attached published load, None before the first.
        follows: the ID of that load.

    Returns:
        Why it cannot be, None if it is so.
    """
    con.execute(sql("basis"))
    if live is None or follows is None:
        return "there is no published load to go on from"
    made = con.execute("SELECT load_id, follows, rules FROM basis.made").fetchall()
    if not made or follows not in made[0][:2]:
        return f"what load {follows} was made from is not known any more"
    if made[0][2] != rules:
        return "the configuration or the hub's own rules changed"
    given_up = made[0][0] if follows != made[0][0] else None
    con.execute("BEGIN")
    try:
        for name in INPUTS:
            if given_up is None:
                con.execute(f"DELETE FROM basis.{name} WHERE until IS NOT NULL")
            else:
                con.execute(f"DELETE FROM basis.{name} WHERE since = ?", [given_up])
                con.execute(f"UPDATE basis.{name} SET until = NULL WHERE until IS NOT NULL")
        con.execute("UPDATE basis.made SET load_id = $live, follows = NULL", {"live": follows})
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return None


def restore(con: duckdb.DuckDBPyConnection, tables: Sequence[str], *, live: str, follows: str) -> None:
    """Make the golden tables hold the live load's rows. They mostly do; then nothing is copied.

    Until `note` they count as holding no load's.
    """
    holds = con.execute("SELECT load_id FROM basis.holds").fetchall() == [(follows,)]
    con.execute("DELETE FROM basis.holds")
    if holds and _sizes(con, None, tables) == _sizes(con, live, tables):
        return
    for table in tables:
        con.execute(f"CREATE OR REPLACE TABLE golden.{table} AS FROM {live}.golden.{table}")


def _sizes(con: duckdb.DuckDBPyConnection, catalog: str | None, tables: Sequence[str]) -> list[int] | None:
    place = f"{catalog}.golden" if catalog else "golden"
    counts = " UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS rows FROM {place}.{table}" for table in tables)
    return [rows for _, rows in con.execute(f"{counts} ORDER BY name").fetchall()]


def compare(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Compare inputs with the basis: temporary tables ``came_<input>`` and ``went_<input>``, each key, about, mark.

    A row that changed is in both.

    Returns:
        How many came, went or changed, and how many the basis has.
    """
    differ = known = 0
    for name in INPUTS:
        seen = _seen(con, name)
        con.execute(f"CREATE OR REPLACE TEMP TABLE came_{name} AS FROM ({seen}) ANTI JOIN basis.{name} USING (mark)")
        rows, came, kept, changed = con.execute(
            f"SELECT (SELECT count(*) FROM {_relation(name)}), (SELECT count(*) FROM came_{name}),"
            f" (SELECT count(*) FROM basis.{name}), (SELECT count(*) FROM basis.{name} SEMI JOIN came_{name} USING (key))"
        ).fetchall()[0]
        went = kept - (rows - came)
        # where none is gone for good, those that changed are all that went: no need to look at every row again
        among = f"SEMI JOIN came_{name} USING (key)" if went == changed else f"ANTI JOIN ({seen}) USING (mark)"
        con.execute(f"CREATE OR REPLACE TEMP TABLE went_{name} AS SELECT key, about, mark FROM basis.{name} {among}")
        differ += came + went - changed
        known += kept
    return differ, known


def note(con: duckdb.DuckDBPyConnection, load_id: str, *, follows: str | None, rules: str, built: HowBuilt) -> None:
    """Note what the golden tables, which now are of the load `load_id`, were made from.

    Args:
        follows: the load whose basis it goes on from after `compare`; None where the tables were made whole.
    """
    con.execute("BEGIN")
    try:
        for name in INPUTS:
            if follows is None:
                seen = f"SELECT *, '{load_id}' AS since, NULL::VARCHAR AS until FROM ({_seen(con, name)})"
                con.execute(f"CREATE OR REPLACE TABLE basis.{name} AS {seen}")
            else:
                con.execute(f"UPDATE basis.{name} SET until = ? WHERE mark IN (SELECT mark FROM went_{name})", [load_id])
                con.execute(f"INSERT INTO basis.{name} SELECT *, ?, NULL FROM came_{name}", [load_id])
        con.execute("DELETE FROM basis.made")
        con.execute(
            "INSERT INTO basis.made VALUES (?, ?, ?, ?, ?, ?, ?)",
            [load_id, follows, rules, built.whole, built.inputs, built.customers, built.facts],
        )
        con.execute("DELETE FROM basis.holds")
        con.execute("INSERT INTO basis.holds VALUES (?)", [load_id])
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def how_built(con: duckdb.DuckDBPyConnection) -> HowBuilt:
    """How the golden tables that lie in the working warehouse were made."""
    return HowBuilt(*con.execute("SELECT whole, inputs, customers, facts FROM basis.made").fetchall()[0])


def _relation(name: str) -> str:
    return _MADE[name][3] if name in _MADE else f"staging.{name}"


def _seen(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """SELECT of key, about and mark of an input's rows."""
    if name in _MADE:
        key, about, said, relation = _MADE[name]
        return f"SELECT {key} AS key, {about} AS about, hash({said}) AS mark FROM {relation}"
    columns = [row[0] for row in con.execute(f"DESCRIBE staging.{name}").fetchall() if row[0] not in _NOT_READ]
    return f"SELECT {_KEYS[name]} AS key, NULL::VARCHAR AS about, hash({', '.join(columns)}) AS mark FROM staging.{name}"


_KEYS: Mapping[str, str] = {table.name: table.key for table in (PARTY, *FACTS)}
