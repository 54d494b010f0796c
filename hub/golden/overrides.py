"""What a steward may say of a golden value, and how a value that they write is read: by the same normaliser as a source's."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping

import duckdb

from hub.contract.columns import PARTY
from hub.contract.errors import ConfigError
from hub.golden.attributes import ATTRIBUTES, DECIDED_BY, Attribute
from hub.normalise import normalise_parties

PIN, IGNORE, SET = "pin", "ignore", "set"
# golden column -> canonical column that a source would fill, and normalised column, where they are called otherwise
_GIVEN = {"phone_e164": "phone", "country_code": "country"}
_READ = {"email": "email_norm"}
_WANTED = {
    "email": "an address that one can write to",
    "phone_e164": "a phone number; with +country code, or the source's country in hub.yaml",
    "birth_date": "a date in the past, as 1980-02-03",
    "country_code": "a country, as DE or Germany",
}


def attribute_named(name: str) -> Attribute:
    """The attribute or group of that name. Raises `ConfigError` that names the right one."""
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    if name in DECIDED_BY:
        group = DECIDED_BY[name]
        raise ConfigError(f"{name} wins together with the rest of {group}", remedy=f"override {group}")
    near = difflib.get_close_matches(name, ATTRIBUTES, n=1, cutoff=0.4)
    raise ConfigError(f"no attribute {name!r}", remedy=f"did you mean {near[0]}?" if near else f"known are {', '.join(ATTRIBUTES)}")


def given_values(attribute: Attribute, words: list[str]) -> dict[str, str]:
    """What the words of a command say of an attribute: one value, or ``column=value`` for the columns of a group.

    Raises:
        ConfigError: no or several values for one attribute, or a column that the group does not have.
    """
    if not attribute.is_group:
        if len(words) != 1:
            raise ConfigError(f"{attribute.name} takes one value, not {len(words)}", remedy="put it in quotes if it has spaces")
        return {attribute.name: words[0]}
    columns = [member.name for member in attribute.members]
    given: dict[str, str] = {}
    for word in words:
        column, sign, value = word.partition("=")
        if not sign or column not in columns:
            raise ConfigError(
                f"{attribute.name} takes column=value; columns are {', '.join(columns)}",
                remedy=f"write {attribute.name} {columns[1]}=...; what is left out will be empty",
            )
        given[column] = value
    if not given:
        raise ConfigError(f"{attribute.name} needs a value", remedy=f"write {attribute.name} {columns[1]}=...")
    return given


def written_value(con: duckdb.DuckDBPyConnection, attribute: Attribute, given: Mapping[str, str], *, country: str | None) -> str:
    """A value as the hub keeps it: text, of a group a JSON object of its columns.

    Args:
        con: a warehouse of its own, migrated and without data.
        country: ISO code of the place that phones and addresses are in if they do not say so themselves.

    Raises:
        ConfigError: a value says nothing or cannot be read; names the column, never the value.
    """
    _normalise(con, given, country)
    columns = [member.name for member in attribute.members]
    listed = ", ".join(f"p.{_READ.get(name, name)}::VARCHAR" for name in columns)
    *read, eligible = con.execute(f"SELECT {listed}, {attribute.eligible} FROM override_normalised p").fetchall()[0]
    values = dict(zip(columns, read, strict=True))
    for name in given:
        if name == "name_suffix":  # sources do not tell it apart, so the normaliser takes none
            values[name] = given[name].strip() or None
        if values[name] is None:
            raise ConfigError(
                "says nothing that can be kept", field=name, remedy=f"give {_WANTED.get(name, 'a value, no placeholder')}"
            )
    if not eligible:
        raise ConfigError("is a placeholder", field=attribute.name, remedy="give a real one")
    if not attribute.is_group:
        return str(values[attribute.name])
    if "name_suffix" in given and "full_name" not in given:
        values["full_name"] = f"{values['full_name']} {values['name_suffix']}"
    return json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False, sort_keys=True)


def _normalise(con: duckdb.DuckDBPyConnection, given: Mapping[str, str], country: str | None) -> None:
    """Make the temporary table override_normalised: one staged record that says what is given and no more."""
    said = {_GIVEN.get(name, name): value for name, value in given.items()}
    names = [column.name for column in PARTY.columns]
    columns = ", ".join(f"{name} VARCHAR" for name in names)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE override_given (record_key VARCHAR, source_system VARCHAR, stream VARCHAR,"
        f" source_record_id VARCHAR, {columns}, country_default VARCHAR, timezone VARCHAR,"
        " source_updated_at TIMESTAMP, sync_run_id VARCHAR, payload_hash VARCHAR)"
    )
    row = ["steward:override:1", "steward", "override", "1", *(said.get(name) for name in names), country, "UTC", None, "", ""]
    con.execute(f"INSERT INTO override_given VALUES ({', '.join('?' * len(row))})", row)
    normalise_parties(con, "override_given", "override_normalised")
