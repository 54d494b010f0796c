"""What each system says of being contacted becomes signals: who, by which channel, about which address or number, since when."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.ads.meta import MetaConnector
from connectors.ecommerce.shopify import ShopifyConnector
from connectors.files.connector import FilesConnector
from connectors.files.settings import FilesSettings
from connectors.ticketing.zendesk import ZendeskConnector, ZendeskSettings
from tests.connectors.staging import mapped

HELP_DESK = ZendeskSettings.model_validate(
    {"type": "zendesk", "subdomain": "acme", "email": "ops@acme.example", "api_token": "${ZENDESK_TOKEN}"}
)
AT = "2026-03-01T09:00:00Z"


def brief(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What counts of signals, in a fixed order."""
    columns = ("signal", "purpose", "channel", "identifier", "status", "captured_at")
    return sorted((tuple(row.get(column) for column in columns) for row in rows), key=str)


def shopper(email: str, sms: str | None) -> dict[str, Any]:
    level = {"marketingOptInLevel": "CONFIRMED_OPT_IN", "marketingUpdatedAt": AT}
    consent = None if sms is None else {"state": sms, "optInLevel": None, "updatedAt": AT}
    return {
        "defaultEmailAddress": {"emailAddress": "zoe@ash.example", "marketingState": email, **level},
        "defaultPhoneNumber": None if sms is None else {"phoneNumber": "+4930901820", "smsMarketingConsent": consent},
    }


def test_shopify_tells_of_email_and_text_messages_with_level_and_time() -> None:
    rows = mapped(ShopifyConnector("shop", None), "customers", "consent", shopper("SUBSCRIBED", "UNSUBSCRIBED"))
    assert brief(rows) == [
        ("email", "marketing", "email", "zoe@ash.example", "SUBSCRIBED", AT),
        ("sms", "marketing", "sms", "+4930901820", "UNSUBSCRIBED", AT),
    ]
    assert {row["evidence"] for row in rows} == {"Shopify SUBSCRIBED (CONFIRMED_OPT_IN)", "Shopify UNSUBSCRIBED"}
    assert {row["party_id"] for row in rows} == {rows[0]["source_record_id"]}


@pytest.mark.parametrize(("state", "status"), [("REDACTED", "denied"), ("INVALID", "not_given"), ("PENDING", "PENDING")])
def test_shopifys_other_states_grant_nothing(state: str, status: str) -> None:
    (row,) = mapped(ShopifyConnector("shop", None), "customers", "consent", shopper(state, None))
    assert row["status"] == status


def test_nobody_writes_to_a_user_whom_zendesk_suspended() -> None:
    users = [{"role": "end-user", "email": "a@ash.example", "suspended": said} for said in (True, False, None)]
    users.append({"role": "agent", "email": "b@ash.example", "suspended": True})
    rows = mapped(ZendeskConnector("help", HELP_DESK), "users", "consent", *users)
    assert brief(rows) == [
        ("suspended", "any", "all", "a@ash.example", "denied", None),
        ("suspended", "any", "all", "a@ash.example", "lifted", None),  # which leaves nothing where nothing was
    ]


def test_a_box_of_a_meta_form_is_its_own_purpose() -> None:
    lead = {
        "created_time": AT,
        "form_id": "7",
        "field_data": [{"name": "email", "values": ["zoe@ash.example"]}, {"name": "phone_number", "values": ["+4930901820"]}],
        "custom_disclaimer_responses": [
            {"checkbox_key": "newsletter", "is_checked": "1"},
            {"checkbox_key": "partners", "is_checked": ""},
        ],
    }
    bare = {**lead, "custom_disclaimer_responses": None}
    rows = mapped(MetaConnector("meta", None), "leads", "consent", lead, bare)
    assert brief(rows) == [
        ("newsletter:call", "newsletter", "call", "+4930901820", "granted", AT),
        ("newsletter:email", "newsletter", "email", "zoe@ash.example", "granted", AT),
        ("newsletter:sms", "newsletter", "sms", "+4930901820", "granted", AT),
        ("partners:call", "partners", "call", "+4930901820", "not_given", AT),
        ("partners:email", "partners", "email", "zoe@ash.example", "not_given", AT),
        ("partners:sms", "partners", "sms", "+4930901820", "not_given", AT),
    ]


def settings(**consent: Any) -> FilesSettings:
    fields = {"email": "mail", "phone": "tel", "country": "land"}
    contacts = {"path": "in/contacts.csv", "kind": "party", "id": "no", "fields": fields, "consent": consent}
    return FilesSettings.model_validate({"type": "files", "streams": {"contacts": contacts}})


def test_columns_of_a_file_or_table_say_it_of_the_rows_own_address_and_number() -> None:
    said = settings(
        email={
            "column": "news",
            "at": {"column": "since", "format": "%d.%m.%Y"},
            "means": {"ja": "granted", "nein": "denied"},
        },
        all="contact",
    )
    row = {"no": "1", "mail": "a@ash.example", "tel": "030 901820", "news": "Ja", "since": "01.03.2026", "contact": "false"}
    silent = {"no": "2", "mail": "b@ash.example", "news": "", "contact": None}
    rows = mapped(FilesConnector("crm", said), "contacts", "consent", row, silent, key="no")
    assert brief(rows) == [
        ("all:call", "marketing", "call", "030 901820", "false", None),
        ("all:email", "marketing", "email", "a@ash.example", "false", None),
        ("all:sms", "marketing", "sms", "030 901820", "false", None),
        ("email", "marketing", "email", "a@ash.example", "granted", "2026-03-01T00:00:00.000000"),
    ]
    assert said.streams["contacts"].used_columns[-3:] == (("news",), ("contact",), ("since",))


def test_consent_that_could_be_nobodys_is_refused() -> None:
    with pytest.raises(ValidationError, match="fields name neither email nor phone"):
        FilesSettings.model_validate(
            {"type": "files", "streams": {"c": {"path": "c.csv", "kind": "party", "id": "no", "consent": {"email": "news"}}}}
        )
    stream = {"path": "c.csv", "kind": "ticket", "id": "no", "fields": {"opened_at": "at"}, "consent": {"email": "news"}}
    with pytest.raises(ValidationError, match="consent is for kind party"):
        FilesSettings.model_validate({"type": "files", "streams": {"t": stream}})
