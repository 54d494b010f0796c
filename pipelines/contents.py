"""What a published load has: its tables with their keys, and the views and macros beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.golden import TABLES, VIEWS, as_of_macro, attributes
from hub.golden.build import sql as golden_sql
from warehouse.differences import PublishedTable
from warehouse.sql import statement

if TYPE_CHECKING:
    import duckdb

IDENTITY_TABLES: dict[str, tuple[str, ...]] = {
    "customer_registry": ("customer_id",),
    "customer_xref": ("record_key", "valid_from"),
    "match_edge": ("record_key_l", "record_key_r"),
    "match_decision": ("decision_id",),
    "match_key": ("record_key",),
    "merge_log": ("event_id",),
    "blocked_value": ("id_type", "value"),
    "model": ("model_version",),
    "term_frequency": ("term_type", "term"),
    "resolution_run": ("run_id",),
    "review_task": ("task_id",),
}
JUDGED: tuple[PublishedTable, ...] = (
    *(PublishedTable("golden", name, keys, stamped=True) for name, keys in TABLES.items()),
    *(PublishedTable("identity", name, keys) for name, keys in IDENTITY_TABLES.items()),
)


def published_views(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Schema and DDL of the views and macros that a published load has beside its tables."""
    return [
        *(("golden", golden_sql(view)) for view in VIEWS),
        ("golden", as_of_macro(attributes(con))),
        ("identity", statement("customer_redirect")),
    ]
