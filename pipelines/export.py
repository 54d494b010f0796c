"""Export of a published load to a folder of Parquet or CSV files with a manifest: one load, whole or not at all.

The files are written beside the folder and become it by one rename, so that nobody who watches the folder sees half of an export.
It reads the published load and the control store only, and so works while a sync runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import duckdb

from hub.contract.errors import ConfigError, NotFoundError, WarehouseAccessError
from hub.golden.dictionary import table_docs
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.dictionary import SCHEMAS, Columns, columns_of
from warehouse.connection import published
from warehouse.copies import CARRIED

Format = Literal["parquet", "csv"]
_KEYS = {str(table): table.keys for table in (*JUDGED, *CARRIED)}
# RFC 4180, with times that say they are UTC; NULL is an empty field, an empty text is ""
_CSV = r"FORMAT csv, HEADER, NEW_LINE '\r\n', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'"
_PARQUET = "FORMAT parquet, COMPRESSION zstd"


@dataclass(frozen=True)
class ExportOptions:
    """What is exported, and how.

    Attributes:
        tables: names of tables and views of the schema; all of them where empty.
        safe_csv: put an apostrophe before text that a spreadsheet would run as a formula; CSV only.
    """

    folder: Path
    format: Format = "parquet"
    tables: tuple[str, ...] = ()
    schema: str = "golden"
    safe_csv: bool = False


def export(hub: Hub, options: ExportOptions, *, actor: str, now: datetime) -> dict[str, Any]:
    """Export the published load; returns the manifest, which also lies in the folder as manifest.json.

    Raises:
        ConfigError: the folder is not empty, or an option does not fit.
        NotFoundError: nothing is published, or a table is not known.
        WarehouseAccessError: the folder cannot be written.
    """
    if options.safe_csv and options.format != "csv":
        raise ConfigError("spreadsheets run no formulas of Parquet files", field="--safe-csv", remedy="add --format csv")
    folder = options.folder.absolute()
    _demand_empty(folder)
    with published(hub.config.warehouse) as con, _beside(folder) as temporary:
        load_id = _load_of(con)
        columns = columns_of(con)
        files = [_write(con, temporary, table, columns[table], options) for table in _chosen(columns, options)]
        manifest = {
            "load_id": load_id,
            "exported_at": f"{now.isoformat()}Z",
            "schema": options.schema,
            "format": options.format,
            "safe_csv": options.safe_csv,
            "tables": files,
        }
        (temporary / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        # noted before anybody can take it: no export without its entry
        detail = {"folder": str(folder), "format": options.format, "tables": {file["table"]: file["rows"] for file in files}}
        hub.control.audit("export", load_id, actor=actor, detail=json.dumps(detail), automatic=False)
        os.replace(temporary, folder)
    return manifest


def _load_of(con: duckdb.DuckDBPyConnection) -> str:
    """The load that a session has open; the link may lead to another by now."""
    path: str = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchall()[0][0]
    return Path(path).stem.removeprefix("golden-")


def _demand_empty(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigError(f"{folder} is not a folder", remedy="name a folder that is new or empty")
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"the folder {folder} is not empty", remedy="name a new one, or empty it first")


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder for the files while they are made, closed to others since people are in them; gone at the end, come what may."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        yield temporary
    except (OSError, duckdb.IOException) as error:
        raise WarehouseAccessError(
            f"cannot write the export to {folder} ({str(error).splitlines()[0]})",
            remedy="nothing was exported; free disk space or mend permissions, then run it again",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _chosen(columns: Iterable[str], options: ExportOptions) -> list[str]:
    if options.schema not in SCHEMAS:
        raise NotFoundError(f"there is no schema {options.schema!r} to export", remedy=_nearest(options.schema, SCHEMAS))
    known = [table.removeprefix(f"{options.schema}.") for table in columns if table.startswith(f"{options.schema}.")]
    for name in options.tables:
        if name not in known:
            raise NotFoundError(f"there is no table {options.schema}.{name}", remedy=_nearest(name, known))
    return [f"{options.schema}.{name}" for name in dict.fromkeys(options.tables or sorted(known))]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _write(con: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: Columns, options: ExportOptions) -> dict[str, Any]:
    name = table.split(".", 1)[1]
    path = folder / f"{name}.{options.format}"
    picked = ", ".join(_picked(column, type_, options) for column, type_ in columns)
    # by its key a row has one place, so that the same load gives the same bytes; a view has no key of its own
    order = ", ".join(f'"{key}"' for key in _KEYS.get(table, ())) or "ALL"
    how = _CSV if options.format == "csv" else _PARQUET
    target = str(path).replace("'", "''")
    con.execute(f"COPY (SELECT {picked} FROM (FROM {table} ORDER BY {order})) TO '{target}' ({how})")
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "table": table,
        "file": path.name,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "columns": list(_described(table, columns)),
    }


def _picked(column: str, type_: str, options: ExportOptions) -> str:
    if options.format == "csv" and (type_.endswith("[]") or type_.startswith(("MAP(", "STRUCT("))):
        return f'to_json("{column}")::VARCHAR AS "{column}"'
    if options.safe_csv and type_ == "VARCHAR":
        # the wide forms too, which spreadsheets of East Asia take for the others
        begins = f"""regexp_matches("{column}", '^[-=+@\\t\\r\\n＝＋－＠]')"""
        return f"""CASE WHEN {begins} THEN '''' ELSE '' END || "{column}" AS "{column}\""""
    return f'"{column}"'


def _described(table: str, columns: Columns) -> Iterator[dict[str, str]]:
    told = {column.name: column for doc in table_docs().values() if str(doc) == table for column in doc.columns}
    for name, type_ in columns:
        about = {"description": told[name].description, "sensitivity": told[name].sensitivity} if name in told else {}
        yield {"name": name, "type": type_, **about}
