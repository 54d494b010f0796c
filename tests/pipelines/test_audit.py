"""`hub audit`: what the log says, whether it is whole, and what kept loads, backups and the doctor know of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.audit import entries, published_heads
from pipelines.backups import bring_back, take
from pipelines.cli.app import opened
from pipelines.doctor import examine
from tests.pipelines.days import Days, copied, second_day
from tests.pipelines.test_cli import Shell
from warehouse import control_tables as t


@pytest.fixture(scope="module")
def days(settled_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A hub in which two things were done before its third load, and one after it. The tests read it or work on its log's end."""
    made = copied(settled_days, tmp_path_factory.mktemp("audit"))
    made.world.configure({**made.world.config, "backup": {"to": "backups"}})
    with made.world.hub() as hub:
        hub.control.audit("merge", "c_1 c_2", actor="ann", detail=json.dumps({"reason": "one person"}), automatic=False)
        hub.control.audit("unmerge", "c_2", actor="bob", automatic=False)
    files = second_day()
    files["customers"][5]["city"] = "Hull"
    made.write(files)
    assert made.load() is not None
    with made.world.hub() as hub:
        take(hub, by="ops")
    return made


@pytest.fixture
def hub(days: Days, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(days.world, capsys, monkeypatch)


def test_the_log_is_shown_and_found_whole(days: Days, hub: Shell) -> None:
    assert [row["action"] for row in hub.json("audit", "list")] == ["backup", "unmerge", "merge"]
    assert [row["subject"] for row in hub.json("audit", "list", "--by", "ann")] == ["c_1 c_2"]
    assert [row["actor"] for row in hub.json("audit", "list", "--action", "unmerge")] == ["bob"]
    code, out, _ = hub("audit", "list", "--limit", "1")
    assert code == 0
    assert "backup" in out
    assert "unmerge" not in out
    code, out, _ = hub("audit", "verify")
    assert code == 0
    assert "3 entries, none changed or missing; compared with 1 heads kept elsewhere" in out
    head = out.rpartition("head: ")[2].strip()
    assert hub.json("audit", "verify", "--anchor", head, "--backups")["compared"][0] == "--anchor"
    with opened(days.root / "hub.yaml") as found:
        assert [(one.seq, one.hash) for one in published_heads(found)] == [(2, entries(found, actor="bob")[0]["entry_hash"])]
        assert [finding.severity for finding in examine(found) if finding.check == "audit"] == ["ok"]


def test_a_log_that_lost_its_end_is_found_out_by_the_load_and_the_backup(days: Days, hub: Shell) -> None:
    with days.world.hub() as found:
        kept = found.control.rows(sa.select(t.audit_log))
        head = found.control.audit_head()
        first = next(row for row in kept if row["seq"] == 1)
    try:
        with days.world.hub() as found:
            found.control.run(sa.delete(t.audit_log).where(t.audit_log.c.seq > 1))
            noted = f"1:{first['entry_hash']}"
            found.control.run(sa.update(t.setting).where(t.setting.c.name == "audit_head").values(value=noted))
            findings = [finding for finding in examine(found) if finding.check == "audit"]
        assert [finding.severity for finding in findings] == ["error"]
        code, _, err = hub("audit", "verify")
        assert code == 3
        assert "broken: entries from 2 to 2 are gone: load " in err
        code, _, err = hub("audit", "verify", "--backups")
        assert (code, err.count("\n")) == (3, 1)
        assert "(and 1 more)" in err
    finally:
        with days.world.hub() as found:
            found.control.put(t.audit_log, kept)
            found.control.put(t.setting, [{"name": "audit_head", "value": head}])
    assert hub("audit", "verify")[0] == 0


def test_a_restored_hub_goes_on_with_the_chain_of_its_backup(days: Days, hub: Shell) -> None:
    with days.world.hub() as found:
        bring_back(found, None, None, replace=True, by="ops")
        assert [row["action"] for row in entries(found)] == ["restore", "unmerge", "merge"]
    told = hub.json("audit", "verify", "--backups")
    assert (told["entries"], told["broken"]) == (3, [])
    assert len(told["compared"]) == 2
