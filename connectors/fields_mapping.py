"""hub.yaml's `fields:` -> the mapping's SQL.

Whatever stands in hub.yaml is quoted as data here. Running the SQL is the warehouse's affair.
"""

from __future__ import annotations

from connectors.fields import FieldSource, MappedSettings, MappedStream
from hub.contract.tables import Column

# what `fields.as_text` strips too, so that an ID is one whichever of the two made it
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"


def mapping_sql(settings: MappedSettings) -> str:
    """One block per stream; see `connectors.mapping`."""
    return "\n\n".join(_block(name, stream, settings) for name, stream in settings.streams.items())


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
