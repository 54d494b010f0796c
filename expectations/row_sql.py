"""The row rules as SQL over a relation of candidate rows, for streams so large that no frame should hold them.

DuckDB finds the rows, Great Expectations judges how many each rule found. Which rules there are is in `expectations.rules`;
that both ways find the same rows is what the tests hold them to.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from expectations.currencies import known_currencies
from expectations.engine import validate
from expectations.gx_import import import_gx
from expectations.rules import RowRule, check_rows, judged_columns, row_rules
from hub.contract.errors import GateError

if TYPE_CHECKING:
    import duckdb

FOUND = "row_rules_found"


def failing_rows_sql(table: str, relation: str, *, key: str, place: str) -> str:
    """A query of the rows that break a rule of a staging table, with the columns row_no, key and rules (numbers from 1, in order).

    Args:
        relation: what to judge; it has the columns that `check_rows` asks of a frame.
        key: the column that names a row.
        place: the column that says which row of the relation it is.

    Raises:
        GateError: there is no staging table of that name.
    """
    broken = [_broken(rule) for rule in row_rules(table)]
    tests = {f"broken_{number}": test for number, test in enumerate(broken, start=1)}
    text = files(__package__).joinpath("row_rules.sql").read_text(encoding="utf-8")
    parts = {
        "relation": relation,
        "key": f'"{key}"',
        "place": f'"{place}"',
        "tests": ",\n         ".join(f"{test} AS {name}" for name, test in tests.items()),
        "numbered": ", ".join(f"CASE WHEN {name} THEN {number} END" for number, name in enumerate(tests, start=1)),
        "any": " OR ".join(tests),
    }
    for name, part in parts.items():
        text = text.replace("{" + name + "}", part)
    return text


def _broken(rule: RowRule) -> str:
    """SQL that is true of a row that breaks the rule, never NULL."""
    column = f'"{rule.subject}"'
    match rule.problem:
        case "repeated":
            return f"coalesce({column} IN (SELECT repeated_key FROM repeated), false)"
        case "unknown_currency":
            # one literal and not one a code, each of which DuckDB would parse and bind
            return f"coalesce({column} NOT IN (SELECT unnest(string_split('{' '.join(sorted(known_currencies()))}', ' '))), false)"
        case _:
            return f'({column} IS NULL AND "{rule.only_where}" IS NOT NULL)' if rule.only_where else f"({column} IS NULL)"


def judge_relation(
    con: duckdb.DuckDBPyConnection, table: str, relation: str, *, key: str, place: str, into: str, in_sql_from: int
) -> None:
    """Judge the rows of a relation and make the temporary table ``into`` of those to quarantine, each once.

    Args:
        into: gets the columns row_no, check_id and reason, of the first rule that a row broke.
        in_sql_from: so many rows and more are judged in SQL, fewer as a frame.

    Raises:
        GateError: a rule could not be computed. It says nothing of the data.
    """
    rows = con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0]
    way = _judge_in_sql if rows >= in_sql_from else _judge_frame
    way(con, table, relation, key, place, into)


def _judge_in_sql(con: duckdb.DuckDBPyConnection, table: str, relation: str, key: str, place: str, into: str) -> None:
    rules = row_rules(table)
    select = failing_rows_sql(table, relation, key=key, place=place)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {FOUND} AS {select}")
    counted = dict(con.execute(f"SELECT unnest(rules) AS rule, count(*) FROM {FOUND} GROUP BY rule").fetchall())
    failed = _failed([counted.get(number, 0) for number in range(1, len(rules) + 1)])
    if failed != set(counted):
        raise GateError(
            f"the row rules of {table} were judged otherwise than counted", remedy="report it; it says nothing of the data"
        )
    _note(con, table, into, f"SELECT row_no, rules[1] AS rule FROM {FOUND}", {})
    con.execute(f"DROP TABLE {FOUND}")


def _failed(counts: list[int]) -> set[int]:
    """The numbers of the rules that Great Expectations finds broken, by how many rows each found."""
    failing = _failing(frozenset(counts))
    return {number for number, count in enumerate(counts, start=1) if count in failing}


@cache
def _failing(counts: frozenset[int]) -> frozenset[int]:
    """Those counts that Great Expectations finds to be more than none. Its answer depends on nothing else, and most streams have no
    row that breaks a rule: the same counts are put to it once."""
    import_gx()
    import pandas as pd
    from great_expectations.expectations.core.expect_column_values_to_be_between import ExpectColumnValuesToBeBetween

    given = sorted(counts)
    none_fails = ExpectColumnValuesToBeBetween(column="failing", min_value=0, max_value=0)
    outcome = validate(pd.DataFrame({"failing": given}), {"no row breaks the rule": none_fails})["no row breaks the rule"]
    return frozenset(given[row] for row in outcome.rows)


def _judge_frame(con: duckdb.DuckDBPyConnection, table: str, relation: str, key: str, place: str, into: str) -> None:
    numbers = {rule.check_id: number for number, rule in enumerate(row_rules(table), start=1)}
    columns = ", ".join(f'"{column}"' for column in (place, *judged_columns(table, key)))
    frame = con.execute(f'SELECT {columns} FROM {relation} ORDER BY "{place}"').df()
    broken = check_rows(table, frame, key).quarantine
    places = frame[place].tolist()
    _note(
        con,
        table,
        into,
        "SELECT unnest($rows::BIGINT[]) AS row_no, unnest($rules::INTEGER[]) AS rule",
        {
            "rows": [places[failure.row] for failure in broken],
            "rules": [numbers[failure.check_id] for failure in broken],
        },
    )


def _note(con: duckdb.DuckDBPyConnection, table: str, into: str, found: str, values: dict[str, list[int]]) -> None:
    """The table `into` from a query of row_no and rule, which is the number of the rule that a row is turned down for."""
    rules = row_rules(table)
    said = {"checks": [rule.check_id for rule in rules], "reasons": [rule.reason for rule in rules]}
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT row_no, $checks[rule] AS check_id, $reasons[rule] AS reason FROM ({found})",
        {**values, **said},
    )
