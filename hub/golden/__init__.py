"""The unified customer: survivorship with provenance, and facts resolved through the crosswalk.

Builds the tables of the load being made; whether it is good enough and where it is published is decided elsewhere.
"""

from hub.golden.basis import HowBuilt, how_built
from hub.golden.build import build_golden
from hub.golden.deltas import TableDelta, gone, table_deltas
from hub.golden.history import as_of_macro, attributes
from hub.golden.rates import check_rates
from hub.golden.segments import check_segments
from hub.golden.settings import ConsentSettings, GoldenSettings, ReportingSettings, SurvivorshipSettings
from hub.golden.suppression import Suppressions
from hub.golden.tables import TABLES, VIEWS

__all__ = [
    "TABLES",
    "VIEWS",
    "ConsentSettings",
    "GoldenSettings",
    "HowBuilt",
    "ReportingSettings",
    "Suppressions",
    "SurvivorshipSettings",
    "TableDelta",
    "as_of_macro",
    "attributes",
    "build_golden",
    "check_rates",
    "check_segments",
    "gone",
    "how_built",
    "table_deltas",
]
