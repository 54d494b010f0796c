"""From figures to what is judged: per check one small function that says what was observed, and what may be at most or must be.

Pure functions over one row of figures (see `expectations.frames`) and the settings; names, severities and remedies of the checks
belong in `expectations.checks`. All are whole rows or exact decimals: a share of n rows is turned into a number of rows, so that no
float decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from expectations.frames import Row
from expectations.settings import GateSettings

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Measure:
    """What one row of figures says on one check.

    Attributes:
        value: what was observed.
        limit: what it may be at most, or must be.
        affected: rows of data that are wrong if it fails.
        total: rows of data it is about.
        before: the same in the last published load, where compared.
        now: what `before` is compared with.
        said: what else there is to say of it, as a clause.
    """

    value: Number
    limit: Number
    affected: int
    total: int
    before: int | None = None
    now: int | None = None
    said: str = ""


def allowed(share: float, rows: int, settings: GateSettings) -> int:
    """How many of so many rows a share allows: at least `tolerated_rows`, as one bad row of three says little; none if it is 0."""
    return 0 if share == 0 else max(settings.tolerated_rows, int(Decimal(str(share)) * rows))


def null_keys(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["null_keys"], 0, row["null_keys"], row["rows"])


def distinct_keys(row: Row, settings: GateSettings) -> Measure:
    keyed = row["rows"] - row["null_keys"]
    return Measure(row["distinct_keys"], keyed, abs(keyed - row["distinct_keys"]), row["rows"])


def unconverted(row: Row, settings: GateSettings) -> Measure:
    lost = row["unconverted"]
    said = f"{row['amount']:,f} {row['currency']} of {row['first_day']} to {row['last_day']}" if lost else ""
    return Measure(lost, 0, lost, row["facts"], said=said)


def records_placed(row: Row, settings: GateSettings) -> Measure:
    placed = row["distinct_current_records"] - row["unknown_records"]
    return Measure(placed, row["records_live"], abs(row["records_live"] - placed), row["records_live"])


def records_once(row: Row, settings: GateSettings) -> Measure:
    distinct, rows = row["distinct_current_records"], row["current_rows"]
    return Measure(rows, distinct, abs(rows - distinct), rows)


def records_unknown(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["unknown_records"], 0, row["unknown_records"], row["current_rows"])


def dangling(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["dangling"], 0, row["dangling"], row["facts"])


def unresolved(row: Row, settings: GateSettings) -> Measure:
    limit = allowed(settings.max_unresolved_share, row["facts"], settings)
    return Measure(row["unresolved"], limit, row["unresolved"], row["facts"])


def unresolved_rise(row: Row, settings: GateSettings) -> Measure | None:
    """Unresolved facts beyond the last load's share of them; a source that never named its customers rises by nothing."""
    facts, before = row["facts"], row["facts_before"]
    if not before or row["unresolved_before"] is None:
        return None
    expected = -(-row["unresolved_before"] * facts // before)  # rounded up
    risen = max(0, row["unresolved"] - expected)
    limit = allowed(settings.max_unresolved_rise, facts, settings)
    return Measure(risen, limit, risen, facts, row["unresolved_before"], row["unresolved"])


def unknown_named(row: Row, settings: GateSettings) -> Measure:
    limit = allowed(settings.max_unresolved_share, row["naming"], settings)
    return Measure(row["unknown"], limit, row["unknown"], row["naming"])


def reconciled(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["golden_value"], row["source_value"], 1, 1)


def conserved(row: Row, settings: GateSettings) -> Measure:
    accounted = row["loaded"] + row["unchanged"] + row["deleted"] + row["quarantined"]
    return Measure(accounted, row["rows_in"], abs(row["rows_in"] - accounted), row["rows_in"])


def volume_lost(row: Row, settings: GateSettings) -> Measure | None:
    now, before = row["rows"], row["rows_before"]
    if not before:
        return None
    lost = max(0, before - now)
    return Measure(lost, allowed(settings.max_volume_drop, before, settings), lost, before, before, now)


def volume_gained(row: Row, settings: GateSettings) -> Measure | None:
    now, before = row["rows"], row["rows_before"]
    if not before:
        return None
    gained = max(0, now - before - row["backfilled"])  # a backfill was asked for
    limit = max(settings.min_growth_rows, int((Decimal(str(settings.max_volume_growth)) - 1) * before))
    return Measure(gained, limit, gained, now, before, now)


def fills_lost(row: Row, settings: GateSettings) -> Measure | None:
    """Values lost both in number and against the last share filled: neither a purge nor a new source loses any."""
    filled, before = row["filled"], row["filled_before"]
    if not before or not row["rows_before"]:
        return None
    expected = before * row["rows"] // row["rows_before"]
    lost = max(0, min(before, expected) - filled)
    return Measure(lost, allowed(settings.max_completeness_drop, before, settings), lost, row["rows"], before, filled)


def ids_changed(row: Row, settings: GateSettings) -> Measure | None:
    changed, compared = row["records_changed"], row["records_compared"]
    if not compared or changed is None:
        return None
    return Measure(changed, allowed(settings.max_id_churn, compared, settings), changed, compared)


def ids_merged(row: Row, settings: GateSettings) -> Measure | None:
    merged, customers = row["merged_ids"], row["customers_before"]
    if not customers or merged is None:
        return None
    return Measure(merged, allowed(settings.max_merged_share, customers, settings), merged, customers)


def largest_cluster(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["largest_cluster"], row["max_cluster_size"], row["largest_cluster"], row["largest_cluster"])


def quarantined(row: Row, settings: GateSettings) -> Measure | None:
    if not row["rows_in"]:
        return None
    limit = allowed(settings.max_quarantine_share, row["rows_in"], settings)
    return Measure(row["quarantined"], limit, row["quarantined"], row["rows_in"])


def hours_stale(row: Row, settings: GateSettings) -> Measure:
    hours = row["hours_since_success"]
    return Measure(Decimal("Infinity") if hours is None else round(hours, 3), row["fresh_within_hours"], 1, 1)


def mailboxes_shared(row: Row, settings: GateSettings) -> Measure:
    limit = allowed(settings.max_shared_mailbox_share, row["emails"], settings)
    return Measure(row["shared"], limit, row["shared"], row["emails"])


def dated_ahead(row: Row, settings: GateSettings) -> Measure:
    limit = allowed(settings.max_future_share, row["rows"], settings)
    return Measure(row["in_future"], limit, row["in_future"], row["rows"])


def mailbox_risen(row: Row, settings: GateSettings) -> Measure | None:
    if row["holders_before"] is None:
        return None
    risen = max(0, row["holders"] - row["holders_before"])
    limit = max(settings.min_mailbox_records, allowed(settings.max_mailbox_rise, row["records"], settings))
    return Measure(risen, limit, risen, row["records"], row["holders_before"], row["holders"])


def doubles_risen(row: Row, settings: GateSettings) -> Measure | None:
    """Facts told twice beyond the last load's share of them; ten equal invoices on a day may be a source's habit."""
    rows, before = row["rows"], row["rows_before"]
    if not before or row["doubled_before"] is None:
        return None
    expected = -(-row["doubled_before"] * rows // before)  # rounded up
    risen = max(0, row["doubled"] - expected)
    limit = allowed(settings.max_doubled_share, rows, settings)
    return Measure(risen, limit, risen, rows, row["doubled_before"], row["doubled"])


def currencies_changed(row: Row, settings: GateSettings) -> Measure | None:
    if not row["compared"]:
        return None
    limit = allowed(settings.max_currency_changed, row["compared"], settings)
    return Measure(row["changed"], limit, row["changed"], row["compared"])


def currencies_shifted(row: Row, settings: GateSettings) -> Measure | None:
    if row["shifted"] is None:
        return None
    return Measure(row["shifted"], allowed(settings.max_currency_shift, row["arrived"], settings), row["shifted"], row["arrived"])


def amounts_scaled(row: Row, settings: GateSettings) -> Measure | None:
    if row["factor"] is None:
        return None
    return Measure(row["factor"], Decimal(str(settings.max_amount_factor)), row["arrived"], row["arrived"])


def columns_lost(row: Row, settings: GateSettings) -> Measure:
    return Measure(row["lost"], 0, row["lost"], row["columns_before"])


def arrivals_beyond(row: Row, settings: GateSettings) -> Measure | None:
    """Three times the usual and a thousand rows more are a busy day, not worth a word."""
    usual = row["usual"]
    return _beyond(row, settings, "arrived", None if usual is None else max(Decimal(settings.min_growth_rows), 2 * usual))


def nulls_beyond(row: Row, settings: GateSettings) -> Measure | None:
    return _beyond(row, settings, "null_share", Decimal("0.25"))


def amounts_beyond(row: Row, settings: GateSettings) -> Measure | None:
    """Three times as much, or a third: half a step of a logarithm."""
    return _beyond(row, settings, "amount_log10", Decimal("0.5"), both_ways=True)


def links_beyond(row: Row, settings: GateSettings) -> Measure | None:
    return _beyond(row, settings, "match_rate", Decimal("0.1"), both_ways=True)


def sizes_beyond(row: Row, settings: GateSettings) -> Measure | None:
    return _beyond(row, settings, "large_share", Decimal("0.05"))


def _beyond(row: Row, settings: GateSettings, measure: str, floor: Decimal | None, *, both_ways: bool = False) -> Measure | None:
    """How far a figure is from its usual course, next to how far it strays on ordinary days; at least `floor` is ordinary."""
    if row["measure"] != measure or row["loads"] < settings.min_history or row["usual"] is None or floor is None:
        return None
    away = row["value"] - row["usual"]
    limit = max(floor, Decimal(str(settings.history_width)) * row["spread"])
    return Measure(max(Decimal(0), abs(away) if both_ways else away), limit, row["rows"], row["rows"])
