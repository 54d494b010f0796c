"""`alerts:` in hub.yaml: whatever is wrong with it is one line that names the key and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hub.contract.errors import ConfigError
from pipelines.alerts.settings import EmailChannel, SlackChannel
from pipelines.config import HubConfig, load_config
from tests.pipelines.world import ROOT

MAIL = "type: email, name: m, host: h, from: a@b.org, to: x@y.org"


def load(folder: Path, alerts: str) -> HubConfig:
    (folder / "hub.yaml").write_text("sources: {s: {type: stripe, api_key: '${K}'}}\nalerts: {" + alerts + "}\n")
    return load_config(folder / "hub.yaml")


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ("chanels: []", r"alerts\.chanels: unknown key 'chanels'; did you mean 'channels'\?"),
        ("remind_hours: 0", r"alerts\.remind_hours: input should be greater than 0"),
        ("channels: [{type: slack, name: o, url: 'https://x'}]", r"slack\.url: a secret must be given as \$\{ENV_VAR\}"),
        ("channels: [{type: slack, name: o, urll: '${X}'}]", r"slack\.urll: unknown key 'urll'; did you mean 'url'\?"),
        ("channels: [{type: slack, name: o}]", r"alerts\.channels\.0\.slack\.url: is missing"),
        ("channels: [{type: pager, name: o}]", r"'pager' .*expected tags: 'webhook', 'slack', 'email'"),
        ("channels: [{type: slack, name: o, url: '${X}', only: [held]}]", r"slack\.only\.0: input should be 'run_failed'"),
        (
            "channels: [{type: slack, name: o, url: '${X}'}, {type: webhook, name: o, url: '${X}'}]",
            "two channels are called 'o'",
        ),
        (f"channels: [{{{MAIL}, fron: a}}]", r"email\.fron: unknown key 'fron'; did you mean 'from'\?"),
        (f"channels: [{{{MAIL}, user: u}}]", r"email: user and password go together"),
        (f"channels: [{{{MAIL}, password: '${{P}}', user: u, security: none}}]", r"a password is sent only over starttls or tls"),
        (f"channels: [{{{MAIL}, password: hunter2, user: u}}]", r"email\.password: a secret must be given as \$\{ENV_VAR\}"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, alerts: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path, alerts)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_stay_names_while_the_rest_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_HOST", "mail.acme.example")
    monkeypatch.setenv("HOOK", "https://hooks.example/T0P-s3cret")
    mail = MAIL.replace("host: h", "host: '${SMTP_HOST}'")
    config = load(tmp_path, f"channels: [{{{mail}}}, {{type: slack, name: s, url: '${{HOOK}}'}}]")
    one, two = config.alerts.channels
    assert isinstance(one, EmailChannel)
    assert (one.host, one.to) == ("mail.acme.example", ("x@y.org",))
    assert isinstance(two, SlackChannel)
    assert "s3cret" not in repr(config)
    assert "s3cret" not in config.model_dump_json()


def test_the_examples_of_the_docs_and_of_hub_init_are_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ops.md").read_text()
    (block,) = re.findall(r"```yaml\nalerts:\n(.*?)```", page, re.DOTALL)
    template = (ROOT / "pipelines" / "init.hub.yaml").read_text().partition("# alerts:")[2].partition("\n")[2]
    commented = "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in template.split("\n\n")[0].splitlines())
    for text in (block, commented):
        settings = yaml.safe_load("alerts:\n" + text)
        (tmp_path / "hub.yaml").write_text(yaml.safe_dump({"sources": {"s": {"type": "stripe", "api_key": "${K}"}}, **settings}))
        assert len(load_config(tmp_path / "hub.yaml").alerts.channels) >= 2
