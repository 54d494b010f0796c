"""Masks: pseudonyms that nobody undoes without the secret, keys that stay keys, and columns that are unknown stay unseen."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.golden.masking import masked, masks_digest, prepare_masking

SECRET = b"of the hub"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        prepare_masking(made, SECRET)
        yield made


def shown(con: duckdb.DuckDBPyConnection, table: str, **row: str) -> dict[str, object]:
    """What is shown of one row; values are SQL."""
    con.execute("CREATE OR REPLACE TEMP TABLE given AS SELECT " + ", ".join(f"{sql} AS {name}" for name, sql in row.items()))
    columns = [(name, type_) for name, type_, *_ in con.execute("DESCRIBE given").fetchall()]
    picked = masked({table: columns})[table]
    found = con.execute(f"SELECT {', '.join(sql for _, sql in picked)} FROM given t").fetchall()[0]
    return dict(zip(row, found, strict=True))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40))
def test_a_pseudonym_is_an_hmac_of_the_value(con: duckdb.DuckDBPyConnection, text: str) -> None:
    found = con.execute("SELECT hub_pseudonym(?)", [text]).fetchall()[0][0]
    assert found == f"x_{hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()[:16]}"


WORDS = st.text("abAB09_.+-:%@4é", max_size=30)


@given(own=WORDS)
def test_a_key_and_the_id_in_it_still_belong_to_each_other_and_neither_is_an_address(
    con: duckdb.DuckDBPyConnection, own: str
) -> None:
    key, alone = con.execute("SELECT hub_kept('crm:contacts:' || $own), hub_kept($own)", {"own": own}).fetchall()[0]
    assert key == f"crm:contacts:{alone}"
    assert "@" not in key
    assert "%40" not in key


@pytest.mark.parametrize("own", ["ann.lee@mail.org", "+442079460018", "ann%40mail.org", "x +4915112345678"])
def test_an_id_that_is_an_address_or_a_number_is_not_shown(con: duckdb.DuckDBPyConnection, own: str) -> None:
    row = shown(
        con, "identity.customer_xref", record_key=f"'crm:contacts:{own}'", source_record_id=f"'{own}'", customer_id="'c_abc'"
    )
    assert row["record_key"] == f"crm:contacts:{row['source_record_id']}"
    assert own not in str(row)
    assert row["customer_id"] == "c_abc"
    lists = shown(con, "identity.merge_log", record_keys=f"['crm:contacts:{own}', 'crm:contacts:7']", cause="'steward'")
    assert lists == {"record_keys": [row["record_key"], "crm:contacts:7"], "cause": "steward"}
    examples = shown(con, "quality.check_result", examples=f"'[\"crm:contacts:{own}\"]'", message="'2 + 2 rows'")
    assert own not in str(examples)
    assert examples["message"] == "2 + 2 rows"


def test_what_is_shown_of_a_customer_keeps_areas_and_years_and_no_name(con: duckdb.DuckDBPyConnection) -> None:
    row = shown(
        con,
        "golden.customer",
        full_name="'Ann Lee'",
        email="'ann.lee@mail.org'",
        postal_code="'sw1a 1aa'",
        country_code="'GB'",
        city="'London'",
        birth_date="DATE '1984-07-15'",
        tax_id="'AB123456C'",
        locale="'en-GB'",
        orders="3",
    )
    told = {name: str(value) for name, value in row.items() if value is not None}
    told.pop("email")
    assert told == {"postal_code": "SW", "country_code": "GB", "birth_date": "1984-01-01", "locale": "en"}
    old = shown(con, "golden.customer", birth_date="DATE '1921-03-01'", postal_code="NULL::VARCHAR", locale="''")
    assert [str(value) for value in old.values()] == ["1930-01-01", "None", "None"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://shop.example/ann-lee?email=ann%40mail.org", "shop.example"),
        ("https://ann:secret@Shop.Example:8080/", "shop.example"),
        ("/account/ann-lee", None),
        ("https://ann@lee@shop.example/x", "shop.example"),
    ],
)
def test_of_an_address_on_the_web_the_host_is_shown(con: duckdb.DuckDBPyConnection, url: str, host: str | None) -> None:
    assert shown(con, "golden.customer_order", landing_url=f"'{url}'") == {"landing_url": host}


def test_candidate_values_are_told_apart_within_a_customer_only(con: duckdb.DuckDBPyConnection) -> None:
    def value(customer: str, attribute: str, text: str) -> object:
        return shown(con, "golden.customer_attribute", customer_id=f"'{customer}'", attribute=f"'{attribute}'", value=f"'{text}'")[
            "value"
        ]

    assert value("c_1", "family_name", "Lee") == value("c_1", "family_name", "Lee") != value("c_2", "family_name", "Lee")
    email = shown(con, "golden.customer", email="'ann@mail.org'")["email"]
    assert value("c_1", "email", "ann@mail.org") == value("c_2", "email", "ann@mail.org") == email
    assert value("c_1", "country_code", "GB") == "GB"


def test_a_column_or_table_that_nobody_described_is_not_shown(con: duckdb.DuckDBPyConnection) -> None:
    assert shown(con, "golden.ticket", ticket_key="'z:t:1'", newly_made="'Ann Lee'") == {"ticket_key": "z:t:1", "newly_made": None}
    assert masked({"golden.newly_made": [("name", "VARCHAR")], "identity.match_key": [("given", "VARCHAR")]}) == {}


def test_an_old_snapshot_shows_only_what_golden_customer_has_today(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE given AS"
        """ SELECT '{"email":"ann@mail.org","full_name":"Ann","maiden_name":"Poe","orders":3}'::JSON AS snapshot"""
    )
    customer = [("customer_id", "VARCHAR"), ("email", "VARCHAR"), ("full_name", "VARCHAR"), ("open_tickets", "BIGINT")]
    picked = masked({"golden.customer_history": [("snapshot", "JSON")], "golden.customer": customer})["golden.customer_history"]
    found = con.execute(f"SELECT {picked[0][1]} FROM given t").fetchall()[0][0]
    assert found == f'{{"email":"x_{hmac.new(SECRET, b"ann@mail.org", hashlib.sha256).hexdigest()[:16]}"}}'


def test_another_secret_is_another_set_of_masks() -> None:
    assert masks_digest(b"one") == masks_digest(b"one") != masks_digest(b"other")
