"""Days on which nothing is wrong; a gate that holds one of them cries wolf."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.expectations.figures import Figures, changed, healthy, verdict


def quiet_day() -> Figures:
    figures = healthy()
    for row in figures["volume"]:
        row["rows"] = row["rows_before"]
    for row in figures["conservation"] + figures["quarantine"]:
        row |= {name: 0 for name in row if isinstance(row[name], int)}
    figures["identity"][0] |= {"records_changed": 0, "merged_ids": 0}
    return figures


def busy_day() -> Figures:
    figures = changed("conservation", 0, rows_in=905, loaded=900, unchanged=0, deleted=0, quarantined=5)
    figures["volume"][1]["rows"] = 8800
    figures["quarantine"][0] |= {"rows_in": 905, "quarantined": 5}
    return figures


def new_source() -> Figures:
    """A CRM of 4,000 people joins: most are known, few have an e-mail, some bridge two customers; its orders name no customer."""
    figures = healthy()
    figures["crosswalk"][0] = {
        "records_live": 16000,
        "current_rows": 16000,
        "distinct_current_records": 16000,
        "unknown_records": 0,
    }
    figures["identity"][0] |= {"records_changed": 180, "merged_ids": 90}
    figures["volume"][0] |= {"rows": 6300}
    figures["volume"].append(
        {"table": "customer_order", "source_system": "legacy_crm", "rows": 50000, "rows_before": None, "backfilled": 0}
    )
    figures["completeness"][0] |= {"filled": 4650, "rows": 6300}
    figures["completeness"][1] |= {"filled": 2080, "rows": 6300}
    figures["references"].append(
        {
            "table": "customer_order",
            "source_system": "legacy_crm",
            "facts": 50000,
            "unresolved": 50000,
            "dangling": 0,
            "facts_before": None,
            "unresolved_before": None,
        }
    )
    return figures


def price_change() -> Figures:
    return changed("reconciliation", 0, source_value=Decimal("1624691.34"), golden_value=Decimal("1624691.34"))


def mails_migrated() -> Figures:
    """5 % of the e-mails move to another domain: filled before and after, some records change hands."""
    figures = changed("completeness", 0, filled=4470)
    figures["identity"][0] |= {"records_changed": 150}
    return figures


def a_tenth_purged() -> Figures:
    """Retention deletes a tenth of the customers at the source."""
    figures = changed("volume", 0, rows=4455)
    figures["completeness"] = [
        {"column": "email", "filled": 4020, "filled_before": 4470, "rows": 4455, "rows_before": 4950},
        {"column": "phone", "filled": 1880, "filled_before": 2090, "rows": 4455, "rows_before": 4950},
    ]
    return figures


def backfill_of_a_small_table() -> Figures:
    return changed("volume", 2, rows=1030, rows_before=30)


def backfill_that_somebody_asked_for() -> Figures:
    """`hub sync --since` brings ten years of orders; new addresses, too, and a currency that is no longer used."""
    return changed("volume", 1, rows=108000, rows_before=7900, backfilled=100000)


def campaign_with_few_answers() -> Figures:
    """Much more than usual comes in, and emptier; that is worth a word and no more."""
    figures = changed("history", 0, value=90000, rows=90000)
    figures["history"][1] |= {"value": 0.99}
    return figures


def guests_without_account() -> Figures:
    """A shop whose orders never named many customers goes on as before; the standing share only warns."""
    return changed("references", 0, facts=8000, unresolved=4060, facts_before=7900, unresolved_before=4000)


@pytest.mark.parametrize(
    "day",
    [
        *(healthy, quiet_day, busy_day, new_source, price_change, mails_migrated, a_tenth_purged, backfill_of_a_small_table),
        *(backfill_that_somebody_asked_for, campaign_with_few_answers),
    ],
)
def test_a_benign_day_is_published(day: object) -> None:
    assert callable(day)
    result = verdict(day())
    assert (result.decision, result.blocking) == ("pass", ())


def test_facts_that_never_had_a_customer_warn_and_hold_nothing() -> None:
    result = verdict(guests_without_account())
    assert (result.decision, result.warnings) == ("pass", ("reference_resolved",))


def test_emails_that_vanish_while_a_source_joins_are_held_all_the_same() -> None:
    figures = new_source()
    figures["completeness"][0] |= {"filled": 200}
    assert verdict(figures).blocking == ("completeness_drop",)
