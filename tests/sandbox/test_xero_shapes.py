"""The sandbox's Xero answers keep to Xero's own OpenAPI description: valid by its schemas, and with no field it does not know."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from connectors.sandbox import SandboxHandle
from tests.sandbox.conftest import Vendor
from tests.sandbox.test_xero_protocol import API, xero_vendor

# in every answer of Xero's own samples, but not in its schemas
ENVELOPE = {"Id", "Status", "ProviderName", "DateTimeUTC"}
UNDESCRIBED = {"DateString", "DueDateString", "ID"}


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return xero_vendor(shared)


@pytest.fixture(scope="module")
def official(specs: Path) -> dict[str, Any]:
    with gzip.open(specs / "xero_accounting.yaml.gz") as file:
        found: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def answer(api: Vendor, path: str) -> dict[str, Any]:
    body: dict[str, Any] = api.get(f"{API}{path}", page=1, pageSize=1000, includeArchived="true").raise_for_status().json()
    assert set(body) >= ENVELOPE
    return {name: value for name, value in body.items() if name not in ENVELOPE}


def validator(official: dict[str, Any], path: str, method: str = "get", status: str = "200") -> jsonschema.Draft4Validator:
    response = official["paths"][path][method]["responses"][status]
    response = official["components"]["responses"][response["$ref"].rsplit("/", 1)[1]] if "$ref" in response else response
    schema = response["content"]["application/json"]["schema"]
    return jsonschema.Draft4Validator({**schema, "components": official["components"]})


def unknown(official: dict[str, Any], schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
    """The fields of a value that its schema does not know, however deep."""
    while "$ref" in schema:
        schema = official["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        for item in value:
            yield from unknown(official, schema["items"], item, place)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in schema.get("properties", {}):
                yield f"{place}.{name}"
            else:
                yield from unknown(official, schema["properties"][name], part, f"{place}.{name}")


@pytest.mark.parametrize("path", ["/Contacts", "/Invoices", "/CreditNotes", "/Payments", "/Organisation"])
def test_an_answer_is_valid_and_every_field_is_described(api: Vendor, official: dict[str, Any], path: str) -> None:
    body = answer(api, path)
    check = validator(official, path)
    assert [error.json_path for error in check.iter_errors(body)] == []
    strange = set(unknown(official, {"$ref": check.schema["$ref"]}, body, path.strip("/")))
    assert {field.rpartition(".")[2] for field in strange} <= UNDESCRIBED, strange
    assert any(body[path.strip("/")] if path != "/Organisation" else body["Organisations"])


@pytest.mark.parametrize("path", ["/Contacts", "/Invoices", "/CreditNotes", "/Payments"])
def test_fields_that_xero_shows_in_its_sample_are_there(api: Vendor, official: dict[str, Any], path: str) -> None:
    sample = official["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    name = path.strip("/")
    everywhere = set.intersection(*(set(record) for record in sample[name]))
    # what only some organisations use
    rare = {"TaxNumber", "TaxNumbeType", "UpdatedDateUTCString", "FirstName", "LastName", "SalesDefaultLineAmountType"}
    for record in answer(api, path)[name]:
        assert everywhere - set(record) <= rare


def test_what_is_written_answers_as_described_and_a_refusal_too(fresh: SandboxHandle, official: dict[str, Any]) -> None:
    api = xero_vendor(fresh)
    made = api("PUT", f"{API}/Contacts", json={"Contacts": [{"Name": "Zoë Ångström"}]}).json()
    assert list(validator(official, "/Contacts", "put").iter_errors(made)) == []
    bill = {"Type": "ACCREC", "Contact": {"Name": "Zoë Ångström"}, "LineItems": [{"LineAmount": 5}]}
    written = api("PUT", f"{API}/Invoices", json=bill).json()
    assert list(validator(official, "/Invoices", "put").iter_errors(written)) == []
    refused = api("PUT", f"{API}/Contacts", json={"Contacts": [{"Name": "Zoë Ångström"}]})
    assert refused.status_code == 400
    assert list(validator(official, "/Contacts", "put", "400").iter_errors(refused.json())) == []
