"""By what the hub knows people again whom it erased: HMACs, so that the list tells nothing to whoever reads it.

A record is known for ever by its key. A new record, under a new key, is an erased person's if it has a mailbox that was theirs
alone and does not name somebody else, or a shared mailbox or a phone number together with both their names. So whoever lives in
the same house or reads the same mailbox keeps what is theirs, and so does whoever was known beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from hub.identity.sql import Connection, rows, run, table, text

_BLOCK = 64  # bytes that SHA-256 works on at a time, to which RFC 2104 fills the key


@dataclass(frozen=True)
class Entry:
    """One HMAC of the list.

    Attributes:
        kind: record, email, email_name or phone_name: what it was made of.
        owner: on whose account: the erased customer while the list is made, the request once it is kept.
    """

    owner: str
    kind: str
    hmac: str


def prepare(con: Connection, secret: bytes, entries: Sequence[Entry] = ()) -> None:
    """Make what the other functions and whoever reduces payloads read: the macros ``erased_key`` and ``erased_name``, and the
    temporary table ``erased_list`` (hmac, kind, request_id).

    Args:
        secret: of the hub; of at most 64 bytes.
    """
    filled = secret.ljust(_BLOCK, b"\0")
    for name, pad in (("erased_inner", 0x36), ("erased_outer", 0x5C)):
        con.execute(f"SET VARIABLE {name} = ?", [bytes(byte ^ pad for byte in filled)])
    run(con, "erased_macros")
    columns = {"hmac": [e.hmac for e in entries], "kind": [e.kind for e in entries], "request_id": [e.owner for e in entries]}
    table(con, "erased_list", **{name: pa.array(values, pa.string()) for name, values in columns.items()})


def entries_of(con: Connection) -> list[Entry]:
    """What is to be kept of the people whose records are in the temporary table ``erasing`` (record_key, customer_id), as staging
    has them; `prepare` was called."""
    return [Entry(*row) for row in rows(con, text("erased_entries"))]


def recognised(con: Connection, relation: str, others: str) -> dict[str, str]:
    """The record keys of the erased, each with the request it comes of.

    Args:
        relation: has the columns of staging.party_record.
        others: relation with the record_key of each record that is known to be somebody's: by mailbox, number and name it is not
            taken from them, however it may change.
    """
    return dict(rows(con, text("erased_recognised").replace("{relation}", relation).replace("{others}", others)))
