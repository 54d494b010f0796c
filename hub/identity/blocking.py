"""Which pairs are worth comparing: the rules of blocking.sql, capped so that none explodes.

A value shared by more nodes than ``max_block_size`` brings nothing together through its rule; the counts are those of today.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, one, rows, run, text

_HEAD = re.compile(r"^-- rule: (\w+)( loose)?$", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """A blocking rule: its number, name, whether it is loose, and its SELECT over the relation ``node``."""

    number: int
    name: str
    loose: bool
    select: str

    def keys(self, value: str) -> str:
        """A SELECT of node_id and ``value``, an expression over the key columns ``*COLUMNS(* EXCLUDE node_id)``."""
        return (
            f"SELECT node_id, {value} FROM (WITH node AS (FROM id_node WHERE NOT is_test) {self.select}) "
            "WHERE COLUMNS(* EXCLUDE node_id) IS NOT NULL"
        )

    def hashed(self) -> str:
        """A SELECT of node_id, rule and key; the key is a hash that no other rule's key equals but by chance."""
        return self.keys(f"{self.number}::UTINYINT AS rule, hash({self.number}, *COLUMNS(* EXCLUDE node_id)) AS key")


@cache
def rules() -> tuple[Rule, ...]:
    """The rules of blocking.sql, in order."""
    script = text("blocking")
    heads = list(_HEAD.finditer(script))
    ends = [h.start() for h in heads[1:]] + [len(script)]
    found = []
    for number, (head, end) in enumerate(zip(heads, ends, strict=True)):
        select = "\n".join(line for line in script[head.end() : end].splitlines() if not line.startswith("--"))
        found.append(Rule(number, head[1], bool(head[2]), select.strip()))
    return tuple(found)


def block(con: Connection, settings: IdentitySettings) -> int:
    """Makes id_pair (l < r, node IDs) and id_block (node_id, rule, key) from id_node and id_term.

    Returns:
        the number of candidate pairs.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE id_block (node_id INTEGER, rule UTINYINT, key UBIGINT)")
    con.execute("CREATE OR REPLACE TEMP TABLE id_found (l INTEGER, r INTEGER)")
    for rule in rules():
        con.execute(f"INSERT INTO id_block {rule.hashed()}")
        run(con, "pairs", rule=rule.number, most=most_nodes(con, rule, settings))
    run(con, "distinct_pairs")
    return int(one(con, "SELECT count(*) FROM id_pair"))


def most_nodes(con: Connection, rule: Rule, settings: IdentitySettings, sizes: str | None = None) -> int:
    """The nodes of the largest block that a rule uses, given id_block, id_node and id_term.

    A loose rule's is settled when a model is made, to what its budget of pairs allows, and frozen with the terms.

    Args:
        sizes: relation of nodes and blocks, in place of id_block: how many blocks of the rule hold so many nodes.
    """
    if not rule.loose:
        return settings.max_block_size
    kind, most = f"block:{settings.loose_pairs_per_record:g}", settings.max_block_size
    query = "SELECT records FROM id_term WHERE term_type = ? AND term = ?"
    known = rows(con, query, kind, rule.name)
    if not known:
        budget = int(settings.loose_pairs_per_record * one(con, "SELECT count(*) FROM id_node"))
        run(con, "loose", {"sizes": sizes or _sizes(rule)}, max_block_size=most, budget=budget, term_type=kind, term=rule.name)
        known = rows(con, query, kind, rule.name)
    return min(int(known[0][0]), most)


def _sizes(rule: Rule) -> str:
    counts = f"SELECT count(*) AS nodes FROM id_block WHERE rule = {rule.number} GROUP BY key"
    return f"(SELECT nodes, count(*) AS blocks FROM ({counts}) GROUP BY nodes)"


def rules_of(con: Connection, left: int, right: int) -> list[str]:
    """The names of the rules on which two nodes of id_node agree."""
    names = []
    for rule in rules():
        keys = rule.keys("hash(*COLUMNS(* EXCLUDE node_id)) AS key")
        query = (
            f"WITH keys AS ({keys}) SELECT count(*) FROM keys AS l JOIN keys AS r USING (key) WHERE l.node_id = ? AND r.node_id = ?"
        )
        if one(con, query, left, right):
            names.append(rule.name)
    return names
