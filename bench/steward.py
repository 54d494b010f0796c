"""What a steward's work is worth: ``python -m bench.steward --records 100000 --seed 1 --decisions 500 --round 100``.

Answers the review tasks that rank first from the truth, a round at a time, learns from the answers as ``hub review learn`` does,
resolves again with these decisions and the model that was learnt at first, and prints a line of JSON a round: F1, what was answered
how, how many pairs of records the answers were expected to put right, and what was learnt how truly. With ``--alone`` the decisions
act by themselves; with ``--wrong .05`` one answer of twenty is the opposite of the truth.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np

from bench.identity import keep_as_live, staged
from bench.people import population
from hub.identity import IdentitySettings, evaluate, resolve
from hub.identity.answering import CHANGING, Question, learnt, lessons
from hub.identity.decisions import CANNOT_LINK, LEARNT, MUST_LINK, Decision, Standing, in_force

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "concat_ws(':', source_system, stream, source_record_id)"
Task = tuple[str, str, str, str, float, float]  # task ID, kind, both record keys, worth, likelihood
OTHER = {MUST_LINK: CANNOT_LINK, CANNOT_LINK: MUST_LINK}


@dataclass
class Desk:
    """A steward who knows the truth.

    Attributes:
        entity: of each record, whose it is.
        wrong: share of the answers that are mistakes; ``chance`` draws them.
        asked: questions with their answers so far.
        taught: questions answered by what was learnt.
    """

    entity: dict[str, str]
    wrong: float
    chance: np.random.Generator
    asked: list[Question] = field(default_factory=list)
    taught: list[Question] = field(default_factory=list)

    def truth(self, left: str, right: str) -> str:
        """The right decision on two records."""
        return MUST_LINK if self.entity[left] == self.entity[right] else CANNOT_LINK


def load(con: duckdb.DuckDBPyConnection, settings: IdentitySettings, number: int) -> None:
    """Resolves with the decisions taken so far; every load but the first follows the one before."""
    if number:
        keep_as_live(con)
    now, live = START + timedelta(hours=number), "live" if number else None
    resolve(con, settings, run_id=f"load{number}", now=now, id_secret=b"bench", live=live, decisions="identity.match_decision")


def questions(con: duckdb.DuckDBPyConnection) -> list[Task]:
    """Tasks about pairs of records, the most valuable first."""
    query = """
        SELECT task_id, kind, record_key_l, record_key_r, worth, worth / (records_l * records_r) FROM identity.review_task
        WHERE worth IS NOT NULL ORDER BY worth DESC, match_probability DESC, task_id"""
    return con.execute(query).fetchall()


def answer(con: duckdb.DuckDBPyConnection, tasks: Sequence[Task], desk: Desk) -> Counter[str]:
    """Decides tasks as the desk does; yields how often each kind was answered how."""
    answers: Counter[str] = Counter()
    standing = Standing(d for d in in_force(con, "identity.match_decision") if not d.learnt)
    for task in tasks:
        asked = _question(task)
        verdict = desk.truth(asked.left, asked.right)
        verdict = OTHER[verdict] if desk.chance.random() < desk.wrong else verdict
        decision = Decision("", asked.left, asked.right, verdict)
        if standing.against(decision):  # as hub review decide refuses it; after a mistake
            continue
        standing.add(decision)
        answers[f"{asked.kind} {verdict}"] += 1
        _decide(con, asked, verdict, "bench")
        desk.asked.append(Question(asked.left, asked.right, asked.kind, asked.likely, verdict))
    return answers


def teach(con: duckdb.DuckDBPyConnection, tasks: Sequence[Task], desk: Desk, answered: Sequence[Task]) -> dict[str, int]:
    """Answers other tasks as far as the answers teach, takes back what they no longer do; yields how much is learnt, and right."""
    con.execute("DELETE FROM identity.match_decision WHERE decided_by = ?", [LEARNT])
    found = lessons(desk.asked)
    kept = [question for question, _ in learnt(found, desk.taught, in_force(con, "identity.match_decision"))]
    for question in kept:
        _decide(con, question, CHANGING[question.kind], LEARNT)
    owner = dict(con.execute("SELECT record_key, customer_id FROM identity.customer_xref WHERE is_current").fetchall())
    busy = {owner[key] for task in answered for key in task[2:4]}
    fresh = learnt(found, list(map(_question, tasks)), in_force(con, "identity.match_decision"), owner, busy)
    for question, _ in fresh:
        _decide(con, question, CHANGING[question.kind], LEARNT)
    desk.taught = kept + [question for question, _ in fresh]
    right = sum(CHANGING[q.kind] == desk.truth(q.left, q.right) for q in desk.taught)
    return {"learnt": len(desk.taught), "learnt_rightly": right}


def _question(task: Task) -> Question:
    _, kind, left, right, _, likely = task
    return Question(min(left, right), max(left, right), kind, likely)


def _decide(con: duckdb.DuckDBPyConnection, question: Question, verdict: str, by: str) -> None:
    values = [f"{by}:{question.left}:{question.right}", question.left, question.right, verdict, by, START.replace(tzinfo=None)]
    names = "decision_id, record_key_l, record_key_r, decision, decided_by, decided_at"
    con.execute(f"INSERT INTO identity.match_decision ({names}) VALUES (?, ?, ?, ?, ?, ?)", values)


def curve(
    con: duckdb.DuckDBPyConnection, settings: IdentitySettings, desk: Desk, *, decisions: int, a_round: int, alone: bool
) -> Iterator[dict[str, Any]]:
    """F1 before and after each round of decisions."""
    load(con, settings, 0)
    yield {"decisions": 0, **_figures(con)}
    done = number = 0
    while done < decisions:
        tasks = questions(con)
        now = tasks[: min(a_round, decisions - done)]
        if not now:
            break
        done, number = done + len(now), number + 1
        told: dict[str, Any] = {"answers": dict(sorted(answer(con, now, desk).items()))}
        told["worth"] = round(sum(task[4] for task in now), 1)
        if not alone:
            told |= teach(con, tasks[len(now) :], desk, now)
        load(con, settings, number)
        yield {"decisions": done, **_figures(con), **told}


def truth_of(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of each record, whose it is."""
    return dict(con.execute(f"SELECT {KEY}, entity_id FROM truth").fetchall())


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
    parser.add_argument("--alone", action="store_true", help="nothing is learnt from the answers")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of the answers that are mistakes")
    chosen = parser.parse_args()
    con = staged(population(chosen.records, chosen.seed))
    desk = Desk(truth_of(con), chosen.wrong, np.random.default_rng(chosen.seed))
    settings = IdentitySettings()
    for line in curve(con, settings, desk, decisions=chosen.decisions, a_round=chosen.a_round, alone=chosen.alone):
        print(json.dumps({"records": chosen.records, "seed": chosen.seed, **line}), flush=True)


if __name__ == "__main__":
    main()
