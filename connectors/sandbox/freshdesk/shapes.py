"""What Freshdesk's records look like before anything is known of them. After the samples in Freshdesk's API documentation."""

from __future__ import annotations

from connectors.sandbox.shelf import Object

CONTACT: Object = {
    "active": False,
    "address": None,
    "company_id": None,
    "view_all_tickets": False,
    "description": None,
    "email": None,
    "contact_type": "contact",
    "job_title": None,
    "language": "en",
    "mobile": None,
    "name": None,
    "phone": None,
    "time_zone": "UTC",
    "twitter_id": None,
    "social_handler": [],
    "unique_external_id": None,
    "other_emails": [],
    "other_companies": [],
    "custom_fields": {},
    "tags": [],
}
# only shown when a single contact is asked for
ONE_CONTACT = ("other_emails", "tags", "view_all_tickets")

COMPANY: Object = {
    "description": None,
    "note": None,
    "custom_fields": {},
    "health_score": None,
    "account_tier": None,
    "renewal_date": None,
    "industry": None,
}
TICKET: Object = {
    "cc_emails": [],
    "fwd_emails": [],
    "reply_cc_emails": [],
    "fr_escalated": False,
    "nr_escalated": False,
    "nr_due_by": None,
    "spam": False,
    "email_config_id": None,
    "group_id": None,
    "priority": 1,
    "responder_id": None,
    "source": 2,
    "status": 2,
    "subject": "",
    "to_emails": None,
    "product_id": None,
    "type": None,
    "is_escalated": False,
    "tags": [],
    "custom_fields": {},
    "source_additional_info": None,
}
STATS: Object = {
    "agent_responded_at": None,
    "requester_responded_at": None,
    "first_responded_at": None,
    "status_updated_at": None,
    "reopened_at": None,
    "resolved_at": None,
    "closed_at": None,
    "pending_since": None,
}
RATING: Object = {"survey_id": 11, "group_id": None}


def listed_contact(contact: Object) -> Object:
    """A contact as it stands in a list."""
    return {name: value for name, value in contact.items() if name not in ONE_CONTACT}


def requester_of(contact: Object | None) -> Object:
    """Who asked, as it is included in a ticket."""
    names = ("id", "name", "email", "mobile", "phone")
    return {name: contact[name] for name in names} if contact else dict.fromkeys(names)
