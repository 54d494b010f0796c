"""Accuracy without labels, on FEBRL and on the generated population: floors a little below what is measured today.

The figures themselves are for ``python -m bench.identity``; these tests see to it that they do not fall unnoticed.
"""

from __future__ import annotations

import pandas as pd
import pytest

from bench.identity import febrl, keep_as_live, staged
from bench.people import population
from hub.identity import Evaluation, IdentitySettings, evaluate, resolve
from tests.hub.identity.helpers import SECRET, START

pytestmark = pytest.mark.all_cores


def accuracy(frame: pd.DataFrame) -> Evaluation:
    con = staged(frame)
    resolve(con, IdentitySettings(), run_id="r", now=START, id_secret=SECRET, live=None)
    return evaluate(con, "identity.customer_xref", "truth")


def without(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.drop(columns=list(columns))


def of(frame: pd.DataFrame, *systems: str) -> pd.DataFrame:
    return frame[frame["source_system"].isin(systems)]


def test_febrl_4_two_sources_with_names_address_and_birth_date() -> None:
    found = accuracy(without(febrl(4), "tax_id"))
    assert found.f1 >= 0.997
    assert found.largest_cluster <= 3


def test_febrl_4_with_names_and_birth_date_only() -> None:
    found = accuracy(without(febrl(4), "address_line1", "address_line2", "city", "region", "postal_code"))
    assert found.precision >= 0.98
    assert found.recall >= 0.85


def test_febrl_3_one_source_with_heavy_duplicates() -> None:
    assert accuracy(febrl(3)).f1 >= 0.995


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return population(6000, 11)


def test_six_sources(people: pd.DataFrame) -> None:
    found = accuracy(people)
    assert found.precision >= 0.96
    assert found.f1 >= 0.95
    assert found.largest_cluster <= 2 * found.largest_entity


def test_two_sources(people: pd.DataFrame) -> None:
    assert accuracy(of(people, "crm", "shop")).f1 >= 0.95


def test_one_source_with_few_duplicates_and_many_relatives(people: pd.DataFrame) -> None:
    found = accuracy(of(people, "crm"))
    assert found.precision >= 0.8
    assert found.recall >= 0.8


def test_e_mail_only(people: pd.DataFrame) -> None:
    kept = people[["source_system", "stream", "source_record_id", "email", "entity_id"]]
    assert accuracy(kept[kept["email"].notna()]).precision >= 0.9


def test_two_hundred_records() -> None:
    found = accuracy(population(200, 12))
    assert found.precision >= 0.95
    assert found.recall >= 0.85


def test_where_nothing_matches_next_to_nothing_is_linked(people: pd.DataFrame) -> None:
    alone = people.drop_duplicates("entity_id")
    assert accuracy(alone).exact_entities >= 0.99


def test_people_who_lived_long_ago() -> None:
    """A birth date of the 19th century is as good as any other."""
    frame = population(6000, 11)
    born = frame["birth_date"].str.extract(r"^19(\d\d)-(..-..)$")
    frame["birth_date"] = ("18" + born[0] + "-" + born[1]).where(born[0].notna(), None)
    kept = frame[frame["birth_date"].notna() & frame["family_name"].notna()].drop(columns=["email", "phone", "address_line1"])
    with_birth, without_birth = accuracy(kept), accuracy(kept.drop(columns="birth_date"))
    assert with_birth.f1 > without_birth.f1 + 0.05


def test_the_frozen_model_finds_the_same_customers(people: pd.DataFrame) -> None:
    con = staged(people.head(1500))
    resolve(con, IdentitySettings(), run_id="r1", now=START, id_secret=SECRET, live=None)
    keep_as_live(con)
    report = resolve(con, IdentitySettings(), run_id="r2", now=START, id_secret=SECRET, live="live")
    assert not report.trained or report.model_origin == "trained"
    changed = "SELECT count(*) FROM (FROM identity.customer_xref EXCEPT FROM live.customer_xref)"
    assert con.execute(changed).fetchall() == [(0,)]


def test_the_population_is_the_same_for_the_same_seed_and_names_every_record_once() -> None:
    one, same, other = population(500, 3), population(500, 3), population(500, 4)
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)
    assert len(one) == 500
    assert not one.duplicated(["source_system", "stream", "source_record_id"]).any()
    assert 0.3 < one["entity_id"].nunique() / len(one) < 0.6
