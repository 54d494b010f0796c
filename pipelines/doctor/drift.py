"""Checks of what happened between raw and golden: nothing got lost on the way, and what is published is of what came."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import sqlalchemy as sa

from hub.contract.errors import HubError
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from warehouse import control_tables as t
from warehouse.comparing import differing_facts, newest_unstaged, unplaced, unstaged
from warehouse.publish import live_attached, live_load


def drift(look: Look) -> Iterator[Finding]:
    """Raw against staging; staging against the published load, where that is what staging was last built into."""
    con = look.working
    if con is None:
        return
    yield from _staged(look, con)
    live = live_load(look.hub.config.warehouse)
    candidate = con.execute("SELECT load_id FROM ops.candidate").fetchall()
    if live is None or not look.hub.config.warehouse.golden.exists():
        return
    if candidate != [(live,)]:
        yield _behind(look, live)
        return
    yield from _published(look, con, live)


def _staged(look: Look, con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    came, fine = [], True
    for source, streams in look.streams.items():
        there = [stream for stream in sorted(streams or ()) if _has(con, source, stream)]
        came += [f"{source}/{stream}" for stream in there if newest_unstaged(con, source, stream)]
        for stream in there:
            lost = _lost(look, con, source, stream)
            if lost:
                fine = False
                what = f"{lost:,} records are in raw and neither staged nor in quarantine"
                yield Finding("staged", "error", what, f"{source}/{stream}", _stage_again(look, source, stream))
    if came:
        more = f" and {len(came) - 3} more" if came[3:] else ""
        yield Finding("load_age", "warning", "raw has what no load was built from yet", ", ".join(came[:3]) + more, "hub sync")
    if fine:
        yield Finding("staged", "ok", "every record in raw is staged or in quarantine", str(look.hub.config.warehouse.path))


def _has(con: duckdb.DuckDBPyConnection, source: str, stream: str) -> bool:
    query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = ?"
    return bool(con.execute(query, [f"{source}__{stream}"]).fetchall()[0][0])


def _lost(look: Look, con: duckdb.DuckDBPyConnection, source: str, stream: str) -> int:
    try:
        connector = look.hub.config.connector(source)
        blocks = [block for block in look.hub.mapping(connector) if block.stream == stream]
        return unstaged(con, look.hub.place(connector), stream, blocks)
    except (HubError, duckdb.Error):
        return 0  # a mapping that does not run is said by the build, with its reason


def _stage_again(look: Look, source: str, stream: str) -> str:
    sql = f"DELETE FROM ops.staging_state WHERE source_system = '{source}' AND stream = '{stream}'"
    forget = f"duckdb.connect('{look.hub.config.warehouse.path}').execute(\\\"{sql}\\\")"
    return f'python -c "import duckdb; {forget}" && hub sync --full'


def _behind(look: Look, live: str) -> Finding:
    """A load was begun after the live one: held, withheld, given up, or the live one is one that somebody went back to."""
    last = look.control.last_load() if look.control is not None else None
    if last is not None and last["load_id"] > live and last["status"] == "held":
        return Finding("load_age", "warning", f"the gate holds the newer load {last['load_id']}", f"load {live}", "hub gate show")
    pins = sa.select(t.load_pin).where(t.load_pin.c.released_at.is_(None))
    if look.control is not None and look.control.rows(pins):
        return Finding("load_age", "warning", "is pinned; newer loads are not published", f"load {live}", "hub rollback --release")
    return Finding("load_age", "warning", "a newer load was begun and not ended", f"load {live}", "hub sync")


def _published(look: Look, con: duckdb.DuckDBPyConnection, live: str) -> Iterator[Finding]:
    fine = True
    try:
        with live_attached(con, look.hub.config.warehouse) as catalog:
            parties, facts = unplaced(con, str(catalog)), differing_facts(con, str(catalog))
    except (HubError, duckdb.Error):
        return  # the check of the link says why
    for source, lacking, stray in parties:
        fine = False
        what = f"{lacking:,} of its records have no customer, {stray:,} in the crosswalk are not among its records"
        yield Finding("crosswalk", "error", what, f"{source} in load {live}", "hub rollback, or hub restore --replace")
    for fact, source, staged, shown in facts:
        fine = False
        what = f"{staged:,} rows are staged, {shown:,} are published"
        yield Finding("facts", "error", what, f"golden.{fact} of {source} in load {live}", "hub sync --full")
    if fine:
        yield Finding("facts", "ok", "every staged party has a customer, every fact is published", f"load {live}")
