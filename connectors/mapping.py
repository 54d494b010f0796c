"""The mapping format: how a connector's SQL says which stream becomes which staging table.

A mapping file is a row of blocks. Each opens with a comment line ``-- stage: <stream> -> <table>`` and holds one SELECT over the
relation ``src``, whose columns are source_system, stream, source_record_id, payload (JSON as sent), source_updated_at and
extracted_at (UTC), country and timezone (of the source, may be NULL). It yields source_record_id and any of the table's
canonical columns by name, as text; what it leaves out is NULL. One payload may feed several tables: a guest's order is an order
and a party. Running it is the warehouse's affair.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"^--\s*stage:\s*(\S+)\s*->\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class MappingBlock:
    """One SELECT from a stream's payloads to a staging table."""

    stream: str
    table: str
    select: str


def parse_mapping(sql: str) -> tuple[MappingBlock, ...]:
    """The blocks of a mapping file, in order.

    Raises:
        ValueError: there is no block, or a block is empty.
    """
    heads = list(_HEAD.finditer(sql))
    if not heads:
        raise ValueError("no block; a mapping begins with '-- stage: <stream> -> <table>'")
    ends = [h.start() for h in heads[1:]] + [len(sql)]
    blocks = tuple(
        MappingBlock(head.group(1), head.group(2), sql[head.end() : end].strip().rstrip(";").strip())
        for head, end in zip(heads, ends, strict=True)
    )
    for block in blocks:
        if not block.select:
            raise ValueError(f"block {block.stream} -> {block.table} is empty")
    return blocks
