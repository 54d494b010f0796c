"""What can be written back: the common ID, columns of golden.customer_360, segments; each with its kind and its canonical text.

The text that SQL makes here is the one that `connectors.writeback.canonical` makes of what a vendor answers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from connectors.writeback import ValueKind, WriteBackSettings
from hub.contract.errors import ConfigError
from hub.golden.segments import segment_columns

ID = "customer_id"
SEGMENTS = "segments"
# what changes with every day for every customer would be written to every record every day
DAILY = frozenset({"as_of_date", "recency_days", "days_since_activity", "days_known"})
PERSONAL = frozenset(
    {
        *("full_name", "given_name", "middle_name", "family_name", "name_suffix", "company_name", "email", "phone_e164", "tax_id"),
        *("address_line1", "address_line2", "city", "region", "postal_code", "country_code", "birth_date", "locale"),
    }
)
_KINDS: dict[str, ValueKind] = {
    "VARCHAR": "text",
    "VARCHAR[]": "text",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "decimal",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "time",
}
_TRIMMED = r"regexp_replace(regexp_replace(({})::VARCHAR, '(\.\d*?)0+$', '\1'), '\.$', '')"


def attributes() -> tuple[str, ...]:
    """All that can be written."""
    return (*(name for name, type_ in segment_columns().items() if name not in DAILY and _kind(type_)), SEGMENTS)


def kind_of(attribute: str) -> ValueKind:
    """The kind of an attribute's values. Raises `KeyError` for one that cannot be written."""
    if attribute == SEGMENTS:
        return "text"
    kind = _kind(segment_columns()[attribute])
    if kind is None or attribute in DAILY:
        raise KeyError(attribute)
    return kind


def _kind(type_: str) -> ValueKind | None:
    return "decimal" if type_.startswith("DECIMAL") else _KINDS.get(type_)


def text_of(attribute: str) -> str:
    """SQL for an attribute's canonical text over a row ``c`` of golden.customer_360 and its segments ``g.segments``."""
    if attribute == SEGMENTS:
        return "g.segments"
    column, type_ = f'c."{attribute}"', segment_columns()[attribute]
    if type_ == "VARCHAR":
        return f"nullif(trim({column}), '')"
    if type_ == "VARCHAR[]":
        return f"nullif(array_to_string(list_sort({column}), ', '), '')"
    if type_ == "TIMESTAMP":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
    if type_ == "DOUBLE":
        return _TRIMMED.format(f"{column}::DECIMAL(38,6)")
    return _TRIMMED.format(column) if type_.startswith("DECIMAL") else f"{column}::VARCHAR"


def check(wanted: Mapping[str, WriteBackSettings | None]) -> None:
    """Make sure that all that sources are to be told can be told.

    Args:
        wanted: by source.

    Raises:
        ConfigError: names the key and the nearest right one.
    """
    known = attributes()
    for source, settings in wanted.items():
        for attribute in settings.fields if settings else ():
            if attribute not in known:
                raise ConfigError(
                    f"nothing of a customer is called {attribute!r} that could be written back",
                    field=f"sources.{source}.write_back.fields",
                    remedy=_hint(attribute, known),
                )


def _hint(attribute: str, known: Iterable[str]) -> str:
    if attribute in DAILY:
        return "it changes every day for everybody; write the date that it counts from instead"
    near = difflib.get_close_matches(attribute, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else "use customer_id, segments or a column of golden.customer_360"
