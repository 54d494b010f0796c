"""Which events say that an object changed, how far a stream has been read by them, and what of a listing is still to be done.

Pure bookkeeping; requests are made in ``stripe.py``.

Events bear whole seconds and may turn up late, so the window that is listed reaches back `OVERLAP` seconds before the watermark.
What was handled in it is remembered as one fingerprint of event IDs per second, which bounds the checkpoint however many events
there are: a second with the same IDs holds nothing new, one with other IDs is handled again as a whole.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.contract import Checkpoint, Deletes
from hub.contract.tables import Kind

OVERLAP = 300  # seconds
# Stripe keeps events for 30 days (docs.stripe.com/api/events); a day less leaves room for a slow read
KEPT = timedelta(days=29)
# a stream without changes gets a fresh watermark this often, so that the watermark does not outlive the events
REFRESH = timedelta(days=1)
BATCH = 100
OWN = "customer-hub-"  # how the idempotency keys of our own writing begin


@dataclass(frozen=True)
class Resource:
    """One kind of object: its list, its name in `object`, and the events that say it changed (Stripe admits 20 per request).

    Attributes:
        expand: what Stripe leaves out unless asked.
        along: what is read along with it, from another list; see ``stripe_links.py``.
        via: the parameter by which its list finds the objects that an event about something else is about.
        setting: the switch for it in hub.yaml, where it can do without.
    """

    name: str
    object: str
    kind: Kind
    deletes: Deletes
    events: tuple[str, ...]
    expand: str | None = None
    along: str | None = None
    via: str | None = None
    setting: str | None = None


RESOURCES = (
    Resource(
        "invoices",
        "invoice",
        "invoice",
        Deletes.SNAPSHOT,  # an event tells of a deleted draft, and one that a whole list lacks is gone too
        (
            *("invoice.created", "invoice.updated", "invoice.deleted", "invoice.finalized", "invoice.finalization_failed"),
            *("invoice.sent", "invoice.paid", "invoice.overpaid", "invoice.payment_succeeded", "invoice.payment_failed"),
            *("invoice.payment_action_required", "invoice.payment_attempt_required", "invoice.voided", "invoice.overdue"),
            "invoice.marked_uncollectible",
        ),
    ),
    Resource(
        "charges",
        "charge",
        "payment",
        Deletes.NONE,  # a charge is never deleted
        (
            *("charge.succeeded", "charge.pending", "charge.failed", "charge.captured", "charge.expired", "charge.refunded"),
            "charge.updated",
            # these are about a refund or a dispute, which names its charge
            *("charge.refund.updated", "refund.updated", "refund.failed", "charge.dispute.created", "charge.dispute.closed"),
            "invoice_payment.paid",  # may come long after the charge, where a payment is attached to an invoice by hand
        ),
        along="invoice_payments",
        via="payment_intent",
    ),
    Resource(
        "refunds",
        "refund",
        "refund",
        Deletes.NONE,  # a refund that is cancelled stays and says so
        # before 2024-10-28 only the charge told of a refund's creation
        ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated", "charge.refunded"),
        via="charge",
        setting="refunds",
    ),
    Resource(
        "credit_notes",
        "credit_note",
        "refund",
        Deletes.NONE,  # one that is voided stays and says so
        ("credit_note.created", "credit_note.updated", "credit_note.voided"),
        setting="credit_notes",
    ),
    Resource(
        "customers",
        "customer",
        "party",
        Deletes.SNAPSHOT,  # an event tells of a deletion, and who is missing from a whole list is gone too
        (
            *("customer.created", "customer.updated", "customer.deleted"),
            *("customer.tax_id.created", "customer.tax_id.updated", "customer.tax_id.deleted"),  # these name their customer
        ),
        expand="tax_ids",
    ),
)


@dataclass(frozen=True)
class Event:
    """A change.

    Attributes:
        created: its unix second by Stripe's clock.
        object_id: the object of the stream that it names, None if it names none.
        via: what the stream's list finds that object by; see `Resource.via`.
        listed: the object's own time of creation where it is still there, for windows.
        own: whether it is the echo of our own writing (see ``stripe_writer.py``), of which nothing is to be learnt.
    """

    id: str
    created: int
    object_id: str | None
    via: str | None = None
    listed: int | None = None
    own: bool = False


def read_event(item: Any, resource: Resource) -> Event:
    """An event as a stream sees it. Raises `KeyError`, `TypeError`, `ValueError` or `AttributeError` if it is none of Stripe's."""
    about = item["data"]["object"]
    own = about.get("object") == resource.object
    object_id = about.get("id") if own else about.get(resource.object)
    via = None
    if resource.via == "charge":
        via = about.get("charge") if own else about.get("id")
    elif resource.via == "payment_intent":
        # an invoice payment holds it in the payment it is about
        via = about.get("payment_intent") or (about.get("payment") or {}).get("payment_intent")
    listed = about.get("created") if own and not str(item.get("type")).endswith(".deleted") else None
    created_at = listed if isinstance(listed, int) else None
    return Event(str(item["id"]), int(item["created"]), _text(object_id), _text(via), created_at, _is_own(item.get("request")))


def _is_own(request: Any) -> bool:
    key = request.get("idempotency_key") if isinstance(request, Mapping) else None
    return isinstance(key, str) and key.startswith(OWN)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Position:
    """Where a stream stands; written as the checkpoint.

    Attributes:
        watermark: Stripe's time (unix seconds) up to which all changes are in; None while Stripe has told us of none.
        seen: second -> fingerprint of the events handled in it, for the `OVERLAP` seconds up to the watermark.
        checked: our time when nothing at all was left to read; compared only with our own time.
        after: in the middle of reading everything: the last object read.
        after_created: that object's time (unix seconds), should it be gone by then.
        along: what was read along; where that is to be something else, all is to be read again.
    """

    watermark: int | None
    seen: Mapping[str, str]
    checked: datetime
    after: str | None = None
    after_created: int | None = None
    along: str | None = None

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Position | None:
        """A checkpoint, read back; None if it is none of ours (which costs a full reading, never a record)."""
        try:
            checked = datetime.fromisoformat(checkpoint["checked"])
            middle = checkpoint.get("after"), checkpoint.get("after_created"), checkpoint.get("along")
            return cls(checkpoint["watermark"], checkpoint["seen"], checked, *middle)
        except (KeyError, TypeError, ValueError):
            return None

    def dump(self) -> Checkpoint:
        """The checkpoint."""
        whole = {"watermark": self.watermark, "seen": dict(self.seen), "checked": self.checked.isoformat()}
        if self.along is not None:
            whole["along"] = self.along
        return whole if self.after is None else {**whole, "after": self.after, "after_created": self.after_created}

    def may_have_lost(self, newest: int | None, now: datetime) -> bool:
        """Whether Stripe may have dropped events that were never read.

        Each clock is compared with itself only: ours says how long we were away, Stripe's (its newest event) how old the
        watermark is.
        """
        if now - self.checked >= KEPT:
            return True
        if newest is None or self.watermark is None:
            return False
        return timedelta(seconds=newest - self.watermark) >= KEPT

    def fresh(self, events: Iterable[Event]) -> list[Event]:
        """Those of the events that lie in a second in which something is new."""
        groups = _by_second(events).items()
        return [event for second, group in groups if self.seen.get(str(second)) != _fingerprint(group) for event in group]

    def handled(self, events: Iterable[Event], upto: int | None) -> Position:
        """The position once the listed events up to a second are handled. What is remembered of later seconds stays."""
        if upto is None:
            return self
        watermark = upto if self.watermark is None else max(upto, self.watermark)
        done = {str(second): _fingerprint(group) for second, group in _by_second(events).items() if second <= upto}
        seen = {second: mark for second, mark in {**self.seen, **done}.items() if int(second) >= watermark - OVERLAP}
        return replace(self, watermark=watermark, seen=seen)


def batches(events: Iterable[Event]) -> Iterator[list[tuple[str, int]]]:
    """The objects that changed by others than us, each with the second of its last event, oldest first; a batch never ends within
    a second.

    In that order the watermark may follow after each batch: an object that changed again later stands further back, and if the
    reading breaks off before it, its later event is still new to the next one.
    """
    last: dict[str, int] = {}
    for event in events:
        if event.object_id is not None and not event.own:
            last[event.object_id] = max(event.created, last.get(event.object_id, event.created))
    batch: list[tuple[str, int]] = []
    for object_id, second in sorted(last.items(), key=lambda item: (item[1], item[0])):
        if len(batch) >= BATCH and batch[-1][1] != second:
            yield batch
            batch = []
        batch.append((object_id, second))
    if batch:
        yield batch


def _by_second(events: Iterable[Event]) -> dict[int, list[Event]]:
    groups: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        groups[event.created].append(event)
    return groups


def _fingerprint(events: Iterable[Event]) -> str:
    return hashlib.blake2b(" ".join(sorted({e.id for e in events})).encode(), digest_size=8).hexdigest()
