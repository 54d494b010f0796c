"""The control store: small, transactional, writable while a sync runs. SQLite in WAL mode by default, PostgreSQL by URL.

With the ID registry it is what cannot be rebuilt from the sources: back it up first. Published loads carry copies of its tables.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hub.contract.errors import WarehouseAccessError
from warehouse import (
    alert_tables,  # noqa: F401 - its tables are the store's too
    privacy_tables,  # noqa: F401 - and so are these
    writeback_tables,  # noqa: F401 - and these
)
from warehouse import audit as chain
from warehouse import control_tables as t

MASK_SECRET = "mask_secret"  # noqa: S105 - its name; the hub's secret for pseudonyms; another one makes all of them others


def utcnow() -> datetime:
    """Now in UTC, without zone, as all stores keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


class ControlStore:
    """Access to one control store.

    Args:
        where: path of an SQLite file, or an SQLAlchemy URL.
        prepare: make what is missing in it; else it is opened as it is, and an SQLite file only to be read.

    Raises:
        WarehouseAccessError: it cannot be opened or written.
    """

    def __init__(self, where: str, *, prepare: bool = True) -> None:
        self._where = where if "://" not in where else sa.make_url(where).render_as_string(hide_password=True)
        if "://" not in where and prepare:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
        file = where if prepare else f"file:{quote(where)}?mode=ro&uri=true"
        url = where if "://" in where else f"sqlite:///{file}"
        try:
            self._engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
            if not prepare:
                return
            with self._transaction() as con:
                if self._engine.dialect.name == "sqlite":
                    con.exec_driver_sql("PRAGMA journal_mode=WAL")
            self._create_tables()
            self._add_columns()
        except sa.exc.SQLAlchemyError as error:
            raise self._access_error(error) from error

    def missing(self) -> list[str]:
        """The tables and columns that this version knows and an older store lacks.

        Raises:
            WarehouseAccessError: it cannot be read.
        """
        try:
            there = set(sa.inspect(self._engine).get_table_names())
            tables = t.metadata.sorted_tables
            return [
                *(table.name for table in tables if table.name not in there),
                *(f"{table.name}.{column.name}" for table in tables if table.name in there for column in self._lacking(table)),
            ]
        except sa.exc.SQLAlchemyError as error:
            raise self._access_error(error) from error

    def _create_tables(self) -> None:
        """Make the tables that are not there. Of several processes that find none, each is too late for some of them."""
        names = {table.name for table in t.metadata.sorted_tables}
        missing = names | {""}
        while True:
            try:
                t.metadata.create_all(self._engine)
            except sa.exc.DBAPIError:
                still = names - set(sa.inspect(self._engine).get_table_names())
                if still == missing:  # nobody else got any further since, so that it was not for that
                    raise
                missing = still
            else:
                return

    def _add_columns(self) -> None:
        """Give tables that an older version made the columns that came later; those are never required."""
        for table in t.metadata.sorted_tables:
            for column in self._lacking(table):
                type_ = column.type.compile(self._engine.dialect)
                try:
                    with self._engine.begin() as con:
                        con.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {type_}")
                except sa.exc.DBAPIError:
                    # another process of the new version may have been quicker
                    if any(lacking is column for lacking in self._lacking(table)):
                        raise

    def _lacking(self, table: sa.Table) -> list[sa.Column[Any]]:
        there = {column["name"] for column in sa.inspect(self._engine).get_columns(table.name)}
        return [column for column in table.columns if column.name not in there]

    def _access_error(self, error: sa.exc.SQLAlchemyError) -> WarehouseAccessError:
        cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        return WarehouseAccessError(
            f"cannot use the control store {self._where} ({cause})",
            remedy="check warehouse.control, its server, permissions and the free disk space",
        )

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as con:
                yield con
        except sa.exc.OperationalError as error:
            raise self._access_error(error) from error

    @contextmanager
    def exclusive(self, name: str) -> Iterator[sa.Connection]:
        """A transaction that no other process or thread enters under this name until it ends.

        Its first statement writes, so that SQLite gives it the right to write at once and PostgreSQL a lock on the row.
        """
        lock = f"lock_{name}"
        self.add(t.setting, [{"name": lock, "value": ""}])
        with self._transaction() as con:
            con.execute(sa.update(t.setting).where(t.setting.c.name == lock).values(value=secrets.token_hex(8)))
            yield con

    @property
    def engine(self) -> sa.Engine:
        """For what speaks of the store as a whole: backups."""
        return self._engine

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    # rows ------------------------------------------------------------------------------------------------------

    def put(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows; a row whose key is there is replaced."""
        self._insert(table, rows, replace=True)

    def add(self, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows; a row whose key is there is left as it is."""
        self._insert(table, rows, replace=False)

    def _insert(self, table: sa.Table, rows: Iterable[Mapping[str, Any]], *, replace: bool) -> None:
        todo = list(rows)
        if not todo:
            return
        make = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        insert = make(table)
        keys = [column.name for column in table.primary_key]
        if replace:
            others = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys and c.name in todo[0]}
            insert = insert.on_conflict_do_update(index_elements=keys, set_=others)
        else:
            insert = insert.on_conflict_do_nothing(index_elements=keys)
        with self._transaction() as con:
            con.execute(insert, [dict(row) for row in todo])

    def rows(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        """Rows of a SELECT as dictionaries."""
        with self._transaction() as con:
            return [dict(row) for row in con.execute(statement).mappings()]

    def run(self, statement: sa.Update | sa.Delete) -> int:
        """Run an UPDATE or DELETE; the number of rows it touched."""
        with self._transaction() as con:
            return con.execute(statement).rowcount

    def columns(self, table: sa.Table) -> dict[str, list[Any]]:
        """A whole table by its columns, for the copy that a published load carries."""
        with self._transaction() as con:
            rows = con.execute(sa.select(table)).fetchall()
        return {column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)}

    def frame_of(self, statement: sa.Select[Any]) -> pd.DataFrame:
        """Rows of a SELECT as a frame, however many."""
        with self._transaction() as con:
            return pd.read_sql(statement, con)

    # what the hub keeps for itself -----------------------------------------------------------------------------

    def secret(self, name: str) -> bytes:
        """A random secret of this hub, made on first use and kept for good."""
        self.add(t.setting, [{"name": name, "value": secrets.token_hex(32)}])
        return bytes.fromhex(self.rows(sa.select(t.setting.c.value).where(t.setting.c.name == name))[0]["value"])

    def audit(self, action: str, subject: str, *, actor: str, detail: str | None = None, automatic: bool = True) -> None:
        """Note what was done, by whom, to what."""
        self.audit_all(action, [(subject, detail)], actor=actor, automatic=automatic)

    def audit_all(self, action: str, about: Iterable[tuple[str, str | None]], *, actor: str, automatic: bool = True) -> None:
        """Note that something was done to several things, each with its particulars."""
        secret = self.secret(MASK_SECRET)
        entries = [
            {
                "action": action,
                "actor": actor,
                "subject": chain.without_addresses(subject, secret),
                "detail": None if detail is None else chain.without_addresses(detail, secret),
                "is_automatic": automatic,
            }
            for subject, detail in about
        ]
        with self.exclusive("audit") as con:
            chain.append(con, entries, at=utcnow())

    def audit_head(self) -> str | None:
        """Number and hash of the audit log's last entry; None before the first."""
        with self._transaction() as con:
            found = chain.head(con)
        return None if found is None else str(found)

    def audit_verified(self, anchors: Sequence[chain.Anchor] = ()) -> chain.Verified:
        """What a look at the whole audit log finds, and whether it has been as it was when anchors were noted."""
        with self._transaction() as con:
            return chain.verify(con, anchors)

    def moment(self) -> datetime:
        """Now; where the clock was put back, a second after the newest sync or load ended: what is noted stays in its order."""
        now = utcnow()
        for table in (t.sync_run, t.load_batch):
            newest: datetime | None = self.rows(sa.select(sa.func.max(table.c.ended_at).label("at")))[0]["at"]
            if newest is not None and newest >= now:
                now = newest + timedelta(seconds=1)
        return now

    def last_load(self, *, status: str | None = None) -> dict[str, Any] | None:
        """The newest load, of that status if one is named."""
        query = sa.select(t.load_batch).order_by(t.load_batch.c.ended_at.desc()).limit(1)
        found = self.rows(query if status is None else query.where(t.load_batch.c.status == status))
        return found[0] if found else None

    def last_syncs(self) -> Sequence[dict[str, Any]]:
        """The newest finished sync of each source and stream, and the newest successful one's time as `succeeded_at`."""
        ended = t.sync_run.c.ended_at
        newest = (
            sa.select(
                t.sync_run,
                sa.func.row_number()
                .over(partition_by=[t.sync_run.c.source_system, t.sync_run.c.stream], order_by=[ended.desc()])
                .label("nth"),
            )
            .where(ended.is_not(None))
            .subquery()
        )
        succeeded = (
            sa.select(t.sync_run.c.source_system, t.sync_run.c.stream, sa.func.max(ended).label("succeeded_at"))
            .where(t.sync_run.c.status == "succeeded")
            .group_by(t.sync_run.c.source_system, t.sync_run.c.stream)
            .subquery()
        )
        same = (newest.c.source_system == succeeded.c.source_system) & (newest.c.stream == succeeded.c.stream)
        return self.rows(
            sa.select(newest, succeeded.c.succeeded_at)
            .select_from(newest.outerjoin(succeeded, same))
            .where(newest.c.nth == 1)
            .order_by(newest.c.source_system, newest.c.stream)
        )
