"""Linkage on Apache Spark: the engine, its session, the folder of exchange, and what runs on the executors.

What a rule and a level mean is the packaged SQL's affair, which executors run in DuckDB as the hub does; no rule lives here.
"""

from hub.identity.spark.engine import on_spark

__all__ = ["on_spark"]
