"""Landed parts for warehouse tests, written as the landing zone writes them, and one stream staged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.contract import Page, Record, Reject
from connectors.landing import PartInfo, PartWriter, StreamLanding
from warehouse.mapped import Block, SourcePlace
from warehouse.staging import Handlers, Staged, StreamToStage, stage_streams

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def record(id_: str, payload: dict[str, Any], *, at: datetime | None = T0, op: Any = "upsert") -> Record:
    return Record(id_, payload, at, op)


def land(
    root: Path,
    records: list[Record],
    *,
    source: str = "shop",
    stream: str = "orders",
    checkpoint: dict[str, Any] | None = None,
    rejects: list[Reject] | None = None,
    begins: bool | None = None,
    complete: bool = True,
    snapshot: bool = False,
) -> None:
    """Land one reading that goes on where the last one stopped."""
    landing = StreamLanding(root, source, stream)
    point = landing.resume_point()
    starts = point.checkpoint is None if begins is None else begins
    writer = PartWriter(
        landing,
        sync_run_id="run",
        follows=None if starts else point.checkpoint,
        seq=point.seq,
        begins=starts,
        owes_end=point.broken_off,
        snapshot=snapshot,
    )
    writer.add(Page(records, checkpoint or {"n": point.seq}, rejects or []))
    if complete:
        writer.finish()
    else:
        writer.flush()


def landed(root: Path, source: str = "shop", stream: str = "orders") -> list[tuple[Path, PartInfo]]:
    landing = StreamLanding(root, source, stream)
    return [(path, landing.info(path)) for path in landing.parts()]


def nothing_unfit(con: duckdb.DuckDBPyConnection, table: str, source: str, target: str) -> None:
    """A judge of candidate rows that turns none down."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {target} (row_no BIGINT, check_id VARCHAR, reason VARCHAR)")


def stage_stream(
    con: duckdb.DuckDBPyConnection, place: SourcePlace, stream: str, blocks: Sequence[Block], handlers: Handlers, *, now: datetime
) -> Staged | None:
    """Stage one stream alone; None if nothing arrived since the last time."""
    return stage_streams(con, [StreamToStage(place, stream, blocks)], handlers, now=now).get((place.name, stream))
