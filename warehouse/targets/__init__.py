"""Further targets of the golden tables: a published load brought into PostgreSQL, MySQL or another database.

They follow the link `golden.duckdb`, never the other way round. What a column means, and which tables there are, is handed in.
"""

from warehouse.targets.publish import TargetResult, check_target, publish_to
from warehouse.targets.settings import TargetSettings
from warehouse.targets.tables import TableSpec

__all__ = ["TableSpec", "TargetResult", "TargetSettings", "check_target", "publish_to"]
