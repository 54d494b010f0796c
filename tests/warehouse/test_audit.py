"""The audit log as a chain, on SQLite and PostgreSQL: whatever is done to it behind the hub's back shows."""

from __future__ import annotations

import hashlib
import hmac
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.contract.errors import ConfigError
from tests.servers import POSTGRES, demand
from warehouse import control_tables as t
from warehouse.audit import HEAD, Anchor, anchor, append, without_addresses
from warehouse.control import ControlStore, utcnow

row = t.audit_log.c


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store of the test's own is to be."""
    if request.param == "sqlite":
        yield str(tmp_path / "control.db")
        return
    url, schema = demand(POSTGRES), f"audit_{uuid.uuid4().hex[:8]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as con:
        con.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield f"{url}?options=-csearch_path%3D{schema}"
    with engine.connect() as con:
        con.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def store(where: str) -> Iterator[ControlStore]:
    made = ControlStore(where)
    for n in range(6):
        made.audit("merge", f"c_{n}", actor="ann", detail=f'{{"reason": "letter {n}, Zoë"}}', automatic=False)
    yield made
    made.close()


def test_a_log_that_nobody_touched_is_whole(store: ControlStore) -> None:
    found = store.audit_verified()
    assert (found.entries, found.earlier, found.broken) == (6, 0, ())
    assert str(found.head) == store.audit_head()
    store.audit("export", "load", actor="bob")
    assert store.audit_verified([anchor(str(found.head))]).broken == ()


TAMPERED: dict[str, tuple[Callable[[], sa.Executable], str]] = {
    "detail": (lambda: sa.update(t.audit_log).where(row.seq == 3).values(detail="{}"), "entry 3 (merge by ann"),
    "actor": (lambda: sa.update(t.audit_log).where(row.seq == 2).values(actor="eve"), "entry 2 (merge by eve"),
    "automatic": (lambda: sa.update(t.audit_log).where(row.seq == 1).values(is_automatic=True), "entry 1 (merge by ann"),
    "time": (lambda: sa.update(t.audit_log).where(row.seq == 5).values(at=utcnow()), "entry 5 (merge by ann"),
    "taken out": (lambda: sa.delete(t.audit_log).where(row.seq == 4), "entries from 4 on are missing before entry 5"),
    "the first": (lambda: sa.delete(t.audit_log).where(row.seq == 1), "entries from 1 on are missing before entry 2"),
    "the last": (lambda: sa.delete(t.audit_log).where(row.seq == 6), "entries from 6 to 6 are gone: control store"),
    "all": (lambda: sa.delete(t.audit_log), "entries from 1 to 6 are gone: control store"),
    "number": (lambda: sa.update(t.audit_log).where(row.seq == 2).values(seq=None), "entries from 2 on are missing"),
    "slipped in": (
        lambda: sa.insert(t.audit_log).values(audit_id="x", action="a", actor="b", subject="c", at=utcnow(), is_automatic=False),
        "1 entries without a number are there, where 0 were sealed",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_is_done_behind_the_hubs_back_is_named_the_first_entry_first(store: ControlStore, how: str) -> None:
    statement, told = TAMPERED[how]
    with store.engine.begin() as con:
        con.execute(statement())
    broken = store.audit_verified().broken
    assert broken
    assert any(what.startswith(told) for what in broken), broken
    store.audit("merge", "later", actor="ann")
    assert store.audit_verified().broken, "writing on mends nothing"


def test_who_writes_the_whole_log_anew_is_found_by_what_others_keep_of_it(store: ControlStore) -> None:
    kept = anchor(store.audit_head() or "", "load 7")
    with store.engine.begin() as con:
        con.execute(sa.delete(t.audit_log))
        con.execute(sa.delete(t.setting).where(t.setting.c.name == HEAD))
        entry = {"action": "merge", "actor": "eve", "detail": None, "is_automatic": False}
        append(con, [{**entry, "subject": f"c_{n}"} for n in range(8)], at=utcnow())
    assert store.audit_verified().broken == ()
    assert store.audit_verified([kept]).broken == ("entry 6 is another than the one that load 7 knows",)
    assert store.audit_verified([Anchor(9, kept.hash, "backup b")]).broken == (
        "entries from 9 to 9 are gone: backup b knows of them",
    )


def test_writers_side_by_side_make_one_chain(where: str) -> None:
    ControlStore(where).close()

    def write(name: str) -> None:
        store = ControlStore(where)
        for n in range(8):
            store.audit_all("release", [(f"{name}:{n}:{m}", None) for m in range(2)], actor=name)
        store.close()

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = ControlStore(where)
    found = store.audit_verified()
    numbers = [entry["seq"] for entry in store.rows(sa.select(row.seq).order_by(row.seq))]
    store.close()
    assert (found.entries, found.broken) == (64, ())
    assert numbers == list(range(1, 65))


def test_a_store_of_an_earlier_version_is_sealed_as_it_is(where: str) -> None:
    store = ControlStore(where)
    with store.engine.begin() as con:
        for name in ("seq", "previous_hash", "entry_hash"):
            con.exec_driver_sql(f"ALTER TABLE audit_log DROP COLUMN {name}")
        for n in range(3):
            con.exec_driver_sql(
                "INSERT INTO audit_log (audit_id, action, actor, subject, at, is_automatic)"
                f" VALUES ('old{n}', 'merge', 'ann', 'c_{n}', '2026-01-0{n + 1} 10:00:00.000000', false)"
            )
    store.close()
    store = ControlStore(where)
    assert store.audit_verified().broken == ()
    store.audit("export", "load", actor="ann")
    found = store.audit_verified()
    assert (found.entries, found.earlier, found.broken) == (2, 3, ())
    with store.engine.begin() as con:
        con.execute(sa.update(t.audit_log).where(row.audit_id == "old1").values(actor="eve"))
    assert store.audit_verified().broken == ("the entries of before the chain were changed",)
    with store.engine.begin() as con:
        con.execute(sa.delete(t.audit_log).where(row.audit_id == "old1"))
    assert store.audit_verified().broken == ("2 entries without a number are there, where 3 were sealed",)
    store.close()


def test_the_last_entry_is_the_head_again_where_the_head_is_lost(store: ControlStore) -> None:
    with store.engine.begin() as con:
        con.execute(sa.delete(t.setting).where(t.setting.c.name == HEAD))
    store.audit("merge", "later", actor="ann")
    assert (store.audit_verified().entries, store.audit_verified().broken) == (7, ())


def test_no_address_or_number_enters_the_log(store: ControlStore) -> None:
    store.audit(
        "quarantine_release", "crm:contacts:ann.lee@mail.org", actor="ann", detail='{"note": "called +44 20 7946 0018, twice"}'
    )
    last = store.rows(sa.select(t.audit_log).order_by(row.seq.desc()).limit(1))[0]
    secret = store.secret("mask_secret")

    def pseudonym(value: str) -> str:
        return f"x_{hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()[:16]}"

    assert last["subject"] == f"crm:contacts:{pseudonym('ann.lee@mail.org')}"
    assert last["detail"] == f'{{"note": "called {pseudonym("+442079460018")}, twice"}}'


@pytest.mark.parametrize(
    "text",
    [
        "c_abc d_123",
        '{"decisions": ["d_1"], "reason": "2 + 2"}',
        "shopify:customers:123",
        "from load 20261128T013149_1402, 5 %",
        "a @ b",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert without_addresses(text, b"k") == text


def test_a_head_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--anchor.*NUMBER:HASH"):
        anchor("17")
