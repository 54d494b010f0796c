"""What a load leaves for the next one in schema linkage of the working warehouse, so that only what changed is linked again.

It is a copy of what a full run would find and may be dropped at any time. It counts only for the load that is live, or for one that
was linked on top of the live one and held, under the same model, settings and rules; whatever else is live was linked from another
state. What linkage finds does not depend on what is live, only which customer IDs follow from it does: so after a held load the
state goes on from there, and ``pending`` names the records whose customers the live load may hold otherwise. A load that links all
records anew, such as one of which half the records are gone, leaves its state in schema linkage_next, so that the live load's is
still there should it be held; whatever is live at the next load says which of the two counts.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import duckdb
import pyarrow as pa

from hub.identity.decisions import Decisions
from hub.identity.model import Model, load_model
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
    "communal",
    "crowded",
    "stream",
    "named",
    "pending",
    "stamp",
)


# what schema identity holds of the live load again, where a held one that linked all records anew had taken its place
_RESTORED = (
    "customer_registry",
    "customer_xref",
    "match_edge",
    "review_task",
    "merge_log",
    "blocked_value",
    "model",
    "term_frequency",
    "resolution_run",
    "match_key",
)
_HERE, _ASIDE = "linkage", "linkage_next"
_OF = "SELECT load_id FROM linkage.stamp"


def begin(con: Connection, live: str | None, settings: IdentitySettings, *, aside: bool) -> None:
    """Before a full run: settles where its state goes.

    Args:
        aside: beside the state of the live load, if there is one, and not in its place.
    """
    keep = live is not None and aside and fits(con, live, load_model(con, live), settings) and one(con, _OF) == _newest(con, live)
    table(con, "id_target", place=pa.array([_ASIDE if keep else _HERE]))


def _target(con: Connection) -> dict[str, str]:
    return {"state": str(one(con, "SELECT place FROM id_target"))}


def settle(con: Connection, live: str | None) -> None:
    """What a full run left aside takes the place of the state, if its load is live now; else it goes."""
    left = _tables(con, _ASIDE)
    # one of an earlier version may hold less
    if live and left.issuperset(TABLES) and one(con, f"SELECT load_id FROM {_ASIDE}.stamp") == _newest(con, live):
        con.execute(f"DROP TABLE IF EXISTS {_HERE}.stamp")
        for name in TABLES:
            con.execute(f"CREATE OR REPLACE TABLE {_HERE}.{name} AS FROM {_ASIDE}.{name}")
    con.execute(f"DROP SCHEMA IF EXISTS {_ASIDE} CASCADE")


def save_blocks(con: Connection) -> None:
    """Keeps id_block of a full run and drops it; until ``stamp`` there is no state that counts."""
    run(con, "state_blocks", _target(con))
    forget(con, "id_block")


def save_keys(con: Connection, query: str) -> None:
    """Keeps the blocking keys of a full run that lie elsewhere: a SELECT of node_id, rule and key."""
    forget(con, "id_block")
    con.execute(f"CREATE TEMP VIEW id_block AS {query}")
    save_blocks(con)


def save(con: Connection) -> None:
    """Keeps the other temporary tables of a full run."""
    run(con, "state", _target(con))


def stamp(
    con: Connection, load_id: str, model: Model, settings: IdentitySettings, decisions: Decisions, follows: str | None = None
) -> None:
    """Notes what the state belongs to, once schema identity holds the load.

    Args:
        follows: schema of the live load, if this one was linked on top of its state.
    """
    table(con, "id_named", record_key=pa.array(sorted(_named(decisions)), pa.string()))
    run(
        con,
        "stamp",
        {"state": _HERE} if follows else _target(con),
        load_id=load_id,
        rules=_rules(model, settings),
        decisions=_digest(repr(decisions)),
        published=_published(con, "identity"),
        follows=_newest(con, follows) if follows else None,
        followed=_published(con, follows) if follows else None,
    )


def fits(con: Connection, live: str | None, model: Model | None, settings: IdentitySettings) -> bool:
    """Whether there is a state of exactly the load that is live, or of one on top of it that was held, made by the same rules."""
    if live is None or model is None or set(TABLES) - _tables(con, _HERE):
        return False
    query = "SELECT rules, load_id, published, follows, followed FROM linkage.stamp"
    rules, *lives = rows(con, query)[0]
    now = [_newest(con, live), _published(con, live)]
    return rules == _rules(model, settings) and now in (lives[:2], lives[2:])


def resume(con: Connection, live: str) -> None:
    """Takes out of schema identity what was of held loads only, where the rest does not replace it; sets ``pending``."""
    if one(con, _OF) != _newest(con, "identity"):
        for name in _RESTORED:
            con.execute(f"DELETE FROM identity.{name}")
            con.execute(f"INSERT INTO identity.{name} BY NAME FROM {live}.{name}")
    if one(con, _OF) == _newest(con, live):
        con.execute("DELETE FROM linkage.pending")
    run(con, "held", {"live": live})


def _newest(con: Connection, schema: str) -> str | None:
    """The load that a schema holds."""
    found = rows(con, f"SELECT run_id FROM {schema}.resolution_run ORDER BY ended_at DESC, run_id DESC LIMIT 1")
    return str(found[0][0]) if found else None


def _tables(con: Connection, schema: str) -> set[str]:
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ?"
    return {name for (name,) in rows(con, query, schema)}


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
