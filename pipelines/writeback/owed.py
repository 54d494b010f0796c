"""What is owed to a stream's records: the difference between the published load and what the outbox knows of them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from operator import itemgetter

import duckdb
import pandas as pd

from connectors.delivery import Wish
from connectors.writeback import Writer
from pipelines.writeback.values import ID, text_of


@dataclass(frozen=True)
class Owed:
    """What is owed to a stream.

    Attributes:
        wishes: one per record, those that did not get through last time behind the others.
        attributes: field -> what of the customer is written there.
        digests: (record, field) -> digest of what is wanted.
        customers: record -> its customer.
        unchanged: fields of which nothing is asked.
        left: records that the outbox knows and the load does not have any more.
        more: whether a limit left records out.
    """

    wishes: list[Wish]
    attributes: Mapping[str, str]
    digests: Mapping[tuple[str, str], str | None]
    customers: Mapping[str, str]
    unchanged: int
    left: list[str]
    more: bool


class Ledger:
    """Asks the published load.

    Args:
        con: the published load.
        salt: of the digests.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, salt: str) -> None:
        self._con, self._salt = con, salt

    def owed(
        self,
        place: tuple[str, str],
        fields: Mapping[str, str],
        state: pd.DataFrame,
        writer: Writer,
        *,
        verify: bool = False,
        overwrite: bool = False,
        limit: int | None = None,
    ) -> Owed:
        """What is owed to a stream.

        Args:
            place: source and stream.
            fields: attribute -> field there.
            state: the outbox's rows of the stream.
            verify: all that is wanted is owed, whatever is known.
            limit: at most so many records.
        """
        entries = ", ".join(
            f"{{'field': {_quoted(name)}, 'attribute': {_quoted(attribute)}, 'once': {writer.is_unique(name)},"
            f" 'text': {text_of(attribute)}}}"
            for attribute, name in fields.items()
        )
        script = files("pipelines.writeback").joinpath("owed.sql").read_text(encoding="utf-8").replace("{entries}", entries)
        wanted, owed = script.split(";\n", 1)
        self._con.register("writeback_rows", state)
        columns = ", ".join(f'"{column}"::VARCHAR AS "{column}"' for column in state.columns)
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE writeback_state AS SELECT {columns} FROM writeback_rows")
        self._con.unregister("writeback_rows")
        self._con.execute(wanted, {"source": place[0], "stream": place[1], "salt": self._salt})
        self._con.execute(owed, {"verify": verify, "overwrite": overwrite})
        return self._read(fields, limit)

    def _read(self, fields: Mapping[str, str], limit: int | None) -> Owed:
        rows = self._con.execute(
            "SELECT record, field, text, digest, customer_id FROM writeback_owed"
            " ORDER BY max(tried_at) FILTER (status = 'owed') OVER (PARTITION BY record) NULLS FIRST, length(record), record, field"
        ).fetchall()
        wishes: list[Wish] = []
        more = False
        digests: dict[tuple[str, str], str | None] = {}
        customers: dict[str, str] = {}
        for record, group in groupby(rows, key=itemgetter(0)):
            if limit is not None and len(wishes) >= limit:
                more = True
                break
            texts = {}
            for _, name, text, digest, customer in group:
                texts[name], digests[record, name], customers[record] = text, digest, customer
            # a key of this run's own: a vendor answers a key that it has seen from memory, and what it then holds is read first
            wishes.append(Wish(record, texts, secrets.token_hex(12)))
        count = self._con.execute("SELECT count(*) FROM writeback_wanted").fetchall()[0][0]
        left = self._con.execute(
            "SELECT DISTINCT source_record_id FROM writeback_state"
            " WHERE source_record_id NOT IN (SELECT record FROM writeback_wanted) ORDER BY 1"
        ).fetchall()
        attributes = {name: attribute for attribute, name in fields.items()}
        return Owed(wishes, attributes, digests, customers, count - len(rows), [record for (record,) in left], more)

    def digest(self, text: str) -> str:
        """The digest of a value."""
        return hashlib.sha256((self._salt + text).encode()).hexdigest()

    def issued(self, text: str) -> bool:
        """Whether a text is a customer ID of this hub, live or not."""
        found = self._con.execute("SELECT count(*) FROM identity.customer_registry WHERE customer_id = ?", [text]).fetchall()
        return bool(found[0][0])

    def is_own_id(self, attribute: str, text: str) -> bool:
        """Whether that stands in a field of the common ID because we put it there, whoever's ID it was."""
        return attribute == ID and self.issued(text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
