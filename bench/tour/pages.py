"""The pages of the tour: which question each answers, and the figures it must show, as the hub's own records have them.

What is to be seen on them is said in docs/tour.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.tour.browser import Browser, Wanted
from expectations import CHECKS
from pipelines.context import Hub
from pipelines.report import hub_status

Expected = Callable[[Hub], list[Wanted]]
HELD_BY = "rows_doubled"


@dataclass(frozen=True)
class Page:
    """One picture.

    Attributes:
        question: what ops ask.
        path: where the UI answers it.
        expected: the texts and patterns that it must show.
        height: of the window.
        clicks: labels to click first.
        top: a text to bring to the top of the picture.
    """

    name: str
    question: str
    path: str
    expected: Expected
    height: int = 860
    clicks: tuple[str, ...] = ()
    top: str | None = None

    def visit(self, browser: Browser, base_url: str, hub: Hub) -> None:
        """Open the page and see that it shows what it must. Raises `PageError`."""
        browser.size(self.height)
        browser.go(f"{base_url}{self.path}")
        for label in self.clicks:
            browser.click(label)
        browser.shows(*self.expected(hub))
        if self.top:
            browser.scroll_to(self.top)


def _last_sync(hub: Hub, source: str, stream: str) -> dict[str, Any]:
    return next(row for row in hub.control.last_syncs() if (row["source_system"], row["stream"]) == (source, stream))


def _fresh(hub: Hub) -> list[Wanted]:
    hours = hub.config.sources["crm"].fresh_within_hours
    return [
        "Freshness policy",
        "Passing",
        f"Fails if more than {hours:g} hours since last materialization",
        "At 05:15 AM UTC",
        "sales-ops",
    ]


def _at_some_time(name: str, value: object) -> re.Pattern[str]:
    """A row of an asset's metadata: its name, when it was noted, its value."""
    return re.compile(rf"\b{name} \w+ \d+, \d+:\d+ [AP]M {value}\b")


def _figures(hub: Hub) -> list[Wanted]:
    last = _last_sync(hub, "crm", "deals")
    return [
        _at_some_time("rows_in", last["rows_extracted"]),
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "api_calls",
        "retries",
        "seconds",
    ]


def _rows_fit(hub: Hub) -> list[Wanted]:
    last = _last_sync(hub, "crm", "deals")
    turned_down = f"{last['rows_quarantined']} of {last['rows_extracted']} rows were turned down"
    names = {"rows_in": "extracted", **{name: name for name in ("inserted", "updated", "unchanged", "deleted", "quarantined")}}
    figures = [f"{name} {last[f'rows_{column}']}" for name, column in names.items()]
    return [turned_down, "customer_order.gross_amount.unreadable", "X-D-00200", "hub quarantine list --source crm", *figures]


def _plots(hub: Hub) -> list[Wanted]:
    return ["rows_in", "inserted", "updated", "unchanged", "deleted", "api_calls", "seconds"]


def _held(hub: Hub) -> list[Wanted]:
    held = hub_status(hub)["held"]
    failed = next(check for check in held["failed_checks"] if check["check_id"] == HELD_BY)
    shown = [
        failed["message"],
        ", ".join(failed["examples"]),
        'docs/ops.md, "A load was held"',
        f"data/gate/{held['load_id']}.html",
    ]
    return [HELD_BY, "Failed", "failing_keys", held["load_id"], *shown]


def _report(hub: Hub) -> list[Wanted]:
    return [f"Load {hub_status(hub)['held']['load_id']} is held by {HELD_BY}", *(check.check_id for check in CHECKS[:6])]


def _fields(hub: Hub) -> list[Wanted]:
    return ["fields_as_before", "Failed", "rating is new (text)", "newsletter is new (text)", "score is missing"]


def _identity(hub: Hub) -> list[Wanted]:
    load = hub.control.last_load()
    assert load is not None
    return [
        "id_churn_rate",
        "created_ids",
        "merged_ids",
        "split_ids",
        "retired_ids",
        _at_some_time("customers", load["customers"]),
        load["load_id"],
    ]


def _columns(hub: Hub) -> list[Wanted]:
    return ["customer_id", "sensitivity: personal", "Surviving e-mail address, normalised"]


PAGES = (
    Page(
        "fresh",
        "Is the source fresh?",
        "/assets/raw/crm/deals",
        _fresh,
    ),
    Page(
        "last-sync",
        "What did the last sync bring?",
        "/assets/raw/crm/deals",
        _figures,
        top="Metadata",
        height=900,
    ),
    Page(
        "rows-fit",
        "Which rows were turned down?",
        "/assets/raw/crm/deals?view=checks&checkDetail=rows_fit",
        _rows_fit,
        height=900,
    ),
    Page(
        "over-time",
        "And the syncs before it?",
        "/assets/raw/crm/deals",
        _plots,
        clicks=("Plots",),
        top="Metadata",
        height=1150,
    ),
    Page(
        "held",
        "What was held back, and why?",
        f"/assets/golden/customer?view=checks&checkDetail={HELD_BY}",
        _held,
        height=900,
    ),
    Page(
        "report",
        "What else did the gate look at?",
        f"/assets/golden/customer?view=checks&checkDetail={HELD_BY}",
        _report,
        clicks=("[Show Markdown]",),
        top="is held by",
        height=900,
    ),
    Page(
        "fields",
        "Did a source change its fields?",
        "/assets/raw/crm/contacts?view=checks&checkDetail=fields_as_before",
        _fields,
    ),
    Page(
        "identity",
        "What happened to the customer IDs?",
        "/assets/identity/customer_xref",
        _identity,
        top="Metadata",
        height=1000,
    ),
    Page(
        "columns",
        "What does a column mean?",
        "/assets/golden/customer",
        _columns,
        top="Columns",
    ),
)
