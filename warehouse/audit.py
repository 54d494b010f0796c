"""The audit log as a chain: each entry has a number and the hash of the entry before it, so that none can be changed, added or
taken out in between without all later ones showing it.

The hash is SHA-256 without a key: whoever can rewrite the store's entries could read a key in it too. Who rewrites all of them can
make a chain that fits in itself. That shows by its head, which is kept where they have no hand: in each published load and backup,
and wherever somebody writes it down. Entries of versions before the chain have no number; its first entry holds a hash of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hub.contract.erased import BLANK
from hub.contract.errors import ConfigError
from warehouse import control_tables as t

HEAD = "audit_head"  # the setting that holds number and hash of the last entry
BEGINNING = "audit_begin"  # the action of an entry that seals those of before the chain
ERASED = "audit_erased"  # the action of an entry that says in which others an erasure put `BLANK` for a text
_NOTHING = "0" * 64
_WORD = r"[^\s\"'<>(),;:\[\]{}\\/=&?]+"
_ADDRESS = re.compile(rf"{_WORD}(?:@|%40){_WORD}|(?<![0-9A-Za-z])\+[0-9][0-9 ()./-]{{5,}}[0-9]")


@dataclass(frozen=True)
class Anchor:
    """The head of the chain as it was once noted outside of the store.

    Attributes:
        where: who holds it, such as a load.
    """

    seq: int
    hash: str
    where: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True)
class Verified:
    """What a look at the whole chain found.

    Attributes:
        entries: in the chain.
        earlier: entries of before the chain, which its first one seals.
        erased: entries out of which the erasure of a person took a text, as a later entry says; their hash cannot be told any more.
        head: number and hash of the last entry; None before the first.
        broken: what is wrong, the earliest entry first; none where all is well.
    """

    entries: int
    earlier: int
    erased: int
    head: Anchor | None
    broken: tuple[str, ...]


def anchor(text: str, where: str = "--anchor") -> Anchor:
    """Read NUMBER:HASH. Raises `ConfigError` if it is none."""
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip())
    if found is None:
        raise ConfigError("is no head of an audit log", field=where, remedy="give it as hub audit verify prints it: NUMBER:HASH")
    return Anchor(int(found[1]), found[2], where)


def without_addresses(text: str, secret: bytes) -> str:
    """A text with a pseudonym for each e-mail address and phone number in it: entries are never rewritten, not for anybody.

    Pseudonyms are those of shared loads: HMAC-SHA256 cut to 64 bits.
    """

    def pseudonym(found: re.Match[str]) -> str:
        value = found[0] if "@" in found[0] or "%" in found[0] else re.sub(r"[^+0-9]", "", found[0])
        return f"x_{hmac.new(secret, value.encode(), hashlib.sha256).hexdigest()[:16]}"

    return _ADDRESS.sub(pseudonym, text)


def append(con: sa.Connection, entries: Iterable[Mapping[str, Any]], *, at: datetime) -> None:
    """Put entries at the end of the chain, in a transaction that nobody else appends in (`ControlStore.exclusive`); UTC."""
    last = head(con) or _begin(con, at)
    for entry in entries:
        last = _add(con, last, {**entry, "at": at})


def head(con: sa.Connection) -> Anchor | None:
    """The last entry; None where the chain has not begun."""
    noted = con.execute(sa.select(t.setting.c.value).where(t.setting.c.name == HEAD)).scalar()
    return anchor(noted, "control store") if noted else None


def _begin(con: sa.Connection, at: datetime) -> Anchor:
    """Where the chain begins: behind an entry with a hash of those that are there already, if any are.

    Where the head alone is lost, the last entry is it again.
    """
    row = t.audit_log.c
    known = con.execute(sa.select(row.seq, row.entry_hash).where(row.seq.is_not(None)).order_by(row.seq.desc()).limit(1)).first()
    if known is not None:
        return Anchor(known.seq, known.entry_hash, "control store")
    digest, count = _sealed(con)
    if not count:
        return Anchor(0, _NOTHING, "")
    detail = json.dumps({"entries": count, "sha256": digest})
    first = {"action": BEGINNING, "actor": "hub", "subject": "audit_log", "detail": detail, "is_automatic": True, "at": at}
    return _add(con, Anchor(0, _NOTHING, ""), first)


def _add(con: sa.Connection, last: Anchor, entry: Mapping[str, Any]) -> Anchor:
    row = {"audit_id": secrets.token_hex(16), **entry, "seq": last.seq + 1, "previous_hash": last.hash}
    row["entry_hash"] = _hash(row)
    con.execute(sa.insert(t.audit_log).values(**row))
    now = Anchor(row["seq"], row["entry_hash"], "control store")
    changed = con.execute(sa.update(t.setting).where(t.setting.c.name == HEAD).values(value=str(now)))
    if not changed.rowcount:
        con.execute(sa.insert(t.setting).values(name=HEAD, value=str(now)))
    return now


def _hash(row: Mapping[str, Any]) -> str:
    at: datetime = row["at"]
    said = [row["audit_id"], row["action"], row["actor"], row["subject"], row["detail"], at.isoformat(timespec="microseconds")]
    content = json.dumps([row["seq"], row["previous_hash"], *said, bool(row["is_automatic"])], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _sealed(con: sa.Connection) -> tuple[str, int]:
    """A hash of all entries without a number, and how many there are."""
    row = t.audit_log.c
    digest, count = hashlib.sha256(), 0
    for found in con.execute(sa.select(t.audit_log).where(row.seq.is_(None)).order_by(row.at, row.audit_id)).mappings():
        digest.update(_hash(dict(found)).encode())
        count += 1
    return digest.hexdigest(), count


def verify(con: sa.Connection, anchors: Sequence[Anchor] = ()) -> Verified:
    """Look at every entry, and whether the chain passes through the anchors."""
    row = t.audit_log.c
    broken: list[str] = []
    last, hashes = Anchor(0, _NOTHING, ""), {0: _NOTHING}
    digest, earlier = _sealed(con)
    erased, blanked = _erased(con), 0
    for found in con.execute(sa.select(t.audit_log).where(row.seq.is_not(None)).order_by(row.seq, row.audit_id)).mappings():
        entry = dict(found)
        told = f"entry {entry['seq']} ({entry['action']} by {entry['actor']}, {entry['at']:%Y-%m-%d %H:%M:%S})"
        if entry["seq"] != last.seq + 1:
            missing = entry["seq"] > last.seq + 1
            broken.append(f"entries from {last.seq + 1} on are missing before {told}" if missing else f"{told} is there twice")
        elif entry["previous_hash"] != last.hash:
            broken.append(f"{told} does not follow the entry before it")
        elif entry["entry_hash"] != _hash(entry):
            if entry["audit_id"] in erased and BLANK in (entry["actor"], entry["subject"], entry["detail"]):
                blanked += 1
            else:
                broken.append(f"{told} was changed")
        if entry["seq"] == 1 and (earlier or entry["action"] == BEGINNING):
            broken += _unsealed(entry, None if _blanked_earlier(con, erased) else digest, earlier)
        last = Anchor(entry["seq"], entry["entry_hash"], "control store")
        hashes[last.seq] = last.hash
    noted = head(con)
    for known in ([noted] if noted is not None else []) + sorted(anchors, key=lambda one: one.seq):
        if known.seq > last.seq:
            broken.append(f"entries from {last.seq + 1} to {known.seq} are gone: {known.where} knows of them")
        elif hashes.get(known.seq) != known.hash:
            broken.append(f"entry {known.seq} is another than the one that {known.where} knows")
    return Verified(len(hashes) - 1, earlier, blanked, last if last.seq else None, tuple(broken))


def _erased(con: sa.Connection) -> set[str]:
    """The entries that erasures took texts out of, by their own word."""
    row = t.audit_log.c
    told = con.execute(sa.select(row.detail).where(row.action == ERASED, row.seq.is_not(None))).scalars()
    return {audit_id for detail in told for audit_id in json.loads(detail)["entries"]}


def _blanked_earlier(con: sa.Connection, erased: set[str]) -> bool:
    row = t.audit_log.c
    blank = sa.or_(*(column == BLANK for column in (row.actor, row.subject, row.detail)))
    return any(one in erased for one in con.execute(sa.select(row.audit_id).where(row.seq.is_(None), blank)).scalars())


def _unsealed(first: Mapping[str, Any], digest: str | None, earlier: int) -> list[str]:
    sealed = json.loads(first["detail"]) if first["action"] == BEGINNING else {"entries": 0}
    if sealed["entries"] != earlier:
        return [f"{earlier} entries without a number are there, where {sealed['entries']} were sealed"]
    return [] if digest is None or sealed["sha256"] == digest else ["the entries of before the chain were changed"]
