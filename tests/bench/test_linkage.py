"""The measurements measure what they say: every engine the same pairs, the floor the same patterns, a delta what came with it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bench.identity import bring, edited, staged
from bench.linkage.floor import floor
from bench.linkage.ours import CLUSTERS, NODES, RULES, link
from bench.linkage.recordlinkage_peer import link as link_alone
from bench.linkage.score import score
from bench.linkage.sets import prepare
from bench.people import population
from hub.identity.blocking import rules

pytestmark = pytest.mark.all_cores


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A folder in which our linkage has run over 2,000 records."""
    folder = tmp_path_factory.mktemp("bench")
    assert prepare("2000", 3, folder)["records"] == 2000
    return folder, link(folder)


def test_the_floor_compares_the_same_pairs(measured: tuple[Path, dict[str, object]]) -> None:
    folder, ours = measured
    found = floor(folder)
    assert (found["pairs"], found["patterns"]) == (ours["pairs"], ours["patterns"])


def test_the_keys_that_peers_get_bring_the_same_pairs(measured: tuple[Path, dict[str, object]]) -> None:
    folder, ours = measured
    con = duckdb.connect()
    con.execute(f"CREATE TABLE node AS FROM '{folder / NODES}'")
    parts = []
    for rule in duckdb.read_json(str(folder / RULES)).fetchall():
        _, column, many, _ = rule
        keys = f"SELECT node_id, kind, {'unnest(' + column + ')' if many else column} AS key FROM node WHERE {column} IS NOT NULL"
        condition = "a.node_id < b.node_id AND a.kind | b.kind <> 3"
        parts.append(f"SELECT a.node_id AS l, b.node_id AS r FROM ({keys}) AS a JOIN ({keys}) AS b USING (key) WHERE {condition}")
    assert len(parts) == len(rules())
    assert con.execute(f"SELECT count(*) FROM ({' UNION '.join(parts)})").fetchall()[0][0] == ours["pairs"]


def test_clusters_are_scored_over_all_true_pairs(measured: tuple[Path, dict[str, object]]) -> None:
    folder, _ = measured
    duckdb.execute(f"COPY (SELECT node_id, 0 AS cluster FROM '{folder / NODES}') TO '{folder / 'one.parquet'}' (FORMAT parquet)")
    duckdb.execute(
        f"COPY (SELECT node_id, node_id AS cluster FROM '{folder / NODES}') TO '{folder / 'own.parquet'}' (FORMAT parquet)"
    )
    found = score(folder, [CLUSTERS, "one.parquet", "own.parquet"])
    assert found[CLUSTERS]["f1"] > 0.9
    assert found["one.parquet"]["recall"] == 1.0
    assert found["one.parquet"]["largest"] == 2000
    assert found["own.parquet"]["precision"] == 1.0  # what is left are records with equal keys
    assert found["own.parquet"]["recall"] < 0.1


def test_recordlinkage_alone_links_less_well(measured: tuple[Path, dict[str, object]]) -> None:
    folder, ours = measured
    alone = link_alone(folder)
    assert 0 < alone["pairs"] <= ours["pairs"] * 1.2
    found = score(folder, [*alone["files"].values(), CLUSTERS])
    assert found[alone["files"]["p>=.5"]]["f1"] < found[CLUSTERS]["f1"]


def test_a_delta_brings_new_records_and_other_values() -> None:
    frame = population(600, 1)
    base, new = frame.iloc[:500], frame.iloc[500:]
    con = staged(base)
    before = dict(con.execute("SELECT record_key, payload_hash || coalesce(email_key, '') FROM staging.party_record").fetchall())
    bring(con, new, edited(base.iloc[:50], 1))
    after = dict(con.execute("SELECT record_key, payload_hash || coalesce(email_key, '') FROM staging.party_record").fetchall())
    assert (len(before), len(after)) == (500, 600)
    touched = {key for key in before if before[key] != after[key]}
    assert 5 < len(touched) <= 50
    assert touched <= {f"{r.source_system}:{r.stream}:{r.source_record_id}" for r in base.iloc[:50].itertuples()}
    assert con.execute("SELECT count(*) FROM truth").fetchall()[0][0] == 600
