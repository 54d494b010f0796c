"""The control store without people who are erased: rows about their records go, and whatever else names them is blanked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from hub.contract.erased import BLANK
from pipelines.privacy.people import People
from pipelines.privacy.scanning import in_control
from warehouse import control_tables as t
from warehouse import writeback_tables as w
from warehouse.audit import ERASED
from warehouse.control import ControlStore

_MOST = 400  # parameters of a statement


def erase_rows(control: sa.Engine, people: People, *, dry: bool = False) -> dict[str, int]:
    """Take people out of a control store, in one transaction; a second time changes nothing.

    Args:
        dry: only count.

    Returns:
        Rows removed or blanked, by table.
    """
    keys = [key for key, _ in people.records]
    named = {hit.where for hit in in_control(control, people.texts)} if people.texts else set()
    done: dict[str, int] = {}
    with control.connect() as con, con.begin() as transaction:
        for table, columns in (
            (t.match_decision, ("record_key_l", "record_key_r")),
            (t.review_task, ("record_key_l", "record_key_r")),
            (t.attribute_override, ("anchor_record_key",)),
        ):
            for some in _by(keys, _MOST):
                which = sa.or_(*(table.c[name].in_(some) for name in columns))
                _count(done, table, con.execute(sa.delete(table).where(which)).rowcount)
        for source, stream in sorted({place[:2] for place in people.facts}):
            ids = [id_ for *place, id_ in people.facts if tuple(place) == (source, stream)]
            for table in (t.quarantine, w.writeback_field, w.writeback_echo):
                row = table.c
                for some in _by(ids, _MOST):
                    which = (row.source_system == source) & (row.stream == stream) & row.source_record_id.in_(some)
                    _count(done, table, con.execute(sa.delete(table).where(which)).rowcount)
        _blank(con, named, people.texts, done)
        if dry:
            transaction.rollback()
    if not dry:
        forget_pages(control)
    return done


def erase_noted(store: ControlStore, people: People, *, actor: str, automatic: bool) -> dict[str, int]:
    """The same, once the audit log says which of its entries lose a text, so that it verifies also if this is cut off."""
    named = _audit_naming(store.engine, people.texts)
    if named:
        store.audit(ERASED, "audit_log", actor=actor, detail=json.dumps({"entries": named}), automatic=automatic)
    return erase_rows(store.engine, people)


def _audit_naming(control: sa.Engine, texts: Sequence[str]) -> list[str]:
    """The entries of the audit log that hold one of these texts."""
    row, found = t.audit_log.c, set[str]()
    with control.connect() as con:
        for column in (row.actor, row.subject, row.detail):
            low = sa.func.lower(sa.cast(column, sa.Text))
            for some in _by(texts, 100):
                holds = sa.or_(*(low.contains(text, autoescape=True) for text in some))
                found.update(con.execute(sa.select(row.audit_id).where(holds)).scalars())
    return sorted(found)


def _blank(con: sa.Connection, named: Collection[str], texts: Sequence[str], done: dict[str, int]) -> None:
    for table in t.metadata.sorted_tables:
        for column in table.columns:
            if f"{table.name}.{column.name}" not in named or table is t.setting:
                continue
            low = sa.func.lower(sa.cast(column, sa.Text))
            for some in _by(texts, 100):
                holds = sa.or_(*(low.contains(text, autoescape=True) for text in some))
                # a key that names somebody cannot be blanked twice, and the row is nothing without it
                changed = sa.delete(table) if column.primary_key else sa.update(table).values({column: BLANK})
                _count(done, table, con.execute(changed.where(holds)).rowcount)


def _count(done: dict[str, int], table: sa.Table, rows: int) -> None:
    if rows > 0:
        done[table.name] = done.get(table.name, 0) + rows


def forget_pages(control: sa.Engine) -> None:
    """Write the file anew where the store is one; a server does so in its own time."""
    with control.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        if control.dialect.name == "sqlite":
            con.exec_driver_sql("VACUUM")
            con.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            con.exec_driver_sql("VACUUM")


def _by(values: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (values[start : start + most] for start in range(0, len(values), most))
