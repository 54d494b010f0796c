"""How DuckDB's columns travel through Parquet, Spark and Arrow and come back as what they were.

What all of these write alike goes as it is; every other type goes as text, which DuckDB reads back without loss. Spark has no
unsigned numbers, so a key travels as the signed number of the same 64 bits.
"""

from __future__ import annotations

from hub.identity.sql import Connection, rows

_ALIKE = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR[]")

SIGNED = "CASE WHEN key < 9223372036854775808 THEN key::BIGINT ELSE (key::HUGEINT - 18446744073709551616)::BIGINT END AS key"
UNSIGNED = "CASE WHEN key >= 0 THEN key::UBIGINT ELSE (key::HUGEINT + 18446744073709551616)::UBIGINT END AS key"


def columns(con: Connection, relation: str) -> dict[str, str]:
    """The types of a relation's columns."""
    return {name: kind for name, kind, *_ in rows(con, f"DESCRIBE {relation}")}


def sent(types: dict[str, str]) -> str:
    """SELECT list of a relation with these columns, as it travels."""
    return ", ".join(f'"{name}"' if kind in _ALIKE else f'"{name}"::VARCHAR AS "{name}"' for name, kind in types.items())


def restored(types: dict[str, str]) -> str:
    """SELECT list that makes of what travelled what it was."""
    return ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in types.items())
