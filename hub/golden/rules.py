"""The rules of survivorship as hub.yaml writes them: a word, ``{expression: SQL}`` or ``{follow: ATTRIBUTE}``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from hub.golden.attributes import ATTRIBUTES
from hub.golden.expression import checked

# word -> what wins by it
WORDS: dict[str, str] = {
    "verified": "the value that passed more checks: an e-mail that its source verified, a valid phone before a possible one,"
    " a whole name or address before a part",
    "source_priority": "the source that stands first in source_priority",
    "trust": "the source trusted most, by the settings under trust, which decay with the age of the value",
    "recency": "the record its source changed last",
    "frequency": "the value that most sources agree on, however it is spelt",
    "longest": "the longest text",
    "oldest": "the record its source changed first",
    "min": "the smallest value",
    "max": "the greatest value",
}


@dataclass(frozen=True)
class Rule:
    """A rule: its word, or `expression` or `follow` with what they say."""

    kind: str
    argument: str = ""


def _parsed(given: Any) -> Rule:
    if isinstance(given, Rule):
        return given
    if isinstance(given, str) and given in WORDS:
        return Rule(given)
    if isinstance(given, dict) and len(given) == 1:
        ((key, value),) = given.items()
        if key == "expression" and isinstance(value, str):
            return Rule("expression", checked(value))
        if key == "follow" and value in ATTRIBUTES:
            return Rule("follow", value)
        if key == "follow":
            raise ValueError(f"cannot follow {value!r}; known are {', '.join(ATTRIBUTES)}")
    words = ", ".join(repr(word) for word in WORDS)
    raise ValueError(f"input should be {words}, {{expression: SQL}} or {{follow: ATTRIBUTE}}")


_SCHEMA = {
    "anyOf": [
        {"enum": list(WORDS), "description": "; ".join(f"{word}: {meaning}" for word, meaning in WORDS.items())},
        {
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "SQL over the candidate's columns; greatest wins"}},
            "required": ["expression"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"follow": {"enum": list(ATTRIBUTES), "description": "the record that won this attribute or group"}},
            "required": ["follow"],
            "additionalProperties": False,
        },
    ]
}
AnyRule = Annotated[Rule, PlainValidator(_parsed), WithJsonSchema(_SCHEMA)]
Rules = tuple[AnyRule, ...]


def words(*names: str) -> tuple[Rule, ...]:
    """Rules that are words."""
    return tuple(Rule(name) for name in names)


_REACHED = words("verified", "source_priority", "recency", "frequency")
# what counts where hub.yaml says nothing
DEFAULT_RULES: dict[str, tuple[Rule, ...]] = {
    "email": _REACHED,
    "phone_e164": _REACHED,
    "company_name": words("frequency", "source_priority", "recency"),
    "birth_date": words("source_priority", "recency", "frequency"),
    "tax_id": words("source_priority", "recency"),
    "locale": words("recency"),
    "name": words("verified", "source_priority", "recency"),
    "address": words("verified", "source_priority", "recency"),
}
