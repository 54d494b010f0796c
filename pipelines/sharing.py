"""The shared file of this hub: which masks it has on, when it is made, and that it follows the published load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hub.golden.masking import masked, masks_digest, prepare_masking
from pipelines.contents import JUDGED, published_views
from pipelines.context import Hub
from pipelines.meanings import meanings
from warehouse.connection import linking
from warehouse.control import MASK_SECRET
from warehouse.copies import CARRIED
from warehouse.publish import kept_loads, live_load, load_file
from warehouse.sharing import Sharing, prune_shared, repoint_shared, share, shared_file, shared_load


def sharing(hub: Hub) -> Sharing:
    """How this hub shares a load."""
    secret = hub.control.secret(MASK_SECRET)
    return Sharing(
        tables=(*JUDGED, *CARRIED),
        masked=masked,
        prepare=lambda con: prepare_masking(con, secret),
        views=published_views,
        comments=meanings(),
        digest=masks_digest(secret),
    )


def sharer(hub: Hub, load_id: str) -> Callable[[Path], None] | None:
    """What makes the shared file of a load out of the load's own; None where this hub shares nothing."""
    if hub.config.warehouse.shared is None:
        return None
    return lambda load: share(hub.config.warehouse, load_id, load, sharing(hub))


def share_anew(hub: Hub) -> None:
    """Make the shared files of all kept loads again from what the loads hold now; `linking` is the caller's."""
    settings = hub.config.warehouse
    prune_shared(settings, kept_loads(settings))
    if settings.shared is not None:
        for load_id in kept_loads(settings):
            if shared_file(settings, load_id).exists():
                share(settings, load_id, load_file(settings, load_id), sharing(hub), anew=True)


def settle_shared(hub: Hub) -> None:
    """Let the shared link follow the published load, should a crash, a restore or a new setting have left it elsewhere.

    Raises:
        WarehouseBusyError: a publish took longer than the bounded wait.
    """
    settings = hub.config.warehouse
    load_id = live_load(settings)
    if settings.shared is None or load_id is None or shared_load(settings) == load_id:
        return
    with linking(settings):
        load_id = live_load(settings)
        if load_id is None or shared_load(settings) == load_id or not settings.golden.exists():
            return
        if not shared_file(settings, load_id).exists():
            share(settings, load_id, load_file(settings, load_id), sharing(hub))
        repoint_shared(settings, load_id)
