from __future__ import annotations

from hub.normalise.companies import without_legal_form
from tests.hub.normalise.helper import column, normalise


def test_legal_forms_go_from_the_key_and_stay_in_the_name() -> None:
    names: list[str | None] = [
        "Acme GmbH & Co. KG",
        "ACME Ltd.",
        "The Acme Inc",
        "Ácme S.A.",
        "株式会社アクメ",
        "Smith & Sons",
        "Smith and Sons plc",
        "3M",
        "Co",
        "n/a",
    ]
    rows = normalise([{"company_name": name} for name in names])
    assert [row["company_key"] for row in rows] == [
        "acme",
        "acme",
        "acme",
        "acme",
        "akume",
        "smithsons",
        "smithsons",
        "3m",
        "co",
        None,
    ]
    assert [row["company_name"] for row in rows] == [*names[:-1], None]


def test_a_name_that_is_all_legal_form_stays_whole() -> None:
    assert without_legal_form("S.A.") == "S.A."


def test_a_full_name_with_a_legal_form_is_a_company_and_is_not_taken_apart() -> None:
    names: list[str | None] = [
        "Acme Ltd",
        "ACME LIMITED",
        "Siemens AG",
        "Banco Santander SA",
        "Ferrari S.p.A.",
        "Kowalski Sp. z o.o.",
        "Trading Co.",
        "Müller & Söhne",
        "ООО Ромашка",
    ]
    rows = normalise([{"full_name": name} for name in names])
    assert {row["party_type"] for row in rows} == {"company"}
    assert [row["company_name"] for row in rows] == names
    assert {row["given_name"] for row in rows} | {row["family_name"] for row in rows} == {None}


def test_surnames_that_are_legal_forms_elsewhere_are_people() -> None:
    names: list[str | None] = ["Anna Sa", "ANNA SA", "Peter Co", "Maria de Sá", "Marco Spa", "Ola As"]
    assert column("party_type", names, "full_name") == ["person"] * len(names)


def test_the_source_s_word_on_the_type_goes_first_then_a_company_without_a_person_then_a_person() -> None:
    rows = normalise(
        [
            {"party_type": "Individual", "full_name": "Peter Ltd"},
            {"party_type": "organization", "full_name": "Acme"},
            {"party_type": "company", "full_name": "Jane Doe", "company_name": "Acme"},
            {"company_name": "Acme", "email": "jane@acme.example"},
            {"company_name": "Acme", "full_name": "ACME"},
            {"company_name": "Acme", "full_name": "Jane Doe"},
            {"company_name": "Acme", "given_name": "n/a", "family_name": "n/a"},
            {"given_name": "Jane"},
            {"email": "jane@acme.example"},
            {"party_type": "vip", "full_name": "Guest"},
        ]
    )
    assert [row["party_type"] for row in rows] == [
        "person",
        "company",
        "company",
        "company",
        "company",
        "person",
        "company",
        "person",
        "unknown",
        "unknown",
    ]
    assert (rows[1]["company_key"], rows[1]["given_name"]) == ("acme", None)
    assert (rows[2]["company_key"], rows[2]["family_key"]) == ("acme", "doe")
