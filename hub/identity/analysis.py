"""What blocking costs and finds: the pairs each rule brings, those that only it brings, and how many of them the truth confirms.
What no rule finds is told as well.

Works on the match keys of a published load, which may be read-only, and on today's settings, so that a cap can be tried out before
it is used. Keys are shown masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.identity.blocking import Rule, most_nodes, rules
from hub.identity.evaluation import truth_of
from hub.identity.linkage import given_forms
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, drop_temporary, one, rows, run, table

_MASK = r"regexp_replace({}, '([\pL\pN])[\pL\pN]*', '\1…', 'g')"  # the first character of each word


@dataclass(frozen=True)
class RuleCost:
    """One blocking rule.

    Attributes:
        keys: values that several distinct records share.
        largest: distinct records that share the most common one.
        capped: keys that bring nothing together because too many share them, or because a loose rule has spent its pairs.
        pairs, only: candidate pairs it brings, and those that no other rule brings.
        so_far: candidate pairs that it and the rules before it bring.
        true_pairs, true_only, true_so_far: of these the true ones, in pairs of records; None without truth.
    """

    name: str
    loose: bool
    keys: int
    largest: int
    capped: int
    pairs: int
    only: int
    so_far: int
    true_pairs: int | None = None
    true_only: int | None = None
    true_so_far: int | None = None

    @property
    def cost(self) -> float | None:
        """Pairs compared for each true pair found; None without truth or where it finds none."""
        return self.pairs / self.true_pairs if self.true_pairs else None


@dataclass(frozen=True)
class CappedKey:
    """A value that brings nothing together: shared by this many distinct records; shown masked."""

    rule: str
    value: str
    nodes: int
    reason: str


@dataclass(frozen=True)
class Missed:
    """True pairs of records that are not compared: the values on which they agree, and why that was not enough."""

    agree_on: tuple[str, ...]
    reason: str
    pairs: int


@dataclass(frozen=True)
class BlockingAnalysis:
    """What blocking costs and finds.

    Attributes:
        nodes: distinct records (sets of match keys), which is what is compared.
        pairs: candidate pairs of all rules.
        capped: the most common values that bring nothing together.
        true_pairs: of records; None without truth, as are the next two.
        equal_keys: of these, pairs that are one without being compared, because all their match keys are equal.
        found: of these, pairs that blocking brings together.
        missed: the others, the most frequent first.
    """

    records: int
    nodes: int
    pairs: int
    rules: tuple[RuleCost, ...]
    capped: tuple[CappedKey, ...]
    true_pairs: int | None = None
    equal_keys: int | None = None
    found: int | None = None
    missed: tuple[Missed, ...] = ()

    @property
    def recall(self) -> float | None:
        """Share of the true pairs that linkage can find at all, before a customer's other records help; None without truth."""
        if self.true_pairs is None or self.equal_keys is None or self.found is None:
            return None
        return (self.equal_keys + self.found) / self.true_pairs if self.true_pairs else 1.0


def analyse_blocking(
    con: Connection, schema: str, settings: IdentitySettings, *, truth: str | None = None, most_capped: int = 20
) -> BlockingAnalysis:
    """Analyses the blocking rules over the tables match_key, term_frequency and blocked_value of ``schema``.

    Args:
        truth: relation with the columns that ``evaluate`` takes.
        most_capped: capped values to show.

    Raises:
        ConfigError: the truth lacks a column or is ambiguous, as in ``evaluate``.
    """
    _told(con, schema, truth)
    run(con, "published", {"schema": schema})
    run(con, "communal", {"among": "id_record"})
    given_forms(con)
    run(con, "enrich")
    _keys(con, settings)
    run(con, "analysis", max_block_size=settings.max_block_size)
    known = truth is not None
    within = "SELECT coalesce(sum(pairs), 0) FROM id_true"
    found = BlockingAnalysis(
        records=int(one(con, "SELECT count(*) FROM id_record")),
        nodes=int(one(con, "SELECT count(*) FROM id_node")),
        pairs=int(one(con, "SELECT count(*) FROM id_met")),
        rules=_costs(con, known),
        capped=_capped(con, schema, most_capped),
        true_pairs=int(one(con, within)) if known else None,
        equal_keys=int(one(con, f"{within} WHERE l = r")) if known else None,
        found=int(one(con, "SELECT coalesce(sum(true_pairs), 0) FROM id_brought")) if known else None,
        missed=tuple(Missed(tuple(fields), reason, pairs) for fields, reason, pairs in rows(con, _MISSED)),
    )
    drop_temporary(con)
    return found


_MISSED = "SELECT fields, reason, pairs FROM id_missed ORDER BY pairs DESC, reason, fields"


def _keys(con: Connection, settings: IdentitySettings) -> None:
    """Makes id_block (node_id, rule, key) and id_most (rule, nodes): all keys of the rules, and how many nodes may share one."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_block AS {' UNION ALL '.join(rule.hashed() for rule in rules())}")
    most = [most_nodes(con, rule, settings) for rule in rules()]
    table(con, "id_most", rule=[rule.number for rule in rules()], nodes=most)


def _told(con: Connection, schema: str, truth: str | None) -> None:
    """Makes id_told: the entity of each record that the truth names."""
    if truth is None:
        con.execute("CREATE OR REPLACE TEMP TABLE id_told (record_key VARCHAR, entity_id VARCHAR)")
        return
    truth_of(con, f"{schema}.match_key", truth, "id_told")


def _costs(con: Connection, known: bool) -> tuple[RuleCost, ...]:
    sizes = {r[0]: r[1:] for r in rows(con, "SELECT rule, count(*), max(nodes) FROM id_size GROUP BY rule")}
    capped: dict[int, int] = dict(rows(con, "SELECT rule, count(*) FROM id_capped GROUP BY rule"))
    found = con.execute("SELECT rules, pairs, true_pairs FROM id_brought").fetchnumpy()
    by, pairs, right = (np.asarray(found[c]) for c in ("rules", "pairs", "true_pairs"))
    costs, before = [], np.uint64(0)
    for rule in rules():
        bit = np.uint64(1) << np.uint64(rule.number)
        before |= bit
        mine, alone, so_far = (by & bit) > 0, by == bit, (by & before) > 0
        keys, largest = sizes.get(rule.number, (0, 0))
        told = [int(right[where].sum()) if known else None for where in (mine, alone, so_far)]
        counts = [int(pairs[where].sum()) for where in (mine, alone, so_far)]
        costs.append(RuleCost(rule.name, rule.loose, keys, largest, capped.get(rule.number, 0), *counts, *told))
    return tuple(costs)


def _capped(con: Connection, schema: str, most: int) -> tuple[CappedKey, ...]:
    """The most common capped keys, and the identifiers that the load itself does not count as evidence."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_listed AS FROM id_capped ORDER BY nodes DESC, rule, key LIMIT {int(most)}")
    listed: set[int] = {r[0] for r in rows(con, "SELECT DISTINCT rule FROM id_listed")}
    found = [shown for rule in rules() if rule.number in listed for shown in _masked(con, rule)]
    blocked = f"""
        SELECT id_type, {_MASK.format("value")}, records, reason FROM {schema}.blocked_value
        ORDER BY records DESC, id_type, value LIMIT ?"""
    found += [CappedKey(*r) for r in rows(con, blocked, most)]
    return tuple(sorted(found, key=lambda c: (-c.nodes, c.rule, c.value))[:most])


def _masked(con: Connection, rule: Rule) -> list[CappedKey]:
    columns = "*COLUMNS(* EXCLUDE node_id)"
    keys = rule.keys(f"hash({rule.number}, {columns}) AS key, concat_ws(' ', {columns}) AS value")
    query = f"""
        SELECT {_MASK.format("any_value(value)")}, nodes, reason FROM ({keys}) JOIN id_listed USING (key)
        GROUP BY key, nodes, reason"""
    return [CappedKey(rule.name, value, nodes, reason) for value, nodes, reason in rows(con, query)]
