"""The review queue: what the linkage would not decide alone, as tasks for a steward, and the values that are no evidence.

One task asks one question; the same question has the same task ID in every load. Deciding is the affair of whoever shows the queue.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa

from hub.identity.comparisons import comparisons
from hub.identity.decisions import Decisions
from hub.identity.settings import IdentitySettings
from hub.identity.sql import Connection, Row, rows, run, table

CAPPED_TASKS = 20  # capped values that become tasks; all that were found are in blocked_value


def queue(con: Connection, settings: IdentitySettings, decisions: Decisions) -> None:
    """Makes id_task and id_blocked, with the columns of identity.review_task and identity.blocked_value."""
    left, right = [a for a, _ in decisions.apart], [b for _, b in decisions.apart]
    table(con, "id_apart_pair", l=pa.array(left, pa.string()), r=pa.array(right, pa.string()))
    size = settings.max_cluster_size
    run(con, "review", review_floor=settings.review_floor, most=settings.max_review_tasks, max_cluster_size=size)
    tasks = [_pair(r) for r in rows(con, "SELECT kind, record_key_l, record_key_r, match_probability, vector FROM id_doubt")]
    for key, records in rows(con, "SELECT record_key, records FROM id_huge"):
        detail = f"{records} records are one customer, more than {size}"
        tasks.append((_task_id("oversized_cluster", key), "oversized_cluster", key, None, None, detail))
    capped = rows(con, "SELECT id_type, value, nodes FROM id_busy ORDER BY nodes DESC, id_type, value")
    for id_type, value, nodes in capped[:CAPPED_TASKS]:
        detail = f"{id_type} {value} is shared by {nodes} different records and no longer links"
        tasks.append((_task_id("capped_value", id_type, value), "capped_value", None, None, None, detail))
    columns = ("task_id", "kind", "record_key_l", "record_key_r", "match_probability", "detail")
    types = [pa.string()] * 4 + [pa.float64(), pa.string()]
    table(con, "id_task", **{c: pa.array([t[i] for t in tasks], types[i]) for i, c in enumerate(columns)})
    _blocked(con, settings, capped)


def _pair(found: Row) -> Row:
    kind, left, right, probability, vector = found
    said = "; ".join(f"{c.name}: {c.levels[level - 1]}" for c in comparisons() if (level := vector >> c.shift & (1 << c.bits) - 1))
    return (_task_id(kind, left, right), kind, left, right, probability, said)


def _task_id(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:20]


def _blocked(con: Connection, settings: IdentitySettings, capped: list[Row]) -> None:
    query = """
        SELECT count(*) FROM staging.party_record WHERE NOT is_deleted AND (email_key = ? OR phone_key = ?)"""
    found = [(id_type, value, n, "shared by too many records") for id_type, value, n in capped]
    for value in dict.fromkeys(settings.blocked_values):
        found.append(("configured", value, rows(con, query, value, value)[0][0], "blocked in hub.yaml"))
    table(
        con,
        "id_blocked",
        id_type=pa.array([f[0] for f in found], pa.string()),
        value=pa.array([f[1] for f in found], pa.string()),
        records=pa.array([f[2] for f in found], pa.int64()),
        reason=pa.array([f[3] for f in found], pa.string()),
    )
