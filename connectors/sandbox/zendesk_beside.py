"""What Zendesk shows beside its tickets and users: metric sets, identities, and what ``include=`` puts into an answer.

Minutes are counted by the calendar and in business hours: Monday to Friday, nine to five, UTC.
Source: https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/
"""

from __future__ import annotations

from connectors.sandbox.shelf import Object
from connectors.sandbox.zendesk_books import ZendeskBooks, iso

_DAY, _OPENS, _CLOSES = 86_400, 9 * 3_600, 17 * 3_600


def included(kind: str, records: list[Object], include: str | None, books: ZendeskBooks) -> tuple[list[Object], Object]:
    """The records, and what comes beside them, as asked for; an unknown name is ignored.

    An export puts metric sets into the tickets; identities and organizations stand beside the users.
    """
    wanted = {name.strip() for name in (include or "").split(",")}
    beside: Object = {}
    if kind == "tickets" and "metric_sets" in wanted:
        records = [{**ticket, "metric_set": metric_set(books, ticket)} for ticket in records]
    if kind == "users" and "identities" in wanted:
        beside["identities"] = [identity for user in records for identity in identities(books, user)]
    if "organizations" in wanted:
        keys = dict.fromkeys(str(record["organization_id"]) for record in records if record["organization_id"])
        beside["organizations"] = [found for key in keys if (found := books.organizations.get(key))]
    return records, beside


def identities(books: ZendeskBooks, user: Object) -> list[Object]:
    """What a user is known by: the primary e-mail, those of before, the phone; a deleted user has none left."""
    if not user["active"]:
        return []
    emails = [user["email"]] if user["email"] else []
    emails += [email for email in books.other_emails.get(str(user["id"]), ()) if email not in emails]
    values = [("email", email) for email in emails] + ([("phone_number", user["phone"])] if user["phone"] else [])
    made = []
    for place, (kind, value) in enumerate(values):
        number = user["id"] * 100 + place
        made.append(
            {
                "url": user["url"].replace(".json", f"/identities/{number}.json"),
                "id": number,
                "user_id": user["id"],
                "type": kind,
                "value": value,
                "verified": place == 0,
                "verification_method": "low" if place == 0 else "none",
                "verified_at": user["created_at"] if place == 0 else None,
                "primary": place == 0,
                "created_at": user["created_at"],
                "updated_at": user["updated_at"],
                **({"undeliverable_count": 0, "deliverable_state": "deliverable"} if kind == "email" else {}),
            }
        )
    return made


def metric_set(books: ZendeskBooks, ticket: Object) -> Object | None:
    """A ticket's metric set; a deleted ticket has none."""
    held = books.metrics.of(ticket["id"])
    if held is None or ticket["status"] == "deleted":
        return None
    number, created = 9_000_000 + ticket["id"], held["created"]
    times = {
        "created_at": created,
        "updated_at": held["updated"],
        "assignee_updated_at": held["updated"] if held["assigned"] else None,
        "requester_updated_at": created,
        "status_updated_at": held["status_updated"],
        "custom_status_updated_at": held["status_updated"],
        "initially_assigned_at": held["first_assigned"],
        "assigned_at": held["assigned"],
        "solved_at": held["solved"],
        "latest_comment_added_at": held["latest_comment"],
    }
    return {
        "url": ticket["url"].replace(f"/tickets/{ticket['id']}", f"/ticket_metrics/{number}"),
        "id": number,
        "ticket_id": ticket["id"],
        "group_stations": min(1, held["assignee_stations"]),
        "assignee_stations": held["assignee_stations"],
        "reopens": held["reopens"],
        "replies": held["replies"],
        **{name: None if at is None else iso(at) for name, at in times.items()},
        "reply_time_in_minutes": _until(created, held["replied"]),
        "reply_time_in_seconds": {"calendar": None},
        "first_resolution_time_in_minutes": _until(created, held["first_solved"]),
        "full_resolution_time_in_minutes": _until(created, held["solved"]),
        "agent_wait_time_in_minutes": _minutes(held["pending"]),
        "requester_wait_time_in_minutes": _until(created, held["solved"]),
        "on_hold_time_in_minutes": _minutes(held["hold"]),
    }


def _until(start: int, end: int | None) -> Object:
    return {"calendar": None, "business": None} if end is None else _minutes([(start, end)])


def _minutes(spans: list[tuple[int, int]]) -> Object:
    return {"calendar": sum(end - start for start, end in spans) // 60, "business": sum(_working(*span) for span in spans) // 60}


def _working(start: int, end: int) -> int:
    """Seconds of business hours between two times; day 0 of the epoch was a Thursday."""
    days = (day * _DAY for day in range(start // _DAY, end // _DAY + 1) if (day + 3) % 7 < 5)
    return sum(max(0, min(end, day + _CLOSES) - max(start, day + _OPENS)) for day in days)
