"""What stands between a hub and the sandbox: it passes on what is asked and answered, but for the vendors that have a fault."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-encoding", "content-length", "keep-alive", "date", "server"}
NEW_FIELD = {"loyalty_tier": "gold"}


@dataclass
class Fault:
    """What a vendor does for a while.

    Attributes:
        status: answers with this in place of its own.
        times: so often; None for as long as the fault is there.
        new_field: puts a field nobody knows into every record of an answer.
    """

    status: int | None = None
    times: int | None = None
    new_field: bool = False


@dataclass
class Proxy:
    """A proxy that runs; faults are set by vendor.

    Attributes:
        hit: how many answers of a vendor were not its own.
    """

    url: str
    faults: dict[str, Fault] = field(default_factory=dict)
    hit: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def due(self, vendor: str) -> Fault | None:
        """The fault for the next answer of a vendor; it counts as used."""
        with self.lock:
            fault = self.faults.get(vendor)
            if fault is None or fault.times == 0:
                return None
            if fault.times is not None:
                fault.times -= 1
            self.hit[vendor] = self.hit.get(vendor, 0) + 1
            return fault


@contextmanager
def between(target: str) -> Iterator[Proxy]:
    """A proxy in front of the server at `target`, on loopback, for the length of a with block."""
    with httpx.Client(base_url=target, timeout=120, trust_env=False) as client:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing of requests."""

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                fault = proxy.due(self.path.split("/")[1])
                if fault is not None and fault.status is not None:
                    self.send(fault.status, [("retry-after", "1"), ("content-type", "application/json")], b"{}")
                    return
                # the host that was asked stays, so that links in answers lead back here
                got = client.request(self.command, self.path, headers=dict(self.headers), content=body)
                content = _with_new_field(got.content) if fault is not None and fault.new_field else got.content
                kept = [(name, value) for name, value in got.headers.items() if name.lower() not in _NOT_PASSED_ON]
                self.send(got.status_code, kept, content)

            def send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
            server.server_close()


def _with_new_field(content: bytes) -> bytes:
    try:
        told = json.loads(content)
    except ValueError:
        return content
    records = told if isinstance(told, list) else next((value for value in told.values() if isinstance(value, list)), [])
    for record in records:
        if isinstance(record, dict) and "id" in record:
            record.update(NEW_FIELD)
    return json.dumps(told).encode()


@contextmanager
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where alerts are sent to: its URL and what has come, in order."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of requests."""

        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts", came
    finally:
        server.shutdown()
        server.server_close()
