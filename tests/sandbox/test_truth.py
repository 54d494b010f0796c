"""The exported truth names every party record that the vendors' APIs serve, each once, and no other: the first four systems.

The later systems' own tests ask the same of them.
"""

from __future__ import annotations

import csv
from pathlib import Path

from connectors.sandbox import Sandbox, SandboxHandle
from tests.sandbox.conftest import (
    FIRST_FOUR,
    TODAY,
    google_rows,
    google_vendor,
    shopify_all,
    stripe_all,
    stripe_vendor,
    truth_rows,
    zendesk_export,
    zendesk_vendor,
)

LEADS = "SELECT lead_form_submission_data.id FROM lead_form_submission_data"


def served(handle: SandboxHandle) -> list[tuple[str, str, str]]:
    """Every party record, read through the vendors' protocols."""
    stripe, zendesk = stripe_vendor(handle), zendesk_vendor(handle)
    users = zendesk_export(zendesk, "users")
    orders = shopify_all(handle, "orders", "legacyResourceId customer { id }")
    return [
        *(("stripe", "customers", c["id"]) for c in stripe_all(stripe, "customers")),
        *(("stripe", "charges", c["id"]) for c in stripe_all(stripe, "charges") if c["customer"] is None),
        *(("zendesk", "users", str(u["id"])) for u in users if u["role"] == "end-user" and u["active"]),
        *(("shopify", "customers", c["legacyResourceId"]) for c in shopify_all(handle, "customers", "legacyResourceId")),
        *(("shopify", "orders", o["legacyResourceId"]) for o in orders if o["customer"] is None),
        *(("google_ads", "leads", r["leadFormSubmissionData"]["id"]) for r in google_rows(google_vendor(handle), LEADS)),
    ]


def keys(handle: SandboxHandle) -> list[tuple[str, str, str]]:
    found = [(row["source_system"], row["stream"], row["source_record_id"]) for row in truth_rows(handle)]
    return [key for key in found if key[0] in FIRST_FOUR]


def test_truth_covers_every_party_record_exactly_once(fresh: SandboxHandle) -> None:
    assert sorted(served(fresh)) == keys(fresh)
    assert {key[:2] for key in keys(fresh)} >= {("stripe", "customers"), ("zendesk", "users"), ("shopify", "orders")}


def test_truth_follows_new_changed_and_deleted_records(fresh: SandboxHandle) -> None:
    before = set(keys(fresh))
    fresh.advance(3)
    fresh.post_order("stranger@quickmail.example")
    fresh.post_ticket("another.stranger@quickmail.example")
    fresh.push_clock(120)
    after = keys(fresh)
    assert sorted(served(fresh)) == after
    assert set(after) - before
    assert before - set(after)


def test_who_writes_from_outside_is_known_by_the_mailbox(fresh: SandboxHandle) -> None:
    customers = {c["id"]: c["email"] for c in stripe_all(stripe_vendor(fresh), "customers")}
    behind = {row["source_record_id"]: row["entity_id"] for row in truth_rows(fresh)}
    # a mailbox of one person, not of a household or a company
    known, email = next((k, e) for k, e in customers.items() if e and e.endswith("mail.example") and behind[k].startswith("person"))
    order = fresh.post_order(email)
    fresh.post_order("nobody.yet@quickmail.example")
    same_again = fresh.post_order("Nobody.Yet@quickmail.example")
    entities = {row["source_record_id"]: row["entity_id"] for row in truth_rows(fresh)}
    assert entities[order] == behind[known]
    assert entities[same_again].startswith("stranger-")
    assert sum(entity == entities[same_again] for entity in entities.values()) == 2


def test_truth_can_be_written_to_a_file(tmp_path: Path) -> None:
    sandbox = Sandbox(7, 40, today=TODAY)
    sandbox.write_truth(tmp_path / "truth.csv")
    with (tmp_path / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["source_system", "stream", "source_record_id", "entity_id"]
    assert [tuple(row) for row in rows[1:]] == list(sandbox.world.truth())
