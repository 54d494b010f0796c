"""hub.yaml's `fields:` -> the mapping's SQL.

Whatever stands in hub.yaml is quoted as data here. Running the SQL is the warehouse's affair.
"""

from __future__ import annotations

from connectors.fields import Channel, ConsentSource, FieldSource, MappedSettings, MappedStream
from hub.contract.columns import CONSENT
from hub.contract.tables import Column

_CHANNELS: tuple[Channel, ...] = ("email", "sms", "call")
# what `fields.as_text` strips too, so that an ID is one whichever of the two made it
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"


def mapping_sql(settings: MappedSettings) -> str:
    """One block per stream; see `connectors.mapping`."""
    blocks = [_block(name, stream, settings) for name, stream in settings.streams.items()]
    said = [_consents(name, stream) for name, stream in settings.streams.items() if stream.consent]
    return "\n\n".join([*blocks, *said])


def _block(name: str, stream: MappedStream, settings: MappedSettings) -> str:
    columns = {"source_record_id": "source_record_id"}
    for column in stream.staging.columns:
        if column.name in stream.fields:
            columns[column.name] = _field(stream.fields[column.name], column)
    if stream.customer:
        columns["party_id"] = joined(stream.customer)
    if "party_id" in columns and "party_stream" not in columns and (owner := settings.owner_stream(stream)):
        columns["party_stream"] = literal(owner)
    listed = ",\n  ".join(f'{expression} AS "{column}"' for column, expression in columns.items())
    return f"-- stage: {name} -> {stream.staging.name}\nSELECT\n  {listed}\nFROM src"


def _consents(name: str, stream: MappedStream) -> str:
    """What a party's row says of being contacted: a signal per channel, of the party's own address or number."""
    # a word on all channels is a word on each, of the address or number that it is reached by
    said = [(part, of, source) for of, source in stream.consent.items() for part in (_CHANNELS if of == "all" else (of,))]
    signals = " UNION ALL\n".join(_consent(name, channel, of, source, stream) for channel, of, source in said)
    return f"-- stage: {name} -> {CONSENT.name}\nSELECT * FROM (\n{signals}\n) WHERE status IS NOT NULL"


def _consent(name: str, channel: Channel, of: Channel, said: ConsentSource, stream: MappedStream) -> str:
    word = _text(said.column)
    cases = " ".join(f"WHEN {literal(text.strip().lower())} THEN '{status}'" for text, status in said.means.items())
    at = CONSENT.column("captured_at")
    assert at is not None
    columns = {
        "source_record_id": "source_record_id",
        "party_id": joined(stream.id),
        "party_stream": literal(name),
        "signal": literal(channel if of == channel else f"{of}:{channel}"),
        "purpose": literal(said.purpose),
        "channel": literal(channel),
        "identifier": _value("email" if channel == "email" else "phone", stream),
        "country": _value("country", stream),
        "status": f"CASE lower({word}) {cases} ELSE {word} END" if cases else word,
        "legal_basis": "'consent'",
        "captured_at": _field(said.at, at) if said.at is not None else "NULL",
        "evidence": f"{literal(said.column + ': ')} || {word}",
    }
    return "SELECT " + ",\n  ".join(f'{expression} AS "{column}"' for column, expression in columns.items()) + "\nFROM src"


def _value(field: str, stream: MappedStream) -> str:
    column = stream.staging.column(field)
    return _field(stream.fields[field], column) if column is not None and field in stream.fields else "NULL"


def _field(source: FieldSource, column: Column) -> str:
    values = [_text(name) for name in source.column]
    first = f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]
    return _dated(first, source.format, column) if source.format else first


def _dated(text: str, written: str, column: Column) -> str:
    # what cannot be read as declared is handed on as it is, so that staging can tell unreadable from missing
    parsed = f"try_strptime({text}, {literal(written)})"
    if "%z" in written or "%Z" in written:
        parsed = f"timezone('UTC', {parsed})"
        shape = "%Y-%m-%dT%H:%M:%S.%fZ"
    else:
        shape = "%Y-%m-%dT%H:%M:%S.%f"
    return f"coalesce(strftime({parsed}, '{'%Y-%m-%d' if column.type == 'date' else shape}'), {text})"


def joined(columns: tuple[str, ...]) -> str:
    """SQL of an ID made of columns, as the connector makes it: NULL if any part is empty."""
    return " || ':' || ".join(_text(column) for column in columns)


def _text(column: str) -> str:
    # a JSON pointer (RFC 6901) takes any name, also one with quotes, dots or brackets
    pointer = "/" + column.replace("~", "~0").replace("/", "~1")
    return f"nullif(trim(payload ->> {literal(pointer)}, {_BLANKS}), '')"


def literal(text: str) -> str:
    """SQL of a text. Line breaks are spelt out, because a mapping's blocks are told apart by its lines."""
    pieces: list[str] = []
    plain = ""
    for character in text:
        if character.isprintable():
            plain += character.replace("'", "''")
        else:
            pieces += [f"'{plain}'", f"chr({ord(character)})"]
            plain = ""
    pieces.append(f"'{plain}'")
    return pieces[0] if len(pieces) == 1 else f"({' || '.join(pieces)})"
