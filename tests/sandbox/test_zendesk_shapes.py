"""The sandbox's Zendesk answers keep to Zendesk's own OpenAPI description."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.sandbox import SandboxHandle
from tests.sandbox.conftest import Vendor, zendesk_export, zendesk_vendor

# in recorded answers and in the description's own prose, but missing from its schema of a ticket
UNDESCRIBED = {"ticket": {"satisfaction_rating", "via"}, "user": set()}


@pytest.fixture(scope="module")
def api(shared: SandboxHandle) -> Vendor:
    return zendesk_vendor(shared)


@pytest.fixture(scope="module")
def official(specs: Path) -> dict[str, Any]:
    with gzip.open(specs / "zendesk_oas.yaml.gz") as file:
        found: dict[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)
    return found


def properties(official: dict[str, Any], name: str) -> dict[str, Any]:
    schema = official["components"]["schemas"][name]
    found = dict(schema.get("properties", {}))
    for part in schema.get("anyOf", []):
        found |= properties(official, part["$ref"].rpartition("/")[2])
    return found


@pytest.mark.parametrize(("kind", "schema"), [("user", "UserObject"), ("ticket", "TicketObject")])
def test_every_field_is_described_and_of_the_described_type(api: Vendor, official: dict[str, Any], kind: str, schema: str) -> None:
    described = properties(official, schema)
    types = {"integer": int, "string": str, "boolean": bool, "array": list, "object": dict}
    for record in zendesk_export(api, f"{kind}s")[:200]:
        assert set(record) - set(described) - UNDESCRIBED[kind] == set()
        for name, value in record.items():
            expected = types.get(described.get(name, {}).get("type", ""))
            assert value is None or expected is None or isinstance(value, expected), name


def test_fields_that_only_answers_have_are_all_there(api: Vendor, official: dict[str, Any]) -> None:
    user = next(u for u in zendesk_export(api, "users") if u["role"] == "end-user")
    read_only = {name for name, about in properties(official, "UserObject").items() if about.get("readOnly")}
    assert read_only - set(user) == {"chat_only"}


@pytest.mark.parametrize("kind", ["users", "tickets"])
def test_an_export_page_is_the_described_one(api: Vendor, official: dict[str, Any], kind: str) -> None:
    schema = f"CursorBasedExportIncremental{kind.capitalize()}Response"
    page = api.get(f"/api/v2/incremental/{kind}/cursor.json", start_time=0).json()
    assert set(page) == set(properties(official, schema))


def test_ticket_statuses_are_the_described_ones_and_deleted(api: Vendor, official: dict[str, Any]) -> None:
    described = set(properties(official, "TicketObject")["status"]["enum"])
    assert {t["status"] for t in zendesk_export(api, "tickets")} <= described | {"deleted"}


@pytest.mark.parametrize(
    ("kind", "include", "schema"),
    [("tickets", "metric_sets", "TicketMetricObject"), ("users", "identities", "UserIdentityObject")],
)
def test_what_comes_beside_the_records_is_described(
    api: Vendor, official: dict[str, Any], kind: str, include: str, schema: str
) -> None:
    described = properties(official, schema)
    types = {"integer": int, "string": str, "boolean": bool, "array": list, "object": dict}
    page = api.get(f"/api/v2/incremental/{kind}/cursor.json", start_time=0, include=include).json()
    found = page.get(include) or [t["metric_set"] for t in page["tickets"] if t["metric_set"]]
    assert len(found) > 20
    for record in found:
        assert set(record) - set(described) == set()
        for name, value in record.items():
            expected = types.get(described[name].get("type", ""))
            assert value is None or expected is None or isinstance(value, expected), name
    assert set(described) - set(found[0]) <= {"deliverable_state", "undeliverable_count"}
