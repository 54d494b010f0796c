"""hub.yaml: whatever is wrong with it is one line that names the key and what to do."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from connectors.registry import types
from hub.contract.errors import ConfigError
from hub.golden.rules import DEFAULT_RULES
from pipelines.config import load_config
from pipelines.schema import config_schema
from tests.pipelines.world import ROOT

STRIPE = "sources: {s: {type: stripe, api_key: '${STRIPE_KEY}'}}\n"


def load(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    (tmp_path / "hub.yaml").write_text(text)
    return load_config(tmp_path / "hub.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {s: {type: stripe, api_key: sk_live_1}}", r"sources\.s\.api_key: a secret must be given as \$\{ENV_VAR\}"),
        ("sources: {s: {type: stripe, api_kee: '${X}'}}", r"sources\.s\.api_kee: unknown key 'api_kee'; did you mean 'api_key'\?"),
        ("sources: {s: {type: stripe}}", r"sources\.s\.api_key: is missing"),
        ("sources: {s: {type: strpe}}", r"unknown source type 'strpe'; did you mean stripe\?"),
        ("sources: {s: {api_key: '${X}'}}", r"sources\.s: a source needs a type"),
        ("sources: {S-1: {type: stripe}}", r"source name 'S-1' will not do"),
        ("sources: {}", r"hub\.yaml names no sources"),
        ("identiy: {}\n" + STRIPE, r"unknown key 'identiy'; did you mean 'identity'\?"),
        (STRIPE + "identity: {match_treshold: 1}", r"identity\.match_treshold: unknown key .* did you mean 'match_threshold'\?"),
        (STRIPE + "gate: {max_id_churn: 5}", r"gate\.max_id_churn: input should be less than or equal to 1"),
        (STRIPE + "survivorship: {default: [newest]}", r"survivorship\.default\.0: input should be 'verified'"),
        (STRIPE + "survivorship: {fields: {emial: [recency]}}", r"unknown name 'emial'; known are email"),
        (STRIPE + "survivorship: {source_priority: [strpe]}", r"survivorship\.source_priority: no source 'strpe'"),
        (
            STRIPE + "survivorship: {fields: {email: [{expression: now()}]}}",
            r"survivorship\.fields\.email\.0: function now is not allowed in an expression",
        ),
        (STRIPE + "reporting: {invoice_sales: [strpe]}", r"reporting\.invoice_sales: no source 'strpe'"),
        (STRIPE + "survivorship: {default: [trust], trust: {t: {max: 1}}}", r"survivorship\.trust: no source 't'"),
        (STRIPE + "survivorship: {default: [trust], trust: {s: {mx: 1}}}", r"trust\.s\.mx: unknown key 'mx'; did you mean 'max'"),
        (STRIPE + "warehouse: {keep_loads: none}", r"warehouse\.keep_loads: input should be a valid integer"),
        ("sources: {s: {type: stripe, api_key: '${K}', retry: {attemps: 1}}}", r"s\.retry\.attemps: .* did you mean 'attempts'\?"),
        ("sources: {s: {type: stripe, api_key: '${K}', country: Germany}}", r"country: must be a two-letter ISO 3166 code"),
        ("sources: {s: {type: stripe, api_key: '${K}', timezone: CET+1}}", r"timezone: must be an IANA zone"),
        ("sources: {s: {type: stripe, api_key: '${K}', base_url: localhost}}", r"base_url: must begin with https://"),
        ("sources: {s: {type: stripe, api_key: '${K}', base_url: '${NOT_SET}/x'}}", r"environment variable NOT_SET is not set"),
        (STRIPE + "warehouse: {control: '${NOT_SET}'}", r"warehouse\.control: environment variable NOT_SET is not set"),
        (
            STRIPE + "warehouse: {control: 'postgresql://hub:hunter2@db/hub'}",
            r"warehouse\.control: a password does not belong in hub\.yaml; write \$\{ENV_VAR\} or \$\{file:/PATH\}",
        ),
        (
            "sources: {s: {type: stripe, api_key: '${K}', base_url: 'https://u:pw@x'}}",
            r"s\.base_url: a password does not belong in",
        ),
        ("sources: {s: {type: stripe, api_key: '${file:run/secret}'}}", r"api_key: a secret must be given as"),
        ("- a list", r"holds no keys"),
        ("sources: [", r"no valid YAML at line 1"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "sk_live_1" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run hub init"):
        load_config(tmp_path / "hub.yaml")


def test_secrets_are_resolved_when_used_not_when_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIPE_KEY", raising=False)
    settings = load(tmp_path, STRIPE).sources["s"]
    with pytest.raises(ConfigError, match="environment variable STRIPE_KEY is not set"):
        settings.api_key.resolve()
    monkeypatch.setenv("STRIPE_KEY", "sk_test_1")
    assert settings.api_key.resolve() == "sk_test_1"
    assert "sk_test_1" not in repr(settings)


def test_a_dotenv_file_beside_hub_yaml_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FROM_FILE", "FROM_BOTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FROM_BOTH", "environment")
    (tmp_path / ".env").write_text("FROM_FILE=file\nFROM_BOTH=file\n")
    config = load(
        tmp_path,
        "sources: {a: {type: stripe, api_key: '${FROM_FILE}'}, b: {type: stripe, api_key: '${FROM_BOTH}'}}",
    )
    assert [source.api_key.resolve() for source in config.sources.values()] == ["file", "environment"]
    monkeypatch.delenv("FROM_FILE")


def test_relative_paths_resolve_against_the_files_folder_and_a_fallback_fills_in(tmp_path: Path) -> None:
    config = load(tmp_path, "sources: {s: {type: stripe, api_key: '${K}', base_url: '${NO_SUCH_HOST:-http://127.0.0.1:9}/stripe'}}")
    assert config.warehouse.path == tmp_path / "data" / "hub.duckdb"
    assert config.warehouse.control == str(tmp_path / "data" / "control.db")
    assert config.home == tmp_path / "var" / "dagster"
    assert config.sources["s"].base_url == "http://127.0.0.1:9/stripe"


def test_the_file_is_found_by_option_then_environment_then_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hub.yaml").write_text(STRIPE)
    monkeypatch.chdir(tmp_path / "three")
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    assert load_config().root == tmp_path / "three"
    monkeypatch.setenv("HUB_CONFIG", str(tmp_path / "two" / "hub.yaml"))
    assert load_config().root == tmp_path / "two"
    assert load_config(tmp_path / "one" / "hub.yaml").root == tmp_path / "one"


def test_the_examples_we_ship_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    assert set(load_config(root / "hub.yaml").sources) == {"stripe", "shopify", "zendesk", "google_ads"}
    assert set(load_config(root / "pipelines" / "init.hub.yaml").sources) == {"stripe"}


def test_every_commented_source_of_the_example_is_valid_too(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    lines = (root / "pipelines" / "init.hub.yaml").read_text().splitlines()
    bare = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") and ":" in line else line for line in lines[4:]]
    config = load(tmp_path, "\n".join(line for line in bare if line.strip()))
    vendors = {"stripe", "xero", "zendesk", "freshdesk", "shopify", "woocommerce", "google_ads", "meta"}
    assert set(config.sources) == vendors | {"erp", "legacy_crm"}
    assert config.gate.max_id_churn == 0.02


def test_the_schema_for_editors_knows_every_source_type() -> None:
    text = yaml.safe_dump(config_schema())
    for type_name in types():
        assert f"source_{type_name}" in text
    assert "root" not in config_schema()["properties"]


def test_the_survivorship_that_the_docs_show_is_understood(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "data-engineer.md").read_text()
    (shown,) = re.findall(r"^    survivorship:\n(?:      .*\n)+", page, re.MULTILINE)
    sources = "".join(f"  {name}: {{type: stripe, api_key: '${{K}}'}}\n" for name in ("stripe", "shopify", "zendesk"))
    settings = load(tmp_path, f"sources:\n{sources}{textwrap.dedent(shown)}").survivorship
    assert settings.trust["stripe"].of("email").max == 1
    assert [rule.kind for rule in settings.rules("phone_e164")] == ["verified", "expression"]
    rules = {name: tuple(rule.kind for rule in DEFAULT_RULES[name]) for name in DEFAULT_RULES}
    for names, told in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ((?:\w+)(?:, \w+)*) \|$", page, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            if name in rules:
                assert tuple(told.split(", ")) == rules.pop(name)
    assert rules == {}


def test_a_secret_may_lie_in_a_file_which_is_read_when_it_is_used(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    config = load(tmp_path, f"sources: {{s: {{type: stripe, api_key: '${{file:{secret}}}'}}}}")
    given = config.sources["s"].api_key  # type: ignore[attr-defined]
    assert repr(given) == f"${{file:{secret}}}"
    with pytest.raises(ConfigError, match=rf"cannot read the secret in {secret} \(No such file"):
        given.resolve()
    for content, said in (
        (b"", "no secret"),
        (b"\n", "no secret"),
        (b"\xff\xfe", "is no text"),
        (b"x" * 70_000, "more than one secret"),
    ):
        secret.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            given.resolve()
    secret.write_text("sk_live_7\n")
    assert given.resolve() == "sk_live_7"
    assert "sk_live_7" not in repr(config)


def test_a_part_of_a_text_may_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    control = f"postgresql://hub:${{file:{tmp_path}/password}}@db/hub"
    config = load(tmp_path, STRIPE + f"warehouse: {{control: '{control}'}}")
    assert config.warehouse.control == "postgresql://hub:hunter2@db/hub"
