from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.normalise import Normalised, normalise_email
from tests.hub.normalise.helper import normalise, warehouse

MESSY = st.text(alphabet=st.sampled_from("aZ09.+-_@ <>\"'éß例\u200b\u00a0\x00＠mailto:,;()"), max_size=40)


@pytest.mark.parametrize(
    ("raw", "value", "key"),
    [
        ("Jane.Doe+shop@GMail.com", "jane.doe+shop@gmail.com", "janedoe@gmail.com"),
        ("jane@googlemail.com", "jane@googlemail.com", "jane@gmail.com"),
        (" Jane.Doe+shop@Firm.example ", "jane.doe+shop@firm.example", "jane.doe@firm.example"),
        ("mailto:jane@firm.example?subject=Hi", "jane@firm.example", "jane@firm.example"),
        ("Jane Doe <jane@firm.example>", "jane@firm.example", "jane@firm.example"),
        ("<jane@firm.example>;", "jane@firm.example", "jane@firm.example"),
        ("jane@Bücher.example", "jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("müller@firm.example", "müller@firm.example", "mller-kva@firm.example"),
        ("jane＠ｆirm.example", "jane@firm.example", "jane@firm.example"),
        ("abc123@privaterelay.appleid.com", "abc123@privaterelay.appleid.com", "abc123@privaterelay.appleid.com"),
        ("+jane@firm.example", "+jane@firm.example", "+jane@firm.example"),
    ],
)
def test_an_address_keeps_what_it_says_and_its_key_is_the_mailbox(raw: str, value: str, key: str) -> None:
    assert normalise_email(raw) == Normalised(value, key, "valid")


@pytest.mark.parametrize(
    "raw",
    [
        "n/a",
        "None",
        "unknown",
        "-",
        "noreply@firm.example",
        "No-Reply@firm.example",
        "do_not_reply2@firm.example",
        "jane@example.com",
        "jane@mail.example.org",
        "test@firm.example",
        "test.user+1@firm.example",
        "jane@test.co.uk",
        "d41d8cd98f00b204e9800998ecf8427e",
        "n/a@n/a.com",
        "nobody@localhost",
    ],
)
def test_what_belongs_to_nobody_is_junk_and_has_no_key(raw: str) -> None:
    assert normalise_email(raw) == Normalised(None, None, "junk")


@pytest.mark.parametrize(
    "raw",
    [
        "jane",
        "jane@",
        "@firm.example",
        "jane@firm",
        "jane@firm..example",
        "a b@firm.example",
        "jane@firm.local",
        "x" * 2000 + "@a.com",
    ],
)
def test_what_is_no_address_is_invalid(raw: str) -> None:
    assert normalise_email(raw) == Normalised(None, None, "invalid")


@pytest.mark.parametrize("raw", [None, "", " ", "\u200b\x00"])
def test_nothing_is_missing(raw: str | None) -> None:
    assert normalise_email(raw) == Normalised(None, None, "missing")


@given(st.one_of(st.text(), MESSY, st.emails()))
def test_any_text_normalises_and_normalising_again_changes_nothing(raw: str) -> None:
    once = normalise_email(raw)
    assert (once.value is None) == (once.status != "valid")
    assert (once.key is None) == (once.value is None)
    if once.value is not None and once.key is not None:
        assert once.key.isascii()
        assert once.key == once.key.lower()
        assert normalise_email(once.value) == once


def test_the_fast_path_says_what_the_library_says() -> None:
    rng = random.Random(20)
    parts = [
        "a",
        "b1",
        "john",
        "info",
        "x-y",
        "a_b",
        "+t",
        ".",
        "..",
        "-",
        "Müller",
        "o'neil",
        "test",
        "noreply",
        "example",
        "com",
        "co.uk",
        "gmail.com",
        "googlemail.com",
        "local",
        "de",
        "xn--bcher-kva",
        "--",
        "1",
        "org",
        "#",
        "Z",
        "example.com",
        "localhost",
        "a" * 30,
    ]
    made = {
        "".join(rng.choices(parts, k=rng.randint(1, 4))) + "@" + ".".join(rng.choices(parts, k=rng.randint(1, 3)))
        for _ in range(6_000)
    }
    raws = sorted(made)
    con = warehouse()
    rows = normalise([{"email": raw} for raw in raws], con)
    for raw, row in zip(raws, rows, strict=True):
        assert Normalised(row["email_norm"], row["email_key"], row["email_status"]) == normalise_email(raw), raw
    asked = con.execute("SELECT count(*) FROM staging.normalised_value WHERE id_type = 'email'").fetchall()[0][0]
    assert asked < len(raws) - 200, "the fast path took next to nothing, so nothing was compared"


def test_role_mailboxes_are_known_in_several_languages_and_have_no_local_part() -> None:
    roles = [
        "info@firm.example",
        "Sales-2@firm.example",
        "customer.service@firm.example",
        "kontakt@firm.example",
        "büro@firm.example",
        "comptabilite@firm.example",
        "ventas+es@firm.example",
        "orders@gmail.com",
    ]
    people = ["jane@firm.example", "informatics.jane@firm.example", "J.Doe+x@gmail.com"]
    rows = normalise([{"email": email} for email in [*roles, *people, None, "noreply@firm.example"]])
    assert [row["email_is_role"] for row in rows] == [True] * len(roles) + [False] * (len(people) + 2)
    assert [row["email_local"] for row in rows] == [None] * len(roles) + ["jane", "informatics.jane", "jdoe", None, None]
    assert all(row["email_key"] for row in rows[: len(roles) + len(people)])
