"""Properties of a whole resolution: idempotent, independent of order, all or nothing, cheap on a frozen model."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contract.errors import ConfigError
from hub.identity import IdentitySettings, resolve
from tests.hub.identity.helpers import SECRET, START, Record, customers, groups, load, publish, record, stage, warehouse

TABLES = (
    "customer_registry",
    "customer_xref",
    "match_edge",
    "merge_log",
    "review_task",
    "blocked_value",
    "model",
    "term_frequency",
    "match_key",
)
NAMES = st.sampled_from(["john", "jon", "ann", "anna", None])
FIELDS = {
    "given": NAMES,
    "family": st.sampled_from(["smith", "smyth", "lee", None]),
    "email": st.sampled_from(["jo@mail.net", "jo@post.net", "ann.lee@mail.net", None]),
    "phone": st.sampled_from(["4930123456", "4930123457", None]),
    "birth": st.sampled_from(["1980-02-01", "1980-01-02", None]),
    "city": st.sampled_from(["york", "leeds", None]),
    "company": st.sampled_from(["acme", None]),
}


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    count = draw(st.integers(0, 9))
    return [record(f"s{draw(st.integers(1, 3))}:c:{n}", **{f: draw(values) for f, values in FIELDS.items()}) for n in range(count)]


def content(con: Any, schema: str = "identity") -> dict[str, list[Any]]:
    return {t: con.execute(f"SELECT * FROM {schema}.{t} ORDER BY ALL").fetchall() for t in TABLES}


@given(records(), st.randoms(use_true_random=False))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_neither_the_order_of_rows_nor_a_second_run_changes_anything(rows: list[Record], random: Any) -> None:
    con, other = warehouse(), warehouse()
    stage(con, rows)
    load(con)
    first = content(con)
    assert set(customers(con)) == {r["key"] for r in rows}
    shuffled = list(rows)
    random.shuffle(shuffled)
    stage(other, shuffled)
    load(other)
    assert content(other) == first
    stage(con, shuffled)
    again = load(con, 2)
    assert content(con) == first
    assert (again.created_ids, again.merged_ids, again.split_ids, again.retired_ids) == (0, 0, 0, 0)
    assert again.id_churn_rate in (0.0, None)


def test_a_model_is_kept_until_records_have_doubled_or_it_is_asked_for() -> None:
    con = warehouse()
    people = [record(f"a:c:{n}", given=f"g{n}", family=f"f{n}", email=f"p{n}@mail.net") for n in range(8)]
    stage(con, people[:4])
    first = load(con).model_version
    stage(con, people[:7])
    assert load(con, 2).model_version == first
    stage(con, people)
    doubled = load(con, 3)
    assert doubled.trained
    assert doubled.model_version != first
    assert load(con, 4).model_version == doubled.model_version
    assert load(con, 5, retrain=True).model_version != doubled.model_version
    assert con.execute("SELECT count(*) FROM identity.model").fetchall() == [(3,)]


def test_the_live_load_may_be_an_attached_read_only_file(tmp_path: Path) -> None:
    path = tmp_path / "published.duckdb"
    rows = [record("a:c:1", given="ann", family="lee", email="al@mail.net"), record("b:c:1", email="al@mail.net")]
    published = warehouse(str(path))
    stage(published, rows)
    load(published)
    before = customers(published)
    published.close()
    con = warehouse(str(tmp_path / "working.duckdb"))
    stage(con, rows)
    con.execute(f"ATTACH '{path}' AS live (READ_ONLY)")
    report = resolve(con, IdentitySettings(), run_id="r", now=START, id_secret=SECRET, live="live.identity")
    assert customers(con) == before
    assert report.id_churn_rate == 0.0


def test_what_an_earlier_candidate_left_behind_has_no_effect() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", email="x@y.net"), record("a:c:2", email="x@y.net")])
    load(con)
    # a candidate that is held: the customer falls apart, nobody publishes it
    stage(con, [record("a:c:1", email="x@y.net"), record("a:c:2", email="z@y.net")])
    resolve(con, IdentitySettings(), run_id="held", now=START, id_secret=SECRET, live="live")
    assert len(groups(con)) == 2
    stage(con, [record("a:c:1", email="x@y.net"), record("a:c:2", email="x@y.net")])
    report = load(con, 2)
    assert report.id_churn_rate == 0.0
    assert con.execute("SELECT count(*) FROM identity.customer_registry").fetchall() == [(1,)]
    assert con.execute("SELECT DISTINCT run_id FROM identity.resolution_run ORDER BY 1").fetchall() == [("run1",), ("run2",)]


def test_it_takes_part_in_a_transaction_of_the_caller() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", email="x@y.net")])
    con.execute("BEGIN TRANSACTION")
    resolve(con, IdentitySettings(), run_id="r", now=START, id_secret=SECRET, live=None)
    assert len(customers(con)) == 1
    con.execute("ROLLBACK")
    assert customers(con) == {}


def test_times_are_utc_and_ids_depend_on_the_secret() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", email="x@y.net")])
    resolve(con, IdentitySettings(), run_id="r", now=datetime(2026, 5, 1, 12, tzinfo=UTC), id_secret=SECRET, live=None)
    assert con.execute("SELECT valid_from FROM identity.customer_xref").fetchall()[0][0].hour == 12
    one = customers(con)
    resolve(con, IdentitySettings(), run_id="r", now=START, id_secret=b"another", live=None)
    assert customers(con) != one
    with pytest.raises(ConfigError, match="secret"):
        resolve(con, IdentitySettings(), run_id="r", now=START, id_secret=b"", live=None)


def test_nothing_temporary_is_left_behind() -> None:
    con = warehouse()
    stage(con, [record("a:c:1", email="x@y.net")])
    load(con)
    publish(con)
    assert con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall() == []


def test_unknown_settings_are_errors() -> None:
    with pytest.raises(ValueError, match="max_cluster"):
        IdentitySettings(max_cluster=3)  # type: ignore[call-arg]


def test_a_frozen_model_needs_no_recordlinkage() -> None:
    script = """
import sys
from tests.hub.identity.helpers import *
con = warehouse()
stage(con, [record("a:c:1", email="x@y.net"), record("a:c:2", email="x@y.net")])
load(con)
load(con, 2)
assert not {"recordlinkage", "sklearn"} & set(sys.modules)
"""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
