"""What a landed part holds: its columns, and how pages of records and of columns become them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from connectors.column_records import ColumnRecords
from connectors.contract import Record, Reject
from connectors.payload import encode, whole_characters
from hub.contract import landed

SCHEMA = pa.schema(
    [
        pa.field("source_record_id", pa.string()),
        pa.field("op", pa.string(), nullable=False),  # upsert, delete, merge or reject
        pa.field("payload", pa.string()),
        pa.field("payload_hash", pa.string()),
        pa.field("source_updated_at", pa.timestamp("us", tz="UTC")),
        pa.field("extracted_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("merged_into", pa.string()),
        pa.field("reject_reason", pa.string()),
    ]
)
Row = tuple[Any, ...]  # values in the order of SCHEMA


@dataclass(frozen=True, slots=True)
class Block:
    """Records that came as columns, and when they did."""

    records: ColumnRecords
    extracted_at: datetime

    def __len__(self) -> int:
        return len(self.records)


# in the order in which they came
Pieces = Sequence[list[Row] | Block]


def record_row(record: Record, extracted_at: datetime) -> Row:
    """One record as a row. An ID with half a pair of surrogates is none: written as U+FFFD, two of them would become one."""
    text, hashed = encode(record.payload)
    if not _is_text(record.id) or not _is_text(record.merged_into or ""):
        return reject_row(Reject(text, "the ID holds half a character", whole_characters(record.id)), extracted_at)
    return record.id, record.op, text, hashed, record.updated_at, extracted_at, record.merged_into, None


def reject_row(reject: Reject, extracted_at: datetime) -> Row:
    """What is no record as a row."""
    hashed = hashlib.blake2b(reject.content.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    content = reject.content.encode(errors="replace").decode()
    where, reason = whole_characters(reject.where), whole_characters(reject.reason)
    return where, "reject", content, hashed, None, extracted_at, None, reason


def _is_text(identifier: str) -> bool:
    return identifier.isascii() or whole_characters(identifier) == identifier


def table(pieces: Pieces) -> pa.Table:
    """A part's rows, with what they say of their payloads' fields in the metadata, where that is known without reading them."""
    batches = [_block(piece) if isinstance(piece, Block) else _rows(piece) for piece in pieces]
    made = pa.Table.from_batches(batches, SCHEMA)
    fields = _fields(pieces)
    return made if fields is None else made.replace_schema_metadata({landed.FIELDS: json.dumps(fields)})


def _rows(rows: list[Row]) -> pa.RecordBatch:
    arrays = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _block(block: Block) -> pa.RecordBatch:
    records, count = block.records, len(block)
    op = pa.repeat("upsert", count)
    if records.deleted is not None:
        op = pa.array(["delete" if gone else "upsert" for gone in records.deleted.to_pylist()], pa.string())
    extracted_at = pa.repeat(pa.scalar(block.extracted_at, SCHEMA.field("extracted_at").type), count)
    nothing = pa.nulls(count, pa.string())
    arrays = [records.ids, op, records.texts, records.hashes, records.updated_at, extracted_at, nothing, nothing]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _fields(pieces: Pieces) -> dict[str, Any] | None:
    types: dict[str, set[str]] = {}
    having: Counter[str] = Counter()
    payloads = 0
    for piece in pieces:
        if not isinstance(piece, Block):
            if any(row[1] == "upsert" for row in piece):
                return None
            continue
        told = piece.records.fields()
        if told is None:
            return None
        payloads += len(piece)
        for name, held in told.items():
            types.setdefault(name, set()).update(held)
            having[name] += len(piece)
    return {"payloads": payloads, "fields": {name: [sorted(held), having[name]] for name, held in types.items()}}
