"""Pages run nothing of what they show, and what listens does so on loopback unless somebody says otherwise."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from expectations.page import Report, ReportedCheck, to_html
from pipelines import dev
from pipelines.privacy import access
from tests.pipelines.world import ROOT

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)></pre></style>&lt;b&gt; javascript:alert(1)"


class Seen(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: str) -> str:
    seen = Seen(page)
    assert not seen.elements & {"script", "img", "iframe", "object", "a", "form", "link"}
    assert not {name for name in seen.attributes if name.startswith("on") or name in ("href", "src")}
    return seen.text


def test_the_gates_page_runs_nothing_that_stands_in_it() -> None:
    check = ReportedCheck(
        HOSTILE, HOSTILE, "critical", "failed", HOSTILE, HOSTILE, 1.0, 2.0, 1, 2, 3, 4, (HOSTILE,), (1.0, 2.0, 3.0)
    )
    page = to_html(Report(HOSTILE, datetime(2026, 1, 1, tzinfo=UTC), "hold", (check,)))
    assert harmless(page).count("<script>alert(1)</script>") > 5
    assert "default-src 'none'" in page


def test_the_page_for_a_person_runs_nothing_that_stands_in_it() -> None:
    row = {"name": HOSTILE, HOSTILE: HOSTILE}
    package = {
        **dict.fromkeys(("customer_id", "made_at", "load_id", "request_id"), HOSTILE),
        "sources": [{"source": HOSTILE, "records": 1, "streams": [HOSTILE]}],
        "receivers": [{"name": HOSTILE, "what": HOSTILE}],
        "tables": [{"name": HOSTILE, "use": HOSTILE, "rows": [row], "meanings": {"name": HOSTILE}}],
        "records": [
            {
                "source": HOSTILE,
                "stream": HOSTILE,
                "id": HOSTILE,
                "version": 1,
                "extracted_at": HOSTILE,
                "payload": {HOSTILE: HOSTILE},
            }
        ],
        "quarantined": [
            dict.fromkeys(("source_system", "stream", "source_record_id", "reason", "status", "payload"), HOSTILE),
        ],
    }
    page = access._template().render(package=package)
    assert "default-src 'none'" in page
    assert harmless(page).count("<script>alert(1)</script>") > 15


def test_make_dev_listens_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hub.yaml").write_text("sources: {s: {type: stripe, api_key: '${K}'}}\n")
    monkeypatch.setenv("HUB_CONFIG", str(tmp_path / "hub.yaml"))
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that what the program sets is gone after the test
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setattr(sys, "argv", ["dev"])
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command, **_: called.append(command) or 0)
    with pytest.raises(SystemExit):
        dev.main()
    (command,) = called
    assert command[command.index("-h") + 1] == "127.0.0.1"


def test_production_listens_on_loopback_unless_somebody_says_otherwise() -> None:
    given = dict(re.findall(r"^(HUB_\w+_HOST)=(.*)$", (ROOT / "deploy" / "env.example").read_text(), re.MULTILINE))
    assert given == {"HUB_CODE_HOST": "127.0.0.1", "HUB_UI_HOST": "127.0.0.1"}
    for unit in (ROOT / "deploy" / "systemd").glob("*.service"):
        hosts = re.findall(r"--host (\S+)", unit.read_text())
        assert set(hosts) <= {"${HUB_CODE_HOST}", "${HUB_UI_HOST}"}, unit.name
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
