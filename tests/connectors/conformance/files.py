"""Files on a plain web server: rewritten while they are read, told apart by their ETags, and gone when they are gone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.connectors.conformance.counterpart import Counterpart
from tests.loopback import Reply, Request

_FOLDER = "/exports"


class Files(Counterpart):
    """Exports as JSON lines, a few rows to each file; what both streams have in common."""

    type_name = "files"
    bypass: ClassVar = {
        "boundary": "files are asked for by name, never by time",
        "late": "a file is read whole whenever it differs, so that nothing in it can be late",
        "empty_page": "a file without rows is a file like others; which one is last, the listing says",
        "refresh_token": "what a storage is given to let us in does not rotate",
        "retention": "files are no feed of changes; each reading compares all that are there",
        "child": "a file is read in one piece",
        "backfill": "a file says nothing of when its rows were made; the stream can only be read whole",
        "merge": "files have no word for merges; a row that is gone from a snapshot is deleted",
        "future": "the checkpoint holds the versions of files and no time",
        "torn": "the length that a storage tells shows a cut, and reading goes on there: test_files_storage.py",
    }
    mark_at = ("name",)

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.files: dict[str, dict[str, dict[str, Any]]] = {}
        self.touched: dict[str, int] = {}
        self._keys = 0

    def settings(self) -> dict[str, Any]:
        contacts = {"kind": "party", "id": "id", "fields": {"full_name": ["name", "id"]}, "deletes": "snapshot"}
        orders = {"kind": "order", "id": "id", "fields": {"ordered_at": "at", "currency": "cur", "gross_amount": "total"}}
        return {
            "streams": {
                "contacts": {**contacts, "path": f"{self.server.base_url}{_FOLDER}/contacts-*.jsonl"},
                "orders": {**orders, "path": f"{self.server.base_url}{_FOLDER}/orders-*.jsonl"},
            }
        }

    # what happens there

    def write(self, key: str | None, mark: str, at: int) -> str:
        if key is None:
            key, name = str(self._keys), f"{self.stream}-{self._keys // self.page_size:03}.jsonl"
            self._keys += 1
        else:
            name = self._file_of(key)
        self.files.setdefault(name, {})[key] = {"id": key, "name": mark, "at": at, "cur": "EUR", "total": "1.00"}
        return key

    def delete(self, key: str, at: int) -> None:
        del self.files[self._file_of(key)][key]

    def touch(self, key: str) -> None:
        name = self._file_of(key)
        self.touched[name] = self.touched.get(name, 0) + 1

    def _file_of(self, key: str) -> str:
        return next(name for name, rows in self.files.items() if key in rows)

    # how it answers

    def is_page(self, request: Request) -> bool:
        return request.path.endswith(".jsonl")

    def records_in(self, body: Any) -> list[Any]:
        found: list[Any] = body["rows"]
        return found

    def answer(self, request: Request) -> Reply:
        if request.path.rstrip("/") == _FOLDER:
            links = "".join(f'<a href="{name}">{name}</a>' for name in self.files)
            return Reply(f"<html>{links}</html>".encode(), 200, {"content-type": "text/html"})
        name = request.path.removeprefix(f"{_FOLDER}/")
        if name not in self.files:
            return Reply({}, 404)
        rows = [dict(row) for row in self.files[name].values()]
        version = hashlib.md5(json.dumps([rows, self.touched.get(name, 0)]).encode()).hexdigest()
        return Reply({"rows": rows}, 200, {"etag": f'"{version}"'})

    def __call__(self, request: Request) -> Reply:
        reply = super().__call__(request)
        if reply.status != 200 or not self.is_page(request):
            return reply
        rows = self.records_in(reply.body) if isinstance(reply.body, dict) else []
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        return Reply(lines.encode(), 200, {**reply.headers, "content-type": "application/x-ndjson"})


class Contacts(Files):
    """Files that together hold every contact."""

    stream = "contacts"
    bypass: ClassVar = {**Files.bypass, "money": "contacts bear no amounts"}


class Orders(Files):
    """Files of orders to which others are added, so that what is in none of them any more is nothing said of it."""

    stream = "orders"
    bypass: ClassVar = {**Files.bypass, "deletes": "a file that is gone says nothing of its rows, which the stream declares"}
    keep = frozenset({"id", "at", "cur", "total"})  # a column that hub.yaml names and that is gone is a clear error (test_files.py)

    def priced(self, currency: str, amount: str) -> tuple[str, str, dict[str, Any]]:
        return "customer_order", "gross_amount", {"id": "1", "at": "2026-03-01", "cur": currency, "total": amount}


COUNTERPARTS = (Contacts, Orders)
