"""Zendesk's books: users, tickets and organizations. How they are asked for over HTTP is zendesk_api.py.

Every change sets a generated timestamp, which is what the incremental exports go by; the users of a help desk have unique e-mails.
Times are unix seconds; the API shows them as ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.sandbox.contacts import Contact
from connectors.sandbox.draw import number_below
from connectors.sandbox.shelf import Object, Shelf, snapshot
from connectors.sandbox.zendesk_metrics import TicketMetrics

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
USER_FIELDS = ("name", "email", "phone", "external_id", "user_fields", "tags", "notes", "details", "organization_id", "locale")
TICKET_FIELDS = ("external_id", "priority", "type", "tags", "status")
_LOCALE_ID = {"en-US": 1, "en-GB": 1176, "de-DE": 8, "fr-FR": 16, "es-ES": 2, "pl-PL": 13, "ja-JP": 67}


_USER: Object = {
    "name": None,
    "email": None,
    "updated_at": None,
    "time_zone": "UTC",
    "iana_time_zone": "Etc/UTC",
    "phone": None,
    "shared_phone_number": None,
    "photo": None,
    "locale": "en-US",
    "organization_id": None,
    "role": "end-user",
    "external_id": None,
    "tags": [],
    "alias": "",
    "active": True,
    "shared": False,
    "shared_agent": False,
    "last_login_at": None,
    "two_factor_auth_enabled": None,
    "signature": None,
    "details": "",
    "notes": "",
    "role_type": None,
    "custom_role_id": None,
    "moderator": False,
    "ticket_restriction": "requested",
    "only_private_comments": False,
    "restricted_agent": True,
    "suspended": False,
    "default_group_id": None,
    "report_csv": False,
    "user_fields": {},
}
_TICKET: Object = {
    "external_id": None,
    "updated_at": None,
    "generated_timestamp": None,
    "type": None,
    "priority": None,
    "status": "new",
    "recipient": "support@sandbox-goods.example",
    "assignee_id": None,
    "group_id": None,
    "collaborator_ids": [],
    "follower_ids": [],
    "email_cc_ids": [],
    "forum_topic_id": None,
    "problem_id": None,
    "has_incidents": False,
    "is_public": True,
    "due_at": None,
    "tags": [],
    "custom_fields": [],
    "satisfaction_rating": {"score": "unoffered"},
    "sharing_agreement_ids": [],
    "custom_status_id": None,
    "followup_ids": [],
    "brand_id": 36_000_001,
    "allow_channelback": False,
    "allow_attachments": True,
    "from_messaging_channel": False,
}


class DuplicateEmailError(Exception):
    """Another live user has that e-mail."""


def iso(at: int) -> str:
    """2026-03-01T09:00:00Z."""
    return datetime.fromtimestamp(at, UTC).isoformat()[:19] + "Z"


class ZendeskBooks:
    """Everything of one Zendesk account.

    Args:
        url: where the account lives, for the ``url`` that every object carries.
        opened: when the account was opened (unix seconds).
    """

    def __init__(self, seed: int, url: str, opened: int) -> None:
        self.seed, self._url = seed, url
        self.users, self.tickets, self.organizations = Shelf(), Shelf(), Shelf()
        self.user_stamp: dict[str, int] = {}
        self.ticket_stamp: dict[str, int] = {}
        self.metrics = TicketMetrics(seed)
        # e-mails that a user had before, or wrote from as well; unlike the primary one they are nobody's alone
        self.other_emails: dict[str, list[str]] = {}
        self._mailboxes: dict[str, str] = {}
        self._numbers = {"user": 36_100_000_000, "ticket": 1_000, "organization": 36_200_000_000}
        self.staff = [self.add_user(opened, {"name": name, "email": email, "role": role}) for name, email, role in _STAFF]

    def _new_id(self, kind: str) -> int:
        gap = 1 if kind == "ticket" else 1 + number_below(self.seed, f"zendesk {kind}", self._numbers[kind], 1_000)
        self._numbers[kind] += gap
        return self._numbers[kind]

    # users -------------------------------------------------------------------------------------------------------

    def user_by_email(self, email: str | None) -> Object | None:
        """The live user with that e-mail, whatever its case."""
        key = self._mailboxes.get((email or "").lower())
        return self.users.get(key) if key else None

    def add_user(self, at: int, fields: Object) -> Object:
        """A new user. Raises `DuplicateEmailError`."""
        email = fields.get("email")
        if self.user_by_email(email):
            raise DuplicateEmailError(email)
        number = self._new_id("user")
        made: Object = {
            **snapshot(_USER),
            **{name: fields[name] for name in (*USER_FIELDS, "role") if fields.get(name) is not None},
            "id": number,
            "url": f"{self._url}/api/v2/users/{number}.json",
            "created_at": iso(at),
            "locale_id": _LOCALE_ID.get(fields.get("locale") or "en-US", 1),
            "verified": email is not None,
        }
        if made["role"] != "end-user":
            role_type = {"admin": 4, "agent": 0}[made["role"]]
            made.update(moderator=True, role_type=role_type, ticket_restriction=None, restricted_agent=made["role"] != "admin")
        self.users.add(str(number), made)
        self._changed_user(made, at)
        return made

    def add_contact(self, at: int, contact: Contact, organization: int | None, external_id: str | None) -> Object:
        """A new user from what somebody wrote or said to support. Raises `DuplicateEmailError`."""
        fields = {
            "name": contact.full_name,
            "email": contact.email.lower() if contact.email else None,
            "phone": contact.phone,
            "locale": contact.locale,
            "organization_id": organization,
            "external_id": external_id,
        }
        return self.add_user(at, fields)

    def update_user(self, at: int, key: str, changes: Object) -> Object:
        """Change fields of a user; ``further_email`` is added to what they have. Raises `KeyError`, `DuplicateEmailError`."""
        held = self._held(self.users, key)
        if changes.get("further_email"):
            self._add_email(at, held, changes["further_email"])
        changes = {name: value for name, value in changes.items() if name in USER_FIELDS}
        other = self.user_by_email(changes.get("email"))
        if other is not None and other is not held:
            raise DuplicateEmailError(changes["email"])
        if "user_fields" in changes:
            changes["user_fields"] = {**held["user_fields"], **changes["user_fields"]}
        if any(held[name] != value for name, value in changes.items()):
            self._mailboxes.pop((held["email"] or "").lower(), None)
            if "email" in changes and held["email"] and changes["email"] != held["email"]:
                self.other_emails.setdefault(key, []).append(held["email"])
            held.update(changes)
            self._changed_user(held, at)
        return held

    def _add_email(self, at: int, user: Object, email: str) -> None:
        other = self.user_by_email(email)
        if other is not None and other is not user:
            raise DuplicateEmailError(email)
        known = self.other_emails.setdefault(str(user["id"]), [])
        if other is None and email not in known:
            known.append(email)
            self._changed_user(user, at)

    def suspend_user(self, at: int, key: str) -> None:
        """Keep a user from writing, unless they are gone; they stay a customer."""
        held = self.users.get(key)
        if held and held["active"]:
            held["suspended"] = True
            self._changed_user(held, at)

    def delete_user(self, at: int, key: str) -> Object:
        """Delete a user: from then on inactive, in the exports for ever. Raises `KeyError`; `ValueError` with open tickets."""
        held = self._held(self.users, key)
        if any(t["requester_id"] == held["id"] and t["status"] not in ("closed", "deleted") for t in self.tickets):
            raise ValueError("the user has tickets that are not closed")
        self._mailboxes.pop((held["email"] or "").lower(), None)
        held["active"] = False
        self._changed_user(held, at)
        return held

    def _changed_user(self, user: Object, at: int) -> None:
        user["updated_at"] = iso(at)
        self.user_stamp[str(user["id"])] = at
        if user["email"] and user["active"]:
            self._mailboxes[user["email"].lower()] = str(user["id"])

    def add_organization(self, at: int, name: str, domain: str) -> Object:
        """A new organization."""
        number = self._new_id("organization")
        made: Object = {
            "id": number,
            "url": f"{self._url}/api/v2/organizations/{number}.json",
            "name": name,
            "domain_names": [domain],
            "created_at": iso(at),
            "updated_at": iso(at),
            "external_id": None,
            "tags": [],
        }
        self.organizations.add(str(number), made)
        return made

    # tickets -----------------------------------------------------------------------------------------------------

    def add_ticket(self, at: int, requester: int, subject: str, text: str, fields: Object) -> Object:
        """A new ticket of a user; ``fields`` may have channel, priority, type, tags, external_id, status."""
        number = self._new_id("ticket")
        user = self._held(self.users, str(requester))
        made: Object = {
            **snapshot(_TICKET),
            **{name: fields[name] for name in TICKET_FIELDS if fields.get(name) is not None},
            "id": number,
            "url": f"{self._url}/api/v2/tickets/{number}.json",
            "via": {"channel": fields.get("channel", "email"), "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": iso(at),
            "subject": subject,
            "raw_subject": subject,
            "description": text,
            "requester_id": requester,
            "submitter_id": requester,
            "organization_id": user["organization_id"],
        }
        self.tickets.add(str(number), made)
        self.metrics.open(made, at)
        self._changed_ticket(made, at)
        return made

    def update_ticket(self, at: int, key: str, changes: Object) -> Object:
        """Change a ticket. Raises `KeyError`; `ValueError` for a closed one, which nobody can change any more."""
        held = self._held(self.tickets, key)
        if held["status"] == "closed":
            raise ValueError("closed tickets cannot be changed")
        before = dict(held)
        held.update({name: changes[name] for name in (*TICKET_FIELDS, "subject", "assignee_id") if name in changes})
        self.metrics.change(held, before, at)
        self._changed_ticket(held, at)
        return held

    def close_ticket(self, at: int, key: str) -> None:
        """Solved tickets are closed by an automation after some days."""
        held = self.tickets.get(key)
        if held and held["status"] == "solved":
            before = dict(held)
            held["status"] = "closed"
            self.metrics.change(held, before, at)
            self._changed_ticket(held, at)

    def delete_ticket(self, at: int, key: str) -> None:
        """Delete a ticket; the exports show it with status deleted. Raises `KeyError`."""
        held = self._held(self.tickets, key)
        held["status"] = "deleted"
        self._changed_ticket(held, at)

    def _changed_ticket(self, ticket: Object, at: int) -> None:
        ticket["updated_at"] = iso(at)
        ticket["generated_timestamp"] = at
        self.ticket_stamp[str(ticket["id"])] = at

    @staticmethod
    def _held(shelf: Shelf, key: str) -> Object:
        held = shelf.get(key)
        if held is None or held.get("status") == "deleted" or held.get("active") is False:
            raise KeyError(key)
        return held


_STAFF = (
    ("Ops Admin", "ops@sandbox-goods.example", "admin"),
    ("Ana Support", "ana@sandbox-goods.example", "agent"),
    ("Ben Support", "ben@sandbox-goods.example", "agent"),
    ("Cleo Support", "cleo@sandbox-goods.example", "agent"),
)
