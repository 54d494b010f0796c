"""Landed parts whose records must not enter raw as they came: a part is written anew with other rows in their places.

Whose records those are is not known here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.parts import SCHEMA
from hub.contract.errors import WarehouseAccessError

_NOTHING = "{}"  # the payload of a deletion


def rewrite(part: Path, instead: Mapping[int, str | None]) -> None:
    """Exchange rows of a landed part, with all else that it says of itself as it was; done at once or not at all.

    Args:
        instead: by the row's number from 0, the payload that comes in the place of the one that landed; None for a deletion.

    Raises:
        WarehouseAccessError: the folder cannot be written.
    """
    landed = pq.read_table(part)
    columns = {name: landed.column(name).to_pylist() for name in ("op", "payload", "payload_hash", "merged_into")}
    for row, payload in instead.items():
        text = _NOTHING if payload is None else payload
        columns["op"][row] = "delete" if payload is None else "upsert"
        columns["payload"][row] = text
        columns["payload_hash"][row] = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        columns["merged_into"][row] = None
    for name, values in columns.items():
        landed = landed.set_column(landed.schema.get_field_index(name), SCHEMA.field(name), pa.array(values, pa.string()))
    temporary = part.with_name(f".{part.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as sink:
            pq.write_table(landed, sink, compression="lz4")
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(temporary, part)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write to the landing folder {part.parent} ({error.strerror or error})",
            remedy="free disk space or mend the folder's permissions, then run this again",
        ) from error
