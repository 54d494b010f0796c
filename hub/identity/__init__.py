"""Which records are one customer, and which lasting ID that customer has.

Blocking, comparison, model, scoring, clustering, the ID registry and evaluation, each over tables of a DuckDB connection.
"""

from hub.identity.evaluation import Evaluation, evaluate
from hub.identity.explanation import ComparisonShown, Explanation, Step, explain
from hub.identity.lookup import current_customer
from hub.identity.resolution import ResolutionReport, resolve
from hub.identity.settings import IdentitySettings

__all__ = [
    "ComparisonShown",
    "Evaluation",
    "Explanation",
    "IdentitySettings",
    "ResolutionReport",
    "Step",
    "current_customer",
    "evaluate",
    "explain",
    "resolve",
]
