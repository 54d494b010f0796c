"""Who is to be erased: their records, their facts at the sources, and the texts by which they and nobody else could be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from hub.contract.columns import FACTS
from hub.golden import TABLES
from hub.identity.erased import Entry, entries_of, prepare, recognised

if TYPE_CHECKING:
    import duckdb

SHORTEST = 5  # what is shorter is in too many other words
_OF_CUSTOMERS = """
    SELECT record_key, customer_id FROM (
      SELECT x.record_key, arg_max(r.current_customer_id, (x.is_current, x.valid_from)) AS customer_id
      FROM {live}.identity.customer_xref x JOIN {live}.identity.customer_registry r USING (customer_id) GROUP BY x.record_key)
    WHERE customer_id IN (SELECT unnest($customers))"""
_OF_THE_LIST = """
    SELECT record_key, '' AS customer_id, starts_with(request_id, '{run}') AS went_by_age
    FROM (SELECT record_key FROM {live}.identity.customer_xref UNION SELECT record_key FROM staging.party_record)
    JOIN (SELECT DISTINCT ON (hmac) hmac, request_id FROM erased_list) ON hmac = erased_key('record|' || record_key)"""
RETENTION = "r_"  # begins the ID of a retention run, which stands where a request's does


@dataclass(frozen=True)
class People:
    """What a hub has of people who are to be erased.

    Attributes:
        records: key of each record, and the customer it is of.
        facts: source, stream and ID of all that the sources have of theirs: records, orders, invoices, tickets.
        texts: in lower case, theirs alone.
        shared: how many more texts others have as well.
        past: those of the facts that are past a cut-off: what carries no money goes altogether.
        superseded_before: UTC; what raw learnt newer of before then goes, whoever's it is. None: nothing by age alone.
    """

    records: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str, str], ...]
    texts: tuple[str, ...]
    shared: int
    past: tuple[tuple[str, str, str], ...] = ()
    superseded_before: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For `of_json`."""
        before = self.superseded_before
        return {**asdict(self), "superseded_before": None if before is None else before.isoformat()}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(
            tuple((key, customer) for key, customer in told["records"]),
            tuple((source, stream, id_) for source, stream, id_ in told["facts"]),
            tuple(told["texts"]),
            told["shared"],
            tuple((source, stream, id_) for source, stream, id_ in told.get("past", ())),
            datetime.fromisoformat(told["superseded_before"]) if told.get("superseded_before") else None,
        )


def of_customers(con: duckdb.DuckDBPyConnection, live: str, customers: Sequence[str], secret: bytes) -> tuple[People, list[Entry]]:
    """All that the working warehouse and the published load have of customers, and what the list is to keep of them.

    Records that staging has and no load yet are theirs by the same rule by which later ones will be.
    """
    prepare(con, secret)
    con.execute(f"CREATE OR REPLACE TEMP TABLE erasing AS {_OF_CUSTOMERS.replace('{live}', live)}", {"customers": list(customers)})
    prepare(con, secret, entries_of(con))
    for key, customer in recognised(con, "staging.party_record", f"{live}.identity.customer_xref").items():
        con.execute(
            "INSERT INTO erasing SELECT $key, $customer WHERE $key NOT IN (SELECT record_key FROM erasing)",
            {"key": key, "customer": customer},
        )
    con.execute("CREATE OR REPLACE TEMP TABLE erasing_named AS SELECT record_key FROM erasing")
    people = gathered(con, live)
    entries = entries_of(con)
    owner = dict(people.records)
    first = next(iter(owner.values()), "")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE erasing_hmac AS SELECT erased_key('record|' || concat_ws(':', source_system, stream,"
        " source_record_id)) AS hmac FROM erasing_fact"
    )
    known = {entry.hmac for entry in entries}
    # facts too are known by their keys, should their source forget whose they are
    entries += [
        Entry(first, "fact", hmac) for (hmac,) in con.execute("FROM erasing_hmac ORDER BY 1").fetchall() if hmac not in known
    ]
    return people, entries


def of_the_list(con: duckdb.DuckDBPyConnection, live: str | None) -> People:
    """All that a warehouse has of people who are on the list already, as in one that is restored; `prepare` was called with it."""
    place = live or _nothing(con)
    listed = _OF_THE_LIST.replace("{live}", place).replace("{run}", RETENTION)
    con.execute(f"CREATE OR REPLACE TEMP TABLE erasing_listed AS {listed}")
    con.execute("CREATE OR REPLACE TEMP TABLE erasing AS SELECT record_key, customer_id FROM erasing_listed")
    for key in recognised(con, "staging.party_record", f"{place}.identity.customer_xref"):
        con.execute("INSERT INTO erasing SELECT $key, '' WHERE $key NOT IN (SELECT record_key FROM erasing)", {"key": key})
    # who went by age may be many, and did not ask for a proof
    con.execute(
        "CREATE OR REPLACE TEMP TABLE erasing_named AS"
        " SELECT record_key FROM erasing ANTI JOIN (FROM erasing_listed WHERE went_by_age) USING (record_key)"
    )
    return gathered(con, place)


def put(con: duckdb.DuckDBPyConnection, people: People) -> None:
    """Make the temporary tables by which the people are taken out of whatever the connection has open."""
    _table(con, "erasing", ("record_key", "customer_id"), people.records)
    _table(con, "erasing_fact", ("source_system", "stream", "source_record_id"), people.facts)
    _table(con, "erasing_text", ("text",), [(text,) for text in people.texts])
    _table(con, "past_fact", ("source_system", "stream", "source_record_id"), people.past)


def gathered(con: duckdb.DuckDBPyConnection, live: str) -> People:
    """What the sources have of the people whose records are in the temporary table ``erasing``, and by which texts those of them
    could be known whose records are in ``erasing_named``."""
    there = {
        name: {row[0] for row in con.execute(f"DESCRIBE {live}.golden.{name}").fetchall()}
        for (name,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'golden'", [live]
        ).fetchall()
    }
    needed = {"source_system", "stream", "source_record_id", "customer_id", "party_record_key"}
    staged = [f"staging.{table.name}" for table in FACTS if table.column("party_id") is not None]
    made = [f"{live}.golden.{name}" for name in TABLES if needed <= there.get(name, set())]
    keys = "party_record_key IN (SELECT record_key FROM erasing)"
    owned = [f"SELECT source_system, stream, source_record_id FROM {name} WHERE {keys}" for name in staged]
    owned += [
        f"SELECT source_system, stream, source_record_id FROM {name}"
        f" WHERE {keys} OR customer_id IN (SELECT customer_id FROM erasing_owner)"
        for name in made
    ]
    con.execute(_script("gathering").replace("{live}", live).replace("{owned}", "\n  UNION ALL\n  ".join(owned)))
    for statement in con.extract_statements(_script("gathering_texts").replace("{live}", live)):
        con.execute(statement, dict.fromkeys(statement.named_parameters, SHORTEST))
    shared = con.execute("SELECT (SELECT count(*) FROM erasing_said) - (SELECT count(*) FROM erasing_text)").fetchall()[0][0]
    return People(
        tuple(con.execute("SELECT record_key, customer_id FROM erasing ORDER BY ALL").fetchall()),
        tuple(con.execute("FROM erasing_fact ORDER BY ALL").fetchall()),
        tuple(text for (text,) in con.execute("FROM erasing_text ORDER BY 1").fetchall()),
        shared,
    )


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    made = pa.table({column: pa.array(list(of), pa.string()) for column, of in zip(columns, values, strict=True)})
    con.register("erasing_rows", made)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM erasing_rows")
    con.unregister("erasing_rows")


def _nothing(con: duckdb.DuckDBPyConnection) -> str:
    """A catalog that holds what a published load would, without a row, where none is published."""
    con.execute("ATTACH ':memory:' AS no_load")
    con.execute("CREATE SCHEMA no_load.identity; CREATE SCHEMA no_load.golden")
    for name in ("customer_xref", "customer_registry"):
        con.execute(f"CREATE TABLE no_load.identity.{name} AS FROM identity.{name} WHERE false")
    con.execute("CREATE TABLE no_load.golden.customer_identifier (customer_id VARCHAR, id_type VARCHAR, id_value VARCHAR)")
    con.execute("CREATE TABLE no_load.golden.customer_attribute (record_key VARCHAR, attribute VARCHAR, value VARCHAR)")
    con.execute("CREATE TABLE no_load.golden.customer_history (customer_id VARCHAR, snapshot JSON)")
    return "no_load"


@cache
def _script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
