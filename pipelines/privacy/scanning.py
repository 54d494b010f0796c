"""Where texts lie in all that a hub keeps: every column of every table, and every file. What an erasure is proved by.

Texts are looked for without regard to case, as they are written; an address in another spelling is another text. Tables of the
working warehouse, of the loads that are kept, of the control store and of targets are asked by SQL, landed parts as Parquet, and
all other files below the hub's data folder and its Dagster instance as UTF-8, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from hub.contract.errors import ConfigError
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.connection import connect, writer
from warehouse.publish import kept_loads, load_file
from warehouse.targets.server import Server
from warehouse.targets.settings import TargetSettings

if TYPE_CHECKING:
    import duckdb

_SHORTEST = 5  # what is shorter is in too many other words
_CHUNK = 1 << 20
_LITERAL = re.compile(r"[.^$*+?{}\[\]\\|()]")  # what would be no letter in a pattern
_ASKED_BY_SQL = (".duckdb", ".parquet")


@dataclass(frozen=True)
class Hit:
    """A column that holds one of the texts, or a file that does.

    Attributes:
        place: the store, such as working, load 20260301T090000_1a2b, control, landing or file.
        where: schema.table.column, or the file's path.
        rows: rows that do; of a file 1.
    """

    place: str
    where: str
    rows: int


def scan(hub: Hub, texts: Sequence[str]) -> list[Hit]:
    """Look for texts everywhere; none found is an empty list.

    Args:
        texts: such as e-mail addresses, phone numbers and names; of at least five letters.

    Raises:
        ConfigError: a text is too short to say anything.
        WarehouseBusyError: a sync runs for longer than the bounded wait.
        TargetUnavailableError: a target of hub.yaml does not answer.
    """
    wanted = sorted({text.strip().lower() for text in texts})
    if not wanted or any(len(text) < _SHORTEST for text in wanted):
        raise ConfigError(f"a text to scan for has {_SHORTEST} letters or more", remedy="give whole addresses, numbers or names")
    hits: list[Hit] = []
    with writer(hub.config.warehouse) as con:
        hits += _in_duckdb(con, "working", wanted)
        hits += _in_landing(con, hub.config.warehouse.landing, wanted)
    for load in kept_loads(hub.config.warehouse):
        con = connect(load_file(hub.config.warehouse, load), read_only=True)
        try:
            hits += _in_duckdb(con, f"load {load}", wanted)
        finally:
            con.close()
    hits += in_control(hub.control.engine, wanted)
    for target in hub.config.publish:
        hits += scan_target(target, wanted)
    return [*hits, *_in_files(_folders(hub), wanted)]


def scan_target(settings: TargetSettings, texts: Sequence[str]) -> list[Hit]:
    """Look for texts, in lower case, in the hub's tables of a target. Raises `TargetUnavailableError` if it does not answer."""
    with _tables_of(Server(settings)) as (con, tables):
        return list(_in_database(con, f"target {settings.name}", tables, texts))


def _in_duckdb(con: duckdb.DuckDBPyConnection, place: str, texts: Sequence[str]) -> Iterator[Hit]:
    columns = con.execute(
        "SELECT c.schema_name, c.table_name, list(c.column_name ORDER BY c.column_index) FROM duckdb_columns() c"
        " JOIN duckdb_tables() t USING (database_name, schema_name, table_name)"
        # texts may also stand inside of lists, structs, maps and JSON
        " WHERE c.database_name = current_database() AND regexp_matches(c.data_type, 'VARCHAR|JSON|BLOB') GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for schema, table, names in columns:
        yield from _counted(con, place, f"{schema}.{table}", f'"{schema}"."{table}"', names, texts, [])


def _counted(
    con: duckdb.DuckDBPyConnection,
    place: str,
    named: str,
    relation: str,
    names: Sequence[str],
    texts: Sequence[str],
    values: list[object],
) -> Iterator[Hit]:
    if not names:
        return
    pattern = "|".join(_LITERAL.sub(r"\\\g<0>", text) for text in texts)
    # a pattern of many texts takes longer to prepare than a small table to look through: one for all columns first
    whole = ", ".join(f'"{name}"::VARCHAR' for name in names)
    anywhere = f"SELECT count(*) FROM {relation} WHERE regexp_matches(lower(concat_ws(chr(10), {whole})), ?)"
    if con.execute(anywhere, [*values, pattern]).fetchall() == [(0,)]:
        return
    held = ", ".join(f'count(*) FILTER (regexp_matches(lower("{name}"::VARCHAR), ?))' for name in names)
    (counts,) = con.execute(f"SELECT {held} FROM {relation}", [*(pattern for _ in names), *values]).fetchall()
    yield from (Hit(place, f"{named}.{name}", rows) for name, rows in zip(names, counts, strict=True) if rows)


def in_control(control: sa.Engine, texts: Sequence[str]) -> list[Hit]:
    """Look for texts, in lower case, in every text column of a control store: it is small, and DuckDB looks through a copy."""
    con = connect(None)
    hits: list[Hit] = []
    try:
        for table in t.metadata.sorted_tables:
            names = [column.name for column in table.columns if isinstance(column.type, sa.String | sa.JSON)]
            with control.connect() as source:
                rows = source.execute(sa.select(*(table.c[name] for name in names))).fetchall() if names else []
            columns = zip(*rows, strict=True) if rows else ([] for _ in names)
            held = pa.table({name: pa.array(list(of), pa.string()) for name, of in zip(names, columns, strict=True)})
            con.register("control_table", held)
            hits += _counted(con, "control", table.name, "control_table", names, texts, [])
            con.unregister("control_table")
    finally:
        con.close()
    return hits


def _in_landing(con: duckdb.DuckDBPyConnection, landing: Path, texts: Sequence[str]) -> Iterator[Hit]:
    for part in sorted(landing.rglob("*.parquet")):
        described = con.execute("DESCRIBE FROM read_parquet(?)", [str(part)]).fetchall()
        names = [row[0] for row in described if "VARCHAR" in row[1] or "JSON" in row[1] or "BLOB" in row[1]]
        yield from _counted(con, "landing", str(part.relative_to(landing)), "read_parquet(?)", names, texts, [str(part)])


@contextmanager
def _tables_of(server: Server) -> Iterator[tuple[sa.Connection, list[sa.Table]]]:
    """A target's connection and the tables there that are the hub's."""
    with server.connected():
        pass  # what is wrong with the server is said here, as of every target
    own = {server.prefix + schema for schema in ("golden", "identity", "quality", "ops")}
    with server.engine.connect() as con:
        metadata = sa.MetaData()
        for schema in own.intersection(sa.inspect(con).get_schema_names()):
            metadata.reflect(con, schema=schema)
        yield con, list(metadata.sorted_tables)


def _in_database(con: sa.Connection, place: str, tables: Sequence[sa.Table], texts: Sequence[str]) -> Iterator[Hit]:
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, sa.String | sa.JSON):
                low = sa.func.lower(sa.cast(column, sa.Text))
                holds = sa.or_(*(low.contains(text, autoescape=True) for text in texts))
                rows = con.execute(sa.select(sa.func.count()).select_from(table).where(holds)).scalar_one()
                if rows:
                    yield Hit(place, f"{table.fullname}.{column.name}", rows)


def _folders(hub: Hub) -> list[Path]:
    warehouse = hub.config.warehouse
    found = {warehouse.path.parent, warehouse.golden.parent, warehouse.landing, hub.config.home.absolute()}
    if warehouse.shared is not None:
        found.add(warehouse.shared.parent)
    return sorted(folder for folder in found if not any(other in folder.parents for other in found))


def _in_files(folders: Sequence[Path], texts: Sequence[str]) -> Iterator[Hit]:
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            # DuckDB's files and Parquet are packed, and were asked by SQL
            if path.suffix not in _ASKED_BY_SQL and _holds(path, texts):
                yield Hit("file", str(path), 1)


def _holds(path: Path, wanted: Sequence[str]) -> bool:
    """Whether a file holds one of the texts, read piece by piece; what lies across two pieces is found too."""
    overlap, before = max(len(text) for text in wanted) - 1, ""
    try:
        # also of a file that is no text: what cannot be read is passed over, and the next letter is read again
        with open(path, encoding="utf-8", errors="replace", newline="") as source:
            while piece := source.read(_CHUNK):
                looked_at = before + piece.lower()
                if any(text in looked_at for text in wanted):
                    return True
                before = looked_at[-overlap:] if overlap else ""
    except FileNotFoundError:
        return False  # it went meanwhile
    return False
