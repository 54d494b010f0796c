"""The table of checks on the next golden load, as data: what is measured, how it is judged, and what to do when it fails.

A check belongs here if it speaks of a load as a whole; what is wrong with one staged row belongs in `expectations.rules`. Figures
come in as `expectations.frames` says; `expectations.measures` makes a value and a limit of them, which Great Expectations compares
for every thing measured. A critical check that fails holds the load; a warning only shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from expectations import measures
from expectations.frames import Row
from expectations.measures import Measure
from expectations.rules import Dimension
from expectations.settings import GateSettings

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class TableCheck:
    """One check on a load.

    Attributes:
        frame: the figures it is computed from.
        measure: value and limit of one row of them; None where there is nothing to compare with.
        relation: what the value must be to the limit.
        description: what holds when it passes; for the data dictionary.
        finding: one clause on a measure that fails, over its fields and ``subject``.
        remedy: what to do then, an imperative clause.
    """

    check_id: str
    frame: str
    dimension: Dimension
    severity: Severity
    relation: Literal["equal", "at_most"]
    measure: Callable[[Row, GateSettings], Measure | None]
    description: str
    finding: str
    remedy: str

    @property
    def columns(self) -> tuple[str, str]:
        """Where a frame that is judged holds this check's values and limits."""
        return f"{self.check_id} value", f"{self.check_id} limit"

    def expectation(self) -> Expectation:
        """The check in Great Expectations' words, over its two columns; rows in which both are missing belong to other checks."""
        from great_expectations.expectations.core import expect_column_pair_values_a_to_be_greater_than_b as at_most
        from great_expectations.expectations.core import expect_column_pair_values_to_be_equal as equal
        from great_expectations.expectations.metadata_types import FailureSeverity

        (value, limit), severity = self.columns, FailureSeverity(self.severity)
        if self.relation == "equal":
            return equal.ExpectColumnPairValuesToBeEqual(column_A=limit, column_B=value, severity=severity)
        return at_most.ExpectColumnPairValuesAToBeGreaterThanB(column_A=limit, column_B=value, or_equal=True, severity=severity)


_BUG = "this is a fault of the hub or of a mapping, not of the data: trace the listed keys from staging to golden and report it"

CHECKS: tuple[TableCheck, ...] = (
    TableCheck(
        "key_present",
        "uniqueness",
        "completeness",
        "critical",
        "at_most",
        measures.null_keys,
        "every row of a golden table has its key",
        "{value} of {total} rows of {subject} have no key",
        _BUG,
    ),
    TableCheck(
        "key_unique",
        "uniqueness",
        "uniqueness",
        "critical",
        "equal",
        measures.distinct_keys,
        "the key of a golden table occurs once; a join that multiplies rows breaks this",
        "{limit} rows of {subject} share {value} keys",
        "look for a join that multiplies the listed keys: a crosswalk or mapping that yields a record twice",
    ),
    TableCheck(
        "record_placed",
        "crosswalk",
        "conservation",
        "critical",
        "equal",
        measures.records_placed,
        "every live source record has a customer",
        "{value} of {limit} live records have a current row in the crosswalk",
        _BUG,
    ),
    TableCheck(
        "record_once",
        "crosswalk",
        "uniqueness",
        "critical",
        "equal",
        measures.records_once,
        "no source record has two customers",
        "{value} current rows in the crosswalk speak of {limit} records",
        _BUG,
    ),
    TableCheck(
        "record_known",
        "crosswalk",
        "consistency",
        "critical",
        "at_most",
        measures.records_unknown,
        "the crosswalk speaks of live records only",
        "{value} records in the crosswalk are not live in staging",
        _BUG,
    ),
    TableCheck(
        "reference_valid",
        "references",
        "consistency",
        "critical",
        "at_most",
        measures.dangling,
        "the customer_id of a fact is a customer of this load",
        "{value} of {total} rows of {subject} point at a customer that is not in golden.customer",
        _BUG,
    ),
    TableCheck(
        "reference_kept",
        "references",
        "consistency",
        "critical",
        "at_most",
        measures.unresolved_rise,
        "facts do not lose their customers from one load to the next",
        "{value} of {total} rows of {subject} lost their customer (now {now} have none, before {before}), at most {limit} may",
        "see that the source's customers were read: sync that source again, or mend what its mapping yields as party_id",
    ),
    TableCheck(
        "reference_resolved",
        "references",
        "completeness",
        "warning",
        "at_most",
        measures.unresolved,
        "most facts have a customer",
        "{value} of {total} rows of {subject} have no customer",
        "map the column that says whose the fact is (party_id, party_stream)",
    ),
    TableCheck(
        "reference_named",
        "named",
        "consistency",
        "warning",
        "at_most",
        measures.unknown_named,
        "the order, invoice or payment that a fact names is there",
        "{value} of {total} facts of {subject} name one that is not there",
        "see that the stream it is in is read and was read whole; a source that forgets old ones warns until theirs are gone too",
    ),
    TableCheck(
        "reconciled",
        "reconciliation",
        "conservation",
        "critical",
        "equal",
        measures.reconciled,
        "money and row counts per source are the same in staging and golden, to the last digit",
        "{subject} is {value} in golden and {limit} in staging",
        "compare the rows of that source and table in both; a lost or doubled row, or an amount converted on the way, explains it",
    ),
    TableCheck(
        "rows_conserved",
        "conservation",
        "conservation",
        "critical",
        "equal",
        measures.conserved,
        "rows in = loaded + unchanged + deleted + quarantined, per stream",
        "{limit} rows of {subject} came in and {value} are accounted for",
        "sync that source again with --full; if the figures stay apart, report it",
    ),
    TableCheck(
        "volume_drop",
        "volume",
        "completeness",
        "critical",
        "at_most",
        measures.volume_lost,
        "a table does not lose a large part of a source's rows at once",
        "{value} of {before} rows of {subject} are gone, at most {limit} may be",
        "see whether the source really deleted them; if it did, raise gate.max_volume_drop for this load",
    ),
    TableCheck(
        "volume_growth",
        "volume",
        "consistency",
        "critical",
        "at_most",
        measures.volume_gained,
        "a table does not grow to a multiple at once",
        "{subject} grew from {before} to {now} rows, by more than {limit}",
        "see whether the source really has so many (a backfill, an import); if so, raise gate.max_volume_growth for this load",
    ),
    TableCheck(
        "completeness_drop",
        "completeness",
        "completeness",
        "critical",
        "at_most",
        measures.fills_lost,
        "contact columns do not empty from one load to the next",
        "{value} customers lost their {subject} (filled before {before}, now {now}), at most {limit} may",
        "look for a renamed or emptied field in the sources that fill it and mend the mapping",
    ),
    TableCheck(
        "id_churn",
        "identity",
        "consistency",
        "critical",
        "at_most",
        measures.ids_changed,
        "records keep their customer ID",
        "{value} of {total} records changed their customer ID, at most {limit} may",
        "see what joined or split them (hub explain); if it is right, raise gate.max_id_churn for this load",
    ),
    TableCheck(
        "merged_share",
        "identity",
        "consistency",
        "critical",
        "at_most",
        measures.ids_merged,
        "few customers merge into another at once",
        "{value} of {total} customers were merged into another, at most {limit} may be",
        "look for a value that glues strangers together (hub explain); if they are one, raise gate.max_merged_share for this load",
    ),
    TableCheck(
        "cluster_size",
        "identity",
        "validity",
        "critical",
        "at_most",
        measures.largest_cluster,
        "no customer is made of more records than identity.max_cluster_size",
        "the largest customer has {value} different records, at most {limit} may be one",
        "look for a value that its records share and strangers share too, a mailbox or a phone (hub explain)",
    ),
    TableCheck(
        "quarantine_share",
        "quarantine",
        "validity",
        "critical",
        "at_most",
        measures.quarantined,
        "few of a source's new rows are unusable",
        "{value} of {total} new rows of {subject} are in quarantine, at most {limit} may be",
        "read the reasons in the quarantine and mend the source or its mapping",
    ),
    TableCheck(
        "dates_plausible",
        "future_dates",
        "validity",
        "critical",
        "at_most",
        measures.dated_ahead,
        "facts are not dated in the future",
        "{value} of {total} rows of {subject} are dated more than two days ahead, at most {limit} may be",
        "see whether a date format or time zone is read wrongly in the mapping",
    ),
    TableCheck(
        "source_fresh",
        "freshness",
        "freshness",
        "warning",
        "at_most",
        measures.hours_stale,
        "every source was synced lately",
        "{subject} is stale (hours since its last successful sync: {value}, expected within {limit})",
        "see hub status and sync it; its rows in this load are as old as that",
    ),
    TableCheck(
        "mailbox_own",
        "shared_mailbox",
        "uniqueness",
        "warning",
        "at_most",
        measures.mailboxes_shared,
        "most e-mails belong to one customer",
        "{value} of {total} e-mails are held by more than one customer",
        "households and role mailboxes are ordinary; if people occur twice, see the review tasks",
    ),
    TableCheck(
        "mailbox_flood",
        "mailbox",
        "uniqueness",
        "critical",
        "at_most",
        measures.mailbox_risen,
        "no e-mail comes to be held by many records at once",
        "one e-mail is held by {value} records more than before (now {now} of {total}), at most {limit} may be added",
        "see which form or import fills in the same address for everybody and mend it there; the listed records hold it",
    ),
    TableCheck(
        "rows_doubled",
        "duplicates",
        "uniqueness",
        "critical",
        "at_most",
        measures.doubles_risen,
        "facts are not told twice under different IDs",
        "{value} of {total} rows of {subject} came to tell the same as another (customer, time and amount), at most {limit} may",
        "see whether the source was exported twice or its IDs changed; delete one of each at the source or mend the mapping's id",
    ),
    TableCheck(
        "currency_kept",
        "currency_changes",
        "consistency",
        "critical",
        "at_most",
        measures.currencies_changed,
        "facts keep their currency",
        "{value} of {total} rows of {subject} have another currency than before, at most {limit} may",
        "look for columns or labels of currency that were exchanged in the source's export or in the mapping",
    ),
    TableCheck(
        "currency_mix",
        "currency_mix",
        "consistency",
        "critical",
        "at_most",
        measures.currencies_shifted,
        "what comes in has the currencies that came before, in about their shares",
        "{value} of {total} new or changed rows of {subject} have a currency beyond its usual share, at most {limit} may",
        "see whether the source labels its currencies as before; if it does (a new market, an old backfill), use hub gate override",
    ),
    TableCheck(
        "amount_scale",
        "amounts",
        "validity",
        "critical",
        "at_most",
        measures.amounts_scaled,
        "amounts are of the size that they were",
        "the median of {subject} differs from the one before by a factor of {value} (over {total} new or changed rows),"
        " at most {limit} may be",
        "see whether amounts are in cents or in another currency than said, or a decimal comma is read as a point",
    ),
    TableCheck(
        "values_lost",
        "values",
        "completeness",
        "critical",
        "at_most",
        measures.fills_lost,
        "columns of a source do not empty from one load to the next",
        "{value} rows lost {subject} (filled before {before}, now {now}), at most {limit} may",
        "look for a renamed or emptied field in that source and mend the mapping",
    ),
    TableCheck(
        "schema_kept",
        "schema",
        "consistency",
        "warning",
        "at_most",
        measures.columns_lost,
        "golden tables keep their columns and types",
        "{value} of {total} columns of {subject} are gone or of another type",
        "a new version of the hub explains it; tell those whose queries use the listed columns",
    ),
    TableCheck(
        "volume_usual",
        "history",
        "completeness",
        "warning",
        "at_most",
        measures.arrivals_beyond,
        "a load brings about as many rows as loads usually do",
        "{total} rows of {subject} came or changed, {value} more than usual; {limit} more would be ordinary",
        "see whether a backfill, an import or a campaign explains it",
    ),
    TableCheck(
        "nulls_usual",
        "history",
        "completeness",
        "warning",
        "at_most",
        measures.nulls_beyond,
        "columns of what comes in are about as full as usual",
        "the share of {subject} is {value} above its usual one (of {total} rows); {limit} would be ordinary",
        "look for a field that the source no longer fills",
    ),
    TableCheck(
        "amounts_usual",
        "history",
        "validity",
        "warning",
        "at_most",
        measures.amounts_beyond,
        "amounts that come in are of about the usual size",
        "the median of {subject} is {value} from its usual one (over {total} rows); {limit} would be ordinary, 0.3 is double",
        "see whether prices, or the way in which the source counts amounts, changed",
    ),
    TableCheck(
        "match_rate_usual",
        "history",
        "consistency",
        "warning",
        "at_most",
        measures.links_beyond,
        "about as large a share of the records as usual is linked to others",
        "the share of linked records is {value} from its usual one (of {total} records); {limit} would be ordinary",
        "see hub evaluate --blocking and the newest decisions; a new source or a changed rule may explain it",
    ),
    TableCheck(
        "cluster_sizes_usual",
        "history",
        "consistency",
        "warning",
        "at_most",
        measures.sizes_beyond,
        "about as large a share of the customers as usual has five records or more",
        "the share of customers with five records or more is {value} above its usual one (of {total}); {limit} would be ordinary",
        "look for a value that strangers share (hub explain)",
    ),
)
