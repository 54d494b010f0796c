"""recordlinkage alone, as its documentation shows: index by blocks, compare, ECM, and the matches' connected components.

It compares the same keys and has the same nodes; a missing value is a disagreement, which is its default. Rules of which a record
has several keys (nicknames) are left out: it cannot block on a list.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.linkage.ours import NODES, RULES
from bench.memory import peak_gb

CLUSTERS = "recordlinkage.parquet"
SIMILAR = {"given": 0.88, "family": 0.88, "street": 0.88, "company": 0.92, "email": 0.92}
EXACT = ("phone", "postal", "city", "birth", "tax")


def link(folder: Path) -> dict[str, Any]:
    """Links the nodes that ``ours`` left."""
    import recordlinkage
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    nodes = pd.read_parquet(folder / NODES).set_index("node_id")
    rules = [rule["column"] for rule in json.loads((folder / RULES).read_text()) if not rule["many"]]
    started, cpu = time.perf_counter(), time.process_time()
    index = recordlinkage.Index()
    for column in rules:
        if nodes[column].notna().any():
            index.block(column)
    pairs = index.index(nodes)
    comparing = recordlinkage.Compare()
    for column, threshold in SIMILAR.items():
        if nodes[column].notna().any():
            comparing.string(column, column, method="jarowinkler", threshold=threshold, label=column)
    for column in EXACT:
        if nodes[column].notna().any():
            comparing.exact(column, column, label=column)
    matches = recordlinkage.ECMClassifier(init="jaro").fit_predict(comparing.compute(pairs, nodes))
    at = {node: place for place, node in enumerate(nodes.index)}
    left, right = ([at[node] for node in matches.get_level_values(level)] for level in (0, 1))
    graph = coo_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(len(nodes), len(nodes)))
    cluster = connected_components(graph, directed=False)[1]
    ended, cpu = time.perf_counter(), time.process_time() - cpu
    pd.DataFrame({"node_id": nodes.index, "cluster": cluster}).to_parquet(folder / CLUSTERS)
    return {"seconds": ended - started, "cpu": cpu, "peak_gb": peak_gb(), "pairs": len(pairs), "files": {"p>=.5": CLUSTERS}}
