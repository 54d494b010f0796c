"""Freshdesk's books: contacts, tickets, companies, satisfaction ratings. How they are asked for over HTTP is api.py.

A contact is in use, blocked or deleted; a ticket may be in the trash or marked as spam. Each of these changes moves the record's
time of change, by which its list is asked. Times are unix seconds; the API shows them as ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.sandbox.draw import number_below
from connectors.sandbox.freshdesk.shapes import COMPANY, CONTACT, RATING, STATS, TICKET
from connectors.sandbox.shelf import Object, Shelf, snapshot

OPEN, PENDING, RESOLVED, CLOSED, WAITING_ON_CUSTOMER, WAITING_ON_THIRD_PARTY = range(2, 8)
STATUSES = (OPEN, PENDING, RESOLVED, CLOSED, WAITING_ON_CUSTOMER, WAITING_ON_THIRD_PARTY)
CONTACT_FIELDS = (
    *("name", "email", "other_emails", "phone", "mobile", "twitter_id", "unique_external_id", "company_id", "address"),
    *("description", "job_title", "language", "tags", "time_zone", "custom_fields", "view_all_tickets", "other_companies"),
)
TICKET_FIELDS = (
    *("subject", "description", "status", "priority", "source", "type", "tags", "responder_id", "group_id", "product_id"),
    *("cc_emails", "email_config_id", "due_by", "fr_due_by", "custom_fields"),
)
LIVE, BLOCKED, DELETED = "live", "blocked", "deleted"
_UNIQUE = ("email", "unique_external_id")
_STAFF = (("Ops Admin", "ops@sandbox-goods.example"), ("Dora Desk", "dora@sandbox-goods.example"))


class DuplicateError(Exception):
    """Another contact has that value; the field is named."""


class RefusedError(Exception):
    """The record is in no state for that."""


def iso(at: int) -> str:
    """2026-03-01T09:00:00Z."""
    return datetime.fromtimestamp(at, UTC).isoformat()[:19] + "Z"


class FreshdeskBooks:
    """Everything of one Freshdesk account.

    Args:
        opened: when the account was opened (unix seconds).
    """

    def __init__(self, seed: int, opened: int) -> None:
        self.seed = seed
        self.contacts, self.tickets, self.companies, self.ratings = Shelf(), Shelf(), Shelf(), Shelf()
        self.state: dict[str, str] = {}
        self.stamp: dict[str, int] = {}
        self.stats: dict[str, Object] = {}
        self._held_by: dict[tuple[str, str], str] = {}
        self._company_of: dict[str, int] = {}
        self._numbers = {"contact": 156_000_000_000, "ticket": 2_000, "company": 157_000_000_000, "rating": 158_000_000_000}
        self.staff = [self._agent(opened, number, *person) for number, person in enumerate(_STAFF)]

    def _new_id(self, kind: str) -> int:
        gap = 1 if kind == "ticket" else 1 + number_below(self.seed, f"freshdesk {kind}", self._numbers[kind], 1_000)
        self._numbers[kind] += gap
        return self._numbers[kind]

    @staticmethod
    def _agent(at: int, number: int, name: str, email: str) -> Object:
        person = {"active": True, "email": email, "job_title": None, "language": "en", "mobile": None, "name": name, "phone": None}
        times = {"created_at": iso(at), "updated_at": iso(at)}
        return {
            "available": True,
            "occasional": False,
            "signature": None,
            "id": 155_000_000_001 + number,
            "ticket_scope": 1,
            "type": "support_agent",
            "group_ids": [],
            "role_ids": [1],
            "skill_ids": [],
            "available_since": None,
            "contact": {**person, "time_zone": "UTC", "last_login_at": None, **times},
            **times,
        }

    def counts(self) -> dict[str, int]:
        """Live records by stream; a blocked contact is still there, spam and what lies in the trash is not."""
        return {
            "contacts": sum(1 for state in self.state.values() if state != DELETED),
            "tickets": sum(1 for ticket in self.tickets if not ticket["spam"] and not ticket.get("deleted")),
        }

    # contacts ----------------------------------------------------------------------------------------------------

    def contact_by(self, field: str, value: object) -> Object | None:
        """The contact that has a unique value (an e-mail whatever its case), deleted or not."""
        key = self._held_by.get((field, str(value).lower())) if value else None
        return self.contacts.get(key) if key else None

    def add_contact(self, at: int, fields: Object) -> Object:
        """A new contact. Raises `DuplicateError`."""
        self._check_unique(fields, None)
        number = self._new_id("contact")
        given = {name: fields[name] for name in CONTACT_FIELDS if fields.get(name) is not None}
        made: Object = {**snapshot(CONTACT), **given, "id": number, "created_at": iso(at)}
        self.contacts.add(str(number), made)
        self.state[str(number)] = LIVE
        self._changed_contact(made, at)
        return made

    def update_contact(self, at: int, key: str, changes: Object) -> Object:
        """Change fields of a contact. Raises `KeyError`, `DuplicateError`."""
        held = self._contact(key)
        changes = {name: value for name, value in changes.items() if name in CONTACT_FIELDS}
        self._check_unique(changes, held)
        if "custom_fields" in changes:
            changes["custom_fields"] = {**held["custom_fields"], **changes["custom_fields"]}
        if any(held[name] != value for name, value in changes.items()):
            self._let_go(held)
            held.update(changes)
            self._changed_contact(held, at)
        return held

    def set_state(self, at: int, key: str, state: str) -> Object:
        """Block, delete or restore a contact. Raises `KeyError`, `RefusedError` if it is in that state already."""
        held = self._contact(key, any_state=True)
        if self.state[key] == state:
            raise RefusedError(state)
        self.state[key] = state
        held.pop("deleted", None)
        if state == DELETED:
            held["deleted"] = True
        self._changed_contact(held, at)
        return held

    def erase_contact(self, at: int, key: str, force: bool) -> None:
        """Delete for good, with all tickets: nothing of it is told any more. Raises `KeyError`, `RefusedError`."""
        held = self._contact(key, any_state=True)
        if self.state[key] != DELETED and not force:
            raise RefusedError("not deleted")
        for ticket in [t for t in self.tickets if t["requester_id"] == held["id"]]:
            self.tickets.remove(str(ticket["id"]))
        self._let_go(held)
        self.contacts.remove(key)
        del self.state[key]

    def merge_contacts(self, at: int, primary: str, secondary: list[str], fields: Object) -> None:
        """Merge contacts into one; their tickets become its tickets. Raises `KeyError`, `DuplicateError`."""
        into, others = self._contact(primary), [self._contact(key) for key in secondary]
        emails = [other["email"] for other in others if other["email"]]
        for other in others:
            for ticket in self.tickets:
                if ticket["requester_id"] == other["id"]:
                    ticket["requester_id"] = into["id"]
                    self._changed_ticket(ticket, at)
            self._let_go(other)
            other.update(email=None, unique_external_id=None)
            self.set_state(at, str(other["id"]), DELETED)
        kept = {"email": into["email"] or next(iter(emails), None), "other_emails": [*into["other_emails"], *emails]}
        self.update_contact(at, primary, {**kept, **fields})

    def _check_unique(self, fields: Object, own: Object | None) -> None:
        for name in _UNIQUE:
            other = self.contact_by(name, fields.get(name))
            if other is not None and other is not own:
                raise DuplicateError(name)

    def _let_go(self, contact: Object) -> None:
        for name in _UNIQUE:
            self._held_by.pop((name, str(contact[name]).lower()), None)

    def _changed_contact(self, contact: Object, at: int) -> None:
        contact["updated_at"] = iso(at)
        self.stamp[str(contact["id"])] = at
        for name in _UNIQUE:
            if contact[name]:
                self._held_by[name, str(contact[name]).lower()] = str(contact["id"])

    def _contact(self, key: str, *, any_state: bool = False) -> Object:
        held = self.contacts.get(key)
        if held is None or (self.state[key] == DELETED and not any_state):
            raise KeyError(key)
        return held

    def company(self, at: int, name: str, domain: str) -> int:
        """The ID of the company of that name; it is made if there is none."""
        if name not in self._company_of:
            number = self._new_id("company")
            times = {"created_at": iso(at), "updated_at": iso(at)}
            made = {**snapshot(COMPANY), "id": number, "name": name, "domains": [domain], **times}
            self.companies.add(str(number), made)
            self._company_of[name] = number
        return self._company_of[name]

    # tickets -----------------------------------------------------------------------------------------------------

    def add_ticket(self, at: int, requester: int, fields: Object) -> Object:
        """A new ticket of a contact. Raises `KeyError`."""
        contact, number = self._contact(str(requester)), self._new_id("ticket")
        given = {name: fields[name] for name in TICKET_FIELDS if fields.get(name) is not None}
        due = {"due_by": iso(at + 3 * 86_400), "fr_due_by": iso(at + 86_400)}
        made: Object = {**snapshot(TICKET), **due, **given, "id": number, "created_at": iso(at)}
        made |= {"requester_id": requester, "company_id": contact["company_id"]}
        self.tickets.add(str(number), made)
        self.stats[str(number)] = {**STATS, "status_updated_at": iso(at)}
        self._changed_ticket(made, at)
        return made

    def update_ticket(self, at: int, key: str, changes: Object) -> Object:
        """Change a ticket. Raises `KeyError`."""
        held = self._ticket(key)
        changes = {name: value for name, value in changes.items() if name in TICKET_FIELDS}
        if changes.get("status", held["status"]) != held["status"]:
            self._turn(self.stats[key], held["status"], changes["status"], iso(at))
        held.update(changes)
        self._changed_ticket(held, at)
        return held

    @staticmethod
    def _turn(stats: Object, before: int, status: int, now: str) -> None:
        stats["status_updated_at"] = now
        stats["pending_since"] = now if status == PENDING else None
        if status in (RESOLVED, CLOSED):
            stats["resolved_at"] = stats["resolved_at"] or now
            stats["closed_at"] = now if status == CLOSED else None
        elif before in (RESOLVED, CLOSED):
            stats.update(reopened_at=now, resolved_at=None, closed_at=None)

    def answer(self, at: int, key: str, agent: int) -> None:
        """An agent answers in public. Raises `KeyError`."""
        held, stats = self._ticket(key), self.stats[key]
        held["responder_id"] = agent
        stats["agent_responded_at"] = iso(at)
        stats["first_responded_at"] = stats["first_responded_at"] or iso(at)
        self._changed_ticket(held, at)

    def set_apart(self, at: int, key: str, flag: str, value: bool) -> Object:
        """Put a ticket into the trash (``deleted``) or among the spam, or take it out again. Raises `KeyError`, `RefusedError`."""
        held = self.tickets.get(key)
        if held is None:
            raise KeyError(key)
        if bool(held.get(flag)) == value:
            raise RefusedError(flag)
        held[flag] = value
        if flag == "deleted" and not value:
            del held["deleted"]
        self._changed_ticket(held, at)
        return held

    def rate(self, at: int, key: str, ratings: Object, feedback: str | None) -> Object:
        """The requester says how satisfied they are. The ticket itself does not change. Raises `KeyError`."""
        ticket, number = self._ticket(key), self._new_id("rating")
        made: Object = {
            **RATING,
            "id": number,
            "ticket_id": ticket["id"],
            "user_id": ticket["requester_id"],
            "agent_id": ticket["responder_id"],
            "feedback": feedback,
            "ratings": ratings,
            "created_at": iso(at),
            "updated_at": iso(at),
        }
        self.ratings.add(str(number), made)
        return made

    def _ticket(self, key: str) -> Object:
        held = self.tickets.get(key)
        if held is None or held.get("deleted"):
            raise KeyError(key)
        return held

    def _changed_ticket(self, ticket: Object, at: int) -> None:
        ticket["updated_at"] = iso(at)
        self.stamp[str(ticket["id"])] = at
