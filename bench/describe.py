"""What a generated population is like, measured from its data: ``python -m bench.people --describe --records 100000``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd

from bench.names import COUNTRIES
from bench.noise import PLACEHOLDERS
from bench.people import drawn

SCRIPT = Path(__file__).with_suffix(".sql")


def describe(records: int, seed: int, *, countries: Sequence[str] = COUNTRIES, noise: float = 1.0) -> dict[str, float]:
    """Counts and shares of the population of these arguments, in the order of describe.sql."""
    world, seen, out = drawn(records, seed, countries=countries, noise=noise)
    con = duckdb.connect()
    con.register("frame", out)
    con.execute("CREATE TABLE record AS SELECT *, row_number() OVER () AS number FROM frame")
    con.register("frame", _truth(world, seen))
    con.execute("CREATE TABLE truth AS FROM frame; CREATE TABLE nick (name VARCHAR, nickname VARCHAR)")
    con.register("frame", pd.DataFrame({"value": PLACEHOLDERS}))
    con.execute("CREATE TABLE placeholder AS FROM frame")
    con.register("frame", _nicknames(world))
    con.execute("INSERT INTO nick FROM frame")
    con.execute(SCRIPT.read_text(encoding="utf-8"))
    return dict(con.execute("SELECT what, value FROM rate ORDER BY place").fetchall())


def _truth(world: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """The entities that some system saw, with what is true of each and what was."""
    columns = ("given", "family", "new_family", "street", "old_street", "old_city", "email2", "phone2", "is_company", "country")
    truth = world[list(columns)].assign(city1=world["city"], email1=world["email"], phone1=world["phone"])
    people = world[~world["is_company"]]
    roof = people.groupby(["family", "street", "postal"])
    truth["housed"] = (roof["given"].transform("size") > 1).reindex(world.index, fill_value=False)
    for name, column in (("namesake", "given"), ("line", "phone"), ("mailbox", "email")):
        alike = people.groupby(["family", "street", "postal", column])["given"].transform("size") > 1
        truth[name] = alike.reindex(world.index, fill_value=False)
    truth["entity_id"] = [f"e{n}" for n in range(len(world))]
    return truth.loc[sorted(set(seen["entity"]))]


def _nicknames(world: pd.DataFrame) -> pd.DataFrame:
    from nicknames import NickNamer

    namer = NickNamer()
    pairs = [(name, short) for name in set(world["given"]) for short in namer.nicknames_of(name)]
    return pd.DataFrame(pairs, columns=["name", "nickname"])
