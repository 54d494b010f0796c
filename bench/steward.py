"""What a steward's work is worth: ``python -m bench.steward --records 100000 --seed 1 --decisions 500 --round 100``.

Answers the review tasks that rank first from the truth, a round at a time, resolves again with these decisions and the model that
was learnt at first, and prints a line of JSON a round: F1, what was answered how, and how many pairs of records the answers were
expected to put right.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from bench.identity import keep_as_live, staged
from bench.people import population
from hub.identity import IdentitySettings, evaluate, resolve

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "concat_ws(':', source_system, stream, source_record_id)"
Task = tuple[str, str, str, str, float]  # task ID, kind, both record keys, worth


def load(con: duckdb.DuckDBPyConnection, settings: IdentitySettings, number: int) -> None:
    """Resolves with the decisions taken so far; every load but the first follows the one before."""
    if number:
        keep_as_live(con)
    now, live = START + timedelta(hours=number), "live" if number else None
    resolve(con, settings, run_id=f"load{number}", now=now, id_secret=b"bench", live=live, decisions="identity.match_decision")


def questions(con: duckdb.DuckDBPyConnection) -> list[Task]:
    """Tasks about pairs of records, the most valuable first."""
    query = """
        SELECT task_id, kind, record_key_l, record_key_r, worth FROM identity.review_task
        WHERE worth IS NOT NULL ORDER BY worth DESC, match_probability DESC, task_id"""
    return con.execute(query).fetchall()


def answer(con: duckdb.DuckDBPyConnection, tasks: Sequence[Task], entity: dict[str, str]) -> Counter[str]:
    """Decides tasks as the truth has it; yields how often each kind was answered how."""
    answers: Counter[str] = Counter()
    for task_id, kind, left, right, _ in tasks:
        verdict = "must_link" if entity[left] == entity[right] else "cannot_link"
        answers[f"{kind} {verdict}"] += 1
        values = [f"d_{task_id}", min(left, right), max(left, right), verdict, "bench", START.replace(tzinfo=None)]
        names = "decision_id, record_key_l, record_key_r, decision, decided_by, decided_at"
        con.execute(f"INSERT INTO identity.match_decision ({names}) VALUES (?, ?, ?, ?, ?, ?)", values)
    return answers


def curve(con: duckdb.DuckDBPyConnection, settings: IdentitySettings, *, decisions: int, a_round: int) -> list[dict[str, Any]]:
    """F1 before and after each round of decisions."""
    entity: dict[str, str] = dict(con.execute(f"SELECT {KEY}, entity_id FROM truth").fetchall())
    load(con, settings, 0)
    lines = [{"decisions": 0, **_figures(con)}]
    while lines[-1]["decisions"] < decisions:
        tasks = questions(con)[: min(a_round, decisions - lines[-1]["decisions"])]
        if not tasks:
            break
        answers = answer(con, tasks, entity)
        load(con, settings, len(lines))
        told = {"answers": dict(sorted(answers.items())), "worth": round(sum(task[4] for task in tasks), 1)}
        lines.append({"decisions": lines[-1]["decisions"] + len(tasks), **_figures(con), **told})
    return lines


def _figures(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    found = evaluate(con, "identity.customer_xref", "truth")
    rates = {name: round(getattr(found, name), 4) for name in ("f1", "precision", "recall")}
    return {**rates, "wrong_pairs": found.found_pairs - found.correct_pairs, "missed_pairs": found.true_pairs - found.correct_pairs}


def main() -> None:
    """Entry point of ``python -m bench.steward``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decisions", type=int, default=500)
    parser.add_argument("--round", type=int, default=100, dest="a_round", help="decisions between two loads")
    chosen = parser.parse_args()
    con = staged(population(chosen.records, chosen.seed))
    for line in curve(con, IdentitySettings(), decisions=chosen.decisions, a_round=chosen.a_round):
        print(json.dumps({"records": chosen.records, "seed": chosen.seed, **line}))


if __name__ == "__main__":
    main()
