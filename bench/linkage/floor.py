"""The least that SQL has to do for the hub's pairs: block, compare, count the patterns. No model, no weights, no clusters."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import duckdb

from bench.linkage.ours import ENRICHED, RULES
from bench.memory import peak_gb
from hub.identity.blocking import rules
from hub.identity.sql import patterns, run

# the pairs of one rule, from the lists of nodes that share a key
PAIRS = """
    SELECT l, r FROM (
      SELECT l, unnest(nodes) AS r FROM (
        SELECT unnest(nodes) AS l, nodes FROM (
          SELECT list(node_id) AS nodes FROM ({keys}) GROUP BY key HAVING count(*) BETWEEN 2 AND {most}))) WHERE l < r"""
DISTINCT = """
    CREATE TEMP TABLE floor_pair AS
    SELECT l, r FROM (SELECT DISTINCT l, r FROM ({pairs})) JOIN id_node AS a ON a.node_id = l JOIN id_node AS b ON b.node_id = r
    WHERE a.kind | b.kind <> 3"""


def floor(folder: Path) -> dict[str, Any]:
    """Times it over the nodes that ``ours`` left."""
    con = duckdb.connect(str(folder / ENRICHED), read_only=True)
    most = {rule["name"]: rule["most"] for rule in json.loads((folder / RULES).read_text())}
    started, cpu = time.perf_counter(), time.process_time()
    pairs = " UNION ALL ".join(PAIRS.format(keys=rule.hashed(), most=most[rule.name]) for rule in rules())
    con.execute(DISTINCT.format(pairs=pairs))
    blocked = time.perf_counter()
    # storing the vectors is faster than grouping them as they come: DuckDB then computes parts of a comparison more than once
    run(con, "compare", {"pairs": "floor_pair", "compared": "floor_compared"})
    found = len(patterns(con, "floor_compared")[0])
    ended = time.perf_counter()
    return {
        "seconds": ended - started,
        "cpu": time.process_time() - cpu,
        "block": blocked - started,
        "compare": ended - blocked,
        "peak_gb": peak_gb(),
        "pairs": con.execute("SELECT count(*) FROM floor_pair").fetchall()[0][0],
        "patterns": found,
        "files": {},
    }
