"""A backup without people who were erased since it was taken: fetched, not yet in place, so that nobody sees them in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import sqlalchemy as sa

from hub.identity.erased import prepare
from pipelines.context import Hub
from pipelines.load_history import note_anew
from pipelines.privacy import erased_list
from pipelines.privacy.control_rows import erase_noted
from pipelines.privacy.people import People, of_the_list
from pipelines.privacy.stores import Task, as_candidate, erase_loads, erase_working, remove_pages, sources_of
from warehouse import control_tables as t
from warehouse.backup import CONTROL, WAREHOUSE, Backup, Storage
from warehouse.connection import connect
from warehouse.control import ControlStore
from warehouse.migrations import migrate
from warehouse.privacy_tables import PRIVACY_SECRET, erased, privacy_request


def without_erased(hub: Hub, place: Storage, told: list[int]) -> Callable[[Path, Backup], None]:
    """What `warehouse.backup.restore` is to do with what it fetched; the number of records found is appended to `told`.

    Who was erased is known from the backup itself, from the hub that is here, and from what lies beside the backups.
    """

    def take_out(fetched: Path, backup: Backup) -> None:
        store = ControlStore(str(fetched / CONTROL))
        try:
            secret = _bring_along(hub, store, place)
            if secret is not None:
                told.append(_take_out(hub, store, fetched, backup, secret))
        finally:
            with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
                con.exec_driver_sql("PRAGMA journal_mode=DELETE")  # one file, as it was
            store.close()

    return take_out


def _bring_along(hub: Hub, store: ControlStore, place: Storage) -> bytes | None:
    """The secret by which the list is read; None where nobody is on it."""
    here = hub.control.rows(sa.select(t.setting.c.value).where(t.setting.c.name == PRIVACY_SECRET))
    secret = bytes.fromhex(here[0]["value"]) if here else None
    if not erased_list.bring_along(store, place, hub.control.rows(sa.select(erased)), secret):
        return None
    store.add(privacy_request, hub.control.rows(sa.select(privacy_request).where(privacy_request.c.kind == "erase")))
    return store.secret(PRIVACY_SECRET)


def _take_out(hub: Hub, store: ControlStore, fetched: Path, backup: Backup, secret: bytes) -> int:
    entries = erased_list.entries(store)
    working = fetched / WAREHOUSE
    loads = sorted((fetched / "published").glob("*.duckdb"))
    live = next((path for path in loads if path.stem == f"golden-{backup.live}"), None)
    limit = hub.config.warehouse.memory_limit
    con = connect(working, memory_limit=limit)
    try:
        migrate(con)
        people = _people(con, live, lambda: prepare(con, secret, entries))
    finally:
        con.close()
    if not people.facts:
        return 0
    task = Task(people, entries, secret, sources_of(hub), limit)
    erase_noted(store, people, actor="hub", automatic=True)
    erase_working(working, task)
    erase_loads(loads, live, task)
    remove_pages(fetched / "gate", people.texts)
    if live is not None and backup.live is not None:
        with as_candidate(working, live) as con:
            note_anew(con, store, backup.live)
    return len(people.records)


def _people(con: duckdb.DuckDBPyConnection, live: Path | None, ready: Callable[[], None]) -> People:
    ready()
    if live is None:
        return of_the_list(con, None)
    quoted = str(live).replace("'", "''")
    con.execute(f"ATTACH '{quoted}' AS live (READ_ONLY)")
    return of_the_list(con, "live")
