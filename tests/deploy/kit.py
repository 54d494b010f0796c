"""A hub in production, started from the very files in deploy/: their commands, their environment, their Dagster instance."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import sqlalchemy as sa
import yaml

from tests.pipelines.world import ROOT, World
from tests.servers import POSTGRES, demand

DEPLOY = ROOT / "deploy"
HOME, CODE = "/var/lib/customer-hub", "/opt/customer-hub"
PATIENCE = 300.0  # seconds; a tick comes once a minute, and this machine may be busy
_NAMED = re.compile(r"\$\{(\w+)\}")
T = TypeVar("T")


@dataclass(frozen=True)
class Service:
    """What a unit file, or a service of the compose file, has run."""

    command: list[str]
    environment: Mapping[str, str]


def env_example() -> dict[str, str]:
    """The variables of the template, with what stands there."""
    lines = (DEPLOY / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def settings(unit: str) -> dict[str, list[str]]:
    """Every key of a unit file's [Service] with all its values."""
    found: dict[str, list[str]] = {}
    text = (DEPLOY / "systemd" / f"customer-hub-{unit}.service").read_text()
    for line in text.partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def of_unit(name: str, env_file: Mapping[str, str]) -> Service:
    """What systemd would start: variables are replaced, those of Environment= stand behind those of the file."""
    said = settings(name)
    own = dict(line.split("=", 1) for line in said.get("Environment", []))
    environment = {**own, **(env_file if "EnvironmentFile" in said else {})}
    command = [_NAMED.sub(lambda match: environment[match.group(1)], word) for word in shlex.split(said["ExecStart"][0])]
    return Service(command, environment)


def compose() -> dict[str, Any]:
    """The compose file."""
    told: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return told


def of_compose(name: str) -> list[str]:
    """The command of a service."""
    command: list[str] = compose()["services"][name]["command"]
    return command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Deployment:
    """One hub with a database for Dagster's history, and the processes that were started of it."""

    world: World
    env_file: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def ui(self) -> str:
        return f"http://{self.env_file['HUB_UI_HOST']}:{self.env_file['HUB_UI_PORT']}"

    def here(self, text: str) -> str:
        """A path of production as it is in this test."""
        text = text.replace(f"{CODE}/.venv/bin", str(Path(sys.executable).parent)).replace(CODE, str(ROOT))
        return text.replace(HOME, str(self.world.root))

    def start(self, name: str, command: list[str] | None = None) -> None:
        """Start a service as its unit says, or with the command of the compose file, on this test's ports."""
        service = of_unit(name, self.env_file)
        argv = [self.here(word) for word in command or service.command]
        if not Path(argv[0]).is_absolute():
            argv[0] = str(Path(sys.executable).with_name(argv[0]))
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # as in the background of a shell; Dagster takes SIGTERM as it finds SIGINT, and would ignore both
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with open(self.world.root / f"{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(
                argv, cwd=self.world.root, env=self.environment(service), stdout=log, stderr=log, start_new_session=True
            )

    def environment(self, service: Service | None = None) -> dict[str, str]:
        """What a service finds, or a person who logs in, and nothing of the environment of this test beside it."""
        outside = {"PATH": os.environ["PATH"], "HOME": str(self.world.root), "PYTHONPATH": str(ROOT)}
        return outside | {key: self.here(value) for key, value in (service.environment if service else {}).items()}

    def hub(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of a person in the hub's folder."""
        argv = [str(Path(sys.executable).with_name("hub")), *arguments]
        return subprocess.run(argv, env=self.environment(), cwd=self.world.root, capture_output=True, text=True, check=False)

    def compose_command(self, name: str) -> list[str]:
        """The command of the compose file, with the addresses of this test in place of those of its network of containers."""
        ports = {"4000": self.env_file["HUB_CODE_PORT"], "3000": self.env_file["HUB_UI_PORT"], "0.0.0.0": "127.0.0.1"}
        return [ports.get(word, word) for word in of_compose(name)]

    def check(self, name: str) -> int:
        """The exit code of the compose file's health check."""
        told: list[str] = compose()["services"][name]["healthcheck"]["test"]
        ports = {"4000": self.env_file["HUB_CODE_PORT"], "3000": self.env_file["HUB_UI_PORT"]}
        argv = [re.sub(r"\b[43]000\b", lambda match: ports[match.group(0)], word) for word in told[1:]]
        argv[0] = str(Path(sys.executable).with_name(argv[0]))
        environment = self.environment(of_unit("daemon", self.env_file))
        return subprocess.run(argv, env=environment, cwd=self.world.root, capture_output=True, check=False).returncode

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM, *, all_of_it: bool = False) -> int:
        """End a service as systemd would, or all its processes at once; its exit code."""
        process = self.running.pop(name)
        if all_of_it:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        try:
            code = process.wait(PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return code

    def log(self, name: str) -> str:
        """What a service printed."""
        return (self.world.root / f"{name}.log").read_text(errors="replace")

    def ask(self, query: str, *, ui: str | None = None, **variables: Any) -> Any:
        """Ask the UI's GraphQL."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{ui or self.ui}/graphql", json=body, timeout=60, trust_env=False).raise_for_status().json()
        assert not answer.get("errors"), answer
        return answer["data"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs as the UI shows them, the newest first; tags as a dict."""
        fields = "runId jobName status creationTime tags { key value }"
        found = self.ask(f"{{ runsOrError(limit: 500) {{ ... on Runs {{ results {{ {fields} }} }} }} }}")["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def until(self, what: str, found: Callable[[], T], patience: float = PATIENCE) -> T:
        """Wait until something is found, while all services live."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for name, process in self.running.items():
                assert process.poll() is None, f"{name} ended with {process.returncode}: {self.log(name)[-2000:]}"
            with suppress(httpx.TransportError):
                if result := found():
                    return result
            time.sleep(0.5)
        logs = "\n".join(f"{name}: {self.log(name)[-1500:]}" for name in self.running)
        raise AssertionError(f"waited {patience:.0f} s for {what}\n{logs}")

    def up(self) -> bool:
        """Whether the webserver answers."""
        return httpx.get(f"{self.ui}/server_info", timeout=10, trust_env=False).status_code == 200


@contextmanager
def deployed(root: Path, config: dict[str, Any], env: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """A hub in a folder that the guide's steps prepared; nothing runs yet, and nothing does afterwards.

    Args:
        config: hub.yaml.
        env: what .env has besides.
    """
    server = sa.engine.make_url(demand(POSTGRES))
    name = f"deploy_{uuid4().hex[:8]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as con:
        con.execute(sa.text(f"CREATE DATABASE {name}"))
    ports = {key: str(free_port()) for key in ("HUB_CODE_PORT", "HUB_UI_PORT", "HUB_VIEWER_PORT")}
    database = {"HOST": server.host, "PORT": server.port or 5432, "DB": name, "USER": server.username}
    database |= {"PASSWORD": server.password or "none is asked for"}
    filled = {**ports, **{f"DAGSTER_PG_{key}": str(value) for key, value in database.items()}}
    said = {**env_example(), **filled, **(env or {})}
    (root / ".env").write_text("".join(f"{key}={value}\n" for key, value in said.items()))
    home = root / "var" / "dagster"
    home.mkdir(parents=True)
    shutil.copyfile(DEPLOY / "dagster.yaml", home / "dagster.yaml")
    made = Deployment(World(root, config), said)
    try:
        yield made
    finally:
        for process in made.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with engine.connect() as con:
            con.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
