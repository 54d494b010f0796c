"""Splink 5 on DuckDB by its documented recipe, over the same nodes and the same blocking rules. Needs nothing but Splink.

    python splink_peer.py FOLDER

What it is given: the hub's match keys (so its standardisation is ours) and, a rule, one column of keys in which the values that the
hub caps are NULL; pairs of a company and a person are left out, as the hub does. What is its own: comparisons of its library with
term-frequency adjustments, the prior from deterministic rules, u by random sampling of 10^7 pairs, m by EM in up to three blocks,
connected components. Not tuned by hand. Timed up to clusters at .95; the other thresholds are clustered afterwards.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_rule_library import CustomRule

THRESHOLDS = (0.5, 0.95, 0.9, 0.99, 0.999)
TIMED = 0.95
RECALL = 0.7  # of the deterministic rules: the value of Splink's tutorial
DETERMINISTIC = (("email",), ("phone", "family"), ("given", "family", "postal"), ("given", "family", "birth"), ("tax",))
TRAINING = (("given", "family"), ("email",), ("birth", "postal"), ("street",))
U_PAIRS, EM_PAIRS = 1e7, 1e7


def main() -> None:
    """Link what the folder holds and print one line of JSON."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    folder = Path(sys.argv[1])
    con = duckdb.connect()
    con.execute(f"CREATE TABLE nodes AS SELECT node_id AS unique_id, * EXCLUDE (node_id) FROM '{folder / 'nodes.parquet'}'")
    there = _filled(con)
    rules = json.loads((folder / "rules.json").read_text())
    started, cpu = time.perf_counter(), time.process_time()
    api = DuckDBAPI(connection=con)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=_comparisons(there),
        blocking_rules_to_generate_predictions=[_rule(rule) for rule in rules],
        retain_matching_columns=False,
    )
    linker = Linker(api.register("nodes"), settings, log_level=logging.ERROR)
    _train(linker, there)
    trained = time.perf_counter()
    predicted = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    scored = time.perf_counter()
    clusters = {TIMED: linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, TIMED)}
    ended, cpu = time.perf_counter(), time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    for threshold in THRESHOLDS:
        if threshold not in clusters:
            clusters[threshold] = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold)
    blocked = linker.inference.compute_blocked_pairs_for_predict()
    files = {}
    for threshold, found in sorted(clusters.items()):
        files[f"p>={threshold:g}"] = f"splink-{threshold:g}.parquet"
        query = f"SELECT unique_id AS node_id, cluster_id AS cluster FROM {found.physical_name}"
        con.execute(f"COPY ({query}) TO '{folder / files[f'p>={threshold:g}']}' (FORMAT parquet)")
    figures = {
        "seconds": ended - started,
        "cpu": cpu,
        "train": trained - started,
        "predict": scored - trained,
        "cluster": ended - scored,
        "peak_gb": peak,
        "files": files,
        "pairs": con.execute(f"SELECT count(*) FROM {blocked.physical_name}").fetchall()[0][0],
    }
    print(json.dumps(figures))


def _filled(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Columns that any node has a value in."""
    names = [name for name, *_ in con.execute("DESCRIBE nodes").fetchall()]
    counted = con.execute("SELECT count(COLUMNS(*)) FROM nodes").fetchall()[0]
    return {name for name, filled in zip(names, counted, strict=True) if filled}


def _comparisons(there: set[str]) -> list[Any]:
    wanted = {
        # its joint comparison of both names does worse on these data: one name missing is a disagreement to it
        "given": cl.NameComparison("given").configure(term_frequency_adjustments=True),
        "family": cl.NameComparison("family").configure(term_frequency_adjustments=True),
        "email": cl.EmailComparison("email"),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1]).configure(term_frequency_adjustments=True),
        "birth": cl.DateOfBirthComparison("birth", input_is_string=True),
        "street": cl.JaroWinklerAtThresholds("street", [0.92, 0.88]).configure(term_frequency_adjustments=True),
        "postal": cl.DamerauLevenshteinAtThresholds("postal", [1]).configure(term_frequency_adjustments=True),
        "city": cl.JaroWinklerAtThresholds("city", [0.92]).configure(term_frequency_adjustments=True),
        "company": cl.JaroWinklerAtThresholds("company", [0.92]).configure(term_frequency_adjustments=True),
        "tax": cl.DamerauLevenshteinAtThresholds("tax", [1]),
    }
    return [comparison for column, comparison in wanted.items() if column in there]


def _rule(rule: dict[str, Any]) -> CustomRule:
    column = rule["column"]
    condition = f"l.{column} = r.{column} and (l.kind | r.kind) <> 3"
    return CustomRule(condition, sql_dialect="duckdb", arrays_to_explode=[column] if rule["many"] else None)


def _train(linker: Linker, there: set[str]) -> None:
    exact = [block_on(*columns) for columns in DETERMINISTIC if there.issuperset(columns)]
    linker.training.estimate_probability_two_random_records_match(exact, recall=RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=U_PAIRS)
    for columns in [columns for columns in TRAINING if there.issuperset(columns)][:3]:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns), max_pairs=EM_PAIRS)


if __name__ == "__main__":
    main()
