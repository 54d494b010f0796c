"""Makes golden tables from SELECTs and gives each row its load_id: that of the load which last changed it.

A table is made whole, or only the rows that a day touched are made anew and exchanged; both leave the same rows. Which rows those
are is said by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from hub.golden.text import over

_LINES_ALONE = re.compile(r"^\s*--.*$", re.MULTILINE)  # comments; those of the next statement may stand behind a text's end
_MAKES = re.compile(r"^CREATE OR REPLACE TABLE golden\.(\w+) AS\s", re.MULTILINE)


@dataclass(frozen=True)
class Maker:
    """What makes the golden tables of one load.

    Attributes:
        keys: of each table, the columns that tell its rows apart.
        live: catalog of the attached published load, None before the first.
        partly: the golden tables hold the published load's rows, and only touched ones are made anew.
    """

    con: duckdb.DuckDBPyConnection
    keys: Mapping[str, tuple[str, ...]]
    load_id: str
    live: str | None
    partly: bool = False

    def run(
        self, script: str, *, reads: Mapping[str, str] | None = None, scopes: Mapping[str, str] | None = None, **values: Any
    ) -> None:
        """Run a script; its ``CREATE OR REPLACE TABLE golden.x AS`` make tables.

        Args:
            reads: what its names lead to where only touched rows are made; see `over`.
            scopes: of a table, the relation that holds the keys of its touched rows; of one that is not named, all rows are.
            values: parameters.
        """
        for statement in self.con.extract_statements(script):
            text, table = statement.query, _MAKES.search(statement.query)
            named = {name: values[name] for name in statement.named_parameters}
            body = _LINES_ALONE.sub("", text[table.end() :]).rstrip().rstrip(";") if table else text
            if self.partly:
                body = over(body, reads or {})
            if table:
                self.make(table[1], body, scope=(scopes or {}).get(table[1]), values=named)
            else:
                self.con.execute(body, named)

    def make(self, table: str, select: str, *, scope: str | None = None, values: Mapping[str, Any] | None = None) -> None:
        """Make a table, or exchange those of its rows whose keys are in `scope` for what `select` gives."""
        if self.partly:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE made AS {select}", dict(values or {}))
            self.exchange(table, "made", scope)
            self.con.execute("DROP TABLE made")
        else:
            stamped = self.stamped(table, select, values)
            self.con.execute(f"CREATE OR REPLACE TABLE golden.{table} AS {stamped}", dict(values or {}))

    def stamped(self, table: str, select: str, values: Mapping[str, Any] | None = None) -> str:
        """SELECT of the rows of `select` with their load_id: the published one where the published row is equal."""
        columns = [row[0] for row in self.con.execute(f"DESCRIBE {select}", dict(values or {})).fetchall()]
        if self.live is None or columns_of(self.con, self.live, table) != [*columns, "load_id"]:
            return f"SELECT n.*, '{self.load_id}' AS load_id FROM ({select}) AS n"
        return (
            f"SELECT n.*, coalesce(l.load_id, '{self.load_id}') AS load_id FROM ({select}) AS n"
            f" LEFT JOIN {self.live}.golden.{table} AS l ON {self._equal(table, columns)}"
        )

    def exchange(self, table: str, made: str, scope: str | None) -> None:
        """Exchange rows of a table; those that differ are kept in ``old_<table>`` as they were, in ``new_<table>`` as they are."""
        columns = [row[0] for row in self.con.execute(f"DESCRIBE {made}").fetchall()]
        within = ""
        if scope:
            keys = [row[0] for row in self.con.execute(f"DESCRIBE {scope}").fetchall()]
            # a scan leaves out rows by their numbers before it reads the other columns, by keys of text only after
            self.con.execute(
                f"CREATE OR REPLACE TEMP TABLE place AS SELECT rowid AS row_no FROM golden.{table} SEMI JOIN {scope}"
                f" USING ({', '.join(keys)})"
            )
            within = " WHERE rowid IN (FROM place)"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE known AS SELECT rowid AS row_no, * FROM golden.{table}{within}")
        equal = self._equal(table, columns)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE new_{table} AS SELECT n.* FROM {made} AS n ANTI JOIN known AS l ON {equal}")
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE old_{table} AS SELECT l.* FROM known AS l ANTI JOIN {made} AS n ON {equal}")
        self.con.execute("DROP TABLE known")
        self.con.execute(f"DELETE FROM golden.{table} WHERE rowid IN (SELECT row_no FROM old_{table})")
        self.con.execute(f"INSERT INTO golden.{table} SELECT *, ? FROM new_{table}", [self.load_id])

    def _equal(self, table: str, columns: list[str]) -> str:
        keys = self.keys[table]
        others = [f"n.{column} IS NOT DISTINCT FROM l.{column}" for column in columns if column not in keys]
        return " AND ".join([f"n.{key} = l.{key}" for key in keys] + others)


def columns_of(con: duckdb.DuckDBPyConnection, catalog: str, table: str) -> list[str]:
    """The columns of a golden table, in order; none where there is no such table."""
    try:
        return [row[0] for row in con.execute(f"DESCRIBE {catalog}.golden.{table}").fetchall()]
    except duckdb.CatalogException:
        return []
