"""What MySQL wants otherwise than MariaDB, as far as a MariaDB can stand in for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymysql
import pytest

from hub.contract.errors import ConfigError
from tests.warehouse.targets.kit import Database, Loads
from warehouse.targets import check_target, mysql
from warehouse.targets.errors import trouble
from warehouse.targets.mysql import MySql
from warehouse.targets.server import Server
from warehouse.targets.tables import TableSpec

OLD = "utf8mb4_bin"


def test_the_collation_is_the_best_that_the_server_has(mariadb: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers before MySQL 8.0.17, and those that only speak like it, know neither of the first two."""
    asked = mysql.MySql._rows

    def older(self: Any, statement: str) -> list[tuple[Any, ...]]:
        found = asked(self, statement)
        return [row for row in found if row == (OLD,)] if "information_schema.collations" in statement else found

    loads.make("L1")
    mariadb.publish(loads)
    collation = (
        "SELECT DISTINCT collation_name FROM information_schema.columns"
        f" WHERE table_schema = '{mariadb.prefix}golden' AND column_name = 'customer_id'"
    )
    assert mariadb.ask(collation) == [("utf8mb4_nopad_bin",)]
    monkeypatch.setattr(mysql.MySql, "_rows", older)
    for schema in ("golden", "identity", "ops"):
        mariadb.run(f"DROP DATABASE {mariadb.prefix}{schema}")
    mariadb.publish(loads)
    assert mariadb.ask(collation) == [(OLD,)]
    assert mariadb.ask("SELECT count(*) FROM {identity.customer_xref}") == [(2,)]  # case still counts


def test_all_that_the_hub_makes_for_itself_has_a_primary_key(
    mariadb: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Managed servers often take no table without (sql_require_primary_key)."""
    ran: list[str] = []
    run = mysql.MySql._run

    def noted(self: Any, statement: str) -> int:
        ran.append(statement)
        return run(self, statement)

    monkeypatch.setattr(mysql.MySql, "_run", noted)
    loads.make("L1")
    check_target(mariadb.settings, [TableSpec("golden", "customer", ("customer_id",))])
    mariadb.publish(loads)
    loads.make("L2", "DELETE FROM golden.customer_order WHERE order_key = 'o7'")
    mariadb.publish(loads)
    made = [statement for statement in ran if statement.startswith(("CREATE TABLE", "CREATE TEMPORARY TABLE"))]
    assert len(made) > 5
    assert [statement for statement in made if "PRIMARY KEY" not in statement] == []


@pytest.mark.parametrize("code", [3750, 1173])
def test_a_server_that_wants_a_key_where_there_is_none_is_told_apart(code: int) -> None:
    said = str(trouble(pymysql.err.OperationalError(code, "Unable to create or change a table"), "analytics", "ANALYTICS_URL"))
    assert "takes no table without a primary key" in said
    assert "sql_require_primary_key" in said
    assert "Unable to create" not in said


def test_a_password_that_cannot_be_encrypted_is_a_line_and_no_traceback(
    mariadb: Database, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise RuntimeError("'cryptography' package is required for sha256_password or caching_sha2_password auth methods")

    loads.make("L1")
    refusal = r"publish\.analytics\.url: the server takes passwords only encrypted.*pymysql\[rsa\]"
    with monkeypatch.context() as patched:
        patched.setattr(pymysql.connections.Connection, "connect", refused)
        with pytest.raises(ConfigError, match=refusal):
            mariadb.publish(loads)


def test_a_server_that_asks_for_a_file_of_ours_while_nothing_is_loaded_does_not_get_it(
    mariadb: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a hostile server does at any statement, a friendly one does when it is told to."""
    secret = tmp_path / "secret"
    secret.write_text("stolen\n")
    mariadb.run("DROP TABLE IF EXISTS taken", "CREATE TABLE taken (line text)")
    try:
        with Server(mariadb.settings).connected() as con, pytest.raises(RuntimeError, match="local_infile option is false"):
            MySql(con, mariadb.prefix, "analytics")._run(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE taken")
        assert mariadb.ask("SELECT count(*) FROM taken") == [(0,)]
    finally:
        mariadb.run("DROP TABLE taken")
