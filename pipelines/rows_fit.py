"""The check `rows_fit` of a raw asset: whether rows of the last sync were turned down, and what became of the others.

Reading a source only finds what cannot be read at all; whether a record is fit shows when it is staged. So the check is answered
twice: by the sync, and again by the build that stages what the sync brought, with the figures of ops.sync_run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
import sqlalchemy as sa

from pipelines.alerts.message import masked
from pipelines.context import Hub
from pipelines.ingest import SyncReport
from warehouse import control_tables as t

CHECK = "rows_fit"
DESCRIPTION = "No row of the last sync was turned down. Those that are lie in quarantine, each with its reason."
_FIGURES = ("inserted", "updated", "unchanged", "deleted", "quarantined")
_SHOWN = 10  # keys


def when_read(source: str, stream: str, report: SyncReport) -> dg.AssetCheckResult:
    """As the sync answers it."""
    return dg.AssetCheckResult(check_name=CHECK, **_answer(source, stream, _counted(asdict(report.counts)), ()))


def when_staged(hub: Hub, key: Mapping[tuple[str, str], dg.AssetKey]) -> Iterator[dg.AssetCheckEvaluation]:
    """As the build answers it, for these sources and streams."""
    for last in hub.control.last_syncs():
        place = (last["source_system"], last["stream"])
        if place in key:
            figures = _counted({name.removeprefix("rows_"): value for name, value in last.items()})
            open_rows = _turned_down(hub, *place) if figures["quarantined"] else ()
            yield dg.AssetCheckEvaluation(asset_key=key[place], check_name=CHECK, **_answer(*place, figures, open_rows))


def _counted(counts: Mapping[str, Any]) -> dict[str, int]:
    return {"rows_in": counts["extracted"], **{name: counts[name] for name in _FIGURES}}


def _turned_down(hub: Hub, source: str, stream: str) -> Sequence[Mapping[str, Any]]:
    row = t.quarantine.c
    ours = (row.source_system == source) & (row.stream == stream) & (row.status == "open")
    return hub.control.rows(sa.select(row.source_record_id, row.check_id).where(ours).order_by(row.quarantined_at.desc()))


def _answer(source: str, stream: str, figures: Mapping[str, int], open_rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    turned_down = figures["quarantined"]
    told: dict[str, Any] = {**figures, "in_quarantine": len(open_rows)}
    description = "every row was taken in"
    if turned_down:
        reasons = Counter(row["check_id"] for row in open_rows)
        why = f" ({', '.join(f'{check}: {rows}' for check, rows in reasons.most_common(5))} in quarantine)" if reasons else ""
        description = f"{turned_down:,} of {figures['rows_in']:,} rows were turned down{why}"
        told["next"] = f"hub quarantine list --source {source} --stream {stream}"
        told["runbook"] = 'docs/ops.md, "Quarantine"'
        if open_rows:
            # a record's ID may be somebody's address
            told["failing_keys"] = ", ".join(masked(row["source_record_id"]) for row in open_rows[:_SHOWN])
    return {"passed": not turned_down, "severity": dg.AssetCheckSeverity.WARN, "description": description, "metadata": told}
