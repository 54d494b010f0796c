from __future__ import annotations

import random
import re
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contract.columns import PARTY
from hub.normalise import NORMALISER_VERSION, normalise_parties
from hub.normalise.values import clean_text, fold, words
from tests.hub.normalise.helper import column, load, normalise, warehouse

# what the columns of the result are called where they go in again
AGAIN = {
    "email": "email_norm",
    "phone": "phone_e164",
    "country": "country_code",
    "created_at": "source_created_at",
    **{
        name: name
        for name in (
            "party_type",
            "record_role",
            "full_name",
            "given_name",
            "middle_name",
            "family_name",
            "company_name",
            "address_line1",
            "address_line2",
            "city",
            "region",
            "postal_code",
            "birth_date",
            "is_test",
        )
    },
}
KEYS = (
    "party_type",
    "given_key",
    "middle_key",
    "family_key",
    "name_suffix",
    "company_key",
    "email_key",
    "email_local",
    "email_is_role",
    "phone_key",
    "street_key",
    "city_key",
    "postal_key",
    "country_code",
    "birth_date",
    "source_created_at",
    "is_test",
)
MATCH_KEYS = tuple(key for key in KEYS if key.endswith("_key"))

_WORDS = [
    "Jane",
    "MARY ANN",
    "van der Berg",
    "Smith Jr.",
    "Müller",
    "ß",
    "山田 太郎",
    "김철수",
    "n/a",
    "Guest",
    "test",
    "Dr. Hans",
    "O’Neil",
    "İlker",
    "🙂",
    "ǆ",
    "Ltd",
    "S.A.",
    "株式会社",
    "Acme GmbH",
    "The",
    "12",
    "12 High St",
    "Hauptstraße 5 b",
    "Flat 3",
    "c/o X, 1/2",
    "a@b.example",
    "info@firm.example",
    "J.Doe+x@GMAIL.com",
    "büro@bücher.example",
    "test@x.org",
    "+442079460000",
    "020 7946 0000",
    "(212) 555-0123",
    "1111111",
    "1980-02-03",
    "03.04.1980",
    "13/12/1980",
    "99999999",
    "2026-03-01T09:00:00+02:00",
    "UK",
    "Deutschland",
    "III",
    ",",
    ".",
    "-",
    "\u200b",
    "\x00",
    "\u00a0",
    "e\u0301",
    "\u0130",
    "true",
]


def _random_text(rng: random.Random) -> str | None:
    """None, a few of the words that matter here, or any characters."""
    kind = rng.random()
    if kind < 0.2:
        return None
    if kind < 0.8:
        return rng.choice(("", " ", ", ")).join(rng.choices(_WORDS, k=rng.randint(1, 3)))
    alphabet = rng.choice(
        (
            "aB1 .,-/#'@+",
            "".join(map(chr, range(0x250))),
            "".join(map(chr, range(0x300, 0x3100))),
            "".join(map(chr, range(0x1F000, 0x1FFFF))),
        )
    )
    return "".join(rng.choices(alphabet, k=rng.randint(0, 12)))


def _random_party(rng: random.Random) -> dict[str, str | None]:
    row = {name: _random_text(rng) for name in AGAIN}
    return {**row, "country_default": rng.choice((None, "GB")), "timezone": rng.choice((None, "Europe/Berlin"))}


def test_the_result_has_the_columns_of_staging_in_their_order_and_fits_into_it() -> None:
    con = warehouse()
    normalise([{"full_name": "Jane Doe"}, {}], con)
    described = con.execute("SELECT column_name, column_type FROM (DESCRIBE normalised)").fetchall()
    staged = con.execute("SELECT column_name, column_type FROM (DESCRIBE staging.party_record)").fetchall()
    # into what a source merged a record is no part of its payload
    assert [*described, ("merged_into", "VARCHAR")] == staged
    con.execute("INSERT INTO staging.party_record BY NAME FROM normalised")
    assert con.execute("SELECT count(*), bool_or(is_deleted) FROM staging.party_record").fetchall() == [(2, False)]


def test_every_column_a_mapping_may_yield_is_read() -> None:
    row = dict.fromkeys(c.name for c in PARTY.columns)
    full: dict[str, str | None] = {
        **row,
        "party_type": "person",
        "record_role": "Lead",
        "legacy_id": "L1",
        "full_name": "Jane M Doe",
        "given_name": "Jane",
        "middle_name": "M",
        "family_name": "Doe",
        "company_name": "Acme",
        "account_id": "A1",
        "email": "jane@acme.example",
        "email_verified": "Yes",
        "phone": "+442079460000",
        "address_line1": "1 High St",
        "address_line2": "x",
        "city": "Leeds",
        "region": " West  Yorks ",
        "postal_code": "LS1 1AA",
        "country": "UK",
        "birth_date": "1980-02-03",
        "tax_id": "GB123",
        "locale": "en-GB",
        "is_test": "TRUE",
        "created_at": "2026-03-01",
    }
    assert all(value is not None for value in full.values()), "a new column of PARTY: say here what becomes of it"
    (found,) = normalise([full])
    missing = {name for name in found if found[name] is None}
    assert missing == {"name_suffix"}
    assert (found["record_role"], found["region"], found["is_test"], found["middle_key"]) == ("lead", "West Yorks", True, "m")
    assert found["source_updated_at"] == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the warehouse keeps UTC without a zone
    assert (found["sync_run_id"], found["payload_hash"]) == ("run-1", "hash-0")


@pytest.mark.parametrize(
    ("email", "said", "verified"),
    [
        ("jane@acme.example", "true", True),
        ("jane@acme.example", " T ", True),
        ("jane@acme.example", "0", False),
        ("jane@acme.example", None, None),
        ("jane@acme.example", "perhaps", None),
        ("jane@", "true", None),
        ("noreply@acme.example", "true", None),
        (None, "true", None),
    ],
)
def test_an_email_is_verified_or_not_or_nothing_is_said_and_what_is_no_address_is_neither(
    email: str | None, said: str | None, verified: bool | None
) -> None:
    (row,) = normalise([{"email": email, "email_verified": said}])
    assert row["email_verified"] is verified


def test_nothing_at_all_is_a_party_too() -> None:
    (row,) = normalise([{}])
    assert (row["party_type"], row["record_role"], row["email_status"], row["phone_status"], row["birth_date_status"]) == (
        "unknown",
        "customer",
        "missing",
        "missing",
        "missing",
    )
    assert not row["is_test"]
    assert not row["email_is_role"]
    assert {row[key] for key in MATCH_KEYS} == {None}


def test_no_rows_are_no_trouble() -> None:
    assert normalise([]) == []


def test_text_is_cleaned_of_what_cannot_be_seen() -> None:
    rows = normalise([{"city": " São\u00a0\u200bPaulo\x00 \t"}, {"city": "Sa\u0303o  Paulo"}, {"city": "\u200b"}, {"city": "N/A"}])
    assert [row["city"] for row in rows] == ["São Paulo", "São Paulo", None, None]


def test_sql_and_python_clean_text_alike() -> None:
    rng = random.Random(1)
    texts = [
        "".join(
            chr(rng.choice((rng.randrange(1, 0x300), rng.randrange(0x1E00, 0x3100), rng.randrange(0xE000, 0x20000))))
            for _ in range(6)
        )
        for _ in range(4000)
    ]
    rows = normalise([{"legacy_id": text} for text in texts])
    assert [row["legacy_id"] for row in rows] == [clean_text(text) for text in texts]


@given(st.text())
def test_cleaning_and_folding_are_done_in_one_step(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert fold(text).isascii()
    assert fold(fold(text)) == fold(text)


def _back(given: dict[str, str | None], row: dict[str, Any]) -> dict[str, str | None]:
    """A normalised row as the source might have sent it; a suffix has no column of its own there."""
    sent = {name: _text(row[column]) for name, column in AGAIN.items()}
    sent["family_name"] = row["family_name"] and " ".join(filter(None, (row["family_name"], row["name_suffix"])))
    full = clean_text(given["full_name"]) or ""
    said = full.lower() not in words("placeholder") and not re.fullmatch(r"[^A-Za-z0-9\x80-\U0010FFFF]*", full)
    return sent if said else {**sent, "full_name": None}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@settings(max_examples=3, deadline=None)
@given(st.integers(min_value=0))
def test_any_text_normalises_and_normalising_again_changes_nothing(seed: int) -> None:
    # many rows at a time, because a call costs more than a row
    rng = random.Random(seed)
    rows = [_random_party(rng) for _ in range(300)]
    con = warehouse()
    once = normalise(rows, con)
    for row in once:
        assert all(row[key] is None or (row[key].isascii() and row[key] == row[key].lower() and row[key]) for key in MATCH_KEYS)
        assert (row["email_norm"] is None) == (row["email_status"] != "valid")
        assert (row["phone_e164"] is None) == (row["phone_status"] not in ("valid", "possible"))
        assert (row["birth_date"] is None) == (row["birth_date_status"] != "valid")
    stored = con.execute("SELECT count(*) FROM staging.normalised_value").fetchall()
    assert normalise(rows, con) == once
    assert con.execute("SELECT count(*) FROM staging.normalised_value").fetchall() == stored, "values were asked for a second time"

    again = normalise([_back(given, row) for given, row in zip(rows, once, strict=True)])
    for row, first, second in zip(rows, once, again, strict=True):
        assert {key: second[key] for key in KEYS} == {key: first[key] for key in KEYS}, {
            name: value for name, value in row.items() if value
        }


def test_birth_dates_are_read_only_where_one_reading_fits() -> None:
    expected: dict[str | None, tuple[date | None, str]] = {
        **dict.fromkeys(
            (
                "1980-02-03",
                "1980-2-3",
                "19800203",
                "19800203.0",
                "03.02.1980",
                "3.2.1980",
                "1980/02/03",
                "3 Feb 1980",
                "February 3, 1980",
                "1980-02-03T00:00:00Z",
            ),
            (date(1980, 2, 3), "valid"),
        ),
        "31/12/1980": (date(1980, 12, 31), "valid"),
        "1855-06-02": (date(1855, 6, 2), "valid"),
        "12-31-1980": (date(1980, 12, 31), "valid"),
        "05/05/1980": (date(1980, 5, 5), "valid"),
        **dict.fromkeys(
            (
                "03/04/1980",
                "1980-02-30",
                "1899-12-31",
                "1900-01-01",
                "1753-01-01",
                "0001-01-01",
                "2999-01-01",
                "0000-00-00",
                "1980",
                "soon",
            ),
            (None, "invalid"),
        ),
        None: (None, "missing"),
        "n/a": (None, "missing"),
    }
    rows = normalise([{"birth_date": text} for text in expected])
    assert {text: (row["birth_date"], row["birth_date_status"]) for text, row in zip(expected, rows, strict=True)} == expected


def test_the_earliest_believable_birth_can_be_set() -> None:
    con = warehouse()
    load(con, [{"birth_date": "1564-04-23"}])
    normalise_parties(con, "parties", "normalised", earliest_birth=date(1600, 1, 1))
    assert con.execute("SELECT birth_date, birth_date_status FROM normalised").fetchall() == [(None, "invalid")]


def test_times_become_utc_and_those_without_a_zone_are_the_source_s() -> None:
    times: list[str | None] = [
        "2026-07-01T12:00:00",
        "2026-07-01 12:00",
        "2026-07-01",
        "2026-07-01T12:00:00Z",
        "2026-07-01T12:00:00+02:00",
        "2026-07-01 12:00:00.5 +0200",
        "0001-01-01",
        "now",
        None,
    ]
    found = [row and row.isoformat() for row in column("source_created_at", times, "created_at", timezone="Europe/London")]
    assert found == [
        "2026-07-01T11:00:00",
        "2026-07-01T11:00:00",
        "2026-06-30T23:00:00",
        "2026-07-01T12:00:00",
        "2026-07-01T10:00:00",
        "2026-07-01T10:00:00.500000",
        None,
        None,
        None,
    ]


def test_is_test_is_true_only_where_the_source_says_so() -> None:
    assert column("is_test", ["true", "1", "Yes", "t", "false", "0", "test", None], "is_test") == [True] * 4 + [False] * 4


def test_the_library_is_asked_once_per_value_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    con = warehouse()
    rows: list[dict[str, str | None]] = [
        {"email": "jane@bücher.example", "full_name": "Jürgen van Dam", "country": "Deutschland"}
    ] * 3
    first = normalise(rows, con)
    assert con.execute(
        "SELECT count(*) FROM staging.normalised_value WHERE normaliser_version = $v", {"v": NORMALISER_VERSION}
    ).fetchall() == [(4,)]
    con.execute("UPDATE staging.normalised_value SET norm_value = NULL, normaliser_version = 'an older one'")
    assert normalise(rows, con) == first
    assert con.execute("SELECT DISTINCT normaliser_version FROM staging.normalised_value").fetchall() == [(NORMALISER_VERSION,)]

    def ask(*_: object) -> None:
        raise AssertionError("a known value went to the library again")

    for target in ("emails.normalise_email", "names.split_name", "countries.country_code"):
        monkeypatch.setattr(f"hub.normalise.{target}", ask)
    assert normalise(rows, con) == first


def test_it_works_inside_a_transaction_and_leaves_only_the_target_behind() -> None:
    con = warehouse()
    load(con, [{"full_name": "Ursula von der Leyen", "phone": "n/a"}])
    con.execute("BEGIN")
    normalise_parties(con, "parties", "normalised")
    con.execute("INSERT INTO staging.party_record BY NAME FROM normalised")
    con.execute("ROLLBACK")
    assert con.execute("SELECT count(*) FROM staging.normalised_value").fetchall() == [(0,)]
    normalise_parties(con, "parties", "normalised")
    left = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary"
        " UNION ALL SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal ORDER BY ALL"
    ).fetchall()
    assert left == [("normalised",), ("parties",)]


def test_importing_the_package_loads_none_of_the_libraries() -> None:
    import subprocess
    import sys

    libraries = ("anyascii", "babel", "cleanco", "email_validator", "nameparser", "phonenumbers", "pycountry", "pyarrow")
    code = f"import sys, hub.normalise; print(sorted(set({libraries!r}) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
