"""The data dictionary speaks of exactly what is published: every table, every column, in order; and its page is up to date."""

from __future__ import annotations

from pathlib import Path

import duckdb

from hub.golden.dictionary import TableDoc, table_docs
from pipelines.dictionary import columns_of, empty_load, page
from tests.pipelines.world import ROOT


def by_table() -> dict[str, TableDoc]:
    return {str(doc): doc for doc in table_docs().values()}


def test_what_is_published_and_what_is_described_are_equal(first_day: Path) -> None:
    with duckdb.connect(str(first_day / "data" / "golden.duckdb"), read_only=True) as con:
        there = {table: [name for name, _ in columns] for table, columns in columns_of(con).items()}
    described = {table: [column.name for column in doc.columns] for table, doc in by_table().items()}
    assert sorted(there.keys() - described.keys()) == [], "tables that hub/golden/dictionary/ does not describe"
    assert sorted(described.keys() - there.keys()) == [], "tables that it describes and that are not published"
    wrong = {
        table: {
            "not described": [name for name in columns if name not in described[table]],
            "not there": [name for name in described[table] if name not in columns],
            "in order": described[table] == columns,
        }
        for table, columns in there.items()
        if described[table] != columns
    }
    assert wrong == {}


def test_an_empty_load_has_the_columns_of_a_published_one(first_day: Path) -> None:
    with duckdb.connect(str(first_day / "data" / "golden.duckdb"), read_only=True) as con:
        assert columns_of(con) == empty_load()


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "data-dictionary.md").read_text()
    assert written == page(), "run: .venv/bin/python -m pipelines.dictionary > docs/data-dictionary.md"


def test_every_text_says_something_and_how_far_the_value_may_travel() -> None:
    for table, doc in by_table().items():
        assert len(doc.description) > 10, table
        for column in doc.columns:
            assert column.sensitivity in ("public", "internal", "personal", "sensitive"), f"{table}.{column.name}"
            assert len(column.description) > 3, f"{table}.{column.name}"
            assert not column.description.endswith("."), f"{table}.{column.name}"


def test_a_column_that_a_view_passes_on_is_described_as_in_its_table() -> None:
    docs = table_docs()
    told = {column.name: column for column in docs["customer_360"].columns}
    assert [column for column in docs["customer"].columns if told[column.name] != column] == []
