"""Money in the units vendors send: minor units by currency, and what a price is in another one."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# https://docs.stripe.com/currencies: the others of this world have two decimals
EXPONENT = {"JPY": 0, "KWD": 3}

# US dollars for one unit; fixed, so that a world is the same on every day
_IN_DOLLARS = {
    "USD": Decimal(1),
    "EUR": Decimal("1.08"),
    "GBP": Decimal("1.27"),
    "JPY": Decimal("0.0067"),
    "KWD": Decimal("3.25"),
}
CURRENCY_OF = {"US": "USD", "GB": "GBP", "DE": "EUR", "FR": "EUR", "ES": "EUR", "PL": "EUR", "JP": "JPY"}


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the currency's smallest unit."""
    return amount.quantize(Decimal(1).scaleb(-EXPONENT.get(currency, 2)), ROUND_HALF_UP)


def converted(amount: Decimal, source: str, target: str) -> Decimal:
    """The amount in another currency, rounded to its smallest unit."""
    return rounded(amount * _IN_DOLLARS[source] / _IN_DOLLARS[target], target)


def minor_units(amount: Decimal, currency: str) -> int:
    """As Stripe counts: whole smallest units, of a three-decimal currency with a zero as the last digit."""
    places = EXPONENT.get(currency, 2)
    units = int(amount.scaleb(places).to_integral_value(ROUND_HALF_UP))
    return units // 10 * 10 if places == 3 else units
