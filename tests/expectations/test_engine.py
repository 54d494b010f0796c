"""Great Expectations' own failures are never taken for bad data, and never for good data either."""

from __future__ import annotations

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations.row_conditions import Column

from expectations import engine
from expectations.engine import Outcome, validate
from hub.contract.errors import GateError

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})


def test_answers_come_back_by_check_whatever_the_order() -> None:
    found = validate(
        FRAME,
        {
            "small": gxe.ExpectColumnValuesToBeBetween(column="a", max_value=2),
            "filled": gxe.ExpectColumnValuesToNotBeNull(column="b"),
            "filled_where_small": gxe.ExpectColumnValuesToNotBeNull(column="b", row_condition=Column("a") < 2),
            "present": gxe.ExpectColumnValuesToNotBeNull(column="a"),
        },
    )
    assert found == {
        "small": Outcome(3, (2,)),
        "filled": Outcome(3, (1,)),
        "filled_where_small": Outcome(1, ()),
        "present": Outcome(3, ()),
    }


def test_rows_are_named_by_position_whatever_the_index() -> None:
    found = validate(FRAME.set_index(pd.Index([9, 9, 9], name="a_key")), {"filled": gxe.ExpectColumnValuesToNotBeNull(column="b")})
    assert found == {"filled": Outcome(3, (1,))}


def test_a_column_that_is_not_there_is_an_error_of_the_gate() -> None:
    with pytest.raises(GateError, match=r"check gone \(expect_column_values_to_not_be_null\) could not be computed: \w+Error"):
        validate(FRAME, {"gone": gxe.ExpectColumnValuesToNotBeNull(column="c")})


def test_one_failing_computation_is_not_hidden_by_the_good_ones() -> None:
    with pytest.raises(GateError, match="check mixed"):
        validate(
            FRAME,
            {
                "filled": gxe.ExpectColumnValuesToNotBeNull(column="a"),
                "mixed": gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="a", column_B="b"),
            },
        )


def test_an_error_outside_an_expectation_is_an_error_of_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_context(*args: object, **kwargs: object) -> None:
        raise OSError("disk full at ada@lovelace.test")

    monkeypatch.setattr(gx, "get_context", no_context)
    with pytest.raises(GateError, match="Great Expectations failed with OSError") as caught:
        validate(FRAME, {"filled": gxe.ExpectColumnValuesToNotBeNull(column="a")})
    assert "lovelace" not in str(caught.value)


def test_an_expectation_left_unanswered_is_an_error_of_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine._run

    def forgetful(frame: pd.DataFrame, suite: gx.ExpectationSuite) -> object:
        suite.expectations = suite.expectations[:1]
        return run(frame, suite)

    monkeypatch.setattr(engine, "_run", forgetful)
    with pytest.raises(GateError, match="did not answer second"):
        validate(
            FRAME,
            {
                "first": gxe.ExpectColumnValuesToNotBeNull(column="a"),
                "second": gxe.ExpectColumnValuesToBeUnique(column="a"),
            },
        )


def test_no_value_comes_back() -> None:
    secret = pd.DataFrame({"mail": ["ada@lovelace.test", "bob@example.test"]})
    found = validate(secret, {"known": gxe.ExpectColumnValuesToBeInSet(column="mail", value_set=["x"])})
    assert found == {"known": Outcome(2, (0, 1))}


def test_nothing_is_printed_or_logged_by_a_judgement(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    validate(FRAME, {"small": gxe.ExpectColumnValuesToBeBetween(column="a", max_value=2)})
    assert capfd.readouterr() == ("", "")
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
