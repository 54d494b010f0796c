"""What the analysis of blocking says: costs and finds of each rule, what is capped, what nobody finds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bench.identity import staged
from bench.people import population
from hub.contract.errors import ConfigError
from hub.identity import IdentitySettings, analyse_blocking
from tests.hub.identity.helpers import load, record, stage, warehouse

RECORDS = [
    record("a:c:1", given="ann", family="lee", email="al@mail.net"),
    record("b:c:1", given="bea", family="roe", email="al@mail.net"),
    record("b:c:2", given="bea", family="roe", email="al@mail.net"),
    record("a:c:2", given="kim", family="oakley", phone="4930123456"),
    record("b:c:3", given="jo", family="barns", phone="4930123456"),
    record("b:c:4", given="otto", family="zander", city="york"),
    record("b:c:5", given="ida", family="quint", city="york"),
]
TRUTH = {"a:c:1": "x", "b:c:1": "x", "b:c:2": "x", "a:c:2": "y", "b:c:3": "z", "b:c:4": "w", "b:c:5": "w"}


def loaded(path: Path, records: list[dict[str, object]], settings: IdentitySettings | None = None) -> duckdb.DuckDBPyConnection:
    """A resolved load, opened read-only."""
    con = warehouse(str(path / "golden.duckdb"))
    stage(con, records)
    load(con, 1, settings)
    con.close()
    return duckdb.connect(str(path / "golden.duckdb"), read_only=True)


def tell(con: duckdb.DuckDBPyConnection, truth: dict[str, str]) -> str:
    con.execute("CREATE TEMP TABLE told (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, entity_id VARCHAR)")
    for key, entity in truth.items():
        con.execute("INSERT INTO told VALUES (?, ?, ?, ?)", [*key.split(":", 2), entity])
    return "told"


def test_each_rule_is_credited_with_the_pairs_it_brings(tmp_path: Path) -> None:
    con = loaded(tmp_path, RECORDS)
    found = analyse_blocking(con, "identity", IdentitySettings(), truth=tell(con, TRUTH))
    cost = {rule.name: rule for rule in found.rules}
    assert (found.records, found.nodes, found.pairs) == (7, 6, 2)
    assert (cost["email"].keys, cost["email"].largest, cost["email"].pairs, cost["email"].only) == (1, 2, 1, 1)
    # the two records of one node are two true pairs with the third
    assert (cost["email"].true_pairs, cost["email"].true_only, cost["email"].cost) == (2, 2, 0.5)
    assert (cost["phone"].pairs, cost["phone"].true_pairs, cost["phone"].cost) == (1, 0, None)
    assert (found.rules[-1].so_far, found.rules[-1].true_so_far) == (found.pairs, found.found)
    assert (found.true_pairs, found.equal_keys, found.found) == (4, 1, 2)
    assert found.recall == pytest.approx(3 / 4)
    assert [(m.agree_on, m.reason, m.pairs) for m in found.missed] == [(("city",), "no rule", 1)]


def test_without_truth_only_costs_are_told(tmp_path: Path) -> None:
    found = analyse_blocking(loaded(tmp_path, RECORDS), "identity", IdentitySettings())
    assert (found.pairs, found.true_pairs, found.recall, found.missed) == (2, None, None, ())
    assert all(rule.true_pairs is None and rule.cost is None for rule in found.rules)


def test_capped_values_are_listed_masked_and_missed_pairs_say_so(tmp_path: Path) -> None:
    crowd = [record(f"a:c:{n}", given=f"g{n}x", family="miller", birth=f"19{10 + n}-01-02", postal="AB1") for n in range(6)]
    con = loaded(tmp_path, crowd)
    found = analyse_blocking(con, "identity", IdentitySettings(max_block_size=5), truth=tell(con, {"a:c:1": "x", "a:c:2": "x"}))
    # whatever rules there are: one of them is about the family name and the postal code that all six share
    shown = next(c for c in found.capped if c.value == "m… A…")
    assert (shown.nodes, shown.reason) == (6, "held by too many")
    assert not any("miller" in c.value for c in found.capped)
    assert next(rule for rule in found.rules if rule.name == shown.rule).capped == 1
    assert [(m.agree_on, m.reason) for m in found.missed] == [(("family name", "postal code"), "capped")]
    more = analyse_blocking(con, "identity", IdentitySettings(max_block_size=6), truth="told")
    assert more.pairs == 15
    assert more.missed == ()


def test_identifiers_that_are_no_evidence_are_listed(tmp_path: Path) -> None:
    crowd = [record(f"a:c:{n}", given=f"g{n}x", family=f"f{n}y", email="all@mail.net") for n in range(6)]
    con = loaded(tmp_path, crowd, IdentitySettings(max_block_size=5))
    found = analyse_blocking(con, "identity", IdentitySettings(max_block_size=5))
    assert [(c.rule, c.value, c.nodes) for c in found.capped] == [("email", "a…@m….n…", 6)]


def test_the_pairs_are_those_the_load_compared() -> None:
    con = staged(population(3_000, 4))
    report = load(con)
    found = analyse_blocking(con, "identity", IdentitySettings(), truth="truth")
    assert found.pairs == report.candidate_pairs
    assert found.found is not None
    assert sum(m.pairs for m in found.missed) + found.found + (found.equal_keys or 0) == found.true_pairs
    assert 0.8 < (found.recall or 0) < 1


def test_a_truth_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    con = loaded(tmp_path, RECORDS)
    con.execute("CREATE TEMP TABLE told (source_system VARCHAR, entity_id VARCHAR)")
    with pytest.raises(ConfigError, match="the truth lacks source_record_id"):
        analyse_blocking(con, "identity", IdentitySettings(), truth="told")
