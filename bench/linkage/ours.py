"""Linkage of the hub, from staged records to clusters, timed from blocking on as its peers are, in the memory that a sync gives it.

Leaves what the peers need in the folder: the nodes as linkage compares them, the same with one column of keys a blocking rule, and
which record is which node. A key that the hub caps is NULL in those columns, so that every engine compares the same pairs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from bench.linkage.sets import WAREHOUSE
from bench.memory import peak_gb
from hub.identity import IdentitySettings, engine, linkage
from hub.identity.blocking import block, most_nodes, rules
from hub.identity.decisions import Decisions
from hub.identity.sql import patterns
from pipelines.build import linkage_memory
from warehouse.connection import frugal

ENRICHED, NODES, PLACES, RULES, CLUSTERS = "enriched.duckdb", "nodes.parquet", "places.parquet", "rules.json", "ours.parquet"
# what a peer may compare, as the hub's match keys have it
COLUMNS = "node_id, kind, given, family, email, phone, street, postal, city, strftime(birth, '%Y-%m-%d') AS birth, company, tax"


def link(folder: Path) -> dict[str, Any]:
    """Runs linkage and exports what it compared."""
    import recordlinkage.algorithms.nb_sklearn  # noqa: F401  its import takes seconds and is no part of the measurement

    settings = IdentitySettings()
    con = duckdb.connect(str(folder / WAREHOUSE))
    started = time.perf_counter()
    with frugal(con, linkage_memory(con)), _watched() as began:
        linked = linkage.link(con, settings, Decisions(), now=datetime(2026, 1, 1), live=None, model=None)  # noqa: DTZ001
    ended, cpu = time.perf_counter(), time.process_time()
    figures = {
        "seconds": ended - began[0],
        "cpu": cpu - began[1],
        "with_nodes": ended - started,
        "peak_gb": peak_gb(),
        "pairs": linked.candidate_pairs,
        "model": linked.model.origin,
        "patterns": len(patterns(con, "id_compared")[0]),
        "files": {"guarded": CLUSTERS},
    }
    _export(con, settings, folder)
    return figures


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Notes when blocking began, in wall and in CPU seconds."""
    began: list[float] = []

    def watched(*given: Any) -> int:
        began.extend((time.perf_counter(), time.process_time()))
        return block(*given)

    with mock.patch.object(engine, "block", watched):
        yield began


def _export(con: duckdb.DuckDBPyConnection, settings: IdentitySettings, folder: Path) -> None:
    _copy(con, "FROM id_cluster", folder / CLUSTERS)
    # not as Parquet, which has no integers of 128 bits
    con.execute(f"ATTACH '{folder / ENRICHED}' AS enriched; CREATE TABLE enriched.id_node AS FROM id_node; DETACH enriched")
    places = "SELECT source_system, stream, source_record_id, node_id FROM id_node_record JOIN id_record USING (rid)"
    _copy(con, places, folder / PLACES)
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_block AS {' UNION ALL '.join(rule.hashed() for rule in rules())}")
    con.execute(f"CREATE TEMP TABLE peer_node AS SELECT {COLUMNS} FROM id_node WHERE NOT is_test")
    kept = []
    for rule in rules():
        most = most_nodes(con, rule, settings)
        many = _keys(con, rule.number, most)
        kept.append({"name": rule.name, "column": f"key_{rule.number}", "many": many, "most": most})
    _copy(con, "FROM peer_node", folder / NODES)
    (folder / RULES).write_text(json.dumps(kept))


def _keys(con: duckdb.DuckDBPyConnection, number: int, most: int) -> bool:
    """Adds a rule's keys to peer_node, as small numbers; whether a node has several, in which case they are lists."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE peer_key AS SELECT node_id, dense_rank() OVER (ORDER BY key)::INTEGER AS key FROM id_block "
        "SEMI JOIN (SELECT key FROM id_block WHERE rule = $rule GROUP BY key HAVING count(*) BETWEEN 2 AND $most) USING (key)",
        {"rule": number, "most": most},
    )
    several = "SELECT count(*) > count(DISTINCT node_id) FROM peer_key"
    many = bool(con.execute(several).fetchall()[0][0])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE peer_node AS SELECT n.*, k.key AS key_{number} FROM peer_node AS n LEFT JOIN "
        f"(SELECT node_id, {'list(key)' if many else 'any_value(key)'} AS key FROM peer_key GROUP BY node_id) AS k USING (node_id)"
    )
    return many


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
