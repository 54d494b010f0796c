"""Restoring a backup: fetched and verified beside what is there, then put in its place; what was there is kept aside.

Nothing is touched before the whole backup is known to be good. Should the machine stop while files change places, a marker says
so, syncs refuse to start, and the same command finishes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from hub.contract.errors import WarehouseAccessError
from warehouse.backup.control_copy import copy_from_file, copy_to_file
from warehouse.backup.figures import AUDIT_HEAD, control_figures, figures
from warehouse.backup.storage import Backup, Entry, Storage
from warehouse.backup.taking import CONFIG, CONTROL, FOLDERS, WAREHOUSE, folder
from warehouse.connection import building, linking, restore_marker, settled
from warehouse.publish import load_file, repoint
from warehouse.settings import WarehouseSettings


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        verified: how many figures were compared with those of the backup.
        aside: where what was there before lies now; None if nothing was.
    """

    backup: Backup
    verified: int
    aside: Path | None


def restore(
    settings: WarehouseSettings,
    control: sa.Engine,
    storage: Storage,
    backup_id: str | None = None,
    *,
    replace: bool = False,
    now: datetime,
    prepare: Callable[[Path, Backup], None] | None = None,
) -> Restored:
    """Bring a hub back to a backup.

    Args:
        backup_id: the newest if None.
        replace: put what is there aside; without it a hub that holds something is refused.
        prepare: called with the folder that holds what was fetched and verified, before any of it is put in place.

    Raises:
        NotFoundError: there is no such backup.
        WarehouseAccessError: it is damaged, its figures differ, or something is there and `replace` was not asked for.
        WarehouseBusyError: a sync is at work.
    """
    backup = storage.backup(backup_id)
    beside, marker = settings.path.parent, restore_marker(settings)
    beside.mkdir(parents=True, exist_ok=True)
    unfinished = marker.exists()
    if not (replace or unfinished) and (settings.path.exists() or settings.golden.is_symlink()):
        raise WarehouseAccessError(
            f"there is a hub at {beside} already", remedy="restore with --replace, which puts it aside, or into another folder"
        )
    fetched = beside / f".restore-{backup.backup_id}"
    shutil.rmtree(fetched, ignore_errors=True)
    try:
        verified = _fetch(storage, backup, settings, fetched)
        if prepare is not None:
            prepare(fetched, backup)
        with ExitStack() as held:
            for lock in (building, settled, linking):
                held.enter_context(lock(settings))
            marker.write_text(backup.backup_id)
            aside = _put_aside(settings, control, beside / f"before-restore-{now:%Y%m%dT%H%M%S%f}")
            for name in FOLDERS:
                if (fetched / name).exists():
                    _move(fetched / name, folder(settings, name))
            _move(fetched / WAREHOUSE, settings.path)
            copy_from_file(fetched / CONTROL, control, replace=replace or unfinished)
            if backup.live is not None:
                repoint(settings, backup.live)
            marker.unlink()
        return Restored(backup, verified, aside)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot restore into {beside} ({error.strerror or error})",
            remedy="free disk space or mend permissions, then run this again",
        ) from error
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def verify(storage: Storage, backup: Backup) -> int:
    """Read every piece of a backup; the number of files. Raises `WarehouseAccessError` for the first that is damaged."""
    for entry in backup.entries:
        for _ in storage.pieces(entry):
            continue
    return len(backup.entries)


def _fetch(storage: Storage, backup: Backup, settings: WarehouseSettings, into: Path) -> int:
    for entry in backup.entries:
        if entry.place != CONFIG:
            _write(storage, entry, into)
    found = figures(into / WAREHOUSE, "working warehouse")
    if AUDIT_HEAD in backup.figures:  # backups of earlier versions do not tell
        found |= control_figures(into / CONTROL)
    if backup.live is not None:
        found |= figures(into / "published" / load_file(settings, backup.live).name, "published load")
    differing = sorted(name for name in {*found, *backup.figures} if found.get(name) != backup.figures.get(name))
    if differing:
        name = differing[0]
        what = f"{name} is {found.get(name)} instead of {backup.figures.get(name)}"
        raise WarehouseAccessError(
            f"backup {backup.backup_id} does not hold what it should: {what}",
            remedy="take another backup, see hub backup --list",
        )
    return len(found)


def _write(storage: Storage, entry: Entry, into: Path) -> None:
    target = into / entry.place
    if not target.resolve().is_relative_to(into.resolve()):
        raise WarehouseAccessError(f"the backup names a file outside of its own folder: {entry.place}", remedy="do not trust it")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, entry.mode), "wb") as file:
        storage.read(entry, file)
        file.flush()
        os.fsync(file.fileno())


def _put_aside(settings: WarehouseSettings, control: sa.Engine, aside: Path) -> Path | None:
    """Move away what is there, landing included: its parts go on from cursors that the backup may not have."""
    there = [settings.path, Path(f"{settings.path}.wal"), settings.landing, *(folder(settings, name) for name in FOLDERS)]
    found = [path for path in there if path.exists()]
    if not found:
        return None
    aside.mkdir(mode=0o700)
    copy_to_file(control, aside / "control.db")
    for path in found:
        _move(path, aside / path.name)
    settings.golden.unlink(missing_ok=True)
    return aside


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
