"""Going back to an earlier load without forgetting an ID: what was issued since stays known, and leads to who has its records."""

from __future__ import annotations

from datetime import datetime

from hub.identity.sql import Connection, one, run


def carry_ids(con: Connection, *, kept: str, left: str, load_id: str, now: datetime) -> int:
    """Adds to an earlier load's identity schema the IDs that a newer one issued; their number.

    Such an ID leads to the customer that has most of its records in the earlier load, or is retired if none has any. The next load
    gives it back to its records, as it does with any former ID; it is never issued to others.

    Args:
        kept: schema of the earlier load, which is written.
        left: schema of the newer load, which knows every ID that was ever issued.
        load_id: the newer load.
        now: UTC without zone; when the newer load ceased to hold.
    """
    run(con, "carried", {"kept": kept, "left": left}, run_id=load_id, now=now)
    return int(one(con, "SELECT count(*) FROM id_carried"))
