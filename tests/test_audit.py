"""`make lint` fails for a package that is known to be vulnerable, and says so where it could not find out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loopback import Reply, Request, serve

AUDIT = Path(__file__).parents[1] / ".ci" / "audit"
TOOL = os.environ.get("PIP_AUDIT") or str(Path(sys.executable).with_name("pip-audit"))
LOCK = "jinja2==3.1.2 --hash=sha256:" + "0" * 64 + "\nmarkupsafe==2.1.5 --hash=sha256:" + "0" * 64 + "\n"
ADVISORY = {
    "id": "GHSA-h5c8-rqwp-cp95",
    "aliases": ["CVE-2024-22195"],
    "summary": "attributes",
    "published": "2024-01-11T15:20:48Z",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.3"}]}],
        }
    ],
}


def audit(folder: Path, url: str, **environment: str) -> tuple[int, str]:
    (folder / "lock.txt").write_text(LOCK)
    told = {**os.environ, "HUB_AUDIT_LOCK": str(folder / "lock.txt"), "HUB_OSV_URL": url, "PIP_AUDIT": TOOL, **environment}
    done = subprocess.run([sys.executable, str(AUDIT)], capture_output=True, text=True, check=False, env=told)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def _tool() -> None:
    if not Path(TOOL).exists():
        pytest.skip("pip-audit is not installed; make setup-dev installs it")


def test_a_known_vulnerability_fails_and_names_what_mends_it(tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        faulty = request.json()["package"]["name"] == "jinja2"
        return Reply({"vulns": [ADVISORY]} if faulty else {})

    with serve(answer) as server:
        code, said = audit(tmp_path, f"{server.base_url}/v1/query")
    assert code == 1
    assert "jinja2 3.1.2: " in said
    assert "CVE-2024-22195" in said
    assert "mended in 3.1.3" in said


def test_packages_without_one_pass(tmp_path: Path) -> None:
    with serve(lambda request: Reply({})) as server:
        code, said = audit(tmp_path, f"{server.base_url}/v1/query")
        assert (code, said) == (0, "dependency audit: 2 packages, no known vulnerability\n")
        assert len(server.requests) == 2


def test_what_could_not_be_asked_is_said_and_fails_only_where_it_must_not_be(tmp_path: Path) -> None:
    code, said = audit(tmp_path, "http://127.0.0.1:1/v1/query")
    assert code == 0
    assert said.startswith("dependency audit: NOT AUDITED: advisory service not reachable (")
    assert audit(tmp_path, "http://127.0.0.1:1/v1/query", HUB_AUDIT_REQUIRED="1")[0] == 1
    with serve(lambda request: Reply({}, 503)) as server:
        assert "NOT AUDITED" in audit(tmp_path, f"{server.base_url}/v1/query")[1]


def test_a_tool_that_fails_for_another_reason_is_no_success(tmp_path: Path) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text("#!/bin/sh\necho 'error: argument' >&2\nexit 2\n")
    tool.chmod(0o755)
    assert audit(tmp_path, "http://127.0.0.1:1", PIP_AUDIT=str(tool)) == (
        1,
        "dependency audit: pip-audit failed (error: argument)\n",
    )
    assert audit(tmp_path, "http://127.0.0.1:1", PIP_AUDIT="/no/such/tool")[0] == 1
