"""Taking a backup: everything is held still for as long as copying the working warehouse takes, then kept at leisure.

What cannot be had from the sources again is in it: the working warehouse with raw and its cursors, the control store with all
decisions, the published loads with the IDs, the private folder with rotated refresh tokens, the gate's pages. Left out is the
landing: what waits there was not taken in, so the cursors in raw make the sources send it again.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from hub.contract.errors import NotFoundError, WarehouseAccessError
from warehouse.backup.control_copy import copy_to_file
from warehouse.backup.figures import control_figures, figures
from warehouse.backup.storage import Backup, Storage
from warehouse.connection import linking, settled
from warehouse.publish import live_load, load_file
from warehouse.settings import WarehouseSettings

WAREHOUSE, CONTROL, CONFIG = "warehouse", "control", "hub.yaml"
FOLDERS = ("published", "private", "gate")  # beside the warehouse or the link, copied as they are


def back_up(
    settings: WarehouseSettings, control: sa.Engine, storage: Storage, *, now: datetime, config: Path | None = None
) -> Backup:
    """Take a backup; the caller holds `warehouse.connection.backing_up`.

    Args:
        now: UTC without zone; the backup's name begins with it.
        config: hub.yaml, kept along for whoever restores on an empty machine.

    Raises:
        NotFoundError: there is nothing to back up yet.
        WarehouseBusyError: a sync held the warehouse for longer than the bounded wait.
        WarehouseAccessError: the place of backups or the disk cannot be written.
    """
    if not settings.path.exists():
        raise NotFoundError(f"there is no warehouse at {settings.path} yet", remedy="run hub sync first")
    held = settings.path.parent / ".backup"
    try:
        shutil.rmtree(held, ignore_errors=True)  # of one that was killed; nobody else takes one now, see `backing_up`
        held.mkdir(mode=0o700)
        live = _hold_still(settings, control, held)
        if config is not None:
            shutil.copyfile(config, held / CONFIG)
        found = figures(held / WAREHOUSE, "working warehouse") | control_figures(held / CONTROL)
        if live is not None:
            found |= figures(held / "published" / load_file(settings, live).name, "published load")
        entries, written = [], 0
        for path in _files(held):
            entry, new = storage.write(path.relative_to(held).as_posix(), path)
            entries.append(entry)
            written += new
        backup = Backup(f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", f"{now.isoformat()}Z", live, found, tuple(entries), written)
        storage.keep(backup)
        return backup
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot copy the warehouse beside itself ({error.strerror or type(error).__name__})",
            remedy="free disk space for one copy of it in that folder or mend permissions, then take the backup again",
        ) from error
    finally:
        shutil.rmtree(held, ignore_errors=True)


def prune(storage: Storage, keep: int) -> list[str]:
    """Remove the oldest backups beyond `keep`; yields which."""
    found = storage.backups()
    gone = found[:-keep] if keep else []
    if gone:
        storage.forget(gone, found[-keep:])
    return [backup.backup_id for backup in gone]


def _hold_still(settings: WarehouseSettings, control: sa.Engine, held: Path) -> str | None:
    """Copy what changes and link to what does not, while nobody writes; yields the live load."""
    # in the order in which publishing takes the two
    with settled(settings), linking(settings):
        live = live_load(settings)
        shutil.copyfile(settings.path, held / WAREHOUSE)
        copy_to_file(control, held / CONTROL)
        for name in FOLDERS:
            _take_along(folder(settings, name), held / name)
    return live


def folder(settings: WarehouseSettings, name: str) -> Path:
    """Where one of `FOLDERS` lies."""
    return settings.published if name == "published" else settings.path.parent / name


def _take_along(source: Path, target: Path) -> None:
    """The finished files of a folder. Published ones never change: a second name for them will do where there can be one."""
    for path in _files(source):
        if path.name.endswith((".lock", ".tmp")):
            continue
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if target.name == "published":
            with suppress(OSError):
                os.link(path, to)
                continue
        with suppress(FileNotFoundError):  # removed meanwhile: nothing that was to be kept
            shutil.copy2(path, to)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
