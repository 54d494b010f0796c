"""Erasure (GDPR, article 17): people go from every store of the hub, do not come back with the next sync, and a scan proves it.

What is to be done lies in a file of its own until it is done, so that whatever breaks off an erasure, the same command finishes
it. The list of the erased comes first: from then on no sync takes in what tells of them. The live load comes last but for targets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hub.contract.errors import ConfigError, HubError, WarehouseAccessError
from hub.identity.erased import Entry
from pipelines.backups import place_of_backups
from pipelines.build import stage_all
from pipelines.context import Hub
from pipelines.decision_rows import Steward, audit
from pipelines.privacy import erased_list
from pipelines.privacy.control_rows import erase_rows
from pipelines.privacy.elsewhere import elsewhere
from pipelines.privacy.people import People, of_customers
from pipelines.privacy.requests import new_request
from pipelines.privacy.scanning import Hit, scan
from pipelines.privacy.stores import count_working
from pipelines.privacy.taking_out import take_out, task_of
from pipelines.stewardship import one_customer
from warehouse.connection import building, published, writer, writing_back
from warehouse.control import utcnow
from warehouse.privacy_tables import PRIVACY_SECRET, privacy_request
from warehouse.publish import live_attached, live_load

_OPEN = "erasing.json"  # beside the warehouse; in no backup


@dataclass(frozen=True)
class Erased:
    """What an erasure did, or would do.

    Attributes:
        requests: the privacy_request rows, one for each customer; none of a dry run.
        counts: rows removed or emptied, by table; of the published load those that are live.
        removed: kept loads that had to go as a whole.
        texts: how many texts were looked for.
        shared: how many more of their texts others have as well, who keep them.
        hits: where one of the texts still is.
        elsewhere: what the hub cannot reach: exports, backups, systems that bear the hub's values.
    """

    requests: tuple[dict[str, Any], ...]
    counts: dict[str, int]
    removed: tuple[str, ...]
    texts: int
    shared: int
    hits: tuple[Hit, ...]
    elsewhere: tuple[str, ...]


def erase(hub: Hub, keys: Sequence[str], by: Steward, *, received: datetime | None = None, dry: bool = False) -> Erased:
    """Erase customers, whatever finds each of them; all in one go, for each takes rewriting every store.

    An erasure that broke off is finished first; its own keys need not be named again, and may be.

    Args:
        received: when they asked, if not now; UTC.
        dry: only say what would go.

    Raises:
        NotFoundError: a key finds nobody.
        ConfigError: it finds several, or the reason names one of them.
        WarehouseBusyError: a sync runs for longer than the bounded wait.
        WarehouseAccessError: a store or the place of backups cannot be written; run it again.
    """
    with ExitStack() as held:
        for lock in (building, writing_back):
            held.enter_context(lock(hub.config.warehouse))
        broken_off = _journal(hub).exists()
        if broken_off and not dry:
            done = _carry_out(hub)
            keys = [key for key in keys if not _is_erased(hub, key)]
            if not keys or done.hits:
                return done
        people, entries, customers = _look_up(hub, keys)
        if any(text in (by.reason or "").lower() for text in people.texts):
            raise ConfigError("the reason names who is to be erased", field="--reason", remedy="name the number of the letter")
        if dry:
            return _tried(hub, people, entries)
        _begin(hub, people, entries, customers, by, received)
        return _carry_out(hub)


def _is_erased(hub: Hub, key: str) -> bool:
    """Whether a key finds nobody any more, as it should after an erasure that was broken off, or one who is erased."""
    with published(hub.config.warehouse) as con:
        try:
            customer = one_customer(hub, con, key)
        except HubError:
            return True
        status = con.execute("SELECT status FROM identity.customer_registry WHERE customer_id = ?", [customer]).fetchall()
    return status == [("erased",)]


def _look_up(hub: Hub, keys: Sequence[str]) -> tuple[People, list[Entry], list[str]]:
    settings = hub.config.warehouse
    with published(settings) as con:
        customers = list(dict.fromkeys(one_customer(hub, con, key) for key in keys))
        gone = con.execute(
            "SELECT customer_id FROM identity.customer_registry WHERE status = 'erased' AND customer_id IN (SELECT unnest(?))",
            [customers],
        ).fetchall()
    if gone:
        raise ConfigError(f"customer {gone[0][0]} is erased already", remedy="see hub privacy list --all")
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    with writer(settings) as con, live_attached(con, settings) as live:
        # what landed since the last load may be theirs, too
        stage_all(con, hub, connectors, now=hub.control.moment())
        people, entries = of_customers(con, str(live), customers, hub.control.secret(PRIVACY_SECRET))
    return people, entries, customers


def _tried(hub: Hub, people: People, entries: Sequence[Entry]) -> Erased:
    task = task_of(hub, people, [*erased_list.entries(hub.control), *entries])
    with writer(hub.config.warehouse) as con:
        counts = count_working(con, task)
    counts |= {f"control.{name}": rows for name, rows in erase_rows(hub.control.engine, people, dry=True).items()}
    told = elsewhere(hub, people)
    return Erased((), counts, (), len(people.texts), people.shared, (), told)


def _begin(
    hub: Hub, people: People, entries: Sequence[Entry], customers: Sequence[str], by: Steward, received: datetime | None
) -> None:
    """Note what is to be done, then let the list keep them out."""
    requests = [new_request("erase", customer, by, received) for customer in customers]
    of_customer = {request["subject_ref"]: request["request_id"] for request in requests}
    listed = [replace(entry, owner=of_customer.get(entry.owner, requests[0]["request_id"])) for entry in entries]
    journal = {
        "requests": list(of_customer.values()),
        "rows": [
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in r.items()} for r in requests
        ],
        "people": people.as_json(),
        "entries": [[entry.owner, entry.kind, entry.hmac] for entry in listed],
        "elsewhere": elsewhere(hub, people),
        "by": [by.name, by.reason],
    }
    path = _journal(hub)
    temporary = path.with_name(f".{path.name}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as sink:
        json.dump(journal, sink)
        sink.flush()
        os.fsync(sink.fileno())
    os.replace(temporary, path)


def _carry_out(hub: Hub) -> Erased:
    """Do what is noted, from the beginning: what is done already does nothing."""
    journal = json.loads(_journal(hub).read_text(encoding="utf-8"))
    people = People.of_json(journal["people"])
    times = ("received_at", "due_at")
    hub.control.add(privacy_request, [r | {name: datetime.fromisoformat(r[name]) for name in times} for r in journal["rows"]])
    erased_list.add(hub.control, [Entry(*entry) for entry in journal["entries"]])
    backups = place_of_backups(hub)
    if backups is not None:
        erased_list.carry_along(hub.control, backups)
    counts, removed = take_out(hub, people, actor=journal["by"][0], automatic=False)
    return _proved(hub, journal, people, counts, removed)


def _proved(hub: Hub, journal: dict[str, Any], people: People, counts: dict[str, int], removed: Sequence[str]) -> Erased:
    """Look for them everywhere; if nothing is found the requests are done, and what was noted goes."""
    path = _journal(hub)
    hits = tuple(hit for hit in (scan(hub, people.texts) if people.texts else ()) if hit.where != str(path))
    by, row = Steward(*journal["by"]), privacy_request.c
    chosen = row.request_id.in_(journal["requests"])
    affected = json.dumps({"rows": sum(counts.values()), "texts": len(people.texts), "shared": people.shared, "hits": len(hits)})
    if hits:
        hub.control.run(sa.update(privacy_request).where(chosen).values(affected=affected))
    else:
        done = {"status": "done", "done_at": utcnow(), "done_load_id": live_load(hub.config.warehouse), "affected": affected}
        hub.control.run(sa.update(privacy_request).where(chosen).values(**done))
        for request in journal["requests"]:
            audit(hub, by, "privacy_erase", request, records=len(people.records), rows=sum(counts.values()))
        path.unlink()
    requests = hub.control.rows(sa.select(privacy_request).where(chosen).order_by(row.request_id))
    return Erased(tuple(requests), counts, tuple(removed), len(people.texts), people.shared, hits, tuple(journal["elsewhere"]))


def _journal(hub: Hub) -> Path:
    path: Path = hub.config.warehouse.path.with_name(_OPEN)
    if not path.parent.exists():
        raise WarehouseAccessError(f"there is no hub at {path.parent}", remedy="run hub sync first")
    return path
