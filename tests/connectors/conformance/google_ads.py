"""Google Ads: spend by whole days, of which the last month is restated; leads and what an account is made of, whole each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.google_api import GoogleAdsApi
from connectors.sandbox.google_books import local_day
from connectors.sandbox.shelf import Object, Shelf
from connectors.sandbox.wire import VendorApi
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart, at
from tests.connectors.conformance.vendor import DAY, TODAY, marked, reply_of
from tests.loopback import Reply, Request

_FIRST_CAMPAIGN = 30_000_000_000
_FIRST_GROUP = 150_000_000_000
_FIRST_AD = 650_000_000_000


class GoogleAds(SandboxCounterpart):
    """What all streams have in common: an account with one campaign of one ad group.

    Class attributes:
        asks: what in a query tells that it is for the stream's records.
    """

    type_name = "google_ads"
    bypass: ClassVar = {
        "merge": "nothing in an account is ever merged",
        "child": "a row of an answer has no parts that are asked for apart",
    }
    asks: ClassVar[str]

    api: GoogleAdsApi

    def open_books(self, world: World) -> None:
        # made anew they would hold a year of spend, which takes its time
        world.google = self.books = copy(world.google)
        self.books.spend, self.books.leads = {}, Shelf()
        self.books.campaigns, self.books.ad_groups, self.books.ads = [], [], []
        self.group(self.campaign("Standing"), "Standing")

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.ads.google_ads._now", lambda: datetime.fromtimestamp(self.time, UTC))
        return GoogleAdsApi(self.sandbox)

    def campaign(self, name: str) -> Object:
        """A new campaign."""
        key, start = str(_FIRST_CAMPAIGN + len(self.books.campaigns)), local_day(self.time)
        made = {"id": key, "name": name, "status": "ENABLED", "channel": "SEARCH", "budget": 1, "start": start}
        self.books.campaigns.append(made)
        return made

    def group(self, campaign: Object, name: str) -> Object:
        """A new ad group."""
        key = str(_FIRST_GROUP + len(self.books.ad_groups))
        made = {"id": key, "name": name, "status": "ENABLED", "campaign": campaign["id"]}
        self.books.ad_groups.append(made)
        return made

    def settings(self) -> dict[str, Any]:
        for name in ("DEVELOPER_TOKEN", "CLIENT_SECRET", "REFRESH_TOKEN"):
            self.monkeypatch.setenv(f"GOOGLE_ADS_{name}", getattr(credentials, f"GOOGLE_ADS_{name}"))
        return {
            "base_url": self.server.base_url,
            "customer_id": credentials.GOOGLE_ADS_CUSTOMER_ID,
            "client_id": credentials.GOOGLE_ADS_CLIENT_ID,
            "developer_token": "${GOOGLE_ADS_DEVELOPER_TOKEN}",
            "client_secret": "${GOOGLE_ADS_CLIENT_SECRET}",
            "refresh_token": "${GOOGLE_ADS_REFRESH_TOKEN}",
            "start_date": TODAY - timedelta(days=1),
        }

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(":searchStream") and self.asks in f"{request.json()['query']} "

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body[0].setdefault("results", [])
        return found

    def is_token(self, request: Request) -> bool:
        return request.path == "/token"

    def end_access(self) -> None:
        for token in self.api._expires:
            self.api._expires[token] = 0

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        return {**super().throttles(), "429 with a delay in the body": lambda: reply_of(self.api.fault(429, 7))}

    def forbidden(self) -> Reply:
        error = {"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}, "message": "no"}
        return Reply([{"error": {"code": 403, "status": "PERMISSION_DENIED", "details": [{"errors": [error]}]}}], 403)

    def unauthorised(self) -> Reply:
        return reply_of(self.api.fault(401, None))


class Spend(GoogleAds):
    """One day of one campaign is a record; the clicks of it are its mark. A page is a day, and between two moments lies one."""

    stream, asks = "ad_spend_daily", " BETWEEN "
    bypass: ClassVar = {
        **GoogleAds.bypass,
        "boundary": "whole days are asked for, by BETWEEN, which holds both its ends in GAQL",
        "deletes": "a day without a row is one without delivery, never a deletion; the stream declares that",
        "touch": "figures cannot be written back to",
    }
    lookback = 30 * DAY
    keep = frozenset({"campaign", "segments"})

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.ads.google_ads._WINDOW_DAYS", 1)
        return super().make_api()

    def tick(self, seconds: int = 1) -> None:
        super().tick(max(seconds, DAY))

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            campaign, day = self.campaign("Measured")["id"], local_day(at)
        else:
            campaign, _, text = key.partition(":")
            day = date.fromisoformat(text)
        figures = {"cost": 10_000, "impressions": 100, "clicks": int(mark.split()[1]), "conversions": 0.0, "value": 0.0}
        self.books.spend[campaign, day] = {"campaign": campaign, "date": day, **figures}
        return f"{campaign}:{day}"

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        clicks = at(payload, "metrics", "clicks")
        return f"Mark {int(clicks):04d}" if isinstance(clicks, str) else None

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Further back than Google remembers days."""
        return {"read_to": str(date.fromisoformat(checkpoint["read_to"]) - timedelta(days=1_500))}

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        day = {
            "customer": {"id": "1", "currencyCode": currency},
            "campaign": {"id": "22"},
            "segments": {"date": "2026-09-20"},
            "metrics": {"costMicros": str(int(Decimal(amount).scaleb(6)))},
        }
        return "ad_spend_daily", "spend", day


class Whole(GoogleAds):
    """What is read whole each time."""

    bypass: ClassVar = {
        **GoogleAds.bypass,
        "boundary": "nothing is asked for by time; all is read each time",
        "late": "all is read each time, so that nothing can be late",
        "empty_page": "all rows come in one answer",
        "retention": "there is no feed of changes; each reading has all that Google still has",
        "backfill": "rows cannot be asked for by time; they can only be read whole",
        "money": "no row bears an amount",
        "touch": "no time of change is read, so that a change of nothing else cannot show",
        "future": "the checkpoint holds no time",
    }
    gone = "removed"


class Leads(Whole):
    """Submissions of a lead form. Google changes none, so that one changed here is as it were sent anew under its ID."""

    stream, asks = "leads", " FROM lead_form_submission_data "
    bypass: ClassVar = {
        **Whole.bypass,
        "deletes": "a lead that has left Google stays here, which the stream declares",
    }
    keep = frozenset({"leadFormSubmissionData"})
    mark_at = ("leadFormSubmissionData", "leadFormSubmissionFields", 0, "fieldValue")

    def write(self, key: str | None, mark: str, at: int) -> str:
        group = self.books.ad_groups[0]
        if key is None:
            key = f"lead{len(self.books.leads)}"
            made = {"id": key, "campaign": group["campaign"], "ad_group": group["id"], "asset": "9", "gclid": None}
            self.books.leads.add(key, made)
        held = self.books.leads.get(key)
        assert held is not None
        held.update(at=at, fields=[("FULL_NAME", mark)])
        return key


class Campaigns(Whole):
    """Campaigns; a removed one stays and says so."""

    stream, asks = "campaigns", " FROM campaign "
    keep = frozenset({"campaign"})

    def write(self, key: str | None, mark: str, at: int) -> str:
        held = self.campaign(mark) if key is None else _held(self.books.campaigns, key)
        held["name"] = mark
        return str(held["id"])

    def delete(self, key: str, at: int) -> None:
        _held(self.books.campaigns, key)["status"] = "REMOVED"

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        return marked(at(payload, "campaign", "name")) if at(payload, "campaign", "status") != "REMOVED" else None

    def is_page(self, request: Request) -> bool:
        return super().is_page(request) and b"BETWEEN" not in request.body


class AdGroups(Whole):
    """Ad groups, in portions in the order of their IDs."""

    stream, asks = "ad_groups", " FROM ad_group "
    bypass: ClassVar = {
        **Whole.bypass,
        "empty_page": "a portion is a query with a LIMIT; fewer rows are the end of it",
    }
    keep = frozenset({"adGroup"})

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.ads.google_ads._PORTION", self.page_size)
        return super().make_api()

    def write(self, key: str | None, mark: str, at: int) -> str:
        held = self.group(self.books.campaigns[0], mark) if key is None else _held(self.books.ad_groups, key)
        held["name"] = mark
        return str(held["id"])

    def delete(self, key: str, at: int) -> None:
        _held(self.books.ad_groups, key)["status"] = "REMOVED"

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        return marked(at(payload, "adGroup", "name")) if at(payload, "adGroup", "status") != "REMOVED" else None


class Ads(AdGroups):
    """Ads, two of which have one ID in two ad groups, in portions as well."""

    stream, asks = "ads", " FROM ad_group_ad "
    keep = frozenset({"adGroup", "adGroupAd"})

    def open_books(self, world: World) -> None:
        super().open_books(world)
        self.group(self.books.campaigns[0], "Another")

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            number, place = divmod(len(self.books.ads), 2)
            made = {"ad_group": self.books.ad_groups[place]["id"], "id": str(_FIRST_AD + number), "type": "IMAGE_AD"}
            self.books.ads.append({**made, "status": "ENABLED", "headlines": []})
            key = f"{made['ad_group']}:{made['id']}"
        self._ad(key)["name"] = mark
        return key

    def delete(self, key: str, at: int) -> None:
        self._ad(key)["status"] = "REMOVED"

    def _ad(self, key: str) -> Object:
        return next(ad for ad in self.books.ads if f"{ad['ad_group']}:{ad['id']}" == key)

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        placed = payload.get("adGroupAd")
        return marked(at(placed, "ad", "name")) if at(placed, "status") != "REMOVED" else None


def _held(things: list[Object], key: str) -> Object:
    return next(thing for thing in things if thing["id"] == key)


COUNTERPARTS = (Spend, Leads, Campaigns, AdGroups, Ads)
