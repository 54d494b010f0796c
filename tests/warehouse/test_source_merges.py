"""A party that its source merged into another: staging keeps its keys as evidence, not its values, while the other one lives."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.contract import Record
from connectors.mapping import parse_mapping
from hub.normalise import normalise_parties
from tests.warehouse.parts import T0, land, landed, nothing_unfit, stage_stream
from warehouse import raw
from warehouse.connection import connect
from warehouse.mapped import SourcePlace
from warehouse.migrations import VERSION, migrate
from warehouse.staging import Handlers

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone
MAPPING = """
-- stage: customers -> party_record
SELECT source_record_id, payload->>'$.name' AS full_name, payload->>'$.email' AS email, true AS email_verified FROM src
"""
PLACE = SourcePlace("shop", "GB", "UTC", ("customers",))
HANDLERS = Handlers(normalise_parties, nothing_unfit, "1")


def person(id_: str, name: str = "Ann Lee") -> Record:
    return Record(id_, {"name": name, "email": f"p{id_}@mail.net"}, T0)


def merged(id_: str, into: str, payload: dict[str, Any] | None = None) -> Record:
    told = {"name": "Ann Lee", "email": f"p{id_}@mail.net", "into": into} if payload is None else payload
    return Record(id_, told, T0, "merge", into)


def arrive(con: duckdb.DuckDBPyConnection, root: Path, *records: Record) -> None:
    land(root, list(records), stream="customers")
    raw.load(con, "shop", "customers", landed(root, stream="customers"), sync_run_id="run", now=NOW)
    stage_stream(con, PLACE, "customers", parse_mapping(MAPPING), HANDLERS, now=NOW)


def alive(con: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Into which record each living record was merged."""
    rows = con.execute("SELECT source_record_id, merged_into FROM staging.party_record WHERE NOT is_deleted").fetchall()
    return {key: into and into.removeprefix("shop:customers:") for key, into in rows}


def test_a_merged_party_keeps_its_match_keys_and_none_of_its_values(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, person("1"), person("2"))
    arrive(con, tmp_path, merged("2", "1"))
    assert alive(con) == {"1": None, "2": "1"}
    row = con.execute(
        "SELECT email_key, family_key, full_name, email_norm, email_raw, email_verified, source_updated_at"
        " FROM staging.party_record WHERE source_record_id = '2'"
    ).fetchall()[0]
    assert row == ("p2@mail.net", "lee", None, None, None, None, None)


def test_it_lives_as_long_as_the_record_it_leads_to(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, person("1"), merged("2", "1"), merged("3", "2"))
    assert alive(con) == {"1": None, "2": "1", "3": "2"}
    arrive(con, tmp_path, Record("1", {}, None, "delete"))
    assert alive(con) == {}
    arrive(con, tmp_path, person("1", "Ann Leigh"))
    assert alive(con) == {"1": None, "2": "1", "3": "2"}
    arrive(con, tmp_path, person("2"))
    assert alive(con) == {"1": None, "2": None, "3": "2"}


def test_one_that_leads_nowhere_or_in_a_circle_is_gone_until_it_leads_somewhere(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(con, tmp_path, merged("2", "1"), merged("5", "6"), merged("6", "5"), merged("7", "7"))
    assert alive(con) == {}
    arrive(con, tmp_path, person("1"), person("6"))
    assert alive(con) == {"1": None, "2": "1", "5": "6", "6": None}


def test_a_merge_of_which_the_source_tells_nothing_more_still_leads_on(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, person("1"), person("2"))
    arrive(con, tmp_path, merged("2", "1", {}))
    assert alive(con) == {"1": None, "2": "1"}


@pytest.fixture
def older(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse as version 2 left it: the merged record was taken for a deleted one."""
    con = connect(None)
    migrate(con)
    arrive(con, tmp_path, person("1"), merged("2", "1"))
    con.execute("UPDATE staging.party_record SET merged_into = NULL, is_deleted = true WHERE source_record_id = '2'")
    con.execute("UPDATE ops.schema_version SET version = 2")
    return con


def test_a_stream_with_merges_is_staged_again_by_the_version_that_understands_them(older: duckdb.DuckDBPyConnection) -> None:
    assert VERSION > 2
    stage_stream(older, PLACE, "customers", parse_mapping(MAPPING), HANDLERS, now=NOW)
    assert alive(older) == {"1": None}
    migrate(older)
    stage_stream(older, PLACE, "customers", parse_mapping(MAPPING), HANDLERS, now=NOW)
    assert alive(older) == {"1": None, "2": "1"}
