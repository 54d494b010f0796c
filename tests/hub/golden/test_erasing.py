"""That erasing knows of every column which the dictionary calls personal, and the contract of the same ones."""

from __future__ import annotations

import pytest

from hub.contract.columns import FACTS
from hub.contract.tables import StagingTable
from hub.golden import TABLES, erasing
from hub.golden.dictionary import table_docs

PERSONAL = ("personal", "sensitive")


@pytest.mark.parametrize("table", FACTS, ids=lambda table: table.name)
def test_a_column_of_a_fact_is_personal_in_the_contract_and_the_dictionary_alike(table: StagingTable) -> None:
    docs = {column.name: column.sensitivity in PERSONAL for column in table_docs()[table.name].columns}
    told = {column.name: column.personal for column in table.columns}
    assert {name for name in told.keys() & docs.keys() if docs[name]} == {name for name, personal in told.items() if personal}


def test_no_golden_table_with_personal_columns_is_forgotten() -> None:
    personal = {name for name in TABLES if any(column.sensitivity in PERSONAL for column in table_docs()[name].columns)}
    handled = {*erasing._OWN, *erasing._FACTS, "consent", "attribute_override", "touchpoint", "customer"}
    assert personal <= handled
