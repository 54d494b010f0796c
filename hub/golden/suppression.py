"""Whom nobody may contact, whatever anybody granted: a list of HMACs, which says of an identifier that it is on it and no more."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

import duckdb

from hub.golden.text import sql

_BLOCK = 64  # bytes that SHA-256 works on at a time, to which RFC 2104 fills the key


@dataclass(frozen=True)
class Suppressions:
    """The list, and the secret by which it is read.

    Attributes:
        relation: has the columns id_hmac and lifted_at.
        secret: of the hub; of at most 64 bytes.
    """

    relation: str
    secret: bytes = field(repr=False)


def identifier_hmac(secret: bytes, identifier: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a normalised identifier, hexadecimal."""
    return hmac.new(secret, identifier.encode(), hashlib.sha256).hexdigest()


def put_suppressed(con: duckdb.DuckDBPyConnection, suppressions: Suppressions | None) -> None:
    """Make the temporary table ``suppressed`` of the identifiers in staging, or in a steward's overrides, that are on the list."""
    none = "SELECT NULL::VARCHAR AS identifier WHERE false"
    if suppressions is not None:
        listed = con.execute(f"SELECT count(*) FROM {suppressions.relation} WHERE lifted_at IS NULL").fetchall()[0][0]
        if listed:
            filled = suppressions.secret.ljust(_BLOCK, b"\0")
            keys = {"inner": bytes(byte ^ 0x36 for byte in filled), "outer": bytes(byte ^ 0x5C for byte in filled)}
            con.execute(sql("suppressed").replace("{relation}", suppressions.relation), keys)
            return
    con.execute(f"CREATE OR REPLACE TEMP TABLE suppressed AS {none}")
