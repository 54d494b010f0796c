"""Precision, recall and B-cubed against a truth."""

from __future__ import annotations

import duckdb
import pytest

from hub.contract.errors import ConfigError
from hub.identity import Evaluation, evaluate

XREF = "source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, customer_id VARCHAR, is_current BOOLEAN"


def judged(
    found: list[tuple[object, ...]], truth: list[tuple[object, ...]], columns: str = "source_record_id, entity_id"
) -> Evaluation:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE found ({XREF})")
    con.executemany("INSERT INTO found VALUES ('s', ?, ?, ?, ?)", [list(f) for f in found])
    con.execute("CREATE TABLE truth (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, entity_id VARCHAR)")
    con.executemany(f"INSERT INTO truth (source_system, {columns}) VALUES ('s'{', ?' * len(truth[0])})", [list(t) for t in truth])
    if "stream" not in columns:
        con.execute("ALTER TABLE truth DROP COLUMN stream")
    return evaluate(con, "found", "truth")


def test_figures_are_right() -> None:
    found = judged(
        [("c", "1", "A", True), ("c", "2", "A", True), ("c", "3", "A", True), ("c", "4", "B", True), ("c", "4", "A", False)],
        [("1", "x"), ("2", "x"), ("3", "y"), ("4", "y")],
    )
    assert (found.true_pairs, found.found_pairs, found.correct_pairs) == (2, 3, 1)
    assert (found.precision, found.recall, found.f1) == (pytest.approx(1 / 3), pytest.approx(1 / 2), pytest.approx(0.4))
    assert found.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found.bcubed_recall == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    assert (found.customers, found.entities, found.largest_cluster, found.largest_entity) == (2, 2, 3, 2)
    assert found.exact_entities == 0.0


def test_a_perfect_crosswalk_is_perfect_and_an_empty_truth_pair_set_is_no_fault() -> None:
    found = judged([("c", "1", "A", True), ("c", "2", "A", True), ("c", "3", "B", True)], [("1", "x"), ("2", "x"), ("3", "y")])
    assert (found.f1, found.bcubed_f1, found.exact_entities) == (1.0, 1.0, 1.0)
    alone = judged([("c", "1", "A", True)], [("1", "x")])
    assert (alone.precision, alone.recall) == (1.0, 1.0)


def test_records_the_crosswalk_lacks_count_as_alone_and_are_reported() -> None:
    found = judged([("c", "1", "A", True)], [("1", "x"), ("2", "x")])
    assert (found.records, found.missing, found.recall, found.customers) == (2, 1, 0.0, 2)


def test_one_id_in_two_streams_needs_the_stream() -> None:
    two = [("c", "1", "A", True), ("d", "1", "B", True)]
    with pytest.raises(ConfigError, match=r"s record 1: .*two streams.*add a column stream"):
        judged(two, [("1", "x")])
    told = judged(two, [("c", "1", "x"), ("d", "1", "y")], "stream, source_record_id, entity_id")
    assert (told.records, told.f1) == (2, 1.0)


def test_a_record_named_twice_or_a_missing_column_is_an_error() -> None:
    with pytest.raises(ConfigError, match="twice"):
        judged([("c", "1", "A", True)], [("1", "x"), ("1", "y")])
    with pytest.raises(ConfigError, match="entity_id"):
        evaluate(duckdb.connect(), "(SELECT 1 AS a)", "(SELECT 's' AS source_system, '1' AS source_record_id)")


def test_a_query_will_do_for_a_relation() -> None:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE x ({XREF})")
    con.execute("INSERT INTO x VALUES ('s', 'c', '1', 'A', true)")
    found = evaluate(
        con, "(SELECT * FROM x WHERE is_current)", "(SELECT 's' AS source_system, 1 AS source_record_id, 7 AS entity_id)"
    )
    assert (found.records, found.missing) == (1, 0)
