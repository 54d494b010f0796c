"""Taking people, and facts past a cut-off, out of every store of a hub that is in use. What is done already does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.context import Hub
from pipelines.load_history import note_anew
from pipelines.privacy import erased_list
from pipelines.privacy.control_rows import erase_noted
from pipelines.privacy.people import People
from pipelines.privacy.screening import screen
from pipelines.privacy.stores import Task, as_candidate, erase_loads, erase_working, remove_pages, sources_of
from pipelines.sharing import share_anew
from pipelines.targets import bring_up
from warehouse.connection import linking, settled, writer
from warehouse.privacy_tables import PRIVACY_SECRET
from warehouse.publish import kept_loads, live_load, load_file

if TYPE_CHECKING:
    from hub.identity.erased import Entry


def task_of(hub: Hub, people: People, entries: Sequence[Entry]) -> Task:
    """What the stores must know to take them out."""
    secret = hub.control.secret(PRIVACY_SECRET)
    return Task(people, entries, secret, sources_of(hub), hub.config.warehouse.memory_limit)


def take_out(hub: Hub, people: People, *, actor: str, automatic: bool) -> tuple[dict[str, int], list[str]]:
    """Take them out of the control store, landing, the working warehouse, kept and shared loads and targets; the live load last.

    The list of the erased has them already, so that no sync that runs meanwhile takes them in.

    Returns:
        Rows removed or emptied, by table, and the kept loads that had to go as a whole.

    Raises:
        WarehouseAccessError: a store cannot be written; all that was to be done can be done again.
    """
    settings = hub.config.warehouse
    task = task_of(hub, people, erased_list.entries(hub.control))
    if not people.facts and people.superseded_before is None:
        return {}, []
    if not people.facts:
        # older versions are in raw alone
        with settled(settings):
            return erase_working(settings.path, task), []
    noted = erase_noted(hub.control, people, actor=actor, automatic=automatic)
    counts = {f"control.{name}": rows for name, rows in noted.items()}
    _screen_landed(hub)
    with settled(settings):
        counts |= erase_working(settings.path, task)
    with linking(settings):
        live = live_load(settings)
        paths = [load_file(settings, load) for load in kept_loads(settings)]
        done, removed = erase_loads(paths, load_file(settings, live) if live else None, task)
        counts |= done
        share_anew(hub)
    if live is not None:
        with settled(settings), as_candidate(settings.path, load_file(settings, live)) as con:
            note_anew(con, hub.control, live)
    remove_pages(settings.path.parent / "gate", people.texts)
    for target in hub.config.publish:
        bring_up(hub, target.name)
    return counts, removed


def _screen_landed(hub: Hub) -> None:
    """What landed and waits was read before anybody was on the list."""
    with writer(hub.config.warehouse) as con:
        for name in hub.config.enabled():
            for stream in hub.config.connector(name).streams():
                screen(con, hub, name, stream.name, hub.landing(name, stream.name).parts())
