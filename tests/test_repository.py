"""What holds for the repository as a whole: locks, packaging, the two Dagster files, the schema that editors get."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pipelines import schema

ROOT = Path(__file__).resolve().parents[1]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_every_requirement_with_hashes_and_name_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "index-url" not in text
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(requirements) > 50
    assert all("==" in line for line in requirements)
    assert text.count("--hash=sha256:") >= len(requirements)


def test_both_locks_agree() -> None:
    def pins(name: str) -> dict[str, str]:
        return {
            m.group(1) + m.group(3): m.group(2)
            for m in re.finditer(r"^([a-z0-9._-]+(?:\[[^\]]*\])?)==(\S+) ?(;[^\\]*)?", (ROOT / name).read_text(), re.MULTILINE)
        }

    runtime, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert runtime.items() <= dev.items()


def test_the_packaged_dagster_instance_is_that_of_the_checkout() -> None:
    checkout = (ROOT / "dagster.yaml").read_text()
    packaged = (ROOT / "pipelines" / "dagster.template.yaml").read_text().replace("{home}", "var/dagster")
    assert yaml.safe_load(checkout) == yaml.safe_load(packaged)


def test_the_shipped_schema_is_that_of_the_models() -> None:
    shipped = (ROOT / "pipelines" / "hub.schema.json").read_text()
    assert shipped == schema.text(), "run: .venv/bin/python -m pipelines.schema > pipelines/hub.schema.json"


def test_modules_are_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix == ".py" and "tests" not in path.parts and (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_every_package_says_what_belongs_there() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.name == "__init__.py" and "tests" not in path.parts and not path.read_text().startswith('"""')
    ]
    assert silent == []


def test_every_package_is_packaged() -> None:
    listed = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert listed is not None
    declared = set(re.findall(r'"([^"]+)"', listed.group(1)))
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in tracked()
        if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] not in ("tests", "bench")
    }
    assert declared == there


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    words = re.compile("|".join([r"/wo" + r"rk/", r"\.\./sha" + r"red", r"/ro" + r"ot/"]))
    found = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in tracked()
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".sql", ".lock", "")
        and (match := words.search(path.read_text(errors="ignore")))
    ]
    assert found == []
