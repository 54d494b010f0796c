"""Which currency codes money may have. No amounts, rates or names belong here."""

from __future__ import annotations

from functools import cache

# ISO 4217 codes that say "no currency" and "for testing": no amount is in them
_NO_MONEY = frozenset({"XXX", "XTS"})


@cache
def known_currencies() -> frozenset[str]:
    """The ISO 4217 alphabetic codes, those in force (pycountry) and those withdrawn (Unicode CLDR, through Babel).

    The withdrawn ones are needed: pycountry drops a code on the day its currency ends (BGN and HRK are gone from it), while the
    orders paid in it stay in the books for ever.
    """
    import pycountry
    from babel import Locale

    in_force = {currency.alpha_3 for currency in pycountry.currencies}
    return frozenset(in_force | set(Locale("en").currencies)) - _NO_MONEY
