"""What each thing that is known of a question counts for its worth: ``python -m bench.worth --seeds 2,3 > hub/identity/worth.csv``.

Resolves a population per seed, looks at the questions for the steward closer, answers them from the truth, and fits a logistic
regression for each of the two answers that change something. The seeds that measurements are shown for are others.
"""

from __future__ import annotations

import argparse
import sys

import duckdb
import numpy as np

from bench.identity import staged
from bench.people import population
from bench.steward import KEY, START
from hub.identity import IdentitySettings, resolve, review
from hub.identity.comparisons import Flags, Floats
from hub.identity.decisions import Decisions
from hub.identity.delta import whole
from hub.identity.evidence import FEATURES
from hub.identity.model import load_model
from hub.identity.weighing import weigh

Sample = dict[str, tuple[Floats, Flags]]


def sample(records: int, seed: int, settings: IdentitySettings) -> Sample:
    """For each answer that changes something: what is known of the questions, and which of them are answered so."""
    con = staged(population(records, seed))
    resolve(con, settings, run_id="load", now=START, id_secret=b"bench", live=None)
    whole(con)
    model = load_model(con, "identity")
    assert model is not None
    weigh(con, model, settings)
    con.execute("CREATE TEMP VIEW id_question AS FROM linkage.question")
    return {
        "one_customer": (review.know_between(con, settings), _answered(con, "SELECT question, l, r FROM id_doubt")),
        "two_customers": (review.know_inside(con, settings, Decisions()), ~_answered(con, _CUTS)),
    }


_CUTS = 'SELECT question, "left" AS l, "right" AS r FROM id_cut'


def _answered(con: duckdb.DuckDBPyConnection, asked: str) -> Flags:
    """Of each question, whether the two records that it names are one entity."""
    query = f"""
        WITH known AS (SELECT {KEY} AS record_key, entity_id FROM truth),
        told AS (SELECT rid, entity_id FROM known JOIN id_record USING (record_key))
        SELECT a.entity_id = b.entity_id AS same
        FROM ({asked}) JOIN told AS a ON a.rid = l JOIN told AS b ON b.rid = r ORDER BY question"""
    return np.asarray(con.execute(query).fetchnumpy()["same"], dtype=np.bool_)


def fit(known: Floats, answered: Flags) -> Floats:
    """What each feature counts, in the units of the feature."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = known.mean(axis=0), known.std(axis=0)
    mean[0], deviation[deviation == 0] = 0.0, 1.0
    fitted = LogisticRegression(C=1.0, max_iter=1_000).fit(((known - mean) / deviation)[:, 1:], answered)
    counts = np.concatenate([fitted.intercept_, fitted.coef_[0]]) / deviation
    counts[0] = fitted.intercept_[0] - float(mean[1:] @ counts[1:])
    return counts


def main() -> None:
    """Entry point of ``python -m bench.worth``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seeds", default="2,3")
    chosen = parser.parse_args()
    # more than a queue would show: what is rightly near its end has to be learnt as well
    settings = IdentitySettings(max_review_tasks=1_500)
    samples = [sample(chosen.records, int(seed), settings) for seed in chosen.seeds.split(",")]
    counts = []
    for answer in samples[0]:
        known, answered = (np.concatenate([s[answer][i] for s in samples]) for i in (0, 1))
        counts.append(fit(known, answered))
        print(f"{answer}: {len(answered)} questions, {answered.mean():.0%} answered so", file=sys.stderr)
    print("feature,one_customer,two_customers")
    for feature, one, two in zip(FEATURES, *counts, strict=True):
        print(f"{feature},{one:.3f},{two:.3f}")


if __name__ == "__main__":
    main()
