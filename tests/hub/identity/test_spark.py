"""Linkage on Spark finds to the pair what DuckDB finds, leaves the same state, and says what it lacks where it cannot run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.identity import bring, edited, febrl, staged
from bench.people import population
from hub.contract.errors import ConfigError
from hub.identity import IdentitySettings, linkage
from hub.identity.decisions import Decisions
from hub.identity.settings import SparkSettings
from hub.identity.spark import on_spark, wire, worker
from hub.identity.spark.engine import OnSpark, by_value
from hub.identity.spark.exchange import exchange
from hub.identity.spark.session import properties_text, session
from tests.hub.identity.helpers import Record, load, record, stage, warehouse
from tests.hub.identity.test_incremental import content

pytestmark = pytest.mark.all_cores
MISSING = [what for what, there in (("PySpark", find_spec("pyspark")), ("Java", which("java"))) if not there]
needs_spark = pytest.mark.skipif(bool(MISSING), reason=f"without {' and '.join(MISSING)}")
ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - stores keep UTC without zone
LOCAL = SparkSettings(master="local[2]", config={"spark.sql.shuffle.partitions": 4})


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session that all tests of this file share: the hub uses one that is there."""
    folder = tmp_path_factory.mktemp("spark")
    with session(LOCAL, folder, folder / "spark.log") as started:
        yield started


@pytest.fixture
def on_both(spark: Any, tmp_path: Path) -> dict[str, IdentitySettings]:
    """Settings that differ in the engine only."""
    place = SparkSettings(exchange=tmp_path / "exchange")
    return {"duckdb": IdentitySettings(), "spark": IdentitySettings(engine="spark", spark=place)}


LEFT = {
    "pair": "SELECT l, r, vector, odds, weight, probability FROM id_compared JOIN id_weight USING (vector)",
    "link": "SELECT l, r, weight FROM id_link",
    "block": "FROM linkage.block",
    "term": "FROM id_term",
    "cluster": "FROM id_cluster",
    "refused": "FROM id_refused",
}


def differences(con: duckdb.DuckDBPyConnection, both: dict[str, IdentitySettings]) -> dict[str, tuple[int, int]]:
    """Links what is staged on both engines; how many rows each leaves that the other does not."""
    for engine, chosen in both.items():
        linkage.link(con, chosen, Decisions(), now=NOW, live=None, model=None)
        for name, query in LEFT.items():
            con.execute(f"CREATE OR REPLACE TABLE {engine}_{name} AS {query}")
    found = {}
    for name in LEFT:
        counts = [
            f"(SELECT count(*) FROM (FROM {a}_{name} EXCEPT ALL FROM {b}_{name}))"
            for a, b in (("duckdb", "spark"), ("spark", "duckdb"))
        ]
        found[name] = con.execute(f"SELECT {', '.join(counts)}").fetchall()[0]
    return found


SAME = dict.fromkeys(LEFT, (0, 0))


@needs_spark
def test_febrl4_gives_the_same_pairs_patterns_weights_and_clusters(on_both: dict[str, IdentitySettings]) -> None:
    con = staged(febrl(4))
    assert differences(con, on_both) == SAME
    assert con.execute("SELECT count(*), count(DISTINCT vector) FROM spark_pair").fetchall()[0] > (20_000, 100)
    assert con.execute("SELECT count(*) FROM spark_link").fetchall()[0][0] > 4_000


@needs_spark
def test_a_hundred_thousand_records_give_the_same_pairs_patterns_weights_and_clusters(on_both: dict[str, IdentitySettings]) -> None:
    con = staged(population(100_000, 1))
    assert differences(con, on_both) == SAME
    assert con.execute("SELECT count(*) FROM spark_pair").fetchall()[0][0] > 400_000


def crowd(number: int) -> list[Record]:
    """Records that share so much that small caps bite: people, companies, role mailboxes, nicknames, test records, empty ones."""
    rng = random.Random(number)
    values = {
        "given": ["john", "jack", "bill", "william", "ann", "a", None],
        "family": ["smith", "smyth", "lee", "o'neil", None],
        "email": ["jo@mail.net", "info@acme.com", "ünal@mail.net", "ann.lee@post.net", None],
        "phone": ["4930123456", "4930123457", None],
        "street": ["1 high street", "12 high street", None],
        "city": ["york", "leeds", None],
        "postal": ["yo1", "ls2", None],
        "birth": ["1980-02-01", "1980-01-02", "0987-06-05", None],
        "company": ["acme", None, None],
        "tax": ["12345", "DE99117", None, None],
    }
    found = []
    for n in range(400):
        fields = {key: rng.choice(options) for key, options in values.items() if rng.random() < 0.6}
        role = fields.get("email") == "info@acme.com"
        found.append(record(f"s{n % 3}:c:{n}", role=role, test=rng.random() < 0.05, **fields))
    return found


@needs_spark
@pytest.mark.parametrize("most", [2, 7])
def test_caps_bite_alike(on_both: dict[str, IdentitySettings], most: int) -> None:
    con = warehouse()
    stage(con, crowd(most))
    small = {name: chosen.model_copy(update={"max_block_size": most}) for name, chosen in on_both.items()}
    assert differences(con, small) == SAME
    pairs = con.execute("SELECT count(*) FROM spark_pair").fetchall()[0][0]
    assert 0 < pairs < 400 * 399 // 2


@needs_spark
def test_nothing_to_link_is_linked(on_both: dict[str, IdentitySettings]) -> None:
    con = warehouse()
    assert differences(con, on_both) == SAME
    stage(con, [record("a:c:1", given="ann")])
    assert differences(con, on_both) == SAME


@needs_spark
def test_ids_tasks_and_state_are_the_same_and_the_next_load_links_only_what_changed(on_both: dict[str, IdentitySettings]) -> None:
    frame = population(2_000, 3)
    base, new = frame.iloc[:1_950], frame.iloc[1_950:]
    warehouses = {engine: staged(base) for engine in on_both}
    reports = {engine: load(con, 1, on_both[engine]) for engine, con in warehouses.items()}
    assert reports["spark"].candidate_pairs == reports["duckdb"].candidate_pairs
    assert reports["spark"].model_origin == "trained"
    assert content(warehouses["spark"]) == content(warehouses["duckdb"])
    for con in warehouses.values():
        bring(con, new, edited(base.iloc[:20], 3))
    after = load(warehouses["spark"], 2, on_both["spark"])
    anew = load(warehouses["duckdb"], 2, on_both["duckdb"], full=True)
    assert 0 < after.candidate_pairs < anew.candidate_pairs / 5
    assert content(warehouses["spark"]) == content(warehouses["duckdb"])


@needs_spark
def test_another_engine_is_no_reason_to_link_all_anew(on_both: dict[str, IdentitySettings]) -> None:
    con = warehouse()
    stage(con, crowd(1)[:40])
    load(con, 1, on_both["duckdb"])
    assert load(con, 2, on_both["spark"]).candidate_pairs == 0


@needs_spark
def test_executors_with_another_duckdb_are_refused(spark: Any, tmp_path: Path) -> None:
    con = warehouse()
    stage(con, crowd(1)[:5])
    linkage.link(con, IdentitySettings(), Decisions(), now=NOW, live=None, model=None)
    refused = pytest.raises(ConfigError, match=r"DuckDB \S+ on an executor, 0.0.1 here; install the hub's version of duckdb")
    with refused, exchange(tmp_path, shared=False) as place, session(LOCAL, place.folder, tmp_path / "spark.log") as own:
        OnSpark(own, place, version="0.0.1").compare(con, IdentitySettings())
    assert [path.name for path in tmp_path.iterdir()] == ["spark.log"]


@needs_spark
def test_executors_need_no_hub(tmp_path: Path) -> None:
    from pyspark import cloudpickle

    with by_value():
        tasks = [worker.keys_of(duckdb.__version__, "node_id", "SELECT node_id FROM id_node"), worker.vectors_of("0", "*", "")]
        (tmp_path / "tasks").write_bytes(cloudpickle.dumps(tasks))
    there = (
        "import sys; sys.modules['hub'] = None\n"
        "import pyarrow as pa; from pyspark import cloudpickle\n"
        f"keys, vectors = cloudpickle.loads(open({str(tmp_path / 'tasks')!r}, 'rb').read())\n"
        "print([b.to_pydict() for b in keys(iter([pa.record_batch({'node_id': [7]})]))])"
    )
    done = subprocess.run([sys.executable, "-c", there], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[{'node_id': [7]}]"


def elsewhere(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it in a process without a session."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=given, check=False)


@needs_spark
def test_a_master_that_is_none_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    done = elsewhere(
        "import os, pathlib\n"
        "from hub.contract.errors import ConfigError\n"
        "from hub.identity.settings import SparkSettings\n"
        "from hub.identity.spark import on_spark\n"
        "try:\n"
        f"    with on_spark(SparkSettings(master='nowhere', exchange=pathlib.Path({str(tmp_path)!r}))): pass\n"
        "except ConfigError as error: print(error)\n"
        "print(pathlib.Path(f'/proc/self/task/{os.getpid()}/children').read_text())"
    )
    told, children = done.stdout.splitlines()
    assert told.startswith("field identity.spark: Spark does not start with master 'nowhere'; see the end of ")
    assert children == ""
    assert [path.name for path in tmp_path.iterdir()] == ["spark.log"]
    assert "Master must" in (tmp_path / "spark.log").read_text()


def test_spark_is_not_imported_where_it_is_not_asked_for() -> None:
    done = elsewhere(
        "import sys, pipelines.build, hub.identity; print([m for m in sys.modules if m.startswith(('pyspark', 'py4j'))])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_missing_pyspark_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.identity.spark.session.find_spec", lambda _: None)
    with (
        pytest.raises(ConfigError, match=r"PySpark is not installed; pip install 'customer-hub\[spark\]'"),
        on_spark(SparkSettings(exchange=tmp_path)),
    ):
        pass


@pytest.mark.skipif(find_spec("pyspark") is None, reason="without PySpark")
@pytest.mark.parametrize(
    ("home", "told"), [("", "Java is not on the PATH"), ("/nowhere", "Java is not at /nowhere, which JAVA_HOME names")]
)
def test_a_missing_java_is_told(tmp_path: Path, home: str, told: str) -> None:
    done = elsewhere(
        "import pathlib\n"
        "from hub.identity.settings import SparkSettings\n"
        "from hub.identity.spark import on_spark\n"
        f"with on_spark(SparkSettings(exchange=pathlib.Path({str(tmp_path)!r}))): pass",
        PATH="/nowhere",
        JAVA_HOME=home,
    )
    assert f"{told}; install Java 17" in done.stderr


def test_a_folder_of_exchange_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write in .*; name a folder"), exchange(tmp_path / "file" / "x", shared=False):
        pass


def test_what_a_killed_process_left_goes_and_what_another_one_uses_stays(tmp_path: Path) -> None:
    (tmp_path / "linkage-dead" / "node").mkdir(parents=True)
    (tmp_path / "linkage-dead" / "lock").touch()
    (tmp_path / "other").mkdir()
    with exchange(tmp_path, shared=False) as first, exchange(tmp_path, shared=True) as second:
        assert {path.name for path in tmp_path.iterdir()} == {"other", first.folder.name, second.folder.name}
        assert first.folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {"other"}


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1])), unique=True))
@settings(max_examples=25)
def test_a_key_travels_as_a_signed_number_and_comes_back(keys: list[int]) -> None:
    con = duckdb.connect()
    con.register("given", pa.table({"key": pa.array(keys, pa.uint64())}))
    sent = con.sql(f"SELECT {wire.SIGNED} FROM given")
    assert sent.types == ["BIGINT"]
    assert [key for (key,) in con.sql(f"SELECT {wire.UNSIGNED} FROM sent").fetchall()] == keys


def test_columns_come_back_as_what_they_were(tmp_path: Path) -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE was AS SELECT 255::UTINYINT AS a, 2::HUGEINT ** 100 AS b, 18446744073709551615::UBIGINT AS c,"
        " DATE '0987-06-05' AS d, ['x', 'ÿ'] AS e, 0.1 + 0.2::DOUBLE AS f, true AS g,"
        " 12.50::DECIMAL(9, 2) AS h, NULL::VARCHAR AS i, -7::TINYINT AS j"
    )
    types = wire.columns(con, "was")
    con.execute(f"COPY (SELECT {wire.sent(types)} FROM was) TO '{tmp_path / 'was.parquet'}'")
    con.execute(f"CREATE TABLE came AS SELECT {wire.restored(types)} FROM '{tmp_path / 'was.parquet'}'")
    assert wire.columns(con, "came") == types
    assert con.execute("FROM was EXCEPT FROM came").fetchall() == []


def test_properties_are_written_as_java_reads_them() -> None:
    text = properties_text({"spark.a": r"C:\x=y", "spark.b": " two\nlines"})
    assert text == "spark.a=C\\:\\\\x\\=y\nspark.b=\\ two\\nlines\n"


def test_only_properties_of_spark_are_taken() -> None:
    with pytest.raises(ValueError, match=r"no property of Spark"):
        SparkSettings(config={"executor.memory": "8g"})
    with pytest.raises(ValueError, match=r"identity.spark.master"):
        SparkSettings(config={"spark.master": "yarn"})
