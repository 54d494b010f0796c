"""What makes data good enough: row rules that quarantine, table rules that hold a load, and the verdict over them.

It judges frames handed to it and never opens the warehouse; Great Expectations is imported only inside the functions that use it.
"""

from expectations.checks import CHECKS
from expectations.frames import FRAMES
from expectations.own import expect, failing_rows
from expectations.report import to_markdown
from expectations.row_sql import failing_rows_sql, judge_relation
from expectations.rules import RowFailure, RowResult, RowRule, check_rows, row_rules
from expectations.settings import GateSettings
from expectations.table_check import TableCheck
from expectations.verdict import CheckResult, Verdict, judge

__all__ = [
    "CHECKS",
    "FRAMES",
    "CheckResult",
    "GateSettings",
    "RowFailure",
    "RowResult",
    "RowRule",
    "TableCheck",
    "Verdict",
    "check_rows",
    "expect",
    "failing_rows",
    "failing_rows_sql",
    "judge",
    "judge_relation",
    "row_rules",
    "to_markdown",
]
