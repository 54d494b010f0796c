"""The page of the data dictionary, made from the texts in `hub.golden.dictionary` and the tables of an empty load.

`python -m pipelines.dictionary > docs/data-dictionary.md` writes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb
import typer

from hub.golden import GoldenSettings, build_golden
from hub.golden.dictionary import TableDoc, table_docs
from hub.golden.masking import mask_of
from hub.identity.sql import run
from pipelines.contents import JUDGED, published_views
from warehouse.connection import connect
from warehouse.control import ControlStore
from warehouse.copies import CARRIED, copy_control, copy_decisions
from warehouse.migrations import migrate

SCHEMAS = {
    "golden": "What analysts work with.",
    "identity": "Which source record is which customer, and why. Read-only.",
    "quality": "Why the numbers may be trusted. Read-only.",
    "ops": "What was read and built when, and who did what. Read-only.",
}
_HEAD = """# Data dictionary

Every table and column of a published load. Made by `python -m pipelines.dictionary` from `hub/golden/dictionary/`; edit the texts
there. The same texts are on the columns in Dagster.

- Times are UTC, dates are calendar days. NULL is "not known" unless a column says otherwise.
- Amounts are exact decimals in whole units of the currency beside them, and positive unless a column says otherwise.
- A key such as `shopify:orders:17` is source, stream and the source's own ID.
- Care says how far a value may travel. *public*: the hub's own words, about nobody. *internal*: stays in the company. *personal*:
  about a person, or typed by one. *sensitive*: may hold a national identification number, or anything a source has sent. A customer
  ID is internal; beside personal columns it is personal. After an arrow: what a [shared load](privacy.md#who-may-read-what) shows
  instead.
"""
Columns = list[tuple[str, str]]  # names and DuckDB types


def columns_of(con: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    """The columns of every table and view in the published schemas of a database, by ``schema.table``."""
    found: dict[str, Columns] = {}
    rows = con.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE database_name = current_database() AND schema_name IN (SELECT unnest(?)) ORDER BY 1, column_index",
        [list(SCHEMAS)],
    ).fetchall()
    for table, column, type_ in rows:
        found.setdefault(table, []).append((column, type_))
    return found


def empty_load() -> dict[str, Columns]:
    """The columns of what a hub without sources would publish."""
    con, control = connect(None), ControlStore("sqlite://")
    try:
        migrate(con)
        copy_control(con, control)
        copy_decisions(con, control)
        run(con, "match_key")
        settings = GoldenSettings((), overrides="steward.attribute_override")
        build_golden(con, settings, load_id="", live=None, now=datetime(1970, 1, 1))  # noqa: DTZ001
        for _, ddl in published_views(con):
            con.execute(ddl)
        published = {str(table) for table in (*JUDGED, *CARRIED)}
        views = {f"{schema}.{name}" for schema, name in con.execute("SELECT schema_name, view_name FROM duckdb_views()").fetchall()}
        return {table: columns for table, columns in columns_of(con).items() if table in published | views}
    finally:
        con.close()
        control.close()


def page() -> str:
    """The page in Markdown."""
    types = empty_load()
    docs = {str(doc): doc for doc in table_docs().values()}
    lines = [_HEAD]
    for schema, about in SCHEMAS.items():
        lines += [f"## {schema}", "", about, ""]
        for name in sorted(name for name in types if name.startswith(f"{schema}.")):
            lines += _table(docs[name], dict(types[name]))
    return "\n".join(lines).rstrip() + "\n"


def _table(doc: TableDoc, types: dict[str, str]) -> Iterator[str]:
    yield from (f"### {doc}", "", f"{doc.description}.", "", "| column | type | care | meaning |", "|---|---|---|---|")
    for column in doc.columns:
        meaning = column.description.replace("|", "\\|")
        mask = mask_of(str(doc), column)
        care = column.sensitivity if mask is None else f"{column.sensitivity} → {mask.shown}"
        yield f"| `{column.name}` | {types.get(column.name, '')} | {care} | {meaning} |"
    yield ""


if __name__ == "__main__":
    typer.echo(page(), nl=False)
