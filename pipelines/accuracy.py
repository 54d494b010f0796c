"""Measures the published crosswalk and its blocking against a truth file. The measures themselves are the identity wing's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from hub.contract.errors import ConfigError
from hub.identity import BlockingAnalysis, analyse_blocking, evaluate
from pipelines.context import Hub
from warehouse.connection import published

_NEEDED = ("source_system", "source_record_id", "entity_id")


def evaluate_truth(hub: Hub, truth: Path) -> dict[str, Any]:
    """Pairwise and B-cubed accuracy of the published load; ``elsewhere`` counts the truth's records of sources not in hub.yaml.

    Raises:
        ConfigError: the file cannot be read or lacks a column.
    """
    with published(hub.config.warehouse) as con:
        _read_truth(con, truth)
        elsewhere = _set_aside(con, tuple(hub.config.sources))
        found = evaluate(con, "(SELECT * FROM identity.customer_xref WHERE is_current)", "truth")
    rates = ("precision", "recall", "f1", "bcubed_f1")
    return asdict(found) | {"elsewhere": elsewhere} | {name: getattr(found, name) for name in rates}


def analyse(hub: Hub, truth: Path | None) -> BlockingAnalysis:
    """What blocking costs on the published load and, given a truth, what it finds; with the settings of hub.yaml today.

    Raises:
        ConfigError: the file cannot be read or lacks a column.
    """
    with published(hub.config.warehouse) as con:
        if truth is not None:
            _read_truth(con, truth)
            _set_aside(con, tuple(hub.config.sources))
        return analyse_blocking(con, "identity", hub.config.identity, truth=None if truth is None else "truth")


def _set_aside(con: duckdb.DuckDBPyConnection, sources: tuple[str, ...]) -> int:
    """Leave out what the truth says of sources that this hub does not have; how many records that were."""
    gone = con.execute("DELETE FROM truth WHERE NOT list_contains($sources, source_system)", {"sources": list(sources)}).fetchall()
    return int(gone[0][0])


def _read_truth(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    reader = "read_parquet($path)" if truth.suffix == ".parquet" else "read_csv($path, all_varchar = true, header = true)"
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE truth AS FROM {reader}", {"path": str(truth)})
    except duckdb.Error as error:
        raise ConfigError(
            f"cannot read {truth} ({str(error).splitlines()[0]})", field="--truth", remedy="give a CSV or Parquet file"
        ) from error
    columns = {row[0] for row in con.execute("DESCRIBE truth").fetchall()}
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise ConfigError(f"{truth} lacks column {missing[0]}", field="--truth", remedy=f"it needs {', '.join(_NEEDED)}")
