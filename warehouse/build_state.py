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
    """The load being built: its ID, the published load it follows, a digest of everything it is made from, and by which run."""

    load_id: str
    follows: str | None
    input_digest: str
    started_at: datetime
    run_id: str


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
        "INSERT INTO ops.candidate VALUES (?, ?, ?, ?, ?)",
        [candidate.load_id, candidate.follows, candidate.input_digest, candidate.started_at, candidate.run_id],
    )


def current_candidate(con: duckdb.DuckDBPyConnection, run_id: str) -> Candidate:
    """The candidate that a run is building.

    Raises:
        WarehouseError: it builds none, or another run has begun one since; stages of two builds never mix.
    """
    rows = con.execute("SELECT load_id, follows, input_digest, started_at, run_id FROM ops.candidate").fetchall()
    if not rows:
        raise WarehouseError("no load is being built", remedy="run hub sync, or the build job from its first step")
    candidate = Candidate(*rows[0])
    if candidate.run_id != run_id:
        raise WarehouseError(
            f"load {candidate.load_id} is being built by run {candidate.run_id}, not by this one",
            remedy="wait for it to end, then run hub sync, or the build job from its first step",
        )
    return candidate
