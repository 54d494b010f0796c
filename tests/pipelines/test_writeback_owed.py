"""What is owed, of a load in miniature: who is told, in which words, and where a value may stand once only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd
import pytest

from connectors.delivery import Wish
from connectors.writeback import Change, Refused, Standing, Writer, Written, canonical
from hub.golden.segments import segment_columns
from hub.identity.registry import mint
from pipelines.writeback.owed import Ledger, Owed
from pipelines.writeback.values import attributes, kind_of
from tests.hub.parties import stage_parties, warehouse
from warehouse.writeback_tables import writeback_field

PLACE = ("desk", "users")
STATE = [column.name for column in writeback_field.columns]


class Once(Writer):
    """A writer whose field ``once`` takes a value once only; nothing is asked of it here but that."""

    unique = ("once",)

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        raise AssertionError("nobody reads here")

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        raise AssertionError("nobody writes here")


class Load:
    """A published load with a few customers, and an outbox."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in segment_columns().items())
        self.con.execute(f"CREATE SCHEMA golden; CREATE SCHEMA identity; CREATE TABLE golden.customer_360 ({columns})")
        self.con.execute("CREATE TABLE golden.segment_member (segment_key VARCHAR, customer_id VARCHAR, exited_at TIMESTAMP)")
        self.con.execute(
            "CREATE TABLE identity.customer_xref (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR,"
            " customer_id VARCHAR, is_current BOOLEAN); CREATE TABLE identity.customer_registry (customer_id VARCHAR)"
        )
        self.state: list[dict[str, Any]] = []
        self.ledger = Ledger(self.con, "salt")

    def customer(self, customer_id: str, *records: str, **values: Any) -> None:
        """A customer with records of the help desk."""
        given = {"customer_id": customer_id, "status": "active", **values}
        names = ", ".join(given)
        self.con.execute(f"INSERT INTO golden.customer_360 ({names}) VALUES ({', '.join('?' * len(given))})", list(given.values()))
        self.con.executemany(
            "INSERT INTO identity.customer_xref VALUES (?, ?, ?, ?, true)", [[*PLACE, record, customer_id] for record in records]
        )

    def known(self, record: str, field: str, text: str | None, status: str = "confirmed", tried: str | None = None) -> None:
        """A row of the outbox."""
        row = dict.fromkeys(STATE)
        wanted = tried if tried is not None else text
        row |= {"source_record_id": record, "field": field, "status": status}
        row |= {"confirmed_digest": text and self.ledger.digest(text), "wanted_digest": wanted and self.ledger.digest(wanted)}
        self.state.append(row)

    def owed(self, fields: Mapping[str, str] | None = None, **how: Any) -> Owed:
        """What is owed."""
        names = fields or {"customer_id": "field"}
        writer = Once({name: kind_of(attribute) for attribute, name in names.items()})
        return self.ledger.owed(PLACE, names, pd.DataFrame(self.state, columns=STATE), writer, **how)

    def wishes(self, fields: Mapping[str, str] | None = None, **how: Any) -> dict[str, Mapping[str, str | None]]:
        """The fields that are owed, by record."""
        wishes: list[Wish] = self.owed(fields, **how).wishes
        return {wish.record: wish.fields for wish in wishes}


@pytest.fixture
def load() -> Iterator[Load]:
    made = Load()
    yield made
    made.con.close()


ONCE = {"customer_id": "once"}


def test_every_record_of_a_live_customer_is_told(load: Load) -> None:
    load.customer("c_1", "1", "2")
    load.customer("c_2", "3", status="retired")
    load.con.execute(
        "INSERT INTO identity.customer_xref VALUES ('desk', 'users', '4', 'c_1', false), ('shop', 'users', '5', 'c_1', true)"
    )
    assert load.wishes() == {"1": {"field": "c_1"}, "2": {"field": "c_1"}}


def test_what_is_known_to_be_there_is_not_owed(load: Load) -> None:
    load.customer("c_1", "1", "2", open_tickets=0)
    load.known("1", "field", "c_1")
    load.known("2", "field", "c_9")
    owed = load.owed()
    assert ([wish.record for wish in owed.wishes], owed.unchanged) == (["2"], 1)
    assert load.owed({"customer_id": "field", "open_tickets": "n"}).unchanged == 1
    assert set(load.wishes(verify=True)) == {"1", "2"}


def test_a_value_that_is_gone_empties_the_field_where_we_filled_it(load: Load) -> None:
    load.customer("c_1", "1", "2", rfm_segment=None)
    load.known("1", "field", "loyal")
    assert load.wishes({"rfm_segment": "field"}) == {"1": {"field": None}}


@pytest.mark.parametrize("status", ["dead", "gone", "kept"])
def test_a_letter_is_not_sent_again_before_its_value_changes(load: Load, status: str) -> None:
    load.customer("c_1", "1")
    load.known("1", "field", None, status, tried="c_1")
    assert load.wishes() == {}
    assert load.wishes(overwrite=True) == ({"1": {"field": "c_1"}} if status == "kept" else {})
    load.state.clear()
    load.known("1", "field", None, status, tried="c_0")
    assert load.wishes() == {"1": {"field": "c_1"}}


def test_what_was_about_to_be_written_is_looked_at_again_though_its_value_is_what_it_was_before(load: Load) -> None:
    load.customer("c_1", "1", rfm_segment=None)
    load.known("1", "field", "c_1", "owed", tried="c_2")
    assert load.wishes() == {"1": {"field": "c_1"}}
    assert load.wishes({"rfm_segment": "field"}) == {"1": {"field": None}}


def test_what_did_not_get_through_comes_after_the_others(load: Load) -> None:
    load.customer("c_1", "1", "2", "3")
    load.known("1", "field", None, "owed", tried="c_1")
    load.state[0]["tried_at"] = pd.Timestamp("2026-03-01")
    assert list(load.wishes()) == ["2", "3", "1"]


def test_records_that_the_load_has_no_more_are_told(load: Load) -> None:
    load.customer("c_1", "1")
    load.known("7", "field", "c_1")
    assert load.owed().left == ["7"]


def test_a_limit_says_that_there_is_more(load: Load) -> None:
    load.customer("c_1", "1", "2", "3")
    assert (len(load.owed(limit=2).wishes), load.owed(limit=2).more, load.owed(limit=3).more) == (2, True, False)


def test_a_value_that_may_stand_once_goes_to_one_record_of_a_customer(load: Load) -> None:
    load.customer("c_1", "10", "9")
    load.customer("c_2", "11")
    assert load.wishes(ONCE) == {"9": {"once": "c_1"}, "11": {"once": "c_2"}}


def test_it_stays_with_the_record_that_has_it(load: Load) -> None:
    load.customer("c_1", "9", "10")
    load.known("10", "once", "c_1")
    assert load.wishes(ONCE) == {}


def test_it_goes_to_another_record_where_one_cannot_take_it(load: Load) -> None:
    load.customer("c_1", "9", "10")
    load.known("9", "once", None, "kept", tried="c_1")
    assert load.wishes(ONCE) == {"10": {"once": "c_1"}}


def test_after_a_merge_one_record_keeps_the_id_and_the_other_loses_its_own(load: Load) -> None:
    load.customer("c_1", "1", "2")
    load.known("1", "once", "c_1")
    load.known("2", "once", "c_2")
    assert load.wishes(ONCE) == {"2": {"once": None}}


def test_after_a_split_each_has_its_own(load: Load) -> None:
    load.customer("c_1", "1")
    load.customer("c_2", "2")
    load.known("1", "once", "c_1")
    load.known("2", "once", None)
    assert load.wishes(ONCE) == {"2": {"once": "c_2"}}


VALUES: dict[str, Any] = {
    "full_name": "  Ada O'Neil ",
    "open_tickets": 3,
    "ltv_base": "1234.5000",
    "aov_base": "100.0000",
    "completeness": 0.25,
    "avg_csat": 1.0,
    "can_email": True,
    "birth_date": "1990-02-03",
    "first_seen_at": "2026-03-01 10:00:00.5",
    "source_systems": ["stripe", "shopify"],
}


def test_the_text_is_the_one_that_a_vendors_answer_becomes(load: Load) -> None:
    load.customer("c_1", "1", **VALUES)
    load.con.execute("INSERT INTO golden.segment_member VALUES ('b', 'c_1', NULL), ('a', 'c_1', NULL), ('gone', 'c_1', now())")
    texts = load.wishes({name: name for name in (*VALUES, "segments", "orders")})["1"]
    assert texts == {
        "full_name": "Ada O'Neil",
        "open_tickets": "3",
        "ltv_base": "1234.5",
        "aov_base": "100",
        "completeness": "0.25",
        "avg_csat": "1",
        "can_email": "true",
        "birth_date": "1990-02-03",
        "first_seen_at": "2026-03-01T10:00:00Z",
        "source_systems": "shopify, stripe",
        "segments": "a, b",
    }
    assert {name: canonical(kind_of(name), text) for name, text in texts.items()} == texts


def test_all_that_can_be_written_can_be_asked(load: Load) -> None:
    load.customer("c_1", "1")
    assert set(load.wishes({name: f"f_{name}" for name in attributes()})["1"]) == {"f_customer_id", "f_status"}


def test_a_customer_id_that_the_hub_wrote_is_no_evidence_of_who_a_record_is() -> None:
    with warehouse() as con:
        own = mint(b"secret", "desk:users:1", 0)
        stage_parties(con, [{"key": "desk:users:1", "legacy_id": own}, {"key": "desk:users:2", "legacy_id": "crm-17"}])
        found = con.execute("SELECT legacy_id FROM staging.party_record ORDER BY record_key").fetchall()
    assert found == [(None,), ("crm-17",)]
