"""Where the rows of a table lie, for a first reading in that order: nothing is sorted for it, nor looked up row by row.

The order tells nothing of what changes while the reading is broken off: a row that is written again lies elsewhere. So a reading
that is resumed also asks for the rows among those passed that were written since it began. Their transactions tell, whether or not
they set the time of change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

_RANGE = 256  # blocks read at a time, about a page of rows
_NEEDS = (14,)  # version from which on the server reads a range of blocks without the others

# a plain table, with an index that says that no two rows have the same ID; YugabyteDB's rows lie nowhere
_ASK = sa.text("""
SELECT concat_ws('.', (SELECT oid FROM pg_database WHERE datname = current_database()), c.oid, pg_relation_filenode(c.oid)) AS file,
       pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks,
       pg_table_size(c.oid) / current_setting('block_size')::int AS with_outlying,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
FROM pg_class c JOIN pg_am a ON a.oid = c.relam
WHERE c.oid = to_regclass(:name) AND c.relkind = 'r' AND a.amname = 'heap' AND NOT c.relhassubclass
  AND strpos(version(), '-YB-') = 0
  AND EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND (SELECT array_agg(k.attname::text) FROM pg_attribute k
           WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) <@ CAST(:ids AS text[]))
""")


@dataclass(frozen=True)
class Place:
    """How far a reading has come.

    Attributes:
        file: what the blocks are of; a table that was written anew as a whole lies in another.
        block: from which on rows are still to be read.
        horizon: number of the first transaction whose rows the reading may not have seen when it began.
    """

    file: str
    block: int
    horizon: int

    def ahead(self, end: int | None) -> sa.ColumnElement[bool]:
        """Rows from there on, up to a block."""
        return _condition(f"ctid >= '({self.block},0)'" + ("" if end is None else f" AND ctid < '({end},0)'"))

    def written_since(self) -> sa.ColumnElement[bool]:
        """Rows before it that the reading may not have seen there."""
        # both ages are counted from the same transaction, and a transaction's number is its last 32 bits
        since = f"age(xmin) <= age(CAST('{self.horizon % 2**32}' AS xid))"
        return _condition(f"ctid < '({self.block},0)' AND {since}")


@dataclass(frozen=True)
class Blocks:
    """A table as it lies.

    Attributes:
        start: the place before its first row.
        count: blocks there are.
        each: how many to read at a time.
    """

    start: Place
    count: int
    each: int


def blocks_of(con: sa.Connection, parts: tuple[str, ...], ids: tuple[str, ...]) -> Blocks | None:
    """How a table of PostgreSQL lies; None where nobody can say, or rows may share an ID.

    Args:
        parts: the table's name, its schema before it.
        ids: the columns that identify a row.
    """
    if (con.dialect.server_version_info or ()) < _NEEDS:
        return None
    name = ".".join(con.dialect.identifier_preparer.quote_identifier(part) for part in parts)
    found: Any = con.execute(_ASK, {"name": name, "ids": list(ids)}).one_or_none()
    if found is None or not found.blocks:
        return None
    # what lies outside of the blocks (long values) counts as if it were spread over them
    each = max(1, _RANGE * found.blocks // found.with_outlying)
    return Blocks(Place(found.file, 0, found.horizon), found.blocks, each)


def _condition(text: str) -> sa.ColumnElement[bool]:
    return sa.literal_column(text, sa.Boolean())
