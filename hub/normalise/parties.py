"""Parties as text -> the normalised columns of staging.party_record, for a whole relation at once.

This is the order of the steps; the rules are in the .sql files beside it and in the modules they are named after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from hub.normalise.companies import legal_endings
from hub.normalise.countries import alpha2_codes
from hub.normalise.names import special_words
from hub.normalise.phone_rules import plain_phone_macros
from hub.normalise.store import learn
from hub.normalise.values import words

if TYPE_CHECKING:
    import pyarrow as pa

_FEW = 10_000  # rows of a relation
EARLIEST_BIRTH = date(1000, 1, 1)  # a register may hold people of any century


def normalise_parties(con: duckdb.DuckDBPyConnection, source: str, target: str, *, earliest_birth: date = EARLIEST_BIRTH) -> None:
    """Normalise a relation of parties.

    The fast paths run in SQL over all rows; what they cannot say for sure goes through the libraries, each distinct value once
    and for ever (`store.learn`).

    Args:
        con: a connection to the working warehouse, with schema ``staging``.
        source: relation with record_key, source_system, stream, source_record_id, the columns of `hub.contract.columns.PARTY` as
            text, country_default (ISO code or NULL), timezone (IANA name or NULL for UTC), source_updated_at, sync_run_id and
            payload_hash.
        target: temp table to create, with the columns of staging.party_record in their order; replaced if it is there.
        earliest_birth: a birth date must lie after this day (and not in the future) to be believed.
    """
    _prepare(con, source, earliest_birth)
    few = con.execute("SELECT count(*) FROM (FROM normalise_source LIMIT $few)", {"few": _FEW}).fetchall()[0][0] < _FEW
    con.execute(_step("clean", few))
    learn(con, _sql("wanted_first"))
    con.execute(plain_phone_macros(*_dialled_from(con)))
    con.execute(_step("parts", few))
    con.execute("DROP TABLE normalise_clean")  # as wide as the source: two copies at a time are enough
    learn(con, _sql("wanted_second"))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_quoted(target)} AS {_step('party', few)}")
    # not after a failure: the transaction would refuse, and hide what went wrong; the next call replaces what is left
    for leftover in (
        "TABLE temp.normalise_parts",
        "TABLE temp.normalise_known",
        "TABLE temp.normalise_word",
        "VIEW temp.normalise_source",
    ):
        con.execute(f"DROP {leftover}")


def _prepare(con: duckdb.DuckDBPyConnection, source: str, earliest_birth: date) -> None:
    con.execute("SET VARIABLE normalise_earliest_birth = $day", {"day": earliest_birth})
    con.execute(f"CREATE OR REPLACE TEMP VIEW normalise_source AS FROM {_quoted(source)}")
    con.register("normalise_listed", _word_lists())
    con.execute("CREATE OR REPLACE TEMP TABLE normalise_word AS FROM normalise_listed")
    con.unregister("normalise_listed")
    con.execute(_sql("macros").replace("$placeholders", _placeholders()))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE normalise_known"
        " (id_type VARCHAR, raw_value VARCHAR, region_hint VARCHAR, norm_value VARCHAR, match_key VARCHAR, status VARCHAR)"
    )


@cache
def _word_lists() -> pa.Table:
    """The lists that the rules ask for words, in the columns list and word."""
    import pyarrow as pa

    lists: dict[str, Iterable[str]] = {
        "placeholder": words("placeholder"),
        "placeholder_name": words("placeholder_name"),
        "junk_local": words("junk_local"),
        "junk_domain": words("junk_domain"),
        "role_local": words("role_local"),
        "special_name": special_words(),
        "legal_ending": legal_endings(),
        "alpha2": alpha2_codes(),
    }
    listed = [(name, word) for name, entries in lists.items() for word in sorted(entries)]
    return pa.table({"list": [name for name, _ in listed], "word": [word for _, word in listed]})


@cache
def _placeholders() -> str:
    listed = sorted(re.escape(word).replace("\\ ", " ") for word in words("placeholder"))
    return "(?i)(?:[^A-Za-z0-9\\x{80}-\\x{10FFFF}]+|" + "|".join(listed) + ")"


def _dialled_from(con: duckdb.DuckDBPyConnection) -> tuple[frozenset[str], frozenset[str]]:
    """The countries whose people are among the records, and how international numbers begin: what phone rules are needed for."""
    rows = con.execute(_sql("dialled_from")).fetchall()
    return frozenset(country for country, _ in rows if country), frozenset(beginning for _, beginning in rows if beginning)


def _step(name: str, few: bool) -> str:
    """The statement of a step.

    Args:
        few: have DuckDB keep the marked intermediate results. Else it puts each into the next one, and plans what is asked for
            twice twice, which for a few rows is most of the work, and for many is less than keeping all of them in memory.
    """
    return _sql(name).replace("{kept}", "MATERIALIZED" if few else "")


@cache
def _sql(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
