"""Expectations of the users' own: what may be said, what is said back of a mistake, and what holds a load."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from expectations import GateSettings, Verdict
from expectations.core_names import arguments, core_expectations
from expectations.own import Failures, OwnCheck, Table, judge_own, needed_columns, own_checks, with_own
from hub.contract.errors import ConfigError, GateError

_USED = ("column", "column_A", "column_list", "mostly", "min_value", "regex", "value_set", "row_condition")
COLUMNS = ["customer_id", "email", "orders", "segment"]
FRAME = pd.DataFrame(
    {
        "__key": ["c1", "c2", "c3"],
        "email": ["a@mail.org", "b-at-mail", None],
        "orders": [1.0, 2.0, 30.0],
        "segment": ["x", "y", "y"],
    }
)


def settings(*expectations: dict[str, Any], python: Path | None = None) -> GateSettings:
    return GateSettings(expectations=expectations, python=python)  # type: ignore[arg-type]


def read(check: OwnCheck) -> Table:
    columns = needed_columns(check, COLUMNS)
    return Table(FRAME.iloc[:0] if columns is None else FRAME[["__key", *columns]], "__key")


def judged(*expectations: dict[str, Any]) -> list[Any]:
    return judge_own(own_checks(settings(*expectations)), read, lambda check: Failures(2, ("c1", "c2")))


def email(**keys: Any) -> dict[str, Any]:
    return {"table": "golden.customer", "expect": "expect_column_values_to_match_regex", "column": "email", "regex": ".+@.+"} | keys


def test_a_row_that_fails_is_named_by_its_key_and_never_by_its_value() -> None:
    (result,) = judged(email(name="mails", severity="critical"))
    assert (result.check_id, result.status, result.severity) == ("own.mails", "failed", "critical")
    assert (result.failed_rows, result.total_rows, result.examples) == (1, 2, ("c2",))
    assert "b-at" not in repr(result)


def test_a_budget_of_mostly_is_honoured() -> None:
    assert [result.status for result in judged(email(name="half", mostly=0.5), email(name="most", mostly=0.9))] == [
        "passed",
        "failed",
    ]


@pytest.mark.parametrize(
    ("keys", "status", "observed"),
    [
        ({"expect": "expect_column_mean_to_be_between", "column": "orders", "max_value": 5}, "failed", 11),
        ({"expect": "expect_table_row_count_to_be_between", "min_value": 1, "max_value": 3}, "passed", 3),
        ({"expect": "expect_column_unique_value_count_to_be_between", "column": "segment", "min_value": 2}, "passed", 2),
        ({"expect": "expect_column_pair_values_to_be_equal", "column_A": "email", "column_B": "segment"}, "failed", None),
    ],
)
def test_expectations_on_the_whole_and_on_pairs(keys: dict[str, Any], status: str, observed: float | None) -> None:
    (result,) = judged({"table": "golden.customer", **keys})
    assert result.status == status, result.message
    if observed is not None:
        assert result.observed == observed


def test_a_query_whose_rows_are_failures() -> None:
    (result,) = judged({"name": "twice", "sql": "SELECT 1", "severity": "critical"})
    assert (result.status, result.failed_rows, result.examples) == ("failed", 2, ("c1", "c2"))


def test_a_critical_one_holds_the_load_and_a_warning_shows() -> None:
    verdict = Verdict("L2", datetime(2026, 3, 1, tzinfo=UTC), "pass", (), (), ())
    held = with_own(verdict, judged(email(name="mails", severity="critical"), email(name="again")))
    assert (held.decision, held.blocking, held.warnings) == ("hold", ("own.mails",), ("own.again",))
    assert with_own(verdict, judged(email())).decision == "pass"
    assert with_own(held, []).decision == "hold"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (email(expect="expect_column_values_to_match_regx"), "did you mean 'expect_column_values_to_match_regex'"),
        (email(regexp="x"), "takes no 'regexp'; did you mean 'regex'"),
        (email(result_format="COMPLETE"), "takes no 'result_format'"),
        ({"expect": "expect_column_values_to_be_unique", "column": "email"}, "needs a table"),
        ({"table": "golden.customer"}, "needs either expect: or sql:"),
        ({"sql": "SELECT 1", "table": "golden.customer"}, "sql: takes no 'table'"),
    ],
)
def test_a_mistake_names_the_nearest_right_word(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(keys)


def test_what_only_great_expectations_knows_to_be_wrong_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"gate\.expectations\.0.*expect_column_values_to_match_regex cannot be made"):
        own_checks(settings(email(mostly=7)))
    with pytest.raises(ConfigError, match="has no column 'e_mail'; did you mean 'email'"):
        judged(email(column="e_mail"))
    with pytest.raises(ConfigError, match="two expectations are named 'mails'"):
        own_checks(settings(email(name="mails"), email(name="mails")))


def test_an_expectation_that_cannot_be_computed_is_an_error_of_the_gate_and_no_failure() -> None:
    with pytest.raises(GateError, match=r"check own\.sums could not be computed"):
        judged({"name": "sums", "table": "golden.customer", "expect": "expect_column_mean_to_be_between", "column": "email"})


def test_a_python_file_yields_expectations_and_queries(tmp_path: Path) -> None:
    path = tmp_path / "checks.py"
    path.write_text(
        "import great_expectations.expectations as gxe\n"
        "from expectations import expect, failing_rows\n"
        "def check_customers():\n"
        "    yield expect('golden.customer', gxe.ExpectColumnValuesToNotBeNull(column='email'), severity='critical')\n"
        "    yield failing_rows('no_orders', 'SELECT customer_id FROM golden.customer')\n"
        "def helper():\n"
        "    raise AssertionError\n"
    )
    checks = own_checks(settings(python=path))
    assert [(c.check_id, c.severity) for c in checks] == [
        ("own.customer.email.column_values_to_not_be_null", "critical"),
        ("own.no_orders", "warning"),
    ]
    assert [r.status for r in judge_own(checks, read, lambda check: Failures(0, ()))] == ["failed", "passed"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def check_a():\n    return 1 / 0\n", r"checks\.py failed at line 2 with ZeroDivisionError"),
        ("def check_a(:\n", r"checks\.py failed with SyntaxError"),
        ("def check_a():\n    yield 'email'\n", r"checks\.py:check_a: it yields a str; yield expect"),
    ],
)
def test_a_python_file_that_fails_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "checks.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        own_checks(settings(python=path))


def test_names_and_arguments_are_those_of_great_expectations_itself() -> None:
    import great_expectations.expectations as gxe

    classes = {name.lower(): getattr(gxe, name) for name in dir(gxe) if name.startswith("Expect")}
    assert len(core_expectations()) >= 50
    for name in core_expectations():
        taken = set(classes[name.replace("_", "")].__fields__)
        assert arguments(name) <= taken, name
        assert {a for a in _USED if a in taken} <= arguments(name), name


def test_checking_a_name_does_not_import_great_expectations() -> None:
    code = (
        "import sys; from expectations import GateSettings\n"
        "own = {'table': 'golden.customer', 'expect': 'expect_column_values_to_be_unique', 'column': 'email'}\n"
        "GateSettings(expectations=[own])\n"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
