"""Measures the candidate for the gate: counts, sums and shares in SQL, one frame per thing; what is good enough is not known here.

Frames are named and shaped as the gate takes them (`expectations.frames`). `live` is the attached published load, None before the
first; "before" is what it holds. Money travels as text, so that no float touches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pandas as pd

from hub.contract.columns import FACTS, MONEY
from hub.contract.tables import StagingTable
from warehouse.measure_changes import measure_changes
from warehouse.measure_doubled import Doubled
from warehouse.measure_keys import Grown, distinct_keys
from warehouse.raw import table_name
from warehouse.sql import statement

# the day a fact is counted on; an order line has its order's, a campaign and its parts have none
MAIN_TIME = {table.name: c.name for table in FACTS for c in table.columns if c.required and c.type in ("time", "date")}
OWNED = tuple(table.name for table in FACTS if table.column("party_id"))
# fact -> what it may name besides its party: (column in staging, column in golden)
NAMED = {
    "order_line": (("order_id", "order_key"),),
    "payment": (("invoice_id", "invoice_key"),),
    "refund": (("order_id", "order_key"), ("invoice_id", "invoice_key"), ("payment_id", "payment_key")),
}
FILLED = ("email", "phone_e164", "full_name", "address_line1", "country_code")
_EXAMPLES = 20


@dataclass(frozen=True)
class Scope:
    """What is measured.

    Attributes:
        keys: golden tables and their key columns.
        streams: source and stream of every enabled source.
        live: catalog of the attached published load, or None.
        since: when the published load began to be built; rows that came later are new in this one.
        max_cluster_size: the identity settings' own limit.
        backfilled: per source, the rows that backfills have brought since the published load.
        replaced: per golden table, how many published rows the load changed or removed, where it left the others alone and each of
            them had a key of its own; None where that is not known.
        doubled_before: what `doubled` told of the published load, where it is kept.
    """

    keys: Mapping[str, tuple[str, ...]]
    streams: Sequence[tuple[str, str]]
    live: str | None
    since: datetime | None
    max_cluster_size: int
    backfilled: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] | None = None
    doubled_before: Doubled = field(default_factory=dict)


def measure(con: duckdb.DuckDBPyConnection, scope: Scope, *, run_id: str, now: datetime) -> dict[str, pd.DataFrame]:
    """The frames the gate judges, except those that take the control store: `freshness`, and the comparison of figures."""
    published = _published(con, scope.live)
    return {
        **measure_changes(con, scope.keys, scope.live, run_id, doubled_before=scope.doubled_before),
        "uniqueness": distinct_keys(con, scope.keys, _grown(scope, run_id)),
        "crosswalk": con.execute(statement("measure_crosswalk")).df(),
        "references": _references(con, scope, published),
        "named": _union(con, [_named(table, *columns) for table, pairs in NAMED.items() for columns in pairs]),
        "reconciliation": _union(con, [part for table in FACTS for part in _reconciliation(table)]),
        "conservation": _conservation(con, scope),
        "volume": _volume(con, scope, published),
        "completeness": _completeness(con, scope, published),
        "identity": _identity(con, scope, run_id, published),
        "quarantine": _quarantine(con, scope),
        "shared_mailbox": con.execute(statement("measure_shared_mailbox")).df(),
        "unconverted": con.execute(statement("measure_unconverted")).df(),
        "future_dates": _union(
            con, [_future(table, column) for table, column in MAIN_TIME.items()], {"ahead": now + timedelta(days=2)}
        ),
    }


def _grown(scope: Scope, load_id: str) -> Grown | None:
    if scope.live is None or scope.replaced is None:
        return None
    return Grown(scope.live, load_id, scope.replaced)


def _union(con: duckdb.DuckDBPyConnection, selects: Sequence[str], parameters: Mapping[str, object] | None = None) -> pd.DataFrame:
    return con.execute(" UNION ALL ".join(selects), dict(parameters or {})).df()


def _published(con: duckdb.DuckDBPyConnection, live: str | None) -> frozenset[str]:
    """The tables of the published load, as ``schema.name``; none before the first."""
    rows = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [live]).fetchall()
    return frozenset(name for (name,) in rows)


def _references(con: duckdb.DuckDBPyConnection, scope: Scope, published: frozenset[str]) -> pd.DataFrame:
    """Facts without a customer, now and before, and those whose customer is not there."""
    facts, before = [], ['SELECT NULL AS "table", NULL AS source_system, 0 AS facts_before, 0 AS unresolved_before WHERE false']
    for table in OWNED:
        owner = f"'{table}' AS \"table\", source_system, customer_id"
        facts.append(f"SELECT {owner}, {scope.keys[table][0]} AS key FROM golden.{table}")
        if f"golden.{table}" in published:
            before.append(
                f"SELECT '{table}', source_system, count(*), count(*) FILTER (customer_id IS NULL)"
                f" FROM {scope.live}.golden.{table} GROUP BY source_system"
            )
    parts = {"{facts}": " UNION ALL ".join(facts), "{before}": " UNION ALL ".join(before)}
    query = statement("measure_references")
    for name, text in parts.items():
        query = query.replace(name, text)
    return con.execute(query).df()


def _named(table: str, column: str, key_column: str) -> str:
    """Per source, the facts that name another fact, and those among them whose other fact is not there."""
    key = next(t.key for t in FACTS if t.name == table)
    return (
        f"SELECT '{table}' AS \"table\", source_system, '{column}' AS \"column\", naming, coalesce(n, 0) AS unknown,"
        " keys AS reference_named_examples"
        f" FROM (SELECT source_system, count({column}) AS naming FROM staging.{table} GROUP BY source_system)"
        f" LEFT JOIN (SELECT f.source_system, count(*) AS n, list(f.{key} ORDER BY f.{key})[1:{_EXAMPLES}] AS keys"
        f" FROM staging.{table} f JOIN golden.{table} g USING ({key})"
        f" WHERE g.{key_column} IS NULL AND f.{column} IS NOT NULL GROUP BY f.source_system) USING (source_system)"
    )


def _reconciliation(table: StagingTable) -> list[str]:
    """Rows, and money per currency: staging on one side, golden on the other, whichever of them has the source or currency."""

    def side(schema: str, group: str, values: str) -> str:
        return f"(SELECT source_system, {group} AS currency, {values} FROM {schema}.{table.name} GROUP BY ALL)"

    def both(group: str, values: str, told: str) -> str:
        return (
            f"SELECT source_system, {told} FROM {side('staging', group, values)} s"
            f" FULL JOIN {side('golden', group, values)} g USING (source_system, currency)"
        )

    def compared(name: str) -> str:
        return f"coalesce(s.{name}, 0)::VARCHAR AS source_value, coalesce(g.{name}, 0)::VARCHAR AS golden_value"

    # an empty currency is no currency; NULL would not meet itself in a join
    rows = both("''", "count(*) AS n", f"'{table.name}.rows' AS measure, NULL::VARCHAR AS currency, {compared('n')}")
    columns = MONEY[table.name]
    if not columns:
        return [rows]
    measures = ", ".join(f"{{measure: '{table.name}.{column}', s: s.{column}, g: g.{column}}}" for column in columns)
    sums = both(
        "coalesce(currency, '?')",
        ", ".join(f"sum({column}) AS {column}" for column in columns),
        f"currency, unnest([{measures}]) AS m",
    )
    told = "coalesce(m.s, 0)::VARCHAR AS source_value, coalesce(m.g, 0)::VARCHAR AS golden_value"
    return [rows, f"SELECT source_system, m.measure AS measure, currency, {told} FROM ({sums})"]


def _conservation(con: duckdb.DuckDBPyConnection, scope: Scope) -> pd.DataFrame:
    """What the loads counted as coming in, against what the raw tables hold."""
    known = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()}
    streams = [(source, stream) for source, stream in scope.streams if f"{source}__{stream}" in known]
    parts = [
        f"""SELECT $source_{n} AS source_system, $stream_{n} AS stream,
              (SELECT coalesce(sum(rows_extracted), 0) FROM ops.raw_load
               WHERE source_system = $source_{n} AND stream = $stream_{n}) AS rows_in,
              loaded,
              (SELECT coalesce(sum(rows_unchanged), 0) FROM ops.raw_load
               WHERE source_system = $source_{n} AND stream = $stream_{n}) AS unchanged,
              deleted,
              (SELECT count(*) FROM raw.reject WHERE source_system = $source_{n} AND stream = $stream_{n}) AS quarantined
            FROM (SELECT count(*) FILTER (op <> 'delete') AS loaded, count(*) FILTER (op = 'delete') AS deleted
                  FROM {table_name(source, stream)})"""
        for n, (source, stream) in enumerate(streams)
    ]
    names = {f"{kind}_{n}": value for n, pair in enumerate(streams) for kind, value in zip(("source", "stream"), pair, strict=True)}
    columns = ["source_system", "stream", "rows_in", "loaded", "unchanged", "deleted", "quarantined"]
    return _union(con, parts, names) if parts else pd.DataFrame(columns=columns)


def _volume(con: duckdb.DuckDBPyConnection, scope: Scope, published: frozenset[str]) -> pd.DataFrame:
    sources = tuple(dict.fromkeys(source for source, _ in scope.streams))
    parts = []
    for table in FACTS:
        parts.append(_compared(scope, published, "golden", table.name, "true", table.name))
    parts.append(_compared(scope, published, "identity", "customer_xref", "is_current", "party_record"))
    frame = _union(con, parts)
    frame["backfilled"] = frame["source_system"].map(lambda source: scope.backfilled.get(source, 0))
    return frame[frame["source_system"].isin(sources)].reset_index(drop=True)


def _compared(scope: Scope, published: frozenset[str], schema: str, table: str, where: str, label: str) -> str:
    def counted(relation: str) -> str:
        return f"(SELECT source_system, count(*) AS n FROM {relation} WHERE {where} GROUP BY source_system)"

    if f"{schema}.{table}" not in published:
        now = counted(f"{schema}.{table}")
        return f"SELECT '{label}' AS \"table\", source_system, n AS rows, NULL::BIGINT AS rows_before FROM {now}"
    return (
        f"SELECT '{label}' AS \"table\", source_system, coalesce(a.n, 0) AS rows, b.n AS rows_before"
        f" FROM {counted(f'{schema}.{table}')} a FULL JOIN {counted(f'{scope.live}.{schema}.{table}')} b USING (source_system)"
    )


def _completeness(con: duckdb.DuckDBPyConnection, scope: Scope, published: frozenset[str]) -> pd.DataFrame:
    def counted(relation: str) -> dict[str, int]:
        counts = ", ".join(f"count({column})" for column in (*FILLED, "*"))
        found = con.execute(f"SELECT {counts} FROM {relation} WHERE status = 'active'").fetchall()[0]
        return dict(zip((*FILLED, "*"), found, strict=True))

    now = counted("golden.customer")
    before = counted(f"{scope.live}.golden.customer") if "golden.customer" in published else {}
    rows = [(column, now[column], before.get(column), now["*"], before.get("*")) for column in FILLED]
    return pd.DataFrame(rows, columns=["column", "filled", "filled_before", "rows", "rows_before"], dtype=object)


def _identity(con: duckdb.DuckDBPyConnection, scope: Scope, run_id: str, published: frozenset[str]) -> pd.DataFrame:
    limit = scope.max_cluster_size
    found = con.execute("SELECT largest_cluster FROM identity.resolution_run WHERE run_id = ?", [run_id]).fetchall()
    largest = found[0][0] if found else None
    if "identity.customer_xref" in published:
        frame = con.execute(statement("measure_identity").replace("{live}", str(scope.live))).df()
    else:
        names = ("records_compared", "records_changed", "customers_before", "merged_ids")
        frame = pd.DataFrame([dict.fromkeys(names)], dtype=object)
    too_large = None
    if largest is not None and largest > limit:
        too_large = con.execute(statement("measure_too_large"), {"limit": limit}).fetchall()[0][0]
    told = pd.DataFrame({"largest_cluster": [largest], "max_cluster_size": [limit], "cluster_size_examples": [too_large]})
    return frame.join(told)


def _quarantine(con: duckdb.DuckDBPyConnection, scope: Scope) -> pd.DataFrame:
    """Rows that came in since the published load began to be built, and how many of them were turned down."""
    return con.execute(
        """SELECT source_system,
             (SELECT coalesce(sum(rows_extracted), 0) FROM ops.raw_load l
              WHERE l.source_system = s.source_system AND l.loaded_at >= $since AND l.mode <> 'erasure') AS rows_in,
             (SELECT count(DISTINCT (stream, source_record_id)) FROM staging.rejected r
              WHERE r.source_system = s.source_system AND r.rejected_at > $since)
             + (SELECT coalesce(sum(rows_quarantined), 0) FROM ops.raw_load l
                WHERE l.source_system = s.source_system AND l.loaded_at >= $since) AS quarantined,
             (SELECT list(k ORDER BY k)[1:20] FROM (SELECT DISTINCT stream || ':' || source_record_id AS k FROM staging.rejected r
              WHERE r.source_system = s.source_system AND r.rejected_at > $since)) AS quarantine_share_examples
           FROM (SELECT DISTINCT source_system FROM ops.raw_load WHERE source_system IN (SELECT unnest($sources))) s""",
        {"since": scope.since or datetime(1970, 1, 1), "sources": sorted({source for source, _ in scope.streams})},  # noqa: DTZ001
    ).df()


def _future(table: str, column: str) -> str:
    return f"SELECT '{table}' AS \"table\", count(*) AS rows, count(*) FILTER ({column} > $ahead) AS in_future FROM golden.{table}"
