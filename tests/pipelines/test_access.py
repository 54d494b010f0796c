"""Who may read what, live: a reader with the analyst's role runs every query of the analyst's pages and learns of no person.

On DuckDB that is the shared file, on PostgreSQL and MariaDB a masked target with the rights that `hub access grants` prints.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from hub.golden.dictionary import table_docs
from hub.golden.masking import WITHHELD, mask_of
from pipelines.access import grants
from pipelines.contents import JUDGED
from pipelines.context import Hub
from pipelines.sharing import settle_shared
from pipelines.targets import bring_up, lagging
from tests.pipelines.shared import copy_of
from tests.pipelines.test_docs import DOCS, indented_blocks
from tests.pipelines.world import World, sandbox_config
from tests.servers import MARIADB, POSTGRES
from tests.warehouse.targets.kit import Database, target_database
from warehouse.copies import CARRIED

SYSTEMS = ("postgres", "mariadb")
PAGES = {"duckdb": "questions", "postgres": "questions-postgresql", "mariadb": "questions-mysql"}
ROLES = ("analyst", "steward", "ops")
_SCHEMA = re.compile(r"\b(golden|identity|quality|ops)\.(?=[a-z])")


def questions(system: str) -> list[tuple[str, str]]:
    """The questions of a system's page, each with its SQL."""
    found = []
    for part in re.split(r"\n(?=\S)", DOCS[PAGES[system]]):
        question, _, rest = part.partition("\n\n")
        found += [(question.splitlines()[0], block) for block in indented_blocks(rest + "\n")[:1]]
    return found


def of_analyst_page(system: str) -> list[str]:
    """The queries of the analyst's page that are for a system: the macro is the file's alone, and one is for psql."""
    blocks = indented_blocks(DOCS["analyst"])
    selects = [block for block in blocks if block.upper().startswith("SELECT")]
    plain = [sql for block in selects for sql in re.sub(r" *--.*", "", block).split(";") if sql.strip()]
    psql = re.findall(r'^psql .* -c "(.*)"$', "\n".join(blocks), re.MULTILINE)
    assert (len(plain), len(psql)) == (3, 1)
    if system == "duckdb":
        return plain
    return [block for block in plain if "customer_as_of" not in block] + (psql if system == "postgres" else [])


@dataclass
class Server:
    """A system's databases, one masked and one not, and people with a role each."""

    system: str
    masked: Database
    full: Database
    prefix: str  # of the names of roles
    sessions: dict[str, sa.Connection] = field(default_factory=dict)

    def session(self, who: str) -> sa.Connection:
        if who not in self.sessions:
            url = sa.make_url(self.masked.url).set(username=f"{self.prefix}{who}_ann")
            if self.system == "mariadb":
                url = url._replace(database=None)  # in which the person has no business
            self.sessions[who] = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT").connect()
        return self.sessions[who]

    def ask(self, who: str, query: str, place: Database) -> list[Any]:
        return self.session(who).exec_driver_sql(_SCHEMA.sub(rf"{place.prefix}\1.", query).replace("%", "%%")).all()

    def run(self, script: str) -> None:
        """What psql or mysql would make of it, as an administrator."""
        with sa.create_engine(self.masked.url, isolation_level="AUTOCOMMIT").connect() as con:
            for statement in re.sub(r"^--.*\n", "", script, flags=re.MULTILINE).split(";\n"):
                if statement.strip():
                    con.exec_driver_sql(statement.replace("%", "%%"))

    def hire(self) -> None:
        """A person for each role."""
        for role in ROLES:
            name = f"{self.prefix}{role}"
            if self.system == "postgres":
                self.run(f"CREATE ROLE {name}_ann LOGIN IN ROLE {name};\n")
            else:
                self.run(f"CREATE USER {name}_ann;\nGRANT {name} TO {name}_ann;\nSET DEFAULT ROLE {name} FOR {name}_ann;\n")

    def dismiss(self) -> None:
        for session in self.sessions.values():
            session.close()
        for role in ROLES:
            name = f"{self.prefix}{role}"
            if self.system == "postgres":
                self.run(f"DROP ROLE IF EXISTS {name}_ann;\nDROP OWNED BY {name};\nDROP ROLE IF EXISTS {name};\n")
            else:
                self.run(f"DROP USER IF EXISTS {name}_ann;\nDROP ROLE IF EXISTS {name};\n")

    @cached_property
    def refused(self) -> str:
        return "permission denied" if self.system == "postgres" else "denied"


@pytest.fixture(scope="module")
def world(first_day: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The hub after its first day, with a shared file."""
    root = tmp_path_factory.mktemp("access")
    copy_of(first_day, root)
    made = World(root, sandbox_config("http://127.0.0.1:1"))
    made.configure({**made.config, "warehouse": {"shared": "data/shared/golden.duckdb"}})
    with made.hub() as hub:
        settle_shared(hub)
    return made


@pytest.fixture(scope="module")
def shared(world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(world.root / "data" / "shared" / "golden.duckdb"), read_only=True) as con:
        yield con


@contextmanager
def with_targets(world: World, system: str) -> Iterator[tuple[Hub, Server]]:
    """The hub with a masked and a full target on a system, both published, and the scripts run."""
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        masked, full = (stack.enter_context(target_database(system, patched)) for _ in range(2))
        patched.setenv("TARGET_URL", POSTGRES if system == "postgres" else MARIADB)
        url = {"url": "${TARGET_URL}"}
        publish = [
            {"name": "analysts", **url, "schema_prefix": masked.prefix, "masked": True},
            {"name": "stewards", **url, "schema_prefix": full.prefix},
        ]
        world.configure({**world.config, "publish": publish})
        server = Server(system, masked, full, masked.prefix)
        with world.hub() as hub:
            bring_up(hub, "analysts")
            bring_up(hub, "stewards")
            scripts = [grants(hub, name, prefix=server.prefix) for name in ("analysts", "stewards")]
            try:
                for script in (*scripts, *scripts):  # a second time changes nothing
                    server.run(script)
                server.hire()
                yield hub, server
            finally:
                server.dismiss()


@pytest.fixture(scope="module", params=SYSTEMS)
def targets(request: pytest.FixtureRequest, world: World) -> Iterator[tuple[Hub, Server]]:
    with with_targets(world, request.param) as made:
        yield made


def population(world: World) -> set[str]:
    """All that the people of the hub are known by, in lower case."""
    columns = (
        "full_name, given_name, family_name, company_name, email_raw, email_norm, phone_raw, phone_e164, address_line1, tax_id"
    )
    with world.working() as con:
        rows = con.execute(f"SELECT DISTINCT unnest([{columns}]) AS value FROM staging.party_record").fetchall()
    ordinary = {"customer", "shop"}  # names that a source gives to nobody in particular
    return {value.lower() for (value,) in rows if value and len(value) > 3} - ordinary


def betrayed(rows: list[Any], known: set[str]) -> set[str]:
    """What of it stands in the values of rows: as a whole value, or as a word or the value of a field in one."""
    texts = {str(value).lower() for row in rows for value in row if isinstance(value, str | list | dict)}
    words = {word for text in texts for word in re.findall(r"[^\s\"',:;{}\[\]()=?&/]+", text)}
    fields = {field for text in texts for field in re.findall(r"[\"']([^\"']+)[\"']", text)}
    return (texts | words | fields) & known


def test_the_pages_ask_the_same_questions() -> None:
    asked = [[question for question, _ in questions(system)] for system in PAGES]
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) > 30


def test_the_shared_file_answers_every_query_and_knows_nobody(world: World, shared: duckdb.DuckDBPyConnection) -> None:
    for query in (*of_analyst_page("duckdb"), *(sql for _, sql in questions("duckdb"))):
        assert len(shared.execute(query).fetchall()) == len(world.ask(query)), query
    known = population(world)
    assert len(known) > 500
    tables = shared.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1").fetchall()
    # the same look finds them in the load that is not masked
    assert betrayed(world.ask("SELECT * FROM golden.customer"), known)
    for (table,) in tables:
        assert betrayed(shared.execute(f"SELECT * FROM {table}").fetchall(), known) == set(), table
    there = {table for (table,) in tables}
    assert there == {str(doc) for doc in table_docs().values()} - WITHHELD | {"ops.shared_state"}


def test_masks_are_what_the_dictionary_says_and_keep_what_can_be_counted(world: World, shared: duckdb.DuckDBPyConnection) -> None:
    tables = {str(table) for table in (*JUDGED, *CARRIED)}
    for doc in table_docs().values():
        if str(doc) not in tables - WITHHELD:
            continue
        for column in doc.columns:
            mask = mask_of(str(doc), column)
            if mask is None:
                assert column.sensitivity in ("public", "internal")
            elif mask.name == "nothing":
                count = f'SELECT count("{column.name}") FROM {doc}'
                assert shared.execute(count).fetchall() == [(0,)], f"{doc}.{column.name}"
    counted = (
        "SELECT count(email), count(DISTINCT email), count(DISTINCT phone_e164), count(DISTINCT company_name) FROM golden.customer",
        "SELECT id_type, count(*), count(DISTINCT id_value) FROM golden.customer_identifier GROUP BY ALL ORDER BY ALL",
        "SELECT count(*) FROM golden.customer c JOIN golden.customer_identifier i ON i.id_value = c.email",
        "SELECT count(*) FROM identity.customer_xref x JOIN golden.customer_identifier i ON i.id_value = x.record_key",
        "SELECT count(*), sum(source_count) FROM golden.conflicting_attribute",
        "SELECT min(year(birth_date)) FILTER (year(birth_date) > 1930), max(year(birth_date)) FROM golden.customer",
        "SELECT count(*), count(DISTINCT email) FROM golden.customer_as_of(now()::TIMESTAMP)",
        "SELECT count(*), sum(net_amount), sum(net_amount_base) FROM golden.customer_order",
    )
    for query in counted:
        assert shared.execute(query).fetchall() == world.ask(query), query
    now = shared.execute(
        "SELECT customer_id, email, phone_e164, birth_date, postal_code FROM golden.customer ORDER BY 1"
    ).fetchall()
    then = "SELECT customer_id, email, phone_e164, birth_date, postal_code FROM golden.customer_as_of(now()::TIMESTAMP) ORDER BY 1"
    assert shared.execute(then).fetchall() == now


def test_an_analyst_runs_every_query_and_reads_no_personal_value(
    world: World, shared: duckdb.DuckDBPyConnection, targets: tuple[Hub, Server]
) -> None:
    _, server = targets
    same = dict(questions("duckdb"))
    for question, query in questions(server.system):
        rows = server.ask("analyst", query, server.masked)
        assert len(rows) == len(shared.execute(same[question]).fetchall()), question
    for query in of_analyst_page(server.system):
        server.ask("analyst", query, server.masked)
    known = population(world)
    tables = shared.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1").fetchall()
    for (table,) in tables:
        if table != "ops.shared_state":
            rows = server.ask("analyst", f"SELECT * FROM {table}", server.masked)
            assert len(rows) == shared.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0], table
            assert betrayed(rows, known) == set(), table


def test_what_holds_persons_is_refused_to_analysts_and_in_part_to_ops(targets: tuple[Hub, Server]) -> None:
    _, server = targets
    for doc in table_docs().values():
        for column in doc.columns:
            if column.sensitivity in ("personal", "sensitive"):
                with pytest.raises(sa.exc.DBAPIError, match=server.refused):
                    server.ask("analyst", f"SELECT {column.name} FROM {doc}", server.full)
                with pytest.raises(sa.exc.DBAPIError, match=server.refused):
                    server.ask("ops", f"SELECT {column.name} FROM {doc}", server.full)
    assert server.ask("steward", "SELECT count(email) FROM golden.customer", server.full)[0][0] > 50
    for query in (
        "SELECT load_id, check_id, status, message FROM quality.check_result",
        "SELECT sync_run_id, status, error FROM ops.sync_run",
        "SELECT run_id, id_churn_rate FROM identity.resolution_run",
    ):
        assert server.ask("ops", query, server.full)
    for who in ROLES:
        with pytest.raises(sa.exc.DBAPIError, match=server.refused):
            server.ask(who, "DELETE FROM ops.load_batch", server.full)
        with pytest.raises(sa.exc.DBAPIError, match=server.refused):
            server.ask(who, "DELETE FROM golden.customer", server.masked)


def test_a_column_that_is_not_said_to_be_personal_holds_nobody(world: World) -> None:
    known = population(world)
    for doc in table_docs().values():
        names = [column.name for column in doc.columns if column.sensitivity in ("public", "internal")]
        rows = world.ask(f"SELECT {', '.join(names)} FROM {doc}")
        assert betrayed(rows, known) == set(), doc


def test_rights_outlive_a_publish_and_readers_go_on_meanwhile(targets: tuple[Hub, Server]) -> None:
    hub, server = targets
    customers = "SELECT count(*), count(email) FROM golden.customer"
    before = server.ask("analyst", customers, server.masked)
    # the target is to be told everything anew: every table is replaced
    server.masked.run("UPDATE {ops.hub_published} SET content_digest = '', load_id = ''")
    seen, done = [], threading.Event()

    def read() -> None:
        while not done.is_set() or not seen:
            seen.append(server.ask("analyst", customers, server.masked))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        published = bring_up(hub, "analysts")
    finally:
        done.set()
        reader.join()
    assert "golden.customer" in published.loaded
    assert all(rows == before for rows in seen)
    assert server.ask("analyst", "SELECT count(*) FROM golden.customer_360", server.masked)[0][0] == before[0][0]


def test_a_target_that_becomes_masked_lags_behind_until_it_knows_nobody(world: World, targets: tuple[Hub, Server]) -> None:
    _, server = targets
    names = "SELECT count(*), count(full_name) FROM {golden.customer}"
    assert server.full.ask(names)[0][1] > 50
    publish = [{**target, "masked": True} for target in world.config["publish"]]
    world.configure({**world.config, "publish": publish})
    with world.hub() as hub:
        assert lagging(hub) == ["stewards"]
        bring_up(hub, "stewards")
        assert lagging(hub) == []
    assert server.full.ask(names)[0][1] == 0
    there = sa.inspect(server.full.engine).get_table_names(f"{server.full.prefix}identity")
    assert not {f"identity.{name}" for name in there} & WITHHELD
