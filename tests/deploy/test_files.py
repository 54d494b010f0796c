"""The files of a deployment agree with each other, with the guide and with what we ship, and systemd accepts the units."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.config import load_config
from tests.deploy.kit import CODE, DEPLOY, HOME, compose, env_example, of_compose, of_unit, settings
from tests.pipelines.world import ROOT

UNITS = [path.stem.removeprefix("customer-hub-") for path in sorted((DEPLOY / "systemd").glob("*.service"))]
GUIDE = (ROOT / "docs" / "deployment.md").read_text()
# what no unit may lack, whatever it runs
HARDENED = {
    **{key: ["yes"] for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictSUIDSGID")},
    "ProtectSystem": ["strict"],
    "CapabilityBoundingSet": [""],
    "SystemCallFilter": ["@system-service"],
    "User": ["customer-hub"],
}
SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def test_there_is_a_unit_per_service_of_the_compose_file() -> None:
    assert UNITS == ["code", "daemon", "viewer", "webserver"]
    assert set(compose()["services"]) == {*UNITS, "postgres"}


@pytest.mark.parametrize("name", UNITS)
def test_unit_and_compose_file_run_the_same_command(name: str) -> None:
    """They differ in where they listen: loopback here, the network of containers there."""
    unit = of_unit(name, env_example())
    assert unit.command[0].startswith(f"{CODE}/.venv/bin/")
    port = {"viewer": ("3001", "3000")}.get(name, ("", ""))
    alike = [{"127.0.0.1": "0.0.0.0", port[0]: port[1]}.get(word, word) for word in unit.command]
    assert [Path(alike[0]).name, *alike[1:]] == of_compose(name)
    told = {key: str(value) for key, value in compose()["services"][name]["environment"].items()}
    own = dict(line.split("=", 1) for line in settings(name)["Environment"])
    elsewhere = {"DAGSTER_HOME", "HUB_CONFIG"}  # in the image
    assert own.items() - {(key, own[key]) for key in elsewhere} <= told.items()


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_hardened_and_comes_back_when_it_ends(name: str) -> None:
    said = settings(name)
    assert {key: said.get(key) for key in HARDENED} == HARDENED
    assert (said["Restart"], said["StateDirectory"]) == (["always"], ["customer-hub"])
    assert said["WorkingDirectory"] == [HOME]


@SYSTEMD
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(name: str, tmp_path: Path) -> None:
    said = (DEPLOY / "systemd" / f"customer-hub-{name}.service").read_text()
    unit = tmp_path / f"customer-hub-{name}.service"
    # the program is not where it will be
    unit.write_text(re.sub(rf"{CODE}/\.venv/bin/\S+", "/bin/true", said))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit]
    assert subprocess.run(security, capture_output=True, text=True, check=False).returncode == 0, "its exposure is above 2.0"


def test_production_differs_from_the_packaged_instance_in_nothing_but_where_things_are_kept() -> None:
    production: dict[str, Any] = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    packaged: dict[str, Any] = yaml.safe_load((ROOT / "pipelines" / "dagster.template.yaml").read_text().replace("{home}", "."))
    storage = production.pop("storage")["postgres"]["postgres_db"]
    for place in ("storage", "local_artifact_storage", "compute_logs"):
        packaged.pop(place)
    assert production == packaged
    assert set(storage.pop("scheme").split("+")) == {"postgresql", "psycopg2"}
    assert {value["env"] for value in storage.values()} == {name for name in env_example() if name.startswith("DAGSTER_PG_")}


def named(text: str) -> set[str]:
    """The environment variables that a file takes."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text)) | set(re.findall(r"\{env: (\w+)\}", text))


def test_every_variable_that_a_file_takes_is_in_the_template_and_no_secret_has_a_value() -> None:
    files = [*DEPLOY.glob("*.yaml"), *(DEPLOY / "systemd").iterdir()]
    taken = {name: named(path.read_text()) for path in files for name in (path.name,)}
    assert {name: missing for name, found in taken.items() if (missing := found - set(env_example()))} == {}
    told = env_example()
    assert {name for name in told if name.startswith(("DAGSTER_", "HUB_"))} == set().union(*taken.values()), "one is of no use"
    assert {name: value for name, value in told.items() if value and re.search("PASSWORD|KEY|TOKEN|URL", name)} == {}
    for path in files:
        plain = re.sub(r"\$?\{[^}]*\}", "", path.read_text())
        assert re.findall(r"(?i)(?:password|secret|token)[ \t]*[:=][ \t]*\S+", plain) == [], path.name


@pytest.mark.parametrize("name", ["postgres", *UNITS])
def test_a_service_of_the_compose_file_is_watched_restarted_and_open_to_nobody_else(name: str) -> None:
    service = compose()["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name != "postgres":
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
        assert all(needed["condition"] == "service_healthy" for needed in service["depends_on"].values())


def test_what_the_compose_file_mounts_is_there_or_made_by_the_guide() -> None:
    told = compose()
    for name, service in told["services"].items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if not source.startswith("."):
                assert source in told["volumes"], (name, volume)
            elif source != "./hub.yaml":
                assert (DEPLOY / source).is_file(), (name, volume)
    assert {path for service in told["services"].values() for path in [service.get("build", {}).get("dockerfile")] if path} == {
        "deploy/Containerfile"
    }


def test_the_image_is_built_of_what_is_here_with_hashes_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    packages = {path.parts[len(ROOT.parts)] for path in ROOT.glob("*/__init__.py")} - {"bench", "tests"}
    assert packages <= set(copied), "a package is not copied into the image"
    assert "pip install --no-cache-dir --require-hashes -r requirements.lock" in text
    last = text.rpartition("\nFROM ")[2]
    assert "\nUSER customer-hub\n" in last
    assert re.search(r"^HEALTHCHECK .*CMD \[", last, re.MULTILINE)
    (command,) = re.findall(r"^CMD (\[.*\])$", last, re.MULTILINE)
    assert yaml.safe_load(command) == of_compose("code")
    assert {"dagster-postgres", "psycopg2-binary"} <= {
        line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }


def test_the_guide_names_every_file_and_none_that_is_not_there() -> None:
    unnamed = [
        path.name for path in DEPLOY.rglob("*") if path.is_file() and f"`{path.name}`" not in GUIDE and path.name not in GUIDE
    ]
    assert unnamed == []
    assert [name for name in re.findall(r"deploy/[\w./-]+\w", GUIDE) if not (ROOT / name).exists()] == []


def test_the_example_of_the_guide_is_a_hub(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "hub.yaml").write_text(block)
    config = load_config(tmp_path / "hub.yaml")
    assert config.schedules.full_sync_runs
    assert set(re.findall(r"\$\{(\w+)\}", block)) <= set(env_example())
