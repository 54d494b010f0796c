"""Backups and restores of this hub, as commands and the daemon ask for them."""

from __future__ import annotations

from pathlib import Path

from connectors.files.options import is_url, resolved
from hub.contract.errors import ConfigError
from pipelines.context import Hub
from pipelines.privacy import erased_list
from pipelines.privacy.restoring import without_erased
from pipelines.sharing import settle_shared
from warehouse.backup import Backup, Restored, Storage, back_up, prune, restore, verify
from warehouse.connection import backing_up
from warehouse.control import utcnow
from warehouse.privacy_tables import PRIVACY_SECRET


def storage(hub: Hub, where: str | None) -> Storage:
    """The place of backups: the one named, else that of hub.yaml, whose options belong to it.

    Raises:
        ConfigError: neither names one, or a secret of its options is not set.
        WarehouseAccessError: it cannot be opened.
    """
    settings = hub.config.backup
    place = where or settings.to
    if place is None:
        raise ConfigError("no place for backups", field="backup.to", remedy="name a folder or URL, here or in hub.yaml")
    options = resolved(settings.storage) if where in (None, settings.to) else {}
    return Storage(place if is_url(place) else str(hub.config.root / Path(place).expanduser()), options)


def place_of_backups(hub: Hub) -> Storage | None:
    """The place that hub.yaml names, None if it names none. Raises as `storage` does."""
    return storage(hub, None) if hub.config.backup.to is not None else None


def take(
    hub: Hub, where: str | None = None, *, keep: int | None = None, by: str, automatic: bool = False
) -> tuple[Backup, list[str]]:
    """Take a backup, then remove those beyond `keep`; yields it and which were removed. Raises what `back_up` raises."""
    place = storage(hub, where)
    written = hub.config.root / "hub.yaml"
    config = written if written.exists() else None
    hub.control.secret(PRIVACY_SECRET)  # whoever is erased later is found in this backup by nothing else
    with backing_up(hub.config.warehouse):
        erased_list.carry_along(hub.control, place)
        taken = back_up(hub.config.warehouse, hub.control.engine, place, now=utcnow(), config=config)
        gone = prune(place, hub.config.backup.keep if keep is None else keep)
    detail = f"to {place.where}, {taken.size} bytes, {taken.written_bytes} of them new; {len(gone)} older ones removed"
    hub.control.audit("backup", taken.backup_id, actor=by, detail=detail, automatic=automatic)
    return taken, gone


def verified(hub: Hub, where: str | None) -> tuple[Backup, int]:
    """Read the newest backup, piece by piece; yields it and its number of files. Raises `WarehouseAccessError` if it is damaged."""
    place = storage(hub, where)
    newest = place.backup(None)
    return newest, verify(place, newest)


def bring_back(hub: Hub, where: str | None, backup_id: str | None, *, replace: bool, by: str) -> Restored:
    """Restore a backup, without people who were erased since. Raises what `restore` raises."""
    place = storage(hub, where)
    erased: list[int] = []
    prepare = without_erased(hub, place, erased)
    done = restore(hub.config.warehouse, hub.control.engine, place, backup_id, replace=replace, now=utcnow(), prepare=prepare)
    detail = f"from {place.where}, {done.verified} figures verified; {sum(erased)} records of erased people taken out"
    hub.control.audit("restore", done.backup.backup_id, actor=by, detail=detail, automatic=False)
    settle_shared(hub)  # what is shared is in no backup, since it can be made again
    return done
