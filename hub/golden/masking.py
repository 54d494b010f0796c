"""What of each published column may be shown to those who are to know no person: all of it, what tells nobody, or nothing.

How sensitive a column is, the dictionary says; ``masks.csv`` says what is shown instead of a personal or sensitive one, NULL where
it is silent. A column that is not described is not shown. Masks keep what analyses need: counts, joins, areas, ages. What comes of
it is pseudonymous, not anonymous (GDPR, article 4(5)): whoever has the hub, or knows enough of what a person bought, can tell.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb

from hub.golden.dictionary import ColumnDoc, table_docs
from hub.golden.tables import TABLES
from hub.golden.text import sql

Columns = Sequence[tuple[str, str]]  # names and DuckDB types
# each row of these is nothing but what persons are known by
WITHHELD = frozenset({"identity.match_key", "identity.term_frequency"})
_BLOCK = 64  # bytes that SHA-256 works on at a time, to which RFC 2104 fills the key
# mask -> SQL over a value {x}
_SQL = {
    "nothing": "NULL",
    "pseudonym": "hub_pseudonym({x})",
    "own": "hub_pseudonym(t.customer_id || ' ' || {x})",
    "kept": "hub_kept({x})",
    "area": "left(regexp_replace(upper({x}), '[^A-Z0-9]', '', 'g'), 2)",
    "language": "nullif(lower(regexp_extract({x}, '^[A-Za-z]{2,3}')), '')",
    "host": "nullif(lower(regexp_extract({x}, '^[A-Za-z+]+://(?:[^/?#]*@)?([^/?#:@]+)', 1)), '')",
    "year": "CASE WHEN {x} IS NOT NULL THEN make_date(greatest(year({x}), 1930), 1, 1) END",
    "identifier": "CASE WHEN t.id_type = 'source_record' THEN hub_kept({x}) ELSE hub_pseudonym({x}) END",
}
# masks of golden.customer that also fit the same value as text
_OF_TEXT = ("pseudonym", "kept", "area", "language")


@dataclass(frozen=True)
class Mask:
    """What is shown of a column: the mask's name, and the same in words."""

    name: str
    shown: str


@cache
def _given() -> dict[tuple[str, str], Mask]:
    lines = csv.DictReader(files("hub.golden").joinpath("masks.csv").read_text(encoding="utf-8").splitlines())
    return {(line["table"], line["column"]): Mask(line["mask"], line["shown"]) for line in lines}


def mask_of(table: str, column: ColumnDoc) -> Mask | None:
    """What is shown of a personal or sensitive column of a table (``schema.name``); None of others, which are shown as they are.

    A view shows what the tables it is made from do.
    """
    if table in WITHHELD:
        return Mask("nothing", "not there")
    if column.sensitivity in ("public", "internal"):
        return None
    known = _given()
    if (table, column.name) in known:
        return known[table, column.name]
    is_view = table.startswith("golden.") and table.removeprefix("golden.") not in TABLES
    if is_view:
        made_from = {"golden_value": ("golden.customer_attribute", "value"), "candidates": ("golden.customer_attribute", "value")}
        source = made_from.get(column.name, ("golden.customer", column.name))
        if source in known:
            return known[source]
    return Mask("nothing", "NULL")


def prepare_masking(con: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Make in a session what masks are made of.

    Args:
        secret: of the hub, by which pseudonyms are made; of at most 64 bytes.
    """
    filled = secret.ljust(_BLOCK, b"\0")
    con.execute("SET VARIABLE mask_inner = ?", [bytes(byte ^ 0x36 for byte in filled)])
    con.execute("SET VARIABLE mask_outer = ?", [bytes(byte ^ 0x5C for byte in filled)])
    con.execute(sql("masking"))


def masks_digest(secret: bytes) -> str:
    """A digest of all that decides what is shown, this version's masks and the hub's secret among it."""
    own = [files("hub.golden").joinpath(name).read_text(encoding="utf-8") for name in ("masking.py", "masking.sql", "masks.csv")]
    docs = [(str(doc), column.name, column.sensitivity) for doc in table_docs().values() for column in doc.columns]
    return hashlib.sha256(repr([own, docs, secret]).encode()).hexdigest()


def masked(tables: Mapping[str, Columns]) -> dict[str, list[tuple[str, str]]]:
    """Per table (``schema.name``) that is shown, each column with the SQL of what is shown of it, in the column's own type.

    The SQL reads the table as ``t``.

    Args:
        tables: the tables of a load with their columns; those that the dictionary does not know are left out.
    """
    docs = {str(doc): doc for doc in table_docs().values()}
    customer = tables.get("golden.customer", ())
    found = {}
    for table, columns in tables.items():
        if table not in docs or table in WITHHELD:
            continue
        told = {column.name: column for column in docs[table].columns}
        found[table] = [
            (name, f"CAST({_shown(table, told.get(name), name, type_, customer)} AS {type_})") for name, type_ in columns
        ]
    return found


def _shown(table: str, doc: ColumnDoc | None, name: str, type_: str, customer: Columns) -> str:
    value = f't."{name}"'
    if doc is None:
        return "NULL"
    mask = mask_of(table, doc)
    if mask is None:
        return _checked(value, type_)
    if mask.name == "attribute":
        return _of_attribute(value)
    if mask.name == "snapshot":
        return _of_snapshot(value, customer)
    return _over(mask.name, value)


def _over(mask: str, value: str) -> str:
    return _SQL[mask].replace("{x}", value)


def _checked(value: str, type_: str) -> str:
    """A value of a column that is not personal, unless it holds an address or a number all the same."""
    if "VARCHAR" not in type_ and type_ != "JSON":
        return value
    if type_ == "VARCHAR":
        return f"hub_kept({value})"
    if type_ == "VARCHAR[]":
        return f"list_transform({value}, lambda one: hub_kept(one))"
    text = f"{value}::VARCHAR" if type_ == "JSON" else f"to_json({value})::VARCHAR"
    return f"CASE WHEN NOT hub_betrays({text}) THEN {value} END"


def _of_attribute(value: str) -> str:
    """A candidate value: as golden.customer shows the attribute, where that is text; else told apart within its customer only."""
    same: dict[str, list[str]] = {}
    for column in table_docs()["customer"].columns:
        mask = mask_of("golden.customer", column)
        kind = "kept" if mask is None else mask.name
        if kind in _OF_TEXT:
            same.setdefault(kind, []).append(f"'{column.name}'")
    cases = " ".join(f"WHEN t.attribute IN ({', '.join(names)}) THEN {_over(kind, value)}" for kind, names in same.items())
    return f"CASE {cases} ELSE {_over('own', value)} END"


def _of_snapshot(value: str, customer: Columns) -> str:
    """The snapshot with each attribute as golden.customer shows it. What is not shown is left out, as is what is NULL anyway."""
    told = {column.name: column for column in table_docs()["customer"].columns}
    parts, structure = [], []
    for name, type_ in customer:
        if name in ("customer_id", "load_id"):
            continue
        shown = _shown("golden.customer", told.get(name), name, type_, ()).replace(f't."{name}"', f'one."{name}"')
        # exact decimals are text there, for numbers of JSON are read as floats
        parts.append(f'"{name}" := CAST({shown} AS {"VARCHAR" if type_.startswith("DECIMAL") else type_})')
        structure.append(f'"{name}": "{type_}"')
    fields = "{" + ", ".join(structure) + "}"
    packed = f"list_transform([json_transform({value}, '{fields}')], lambda one: struct_pack({', '.join(parts)}))[1]"
    return f"json_merge_patch('{{}}'::JSON, to_json({packed}))"
