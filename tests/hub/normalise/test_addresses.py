from __future__ import annotations

import pytest

from hub.normalise.countries import country_code
from tests.hub.normalise.helper import column, normalise

SAME_STREETS = [
    (
        "12 highst",
        [
            "12 High Street",
            "High Street 12",
            "Flat 3, 12 High St.",
            "12, HIGH ST",
            "3/12 High St",
            "12 High St #4",
            "12 High St, 2nd Floor",
            "No. 12 High Street",
        ],
    ),
    ("12a hauptst", ["Hauptstraße 12a", "Hauptstr. 12 a", "HAUPTSTRASSE 12A", "Haupt Str 12a"]),
    ("7 stjohnsrd", ["St. John's Road 7", "7 Saint Johns Rd", "Apt. 5, 7 St Johns Road"]),
    ("1234 nmainst", ["1234 North Main Street", "1234 N. Main St Ste 200"]),
    ("5 cmayor", ["Calle Mayor 5, 2º", "C/ Mayor, 5"]),
    ("5 uldluga", ["ul. Długa 5/7", "ul Dluga 5"]),
    ("1 karntnerring", ["Kärntner Ring 1/2/5", "Kärntner Ring 1, 2. Stock, Top 5"]),
    ("12 5thav", ["12 Fifth Avenue", "12 5th Ave"]),
    ("5 mainrd", ["c/o Smith, 5 Main Rd"]),
    ("rosecottage", ["Rose Cottage"]),
    (None, ["12", "Apt 4", "n/a", "-", "1 1 1"]),
]


def test_one_street_has_one_key_however_it_is_written() -> None:
    expected = [(line, key) for key, lines in SAME_STREETS for line in lines]
    keys = column("street_key", [line for line, _ in expected], "address_line1")
    assert list(zip([line for line, _ in expected], keys, strict=True)) == expected


def test_the_second_line_holds_the_street_where_the_first_does_not() -> None:
    rows = normalise(
        [{"address_line1": "Flat 3", "address_line2": "12 High St"}, {"address_line1": "12 High St", "address_line2": "Old Mill"}]
    )
    assert [row["street_key"] for row in rows] == ["12 highst", "12 highst"]
    assert rows[0]["address_line1"] == "Flat 3"


def test_cities_are_compared_by_their_letters() -> None:
    cities: list[str | None] = ["St. Louis", "Saint Louis", "München", "Frankfurt (Main)", "New York, NY", "東京", "12345", None]
    assert column("city_key", cities, "city") == ["stlouis", "stlouis", "munchen", "frankfurt", "newyork", "dongjing", None, None]


def test_postal_codes_are_compared_without_spaces_and_as_their_country_writes_them() -> None:
    codes = [
        ("12345-6789", "US", "12345"),
        ("123456789", "US", "12345"),
        ("2134", "US", "02134"),
        ("2134", "AU", "2134"),
        ("SW1A 1AA", "GB", "sw1a1aa"),
        ("D-10115", "DE", "10115"),
        ("CH-8001", None, "8001"),
        ("1234 AB", "NL", "1234ab"),
        ("１００-0001", "JP", "1000001"),
        ("12345-678", "BR", "12345678"),
        ("00000", "US", None),
        ("n/a", "US", None),
    ]
    rows = normalise([{"postal_code": code, "country": country} for code, country, _ in codes])
    assert [row["postal_key"] for row in rows] == [key for _, _, key in codes]
    assert rows[0]["postal_code"] == "12345-6789"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Deutschland", "DE"),
        ("UK", "GB"),
        ("England", "GB"),
        ("U.S.A.", "US"),
        ("usa", "US"),
        ("GBR", "GB"),
        ("日本", "JP"),
        ("Россия", "RU"),
        ("The Netherlands", "NL"),
        ("Côte d’Ivoire", "CI"),
        ("Österreich", "AT"),
        ("Suisse", "CH"),
        ("EL", "GR"),
        ("Atlantis", None),
        ("", None),
        ("12", None),
    ],
)
def test_countries_are_known_by_code_name_and_usual_short_form(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_a_record_without_a_country_takes_the_source_s_only_with_an_address() -> None:
    rows = normalise(
        [
            {"city": "Leeds", "country_default": "GB"},
            {"country_default": "GB"},
            {"city": "Leeds", "country": "Atlantis", "country_default": "GB"},
            {"city": "Paris", "country": "fr", "country_default": "GB"},
        ]
    )
    assert [row["country_code"] for row in rows] == ["GB", None, None, "FR"]
