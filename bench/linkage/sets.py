"""The data of the comparison: FEBRL, the generated population, or a file; staged once, in a file that every engine reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.identity import febrl, staged
from bench.people import population

SIZES = {"20k": 20_000, "100k": 100_000, "1m": 1_000_000}
FEBRL = {"febrl3": (3, False), "febrl3+ssn": (3, True), "febrl4": (4, False), "febrl4+ssn": (4, True)}
WAREHOUSE = "warehouse.duckdb"


def frame(name: str, seed: int) -> pd.DataFrame:
    """The records of a set with their truth: a name of FEBRL or SIZES, a number, or the path of a CSV or Parquet file."""
    if name in FEBRL:
        return febrl(*FEBRL[name])
    if name in SIZES or name.isdigit():
        return population(SIZES.get(name) or int(name), seed)
    path = Path(name)
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=object)


def prepare(name: str, seed: int, folder: Path) -> dict[str, object]:
    """Stages a set into ``folder``; a process of its own, so that no engine bears the memory of it."""
    con = staged(frame(name, seed), path=folder / WAREHOUSE)
    records, entities = con.execute("SELECT count(*), count(DISTINCT entity_id) FROM truth").fetchall()[0]
    con.close()
    return {"records": records, "entities": entities}
