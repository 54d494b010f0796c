"""`hub privacy retention`: what is past the cut-offs of hub.yaml goes from every store, as an erasure takes people out of them.

What is to be done lies in a file of its own until it is done, so that whatever breaks a run off, the next one finishes it first.
The cut-offs come first into the control store: from then on no sync takes in what lies before them.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.contract.errors import ConfigError, NotFoundError, WarehouseAccessError
from hub.identity.erased import Entry
from pipelines.build import stage_all
from pipelines.context import Hub
from pipelines.decision_rows import Steward
from pipelines.privacy import erased_list
from pipelines.privacy.closed_entries import closed_entries, empty_closed
from pipelines.privacy.cut_offs import asked
from pipelines.privacy.past import Cut, find_past
from pipelines.privacy.people import RETENTION, People
from pipelines.privacy.taking_out import take_out
from pipelines.retention_settings import QUARANTINE
from warehouse.connection import building, connect, settled, writer, writing_back
from warehouse.control import utcnow
from warehouse.privacy_tables import PRIVACY_SECRET, retention_cut, retention_run
from warehouse.publish import live_attached

if TYPE_CHECKING:
    import duckdb

_OPEN = "retaining.json"  # beside the warehouse; in no backup


@dataclass(frozen=True)
class Retained:
    """What a run did, or would do.

    Attributes:
        run_id: None of a dry run.
        cuts: by table of hub.yaml.
        counts: rows removed or emptied, by table of each store; none of a dry run.
        removed: kept loads that had to go as a whole.
        finished: the run before, which had broken off and was finished first.
    """

    run_id: str | None
    cuts: tuple[Cut, ...]
    counts: dict[str, int]
    removed: tuple[str, ...]
    finished: str | None = None


def retain(hub: Hub, by: Steward, *, dry: bool = False, automatic: bool = False) -> Retained:
    """Cut what is past the cut-offs of hub.yaml; one that broke off is finished first.

    Args:
        dry: only say what would go.
        automatic: a schedule asked for it.

    Raises:
        ConfigError: hub.yaml names nothing to cut.
        NotFoundError: nothing is published yet, so that nobody knows whose anything is.
        WarehouseBusyError: a sync runs for longer than the bounded wait.
        WarehouseAccessError: a store cannot be written; run it again.
    """
    if not hub.config.retention.tables:
        raise ConfigError("nothing is to be cut by age", field="retention.tables", remedy="say there how long what is kept")
    path = _journal(hub)
    if dry:
        return Retained(None, tuple(_tried(hub)), {}, ())
    with ExitStack() as held:
        for lock in (building, writing_back):
            held.enter_context(lock(hub.config.warehouse))
        finished = _carry_out(hub, path, automatic=automatic).run_id if path.exists() else None
        cuts, people, entries = _look(hub)
        run, begun = f"{RETENTION}{secrets.token_hex(6)}", utcnow()
        if people.facts or any(cut.rows for cut in cuts):
            _write_down(path, run, cuts, people, entries, by)
            return replace(_carry_out(hub, path, automatic=automatic), finished=finished)
        _note(hub, run, cuts, by, begun, {}, automatic=automatic)
        return Retained(run, tuple(cuts), {}, (), finished)


def _tried(hub: Hub) -> list[Cut]:
    """What the next run would do, by what is staged; no file is written."""
    settings = hub.config.warehouse
    with settled(settings):
        con = connect(settings.path, read_only=True, memory_limit=settings.memory_limit)
        try:
            with live_attached(con, settings) as live:
                return find_past(con, _demanded(live), asked(hub), b"")[0] + _closed(hub, con)
        finally:
            con.close()


def _look(hub: Hub) -> tuple[list[Cut], People, list[Entry]]:
    settings = hub.config.warehouse
    connectors = [hub.config.connector(name) for name in hub.config.enabled()]
    with writer(settings) as con, live_attached(con, settings) as live:
        place = _demanded(live)
        # what arrived since the last load may tell that somebody is here again
        stage_all(con, hub, connectors, now=hub.control.moment())
        cuts, people, entries = find_past(con, place, asked(hub), hub.control.secret(PRIVACY_SECRET))
        return cuts + _closed(hub, con), people, entries


def _closed(hub: Hub, con: duckdb.DuckDBPyConnection) -> list[Cut]:
    before = asked(hub).get(QUARANTINE)
    return [] if before is None else [closed_entries(con, hub.control, before)]


def _demanded(live: str | None) -> str:
    if live is None:
        raise NotFoundError("nothing is published yet, so that nobody knows whose anything is", remedy="run hub sync first")
    return live


def _write_down(path: Path, run: str, cuts: Sequence[Cut], people: People, entries: Sequence[Entry], by: Steward) -> None:
    """Note what is to be done before anything is."""
    journal = {
        "run": run,
        "by": [by.name, by.reason],
        "begun": utcnow(),
        "cuts": [asdict(cut) for cut in cuts],
        "people": people.as_json(),
        "entries": [[entry.kind, entry.hmac] for entry in entries],
    }
    temporary = path.with_name(f".{path.name}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as sink:
        json.dump(journal, sink, default=datetime.isoformat)
        sink.flush()
        os.fsync(sink.fileno())
    os.replace(temporary, path)


def _carry_out(hub: Hub, path: Path, *, automatic: bool) -> Retained:
    """Do what is noted, from the beginning: what is done already does nothing."""
    journal = json.loads(path.read_text(encoding="utf-8"))
    run, by, begun = journal["run"], Steward(*journal["by"]), datetime.fromisoformat(journal["begun"])
    cuts = [_read(told) for told in journal["cuts"]]
    rows = sum(cut.rows for cut in cuts)
    running = {"run_id": run, "status": "running", "run_by": by.name, "rows": rows, "started_at": begun}
    hub.control.add(retention_run, [running])
    _note_cuts(hub, run, cuts)
    erased_list.add(hub.control, [Entry(run, *entry) for entry in journal["entries"]])
    counts, removed = take_out(hub, People.of_json(journal["people"]), actor=by.name, automatic=automatic)
    for cut in cuts:
        if cut.table == QUARANTINE and cut.rows:
            counts |= empty_closed(hub, cut.cut_off)
    _note(hub, run, cuts, by, begun, counts, automatic=automatic)
    path.unlink()
    return Retained(run, tuple(cuts), counts, tuple(removed))


def _read(told: dict[str, Any]) -> Cut:
    times = {name: datetime.fromisoformat(told[name]) for name in ("cut_off", "oldest", "newest") if told[name] is not None}
    return Cut(**{**told, **times})


def _note(
    hub: Hub, run: str, cuts: Sequence[Cut], by: Steward, begun: datetime, counts: dict[str, int], *, automatic: bool
) -> None:
    """Note that a run is through. Of one that found nothing, the audit log has nothing either."""
    rows = sum(cut.rows for cut in cuts)
    done = {"status": "done", "affected": json.dumps(counts), "ended_at": utcnow()}
    hub.control.put(retention_run, [{"run_id": run, "run_by": by.name, "rows": rows, "started_at": begun, **done}])
    _note_cuts(hub, run, cuts)
    if counts:
        cut = {cut.table: {"before": f"{cut.cut_off:%Y-%m-%d}", "rows": cut.rows} for cut in cuts}
        detail = json.dumps({"cut": cut, "rows": sum(counts.values())} | ({"reason": by.reason} if by.reason else {}))
        hub.control.audit("privacy_retention", run, actor=by.name, detail=detail, automatic=automatic)


def _note_cuts(hub: Hub, run: str, cuts: Sequence[Cut]) -> None:
    rows = [asdict(cut) for cut in cuts]
    hub.control.put(retention_cut, [{"run_id": run, "table_name": row.pop("table"), **row} for row in rows])


def _journal(hub: Hub) -> Path:
    path: Path = hub.config.warehouse.path.with_name(_OPEN)
    if not hub.config.warehouse.path.exists():
        raise WarehouseAccessError(f"there is no hub at {path.parent}", remedy="run hub sync first")
    return path
