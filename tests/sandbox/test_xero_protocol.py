"""The sandbox's Xero keeps to Xero's documented protocol: tokens, pages, filters, limits, refusals, writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.sandbox import Sandbox, SandboxHandle
from connectors.sandbox.wire import Answer, Call
from connectors.sandbox.xero import SYSTEM
from connectors.sandbox.xero.api import XeroApi
from connectors.sandbox.xero.books import XeroBooks
from connectors.sandbox.xero.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TENANT_ID
from tests.sandbox.conftest import TODAY, Vendor, truth_rows

API = "/api.xro/2.0"
FORM = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}


def xero_vendor(handle: SandboxHandle) -> Vendor:
    token = Vendor(handle, "xero")("POST", "/connect/token", data=FORM).json()["access_token"]
    return Vendor(handle, "xero", headers={"authorization": f"Bearer {token}", "xero-tenant-id": TENANT_ID})


@pytest.fixture
def api(shared: SandboxHandle) -> Vendor:
    return xero_vendor(shared)


def all_of(vendor: Vendor, name: str, **params: Any) -> list[dict[str, Any]]:
    """Every record of a list, page by page."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        body = vendor.get(f"{API}/{name}", page=page, pageSize=40, order="UpdatedDateUTC ASC", **params).raise_for_status().json()
        found += body[name]
        if page >= body["pagination"]["pageCount"]:
            return found
        page += 1


def milliseconds(record: dict[str, Any]) -> int:
    return int(record["UpdatedDateUTC"].removeprefix("/Date(").partition("+")[0])


# tokens ------------------------------------------------------------------------------------------------------------


class Strict:
    """The API over a sandbox whose clock the test moves, without a server."""

    def __init__(self, **limits: Any) -> None:
        self.real = 1_790_000_000.0
        self.sandbox = Sandbox(7, 5, today=TODAY, real_clock=lambda: self.real)
        self.sandbox.clock.set(self.real)
        self.api = XeroApi(self.sandbox, strict_tokens=True, **limits)

    def token(self, refresh: str = REFRESH_TOKEN, **form: str) -> Answer:
        body = urlencode({**FORM, "refresh_token": refresh, **form}).encode()
        return self.api.answer(Call("POST", "/connect/token", (), {}, body, ""))

    def get(self, path: str, bearer: str, tenant: str | None = TENANT_ID) -> Answer:
        headers = {"authorization": f"Bearer {bearer}", **({"xero-tenant-id": tenant} if tenant else {})}
        return self.api.answer(Call("GET", path, (), headers, b"", ""))


def test_each_refresh_gives_a_new_token_and_the_old_one_lives_on_for_half_an_hour() -> None:
    strict = Strict()
    first = strict.token().body
    assert (first["expires_in"], first["token_type"]) == (1_800, "Bearer")
    strict.real += 1_000
    second = strict.token().body
    assert len({first["refresh_token"], second["refresh_token"], REFRESH_TOKEN}) == 3
    strict.real += 801
    refused = strict.token()
    assert (refused.status, refused.body) == (400, {"error": "invalid_grant"})
    assert strict.token(second["refresh_token"]).status == 200
    strict.real += 61 * 86_400
    assert strict.token(first["refresh_token"]).status == 400, "it was never used"


def test_an_access_token_ends_after_half_an_hour() -> None:
    strict = Strict()
    access = strict.token().body["access_token"]
    assert strict.get(f"{API}/Organisation", access).status == 200
    strict.real += 1_800
    refused = strict.get(f"{API}/Organisation", access)
    assert (refused.status, refused.body["Title"]) == (401, "Unauthorized")
    assert refused.body["Detail"].startswith("TokenExpired")
    assert strict.get(f"{API}/Organisation", "made up").body["Detail"] == "AuthenticationUnsuccessful"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"refresh_token": "made up"}, "invalid_grant"),
    ],
)
def test_the_token_endpoint_refuses_in_oauths_words(form: dict[str, str], error: str) -> None:
    answer = Strict().token(**{"refresh": form.pop("refresh_token", REFRESH_TOKEN), **form})
    assert (answer.status, answer.body) == (400, {"error": error})


def test_the_well_known_token_stands_for_a_user_who_authorises_anew(shared: SandboxHandle) -> None:
    for _ in range(2):
        shared.push_clock(2_000)
        assert Vendor(shared, "xero")("POST", "/connect/token", data=FORM).status_code == 200


def test_another_organisation_is_forbidden_and_connections_say_which_there_is() -> None:
    strict = Strict()
    access = strict.token(grant_type="client_credentials").body
    assert "refresh_token" not in access
    assert strict.get(f"{API}/Contacts", access["access_token"], "another").status == 403
    assert strict.get(f"{API}/Contacts", access["access_token"], None).status == 200
    (connection,) = strict.get("/connections", access["access_token"]).body
    assert (connection["tenantId"], connection["tenantType"]) == (TENANT_ID, "ORGANISATION")


# limits ------------------------------------------------------------------------------------------------------------


def test_the_limits_of_minute_and_day_say_themselves() -> None:
    strict = Strict(per_minute=2)
    access = strict.token().body["access_token"]
    answers = [strict.get(f"{API}/Organisation", access) for _ in range(3)]
    assert [(a.status, a.headers["x-minlimit-remaining"]) for a in answers] == [(200, "1"), (200, "0"), (429, "0")]
    assert answers[2].headers["x-rate-limit-problem"] == "minute"
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    strict = Strict(per_day=1)
    access = strict.token().body["access_token"]
    answers = [strict.get(f"{API}/Organisation", access) for _ in range(2)]
    assert [a.headers["x-daylimit-remaining"] for a in answers] == ["0", "0"]
    assert answers[1].headers["x-rate-limit-problem"] == "day"
    assert int(answers[1].headers["retry-after"]) > 60


def test_a_fault_is_in_xeros_words(fresh: SandboxHandle) -> None:
    api = xero_vendor(fresh)
    fresh.fault("xero", status=429, retry_after=7)
    answer = api.get(f"{API}/Contacts", page=1)
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-rate-limit-problem"]) == (429, "7", "minute")
    fresh.fault("xero", status=403)
    assert api.get(f"{API}/Contacts", page=1).json()["Title"] == "Forbidden"
    fresh.fault("xero", status=500)
    assert api.get(f"{API}/Contacts", page=1).status_code == 500


# lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [("Contacts", "ContactID"), ("Invoices", "InvoiceID"), ("Payments", "PaymentID"), ("CreditNotes", "CreditNoteID")],
)
def test_pages_hold_every_record_once_in_the_order_asked_for(api: Vendor, name: str, key: str) -> None:
    found = all_of(api, name, includeArchived="true")
    assert len({record[key] for record in found}) == len(found) > 1
    assert [milliseconds(r) for r in found] == sorted(milliseconds(r) for r in found)
    page = api.get(f"{API}/{name}", page=1, pageSize=2, includeArchived="true").json()
    count = len(found)
    assert page["pagination"] == {"page": 1, "pageSize": 2, "pageCount": -(-count // 2), "itemCount": count}
    assert len({api.get(f"{API}/{name}", page=1).json()["Id"] for _ in range(2)}) == 2, "each answer has its own ID"


def test_what_changed_since_a_second_includes_the_second(api: Vendor) -> None:
    found = all_of(api, "Invoices")
    edge = milliseconds(found[len(found) // 2]) // 1000
    since = datetime.fromtimestamp(edge, UTC)
    for text in (since.strftime("%Y-%m-%dT%H:%M:%S"), since.isoformat(), since.isoformat().replace("+00:00", "Z")):
        later = api("GET", f"{API}/Invoices", params={"page": 1, "pageSize": 1000}, headers={"If-Modified-Since": text}).json()
        assert len(later["Invoices"]) == sum(milliseconds(r) // 1000 >= edge for r in found)
    bad = api("GET", f"{API}/Invoices", headers={"If-Modified-Since": "yesterday"})
    assert bad.status_code == 400


def test_filters_and_ids_narrow_a_list(api: Vendor) -> None:
    everything = all_of(api, "Invoices")
    ours = all_of(api, "Invoices", where='Type=="ACCREC"')
    assert {r["Type"] for r in everything} == {"ACCREC", "ACCPAY"}
    assert {r["Type"] for r in ours} == {"ACCREC"}
    open_ones = all_of(api, "Invoices", where='Type=="ACCREC" AND Status=="AUTHORISED"')
    assert open_ones == [r for r in ours if r["Status"] == "AUTHORISED"]
    assert all(c["IsCustomer"] for c in all_of(api, "Contacts", where="IsCustomer==true"))
    wanted = [ours[0]["Contact"]["ContactID"], ours[-1]["Contact"]["ContactID"]]
    assert {c["ContactID"] for c in all_of(api, "Contacts", IDs=",".join(wanted), includeArchived="true")} == set(wanted)
    for query in ({"where": "Colour==1"}, {"where": "Hue like red"}, {"order": "Hue"}, {"order": "Name SIDEWAYS"}):
        refused = api.get(f"{API}/Contacts", page=1, **query)
        assert (refused.status_code, refused.json()["Type"]) == (400, "QueryParseException"), query
    for query in ({"page": 0}, {"pageSize": 1001, "page": 1}, {"page": "x"}):
        assert api.get(f"{API}/Contacts", **query).status_code == 400, query


def test_archived_and_merged_contacts_are_shown_when_asked_for(api: Vendor, shared: SandboxHandle) -> None:
    active, every = all_of(api, "Contacts"), all_of(api, "Contacts", includeArchived="true")
    assert {c["ContactStatus"] for c in active} == {"ACTIVE"}
    assert {c["ContactStatus"] for c in every} == {"ACTIVE", "ARCHIVED", "GDPRREQUEST"}
    merged = [c for c in every if "MergedToContactID" in c]
    assert merged
    assert {c["MergedToContactID"] for c in merged} <= {c["ContactID"] for c in every}
    unpaged = api.get(f"{API}/Contacts", includeArchived="true").json()
    assert "pagination" not in unpaged
    assert not any("MergedToContactID" in c for c in unpaged["Contacts"])
    single = api.get(f"{API}/Contacts/{merged[0]['ContactID']}").json()["Contacts"][0]
    assert single["MergedToContactID"] == merged[0]["MergedToContactID"]
    assert api.get(f"{API}/Contacts/nobody").status_code == 404
    assert api.get(f"{API}/Elephants").status_code == 404


def test_documents_add_up(api: Vendor) -> None:
    payments = all_of(api, "Payments")
    for invoice in all_of(api, "Invoices", where='Type=="ACCREC"'):
        paid = sum(p["Amount"] for p in payments if p["Invoice"]["InvoiceID"] == invoice["InvoiceID"] and p["Status"] != "DELETED")
        assert invoice["AmountPaid"] == pytest.approx(paid)
        left = invoice["Total"] - invoice["AmountPaid"] - invoice["AmountCredited"]
        assert invoice["AmountDue"] == pytest.approx(0 if invoice["Status"] == "VOIDED" else left)
        assert (invoice["Status"] == "PAID") == ("FullyPaidOnDate" in invoice)


def test_a_document_makes_a_customer_and_leaves_the_contacts_time_alone() -> None:
    books = XeroBooks(1)
    key = books.add_contact(1_000_000, {"Name": "Acme"})["ContactID"]
    before = books.changed[key]
    books.add_invoice(2_000_000, key, "ACCREC", "GBP", [], {})
    assert (books.contacts.get(key) or {})["IsCustomer"] is True
    assert books.changed[key] == before


# writes ------------------------------------------------------------------------------------------------------------


def test_contacts_and_invoices_can_be_written_and_the_truth_knows_who_is_billed(fresh: SandboxHandle) -> None:
    api = xero_vendor(fresh)
    body = {"Contacts": [{"Name": "Zoë Ångström", "EmailAddress": "zoe@quickmail.example", "Phones": [
        {"PhoneType": "MOBILE", "PhoneNumber": "555-1212", "PhoneAreaCode": "415"}]}]}  # fmt: skip
    made = api("POST", f"{API}/Contacts", json=body).raise_for_status().json()["Contacts"][0]
    assert (made["ContactStatus"], made["IsCustomer"], len(made["Phones"])) == ("ACTIVE", False, 4)
    assert made["ContactID"] not in {row["source_record_id"] for row in truth_rows(fresh)}
    line = {"Description": "Work", "Quantity": 2, "UnitAmount": "12.25", "TaxAmount": 4.9}
    bill = {"Type": "ACCREC", "Contact": {"ContactID": made["ContactID"]}, "LineItems": [line], "Date": "2026-09-01"}
    written = api("PUT", f"{API}/Invoices", json={**bill, "Status": "AUTHORISED", "CurrencyCode": "EUR"}).raise_for_status()
    invoice = written.json()["Invoices"][0]
    assert (invoice["Total"], invoice["Status"], invoice["DateString"]) == (29.4, "AUTHORISED", "2026-09-01T00:00:00")
    entities = {row["source_record_id"]: row["entity_id"] for row in truth_rows(fresh)}
    assert entities[made["ContactID"]].startswith("stranger-")
    void = api("POST", f"{API}/Invoices/{invoice['InvoiceID']}", json={"Status": "VOIDED"}).json()["Invoices"][0]
    assert (void["Status"], void["AmountDue"]) == ("VOIDED", 0.0)
    changed = api("POST", f"{API}/Contacts/{made['ContactID']}", json={"ContactNumber": "c_1"}).json()["Contacts"][0]
    assert (changed["ContactNumber"], changed["Name"]) == ("c_1", "Zoë Ångström")
    assert api.get(f"{API}/Contacts", page=1, IDs=made["ContactID"]).json()["Contacts"][0]["IsCustomer"] is True


def test_what_cannot_be_written_is_refused_with_a_validation_error(fresh: SandboxHandle) -> None:
    api = xero_vendor(fresh)
    known = api.get(f"{API}/Contacts", page=1).json()["Contacts"][0]
    for method, path, body in (
        ("PUT", "Contacts", {"Name": known["Name"]}),
        ("POST", "Contacts", {"EmailAddress": "x@quickmail.example"}),
        ("POST", "Contacts", {"Name": "New", "ContactNumber": "x" * 51}),
        ("POST", "Contacts/00000000-0000-0000-0000-000000000000", {"Name": "New"}),
        ("POST", "Invoices", {"Type": "ACCREC"}),
        ("POST", "Invoices", {"Type": "ACCREC", "Contact": {"ContactID": "nobody"}}),
        ("POST", "Invoices", {"Type": "ACCREC", "Contact": {"Name": "New"}, "LineItems": [{"LineAmount": "much"}]}),
        ("POST", "Invoices", {"InvoiceID": "nothing", "Status": "VOIDED"}),
    ):
        refused = api(method, f"{API}/{path}", json=body)
        assert (refused.status_code, refused.json()["Type"]) == (400, "ValidationException"), body
        assert refused.json()["Elements"][0]["ValidationErrors"][0]["Message"]
    assert api("POST", f"{API}/Contacts", content=b"not json").json()["Type"] == "PostDataInvalidException"


# the world ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def default_books(default_world: Sandbox) -> XeroBooks:
    held: XeroBooks = default_world.world.books["xero"]
    return held


def test_the_default_world_has_what_a_reader_must_cope_with(default_books: XeroBooks) -> None:
    invoices = [i for i in default_books.invoices if i["Type"] == "ACCREC"]
    assert {i["CurrencyCode"] for i in invoices} == {"GBP", "EUR", "USD", "JPY", "KWD"}
    assert {i["Status"] for i in invoices} == {"DRAFT", "AUTHORISED", "PAID", "VOIDED", "DELETED"}
    assert {p["PaymentType"] for p in default_books.payments} == {"ACCRECPAYMENT", "ARCREDITPAYMENT"}
    assert {p["Status"] for p in default_books.payments} == {"AUTHORISED", "DELETED"}
    assert any(n["invoice"] for n in default_books.credit_notes)
    assert any(c["IsSupplier"] and not c["IsCustomer"] for c in default_books.contacts)
    assert len(default_books.contacts) > 500


def test_days_bring_new_changed_merged_archived_and_forgotten_contacts() -> None:
    sandbox = Sandbox(7, 600, today=TODAY)
    books: XeroBooks = sandbox.world.books["xero"]
    before, states = set(books.changed), {c["ContactID"]: c["ContactStatus"] for c in books.contacts}
    merged = sum("MergedToContactID" in c for c in books.contacts)
    start = sandbox.now()
    sandbox.advance(3)
    assert set(books.changed) - before
    changed = {key for key, at in books.changed.items() if key in before and at // 1000 > start}
    turned = {(states[key], (books.contacts.get(key) or {})["ContactStatus"]) for key in changed & set(states)}
    assert {("ACTIVE", "ACTIVE"), ("ACTIVE", "ARCHIVED"), ("ACTIVE", "GDPRREQUEST")} <= turned
    assert sum("MergedToContactID" in c for c in books.contacts) > merged
    assert all(at // 1000 < sandbox.now() - 60 for at in books.changed.values())


def test_the_truth_names_the_customers_among_the_contacts(fresh: SandboxHandle) -> None:
    fresh.advance(3)
    contacts = all_of(xero_vendor(fresh), "Contacts", includeArchived="true")
    live = [c for c in contacts if c["ContactStatus"] != "GDPRREQUEST" and "MergedToContactID" not in c]
    served = sorted(c["ContactID"] for c in live if c["IsCustomer"])
    assert sorted(row["source_record_id"] for row in truth_rows(fresh) if row["source_system"] == "xero") == served


def test_what_stands_in_hub_yaml_is_what_the_connector_takes() -> None:
    from connectors.registry import connector_class

    settings = connector_class("xero").Settings(**SYSTEM.source)
    assert json.loads(settings.model_dump_json())["client_id"] == CLIENT_ID
