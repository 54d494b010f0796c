"""A hub with alerts, receivers on loopback, and a way to write into its control store what a sync would have noted."""

from __future__ import annotations

import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.alerts.evaluate import Evaluation, evaluate
from pipelines.context import Hub
from tests.loopback import Loopback, Reply, Request, serve
from tests.pipelines.world import World
from warehouse import control_tables as t

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC).replace(tzinfo=None)
HOUR = timedelta(hours=1)
STREAM = {"kind": "party", "id": "id", "fields": {"full_name": "name", "email": "email"}}
SECRET = "T0P-s3cret"  # part of every URL, token and password of these tests


def config(*channels: dict[str, Any], **alerts: Any) -> dict[str, Any]:
    """A hub over two sources of files, with those channels."""
    streams = {name: {"path": f"in/{name}.jsonl", **STREAM} for name in ("contacts", "leads")}
    sources = {"crm": {"streams": streams}, "shop": {"streams": {"people": streams["contacts"]}}}
    sources = {name: {"type": "files", "fresh_within_hours": 1000, **source} for name, source in sources.items()}
    return {"sources": sources, "alerts": {"channels": list(channels), **alerts}}


def webhook(name: str = "ops", **settings: Any) -> dict[str, Any]:
    """A webhook whose URL is in OPS_URL."""
    return {"name": name, "type": "webhook", "url": f"${{{name.upper()}_URL}}", **settings}


class Desk:
    """A hub whose clock the test holds, and whose control store it fills."""

    def __init__(self, world: World, hub: Hub, instance: dg.DagsterInstance) -> None:
        self.world, self.hub, self.instance = world, hub, instance

    def evaluate(self, at: datetime = NOW) -> Evaluation:
        """One evaluation, without patience."""
        return evaluate(self.hub, self.instance, now=at, wait=0)

    def synced(self, at: datetime, *, source: str = "crm", error: str | None = None, stream: str = "contacts") -> None:
        """A sync of a stream that ended then."""
        row = {
            "sync_run_id": f"{source}-{at.isoformat()}",
            "source_system": source,
            "stream": stream,
            "status": "failed" if error else "succeeded",
            "error": error,
            "started_at": at - timedelta(minutes=1),
            "ended_at": at,
        }
        self.hub.control.put(t.sync_run, [row])

    def load(self, load_id: str, status: str, at: datetime, *, checks: str = "[]") -> None:
        """A load that the gate judged then."""
        batch = {"load_id": load_id, "status": status, "input_digest": "d", "records": 1, "customers": 1}
        self.hub.control.put(t.load_batch, [batch | {"started_at": at, "ended_at": at}])
        decision = {"load_id": load_id, "decision": "hold" if status == "held" else "pass", "content_digest": "c"}
        self.hub.control.put(t.gate_decision, [decision | {"blocking_checks": checks, "warnings": "[]", "decided_at": at}])


@contextmanager
def desk(root: Path, settings: dict[str, Any]) -> Iterator[Desk]:
    """A hub in a folder, with a Dagster instance in memory."""
    world = World(root, settings)
    with world.hub() as hub, dg.DagsterInstance.ephemeral() as instance:
        yield Desk(world, hub, instance)


# receivers -----------------------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """What a webhook got, and what it answers from now on."""

    server: Loopback
    answers: Callable[[Request], Reply]

    @property
    def got(self) -> list[dict[str, Any]]:
        return [request.json() for request in self.server.requests]

    def events(self) -> list[tuple[str, str]]:
        """Event and key of each message."""
        return [(body["event"], body["key"]) for body in self.got]


@contextmanager
def receiver(status: int = 200) -> Iterator[Receiver]:
    """A webhook on loopback."""
    with serve(lambda request: made.answers(request)) as server:
        made = Receiver(server, lambda request: Reply(b"ok", status))
        yield made


@dataclass
class Mailbox:
    """A mail server that takes one conversation at a time."""

    port: int = 0
    connections: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuses: int | None = None  # answers RCPT with this code


@contextmanager
def mailbox(certificate: tuple[Path, Path] | None = None, password: str = SECRET) -> Iterator[Mailbox]:
    """An SMTP server on loopback.

    Args:
        certificate: its certificate and key; it then offers STARTTLS, and AUTH within.
    """
    made = Mailbox()

    class Smtp(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def encrypt(self) -> None:
            assert certificate is not None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.request = context.wrap_socket(self.request, server_side=True)
            self.setup()

        def handle(self) -> None:
            made.connections += 1
            self.say("220 mailbox")
            offers = "STARTTLS" if certificate else "8BITMIME"
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ")[0].upper()
                match verb:
                    case "EHLO":
                        self.say("250-mailbox")
                        self.say(f"250 {offers}")
                    case "STARTTLS":
                        self.say("220 go on")
                        try:
                            self.encrypt()
                        except ssl.SSLError:
                            return  # the client does not trust us
                        offers = "AUTH PLAIN"
                    case "AUTH":
                        user, given = b64decode(line.split(" ")[2]).decode().split("\0")[1:]
                        made.logins.append(user)
                        self.say("235 welcome" if given == password else f"535 {user} is not welcome")
                    case "RCPT" if made.refuses:
                        self.say(f"{made.refuses} {line} is refused")
                    case "DATA":
                        self.say("354 go on")
                        text = b"".join(iter(self.rfile.readline, b".\r\n"))
                        made.mails.append(message_from_bytes(text, policy=policy.default))  # type: ignore[arg-type]
                        self.say("250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Smtp) as server:
        made.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        server.shutdown()
