"""Parties that were judged and wait to be normalised, of all streams that are staged in one transaction."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from warehouse.arrived import Arrived
from warehouse.sql import statement


class WaitingParties:
    """The candidates of one transaction, and which parties are gone. It is used within the transaction and not after it.

    Args:
        normalise: (connection, relation of parties, relation to make) -> None.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, normalise: Callable[[duckdb.DuckDBPyConnection, str, str], None]) -> None:
        self._con = con
        self._normalise = normalise
        self._streams: set[tuple[str, str]] = set()
        self._party_streams: set[tuple[str, str]] = set()
        self._gone = self._merged = 0

    def has(self, source: str, stream: str) -> bool:
        """Whether parties of a stream wait."""
        return (source, stream) in self._streams

    def add(self, source: str, stream: str) -> None:
        """Have those in the temporary table `candidate` wait; it may be gone then."""
        if self._streams:
            self._con.execute("INSERT INTO waiting_party BY NAME FROM candidate")
        else:
            self._con.execute("ALTER TABLE candidate RENAME TO waiting_party")
        self._streams.add((source, stream))

    def note_gone(self, source: str, stream: str, arrived: Arrived) -> None:
        """Note which parties of a stream are gone, by the temporary table `arrived` and what is known of it."""
        self._party_streams.add((source, stream))
        if not arrived.gone:
            return
        into = "INSERT INTO waiting_gone" if self._gone else "CREATE TEMP TABLE waiting_gone AS"
        self._con.execute(f"{into} {statement('staging_gone')}")
        self._gone += arrived.gone
        self._merged += arrived.merged

    def settle(self) -> None:
        """Normalise those that wait and take them in; then see to those that are gone."""
        con = self._con
        if self._streams:
            self._normalise(con, "waiting_party", "normalised")
            con.execute("INSERT INTO staging.party_record BY NAME SELECT * FROM normalised")
            con.execute("DROP TABLE normalised")
            con.execute("DROP TABLE waiting_party")
            self._streams.clear()
        if self._gone:
            con.execute(statement("staging_tombstone"))
            if self._merged:
                con.execute(statement("staging_absorb"))
            con.execute("DROP TABLE waiting_gone")
            self._gone = self._merged = 0
        if self._party_streams:
            self._keep_with_those_they_lead_to()
            self._party_streams.clear()

    def _keep_with_those_they_lead_to(self) -> None:
        merged = "SELECT DISTINCT source_system, stream FROM staging.party_record WHERE merged_into IS NOT NULL"
        for source, stream in self._con.execute(merged).fetchall():
            if (source, stream) in self._party_streams:
                self._con.execute(statement("staging_absorbed"), [source, stream])
