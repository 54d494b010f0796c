"""The engine on Spark: what has to be exchanged between nodes is Spark's work, what is local to nodes or pairs the packaged SQL's.

Keys are made of batches of nodes, blocks are gathered and counted, pairs are drawn within them, and each bucket of pairs meets the
nodes it needs. What the hub goes on with comes back as Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from hub.identity import state
from hub.identity.blocking import most_nodes, rules
from hub.identity.settings import IdentitySettings, SparkSettings
from hub.identity.spark import wire, worker
from hub.identity.spark.exchange import Exchange, exchange
from hub.identity.spark.session import LOG, is_local, session
from hub.identity.sql import Connection, forget, one, table
from hub.identity.sql import text as packaged

_BUCKET = 100_000  # pairs that are compared together: their nodes must fit an executor's Python


@contextmanager
def on_spark(settings: SparkSettings) -> Iterator[OnSpark]:
    """The engine with a session of its own, for one linkage.

    Raises:
        ConfigError: Spark cannot be started, or executors lack something; says what.
        HubError: a job failed.
    """
    with exchange(settings.exchange, shared=not is_local(settings)) as place:
        scratch = place.folder / "scratch"
        scratch.mkdir(mode=0o700)
        with session(settings, scratch, _log(settings, place)) as spark:
            yield OnSpark(spark, place)


def _log(settings: SparkSettings, place: Exchange) -> Path:
    """Begun anew; without a folder of exchange it goes with the rest."""
    log = (settings.exchange or place.folder) / LOG
    log.unlink(missing_ok=True)
    return log


class OnSpark:
    """``hub.identity.engine.Engine``, on a session.

    Args:
        spark: the SparkSession.
        version: the DuckDB that executors must have.
    """

    def __init__(self, spark: Any, place: Exchange, version: str = duckdb.__version__) -> None:
        self._spark, self._place, self._version = spark, place, version

    def compare(self, con: Connection, settings: IdentitySettings) -> int:
        """Makes id_pair and id_compared, and keeps the blocking keys."""
        types = wire.columns(con, "id_node")
        self._place.put(con, "node", f"SELECT {wire.sent(types)} FROM id_node")
        self._view("node")
        self._make_keys(types)
        state.save_keys(con, f"SELECT node_id, rule::UTINYINT AS rule, {wire.UNSIGNED} FROM {self._place.got('key')}")
        self._write("block", self._sql("blocks", max_block_size=settings.max_block_size))
        self._write("size", self._sql("sizes"))
        found = self._settle_caps(con, settings)
        self._write("pair", self._sql("pairs", buckets=max(1, -(-found // _BUCKET))))
        self._make_vectors(types)
        forget(con, "id_compared", "id_pair")
        con.execute(f"CREATE TEMP TABLE id_compared AS SELECT l, r, vector FROM {self._place.got('compared')}")
        con.execute("CREATE TEMP VIEW id_pair AS SELECT l, r FROM id_compared")
        return int(one(con, "SELECT count(*) FROM id_compared"))

    def link(self, con: Connection) -> None:
        """Makes id_link: each pair gets the weight of its pattern on Spark, and those that link come back."""
        self._place.put(con, "weight", "SELECT vector, weight FROM id_weight")
        self._view("weight")
        self._write("weighed", self._sql("weighed"))
        forget(con, "id_link")
        con.execute(f"CREATE TEMP TABLE id_link AS SELECT l, r, weight FROM {self._place.got('weighed')} WHERE weight > 0")

    def _make_keys(self, types: dict[str, str]) -> None:
        keys = f"SELECT node_id, rule::SMALLINT AS rule, {wire.SIGNED} FROM ({' UNION ALL '.join(r.hashed() for r in rules())})"
        with by_value():
            task = worker.keys_of(self._version, wire.restored(types), keys)
            self._write("key", self._spark.table("node").mapInArrow(task, "node_id int, rule short, key long"))

    def _settle_caps(self, con: Connection, settings: IdentitySettings) -> int:
        """Hands Spark the largest block of each rule; yields the pairs to be found, those of several rules counted as often."""
        sizes = self._place.got("size")
        most = [most_nodes(con, rule, settings, f"(FROM {sizes} WHERE rule = {rule.number})") for rule in rules()]
        table(con, "id_most", rule=[rule.number for rule in rules()], nodes=most)
        self._place.put(con, "most", "SELECT rule::SMALLINT AS rule, nodes::INTEGER AS nodes FROM id_most")
        self._view("most")
        query = (
            "SELECT coalesce(sum(s.blocks * s.nodes * (s.nodes - 1) // 2), 0) "
            f"FROM {sizes} AS s JOIN id_most AS m ON m.rule = s.rule AND s.nodes <= m.nodes"
        )
        return int(one(con, query))

    def _make_vectors(self, types: dict[str, str]) -> None:
        script = packaged("distinct_pairs") + packaged("compare").replace("{pairs}", "id_pair").replace("{compared}", "id_compared")
        # read anew: a table that is joined with what was made of it has columns that Spark takes for the same
        pairs, nodes = self._read("pair"), self._sql("ends")
        with by_value():
            task = worker.vectors_of(self._version, wire.restored(types), script)
            compared = pairs.groupBy("bucket").cogroup(nodes.groupBy("bucket")).applyInArrow(task, "l int, r int, vector long")
            self._write("compared", compared)

    def _sql(self, name: str, **values: int) -> Any:
        return self._spark.sql(_text(name), args=values)

    def _write(self, relation: str, frame: Any) -> None:
        """Writes a relation, and names it for the queries to come."""
        frame.write.mode("overwrite").parquet(self._place.uri(relation))
        self._view(relation)

    def _view(self, relation: str) -> None:
        self._read(relation).createOrReplaceTempView(relation)

    def _read(self, relation: str) -> Any:
        return self._spark.read.parquet(self._place.uri(relation))


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def by_value() -> Iterator[None]:
    """Within, functions of ``worker`` are sent to executors whole: they have no hub to import them from."""
    from pyspark.cloudpickle import register_pickle_by_value, unregister_pickle_by_value

    register_pickle_by_value(worker)
    try:
        yield
    finally:
        unregister_pickle_by_value(worker)
