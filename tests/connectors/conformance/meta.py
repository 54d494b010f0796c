"""Meta: leads by form, asked for by the time they were sent; errors, throttling too, come with status 400 and a code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from connectors.sandbox.meta.answers import error
from connectors.sandbox.meta.api import MetaApi
from connectors.sandbox.meta.books import ACCESS_TOKEN, ACCOUNT_ID, PAGE_ID, MetaBooks
from connectors.sandbox.wire import Answer, VendorApi
from tests.connectors.conformance.counterpart import SandboxCounterpart, asked, reply_of
from tests.loopback import Reply, Request


class Meta(SandboxCounterpart):
    """Leads of one page. A lead never changes at Meta; one that is changed here was sent anew under its ID."""

    type_name = "meta"
    stream = "leads"
    bypass: ClassVar = {
        "refresh_token": "a system user's token does not rotate",
        "deletes": "Meta does not tell of leads that are gone, which the stream declares",
        "retention": "leads older than 90 days are gone from every list; there is no feed to fall behind",
        "merge": "leads are never merged into each other",
        "touch": "leads cannot be written back to",
    }
    lookback = 86_400

    def make_api(self) -> VendorApi:
        self.monkeypatch.setattr("connectors.ads.meta_leads.PAGE", self.page_size)
        return MetaApi(self.sandbox)

    @property
    def books(self) -> MetaBooks:
        books: MetaBooks = self.sandbox.world.books["meta"]
        return books

    def settings(self) -> dict[str, Any]:
        self.monkeypatch.setenv("META_ACCESS_TOKEN", ACCESS_TOKEN)
        return {
            "base_url": self.server.base_url,
            "account_id": ACCOUNT_ID,
            "page_id": PAGE_ID,
            "access_token": "${META_ACCESS_TOKEN}",
        }

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

    def mark_of(self, payload: Mapping[str, Any]) -> str | None:
        answers = payload.get("field_data")
        found = answers[0].get("values") if isinstance(answers, list) and answers and isinstance(answers[0], dict) else None
        mark = found[0] if isinstance(found, list) and found else None
        return mark if isinstance(mark, str) and mark.startswith("Mark ") else None

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(f"/{self.form}/leads")

    def refused(self, request: Request) -> bool:
        return request.path.endswith("/leads")

    def child(self, request: Request) -> bool:
        return request.path.endswith("/leads") and not self.is_page(request)

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["data"]
        return found

    def shifted(self, request: Request, seconds: int) -> Request:
        conditions = json.loads(request.query.get("filtering", ["[]"])[0])
        for condition in conditions:
            condition["value"] += seconds
        return asked(request, filtering=json.dumps(conditions)) if conditions else request

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
        return reply_of(error(403, 200, "(#200) Requires leads_retrieval permission to manage the object"))

    def unauthorised(self) -> Reply:
        return reply_of(error(400, 190, "Error validating access token", subcode=463))

    def priced(self, currency: str, amount: str) -> tuple[str, str, str, dict[str, Any]]:
        day = {"ad_id": "1", "date_start": "2026-09-01", "account_currency": currency, "spend": amount}
        return "ad_spend_daily", "ad_spend_daily", "spend", day


COUNTERPART = Meta
