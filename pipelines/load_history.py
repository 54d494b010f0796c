"""The figures of loads over time: noted for each load that is judged, compared with those of the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from expectations.history import FigureKey, Figures, history_frames
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.build_state import Candidate
from warehouse.control import ControlStore
from warehouse.figures import Figure, load_figures
from warehouse.measure_doubled import Doubled

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_DOUBLED = "doubled"  # the measure of rows told twice; its column says what is the same of them


def compared_figures(con: duckdb.DuckDBPyConnection, hub: Hub, candidate: Candidate, doubled: Doubled) -> dict[str, pd.DataFrame]:
    """Note the candidate's figures, and give the frames that compare them with those of the published loads.

    Args:
        doubled: the candidate's rows told twice, for the next load to be compared with; see `doubled_before`.
    """
    figures = load_figures(con, load_id=candidate.load_id, run_id=candidate.load_id)
    kept = [Figure(table, source, same, _DOUBLED, rows) for (table, source, same), rows in doubled.items()]
    _note(hub.control, candidate.load_id, [*figures, *kept])
    past = published_loads(hub.control, hub.config.gate.history_loads)
    _forget(hub.control, [candidate.load_id, *past])
    known = noted_figures(hub.control, past)
    now = {FigureKey(*figure[:4]): figure.value for figure in figures}
    before = known.get(candidate.follows) if candidate.follows else None
    return history_frames(now, before, [known[load] for load in past if load in known])


def doubled_before(control: ControlStore, load_id: str | None) -> Doubled:
    """The rows told twice of a published load, as they were counted when it was judged; empty where that is not known any more."""
    figures = noted_figures(control, [load_id]).get(load_id, {}) if load_id else {}
    return {(key.table, key.source, key.column): int(rows) for key, rows in figures.items() if key.measure == _DOUBLED}


def note_anew(con: duckdb.DuckDBPyConnection, control: ControlStore, load_id: str) -> None:
    """Note the figures of the live load anew, which lost people who were erased: the next load is compared with what is left.

    Older loads lose theirs, since what was counted in them cannot be told any more.

    Args:
        con: the working warehouse, with the golden and identity tables of the live load.
    """
    _forget(control, [])
    _note(control, load_id, load_figures(con, load_id=load_id, run_id=load_id))


def _note(control: ControlStore, load_id: str, figures: Sequence[Figure]) -> None:
    control.put(
        t.load_figure,
        [
            {
                "load_id": load_id,
                "table_name": figure.table,
                "source_system": figure.source,
                "column_name": figure.column,
                "measure": figure.measure,
                "value": figure.value,
            }
            for figure in figures
        ],
    )


def published_loads(control: ControlStore, limit: int) -> list[str]:
    """The last published loads, the newest first."""
    batch = t.load_batch.c
    rows = control.rows(
        sa.select(batch.load_id)
        .where(batch.status == "published")
        .order_by(batch.ended_at.desc(), batch.load_id.desc())
        .limit(limit)
    )
    return [row["load_id"] for row in rows]


def noted_figures(control: ControlStore, loads: Sequence[str]) -> dict[str, Figures]:
    """The figures of loads, those that have any."""
    found: dict[str, dict[FigureKey, float]] = {}
    for row in control.rows(sa.select(t.load_figure).where(t.load_figure.c.load_id.in_(loads))):
        key = FigureKey(row["table_name"], row["source_system"], row["column_name"], row["measure"])
        found.setdefault(row["load_id"], {})[key] = row["value"]
    return dict(found)


def _forget(control: ControlStore, kept: Sequence[str]) -> None:
    """Figures of loads that were held, or are too old to be compared with."""
    control.run(sa.delete(t.load_figure).where(t.load_figure.c.load_id.not_in(kept)))


def backfilled_rows(control: ControlStore, since: datetime | None) -> Mapping[str, int]:
    """Rows that backfills have brought, per source, since a time (None: ever)."""
    run = t.sync_run.c
    query = sa.select(run.source_system, sa.func.sum(run.rows_inserted).label("n")).where(run.mode == "backfill")
    if since is not None:
        query = query.where(run.ended_at >= since)
    return {row["source_system"]: int(row["n"]) for row in control.rows(query.group_by(run.source_system))}
