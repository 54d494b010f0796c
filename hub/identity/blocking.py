"""Which pairs are worth comparing: the rules of blocking.sql, capped so that none explodes.

A value shared by more nodes than ``max_block_size`` brings nothing together through its rule; the counts are those of today.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, one, run, text

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
    """Makes id_pair (l < r, node IDs) from id_node, and id_size with the keys that several nodes share.

    Returns:
        the number of candidate pairs.
    """
    key = "{n}::UTINYINT AS rule, hash({n}, *COLUMNS(* EXCLUDE node_id)) AS key"
    union = " UNION ALL ".join(rule.keys(key.format(n=rule.number)) for rule in rules())
    con.execute(f"CREATE OR REPLACE TEMP TABLE id_block AS {union}")
    loose = [rule.number for rule in rules() if rule.loose]
    nodes = one(con, "SELECT count(*) FROM id_node")
    budget = int(settings.loose_pairs_per_record * nodes)
    run(con, "pairs", max_block_size=settings.max_block_size, loose=loose, budget=budget)
    return int(one(con, "SELECT count(*) FROM id_pair"))


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
