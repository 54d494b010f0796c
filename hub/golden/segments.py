"""Segments: named groups of customers by a condition in hub.yaml, with who entered when and who left when.

A membership goes over from the published load as long as the rule is the same and holds; a rule that was rewritten is another rule,
and closes and opens. Test customers and those whose records are all gone belong to none.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files

import duckdb

from hub.contract.errors import ConfigError
from hub.golden.conditions import check_condition
from hub.golden.maker import Maker
from hub.golden.one_expression import first_line
from hub.golden.text import sql

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@cache
def segment_columns() -> dict[str, str]:
    """The columns of golden.customer_360 that a condition may use, with their SQL types: all but load_id."""
    text = files("hub.golden").joinpath("customer_360_columns.csv").read_text(encoding="utf-8")
    return {line["column"]: line["type"] for line in csv.DictReader(text.splitlines())}


def check_segments(segments: Mapping[str, str]) -> None:
    """Make sure that every segment has a name and a condition that can be asked.

    Raises:
        ValueError: names the segment, what is wrong, and the column or function.
    """
    for name, condition in segments.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"segment {name!r}: the name needs lower-case letters, digits and _, such as big_spenders")
        try:
            _check(condition)
        except ValueError as error:
            raise ValueError(f"segment {name!r}: {error}") from error


@lru_cache(maxsize=256)
def _check(condition: str) -> None:
    # hub.yaml is read more than once by a process, and each condition is put to a database of its own; what fails is put again
    check_condition(condition, segment_columns())


def carry_segments(maker: Maker, segments: Mapping[str, str], *, live: str | None, now: datetime) -> None:
    """Fill golden.segment_member from golden.customer_360 and the published load.

    Args:
        segments: name to condition, checked.
        live: catalog of the attached published load, None where it has no segments.
        now: when the load began, UTC without zone; what entered or left did so then.
    """
    con = maker.con
    con.execute("CREATE OR REPLACE TEMP TABLE segment_now (segment_key VARCHAR, customer_id VARCHAR, rule_hash VARCHAR)")
    if segments:
        # one pass over the customers, however many segments there are
        asked = ", ".join(f"(\n{condition}\n) AS segment_{n}" for n, condition in enumerate(segments.values()))
        among = "FROM golden.customer_360 WHERE status = 'active' AND NOT is_test"
        try:
            con.execute(f"CREATE OR REPLACE TEMP TABLE segment_asked AS SELECT customer_id AS member_id, {asked} {among}")
        except duckdb.Error:
            _blame(con, segments, among)
            raise
        for n, (name, condition) in enumerate(segments.items()):
            con.execute(
                f"INSERT INTO segment_now SELECT ?, member_id, ? FROM segment_asked WHERE segment_{n}", [name, rule_hash(condition)]
            )
        con.execute("DROP TABLE segment_asked")
    before = f"{live}.golden.segment_member" if live else "segment_none"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE segment_none (segment_key VARCHAR, customer_id VARCHAR, entered_at TIMESTAMP,"
        " exited_at TIMESTAMP, rule_hash VARCHAR)"
    )
    con.execute("SET VARIABLE segment_time = ?::TIMESTAMP", [now])
    maker.run(sql("segment_member").format(before=before))


def _blame(con: duckdb.DuckDBPyConnection, segments: Mapping[str, str], among: str) -> None:
    """Raise `ConfigError` about the segment that cannot be asked of them, as of a postal code that is no number."""
    for name, condition in segments.items():
        try:
            con.execute(f"SELECT count(*) FILTER ((\n{condition}\n)) {among}").fetchall()
        except duckdb.Error as error:
            raise ConfigError(
                f"its condition cannot be computed for every customer ({first_line(error)})",
                field=f"segments.{name}",
                remedy="use TRY_CAST or TRY(...) where a value may not fit",
            ) from error


def rule_hash(condition: str) -> str:
    """What tells one rule from another."""
    return hashlib.blake2b(condition.strip().encode(), digest_size=8).hexdigest()
