"""Schema drift: which fields the payloads of a stream have, and how that differs from what they had before.

The fields are read off the landed payloads themselves, by DuckDB's `json_group_structure`, before they enter raw; where a part says
them itself (`hub.contract.landed`), the payloads need not be read. Raw keeps every payload as sent, so drift loses nothing; what
is remembered here is only what to tell people. A field is named by its path (``billing.address.city``, ``lines[].sku``); an object
with very many keys counts as a map, whose keys are data and no fields.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub.contract import landed

MAP_KEYS = 100  # an object with more keys than that is a map
SAMPLE = 1_000  # payloads looked at one by one, to know which fields are always there
DEPTH = 120  # payloads nested deeper are not looked at
BATCH_BYTES = 8 * 1024 * 1024
_LITTLE = 256 * 1024  # bytes of Parquet
_kept: dict[int, duckdb.DuckDBPyConnection] = {}
ENOUGH = 20  # payloads without a field that was always there, before it counts as missing

Change = Literal["new", "missing", "retyped"]
_FAMILY = {
    **dict.fromkeys(("UBIGINT", "BIGINT", "UHUGEINT", "HUGEINT", "DOUBLE"), "number"),
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "NULL": "null",
    "JSON": "any",
}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_NAMED = _FAMILY | {"OBJECT": "object", "ARRAY": "array"}
_VAGUE = frozenset({"null", "any"})  # says nothing about the type


@dataclass(frozen=True)
class FieldChange:
    """One field that is not as it was.

    Attributes:
        field: its path.
        was, now: what it holds: text, number, boolean, object, array; several are joined by ``|``. None where it is not there.
    """

    field: str
    change: Change
    was: str | None
    now: str | None

    def __str__(self) -> str:
        match self.change:
            case "new":
                return f"{self.field} is new ({self.now})"
            case "missing":
                return f"{self.field} is missing (was {self.was})"
            case "retyped":
                return f"{self.field} was {self.was}, now is {self.now}"


@dataclass(frozen=True)
class Observation:
    """What a reading's payloads look like beside the known ones.

    Attributes:
        fields: path -> (types, whether it is in every payload looked at).
        changes: what differs; empty for a stream that is seen for the first time.
    """

    fields: dict[str, tuple[frozenset[str], bool]]
    changes: tuple[FieldChange, ...]


def observe(con: duckdb.DuckDBPyConnection, source: str, stream: str, parts: Sequence[Path]) -> Observation:
    """Compare the fields of landed payloads with those known of the stream. Changes nothing.

    Args:
        con: the warehouse, for what is known.
        parts: the Parquet parts of the reading.
    """
    looker = _Looker()
    for batch in _batches([part for part in parts if not looker.is_told(part)]):
        looker.look_at(batch)
    fields = {path: (frozenset(kinds - _VAGUE), looker.present[path] == looker.sampled) for path, kinds in looker.types.items()}
    known = _known(con, source, stream)
    return Observation(fields, tuple(_changes(known, fields, looker.sampled)) if known else ())


def _batches(parts: Sequence[Path]) -> Iterator[list[Path]]:
    """Parts, some at a time: describing JSON takes many times its size of memory."""
    batch: list[Path] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += sum(group.total_byte_size for group in _row_groups(part))
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _row_groups(part: Path) -> Iterator[Any]:
    metadata = pq.read_metadata(part)
    return (metadata.row_group(number) for number in range(metadata.num_row_groups))


class _Looker:
    """Looks at payloads, in a database of its own in memory: DuckDB describes JSON to a depth of 126 only, and an aggregate that
    meets more ends the database it runs in.

    Attributes:
        types: path -> types, over all that was looked at.
        present: how many of the payloads looked at one by one have each path; `sampled`, how many those are.
    """

    def __init__(self) -> None:
        self.types: dict[str, set[str]] = defaultdict(set)
        self.present: Counter[str] = Counter()
        self.sampled = 0

    def is_told(self, part: Path) -> bool:
        """Take into account what a part says of its fields; whether it says it."""
        told = (pq.read_schema(part).metadata or {}).get(landed.FIELDS)
        if told is None:
            return False
        said = json.loads(told)
        self.sampled += said["payloads"]
        if len(said["fields"]) <= MAP_KEYS:
            for path, (kinds, seen) in said["fields"].items():
                self.types[path].update(kinds)
                self.present[path] += seen
        return True

    def look_at(self, parts: Sequence[Path]) -> None:
        """Take the payloads of some parts into account."""
        read = f"read_parquet([{', '.join(_quoted(part) for part in parts)}])"
        payloads = f"(SELECT payload FROM {read} WHERE op = 'upsert' AND payload <> '{{}}')"
        try:
            with _aside(keep=sum(part.stat().st_size for part in parts) < _LITTLE) as con:
                self._describe(con, payloads)
        except duckdb.Error:
            # something is nested too deep; it is left out, and so is what cannot be told from it without measuring
            with _aside(keep=False) as con:
                texts = [row[0] for row in con.execute(f"FROM {payloads} LIMIT {SAMPLE}").fetchall()]
                shallow = pa.table({"payload": pa.array([text for text in texts if _depth(text) < DEPTH], pa.string())})
                con.register("shallow", shallow)
                self._describe(con, "shallow")

    def _describe(self, con: duckdb.DuckDBPyConnection, payloads: str) -> None:
        merged, count = con.execute(f"SELECT json_group_structure(payload::JSON), count(*) FROM {payloads}").fetchall()[0]
        if not count:
            return
        sample = f"(FROM {payloads} LIMIT {max(0, SAMPLE - self.sampled)})"
        rows = con.execute(f"SELECT json_structure(payload::JSON) AS s, count(*) FROM {sample} GROUP BY s").fetchall()
        for path, kind in _flat(json.loads(merged)):
            self.types[path] |= _mixture(con, payloads, path) if kind == "any" and "[]" not in path else {kind}
        for structure, seen in rows:
            self.sampled += seen
            for path, kind in _flat(json.loads(structure)):
                self.types[path].add(kind)
                self.present[path] += seen


@contextmanager
def _aside(*, keep: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory.

    Args:
        keep: it is kept for the next look, as making one takes longer than most looks. An error may have ended it, and describing
            much takes memory that is only given back with it.
    """
    con = _kept.pop(os.getpid(), None) or duckdb.connect()
    try:
        yield con
    except BaseException:
        con.close()
        raise
    if keep:
        _kept[os.getpid()] = con  # of this process: its threads are not on the other side of a fork
    else:
        con.close()


def _mixture(con: duckdb.DuckDBPyConnection, payloads: str, path: str) -> set[str]:
    """The types of a field that the payloads disagree about."""
    # a JSON pointer (RFC 6901) takes any name; a JSON path has no way to write one with a quote
    place = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path.split("."))
    found = con.execute(f"SELECT DISTINCT json_type(payload::JSON, $place) FROM {payloads}", {"place": place}).fetchall()
    return {_NAMED.get(kind, "any") for (kind,) in found if kind is not None} or {"any"}


def _depth(text: str) -> int:
    """How deep a JSON text is nested."""
    deepest = level = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":  # noqa: S105 - of JSON
            level += 1
            deepest = max(deepest, level)
        elif token in "}]":  # noqa: S105
            level -= 1
    return deepest


def remember(con: duckdb.DuckDBPyConnection, source: str, stream: str, seen: Observation, *, now: datetime) -> None:
    """Make what was observed the known fields of the stream. Types add up: a field that held numbers and holds text knows both."""
    known = _known(con, source, stream)
    rows: list[tuple[str, list[str], bool]] = []
    for path, (now_held, always) in seen.fields.items():
        before, was_always = known.get(path, (frozenset(), not known))
        kinds = before | now_held
        if path not in known or kinds != before or was_always != (was_always and always):
            rows.append((path, sorted(kinds), was_always and always))
    rows += [(change.field, sorted(known[change.field][0]), False) for change in seen.changes if change.change == "missing"]
    if rows:
        fields, types, always_there = (list(column) for column in zip(*rows, strict=True))
        con.execute(
            "INSERT OR REPLACE INTO ops.payload_field SELECT $source, $stream, unnest($fields::VARCHAR[]),"
            " unnest($types::VARCHAR[][]), unnest($always::BOOLEAN[]), $now",
            {"source": source, "stream": stream, "fields": fields, "types": types, "always": always_there, "now": now},
        )


def _known(con: duckdb.DuckDBPyConnection, source: str, stream: str) -> dict[str, tuple[frozenset[str], bool]]:
    rows = con.execute(
        "SELECT field, types, always FROM ops.payload_field WHERE source_system = ? AND stream = ?", [source, stream]
    ).fetchall()
    return {field: (frozenset(types), always) for field, types, always in rows}


def _changes(
    known: dict[str, tuple[frozenset[str], bool]], fields: dict[str, tuple[frozenset[str], bool]], sampled: int
) -> Iterator[FieldChange]:
    told: set[str] = set()  # the outermost change says it all
    for path, (kinds, _) in fields.items():
        inside = re.sub(r"(\[\]|\.[^.]*)$", "", path) if "." in path or "[]" in path else None
        if inside in told:
            told.add(path)
        elif path not in known:
            told.add(path)
            yield FieldChange(path, "new", None, _said(kinds))
        elif known[path][0] and kinds - known[path][0]:
            told.add(path)
            yield FieldChange(path, "retyped", _said(known[path][0]), _said(kinds))
    if sampled >= ENOUGH:
        for path, (kinds, always) in known.items():
            if always and path not in fields:
                yield FieldChange(path, "missing", _said(kinds), None)


def _said(kinds: frozenset[str]) -> str:
    return "|".join(sorted(kinds)) or "null"


def _flat(structure: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, type) of everything in a structure as `json_structure` describes it."""
    if path:
        yield path, _type(structure)
    if isinstance(structure, dict) and len(structure) <= MAP_KEYS:
        for name, part in structure.items():
            yield from _flat(part, f"{path}.{name}" if path else name)
    elif isinstance(structure, list) and structure and isinstance(structure[0], dict | list):
        for inner, kind in _flat(structure[0], "[]"):
            if inner != "[]":
                yield path + inner, kind


def _type(structure: Any) -> str:
    if isinstance(structure, dict):
        return "object"
    return "array" if isinstance(structure, list) else _FAMILY.get(structure, "any")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
