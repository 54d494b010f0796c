"""Brings the published load into a target: only what changed since what the target has, all of it at once, or nothing.

The link `golden.duckdb` is the truth, and the target says itself what it has; so whatever a lost connection or a crash leaves
behind, the next publish puts right.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import duckdb

from hub.contract.errors import NotFoundError, TargetError
from warehouse.publish import live_load, load_file
from warehouse.settings import WarehouseSettings
from warehouse.sharing import shared_file
from warehouse.targets.changes import Change, TableState, loads_attached, plan
from warehouse.targets.ddl import STATE, Drifted
from warehouse.targets.server import Server
from warehouse.targets.settings import TargetSettings
from warehouse.targets.tables import TableSpec

_ATTEMPTS = 3


class Target(Protocol):
    """What a system has to offer."""

    def version(self) -> str: ...
    def try_out(self, schemas: Collection[str]) -> None: ...
    def only_one(self) -> None: ...
    def states(self, owner: str) -> dict[str, TableState]: ...
    def apply(
        self, con: duckdb.DuckDBPyConnection, changes: Sequence[Change], states: dict[str, TableState], owner: str
    ) -> int: ...


@dataclass(frozen=True)
class TargetResult:
    """What a publish into a target did.

    Attributes:
        rows: rows in its tables now.
        written: rows that were written or deleted there.
        loaded: tables that were loaded whole.
        updated: tables of which only changed rows travelled.
        unkeyed: tables without a primary key, because their rows have none.
    """

    name: str
    load_id: str
    rows: int
    written: int
    loaded: tuple[str, ...]
    updated: tuple[str, ...]
    unkeyed: tuple[str, ...]
    seconds: float


def publish_to(settings: TargetSettings, warehouse: WarehouseSettings, specs: Sequence[TableSpec], *, owner: str) -> TargetResult:
    """Make a target show what the link `golden.duckdb` points to.

    Args:
        specs: the tables and views of a published load; those that the target is not to have are left out here.
        owner: tells this hub from others that publish into the same database.

    Raises:
        NotFoundError: nothing was published yet.
        TargetError: the target cannot be brought up to date; it is as it was.
    """
    started = time.monotonic()
    load_id = live_load(warehouse)
    if load_id is None:
        raise NotFoundError("nothing is published yet", field=f"publish.{settings.name}", remedy="run hub sync first")
    chosen = [spec for spec in specs if settings.tables.chosen(str(spec))]
    anew: set[str] = set()
    for _ in range(_ATTEMPTS):
        server = Server(settings)
        with server.connected() as raw:
            target = _target(server, raw)
            target.only_one()
            states = target.states(owner)
            try:
                changes, written = _bring(target, _Loads(settings, warehouse), load_id, chosen, states, anew, owner)
            except Drifted as found:
                anew.add(found.table)
                continue
        return _result(settings.name, load_id, changes, written, time.monotonic() - started)
    raise TargetError(
        f"somebody else writes to {', '.join(sorted(anew))} there",
        field=f"publish.{settings.name}",
        remedy="keep those tables to the hub",
    )


class _Loads(NamedTuple):
    """The files of loads that a target is given: those of the link, or those with masks on."""

    target: TargetSettings
    warehouse: WarehouseSettings

    def file(self, load_id: str) -> Path:
        return (shared_file if self.target.masked else load_file)(self.warehouse, load_id)

    def live(self, load_id: str) -> Path:
        """The file of the load that it is to show. Raises `TargetError` if it is masked and that load was never shared."""
        file = self.file(load_id)
        if self.target.masked and not file.exists():
            raise TargetError(
                f"load {load_id} has no shared file",
                field=f"publish.{self.target.name}.masked",
                remedy="set warehouse.shared, then run hub sync, which makes it",
            )
        return file


def _bring(
    target: Target,
    loads: _Loads,
    load_id: str,
    specs: Sequence[TableSpec],
    states: dict[str, TableState],
    anew: Collection[str],
    owner: str,
) -> tuple[list[Change], int]:
    had = {state.load_id for state in states.values()}
    old = loads.file(had.pop()) if len(had) == 1 else None
    old = old if old is not None and old.exists() else None
    with loads_attached(loads.live(load_id), old, memory_limit=loads.warehouse.memory_limit) as con:
        changes = plan(con, load_id, specs, states, has_old=old is not None, anew=anew)
        return changes, target.apply(con, changes, states, owner)


def _target(server: Server, raw: Any) -> Target:
    if server.system == "postgresql":
        from warehouse.targets.postgres import Postgres

        return Postgres(raw, server.prefix, server.name)
    if server.system == "mysql":
        from warehouse.targets.mysql import MySql

        return MySql(raw, server.prefix, server.name)
    from warehouse.targets.generic import Generic

    return Generic(server.engine, server.prefix, server.name)


def _result(name: str, load_id: str, changes: Sequence[Change], written: int, seconds: float) -> TargetResult:
    def named(action: str) -> tuple[str, ...]:
        return tuple(str(change.table) for change in changes if change.action == action)

    unkeyed = tuple(str(change.table) for change in changes if change.action != "drop" and not change.table.keys)
    rows = sum(change.state.rows for change in changes if change.state is not None)
    return TargetResult(name, load_id, rows, written, named("load"), named("delta"), unkeyed, round(seconds, 3))


def check_target(settings: TargetSettings, specs: Sequence[TableSpec]) -> str:
    """Try a target: that it answers, and that tables may be made there; nothing stays. What server it is.

    Raises:
        TargetError: it does not answer, or would not take tables.
    """
    server = Server(settings)
    with server.connected() as raw:
        target = _target(server, raw)
        target.try_out({spec.schema for spec in specs if settings.tables.chosen(str(spec))} | {STATE.schema})
        return target.version()
