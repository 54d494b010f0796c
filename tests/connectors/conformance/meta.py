"""Meta: errors, throttling too, come with status 400 and a code. Leads are asked for by form and time, spend by days, and what an
account is made of whole each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from connectors.sandbox.meta.answers import error
from connectors.sandbox.meta.api import MetaApi
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, PAGE_ID, MetaBooks, Node, local_day
from connectors.sandbox.shelf import Object
from connectors.sandbox.wire import Answer, VendorApi
from connectors.sandbox.world import World
from tests.connectors.conformance.counterpart import SandboxCounterpart
from tests.connectors.conformance.vendor import DAY, NOW, SEED, TODAY, asked, marked, reply_of
from tests.loopback import Reply, Request


class Meta(SandboxCounterpart):
    """What all streams have in common: an account without campaigns, and a page with forms."""

    type_name = "meta"
    bypass: ClassVar = {
        "refresh_token": "a system user's token does not rotate",
        "merge": "Meta merges nothing into each other",
    }

    def open_books(self, world: World) -> None:
        self.books = world.books["meta"] = MetaBooks(SEED, NOW)
        self.books.nodes.clear()
        self.impressions: dict[str, int] = {}
        self.monkeypatch.setattr(self.books, "figures", self._figures)

    def make_api(self) -> VendorApi:
        for name in ("meta.PAGE", "meta._STRUCTURE_PAGE", "meta_leads.PAGE"):
            self.monkeypatch.setattr(f"connectors.ads.{name}", self.page_size)
        self.monkeypatch.setattr("connectors.ads.meta._now", lambda: datetime.fromtimestamp(self.time, UTC))
        return MetaApi(self.sandbox)

    def _figures(self, ad: Node, day: date, now: int) -> Object:
        noughts = dict.fromkeys(("clicks", "link_clicks", "purchases", "leads", "value"), 0)
        return {"spend": 100, "impressions": self.impressions.get(ad.key, 1), **noughts}

    def add(self, kind: str, name: str, at: int, parent: Node | None = None) -> Node:
        """A new campaign, ad set or ad, which runs from that day on."""
        node = self.books._add(kind, name, parent, at)
        if kind == "ad":
            node.runs.append((local_day(at), None))
        return node

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("META_ACCESS_TOKEN", ACCESS_TOKEN)
        return {
            "base_url": self.server.base_url,
            "account_id": ACCOUNT_ID,
            "page_id": PAGE_ID,
            "access_token": "${META_ACCESS_TOKEN}",
        }

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["data"]
        return found

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        business = {ACCOUNT_ID: [{"type": "leadgen", "call_count": 100, "estimated_time_to_regain_access": 2}]}
        usage = {"acc_id_util_pct": 100, "reset_time_duration": 9}
        own = {
            "400 with minutes": (80_005, {"x-business-use-case-usage": json.dumps(business)}),
            "400 with seconds": (613, {"x-ad-account-usage": json.dumps(usage)}),
            "400 without a header": (17, {}),
        }
        answers = {name: Answer(error(400, code, "Too many calls").body, 400, headers) for name, (code, headers) in own.items()}
        return {**super().throttles(), **{name: lambda answer=answer: reply_of(answer) for name, answer in answers.items()}}

    def forbidden(self) -> Reply:
        return reply_of(error(403, 200, "(#200) Requires another permission to manage the object"))

    def unauthorised(self) -> Reply:
        return reply_of(error(400, 190, "Error validating access token", subcode=463))


class Leads(Meta):
    """Leads of one page. A lead never changes at Meta; one that is changed here was sent anew under its ID."""

    stream = "leads"
    bypass: ClassVar = {
        **Meta.bypass,
        "deletes": "Meta does not tell of leads that are gone, which the stream declares",
        "retention": "leads older than 90 days are gone from every list; there is no feed to fall behind",
        "touch": "leads cannot be written back to",
        "money": "leads bear no amounts",
    }
    lookback = DAY
    mark_at = ("field_data", 0, "values", 0)

    @property
    def form(self) -> str:
        """The form our leads are sent to: the last that is read, so that others can be refused before it."""
        return str(self.books.forms[-1]["id"])

    def write(self, key: str | None, mark: str, at: int) -> str:
        answers = [("full_name", mark)]
        if key is None:
            return str(self.books.keep_lead(at, self.form, answers, ad=None, platform="fb")["id"])
        held = self.books.leads.get(key)
        assert held is not None
        held.update(at=at, answers=answers)
        return key

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(f"/{self.form}/leads")

    def refused(self, request: Request) -> bool:
        return request.path.endswith("/leads")

    def child(self, request: Request) -> bool:
        return request.path.endswith("/leads") and not self.is_page(request)

    def shifted(self, request: Request, seconds: int) -> Request:
        conditions = json.loads(request.query.get("filtering", ["[]"])[0])
        for condition in conditions:
            condition["value"] += seconds
        return asked(request, filtering=json.dumps(conditions)) if conditions else request


class Account(Meta):
    """What is read from the ad account, from the day before today on."""

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "start_date": TODAY - timedelta(days=1)}

    def tick(self, seconds: int = 1) -> None:
        super().tick(max(seconds, DAY))


class Spend(Account):
    """One day of one ad is a record; the impressions of it are its mark. Each ad runs for one day."""

    stream = "ad_spend_daily"
    bypass: ClassVar = {
        **Meta.bypass,
        "boundary": "whole days are asked for, by a range that holds both its ends",
        "deletes": "a day without a row is one without delivery, never a deletion; the stream declares that",
        "touch": "figures cannot be written back to",
        "child": "a day of spend has no parts",
    }
    lookback = 28 * DAY
    keep = frozenset({"ad_id", "date_start"})

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            group = self.add("adset", "Broad", at, self.add("campaign", "Prospecting", at))
            ad, day = self.add("ad", "Video", at, group), local_day(at)
            ad.runs[:] = [(day, day + timedelta(days=1))]
            key = f"{ad.key}:{day}"
        self.impressions[key.partition(":")[0]] = int(mark.split()[1])
        return key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        seen = payload.get("impressions")
        return f"Mark {int(seen):04d}" if isinstance(seen, str) and seen.isdigit() else None

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(f"/act_{ACCOUNT_ID}/insights")

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Further back than Meta remembers days."""
        return {"read_to": str(date.fromisoformat(checkpoint["read_to"]) - timedelta(days=1_500))}

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        day = {"ad_id": "1", "date_start": "2026-09-01", "account_currency": currency, "spend": amount}
        return "ad_spend_daily", "spend", day


class Campaigns(Account):
    """Campaigns that run. A deleted one is listed no more, but a report of past days names it, and it says so itself."""

    stream = edge = "campaigns"
    kind: ClassVar[str] = "campaign"
    bypass: ClassVar = {
        **Meta.bypass,
        "boundary": "nothing is asked for by time; all is read each time",
        "late": "all is read each time, so that nothing can be late",
        "retention": "there is no feed of changes; each reading has all that Meta still shows",
        "backfill": "nothing can be asked for by time; the stream can only be read whole",
        "money": "nothing in the account's structure bears an amount",
        "future": "the checkpoint holds no time",
        "child": "what was deleted is asked for by its ID; that it may be refused is asked in test_meta.py",
    }

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is not None:
            return self.books.change(at, key, name=mark).key
        nodes: dict[str, Node] = {}
        for kind, above in (("campaign", None), ("adset", "campaign"), ("ad", "adset")):
            nodes[kind] = self.add(kind, mark if kind == self.kind else "Another", at, nodes[above] if above else None)
        return nodes[self.kind].key

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        return marked(payload.get("name")) if payload.get("effective_status") != "DELETED" else None

    def delete(self, key: str, at: int) -> None:
        self.books.change(at, key, status="DELETED")

    def touch(self, key: str) -> None:
        self.books.nodes[key].updated = self.time

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(f"/act_{ACCOUNT_ID}/{self.edge}")


class AdGroups(Campaigns):
    """Ad sets."""

    stream, edge, kind = "ad_groups", "adsets", "adset"


class Ads(Campaigns):
    """Ads."""

    stream, edge, kind = "ads", "ads", "ad"


COUNTERPARTS = (Spend, Leads, Campaigns, AdGroups, Ads)
