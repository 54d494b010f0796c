"""Delivering what is owed to the records of a stream: read what they hold, decide, write, and say what became of each field.

A record is read before it is written. So what is there already costs no write (a change that took effect although its answer was
lost, a value that somebody typed in), and what somebody else put there is not lost. No state is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeVar

from connectors.writeback import Change, Refused, Text, Writer, Written, canonical
from hub.contract.errors import SourceUnavailableError

Fate = Literal["sent", "found", "kept", "dead", "gone", "owed"]
"""What became of a field: written; there already; somebody else's value stays; refused for good; the record is gone; to be tried
again."""

OUTAGE = 2  # batches in a row without any useful answer, after which a vendor counts as down

IsOurs = Callable[[str, str, str], bool]
"""(record, field, text the field holds) -> whether we put that there, and may replace it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """What a record shall hold.

    Attributes:
        record: its source record ID.
        fields: canonical texts; None for a field that is to be emptied.
        key: see `Change.key`.
    """

    record: str
    fields: Mapping[str, Text]
    key: str


@dataclass(frozen=True)
class Delivery:
    """What became of one wish.

    Attributes:
        fates: of each of its fields.
        held: what the fields held before, canonical; empty where that could not be learnt.
        reason: of what is kept, dead, gone or owed.
        before, after: when the record had changed before and, by our writing, after; None where the vendor does not say.
    """

    record: str
    fates: Mapping[str, Fate]
    held: Mapping[str, Text] = field(default_factory=dict)
    reason: str | None = None
    before: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True)
class _Decided:
    """A wish, what of it is to be written, and in which fields somebody else's value stays."""

    wish: Wish
    change: Change
    held: Mapping[str, Text]
    kept: frozenset[str]

    def delivery(self, fate: Fate, reason: str | None = None, after: datetime | None = None) -> Delivery:
        """With that fate for what was to be written."""
        fates: dict[str, Fate] = {
            name: "kept" if name in self.kept else fate if name in self.change.fields else "found" for name in self.wish.fields
        }
        if self.kept and reason is None:
            reason = f"somebody else's value stands in {', '.join(sorted(self.kept))}; it stays unless overwrite: true"
        return Delivery(self.wish.record, fates, self.held, reason, self.change.standing.updated_at, after)


class Deliverer:
    """Delivers to one stream.

    Args:
        is_ours: asked about a value that is there and not what is wished.
        overwrite: replace also what is not ours.
        dry: read and decide only; what would be written has the fate ``sent``.
    """

    def __init__(self, writer: Writer, is_ours: IsOurs, *, overwrite: bool = False, dry: bool = False) -> None:
        self._writer, self._is_ours, self._overwrite, self._dry = writer, is_ours, overwrite, dry
        self._silent = 0

    def deliver(self, wishes: Sequence[Wish]) -> Iterator[list[Delivery]]:
        """Deliver wishes, a batch at a time.

        Raises:
            CredentialsError: the vendor does not let us.
            SourceUnavailableError: it answered nothing useful for `OUTAGE` batches in a row; the rest was not tried.
        """
        refused: list[_Decided] = []
        for batch in _parts(wishes, self._writer.reads):
            try:
                done, todo = self._decide(batch)
            except SourceUnavailableError as error:
                yield from self._unheard(batch, error)
                continue
            if done:
                self._silent = 0
                yield done
            if self._dry:
                yield [decided.delivery("sent") for decided in todo]
                continue
            for part in _parts(todo, self._writer.writes):
                try:
                    delivered, no = self._write(part)
                except SourceUnavailableError as error:
                    yield from self._unheard([decided.wish for decided in part], error)
                    continue
                self._silent = 0
                refused += no
                yield delivered
        for last in (False, True):
            refused = yield from self._once_more(refused, last=last)

    def _once_more(self, refused: Sequence[_Decided], *, last: bool) -> Generator[list[Delivery], None, list[_Decided]]:
        """Look again at records whose change was refused for a reason that may have passed; what is refused again is returned.

        A value that may be there once only was perhaps still with another record. Where two records are to change places, each
        waits for the other, so that the last time they first let go of what they hold. And a change on condition is refused where
        an answer was lost and the request repeated, since it took effect the first time.
        """
        again: list[_Decided] = []
        try:
            if last:
                self._let_go(refused)
        except SourceUnavailableError as error:
            yield from self._unheard([decided.wish for decided in refused], error)
            return again
        for batch in _parts(refused, self._writer.reads):
            first = {decided.wish.record: decided for decided in batch}
            waiting = dict(first)
            try:
                done, todo = self._decide([decided.wish for decided in batch])
                told = [first[d.record].delivery("sent", after=d.before) if set(d.fates.values()) == {"found"} else d for d in done]
                for part in _parts(todo, self._writer.writes):
                    delivered, no = self._write(part, last=last)
                    told += delivered
                    again += no
                    for record in (*(delivery.record for delivery in told), *(decided.wish.record for decided in no)):
                        waiting.pop(record)
                    yield told
                    told = []
                yield told
            except SourceUnavailableError as error:
                yield from self._unheard([decided.wish for decided in waiting.values()], error)
        return again

    def _let_go(self, refused: Sequence[_Decided]) -> None:
        """Empty fields in which a value may be there once only, and which are to hold another."""
        changes = []
        for decided in refused:
            names = [n for n in decided.change.fields if self._writer.is_unique(n) and decided.held[n] is not None]
            if names:
                change = decided.change
                changes.append(replace(change, fields=dict.fromkeys(names), key=f"{change.key}-emptied"))
        for part in _parts(changes, self._writer.writes):
            self._writer.write(part)

    def _unheard(self, wishes: Sequence[Wish], error: SourceUnavailableError) -> Iterator[list[Delivery]]:
        yield [Delivery(wish.record, dict.fromkeys(wish.fields, "owed"), reason=error.what) for wish in wishes]
        self._silent += 1
        if self._silent >= OUTAGE:
            raise error

    def _decide(self, wishes: Sequence[Wish]) -> tuple[list[Delivery], list[_Decided]]:
        """What is settled without writing, and what is to be written."""
        standing = self._writer.read([wish.record for wish in wishes])
        done: list[Delivery] = []
        todo: list[_Decided] = []
        for wish in wishes:
            holds = standing.get(wish.record)
            if holds is None:
                done.append(Delivery(wish.record, dict.fromkeys(wish.fields, "gone"), reason="the record is gone at the source"))
                continue
            held = {name: canonical(self._writer.kinds[name], holds.fields.get(name)) for name in wish.fields}
            differ = {name: text for name, text in wish.fields.items() if held[name] != text}
            kept = frozenset(name for name in differ if not self._may_replace(wish.record, name, held[name]))
            change = Change(wish.record, {name: text for name, text in differ.items() if name not in kept}, holds, wish.key)
            decided = _Decided(wish, change, held, kept)
            if change.fields:
                todo.append(decided)
            else:
                done.append(decided.delivery("found"))
        return done, todo

    def _may_replace(self, record: str, name: str, text: Text) -> bool:
        return text is None or self._overwrite or self._is_ours(record, name, text)

    def _write(self, part: Sequence[_Decided], *, last: bool = False) -> tuple[list[Delivery], list[_Decided]]:
        """Write; what may be tried once more comes second."""
        answers = self._writer.write([decided.change for decided in part])
        delivered: list[Delivery] = []
        refused: list[_Decided] = []
        for decided in part:
            answer = answers.get(decided.wish.record) or Refused("the vendor says nothing of it", again=True)
            if isinstance(answer, Written):
                delivered.append(self._settled(decided, answer))
            elif not last and (answer.again or any(self._writer.is_unique(name) for name in decided.change.fields)):
                refused.append(decided)
            else:
                delivered.append(decided.delivery("owed" if answer.again else "dead", answer.reason))
        return delivered, refused

    def _settled(self, decided: _Decided, answer: Written) -> Delivery:
        """A change that the vendor says it took, field by field: some drop without a word what they do not know."""
        delivery = decided.delivery("sent", after=answer.updated_at)
        holds = {name: canonical(self._writer.kinds[name], answer.fields.get(name)) for name in decided.change.fields}
        dropped = sorted(name for name, text in decided.change.fields.items() if holds[name] != text)
        if not dropped:
            return delivery
        fates: dict[str, Fate] = {name: "dead" if name in dropped else fate for name, fate in delivery.fates.items()}
        reason = f"the vendor took the change and does not hold it in {', '.join(dropped)}; is there such a field?"
        return Delivery(delivery.record, fates, delivery.held, reason, delivery.before, delivery.after)


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
