"""The ID registry: lasting customer IDs for clusters that are computed anew each time.

An ID is minted once, from a secret and the record that first bore it, and stored; it is never computed again. Clusters of a new
load are matched to the IDs of the live load (``assignment``); an ID that ends leads for ever to the customer that has its records.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from hub.identity.assignment import Overlap, keep_ids, restore_ids
from hub.identity.sql import Connection, rows, run, table

ID_BYTES, _LETTERS = 16, 26  # 128 bits, and as many characters of base32
_BASE32 = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)


def mint(secret: bytes, seed_record_key: str, ordinal: int) -> str:
    """A new customer ID: opaque, and the same for the same secret, seed record and ordinal.

    Args:
        ordinal: how many IDs that seed record has had before.
    """
    return mint_all(secret, [seed_record_key], [ordinal])[0]


def mint_all(secret: bytes, seed_record_keys: Sequence[str], ordinals: Sequence[int]) -> list[str]:
    """The same for many at once. The ID is the first 128 bits of the HMAC in base32 (RFC 4648), lower case, without padding."""
    texts = (f"{seed}\x00{ordinal}".encode() for seed, ordinal in zip(seed_record_keys, ordinals, strict=True))
    digests = b"".join(hmac.digest(secret, text, "sha256")[:ID_BYTES] for text in texts)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8).reshape(-1, ID_BYTES), axis=1)
    bits = np.pad(bits, ((0, 0), (0, 5 * _LETTERS - bits.shape[1]))).reshape(-1, _LETTERS, 5)
    letters = _BASE32[bits @ np.array([16, 8, 4, 2, 1], dtype=np.uint8)]
    return ["c_" + name.decode() for name in letters.view(f"S{_LETTERS}").ravel().tolist()]


def assign(con: Connection, *, live: str | None, run_id: str, now: datetime, secret: bytes, partial: bool = False) -> None:
    """Gives every cluster its ID: makes id_assigned, id_minted, id_registry, id_moved and id_event.

    Args:
        live: schema of the live load, or None on the first load.
        now: UTC without zone.
        partial: id_cluster holds what changes have reached; id_registry and the others are of what these bear upon.
    """
    schema = {"live": live or "identity"}
    run(con, "recall_part" if partial else "recall", schema, has_live=live is not None)
    run(con, "baseline")
    kept = keep_ids(Overlap(*r) for r in rows(con, f"{_OVERLAP} WHERE clusters_of_id > 1 OR ids_of_cluster > 1"))
    kept.update(rows(con, "SELECT cluster, customer_id FROM id_overlap WHERE clusters_of_id = 1 AND ids_of_cluster = 1"))
    if partial:
        run(con, "elsewhere", schema)
        kept.update(rows(con, "SELECT DISTINCT cluster, customer_id FROM id_elsewhere"))
    _put(con, "id_kept", kept)
    restored = restore_ids(Overlap(*r) for r in rows(con, _FORMER))
    _put(con, "id_restored", restored)
    _mint_rest(con, secret, live)
    con.execute(_ASSIGNED)
    run(con, "registry", run_id=run_id, now=now, has_live=live is not None)


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


def _mint_rest(con: Connection, secret: bytes, live: str | None) -> None:
    """Makes id_minted: new IDs for clusters that have none, named after their first record."""
    con.execute("CREATE OR REPLACE TEMP TABLE id_taken AS SELECT cluster FROM id_kept UNION ALL SELECT cluster FROM id_restored")
    query = """
        WITH used AS (SELECT seed_record_key, max(seed_ordinal) + 1 AS ordinal FROM id_live_registry GROUP BY seed_record_key),
        fresh AS (
          SELECT cluster, min(record_key) AS seed_record_key FROM id_member ANTI JOIN id_taken USING (cluster) GROUP BY cluster)
        SELECT cluster, seed_record_key, coalesce(ordinal, 0)::INTEGER AS seed_ordinal
        FROM fresh LEFT JOIN used USING (seed_record_key) ORDER BY cluster"""
    fresh = con.sql(query).to_arrow_table()
    cluster, seeds, ordinals = (fresh.column(i) for i in range(3))
    minted = mint_all(secret, seeds.to_pylist(), ordinals.to_pylist())
    while True:
        named = {"customer_id": pa.array(minted, pa.string()), "seed_record_key": seeds, "seed_ordinal": ordinals}
        table(con, "id_minted", cluster=cluster, **named)
        # the ID of an erased customer does not say any more which record it was minted for
        had = f"SELECT customer_id FROM id_minted SEMI JOIN {live}.customer_registry USING (customer_id)"
        taken = {id_ for (id_,) in rows(con, had)} if live else set()
        if not taken:
            return
        ordinals = pa.array([n + (id_ in taken) for n, id_ in zip(ordinals.to_pylist(), minted, strict=True)], pa.int32())
        minted = mint_all(secret, seeds.to_pylist(), ordinals.to_pylist())


def _put(con: Connection, relation: str, ids: dict[int, str]) -> None:
    table(con, relation, cluster=pa.array(ids.keys(), pa.int64()), customer_id=pa.array(ids.values(), pa.string()))


def churn(con: Connection, unchanged: int = 0) -> float | None:
    """Records whose customer ID changed / records in both loads; None on the first load or if the loads share no record.

    Args:
        unchanged: records in both loads beside those of id_member.
    """
    query = """
        SELECT count(*) FILTER (x.customer_id <> a.customer_id), count(*)
        FROM id_live_xref AS x JOIN id_member USING (record_key) JOIN id_assigned AS a USING (cluster) WHERE x.is_current"""
    changed, shared = rows(con, query)[0]
    return changed / (shared + unchanged) if shared + unchanged else None
