from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.normalise import Normalised, normalise_phone
from tests.hub.normalise.helper import normalise, warehouse

REGIONS = (
    "US",
    "CA",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "BE",
    "AT",
    "CH",
    "PL",
    "SE",
    "DK",
    "NO",
    "PT",
    "IE",
    "AU",
    "NZ",
    "IN",
    "JP",
    "BR",
    "MX",
    "GG",
    "KZ",
)
SHAPES = (
    "+{c}{n}",
    "+{c} {n}",
    "{t}{n}",
    "{n}",
    "00{c}{n}",
    "{c}{n}",
    "+{c} (0){n}",
    "({t}{a}) {b}",
    "{t}{a}-{b}",
    "{t}{a}.{b}",
    "+{c}-{a}-{b}",
    "011{c}{n}",
    "{t}{t}{n}",
    "{t}{n} x12",
)


@pytest.mark.parametrize(
    ("raw", "region", "value"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("212.555.0123 ext. 45", "US", "+12125550123"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("+44 (0)20 7946 0000", None, "+442079460000"),
        ("0044 20 7946 0000", None, "+442079460000"),
        ("0044 20 7946 0000", "US", "+442079460000"),
        ("442079460000.0", "GB", "+442079460000"),
        ("0172/1234567", "DE", "+491721234567"),
        ("030 1234567 / 0172 1234567", "DE", "+49301234567"),
        ("06 698 12345", "IT", "+390669812345"),
        ("\u200b+49\u00a030 1234567", "US", "+49301234567"),
    ],
)
def test_numbers_become_e164_in_the_country_they_belong_to(raw: str, region: str | None, value: str) -> None:
    assert normalise_phone(raw, region) == Normalised(value, value[1:], "valid")


@pytest.mark.parametrize(
    "raw", ["0000000000", "1234567890", "1111111", "9876543210", "n/a", "unknown", "+1 222 222 2222", "0", "000-000-0000 x7"]
)
def test_placeholders_are_junk(raw: str) -> None:
    assert normalise_phone(raw, "US") == Normalised(None, None, "junk")


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("020 7946 0000", None),
        ("555-0123", "US"),
        ("call me", "US"),
        ("12", "DE"),
        ("+999 12345678", None),
        ("9" * 3000 + "1", "US"),
    ],
)
def test_what_cannot_be_dialled_from_anywhere_is_invalid(raw: str, region: str | None) -> None:
    assert normalise_phone(raw, region) == Normalised(None, None, "invalid")


def test_a_number_of_the_right_length_is_possible_and_kept() -> None:
    assert normalise_phone("(199) 555-0123", "US") == Normalised("+11995550123", "11995550123", "possible")


@given(st.one_of(st.text(), st.from_regex(r"[+0-9 ()./xo-]{0,20}", fullmatch=True)), st.sampled_from([None, *REGIONS]))
def test_any_text_normalises_and_normalising_again_changes_nothing(raw: str, region: str | None) -> None:
    once = normalise_phone(raw, region)
    assert (once.value is None) == (once.status not in ("valid", "possible"))
    if once.value is not None:
        assert once.key == once.value[1:]
        assert once.key.isascii()
        assert once.key.isdigit()
        assert normalise_phone(once.value, region) == once


def _numbers(count: int) -> list[tuple[str, str]]:
    rng = random.Random(7)
    made = []
    for _ in range(count):
        region = rng.choice(REGIONS)
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        example = phonenumbers.example_number_for_type(region, rng.choice((0, 1, 2, 3, 4, 6)))
        digits = (
            str(example.national_number)
            if example and rng.random() < 0.7
            else "".join(rng.choices("0123456789", k=rng.randint(6, 11)))
        )
        keep = rng.randrange(1, len(digits) + 1)
        digits = digits[:keep] + "".join(rng.choices("0123456789", k=len(digits) - keep)) + ("0" if rng.random() < 0.05 else "")
        shape = rng.choice(SHAPES)
        made.append(
            (shape.format(c=metadata.country_code, n=digits, t=metadata.national_prefix or "", a=digits[:3], b=digits[3:]), region)
        )
    return made


def test_the_fast_path_says_what_the_library_says() -> None:
    numbers = _numbers(6_000)
    con = warehouse()
    # half of them by the record's own country, half by the source's
    given_rows = [{"phone": raw, "country" if n % 2 else "country_default": region} for n, (raw, region) in enumerate(numbers)]
    rows = normalise(given_rows, con)
    for (raw, region), row in zip(numbers, rows, strict=True):
        assert Normalised(row["phone_e164"], row["phone_key"], row["phone_status"]) == normalise_phone(raw, region), (raw, region)
    asked = con.execute("SELECT count(*) FROM staging.normalised_value WHERE id_type = 'phone'").fetchall()[0][0]
    valid = sum(row["phone_status"] == "valid" for row in rows)
    assert asked < len({*numbers}) - valid // 3, "the fast path took next to nothing, so nothing was compared"


def test_the_record_s_country_goes_before_the_source_s() -> None:
    rows = normalise(
        [
            {"phone": "020 7946 0000", "country": "United Kingdom", "country_default": "US"},
            {"phone": "020 7946 0000", "country_default": "GB"},
            {"phone": "020 7946 0000", "country": "Atlantis", "country_default": "GB"},
            {"phone": "020 7946 0000"},
        ]
    )
    assert [row["phone_e164"] for row in rows] == ["+442079460000"] * 3 + [None]
