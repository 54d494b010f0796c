"""What others could read is told: files, secrets in hub.yaml, lines to databases; and new files are nobody else's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub.contract.errors import DeliveryError
from pipelines.alerts.channels import verify
from pipelines.alerts.settings import WebhookChannel
from pipelines.doctor.look import Look
from pipelines.doctor.secrecy import secrecy
from tests.pipelines.world import World

FILES = {"type": "files", "streams": {"people": {"path": "in/*.csv", "kind": "party", "id": "id"}}}


def told(root: Path, sources: dict[str, Any], **config: Any) -> list[tuple[str, str]]:
    with World(root, {"sources": sources, **config}).hub() as hub:
        return [(finding.where, finding.what) for finding in secrecy(Look(hub)) if finding.severity != "ok"]


def test_files_that_every_user_can_read_are_told_and_new_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("")
    (tmp_path / ".env").chmod(0o600)
    before = os.umask(0o022)
    try:
        with World(tmp_path, {"sources": {"crm": FILES}}).hub() as hub:
            assert hub.control.rows(sa.text("SELECT 1 AS one"))
        for path in (tmp_path / "data", tmp_path / "data" / "control.db"):
            assert path.stat().st_mode & 0o007 == 0, path
        assert told(tmp_path, {"crm": FILES}) == []
        (tmp_path / ".env").chmod(0o644)
        (tmp_path / "data").chmod(0o755)
        said = "every user of this machine can look into it"
        assert told(tmp_path, {"crm": FILES}) == [(str(tmp_path / ".env"), said), (str(tmp_path / "data"), said)]
    finally:
        os.umask(before)


def test_a_secret_that_stands_in_hub_yaml_as_a_fallback_is_told_unless_it_is_a_sandboxs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRIPE_KEY", raising=False)
    stripe = {"type": "stripe", "api_key": "${STRIPE_KEY:-sk_live_1}"}
    ((where, what),) = told(tmp_path, {"s": stripe})
    assert (where, "sk_live_1" in what) == ("sources.s.api_key", False)
    assert told(tmp_path, {"s": {**stripe, "base_url": "http://127.0.0.1:8377/stripe"}}) == []
    monkeypatch.setenv("STRIPE_KEY", "sk_live_2")
    assert told(tmp_path, {"s": stripe}) == []


@pytest.mark.parametrize(
    ("url", "tells"),
    [
        ("postgresql://u:geheim@db.example/x", True),
        ("postgresql://u:geheim@db.example/x?sslmode=require", True),
        ("postgresql://u:geheim@db.example/x?sslmode=verify-full", False),
        ("postgresql://u:geheim@127.0.0.1/x", False),
        ("postgresql:///x", False),
        ("mysql://u:geheim@db.example/x", True),
        ("mysql://u:geheim@db.example/x?ssl_ca=/etc/ca.pem", False),
        ("sqlite:///x.db", False),
        ("no url", False),
    ],
)
def test_databases_elsewhere_whose_certificate_is_not_checked_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, tells: bool
) -> None:
    monkeypatch.setenv("ERP_URL", url)
    erp = {"type": "sql", "url": "${ERP_URL}", "streams": {"people": {"table": "people", "kind": "party", "id": "id"}}}
    found = told(tmp_path, {"erp": erp}, publish=[{"name": "wide", "url": "${ERP_URL}"}])
    assert [where for where, _ in found] == (["publish.wide.url", "sources.erp.url"] if tells else [])
    assert "geheim" not in str(found)


def test_an_alert_goes_over_tls_or_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = WebhookChannel.model_validate({"type": "webhook", "name": "ops", "url": "${OPS_URL}"})
    monkeypatch.setenv("OPS_URL", "http://hooks.example/T0/secret")
    with pytest.raises(DeliveryError, match="would go over the net in clear text; let it begin with https://") as error:
        verify(channel)
    assert "T0/secret" not in str(error.value)
    for url in ("https://hooks.example/T0/secret", "http://127.0.0.1:9/x"):
        monkeypatch.setenv("OPS_URL", url)
        assert "sends to" in verify(channel)
