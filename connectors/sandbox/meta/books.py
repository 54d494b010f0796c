"""Meta's books: an ad account's campaigns, ad sets and ads with the days on which they ran, and a page's forms with their leads.

Days are cut in the account's time zone. What an ad did on a day is not kept but drawn anew whenever it is asked for, from seed, ad
and day alone; as at Meta it is restated for 28 days, since conversions arrive late and clicks found invalid are credited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from connectors.sandbox.contacts import Contact
from connectors.sandbox.draw import chance, number_below, stream, weighted
from connectors.sandbox.population import DAY
from connectors.sandbox.shelf import Object, Shelf

# they open nothing but a sandbox on loopback, so they may be known to all
ACCESS_TOKEN = "EAASandboxSystemUserToken"
PAGE_TOKEN = "EAASandboxPageToken"
APP_SECRET = "sandbox-app-secret"
ACCOUNT_ID = "1007001000020003"
PAGE_ID = "208000100020003"
CURRENCY = "USD"
TIME_ZONE = "America/New_York"
DAYS_KEPT = 400
RESTATED_DAYS = 28
_ZONE = ZoneInfo(TIME_ZONE)

KINDS = ("campaign", "adset", "ad")
# name, objective, status, budget of an ad a day, first and last day before the origin on which it ran
_CAMPAIGNS = (
    ("Prospecting – US – Advantage+", "OUTCOME_SALES", "ACTIVE", 38, DAYS_KEPT, 0),
    ("Retargeting – Site visitors", "OUTCOME_SALES", "ACTIVE", 22, DAYS_KEPT, 0),
    ("Lead form – Newsletter – EU", "OUTCOME_LEADS", "ACTIVE", 17, 300, 0),
    ("Lead form – Design consultation ✨", "OUTCOME_LEADS", "ACTIVE", 26, 210, 0),
    ("Spring sale – Reels", "OUTCOME_SALES", "PAUSED", 45, 240, 150),
    ("Launch Japan – Stories", "OUTCOME_TRAFFIC", "ARCHIVED", 19, 330, 260),
    ("Old tests", "OUTCOME_AWARENESS", "DELETED", 6, DAYS_KEPT, 345),
)
# name, status, the questions it asks besides those of the person
_FORMS = (
    ("Newsletter", "ACTIVE", ("full_name", "email", "phone_number", "which_topics_interest_you?")),
    (
        "Design consultation",
        "ACTIVE",
        ("first_name", "last_name", "email", "phone_number", "street_address", "city", "post_code", "country"),
    ),
    (
        "Wholesale (old)",
        "ARCHIVED",
        ("full_name", "company_name", "work_email", "work_phone_number", "city", "zip_code", "country"),
    ),
)
_TOPICS = ("kitchen", "garden", "textiles", "workshops")


@dataclass
class Node:
    """A campaign, ad set or ad. ``runs`` are an ad's days of delivery, first and, if it ended, the day after the last."""

    key: str
    kind: str
    name: str
    status: str
    parent: Node | None
    created: int
    updated: int
    budget: int = 0
    objective: str = ""
    runs: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def line(self) -> list[Node]:
        """From the campaign down to this."""
        return [*(self.parent.line if self.parent else ()), self]

    def above(self, kind: str) -> Node | None:
        """The campaign, ad set or ad in whose line it stands."""
        return next((node for node in self.line if node.kind == kind), None)

    @property
    def effective_status(self) -> str:
        """What comes of its own status and those above it."""
        for gone in ("DELETED", "ARCHIVED"):
            if any(node.status == gone for node in self.line):
                return gone
        for node in self.line[:-1]:
            if node.status == "PAUSED":
                return f"{node.kind.upper()}_PAUSED"
        return self.status

    def ran_on(self, day: date) -> bool:
        """Whether it delivered on a day."""
        return any(first <= day and (end is None or day < end) for first, end in self.runs)


def local_day(at: int) -> date:
    """The day in the account's time zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(_ZONE).date()


def _start_of(day: date) -> int:
    return int(datetime.combine(day, time(9), _ZONE).timestamp())


class MetaBooks:
    """Everything of one ad account and one page.

    Args:
        origin: unix seconds at which the past ends.
    """

    def __init__(self, seed: int, origin: int) -> None:
        self.seed = seed
        self.nodes: dict[str, Node] = {}
        self.forms: list[Object] = []
        self.leads = Shelf()
        self._lead_number = 880_000_000_000_000
        today = local_day(origin)
        for name, objective, status, budget, first, last in _CAMPAIGNS:
            self._campaign(
                name, objective, status, budget, today - timedelta(days=first), today - timedelta(days=last) if last else None
            )
        for number, (name, status, questions) in enumerate(_FORMS):
            key = str(710_000_000_000_000 + 7_919 * number)
            self.forms.append({"id": key, "name": name, "status": status, "questions": questions, "created": origin - 500 * DAY})

    # structure -------------------------------------------------------------------------------------------------

    def of_kind(self, kind: str) -> Iterator[Node]:
        """Every campaign, ad set or ad there ever was."""
        return (node for node in self.nodes.values() if node.kind == kind)

    def _campaign(self, name: str, objective: str, status: str, budget: int, first: date, end: date | None) -> None:
        made = _start_of(first)
        campaign = self._add("campaign", name, None, made, status=status, objective=objective)
        for part in ("Broad", "Lookalike 2 %"):
            group = self._add("adset", f"{name} – {part}", campaign, made + 60)
            for creative in ("Video", "Carousel"):
                ad = self._add("ad", f"{part} – {creative}", group, made + 120, budget=budget)
                ad.runs.append((first, end))
        for node in (n for n in self.nodes.values() if n.line[0] is campaign):
            node.updated = _start_of(end) if end else node.created

    def _add(self, kind: str, name: str, parent: Node | None, at: int, **more: object) -> Node:
        key = str(120_210_000_000_000_000 + 104_729 * len(self.nodes))
        node = Node(key, kind, name, "ACTIVE", parent, at, at)
        for field_name, value in more.items():
            setattr(node, field_name, value)
        self.nodes[key] = node
        return node

    def add_ad(self, at: int, group: Node, name: str, budget: int) -> Node:
        """A new ad, which begins to run at once if what is above it runs."""
        ad = self._add("ad", name, group, at, budget=budget)
        self._switch(at, ad)
        return ad

    def change(self, at: int, key: str, name: str | None = None, status: str | None = None) -> Node:
        """Rename, pause, archive or delete. Raises `KeyError`; `ValueError` for what may not be changed any more."""
        node = self.nodes[key]
        if node.status == "DELETED" and status not in (None, "DELETED"):
            raise ValueError("a deleted object stays deleted")
        node.name, node.status, node.updated = name or node.name, status or node.status, at
        for ad in self.of_kind("ad"):
            if node in ad.line:
                self._switch(at, ad)
        return node

    def _switch(self, at: int, ad: Node) -> None:
        """Let an ad run, or no longer, as its status says."""
        running = bool(ad.runs) and ad.runs[-1][1] is None
        if ad.effective_status == "ACTIVE" and not running:
            ad.runs.append((local_day(at), None))
        elif ad.effective_status != "ACTIVE" and running:
            ad.runs[-1] = (ad.runs[-1][0], local_day(at) + timedelta(days=1))

    # figures ---------------------------------------------------------------------------------------------------

    def figures(self, ad: Node, day: date, now: int) -> Object:
        """What an ad did on a day, as it is told now; spend and value in cents."""
        rng = stream(self.seed, "meta", "spend", ad.key, day.isoformat())
        today = local_day(now)
        # what is told of today grows by the hour
        hours = (now - _start_of(day) + 9 * 3_600) // 3_600
        passed = min(1.0, max(0.0, hours / 24)) if day == today else 1.0
        week = (0.95, 1.0, 1.0, 1.05, 1.1, 1.0, 0.9)[day.weekday()]
        cents = int(ad.budget * 100 * week * rng.uniform(0.6, 1.15) * passed)
        credited = rng.random() < 0.1
        clicks = round(cents / 100 / rng.uniform(0.5, 1.6))
        purchases, leads = clicks * rng.uniform(0.01, 0.05), clicks * rng.uniform(0.0, 0.06)
        worth, seen = rng.uniform(3_500, 9_500), rng.randrange(25, 80)
        age = (today - day).days
        told = 0.7 + 0.3 * min(age, RESTATED_DAYS) / RESTATED_DAYS
        if credited and age >= 3:
            cents -= cents // 50
        bought = int(purchases * told)
        return {
            "spend": cents,
            "impressions": clicks * seen,
            "clicks": clicks,
            "link_clicks": clicks * 4 // 5,
            "purchases": bought,
            "leads": int(leads * told),
            "value": int(bought * worth),
        }

    # leads -----------------------------------------------------------------------------------------------------

    def add_lead(self, at: int, contact: Contact, rng: Random) -> Object:
        """Somebody sends a form, mostly from an ad."""
        form = self.forms[weighted(rng, ((0, 6.0), (1, 3.0), (2, 1.0)))]
        running = [ad for ad in self.of_kind("ad") if ad.ran_on(local_day(at))]
        ad = rng.choice(running) if running and chance(rng, 0.93) else None
        return self.keep_lead(at, form["id"], _answers(form["questions"], contact, rng), ad=ad, platform=rng.choice(("fb", "ig")))

    def keep_lead(
        self, at: int, form: str, answers: list[tuple[str, str]], *, ad: Node | None, platform: str, test: bool = False
    ) -> Object:
        """A lead comes in."""
        self._lead_number += 1 + number_below(self.seed, "meta lead", len(self.leads), 90_000)
        key = str(self._lead_number)
        made: Object = {"id": key, "at": at, "form": form, "ad": ad, "platform": platform, "answers": answers, "test": test}
        self.leads.add(key, made)
        return made

    def test_lead(self, form: str) -> Object | None:
        """The form's test lead, if there is one."""
        return next((lead for lead in self.leads if lead["test"] and lead["form"] == form), None)

    def counts(self) -> dict[str, int]:
        """Live records by stream."""
        live = {kind: sum(1 for node in self.of_kind(kind) if node.effective_status != "DELETED") for kind in KINDS}
        return {"campaigns": live["campaign"], "ad_groups": live["adset"], "ads": live["ad"], "leads": len(self.leads)}


def _answers(questions: tuple[str, ...], contact: Contact, rng: Random) -> list[tuple[str, str]]:
    place = contact.address
    code = place.postal_code if place else None
    told = {
        "full_name": contact.full_name,
        "first_name": contact.given or contact.full_name,
        "last_name": contact.family or contact.company,
        "company_name": contact.company,
        **dict.fromkeys(("email", "work_email"), contact.email),
        **dict.fromkeys(("phone_number", "work_phone_number"), contact.phone),
        "street_address": place.line1 if place else None,
        "city": place.city if place else None,
        **dict.fromkeys(("post_code", "zip_code"), code),
        "country": contact.country if place else None,
        "which_topics_interest_you?": rng.choice(_TOPICS),
    }
    return [(name, value) for name in questions if (value := told[name])]
