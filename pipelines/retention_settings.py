"""What hub.yaml says under ``retention:``, and how a period becomes a date."""

from __future__ import annotations

import calendar
import difflib
import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

CUSTOMER, QUARANTINE, RAW_HISTORY = "customer", "quarantine", "raw_history"
# what each key speaks of, and by which time it is cut; facts are tables of staging
CUT: dict[str, str] = {
    CUSTOMER: "a customer of whom no record changed and nothing happened for so long, and who has nothing open",
    "customer_order": "an order, by when it was placed",
    "invoice": "an invoice, by when it was issued or paid, whichever is later; not while something is due",
    "payment": "a payment, by when it was made",
    "refund": "a refund, by when it was made",
    "ticket": "a ticket, by when it was solved; not while it is open",
    "lead": "a lead, by when it was submitted",
    QUARANTINE: "what the source sent of a row in quarantine, by when it was released or discarded; not while it is open",
    RAW_HISTORY: "what raw keeps of a record beside its current version, by when the hub learnt of the next one or that it is gone",
}
_GO_ALONG = {
    "order_line": "lines go with their order",
    "touchpoint": "touches go with their order or lead",
    "interaction": "it is a view of facts, and goes with them",
    "party_record": "records go with their customer",
    "customer_history": "history goes with its customer",
    "consent": "a consent goes with its customer: a denial must not be forgotten before",
    "suppression": "the list holds HMACs only, and whoever is on it must stay so",
    "audit_log": "the audit log must stay whole to prove anything",
}
_PERIOD = re.compile(r"(\d{1,5}) (year|month|week|day)s?")
_LEAST_DAYS = 7  # what a sync brought yesterday must not go before anybody saw it


def cut_off(period: str, today: date) -> datetime:
    """The start (UTC) of the day that lies so long before another; of a month that has no such day, its last one.

    Args:
        period: such as ``3 years``, ``18 months``, ``6 weeks`` or ``400 days``.

    Raises:
        ValueError: it is no period, is shorter than a week, or longer ago than years count.
    """
    said = _PERIOD.fullmatch(period.strip().lower())
    if said is None:
        raise ValueError(f"{period!r} is no period; write it as 3 years, 18 months, 6 weeks or 400 days")
    number, unit = int(said[1]), said[2]
    try:
        if unit in ("day", "week"):
            day = today - timedelta(days=number * (7 if unit == "week" else 1))
        else:
            year, month = divmod(today.year * 12 + today.month - 1 - number * (12 if unit == "year" else 1), 12)
            day = date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        raise ValueError(f"{period!r} is longer ago than years count") from None
    if day > today - timedelta(days=_LEAST_DAYS):
        raise ValueError(f"{period!r} is too short; a week is the least")
    return datetime.combine(day, time.min)


def _period(period: str) -> str:
    cut_off(period, date(2024, 2, 29))
    return period


Period = Annotated[str, AfterValidator(_period)]


class RetentionSettings(BaseModel):
    """How long what the hub holds of people is kept. Nothing goes by age that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: dict[str, Period] = Field(
        default_factory=dict, description=f"table -> how long it is kept, such as 3 years; {', '.join(CUT)}"
    )
    schedule: str | None = Field(
        None, description="cron expression, in schedules.timezone, at which the Dagster daemon runs hub privacy retention"
    )
    overdue_after_days: int = Field(31, ge=1, description="days without a run after which retention is told to be overdue")

    @field_validator("tables")
    @classmethod
    def _tables(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name in _GO_ALONG:
                raise ValueError(f"{name!r} may not be cut by itself: {_GO_ALONG[name]}")
            if name not in CUT:
                near = difflib.get_close_matches(name, CUT, n=1, cutoff=0.5)
                known = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(CUT)}"
                raise ValueError(f"there is no table {name!r} to cut; {known}")
        return value

    def cut_offs(self, today: date) -> dict[str, datetime]:
        """By table the time, UTC without zone, before which it is cut today."""
        return {table: cut_off(period, today) for table, period in self.tables.items()}
