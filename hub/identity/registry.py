"""The ID registry: lasting customer IDs for clusters that are computed anew each time.

An ID is minted once, from a secret and the record that first bore it, and stored; it is never computed again. Clusters of a new
load are matched to the IDs of the live load (``assignment``); an ID that ends leads for ever to the customer that has its records.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

import pyarrow as pa

from hub.identity.assignment import Overlap, keep_ids, restore_ids
from hub.identity.sql import Connection, one, rows, run, table

ID_BYTES = 16  # 128 bits: 26 characters of base32


def mint(secret: bytes, seed_record_key: str, ordinal: int) -> str:
    """A new customer ID: opaque, and the same for the same secret, seed record and ordinal.

    Args:
        ordinal: how many IDs that seed record has had before.
    """
    digest = hmac.digest(secret, f"{seed_record_key}\x00{ordinal}".encode(), hashlib.sha256)
    return "c_" + base64.b32encode(digest[:ID_BYTES]).decode().rstrip("=").lower()


def assign(con: Connection, *, live: str | None, run_id: str, now: datetime, secret: bytes) -> None:
    """Gives every cluster its ID: makes id_assigned, id_minted, id_registry, id_moved and id_event.

    Args:
        live: schema of the live load, or None on the first load.
        now: UTC without zone.
    """
    run(con, "baseline", {"live": live or "identity"}, has_live=live is not None)
    kept = keep_ids(Overlap(*r) for r in rows(con, f"{_OVERLAP} WHERE clusters_of_id > 1 OR ids_of_cluster > 1"))
    kept.update(rows(con, "SELECT cluster, customer_id FROM id_overlap WHERE clusters_of_id = 1 AND ids_of_cluster = 1"))
    _put(con, "id_kept", kept)
    restored = restore_ids(Overlap(*r) for r in rows(con, _FORMER))
    _put(con, "id_restored", restored)
    _mint_rest(con, secret)
    con.execute(_ASSIGNED)
    run(con, "registry", run_id=run_id, now=now)


_OVERLAP = "SELECT customer_id, cluster, records, has_seed, minted_at FROM id_overlap"
# clusters without an ID that hold records of one that ended, or the record it was minted for
_FORMER = """
    WITH former AS (
      SELECT customer_id, record_key FROM id_last UNION SELECT customer_id, seed_record_key FROM id_live_registry
    )
    SELECT customer_id, cluster, count(*), bool_or(record_key = seed_record_key), any_value(minted_at)
    FROM former JOIN id_live_registry USING (customer_id) JOIN id_member USING (record_key)
    WHERE status IN ('merged', 'retired') AND cluster NOT IN (SELECT cluster FROM id_kept)
    GROUP BY customer_id, cluster"""
_ASSIGNED = """
    CREATE OR REPLACE TEMP TABLE id_assigned AS
    SELECT cluster, customer_id, 'kept' AS how FROM id_kept
    UNION ALL SELECT cluster, customer_id, 'restored' FROM id_restored
    UNION ALL SELECT cluster, customer_id, 'minted' FROM id_minted"""


def _mint_rest(con: Connection, secret: bytes) -> None:
    """Makes id_minted: new IDs for clusters that have none, named after their first record."""
    con.execute("CREATE OR REPLACE TEMP TABLE id_taken AS SELECT cluster FROM id_kept UNION ALL SELECT cluster FROM id_restored")
    query = """
        WITH used AS (SELECT seed_record_key, max(seed_ordinal) + 1 AS ordinal FROM id_live_registry GROUP BY seed_record_key),
        fresh AS (
          SELECT cluster, min(record_key) AS seed_record_key FROM id_member ANTI JOIN id_taken USING (cluster) GROUP BY cluster)
        SELECT cluster, seed_record_key, coalesce(ordinal, 0) FROM fresh LEFT JOIN used USING (seed_record_key) ORDER BY cluster"""
    fresh = rows(con, query)
    table(
        con,
        "id_minted",
        cluster=pa.array([f[0] for f in fresh], pa.int64()),
        customer_id=pa.array([mint(secret, f[1], f[2]) for f in fresh], pa.string()),
        seed_record_key=pa.array([f[1] for f in fresh], pa.string()),
        seed_ordinal=pa.array([f[2] for f in fresh], pa.int32()),
    )


def _put(con: Connection, relation: str, ids: dict[int, str]) -> None:
    table(con, relation, cluster=pa.array(ids.keys(), pa.int64()), customer_id=pa.array(ids.values(), pa.string()))


def churn(con: Connection) -> float | None:
    """Records whose customer ID changed / records in both loads; None on the first load or if the loads share no record."""
    query = """
        SELECT count(*) FILTER (x.customer_id <> a.customer_id) / nullif(count(*), 0)
        FROM id_live_xref AS x JOIN id_member USING (record_key) JOIN id_assigned AS a USING (cluster) WHERE x.is_current"""
    found = one(con, query)
    return None if found is None else float(found)
