"""What runs on executors: the packaged SQL in DuckDB, over the Arrow tables that Spark hands in. Sent there by value.

So it may import nothing but DuckDB, PyArrow and what Python ships: executors have no hub. The SQL comes along as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

MISFIT = "hub-misfit"  # how an error of ours is told from Spark's own


def keys_of(version: str, restored: str, keys: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function from batches of nodes to batches of their blocking keys.

    Args:
        version: the DuckDB that executors must have: another one may hash keys otherwise.
        restored: columns of id_node over what came.
        keys: SELECT over id_node.
    """

    def over(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if duckdb.__version__ != version:
            raise RuntimeError(f"{MISFIT}: DuckDB {duckdb.__version__} on an executor, {version} here")
        with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as con:
            for batch in batches:
                con.register("given", pa.Table.from_batches([batch]))
                con.execute(f"CREATE OR REPLACE TEMP TABLE id_node AS SELECT {restored} FROM given")
                con.unregister("given")
                yield from con.sql(keys).to_arrow_reader(1 << 17)

    return over


def vectors_of(version: str, restored: str, script: str) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """The function from a bucket's pairs (l, r) and the nodes they need to its compared pairs (l, r, vector).

    Args:
        script: makes id_compared from id_found and id_node.
    """

    def over(pairs: pa.Table, nodes: pa.Table) -> pa.Table:
        if duckdb.__version__ != version:
            raise RuntimeError(f"{MISFIT}: DuckDB {duckdb.__version__} on an executor, {version} here")
        with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as con:
            con.register("given", nodes)
            con.execute(f"CREATE TEMP TABLE id_node AS SELECT {restored} FROM given")
            con.register("given", pairs)
            con.execute("CREATE TEMP TABLE id_found AS SELECT l, r FROM given")
            con.execute(script)
            return con.sql("SELECT l, r, vector FROM id_compared").to_arrow_table()

    return over
