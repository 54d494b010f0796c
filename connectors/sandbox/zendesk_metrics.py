"""What Zendesk keeps about a ticket beside it: its metric set (first reply, solved, reopened, ...) and how the customer rated it.

Metrics move with the ticket: each is worked out from what a change does to it, so that a reader who sees the change sees them too.
Whether an agent answers as the ticket is taken or only later, whether it was reopened on the way, and how it is rated hang on its
number alone, which leaves every other draw of the world as it was. How it looks in the API is zendesk_beside.py.
"""

from __future__ import annotations

from connectors.sandbox.draw import number_below
from connectors.sandbox.shelf import Object

ANSWERED_AT_ONCE = 60  # of a hundred tickets
REOPENED = 5
RATED_GOOD, RATED_BAD = 24, 6
_DONE = ("solved", "closed")


class TicketMetrics:
    """The metric sets of one account's tickets, by the ticket's ID."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._held: dict[str, Object] = {}

    def open(self, ticket: Object, at: int) -> None:
        """A ticket was made."""
        self._held[str(ticket["id"])] = {
            "created": at,
            "updated": at,
            "status_updated": at,
            "requester_updated": at,
            "latest_comment": at,
            "assigned": None,
            "first_assigned": None,
            "assignee_stations": 0,
            "replied": None,
            "replies": 0,
            "first_solved": None,
            "solved": None,
            "reopens": 0,
            # spans of time, from and to, in which the agent waited for the customer, and both for somebody else
            "pending": [],
            "hold": [],
        }
        if ticket["status"] in _DONE:
            self._solve(ticket, self._held[str(ticket["id"])], at)

    def change(self, ticket: Object, before: Object, at: int) -> None:
        """A ticket was changed; ``before`` holds its status and assignee until then. Moves its satisfaction rating too."""
        held, status = self._held[str(ticket["id"])], ticket["status"]
        held["updated"] = at
        if ticket["assignee_id"] != before["assignee_id"] and ticket["assignee_id"] is not None:
            held.update(assigned=at, first_assigned=held["first_assigned"] or at)
            held["assignee_stations"] += 1
            if number_below(self._seed, "zendesk first reply", ticket["id"], 100) < ANSWERED_AT_ONCE:
                self._reply(held, at)
        if status == before["status"]:
            return
        if before["status"] in ("pending", "hold"):
            held[before["status"]].append((held["status_updated"], at))
        held["status_updated"] = at
        if status in ("pending", "hold"):
            self._reply(held, at)
        if status in _DONE and before["status"] not in _DONE:
            self._solve(ticket, held, at)
        if status not in _DONE and before["status"] in _DONE:
            held["reopens"] += 1
        self._rate(ticket)

    def of(self, number: int) -> Object | None:
        """What is kept about a ticket; times are unix seconds."""
        return self._held.get(str(number))

    def _rate(self, ticket: Object) -> None:
        """A rating is offered with the solution; the customer has rated by the time the ticket is closed, or never does."""
        if ticket["status"] == "solved" and ticket["satisfaction_rating"]["score"] == "unoffered":
            ticket["satisfaction_rating"] = {"score": "offered"}
        drawn = number_below(self._seed, "zendesk satisfaction", ticket["id"], 100)
        if ticket["status"] == "closed" and drawn < RATED_GOOD + RATED_BAD:
            score = "good" if drawn < RATED_GOOD else "bad"
            ticket["satisfaction_rating"] = {"score": score, "id": 7_000_000 + ticket["id"], "comment": ""}

    def _solve(self, ticket: Object, held: Object, at: int) -> None:
        self._reply(held, at)
        held["solved"], held["first_solved"] = at, held["first_solved"] or at
        if number_below(self._seed, "zendesk reopened", ticket["id"], 100) < REOPENED:
            held["reopens"] += 1

    @staticmethod
    def _reply(held: Object, at: int) -> None:
        held["replied"] = held["replied"] or at
        held["replies"] += 1
        held["latest_comment"] = at
