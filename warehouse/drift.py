"""Schema drift: which fields the payloads of a stream have, and how that differs from what they had before.

The fields are read off the landed payloads themselves, by DuckDB's `json_group_structure`, before they enter raw. Raw keeps every
payload as sent, so drift loses nothing; what is remembered here is only what to tell people. A field is named by its path
(``billing.address.city``, ``lines[].sku``); an object with very many keys counts as a map, whose keys are data and no fields.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

MAP_KEYS = 100  # an object with more keys than that is a map
SAMPLE = 1_000  # payloads looked at one by one, to know which fields are always there
DEPTH = 120  # payloads nested deeper are not looked at
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
        fields: path -> (type, whether it is in every payload looked at).
        changes: what differs; empty for a stream that is seen for the first time.
    """

    fields: dict[str, tuple[str, bool]]
    changes: tuple[FieldChange, ...]


def observe(con: duckdb.DuckDBPyConnection, source: str, stream: str, parts: Sequence[Path]) -> Observation:
    """Compare the fields of landed payloads with those known of the stream. Changes nothing.

    Args:
        parts: the Parquet parts of the reading.
    """
    _make_drift_payload(con, parts)
    merged = con.execute("SELECT json_group_structure(payload::JSON), count(*) FROM drift_payload").fetchall()[0]
    if not merged[1]:
        return Observation({}, ())
    types = dict(_flat(json.loads(merged[0])))
    always, sampled = _always(con)
    fields = {path: (kind, always[path] == sampled) for path, kind in types.items()}
    known = _known(con, source, stream)
    return Observation(fields, tuple(_changes(known, fields, sampled)) if known else ())


def _make_drift_payload(con: duckdb.DuckDBPyConnection, parts: Sequence[Path]) -> None:
    """The temp relation `drift_payload`: the payloads that are looked at.

    DuckDB describes JSON to a depth of 126 only, and an aggregate that meets more ends the database. What may be deeper, by its
    number of brackets, is measured here, so many of them; the others of that kind are left out.
    """
    landed = f"read_parquet([{', '.join(_quoted(part) for part in parts)}])"
    con.execute(
        "CREATE OR REPLACE TEMP VIEW drift_landed AS"
        " SELECT payload, strlen(payload) - strlen(translate(payload, '{[', '')) AS brackets"
        f" FROM {landed} WHERE op = 'upsert' AND payload <> '{{}}'"
    )
    branchy = con.execute(f"SELECT payload FROM drift_landed WHERE brackets >= {DEPTH} LIMIT {SAMPLE}").fetchall()
    con.execute("CREATE OR REPLACE TEMP TABLE drift_branchy (payload VARCHAR)")
    shallow = [row for row in branchy if _depth(row[0]) < DEPTH]
    if shallow:
        con.executemany("INSERT INTO drift_branchy VALUES (?)", shallow)
    con.execute(
        "CREATE OR REPLACE TEMP VIEW drift_payload AS"
        f" SELECT payload FROM drift_landed WHERE brackets < {DEPTH} UNION ALL FROM drift_branchy"
    )


def _depth(text: str) -> int:
    """How deep a JSON text is nested."""
    deepest = level = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":
            level += 1
            deepest = max(deepest, level)
        elif token in "}]":
            level -= 1
    return deepest


def remember(con: duckdb.DuckDBPyConnection, source: str, stream: str, seen: Observation, *, now: datetime) -> None:
    """Make what was observed the known fields of the stream. Types add up: a field that held numbers and holds text knows both."""
    known = _known(con, source, stream)
    rows: list[tuple[str, list[str], bool]] = []
    for path, (kind, always) in seen.fields.items():
        before, was_always = known.get(path, (frozenset(), not known))
        kinds = before | ({kind} - _VAGUE)
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
    known: dict[str, tuple[frozenset[str], bool]], fields: dict[str, tuple[str, bool]], sampled: int
) -> Iterator[FieldChange]:
    told: set[str] = set()  # the outermost change says it all
    for path, (kind, _) in fields.items():
        inside = re.sub(r"(\[\]|\.[^.]*)$", "", path) if "." in path or "[]" in path else None
        if inside in told:
            told.add(path)
        elif path not in known:
            told.add(path)
            yield FieldChange(path, "new", None, kind)
        elif kind not in _VAGUE and known[path][0] and kind not in known[path][0]:
            told.add(path)
            yield FieldChange(path, "retyped", _said(known[path][0]), kind)
    if sampled >= ENOUGH:
        for path, (kinds, always) in known.items():
            if always and path not in fields:
                yield FieldChange(path, "missing", _said(kinds), None)


def _said(kinds: frozenset[str]) -> str:
    return "|".join(sorted(kinds)) or "null"


def _always(con: duckdb.DuckDBPyConnection) -> tuple[Counter[str], int]:
    """How many of the payloads looked at have each field, and how many those are."""
    present: Counter[str] = Counter()
    rows = con.execute(
        f"SELECT json_structure(payload::JSON) AS s, count(*) FROM (FROM drift_payload LIMIT {SAMPLE}) GROUP BY s"
    ).fetchall()
    for structure, count in rows:
        for path, _ in _flat(json.loads(structure)):
            present[path] += count
    return present, sum(count for _, count in rows)


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
