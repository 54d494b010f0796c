"""A denial outlives the record that told it, until the same signal is given for the same address."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.contract import Record
from connectors.mapping import parse_mapping
from hub.normalise import normalise_consents, normalise_parties
from tests.warehouse.parts import T0, land, landed, nothing_unfit, stage_stream
from warehouse import raw
from warehouse.comparing import unstaged
from warehouse.mapped import SourcePlace
from warehouse.staging import Handlers

NOW = datetime(2026, 1, 2)  # noqa: DTZ001 - stores keep UTC without zone
MAPPING = """
-- stage: customers -> consent
SELECT source_record_id, source_record_id AS party_id, 'news' AS signal, 'E-Mail' AS channel, payload->>'$.email' AS identifier,
       payload->>'$.news' AS status, payload->>'$.at' AS captured_at
FROM src WHERE payload->>'$.news' IS NOT NULL
"""
PLACE = SourcePlace("shop", "GB", "UTC", ("customers",))
HANDLERS = Handlers(normalise_parties, nothing_unfit, "1", normalise_consents)


def arrive(con: duckdb.DuckDBPyConnection, root: Path, *records: Record, mapping: str = MAPPING) -> None:
    if records:
        land(root, list(records), stream="customers")
        raw.load(con, "shop", "customers", landed(root, stream="customers"), sync_run_id="run", now=NOW)
    stage_stream(con, PLACE, "customers", parse_mapping(mapping), HANDLERS, now=NOW)


def said(news: str | None, email: str = "Ann@Ash.example", **more: Any) -> Record:
    return Record("1", {"news": news, "email": email, **more}, T0)


def told(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return con.execute("SELECT identifier, status, is_kept FROM staging.consent ORDER BY ALL").fetchall()


DENIED = ("ann@ash.example", "denied", True)


def test_signals_are_brought_to_the_hubs_words(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, said("Opt-Out", at="2026-01-01T10:00:00+02:00"))
    rows = con.execute("SELECT * EXCLUDE (payload_hash) FROM staging.consent").df().to_dict("records")
    assert len(rows) == 1
    expected = {
        "consent_key": "shop:customers:1:news",
        "party_record_key": "shop:customers:1",
        "purpose": "marketing",
        "channel": "email",
        "identifier": "ann@ash.example",
        "status": "denied",
        "captured_at": datetime(2026, 1, 1, 8),  # noqa: DTZ001
    }
    assert {name: rows[0][name] for name in expected} == expected


@pytest.mark.parametrize(
    ("then", "left"),
    [
        (said("yes"), [("ann@ash.example", "granted", False)]),
        (said("no", seen=2), [("ann@ash.example", "denied", False)]),
        (said("maybe"), [DENIED, ("ann@ash.example", "unclear", False)]),
        (said("never asked"), [DENIED, ("ann@ash.example", "not_given", False)]),
        (said(None), [DENIED]),
        (said("yes", "ann@new.example"), [DENIED, ("ann@new.example", "granted", False)]),
        (said("yes", at="2025-01-01T00:00:00Z"), [DENIED, ("ann@ash.example", "granted", False)]),
        (Record("1", {}, None, "delete"), [DENIED]),
        (said("lifted"), []),
        (said("lifted", "ann@new.example"), []),
    ],
)
def test_a_denial_goes_only_when_the_same_signal_is_given_for_the_same_address(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, then: Record, left: list[tuple[Any, ...]]
) -> None:
    arrive(con, tmp_path, said("no", at="2026-01-01T00:00:00Z"))
    arrive(con, tmp_path, then)
    assert told(con) == left


def test_a_kept_denial_stays_through_whatever_comes_and_goes_when_it_is_taken_back(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    arrive(con, tmp_path, said("no"))
    for record in (said(None), said("yes", "ann@new.example"), Record("1", {}, None, "delete"), said(None, seen=1)):
        arrive(con, tmp_path, record)
        assert DENIED in told(con)
    arrive(con, tmp_path, said("yes"))
    assert told(con) == [("ann@ash.example", "granted", False)]


def test_a_denial_that_a_mended_mapping_never_read_is_none(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, said("no"), mapping=MAPPING)
    mended = MAPPING.replace("payload->>'$.news' AS status", "'granted' AS status").replace("'news'", "'newsletter'")
    arrive(con, tmp_path, mapping=mended)
    assert told(con) == [("ann@ash.example", "granted", False)]


def test_a_word_that_lifts_a_denial_is_not_taken_for_lost(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    arrive(con, tmp_path, said(" Lifted"))
    assert told(con) == []
    assert unstaged(con, PLACE, "customers", parse_mapping(MAPPING)) == 0
    arrive(con, tmp_path, said("no"))
    con.execute("DELETE FROM staging.consent")
    assert unstaged(con, PLACE, "customers", parse_mapping(MAPPING)) == 1
