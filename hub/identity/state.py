"""What a load leaves for the next one in schema linkage of the working warehouse, so that only what changed is linked again.

It is a copy of what a full run would find and may be dropped at any time. It counts only for the load that is live, under the same
model, settings and rules; whatever else is live was linked from another state.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import duckdb
import pyarrow as pa

from hub.identity.decisions import Decisions
from hub.identity.model import Model
from hub.identity.settings import NOT_DECIDING, IdentitySettings
from hub.identity.sql import Connection, forget, one, rows, run, table, text

TABLES = (
    "record",
    "node",
    "block",
    "pair",
    "cluster",
    "refused",
    "customer",
    "question",
    "busy",
    "crowded",
    "stream",
    "named",
    "stamp",
)


def save_blocks(con: Connection) -> None:
    """Keeps id_block of a full run and drops it; until ``stamp`` there is no state that counts."""
    run(con, "state_blocks")
    forget(con, "id_block")


def save_keys(con: Connection, query: str) -> None:
    """Keeps the blocking keys of a full run that lie elsewhere: a SELECT of node_id, rule and key."""
    forget(con, "id_block")
    con.execute(f"CREATE TEMP VIEW id_block AS {query}")
    save_blocks(con)


def save(con: Connection) -> None:
    """Keeps the other temporary tables of a full run."""
    run(con, "state")


def stamp(con: Connection, load_id: str, model: Model, settings: IdentitySettings, decisions: Decisions) -> None:
    """Notes what the state belongs to, once schema identity holds the load."""
    table(con, "id_named", record_key=pa.array(sorted(_named(decisions)), pa.string()))
    run(
        con,
        "stamp",
        load_id=load_id,
        rules=_rules(model, settings),
        decisions=_digest(repr(decisions)),
        published=_published(con, "identity"),
    )


def fits(con: Connection, live: str | None, model: Model | None, settings: IdentitySettings) -> bool:
    """Whether there is a state of exactly the load that is live, made by the same rules."""
    if live is None or model is None or set(TABLES) - {name for (name,) in rows(con, _KNOWN)}:
        return False
    load_id, rules, published = rows(con, "SELECT load_id, rules, published FROM linkage.stamp")[0]
    newest = rows(con, f"SELECT run_id FROM {live}.resolution_run ORDER BY ended_at DESC, run_id DESC LIMIT 1")
    return [(load_id,)] == newest and rules == _rules(model, settings) and published == _published(con, live)


_KNOWN = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'linkage'"


def decided_anew(con: Connection, decisions: Decisions) -> set[str]:
    """The records that decisions name or named, if any decision is not what it was."""
    if one(con, "SELECT decisions FROM linkage.stamp") == _digest(repr(decisions)):
        return set()
    return _named(decisions) | {key for (key,) in rows(con, "SELECT record_key FROM linkage.named")}


def _named(decisions: Decisions) -> set[str]:
    pairs = (*decisions.absorbed, *decisions.overruled)
    return decisions.records | decisions.parted | set(decisions.linked) | {key for pair in pairs for key in pair}


def _rules(model: Model, settings: IdentitySettings) -> str:
    """Stands for everything that decides what linkage finds in given records."""
    here = sorted(f.name for f in files(__package__).iterdir() if f.name.endswith(".sql"))
    parts = [
        model.version,
        settings.model_dump_json(exclude=set(NOT_DECIDING)),
        duckdb.__version__,
        *(text(name.removesuffix(".sql")) for name in here),
    ]
    return _digest("\x00".join(parts))


def _published(con: Connection, schema: str) -> str:
    return str(one(con, text("published_digest").replace("{schema}", schema)))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
