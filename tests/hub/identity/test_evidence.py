"""What is known of the two sides of a question, beyond the sum of weights."""

from __future__ import annotations

import numpy as np
import pytest

from hub.identity import IdentitySettings
from hub.identity.delta import whole
from hub.identity.evidence import FEATURES, evidence, likelihood
from hub.identity.model import load_model
from hub.identity.sql import rows
from hub.identity.weighing import weigh
from tests.hub.identity.helpers import load, record, stage, warehouse


def known(*sides: tuple[str, ...]) -> dict[str, float]:
    """The evidence on one question between two groups of the records below."""
    home = {"given": "zephyrine", "family": "quillfeather", "street": "1 high street", "city": "york", "postal": "yo17"}
    con = warehouse()
    stage(
        con,
        [
            record("a:c:1", **home, email="zq@mail.net", phone="442079460001"),
            record("b:c:1", **home, email="zq@mail.net", phone="442079460002", birth="1950-03-04"),
            record("c:c:1", **home, email="zephyrine@post.net", phone="442079460001"),
            record("c:c:2", **home, email="zephyrine@post.net", phone="442079460001"),
            record("d:c:1", **home, birth="1985-10-12"),
        ],
    )
    load(con)
    whole(con)
    model = load_model(con, "identity")
    assert model is not None
    weigh(con, model, IdentitySettings())
    con.execute("CREATE TEMP TABLE id_side (question BIGINT, side BIGINT, node_id BIGINT)")
    for side, keys in enumerate(sides):
        con.execute(
            "INSERT INTO id_side SELECT DISTINCT 0, ?, node_id FROM linkage.record WHERE list_contains(?, record_key)",
            [side, list(keys)],
        )
    pair = "SELECT weight, vector FROM id_compared JOIN id_weight USING (vector) ORDER BY l, r LIMIT 1"
    ((link, vector),) = rows(con, pair)
    found = evidence(con, np.array([link]), np.array([vector], dtype=np.int64))
    return dict(zip(FEATURES, found[0].tolist(), strict=True))


def test_values_are_shared_or_differ_only_where_both_sides_have_them() -> None:
    found = known(("a:c:1", "b:c:1"), ("c:c:1", "c:c:2"))
    assert (found["email_shared"], found["email_differs"]) == (0, 1)
    assert (found["phone_shared"], found["phone_differs"]) == (1, 0)
    assert (found["birth_shared"], found["birth_differs"]) == (0, 0)
    assert (found["street_shared"], found["given_shared"]) == (1, 1)


def test_records_are_counted_though_equal_ones_are_compared_once() -> None:
    found = known(("a:c:1", "b:c:1"), ("c:c:1", "c:c:2"))
    assert found["size"] == pytest.approx(2.0)  # log2 of 2 x 2 records
    assert (found["smaller"], found["larger"]) == (1, 2)
    assert found["email_known"] == pytest.approx(np.log2(3))
    assert (found["phone_own"], found["phone_own_least"]) == (1, 0)
    assert found["agreeing"] + found["differing"] == pytest.approx(1.0)


def test_other_birth_dates_make_one_customer_less_likely_and_two_more() -> None:
    same, other = known(("a:c:1",), ("c:c:1",)), known(("b:c:1",), ("d:c:1",))
    assert other["birth_differs"] == 1
    for answer, grows in (("one_customer", False), ("two_customers", True)):
        row = np.array([list(same.values()), list({**same, "birth_differs": 1.0}.values())])
        without, with_it = likelihood(answer, row)
        assert bool(with_it > without) is grows
