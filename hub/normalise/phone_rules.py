"""The fast path for phones: SQL made from libphonenumber's own metadata, for numbers that are written plainly.

A number is taken here only if the library would call it valid and give the same E.164; any other (extensions, letters, carrier
codes, countries not listed) is left to the library. Nothing is said here of invalid numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

# regions many customers come from, whose prefixes are regular; CA shares +1 with US, which stands for it in international form
_REGIONS = "US CA GB DE FR ES IT NL BE AT CH PL SE DK PT IE AU NZ IN JP"
_KINDS = "fixed_line mobile toll_free premium_rate shared_cost voip personal_number pager uan voicemail"
_NEVER = "[^0-9]"

_MACROS = """
CREATE OR REPLACE TEMP MACRO norm_is_junk_number(digits) AS
  replace(digits, digits[1], '') = '' OR contains('01234567890', digits) OR contains('9876543210', digits);
CREATE OR REPLACE TEMP MACRO norm_plain_line(nsn, pattern, prefix) AS
  CASE WHEN regexp_full_match(nsn, pattern) AND NOT regexp_matches(nsn, prefix) AND NOT norm_is_junk_number(nsn) THEN nsn END;
-- the characters that are dialled, if nothing but digits and the usual punctuation is there
CREATE OR REPLACE TEMP MACRO norm_dialling(phone) AS
  CASE
    WHEN regexp_full_match(phone, '[+(]?[0-9][0-9 ().-]*')
    THEN replace(replace(replace(replace(replace(phone, ' ', ''), '(', ''), ')', ''), '.', ''), '-', '')
  END;
CREATE OR REPLACE TEMP MACRO norm_plain_phone(x, region) AS
  CASE
    WHEN norm_is_junk_number(ltrim(x, '+')) THEN NULL
    WHEN starts_with(x, '+') THEN CASE
      {international}
    END
    ELSE CASE region
      {national}
    END
  END;
"""


@cache
def plain_phone_macros(regions: frozenset[str], beginnings: frozenset[str]) -> str:
    """SQL that defines ``norm_plain_phone(norm_dialling(phone), region)``: E.164, or NULL where the library has to be asked.

    Args:
        regions: countries that numbers may be dialled in; others get no rule, because compiling one costs some milliseconds.
        beginnings: first digits of international numbers.
    """
    from phonenumbers import PhoneMetadata

    metadata: dict[str, Any] = {region: PhoneMetadata.metadata_for_region(region) for region in _REGIONS.split()}
    national = [_national(region, country) for region, country in metadata.items() if region in regions]
    international = [
        _international(country)
        for region, country in metadata.items()
        if region != "CA" and any(_may_begin(country.country_code, beginning) for beginning in beginnings)
    ]
    return _MACROS.format(
        international="\n      ".join(international or ["WHEN false THEN NULL"]),
        national="\n      ".join(national or ["WHEN '' THEN NULL"]),
    )


def _may_begin(code: int, beginning: str) -> bool:
    # a blank may stand inside the code, and then only its first digits are known
    return beginning.startswith(str(code)) or str(code).startswith(beginning)


def _international(country: Any) -> str:
    code = str(country.country_code)
    return f"WHEN starts_with(x, '+{code}') THEN '+{code}' || norm_plain_line(substr(x, {len(code) + 2}), {_rule(country)})"


def _national(region: str, country: Any) -> str:
    code, trunk = str(country.country_code), country.national_prefix
    line = f"CASE WHEN starts_with(x, '{trunk}') THEN substr(x, {len(trunk) + 1}) ELSE x END" if trunk else "x"
    # with the international prefix, or the country's own code but no +, the number may mean something else
    foreign = country.international_prefix if trunk == code else f"{country.international_prefix}|{code}"
    return (
        f"WHEN '{region}' THEN CASE WHEN NOT regexp_matches(x, '^(?:{foreign})') "
        f"THEN '+{code}' || norm_plain_line({line}, {_rule(country)}) END"
    )


def _rule(country: Any) -> str:
    kinds = (getattr(country, kind) for kind in _KINDS.split())
    pattern = "|".join(f"(?:{kind.national_number_pattern})" for kind in kinds if kind and kind.national_number_pattern)
    prefix = f"^(?:{country.national_prefix_for_parsing})" if country.national_prefix_for_parsing else _NEVER
    return f"'{pattern}', '{prefix}'"
