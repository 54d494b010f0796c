"""Precision, recall and F1 of every engine's clusters, by the hub's own evaluation over all true pairs of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from bench.linkage.ours import PLACES
from bench.linkage.sets import WAREHOUSE
from hub.identity import evaluate


def score(folder: Path, files: list[str]) -> dict[str, Any]:
    """The figures of each file of clusters (node_id, cluster); a node that it does not name is a cluster of its own."""
    con = duckdb.connect(str(folder / WAREHOUSE), read_only=True)
    con.execute(f"CREATE TEMP TABLE place AS FROM '{folder / PLACES}'")
    found = {}
    for name in files:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE xref AS SELECT source_system, stream, source_record_id, "
            "coalesce('c' || cluster, 'n' || node_id) AS customer_id "
            f"FROM place LEFT JOIN '{folder / name}' USING (node_id)"
        )
        figures = evaluate(con, "xref", "truth")
        found[name] = {
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
            "largest": figures.largest_cluster,
            "largest_entity": figures.largest_entity,
            "exact": figures.exact_entities,
        }
    return found
