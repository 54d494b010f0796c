"""Checks of the published loads: where the link leads, whether that load may be seen, and whether files and control store agree."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import sqlalchemy as sa

from hub.contract.errors import HubError
from pipelines.doctor.finding import Finding
from pipelines.doctor.look import Look
from warehouse import control_tables as t
from warehouse.connection import connect
from warehouse.publish import kept_loads, live_load, load_file
from warehouse.sharing import shared_load


def loads(look: Look) -> Iterator[Finding]:
    """The link, the verdict on the load it leads to, and the files beside it."""
    yield from _link(look)
    yield from _shared(look)
    yield from _known(look)


def _shared(look: Look) -> Iterator[Finding]:
    """What analysts who are to know no person see is of the same load."""
    settings = look.hub.config.warehouse
    live, shows = live_load(settings), shared_load(settings)
    if settings.shared is None or live is None:
        return
    place = str(settings.shared)
    if shows != live or not settings.shared.exists():
        what = f"shows load {shows}, and load {live} is the published one" if shows else "nothing is shared yet"
        yield Finding("shared", "warning", what, place, "hub sync")
    else:
        yield Finding("shared", "ok", "shows the published load without personal data", place)


def _link(look: Look) -> Iterator[Finding]:
    settings = look.hub.config.warehouse
    place, live, kept = str(settings.golden), live_load(settings), kept_loads(settings)
    others = [load for load in kept if load != live]
    again = (
        f"ln -sfn {load_file(settings, others[-1]).relative_to(settings.golden.parent)} {settings.golden}, or hub restore --replace"
        if others
        else "hub restore --replace"
    )
    if live is None:
        if settings.golden.exists():
            yield Finding(
                "link",
                "error",
                "is a file, not a link to a load; nothing can be published over it",
                place,
                f"mv {place} {place}.aside",
            )
        elif kept:
            what = "the link is gone; the next sync would give every customer a new ID"
            yield Finding("link", "error", what, place, again)
        else:
            yield Finding("link", "ok", "nothing is published yet", place)
        return
    if live not in kept:
        yield Finding("link", "error", f"leads to load {live}, whose file is gone", place, again)
        return
    try:
        con = connect(settings.golden.resolve(), read_only=True)
    except HubError as error:
        yield Finding("link", "error", f"leads to load {live}, which cannot be read ({error.what})", place, again)
        return
    try:
        customers = con.execute("SELECT count(*) FROM golden.customer").fetchall()[0][0]
        storage = con.execute("SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").fetchall()[0][0]
        decided = con.execute("SELECT decision FROM quality.gate_decision WHERE load_id = ?", [live]).fetchall()
        overridden = con.execute("SELECT count(*) FROM quality.gate_override WHERE load_id = ?", [live]).fetchall()[0][0]
    except duckdb.Error as error:
        yield Finding("link", "error", f"leads to load {live}, which lacks a table ({type(error).__name__})", place, again)
        return
    finally:
        con.close()
    yield Finding("link", "ok", f"leads to load {live}, {customers:,} customers", place)
    yield Finding("duckdb", "ok", f"written as DuckDB {storage}, read by {duckdb.__version__}", place)
    if decided == [("pass",)] or overridden:
        yield Finding("verdict", "ok", "passed the gate" if not overridden else "was published on somebody's word", f"load {live}")
    else:
        what = "the gate did not let it pass" if decided else "has no verdict of the gate"
        yield Finding("verdict", "error", what, f"load {live}", "hub rollback")


def _known(look: Look) -> Iterator[Finding]:
    """Files that the control store does not know, and loads it knows whose files are gone out of turn."""
    if look.control is None:
        return
    settings = look.hub.config.warehouse
    kept, live, fine = kept_loads(settings), live_load(settings), True
    row = t.load_batch.c
    status = {found["load_id"]: found["status"] for found in look.control.rows(sa.select(row.load_id, row.status))}
    for load in kept:
        if status.get(load) == "published":
            continue
        fine = False
        file = load_file(settings, load)
        if load == live:
            what = f"load {load} is live and the control store does not know it as published"
            yield Finding("loads_known", "warning", what, str(file), "hub sync")
        else:
            what = f"load {load} is kept and the control store does not know it as published"
            yield Finding("loads_known", "warning", what, str(file), f"rm {file}")
    # files go the oldest first, so one that is gone while an older one is there was not removed by us
    for load in sorted(
        load for load, said in status.items() if said == "published" and load not in kept and kept and load > kept[0]
    ):
        if load == live:
            continue  # the link says it
        fine, place = False, str(load_file(settings, load))
        what = f"load {load} was published and its file is gone; hub rollback cannot go there"
        yield Finding("loads_kept", "warning", what, place, "put the file back from a backup, or leave it: analysts do not see it")
    if fine:
        yield Finding(
            "loads_known", "ok", f"{len(kept)} kept loads are those that the control store knows", str(settings.published)
        )
