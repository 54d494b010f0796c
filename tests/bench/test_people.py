"""The generated population is as noisy as it says, the same each time, and can be made otherwise."""

from __future__ import annotations

import pytest

from bench.describe import describe
from bench.noise import Noise
from bench.people import population


def test_a_seed_gives_one_population() -> None:
    assert population(300, 5).equals(population(300, 5))
    assert not population(300, 5).equals(population(300, 6))


def test_the_rates_are_those_the_noise_promises() -> None:
    found, noise = describe(20_000, 2), Noise()
    for what, rate in (
        ("second e-mail", noise.second_email),
        ("second phone", noise.second_phone),
        ("old address", noise.old_address),
        ("changed surname", noise.new_surname),
        ("no given name", noise.no_given),
        ("initial for the given name", noise.initial),
        ("swapped names", noise.swapped),
        ("placeholder e-mail", noise.placeholder),
        ("persons sharing a roof, of persons", 0.075),
        ("companies, of entities", 0.07),
    ):
        assert found[what] == pytest.approx(rate, rel=0.25, abs=0.002), what
    assert (
        found["true pairs that eight plain keys bring together"] < found["true pairs equal in anything (a ceiling for exact keys)"]
    )


def test_more_noise_leaves_less_in_common() -> None:
    usual, noisy = describe(5_000, 1), describe(5_000, 1, noise=3.0)
    for what in ("true pairs with an equal e-mail", "true pairs with an equal full name"):
        assert noisy[what] < 0.75 * usual[what]
    assert noisy["true pairs"] == usual["true pairs"]


def test_countries_can_be_chosen() -> None:
    assert set(population(500, 1, countries=("DE", "FR"))["country"]) == {"DE", "FR"}
