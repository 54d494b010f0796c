"""How messages arrive: as JSON, in Slack's form, as mail; encrypted and logged in; and without anybody's data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.contract.errors import DeliveryError
from pipelines.alerts.channels import verify
from pipelines.alerts.message import masked
from pipelines.alerts.settings import EmailChannel
from tests.certificates import certificate
from tests.pipelines.alerts.kit import NOW, SECRET, Desk, Receiver, config, desk, mailbox, receiver, webhook

PERSON = ("jane.roe@example.org", "+44 20 7946 0123")
ERROR = f"crm/contacts record {PERSON[0]}: no answer at https://hub:{SECRET}@host.example/x, call {PERSON[1]} <!channel> & wait"


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as made:
        monkeypatch.setenv("OPS_URL", made.server.base_url)
        yield made


def failing(root: Path, channel: dict[str, Any]) -> Iterator[Desk]:
    with desk(root, config(channel)) as made:
        made.synced(NOW, error=ERROR)
        yield made


def mail(port: int, **settings: Any) -> dict[str, Any]:
    addresses = {"from": "hub@acme.example", "to": ["ops@acme.example", "night@acme.example"]}
    return {"name": "mail", "type": "email", "host": "127.0.0.1", "port": port, "security": "none", **addresses, **settings}


def test_a_webhook_gets_what_where_since_when_and_the_next_step(
    tmp_path: Path, ops: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_TOKEN", SECRET)
    for made in failing(tmp_path, webhook(token="${OPS_TOKEN}")):
        made.evaluate(NOW)
    (request,) = ops.server.requests
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    body = request.json()
    assert SECRET not in request.body.decode()
    assert (body["kind"], body["severity"], body["where"]) == ("run_failed", "error", "source crm")
    assert body["what"].startswith("the sync failed in 1 of 2 streams (contacts); crm/contacts record [masked]: no answer")
    assert (body["next_step"], body["runbook"], body["hub"]) == ("hub sync crm", "A source failed", tmp_path.name)
    assert not [word for word in (*PERSON, SECRET) if word in json.dumps(body)]


def test_slack_gets_its_own_form_in_which_no_text_calls_people(tmp_path: Path, ops: Receiver) -> None:
    for made in failing(tmp_path, webhook() | {"type": "slack"}):
        made.evaluate(NOW)
    body = ops.got[0]
    head, told = (block["text"]["text"] for block in body["blocks"])
    assert head.startswith(":red_circle: *source crm failed*")
    assert "*next* `hub sync crm`" in told
    assert "&lt;!channel&gt; &amp; wait" in told
    assert body["text"].startswith("source crm failed: ")
    assert "<!channel>" not in json.dumps(body)
    assert not [word for word in (*PERSON, SECRET) if word in json.dumps(body)]


def test_mail_says_the_same_to_each_address(tmp_path: Path) -> None:
    with mailbox() as box:
        for made in failing(tmp_path, mail(box.port)):
            made.evaluate(NOW)
        (got,) = box.mails
    assert got["Subject"] == f"[hub {tmp_path.name}] source crm failed"
    assert got["To"] == "ops@acme.example, night@acme.example"
    text = got.get_content()
    assert "next:  hub sync crm\n" in text.replace("\r\n", "\n")
    assert 'more:  docs/ops.md, "A source failed"' in text
    assert not [word for word in (*PERSON, SECRET) if word in text]


@pytest.mark.parametrize(("code", "tries"), [(550, 1), (451, 3)])
def test_a_mail_that_is_refused_is_tried_again_only_if_that_may_help(tmp_path: Path, code: int, tries: int) -> None:
    with mailbox() as box:
        box.refuses = code
        for made in failing(tmp_path, mail(box.port)):
            assert made.evaluate(NOW).failed == {"mail": f"alerts.mail: 127.0.0.1 refuses all addresses under to: ({code})"}
        assert len(box.logins) == 0
        assert box.mails == []
        assert box.connections == tries


def test_mail_is_encrypted_before_it_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = certificate(tmp_path)
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    with mailbox(paths) as box:
        settings = mail(box.port, security="starttls", user="hub", password="${MAIL_PASSWORD}")
        channel = EmailChannel.model_validate(settings)
        with pytest.raises(DeliveryError, match="has no certificate that is trusted"):
            verify(channel)
        monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))
        assert "127.0.0.1 takes mail" in verify(channel)
        for made in failing(tmp_path, settings):
            assert made.evaluate(NOW).sent == [("mail", "opened", "run_failed/crm")]
        assert (box.logins, len(box.mails)) == (["hub", "hub"], 1)
        monkeypatch.setenv("MAIL_PASSWORD", "another")
        with pytest.raises(DeliveryError) as caught:
            verify(channel)
        assert str(caught.value) == "alerts.mail: 127.0.0.1 refuses user or password; renew MAIL_PASSWORD"


def test_a_server_that_does_not_encrypt_gets_neither_password_nor_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    with mailbox() as box:
        channel = EmailChannel.model_validate(mail(box.port, security="starttls", user="hub", password="${MAIL_PASSWORD}"))
        with pytest.raises(DeliveryError, match="does not offer what security: starttls takes"):
            verify(channel)
        assert box.logins == []


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    for made in failing(tmp_path, mail(1)):
        assert made.evaluate(NOW).failed == {"mail": "alerts.mail: no answer from 127.0.0.1:1 (ConnectionRefusedError)"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n b", "a b"),
        ("record jane@mail.org: gone", "record [masked]: gone"),
        ("postgresql://u:pw@host/db is away", "postgresql://host/db is away"),
        ("call +49 (30) 1234-567", "call [masked]"),
        ("served until 2026-11-30, at 2026-11-02 08:00 UTC", "served until 2026-11-30, at 2026-11-02 08:00 UTC"),
    ],
)
def test_what_looks_like_a_person_is_masked(text: str, said: str) -> None:
    assert masked(text) == said
