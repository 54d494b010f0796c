"""Why two records are, or are not, one customer: the same sums as in linkage, for any pair, from a published file.

Needs match_key, model, term_frequency, match_edge, match_decision, customer_xref and blocked_value of one schema, which may be
read-only; it makes temporary tables only. No values of a person leave here, only the names of levels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hub.contract.errors import NotFoundError
from hub.identity.blocking import rules_of
from hub.identity.comparisons import CLASSES, Ints, comparisons, name_only
from hub.identity.contradictions import between
from hub.identity.decisions import LEARNT
from hub.identity.doubts import Doubt, doubts
from hub.identity.forbidding import Forbidden, compare_anew, forbidden_across
from hub.identity.model import MATCH, Model, load_model
from hub.identity.settings import Identifier
from hub.identity.sql import Connection, drop_temporary, one, rows


@dataclass(frozen=True)
class ComparisonShown:
    """One comparison of the two records.

    Attributes:
        level: what the two values are to each other; "missing" where a side has none.
        m: probability of that level if the records are one customer; None if missing.
        u: the same under the likeliest other explanation.
        weight: log2(m / u); 0 if missing.
    """

    comparison: str
    level: str
    m: float | None
    u: float | None
    weight: float


@dataclass(frozen=True)
class Step:
    """One link of a path between two records: "probabilistic", "same keys", "steward", or "learnt" from a steward's answers."""

    record_key_l: str
    record_key_r: str
    how: str
    match_weight: float | None = None


@dataclass(frozen=True)
class Explanation:
    """Why two records are (not) one customer; prior, comparisons and other_explanations add up to match_weight.

    Attributes:
        alternative: the likeliest explanation other than a match: unrelated, household or workplace.
        other_explanations: what the remaining explanations take away, in bits; never positive.
        match_weight: log2 of the posterior odds.
        name_only: the name is all that both have in common, for which the settings ask more.
        same_keys: both records have the same match keys, so they were one node and not compared with each other.
        blocking_rules: rules on which the records agree; empty: they were never candidates.
        kept_apart_by: identifiers in which the two customers contradict each other.
        doubts: what stands against the pair whatever it weighs.
        kept_apart_through: other pairs of records of the two customers, if one of them is never one customer and this one may be.
        decision: the steward's decision on this very pair, if there is one.
        learnt: what the decision rests on, if no steward took it but the hub learnt it from their answers.
        path: how one leads to the other inside the customer; empty if they are two customers.
    """

    record_key_l: str
    record_key_r: str
    model_version: str
    prior_weight: float
    comparisons: tuple[ComparisonShown, ...]
    alternative: str
    other_explanations: float
    match_weight: float
    match_probability: float
    name_only: bool
    same_keys: bool
    blocking_rules: tuple[str, ...]
    kept_apart_by: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    kept_apart_through: tuple[Forbidden, ...]
    decision: str | None
    learnt: str | None
    customer_id_l: str
    customer_id_r: str
    path: tuple[Step, ...]

    @property
    def same_customer(self) -> bool:
        """Whether both are one customer."""
        return self.customer_id_l == self.customer_id_r


def explain(
    con: Connection, schema: str, record_key_l: str, record_key_r: str, *, unique: Iterable[Identifier] = ()
) -> Explanation:
    """Explains a pair of live records from the tables of ``schema``, such as ``identity``.

    Args:
        unique: identifiers of which a customer has one, as in the settings of the linkage.

    Raises:
        NotFoundError: a record is not in the crosswalk, both keys name one record, or there is no model that this version can read.
    """
    left, right = sorted((record_key_l, record_key_r))
    customers = _customers(con, schema, left, right)
    model = load_model(con, schema)
    if model is None:
        raise NotFoundError("there is no model that this version of the hub can read", remedy="run a sync, which makes one")
    _, vector = compare_anew(con, schema, [left], [right])
    agreed = tuple(rules_of(con, 1, 2))
    same = one(con, f"SELECT count(DISTINCT node_key) = 1 FROM {schema}.match_key WHERE record_key IN (?, ?)", left, right)
    drop_temporary(con)
    weighed = _weigh(model, vector)
    decision, learnt = _decision(con, schema, left, right)
    against = doubts(model, vector)
    apart = customers[left] != customers[right] and not any(doubt.forbids for doubt in against)
    return Explanation(
        record_key_l=left,
        record_key_r=right,
        model_version=model.version,
        name_only=bool(name_only(vector)[0]),
        same_keys=same,
        blocking_rules=agreed,
        kept_apart_by=between(con, schema, unique, customers[left], customers[right]),
        doubts=against,
        kept_apart_through=forbidden_across(con, schema, model, customers[left], customers[right]) if apart else (),
        decision=decision,
        learnt=learnt,
        customer_id_l=customers[left],
        customer_id_r=customers[right],
        path=_path(con, schema, customers[left], left, right) if customers[left] == customers[right] else (),
        prior_weight=weighed.prior,
        comparisons=weighed.shown,
        alternative=weighed.alternative,
        other_explanations=weighed.rest,
        match_weight=weighed.total,
        match_probability=float(1 / (1 + np.exp2(-weighed.total))),
    )


def _customers(con: Connection, schema: str, left: str, right: str) -> dict[str, str]:
    query = f"SELECT record_key, customer_id FROM {schema}.customer_xref WHERE is_current AND record_key IN (?, ?)"
    found: dict[str, str] = dict(rows(con, query, left, right))
    for key in (left, right):
        if key not in found:
            raise NotFoundError(
                f"record {key} is not in the crosswalk", remedy="give it as source:stream:id, as hub customer shows it"
            )
    if left == right:
        raise NotFoundError(f"both keys name record {left}", remedy="give two different records")
    return found


@dataclass(frozen=True)
class _Weighed:
    prior: float
    shown: tuple[ComparisonShown, ...]
    alternative: str
    rest: float
    total: float


def _weigh(model: Model, vector: Ints) -> _Weighed:
    """The sum of one pair, with the likeliest other explanation as the alternative."""
    joint, prior = model.log_joint(vector)[0], model.log_priors(vector)[0]
    others = [i for i in range(len(CLASSES)) if i != MATCH]
    alternative = max(others, key=lambda i: float(joint[i]))
    shown = []
    for c in comparisons():
        code = int(c.level(vector)[0])
        if code == 0:
            shown.append(ComparisonShown(c.name, "missing", None, None, 0.0))
        else:
            m, u = (float(model.levels(c)[i, code - 1]) for i in (MATCH, alternative))
            shown.append(ComparisonShown(c.name, c.levels[code - 1], m, u, float(np.log2(m / u))))
    rest = float(joint[alternative] - np.logaddexp2.reduce(joint[others]))
    return _Weighed(
        float(prior[MATCH] - prior[alternative]), tuple(shown), CLASSES[alternative], rest, float(model.weights(vector)[0])
    )


def _decision(con: Connection, schema: str, left: str, right: str) -> tuple[str | None, str | None]:
    """The decision on a pair, and the reason of one that was learnt; a steward's own goes before it."""
    query = f"""
        SELECT decision, CASE WHEN decided_by = $learnt THEN coalesce(reason, '') END FROM {schema}.match_decision
        WHERE least(record_key_l, record_key_r) = $l AND greatest(record_key_l, record_key_r) = $r AND revoked_at IS NULL
        ORDER BY decided_by = $learnt, decided_at DESC LIMIT 1"""
    found = con.execute(query, {"learnt": LEARNT, "l": left, "r": right}).fetchall()
    return found[0] if found else (None, None)


def _path(con: Connection, schema: str, customer: str, start: str, end: str) -> tuple[Step, ...]:
    """The shortest way from one record to another through links inside their customer; the strongest first among equals."""
    query = f"""
        WITH mine AS (SELECT record_key, node_key FROM {schema}.match_key JOIN {schema}.customer_xref USING (record_key)
          WHERE is_current AND customer_id = $customer),
        link AS (
          SELECT record_key_l AS l, record_key_r AS r, 'probabilistic' AS how, match_weight AS weight FROM {schema}.match_edge
          UNION ALL SELECT node_key, record_key, 'same keys', NULL FROM mine WHERE node_key <> record_key
          UNION ALL SELECT record_key_l, record_key_r, CASE WHEN decided_by = $learnt THEN 'learnt' ELSE 'steward' END, NULL
          FROM {schema}.match_decision
          WHERE decision = 'must_link' AND revoked_at IS NULL)
        SELECT l, r, how, weight FROM link SEMI JOIN mine AS a ON a.record_key = l SEMI JOIN mine AS b ON b.record_key = r
        ORDER BY weight DESC NULLS FIRST, l, r"""
    near: dict[str, list[tuple[str, Step]]] = {}
    for left, right, how, weight in con.execute(query, {"customer": customer, "learnt": LEARNT}).fetchall():
        step = Step(left, right, how, weight)
        near.setdefault(left, []).append((right, step))
        near.setdefault(right, []).append((left, step))
    came: dict[str, tuple[str, Step]] = {}
    queue = deque([start])
    while queue and end not in came:
        here = queue.popleft()
        for there, step in near.get(here, []):
            if there != start and there not in came:
                came[there] = (here, step)
                queue.append(there)
    steps: list[Step] = []
    while end in came:
        end, step = came[end]
        steps.append(step)
    return tuple(reversed(steps))
