"""Phone numbers: the reference rules, by phonenumbers (libphonenumber). phone_rules.py makes the fast path in SQL out of them."""

from __future__ import annotations

import re

from hub.normalise.values import INVALID, JUNK, MISSING, Normalised, clean_text, words

# what a spreadsheet makes of a number: 442079460000.0
_FLOAT = re.compile(r"^(\+?\d{6,})\.0+$")
# two numbers in one field; a slash alone may also stand between area code and line
_SECOND_NUMBER = re.compile(r"\s*(?:[/;,|]|\bor\b|\boder\b|\bou\b)\s*")
_FALLING = "9876543210"
_RISING = "01234567890"


def normalise_phone(value: str | None, region: str | None = None) -> Normalised:
    """A number to E.164, without its extension.

    Args:
        value: as the source has it.
        region: ISO 3166-1 alpha-2 code of the country a number without + belongs to; without one only +… and 00… are read.

    Returns:
        valid: the number may be in use; possible: only its length is right (test numbers, new area codes).
    """
    text = clean_text(value)
    if text is None:
        return MISSING
    text = _FLOAT.sub(r"\1", text)
    found = _read(text, region)
    first = _SECOND_NUMBER.split(text, maxsplit=1)[0]
    return _read(first, region) if found == INVALID and first != text else found


def _read(text: str, region: str | None) -> Normalised:
    digits = "".join(str(int(c)) for c in text if c.isdecimal())
    if text.lower() in words("placeholder") or text.lower() in words("placeholder_name") or is_junk_number(digits):
        return JUNK
    found = _parsed(text, region)
    if found.status != "valid" and text.startswith("00"):  # dialled as most of the world does; 011 is only for +1
        abroad = _parsed("+" + text[2:], None)
        return abroad if found == INVALID or abroad.status == "valid" else found
    return found


def _parsed(text: str, region: str | None) -> Normalised:
    import phonenumbers as lib

    try:
        number = lib.parse(text, region)
    except lib.NumberParseException:
        return INVALID
    if is_junk_number(lib.national_significant_number(number)):
        return JUNK
    number.extension = None
    e164 = lib.format_number(number, lib.PhoneNumberFormat.E164)
    if lib.is_valid_number(number):
        return Normalised(e164, e164[1:], "valid")
    # a number possible only within its own town (no area code) would be the same for different lines, and one that reads
    # otherwise once it is written in full was never understood
    possible = lib.is_possible_number_with_reason(number) == lib.ValidationResult.IS_POSSIBLE
    return Normalised(e164, e164[1:], "possible") if possible and lib.parse(e164) == number else INVALID


def is_junk_number(digits: str) -> bool:
    """Whether digits are a placeholder: zero, one digit throughout, or a run such as 1234567890."""
    same = len(set(digits)) == 1 and (len(digits) > 1 or digits == "0")
    return same or (len(digits) >= 6 and (digits in _RISING or digits in _FALLING))
