"""What the checks look at, opened once and only to be read.

What cannot be opened is a finding, and the checks that need it rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from hub.contract.errors import HubError, WarehouseAccessError, WarehouseBusyError
from pipelines.context import Hub
from pipelines.doctor.finding import Finding
from warehouse.connection import connect, restore_marker
from warehouse.control import ControlStore
from warehouse.locks import holder
from warehouse.migrations import VERSION, version_of


@dataclass
class Look:
    """One look at a hub.

    Attributes:
        control: the control store, None if it cannot be read or an older version made it.
        working: the working warehouse, None if it cannot be read now or is of another version.
        streams: the streams of each source in hub.yaml; None for one whose settings do not say.
        found: what opening them showed.
    """

    hub: Hub
    control: ControlStore | None = None
    working: duckdb.DuckDBPyConnection | None = None
    streams: dict[str, frozenset[str] | None] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)


@contextmanager
def looking(hub: Hub) -> Iterator[Look]:
    """Open what can be opened."""
    look = Look(hub, streams={source: _streams(hub, source) for source in hub.config.sources})
    look.control = _control(look)
    look.working = _working(look)
    try:
        yield look
    finally:
        if look.working is not None:
            look.working.close()
        if look.control is not None:
            look.control.close()


def _streams(hub: Hub, source: str) -> frozenset[str] | None:
    try:
        return frozenset(stream.name for stream in hub.config.connector(source).streams())
    except HubError:
        return None


def _control(look: Look) -> ControlStore | None:
    where = look.hub.config.warehouse.control
    place = where if "://" not in where else "the control store of warehouse.control"
    if "://" not in where and not Path(where).exists():
        begun = look.hub.config.warehouse.path.exists() or look.hub.config.warehouse.golden.is_symlink()
        lost = "is not there: decisions, quarantine and the history of loads are lost with it"
        look.found.append(
            Finding("control_store", "error", lost, place, "hub restore --replace, or put the file back")
            if begun
            else Finding("control_store", "ok", "is not there yet; the first command makes it", place)
        )
        return None
    store = ControlStore(where, prepare=False)
    try:
        missing = store.missing()
    except WarehouseAccessError as error:
        store.close()
        look.found.append(Finding("control_store", "error", error.what, place, error.remedy))
        return None
    if missing:
        store.close()
        older = f"was made by an older version and lacks {', '.join(missing[:3])}{' and more' if missing[3:] else ''}"
        look.found.append(Finding("control_store", "warning", older, place, "hub status"))
        return None
    look.found.append(Finding("control_store", "ok", "has all tables of this version", place))
    return store


def _working(look: Look) -> duckdb.DuckDBPyConnection | None:
    settings = look.hub.config.warehouse
    place, marker = str(settings.path), restore_marker(settings)
    if marker.exists():
        again = f"hub restore [WHERE] --backup {marker.read_text()}, from where it was restored before"
        look.found.append(Finding("restore", "error", "a restore was cut off; syncs refuse to start", str(marker), again))
        return None
    if not settings.path.exists():
        look.found.append(
            Finding("warehouse", "error", "the working warehouse is gone; the next sync reads everything again", place, "hub sync")
            if settings.golden.is_symlink()
            else Finding("warehouse", "ok", "nothing was synced yet", place, "hub sync")
        )
        return None
    try:
        con = connect(settings.path, read_only=True)
    except WarehouseBusyError as error:
        by = holder(settings.path, "lock")
        look.found.append(
            Finding("warehouse", "ok", f"is being written by {by.name}; looked at what is published", place)
            if by is not None
            else Finding(
                "warehouse", "warning", f"{error.what}, which is no sync; looked at what is published", place, error.remedy
            )
        )
        return None
    except WarehouseAccessError as error:
        look.found.append(
            Finding("warehouse", "error", error.what, place, f"{error.remedy}; if it is damaged: hub restore --replace")
        )
        return None
    version = version_of(con)
    if version == VERSION:
        look.found.append(Finding("warehouse", "ok", f"can be read; schema version {version}", place))
        return con
    con.close()
    look.found.append(
        Finding(
            "warehouse", "error", f"has schema version {version}, this hub knows {VERSION}", place, "pip install -U customer-hub"
        )
        if version is not None and version > VERSION
        else Finding("warehouse", "warning", f"has schema version {version}, this hub makes it {VERSION}", place, "hub sync")
    )
    return None
