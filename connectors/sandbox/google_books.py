"""Google Ads' books: one account with its campaigns, ad groups, ads, daily figures and lead form submissions.

Days are cut in the account's time zone; amounts are millionths of the account's currency. A day's cost is final, but conversions
arrive late: each later look within three days sees a few more. The figures of a day depend on seed, campaign and day alone.
Performance Max has no ads: Google makes them out of what it is given.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from connectors.sandbox.contacts import Contact
from connectors.sandbox.draw import stream, token
from connectors.sandbox.shelf import Object, Shelf

CURRENCY = "EUR"
TIME_ZONE = "Europe/Berlin"
DAYS_KEPT = 400
_ZONE = ZoneInfo(TIME_ZONE)

# name, status, channel, budget a day in account currency, first and last day before the origin it ran
_CAMPAIGNS = (
    ("Brand – Search – US/UK", "ENABLED", "SEARCH", 120, DAYS_KEPT, 0),
    ("Generic – Search – US", "ENABLED", "SEARCH", 240, DAYS_KEPT, 0),
    ("Generic – Search – DACH", "ENABLED", "SEARCH", 150, DAYS_KEPT, 0),
    ("Newsletter lead form – EU", "ENABLED", "SEARCH", 80, 300, 0),
    ("Performance Max – Shopping", "ENABLED", "PERFORMANCE_MAX", 310, 220, 0),
    ("Spring sale – Display", "PAUSED", "DISPLAY", 60, 230, 140),
    ("Launch Japan – Search", "ENABLED", "SEARCH", 70, 120, 0),
    ("Old tests", "REMOVED", "SEARCH", 15, DAYS_KEPT, 330),
)


def local_day(at: int) -> date:
    """The day in the account's time zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(_ZONE).date()


def local_time(at: int) -> str:
    """2026-03-01 09:00:00+01:00, as lead forms say it."""
    return datetime.fromtimestamp(at, UTC).astimezone(_ZONE).isoformat(sep=" ", timespec="seconds")


class GoogleBooks:
    """Everything of one advertising account.

    Args:
        customer_id: the account's number, ten digits.
        origin: unix seconds at which the past ends.
    """

    def __init__(self, seed: int, customer_id: str, origin: int) -> None:
        self.seed, self.customer_id = seed, customer_id
        self.leads = Shelf()
        self.spend: dict[tuple[str, date], Object] = {}
        self.campaigns: list[Object] = []
        self.ad_groups: list[Object] = []
        self.ads: list[Object] = []
        today = local_day(origin)
        for number, (name, status, channel, budget, first, last) in enumerate(_CAMPAIGNS):
            key = str(20_100_000_000 + 7_919 * number)
            start = today - timedelta(days=first)
            self.campaigns.append({"id": key, "name": name, "status": status, "channel": channel, "budget": budget, "start": start})
            self.ad_groups += [
                {
                    "id": str(150_000_000_000 + 104_729 * (number * 2 + i)),
                    "name": f"{name} – {part}",
                    "status": "ENABLED",
                    "campaign": key,
                }
                for i, part in enumerate(("core", "wide"))
            ]
            for group in self.ad_groups[-2:]:
                self.ads += _ads(group, channel)
            for back in range(first, last, -1):
                self._write_day(self.campaigns[-1], today - timedelta(days=back), looked_at=today)

    def new_day(self, at: int) -> None:
        """Another day of spend for what runs, and late conversions for the days before."""
        yesterday = local_day(at) - timedelta(days=1)
        for campaign in self.campaigns:
            for back in range(4):
                day = yesterday - timedelta(days=back)
                if (campaign["status"] == "ENABLED" and back == 0) or (campaign["id"], day) in self.spend:
                    self._write_day(campaign, day, looked_at=local_day(at))

    def _write_day(self, campaign: Object, day: date, looked_at: date) -> None:
        rng = stream(self.seed, "spend", campaign["id"], day.isoformat())
        week = (1.0, 1.05, 1.05, 1.0, 0.95, 0.8, 0.85)[day.weekday()]
        cost = int(campaign["budget"] * week * rng.uniform(0.7, 1.1) * 1_000_000) // 10_000 * 10_000
        clicks = max(1, round(cost / 1_000_000 / rng.uniform(0.6, 1.8)))
        conversions = round(clicks * rng.uniform(0.02, 0.06), 2)
        # a quarter of the conversions comes in over the three days after the click
        late = min(3, (looked_at - day).days - 1)
        conversions = round(conversions * (0.75 + 0.25 * max(late, 0) / 3), 2)
        self.spend[campaign["id"], day] = {
            "campaign": campaign["id"],
            "date": day,
            "cost": cost,
            "impressions": clicks * rng.randrange(12, 45),
            "clicks": clicks,
            "conversions": conversions,
            "value": round(conversions * rng.uniform(40, 110), 2),
        }

    def running(self, day: date) -> list[Object]:
        """Campaigns that spent on that day."""
        return [c for c in self.campaigns if (c["id"], day) in self.spend] or [
            c for c in self.campaigns if c["status"] == "ENABLED"
        ]

    def add_lead(self, at: int, contact: Contact, rng: Random) -> Object:
        """A lead form submission."""
        campaign = rng.choice(self.running(local_day(at)))
        group = rng.choice([g for g in self.ad_groups if g["campaign"] == campaign["id"]])
        key = token(self.seed, "lead", len(self.leads), 40)
        made = {
            "id": key,
            "at": at,
            "campaign": campaign["id"],
            "ad_group": group["id"],
            "asset": str(90_000_000_000 + int(campaign["id"]) % 97),
            "gclid": f"Cj0KCQjw{token(self.seed, 'gclid', len(self.leads), 42)}_wcB" if rng.random() < 0.93 else None,
            "fields": _fields(contact, rng),
        }
        self.leads.add(key, made)
        return made


def _ads(group: Object, channel: str) -> list[Object]:
    """The ads of an ad group: two of the search network, or one picture with a name."""
    if channel == "PERFORMANCE_MAX":
        return []
    number, made = int(group["id"]) + 500_000_000_000, {"ad_group": group["id"]}
    if channel == "DISPLAY":
        return [
            {
                **made,
                "id": str(number),
                "name": f"{group['name']} – 300x250",
                "type": "IMAGE_AD",
                "status": "ENABLED",
                "headlines": [],
            }
        ]
    texts = (("Sandbox Goods – official shop", "Free delivery over 100"), ("Made to last", "Sandbox Goods"))
    return [
        {
            **made,
            "id": str(number + place),
            "name": None,
            "type": "RESPONSIVE_SEARCH_AD",
            # the second text was tried and paused; what is under a removed campaign keeps its own status
            "status": "PAUSED" if place and group["name"].endswith("wide") else "ENABLED",
            "headlines": list(headlines),
        }
        for place, headlines in enumerate(texts)
    ]


def _fields(contact: Contact, rng: Random) -> list[tuple[str, str]]:
    """Answers by Google's field types; a form asks for the name in one field or in two."""
    place = contact.address
    if contact.given and rng.random() < 0.4:
        name = [("FIRST_NAME", contact.given), ("LAST_NAME", contact.family)]
    else:
        name = [("FULL_NAME", contact.full_name)]
    at_work = contact.company is not None
    answers = [
        *name,
        ("WORK_EMAIL" if at_work else "EMAIL", contact.email),
        ("WORK_PHONE" if at_work and rng.random() < 0.3 else "PHONE_NUMBER", contact.phone),
        ("COMPANY_NAME", contact.company),
        ("CITY", place.city if place else None),
        ("POSTAL_CODE", place.postal_code if place else None),
        ("COUNTRY", contact.country if place else None),
    ]
    return [(kind, value) for kind, value in answers if value]
