"""How long ago each source was last read, for the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.context import Hub
from pipelines.pauses import active_pauses
from warehouse.control import utcnow

if TYPE_CHECKING:
    import pandas as pd


def freshness(hub: Hub) -> pd.DataFrame:
    """Hours since each enabled source was last synced in all its streams; its oldest stream counts.

    A source that is paused is not measured: it is as old as somebody wanted it to be, and `hub status` says so.
    """
    import pandas as pd

    now, rows = utcnow(), []
    last, paused = hub.control.last_syncs(), active_pauses(hub)
    for source in hub.config.enabled():
        if source in paused:
            continue
        times = [row["succeeded_at"] for row in last if row["source_system"] == source]
        hours = round((now - min(times)).total_seconds() / 3600, 2) if times and all(times) else None
        rows.append((source, hours, hub.config.sources[source].fresh_within_hours))
    return pd.DataFrame(rows, columns=["source_system", "hours_since_success", "fresh_within_hours"], dtype=object)
