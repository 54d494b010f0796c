"""What people do at the gate and in the quarantine: a held load is explained, answered for or mended; rows come back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub.contract.errors import ConfigError, NotFoundError, PublishRefusedError
from pipelines.gate import gate_report, override, page_path, publish_overridden
from pipelines.gate_checks import _own_result
from pipelines.quarantine import Chosen, discard, entries, entry, release
from pipelines.report import hub_status
from pipelines.runner import run_build
from tests.pipelines.days import CONFIG, Days, copied, order, second_day
from warehouse import control_tables as t
from warehouse.connection import writer
from warehouse.control import utcnow


@pytest.fixture
def days(settled_days: Path, tmp_path: Path) -> Days:
    return copied(settled_days, tmp_path)


def held(days: Days) -> str:
    files = second_day()
    files["orders"] = files["orders"][::2]
    days.write(files)
    verdict = days.load()
    assert verdict is not None
    assert verdict.blocking == ("volume_drop",)
    return verdict.load_id


def test_a_held_load_is_explained_and_published_on_somebodys_word(days: Days) -> None:
    before, load = days.seen(), held(days)
    with days.world.hub() as hub:
        status = hub_status(hub)["held"]
        assert status["load_id"] == load
        (check,) = status["failed_checks"]
        assert (check["check_id"], check["failed_rows"]) == ("volume_drop", 244)
        assert check["examples"] == ["customer_order/shop"]
        assert "raise gate.max_volume_drop" in check["message"]
        report = gate_report(hub)
        assert [c.check_id for c in report.failed] == ["volume_drop"]
        assert report.failed[0].before == 488
        assert days.seen() == before
        done = override(hub, load, by="ann", reason="the season's stock was sold <b>off</b>")
        assert done.load_id == load
        assert hub_status(hub)["held"] is None
        page = page_path(hub, load).read_text()
        audited = hub.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "gate_override"))
        with pytest.raises(PublishRefusedError, match="is not held"):
            override(hub, load, by="ann", reason="again")
    assert days.world.ask("SELECT count(*) FROM golden.customer_order") == [(244,)]
    assert days.world.ask("SELECT reason, overridden_by FROM quality.gate_override") == [
        ("the season's stock was sold <b>off</b>", "ann")
    ]
    assert [(row["subject"], row["actor"]) for row in audited] == [(load, "ann")]
    assert "&lt;b&gt;off" in page
    assert "<b>off" not in page
    assert not re.findall(r"""(?:src|href)\s*=|https?://|url\(|@import""", page), "nothing is fetched from elsewhere"
    assert days.load() is None, "what was overridden is the published load now"
    files = second_day()
    files["orders"] = files["orders"][:100]
    days.write(files)
    again = days.load()
    assert again is not None
    assert again.decision == "hold", "an override counts once"


def test_an_override_is_for_exactly_what_was_judged(days: Days) -> None:
    load = held(days)
    with days.world.hub() as hub:
        with writer(hub.config.warehouse) as con:
            con.execute("UPDATE golden.customer SET city = 'Elsewhere'")
        with pytest.raises(PublishRefusedError, match="changed after the gate judged it"):
            override(hub, load, by="ann", reason="fine")
        with pytest.raises(NotFoundError, match="no load 'L0' was judged"):
            override(hub, "L0", by="ann", reason="fine")
    files = second_day()
    files["orders"] = files["orders"][::3]
    days.write(files)
    days.load()
    with days.world.hub() as hub, pytest.raises(PublishRefusedError, match="another one was begun since"):
        override(hub, load, by="ann", reason="fine")


def test_an_override_whose_process_died_is_published_by_the_next_sync(days: Days) -> None:
    load = held(days)
    with days.world.hub() as hub:
        digest = hub.control.rows(sa.select(t.gate_decision).where(t.gate_decision.c.load_id == load))[0]["content_digest"]
        row = {"load_id": load, "content_digest": digest, "reason": "fine", "overridden_by": "ann", "overridden_at": utcnow()}
        hub.control.put(t.gate_override, [row])
        outcome = run_build(hub)
    assert (outcome.action, outcome.exit_code) == ("published", 0)
    assert outcome.load is not None
    assert outcome.load["load_id"] == load


def test_an_override_of_other_content_publishes_nothing(days: Days) -> None:
    load, before = held(days), days.seen()
    with days.world.hub() as hub:
        row = {"load_id": load, "content_digest": "f" * 32, "reason": "no", "overridden_by": "eve", "overridden_at": utcnow()}
        hub.control.put(t.gate_override, [row])
        with pytest.raises(PublishRefusedError):
            publish_overridden(hub, load)
    assert days.seen() == before


def conserved(days: Days) -> None:
    """Rows in = loaded + unchanged + deleted + quarantined, as the gate itself found it for the newest load."""
    with days.world.hub() as hub:
        result = next(check for check in gate_report(hub).checks if check.check_id == "rows_conserved")
    assert result.status == "passed", result.message


def with_bad_rows(days: Days) -> dict[str, str]:
    """A day with an order of no amount, one of no day, and a line without an ID; the entries by their check."""
    files = second_day()
    files["orders"] += [order(900, total="ten"), order(901, date="the other day"), order(902, no="")]
    days.write(files)
    verdict = days.load()
    assert verdict is not None
    assert verdict.decision == "pass"
    with days.world.hub() as hub:
        return {row["check_id"]: row["quarantine_id"] for row in entries(hub, Chosen())}


AMOUNT, DATE, LINE = "customer_order.gross_amount.unreadable", "customer_order.ordered_at.unreadable", "record.unreadable"


def corrected(path: Path, **changes: Any) -> Path:
    named = order(900, **changes)
    path.write_text(json.dumps(named))
    return path


def test_a_released_row_that_fails_again_comes_back_with_the_reason_of_now(days: Days, tmp_path: Path) -> None:
    found = with_bad_rows(days)
    assert set(found) == {AMOUNT, DATE, LINE}
    with days.world.hub() as hub:
        assert "payload" not in entries(hub, Chosen())[0]
        assert json.loads(entry(hub, found[AMOUNT][:10])["payload"])["total"] == "ten"
        (done,) = release(hub, Chosen((found[AMOUNT],)), by="ann")
        assert done["check_id"] == AMOUNT
        assert entry(hub, found[AMOUNT])["status"] == "released"
    assert days.load() is not None
    conserved(days)
    with days.world.hub() as hub:
        assert entry(hub, found[AMOUNT])["status"] == "open", "it is as bad as it was"
        release(hub, Chosen((found[AMOUNT],)), by="ann", payload=corrected(tmp_path / "row.json", date="someday", total="10"))
    assert days.load() is not None
    with days.world.hub() as hub:
        reasons = {row["source_record_id"]: row["reason"] for row in entries(hub, Chosen(source="shop", stream="orders"))}
        assert reasons["o900"] == "ordered_at cannot be read as a time"
        assert entry(hub, found[AMOUNT])["status"] == "released"


def test_a_correction_is_loaded_and_holds_while_the_source_sends_the_same(days: Days, tmp_path: Path) -> None:
    found = with_bad_rows(days)
    with days.world.hub() as hub:
        release(hub, Chosen(check=AMOUNT), by="ann", note="typo", payload=corrected(tmp_path / "row.json", total="10.00"))
        with pytest.raises(NotFoundError, match="is released already"):
            release(hub, Chosen((found[AMOUNT],)), by="ann")
        audited = hub.control.rows(sa.select(t.audit_log).where(t.audit_log.c.action == "quarantine_release"))
    assert [(row["subject"], row["actor"], row["is_automatic"]) for row in audited] == [("shop:orders:o900", "ann", False)]
    assert days.load() is not None
    amount = "SELECT gross_amount::VARCHAR FROM golden.customer_order WHERE source_record_id = 'o900'"
    assert days.world.ask(amount) == [("10.0000",)]
    conserved(days)
    files = second_day()
    files["orders"] += [order(900, total="ten"), order(903)]
    days.write(files)
    assert days.load() is not None
    assert days.world.ask(amount) == [("10.0000",)], "the source goes on sending the same bad row"
    files["orders"][-2]["total"] = "12.00"
    days.write(files)
    assert days.load() is not None
    assert days.world.ask(amount) == [("12.0000",)], "and now something else"
    conserved(days)


def test_a_line_without_an_id_is_released_with_one(days: Days, tmp_path: Path) -> None:
    found = with_bad_rows(days)
    with days.world.hub() as hub:
        with pytest.raises(ConfigError, match=r"came without an ID.*--payload FILE --record-id ID"):
            release(hub, Chosen((found[LINE],)), by="ann")
        release(hub, Chosen((found[LINE],)), by="ann", payload=corrected(tmp_path / "row.json", no="o902"), record_id="o902")
    assert days.load() is not None
    conserved(days)
    assert days.world.ask("SELECT count(*) FROM golden.customer_order WHERE source_record_id = 'o902'") == [(1,)]
    with days.world.hub() as hub:
        assert entry(hub, found[LINE])["status"] == "released"


def test_what_is_discarded_stays_out_with_its_reason(days: Days) -> None:
    found = with_bad_rows(days)
    with days.world.hub() as hub:
        assert len(discard(hub, Chosen(source="shop"), by="ann", reason="tests of 2019")) == 3
        with pytest.raises(NotFoundError, match="no open row"):
            release(hub, Chosen(source="shop"), by="ann")
        with pytest.raises(ConfigError, match="which rows"):
            discard(hub, Chosen(), by="ann", reason="all")
        with pytest.raises(NotFoundError, match="no quarantined row 'zz'"):
            entry(hub, "zz")
    files = second_day()
    files["orders"] += [order(900, total="ten"), order(904)]
    days.write(files)
    assert days.load() is not None
    with days.world.hub() as hub:
        kept = entry(hub, found[AMOUNT])
    assert (kept["status"], kept["note"], kept["released_by"]) == ("discarded", "tests of 2019", "ann")
    conserved(days)


def test_expectations_of_ones_own_hold_a_load_and_show_in_its_report(days: Days) -> None:
    (days.root / "checks.py").write_text(
        "from expectations import failing_rows\n"
        "def check_cities():\n"
        "    yield failing_rows('ripon', \"SELECT customer_id FROM golden.customer WHERE city = 'Ripon'\")\n"
    )
    regex = {
        "table": "golden.customer",
        "expect": "expect_column_values_to_match_regex",
        "column": "email",
        "regex": "mail[12][.]",
    }
    gate = {"python": "checks.py", "expectations": [regex | {"name": "mails", "severity": "critical"}]}
    days.world.configure(CONFIG | {"gate": gate})
    verdict = days.load()
    assert verdict is not None
    assert (verdict.decision, verdict.blocking, verdict.warnings) == ("hold", ("own.mails",), ("own.ripon",))
    mails = next(result for result in verdict.results if result.check_id == "own.mails")
    assert mails.failed_rows > 100
    assert all(key.startswith("c_") for key in mails.examples)
    own = [result for result in verdict.results if result.check_id.startswith("own.")]
    shown = _own_result(own, verdict.load_id, {}).metadata
    for result in own:  # in the UI they are one check, which names the keys of each
        assert f"{result.check_id}: {', '.join(result.examples)}" in str(shown["failing_keys"].value)
    page = (days.root / "data" / "gate" / f"{verdict.load_id}.html").read_text()
    assert "own.mails" in page
    assert "own.ripon" in page
    (days.root / "checks.py").write_text("def check_none():\n    return []\n")
    days.world.configure(CONFIG | {"gate": {"python": "checks.py"}})
    mended = days.load()
    assert mended is not None
    assert mended.decision == "pass"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            {"table": "golden.custumer", "expect": "expect_column_values_to_be_unique", "column": "email"},
            "did you mean 'golden.customer'",
        ),
        ({"sql": "DROP TABLE golden.customer"}, "must be one SELECT"),
        ({"sql": "SELECT nothing FROM golden.customer"}, "does not run"),
    ],
)
def test_own_expectations_that_cannot_be_put_are_mistakes_of_the_configuration(
    days: Days, own: dict[str, Any], message: str
) -> None:
    days.world.configure(CONFIG | {"gate": {"expectations": [own]}})
    with pytest.raises(ConfigError, match=message):
        days.load()
