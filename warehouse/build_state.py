"""The state of the load being built: what went into it, and whether a new one is needed at all."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

import duckdb

from hub.contract.errors import WarehouseError


@dataclass(frozen=True)
class Candidate:
    """The load being built: its ID, the published load it follows, and a digest of everything it is made from."""

    load_id: str
    follows: str | None
    input_digest: str
    started_at: datetime


def new_load_id(now: datetime) -> str:
    """A load ID: sorts by time, and two made in the same second differ."""
    return f"{now:%Y%m%dT%H%M%S}_{secrets.token_hex(2)}"


def input_digest(con: duckdb.DuckDBPyConnection, *parts: str) -> str:
    """A digest of all that is in raw, and of whatever else decides a load's content (configuration, decisions, day)."""
    tables = con.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw' AND table_name LIKE '%\\_\\_%' ESCAPE '\\'"
        " ORDER BY table_name"
    ).fetchall()
    tops = [con.execute(f'SELECT coalesce(max(raw_seq), 0) FROM raw."{name}"').fetchall()[0][0] for (name,) in tables]
    rejects = con.execute("SELECT count(*) FROM raw.reject").fetchall()[0][0]
    text = "\n".join([*(f"{name}:{top}" for (name,), top in zip(tables, tops, strict=True)), f"rejects:{rejects}", *parts])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def begin_candidate(con: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    """Note that a candidate is being built; whatever candidate was there is given up."""
    con.execute("DELETE FROM ops.candidate")
    con.execute(
        "INSERT INTO ops.candidate VALUES (?, ?, ?, ?)",
        [candidate.load_id, candidate.follows, candidate.input_digest, candidate.started_at],
    )


def current_candidate(con: duckdb.DuckDBPyConnection) -> Candidate:
    """The candidate being built. Raises `WarehouseError` if there is none."""
    rows = con.execute("SELECT load_id, follows, input_digest, started_at FROM ops.candidate").fetchall()
    if not rows:
        raise WarehouseError("no load is being built", remedy="run hub sync, or the build job from its first step")
    return Candidate(*rows[0])
