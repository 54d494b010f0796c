"""Spark's session for one linkage: started quietly, without a user interface, and gone afterwards, its JVM too.

A session that the process already has (a notebook's, a test's) is used instead, and stays.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hub.contract.errors import ConfigError, HubError
from hub.identity.settings import SparkSettings
from hub.identity.spark.worker import MISFIT

LOG = "spark.log"
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
# what the results or the promises of the hub depend on
_ALWAYS = {
    "spark.app.name": "customer-hub linkage",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.catalogImplementation": "in-memory",
}
_DEFAULTS = {"spark.ui.enabled": "false", "spark.log.level": "WARN", "spark.ui.showConsoleProgress": "false"}
_BATCH = ("spark.sql.execution.arrow.maxRecordsPerBatch", "50000")


def is_local(settings: SparkSettings) -> bool:
    """Whether Spark runs on this machine only."""
    return settings.master is not None and settings.master.startswith("local")


@contextmanager
def session(settings: SparkSettings, scratch: Path, log: Path) -> Iterator[Any]:
    """A SparkSession with a configuration of its own.

    Args:
        scratch: folder for what Spark spills and must not leave behind.
        log: file for what Spark and its executors on this machine say.

    Raises:
        ConfigError: PySpark or Java is missing, or Spark does not start.
    """
    if find_spec("pyspark") is None:
        raise ConfigError(
            "PySpark is not installed", field="identity.engine", remedy="pip install 'customer-hub[spark]', or set engine: duckdb"
        )
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        own = running.newSession()
        for name, value in (*_ALWAYS.items(), _BATCH):
            if name.startswith("spark.sql.") and own.conf.isModifiable(name):
                own.conf.set(name, value)
        with _told_apart(log):
            yield own
        return
    with _started(settings, scratch, log) as context:
        own = SparkSession(context)
        try:
            with _told_apart(log):
                yield own
        finally:
            own.stop()


@contextmanager
def _started(settings: SparkSettings, scratch: Path, log: Path) -> Iterator[Any]:
    """A SparkContext in a JVM of its own."""
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    _find_java()
    properties = scratch / "spark.properties"  # a command line would show passwords to everybody on this machine
    properties.touch(mode=0o600)
    properties.write_text(properties_text(_configuration(settings, scratch)), encoding="utf-8")
    environment = {"PYSPARK_SUBMIT_ARGS": f"--properties-file '{properties}' --load-spark-defaults pyspark-shell"}
    python = settings.config.get("spark.pyspark.python") or (sys.executable if is_local(settings) else None)
    if python:
        environment["PYSPARK_PYTHON"] = str(python)
    gateway = None
    with _environment(environment), log.open("ab") as said:
        try:
            gateway = launch_gateway(popen_kwargs={"stdout": said, "stderr": said})
            context = SparkContext(gateway=gateway)
        except Exception as error:  # py4j has no tree of errors for what the JVM throws
            _end(gateway)
            raise ConfigError(
                f"Spark does not start with master {settings.master or 'of its own configuration'!r}",
                field="identity.spark",
                remedy=f"see the end of {log}; Spark 4 needs Java 17 or 21",
            ) from error
    try:
        yield context
    finally:
        context.stop()
        _end(gateway)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Within, the environment has these; PySpark takes them from nowhere else."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(gateway: Any) -> None:
    """Ends the JVM, which PySpark would keep until this process ends, with its memory and the configuration it began with."""
    from pyspark import SparkContext

    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()  # what the JVM waits for
        gateway.proc.wait()


def _find_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(str(Path(home) / "bin" / "java") if home else "java"):
        raise ConfigError(
            f"Java is not at {home}, which JAVA_HOME names" if home else "Java is not on the PATH",
            field="identity.engine",
            remedy="install Java 17 (apt install openjdk-17-jre-headless), or set engine: duckdb",
        )


def _configuration(settings: SparkSettings, scratch: Path) -> dict[str, str]:
    found = {**_DEFAULTS, _BATCH[0]: _BATCH[1]}
    if is_local(settings):
        found |= {
            # nobody else is to reach it
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "2g",
            "spark.sql.shuffle.partitions": "32",
            "spark.local.dir": str(scratch),
            "spark.sql.warehouse.dir": str(scratch / "tables"),
        }
    found |= {name: _filled(name, value) for name, value in settings.config.items()} | _ALWAYS
    return found if settings.master is None else found | {"spark.master": settings.master}


def _filled(name: str, value: bool | int | float | str) -> str:
    """A value as Spark writes it, with the environment's variables put in."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    for variable, fallback in _ENV.findall(text):
        if not (os.environ.get(variable) or fallback):
            raise ConfigError(
                f"environment variable {variable} is not set", field=f"identity.spark.config.{name}", remedy=f"set {variable}"
            )
    return _ENV.sub(lambda match: os.environ.get(match[1]) or match[2], text)


def properties_text(configuration: Mapping[str, str]) -> str:
    """The text of a Java properties file."""

    def escaped(text: str) -> str:
        return re.sub(r"([\\=:#! ])", r"\\\1", text).replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")

    return "".join(f"{escaped(name)}={escaped(value)}\n" for name, value in sorted(configuration.items()))


@contextmanager
def _told_apart(log: Path) -> Iterator[None]:
    """Makes errors of Spark the hub's, with what to do; their texts may hold data and stay in the log."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        said = str(error)
        with log.open("a", encoding="utf-8") as out:
            out.write(f"{said}\n")
        missing = re.search(r"No module named '(duckdb|pyarrow)'", said)
        misfit = re.search(rf"{MISFIT}: ([^\n'\"]+)", said)
        if missing:
            raise ConfigError(
                f"executors of Spark have no Python package {missing[1]}",
                field="identity.spark",
                remedy="install duckdb and pyarrow in the executors' Python, in the hub's versions",
            ) from error
        if misfit:
            raise ConfigError(
                misfit[1].strip(), field="identity.spark", remedy="install the hub's version of duckdb in the executors' Python"
            ) from error
        raise HubError(
            f"linkage failed on Spark ({type(error).__name__})",
            field="identity.engine",
            remedy=f"see the end of {log} and Spark's own logs; engine: duckdb does without Spark",
        ) from error
