"""A verdict as Markdown, for the Dagster check and the command line. What is judged, and how, belongs elsewhere."""

from __future__ import annotations

from datetime import UTC

from expectations.verdict import CheckResult, Verdict, number_text

_MARK = {"passed": "passed", "not_applicable": "n/a"}


def to_markdown(verdict: Verdict) -> str:
    """The verdict, what to do about what failed, and a table of all checks. Names and keys only, no personal data."""
    failed = [result for result in verdict.results if result.status == "failed"]
    parts = [_headline(verdict), *(_failure(result) for result in failed), _table(verdict.results)]
    return "\n\n".join(parts) + "\n"


def _headline(verdict: Verdict) -> str:
    decided = f"{verdict.decided_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if verdict.decision == "hold":
        return f"**Load {verdict.load_id} is held** by {', '.join(verdict.blocking)}; the last good load stays ({decided})."
    warned = f", with warnings: {', '.join(verdict.warnings)}" if verdict.warnings else ""
    return f"**Load {verdict.load_id} passes**{warned} ({decided})."


def _failure(result: CheckResult) -> str:
    label = "Held by" if result.severity == "critical" else "Warning:"
    keys = result.examples if result.examples != (result.target,) else ()
    shown = ", ".join(f"`{' '.join(key.split()).replace('`', '')}`" for key in keys)
    return f"{label} **{result.check_id}**: {result.message}." + (f" For example {shown}." if shown else "")


def _table(results: tuple[CheckResult, ...]) -> str:
    head = "| check | dimension | result | of what | observed | limit | before | now |"
    return "\n".join([head, "|---|---|---|---|--:|--:|--:|--:|", *(_line(result) for result in results)])


def _line(result: CheckResult) -> str:
    verdict = _MARK.get(result.status, "**FAILED**" if result.severity == "critical" else "**warning**")
    target = (result.target or result.message).replace("|", "\\|")
    numbers = (number_text(n) for n in (result.observed, result.threshold, result.before, result.now))
    return "| " + " | ".join((result.check_id, result.dimension, verdict, target, *numbers)) + " |"
