"""What stands under a source of type meta in hub.yaml."""

from __future__ import annotations

from datetime import date

from pydantic import Field, field_validator

from connectors.contract import Secret, SourceSettings


class MetaSettings(SourceSettings):
    """What stands under a source of type meta in hub.yaml."""

    account_id: str = Field(description="the ad account's ID, act_123 or 123")
    page_id: str | None = Field(None, description="the page whose lead forms are read; without it there is no stream leads")
    access_token: Secret = Field(description="of a system user with ads_read; for leads also leads_retrieval and pages_* rights")
    app_secret: Secret | None = Field(None, description="the app's secret, where the app requires proof of it with each call")
    start_date: date | None = Field(None, description="first day to read; without it all that Meta keeps, 37 months")
    restatement_days: int = Field(28, ge=1, le=90, description="each sync reads the spend of this many days again")
    lookback_seconds: int = Field(86_400, ge=0, description="leads are read again from this long before the newest one known")

    @field_validator("account_id", mode="before")
    @classmethod
    def _account(cls, value: object) -> str:
        digits = str(value).strip().removeprefix("act_")
        if not digits.isdecimal():
            raise ValueError("must be as in act_1234567890")
        return f"act_{digits}"

    @field_validator("page_id", mode="before")
    @classmethod
    def _page(cls, value: object) -> str | None:
        if value is None:
            return None
        if not str(value).strip().isdecimal():
            raise ValueError("must be the page's numeric ID")
        return str(value).strip()
