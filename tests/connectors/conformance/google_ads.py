"""Google Ads: spend by campaign and day, asked for by whole days, of which the last month is restated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors.sandbox import credentials
from connectors.sandbox.google_api import GoogleAdsApi
from connectors.sandbox.google_books import GoogleBooks, local_day
from connectors.sandbox.wire import VendorApi
from tests.connectors.conformance.counterpart import TODAY, SandboxCounterpart, reply_of
from tests.loopback import Reply, Request

_DAY = 86_400
_FIRST_CAMPAIGN = 30_000_000_000


class GoogleAds(SandboxCounterpart):
    """One day of one campaign is a record; the clicks of it are its mark. A page is a day, and between two moments lies one."""

    type_name = "google_ads"
    stream = "ad_spend_daily"
    bypass: ClassVar = {
        "boundary": "whole days are asked for, by BETWEEN, which holds both its ends in GAQL",
        "deletes": "a day without a row is one without delivery, never a deletion; the stream declares that",
        "child": "a day of spend has no parts",
        "merge": "days of spend are never merged",
        "touch": "figures cannot be written back to",
    }
    lookback = 30 * _DAY
    keep = frozenset({"campaign", "segments"})

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.ads.google_ads._WINDOW_DAYS", 1)
        self.monkeypatch.setattr("connectors.ads.google_ads._now", lambda: datetime.fromtimestamp(self.time, UTC))
        self.books.spend.clear()
        return GoogleAdsApi(self.sandbox)

    @property
    def books(self) -> GoogleBooks:
        return self.sandbox.world.google

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

    def tick(self, seconds: int = 1) -> None:
        super().tick(max(seconds, _DAY))

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            campaign, day = str(_FIRST_CAMPAIGN + len(self.books.campaigns)), local_day(at)
            of = {"name": f"Campaign {campaign}", "status": "ENABLED", "channel": "SEARCH", "budget": 1, "start": day}
            self.books.campaigns.append({"id": campaign, **of})
        else:
            campaign, _, text = key.partition(":")
            day = date.fromisoformat(text)
        figures = {"cost": 10_000, "impressions": 100, "clicks": int(mark.split()[1]), "conversions": 0.0, "value": 0.0}
        self.books.spend[campaign, day] = {"campaign": campaign, "date": day, **figures}
        return f"{campaign}:{day}"

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        metrics = payload.get("metrics")
        clicks = metrics.get("clicks") if isinstance(metrics, Mapping) else None
        return f"Mark {int(clicks):04d}" if isinstance(clicks, str) else None

    def is_page(self, request: Request) -> bool:
        return b"BETWEEN" in request.body

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body[0].setdefault("results", [])
        return found

    def is_token(self, request: Request) -> bool:
        return request.path == "/token"

    def end_access(self) -> None:
        api = self.api
        assert isinstance(api, GoogleAdsApi)
        for token in api._expires:
            api._expires[token] = 0

    def throttles(self) -> dict[str, Callable[[], Reply]]:
        return {**super().throttles(), "429 with a delay in the body": lambda: reply_of(self.api.fault(429, 7))}

    def forbidden(self) -> Reply:
        error = {"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}, "message": "no"}
        return Reply([{"error": {"code": 403, "status": "PERMISSION_DENIED", "details": [{"errors": [error]}]}}], 403)

    def unauthorised(self) -> Reply:
        return reply_of(self.api.fault(401, None))

    def expired(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Further back than Google remembers days."""
        return {"read_to": str(date.fromisoformat(checkpoint["read_to"]) - timedelta(days=1_500))}

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        day = {
            "customer": {"id": "1", "currencyCode": currency},
            "campaign": {"id": "22"},
            "segments": {"date": "2026-09-20"},
            "metrics": {"costMicros": str(int(Decimal(amount).scaleb(6)))},
        }
        return "ad_spend_daily", "ad_spend_daily", "spend", day


COUNTERPART = GoogleAds
