"""Writing to SQL databases: columns of the rows that a stream reads, or rows of a table beside them, one per record.

Many rows are asked for with one SELECT and written in one transaction. An UPDATE holds the row to what was read just before, so
that nothing is overwritten that came in between; a row that the database refuses (a constraint, a value too long) is undone alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from connectors.databases.errors import code_of, trouble
from connectors.databases.server import Server
from connectors.databases.settings import SqlStream, SqlWriteBackSettings
from connectors.databases.settings import parts as parts_of
from connectors.writeback import Change, Refused, Standing, Text, ValueKind, Writer, Written, canonical
from hub.contract.errors import CredentialsError, SourceDataError


class SqlWriter(Writer):
    """Writes to one table.

    Args:
        name: of the stream.
        zone: of times that name none.
    """

    reads: ClassVar[int] = 500
    writes: ClassVar[int] = 500

    def __init__(
        self,
        server: Server,
        name: str,
        stream: SqlStream,
        settings: SqlWriteBackSettings,
        kinds: Mapping[str, ValueKind],
        zone: tzinfo,
    ) -> None:
        super().__init__(kinds)
        self._server, self._name, self._stream, self._zone = server, name, stream, zone
        self._beside = settings.table is not None
        self._parts = parts_of(settings.table) if settings.table is not None else stream.parts
        self._key = settings.key or stream.id[0]
        self._reflected: sa.Table | None = None

    def read(self, records: Sequence[str]) -> Mapping[str, Standing]:
        """See `Writer`. A table beside the stream's own need not have a row of a record yet."""
        with self._server.connected(self._name) as con:
            table = self._table(con)
            keys = {self._key_value(table, record): record for record in records}
            keys.pop(None, None)
            # what tells when a row changed stands in the stream's own table only
            updated = [self._stream.updated_at] if self._stream.updated_at and not self._beside else []
            columns = [table.c[name] for name in dict.fromkeys([self._key, *self.kinds, *updated])]
            self._server.queries += 1
            rows = con.execute(sa.select(*columns).where(table.c[self._key].in_(list(keys)))).mappings().all()
        found = {
            keys[row[self._key]]: Standing(
                {name: _text(kind, row[name]) for name, kind in self.kinds.items()},
                _moment(row[updated[0]], self._zone) if updated else None,
                {"row": dict(row)},
            )
            for row in rows
            if row[self._key] in keys
        }
        return found if not self._beside else {record: found.get(record, Standing({})) for record in keys.values()}

    def write(self, changes: Sequence[Change]) -> Mapping[str, Written | Refused]:
        """See `Writer`."""
        answers: dict[str, Written | Refused] = {}
        with self._server.connected(self._name) as con:
            table = self._table(con)
            for change in changes:
                answers[change.record] = self._write(con, table, change)
            con.commit()
        taken = [change.record for change in changes if isinstance(answers[change.record], Written)]
        standing = self.read(taken) if taken else {}
        return answers | {record: Written(held.fields, held.updated_at) for record, held in standing.items()}

    def _write(self, con: sa.Connection, table: sa.Table, change: Change) -> Written | Refused:
        row = change.standing.marks.get("row")
        key = self._key_value(table, change.record)
        values = {name: _value(table.c[name], self.kinds[name], text) for name, text in change.fields.items()}
        self._server.queries += 1
        try:
            with con.begin_nested():
                if row is None:
                    con.execute(sa.insert(table).values({self._key: key, **values}))
                    return Written({})
                as_it_was = [table.c[name].is_not_distinct_from(row[name]) for name in change.fields]
                done = con.execute(sa.update(table).where(table.c[self._key] == key, *as_it_was).values(values))
        except (sa.exc.IntegrityError, sa.exc.DataError) as error:
            said = " ".join(part for part in (type(error.orig).__name__, code_of(error.orig)) if part)
            # a row that somebody else put there meanwhile is found when it is looked at again
            return Refused(f"the database refuses the row ({said})", again=row is None)
        except sa.exc.DBAPIError as error:
            raise self._not_written(error) from error
        return Written({}) if done.rowcount == 1 else Refused("the row changed in between", again=True)

    def _not_written(self, error: sa.exc.DBAPIError) -> Exception:
        found = trouble(error, replace(self._server.place, stream=self._name), connecting=False)
        if isinstance(found, CredentialsError):
            granted = f"grant the user INSERT and UPDATE on {'.'.join(self._parts)}, or take write_back out of hub.yaml"
            what = found.what.replace("may not read this", "may not write this")
            return CredentialsError(what, source=found.source, stream=self._name, remedy=granted)
        return found

    def _table(self, con: sa.Connection) -> sa.Table:
        """The table as it is, with the columns that are needed."""
        if self._reflected is not None:
            return self._reflected
        *schema, name = self._parts
        where = {"source": self._server.source, "stream": self._name, "field": "write_back"}
        try:
            table = sa.Table(name, sa.MetaData(), schema=".".join(schema) or None, autoload_with=con, resolve_fks=False)
        except sa.exc.NoSuchTableError:
            raise SourceDataError(
                f"there is no table {name}", **where, remedy="make it, or correct table under write_back in hub.yaml"
            ) from None
        lacking = [column for column in (self._key, *self.kinds) if column not in table.c]
        if lacking:
            raise SourceDataError(
                f"table {name} lacks column {lacking[0]}",
                **where,
                remedy="make it, or correct its name under write_back in hub.yaml",
            )
        self._reflected = table
        return table

    def _key_value(self, table: sa.Table, record: str) -> Any:
        """A record's ID as the key column has it; None if it can have no such value."""
        if isinstance(table.c[self._key].type, sa.Integer):
            return int(record) if record.lstrip("-").isdigit() else None
        return record


def _text(kind: ValueKind, value: Any) -> Text:
    if kind == "boolean" and isinstance(value, int):
        return canonical(kind, bool(value))
    return canonical(kind, value)


def _value(column: sa.Column[Any], kind: ValueKind, text: Text) -> Any:
    """A canonical text as the column takes it: a column of text takes it as it is."""
    if text is None or isinstance(column.type, sa.String):
        return text
    match kind:
        case "integer":
            return int(text)
        case "decimal":
            return Decimal(text)
        case "boolean":
            return text == "true"
        case "date":
            return date.fromisoformat(text)
        case "time":
            moment = datetime.fromisoformat(text)
            return moment if getattr(column.type, "timezone", False) else moment.replace(tzinfo=None)
        case _:
            return text


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    """A column's time as the reading takes it: one without a zone is in the source's own, a number is Unix seconds."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, int) and 10**8 < value < 10**10:
        return datetime.fromtimestamp(value, UTC)
    return None
