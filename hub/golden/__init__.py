"""The unified customer: survivorship with provenance, and facts resolved through the crosswalk.

Builds the tables of the load being made; whether it is good enough and where it is published is decided elsewhere.
"""

from hub.golden.build import TABLES, VIEWS, TableDelta, build_golden, table_deltas
from hub.golden.history import as_of_macro, attributes
from hub.golden.rates import check_rates
from hub.golden.segments import check_segments
from hub.golden.settings import GoldenSettings, ReportingSettings, SurvivorshipSettings

__all__ = [
    "TABLES",
    "VIEWS",
    "GoldenSettings",
    "ReportingSettings",
    "SurvivorshipSettings",
    "TableDelta",
    "as_of_macro",
    "attributes",
    "build_golden",
    "check_rates",
    "check_segments",
    "table_deltas",
]
