"""The audit log for people: what it says, and whether it is what it was, compared with what loads and backups know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import sqlalchemy as sa

from hub.contract.errors import HubError
from pipelines.backups import storage
from pipelines.context import Hub
from warehouse import control_tables as t
from warehouse.audit import Anchor, Verified, anchor
from warehouse.backup.figures import AUDIT_HEAD
from warehouse.connection import connect
from warehouse.publish import kept_loads, load_file


def entries(hub: Hub, *, action: str | None = None, actor: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
    """The entries, newest first.

    Args:
        action: of this kind alone; so of an actor and a subject.
    """
    row = t.audit_log.c
    query = sa.select(t.audit_log).order_by(sa.func.coalesce(row.seq, 0).desc(), row.at.desc(), row.audit_id)
    for column, wanted in ((row.action, action), (row.actor, actor), (row.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    return hub.control.rows(query)


def verified(hub: Hub, given: Sequence[str] = (), *, backups: bool = False) -> tuple[Verified, list[Anchor]]:
    """Look at the whole log; what it found, and what it was compared with.

    Args:
        given: heads that somebody kept, as NUMBER:HASH.
        backups: compare with the backups of hub.yaml too.

    Raises:
        ConfigError: a head is none, or there is no place for backups.
        WarehouseAccessError: the control store or the backups cannot be read.
    """
    known = [*(anchor(text) for text in given), *published_heads(hub), *(_heads_of_backups(hub) if backups else ())]
    return hub.control.audit_verified(known), known


def published_heads(hub: Hub) -> Iterator[Anchor]:
    """The heads that kept loads hold, each of the moment when it was published; files that cannot be read are left out."""
    settings = hub.config.warehouse
    for load_id in kept_loads(settings):
        try:
            con = connect(load_file(settings, load_id), read_only=True)
        except HubError:
            continue  # hub doctor tells of it
        try:
            found = con.execute("SELECT audit_head FROM ops.load_batch WHERE load_id = ?", [load_id]).fetchall()
        except (duckdb.BinderException, duckdb.CatalogException):
            continue  # of a version before the chain
        finally:
            con.close()
        yield from (anchor(head, f"load {load_id}") for (head,) in found if head is not None)


def _heads_of_backups(hub: Hub) -> Iterator[Anchor]:
    for backup in storage(hub, None).backups():
        head = backup.figures.get(AUDIT_HEAD)
        if head is not None:
            yield anchor(head, f"backup {backup.backup_id}")
