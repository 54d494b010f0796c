"""Which records are one customer, and which lasting ID that customer has.

Blocking, comparison, model, scoring, clustering, the ID registry and evaluation, each over tables of a DuckDB connection.
"""

from hub.identity.accounts import account_rules, link_accounts
from hub.identity.analysis import BlockingAnalysis, CappedKey, Missed, RuleCost, analyse_blocking
from hub.identity.carrying import carry_ids
from hub.identity.doubts import Doubt
from hub.identity.evaluation import Evaluation, evaluate
from hub.identity.explanation import ComparisonShown, Explanation, Step, explain
from hub.identity.forbidding import Forbidden
from hub.identity.lookup import current_customer
from hub.identity.model_card import LevelWeight, ModelCard, model_card, model_cards
from hub.identity.resolution import ResolutionReport, resolve
from hub.identity.settings import IdentitySettings

__all__ = [
    "BlockingAnalysis",
    "CappedKey",
    "ComparisonShown",
    "Doubt",
    "Evaluation",
    "Explanation",
    "Forbidden",
    "IdentitySettings",
    "LevelWeight",
    "Missed",
    "ModelCard",
    "ResolutionReport",
    "RuleCost",
    "Step",
    "account_rules",
    "analyse_blocking",
    "carry_ids",
    "current_customer",
    "evaluate",
    "explain",
    "link_accounts",
    "model_card",
    "model_cards",
    "resolve",
]
