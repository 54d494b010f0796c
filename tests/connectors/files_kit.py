"""What the tests of the files connector share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.contract import Checkpoint, Page, Record, Reject
from connectors.files.connector import FilesConnector
from connectors.files.settings import FilesSettings

CONTACTS = {"path": "contacts-*.csv", "kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}


def connector(root: Path, streams: Mapping[str, Any] | None = None, **others: Any) -> FilesConnector:
    """A source of that folder, its one stream `contacts` unless told otherwise."""
    made = FilesSettings(type="files", streams=streams or {"contacts": CONTACTS}, **others)
    return FilesConnector("crm", made.model_copy(update={"root": root}))


def contacts(root: Path, path: str, storage: Mapping[str, Any] | None = None, **stream: Any) -> FilesConnector:
    """A source whose contacts lie at that path."""
    return connector(root, {"contacts": {**CONTACTS, "path": path, **stream}}, **({"storage": storage} if storage else {}))


def pages(source: FilesConnector, checkpoint: Checkpoint | None = None, stream: str = "contacts") -> list[Page]:
    return list(next(s for s in source.streams() if s.name == stream).read(checkpoint))


def records(read: list[Page]) -> list[Record]:
    return [record for page in read for record in page.records]


def rejects(read: list[Page]) -> list[Reject]:
    return [reject for page in read for reject in page.rejects]


def ids(read: list[Page]) -> list[str]:
    return [record.id for record in records(read)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
