"""Streams of which little arrived are staged in one transaction; what comes of it is what each alone would have given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.contract import Record
from connectors.mapping import parse_mapping
from hub.contract.errors import ConfigError
from hub.normalise import normalise_parties
from tests.warehouse.parts import T0, land, landed, nothing_unfit
from warehouse import raw
from warehouse.mapped import SourcePlace
from warehouse.staging import Handlers, Staged, StreamToStage, stage_streams

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone
MAPPING = """
-- stage: {stream} -> party_record
SELECT source_record_id, payload->>'$.name' AS full_name, payload->>'$.phone' AS phone FROM src
"""
STREAMS = (("shop", "customers", "GB"), ("crm", "contacts", "DE"), ("crm", "leads", "DE"))


def person(id_: str, name: str, phone: str = "020 7946 0123") -> Record:
    return Record(id_, {"name": name, "phone": phone}, T0)


def arrive(con: duckdb.DuckDBPyConnection, root: Path, source: str, stream: str, *records: Record) -> None:
    land(root, list(records), source=source, stream=stream)
    raw.load(con, source, stream, landed(root, source, stream), sync_run_id="run", now=NOW)


def of(source: str, stream: str, country: str, mapping: str = MAPPING) -> StreamToStage:
    place = SourcePlace(source, country, "UTC", ("customers",) if source == "shop" else ("contacts", "leads"))
    return StreamToStage(place, stream, parse_mapping(mapping.format(stream=stream)))


@pytest.fixture
def asked() -> list[str]:
    """The relations that were normalised."""
    return []


@pytest.fixture
def handlers(asked: list[str]) -> Handlers:
    def noted(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
        asked.append(source)
        normalise_parties(con, source, target)

    return Handlers(noted, nothing_unfit, "1")


def staged(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("FROM staging.party_record ORDER BY record_key").fetchall()


def first_day(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    arrive(con, root, "shop", "customers", person("1", "Ann Lee"), person("2", "Bo Ek"), person("3", "Cy Roe"))
    arrive(con, root, "crm", "contacts", person("1", "Ann Lee", "030 901820"), person("2", "Dee Fox"))
    arrive(con, root, "crm", "leads", person("1", "Eli Ash"))


def second_day(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    payload = {"name": "Bo Ek", "phone": "020 7946 0123"}
    arrive(con, root, "shop", "customers", Record("2", payload, T0, "merge", "1"), Record("3", {}, None, "delete"))
    arrive(con, root, "crm", "contacts", Record("2", {}, None, "delete"), Record("1", payload, T0, "merge", "2"))


def test_parties_of_several_streams_are_normalised_in_one_go(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, handlers: Handlers, asked: list[str]
) -> None:
    first_day(con, tmp_path)
    done = stage_streams(con, [of(*stream) for stream in STREAMS], handlers, now=NOW)
    counts = {("shop", "customers"): 3, ("crm", "contacts"): 2, ("crm", "leads"): 1}
    assert done == {key: Staged({"party_record": count}, {"party_record": 0}) for key, count in counts.items()}
    assert len(asked) == 1
    assert stage_streams(con, [of(*stream) for stream in STREAMS], handlers, now=NOW) == {}
    second_day(con, tmp_path)
    again = stage_streams(con, [of(*stream) for stream in STREAMS], handlers, now=NOW)
    assert {key: told.deleted for key, told in again.items()} == {("shop", "customers"): 2, ("crm", "contacts"): 2}
    left = con.execute("SELECT record_key, is_deleted, merged_into FROM staging.party_record ORDER BY 1").fetchall()
    assert left == [
        ("crm:contacts:1", True, "crm:contacts:2"),  # that is gone itself
        ("crm:contacts:2", True, None),
        ("crm:leads:1", False, None),
        ("shop:customers:1", False, None),
        ("shop:customers:2", False, "shop:customers:1"),
        ("shop:customers:3", True, None),
    ]


def test_together_they_are_as_each_alone(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, handlers: Handlers, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    found = []
    for together in (20_000, 1):
        monkeypatch.setattr("warehouse.staging._TOGETHER", together)
        root = tmp_path / str(together)
        for day in (first_day, second_day):
            day(con, root)
            stage_streams(con, [of(*stream) for stream in STREAMS], handlers, now=NOW)
            found.append(staged(con))
        for table in ("staging.party_record", "ops.staging_state", "ops.sync_cursor"):
            con.execute(f"DELETE FROM {table}")
        for source, stream, _ in STREAMS:
            con.execute(f'DROP TABLE raw."{source}__{stream}"')
    assert found[:2] == found[2:]
    assert len(asked) == (1 + 1) + (3 + 2)


def test_a_stream_with_more_than_is_staged_together_is_staged_by_itself(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, handlers: Handlers, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr("warehouse.staging._TOGETHER", 2)
    first_day(con, tmp_path)
    stage_streams(con, [of(*stream) for stream in STREAMS], handlers, now=NOW)
    assert (len(asked), len(staged(con))) == (3, 6)


def test_a_mapping_that_fails_leaves_the_streams_staged_with_it_as_they_were(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, handlers: Handlers
) -> None:
    first_day(con, tmp_path)
    streams: Sequence[StreamToStage] = [of(*stream) for stream in STREAMS]
    with pytest.raises(ConfigError, match=r"crm/leads field mapping to party_record"):
        stage_streams(con, [*streams[:2], of(*STREAMS[2], MAPPING.replace("FROM src", "FROM nonsense"))], handlers, now=NOW)
    assert staged(con) == []
    assert con.execute("FROM ops.staging_state").fetchall() == []
    assert len(stage_streams(con, streams, handlers, now=NOW)) == 3
    assert len(staged(con)) == 6


def test_of_two_blocks_that_yield_the_same_party_the_later_one_counts(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, handlers: Handlers
) -> None:
    first_day(con, tmp_path)
    later = MAPPING.replace("payload->>'$.name'", "'Zoe Zed'")
    stage_streams(con, [of(*STREAMS[0]), of(*STREAMS[1], MAPPING + later)], handlers, now=NOW)
    names = con.execute("SELECT full_name FROM staging.party_record ORDER BY record_key").fetchall()
    assert [name for (name,) in names] == ["Zoe Zed", "Zoe Zed", "Ann Lee", "Bo Ek", "Cy Roe"]
