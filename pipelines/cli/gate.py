"""Commands at the gate: what was checked of a load, and publishing a held one on somebody's word."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table

if TYPE_CHECKING:
    from expectations.page import Report

gate = typer.Typer(
    name="gate", help="The gate: what was checked of a load, and publishing one that it holds.", no_args_is_help=True
)
app.add_typer(gate)


@gate.command()
def show(
    load: Annotated[str | None, typer.Argument(help="a load's ID; the newest one without", show_default=False)] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The verdict on a load: what was checked, what failed, how it compares with the loads before. Works while a sync runs."""
    from pipelines.gate import gate_report, page_path

    with opened(config) as hub:
        report = gate_report(hub, load)
        page = page_path(hub, report.load_id)
    if as_json:
        print_json(asdict(report) | {"page": page if page.exists() else None})
        return
    _print_report(report)
    if page.exists():
        typer.echo(f"as a page: {page}")


def _print_report(report: Report) -> None:
    from expectations.page import figure_text

    blocking = [check.check_id for check in report.failed if check.severity == "critical"]
    decided = f"{report.decided_at:%Y-%m-%d %H:%M} UTC"
    if report.decision == "hold":
        typer.echo(f"load {report.load_id} is held by {', '.join(blocking)} ({decided})")
    else:
        typer.echo(f"load {report.load_id} passes ({decided})")
    if report.override is not None:
        typer.echo(
            f"published all the same by {report.override.by} ({report.override.at:%Y-%m-%d %H:%M} UTC): {report.override.reason}"
        )
    for check in report.failed:
        typer.echo(f"  {check.mark} {check.check_id} ({check.failed_rows:,} of {check.total_rows:,} rows): {check.message}")
        if check.examples:
            typer.echo(f"    for example {', '.join(check.examples[:10])}")
    right = ("observed", "limit", "before", "now", "usual")
    print_table(
        "Checks",
        ("check", "dimension", "result", "of what", *right),
        [
            (
                check.check_id,
                check.dimension,
                check.mark,
                check.target or check.message,
                *(figure_text(n) for n in (check.observed, check.threshold, check.before, check.now, _usual(check.course))),
            )
            for check in report.checks
        ],
        right=right,
    )
    if report.decision == "hold" and report.override is None:
        typer.echo(f"mend the input and run hub sync; if the load is right: hub gate override {report.load_id} --reason ...")


def _usual(course: tuple[float | None, ...]) -> float | None:
    """The median of what was observed in the loads before."""
    import statistics

    known = [value for value in course[:-1] if value is not None]
    return statistics.median(known) if known else None


@gate.command()
def override(
    load: Annotated[str, typer.Argument(help="the held load's ID")],
    reason: Annotated[str, typer.Option("--reason", help="why it is right to publish it; kept, and shown in the report")],
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="NAME", help="who answers for it; else the user of this process", show_default=False),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a held load as it is. It counts for exactly this load; whatever is built after it is judged as ever."""
    import getpass

    from pipelines.gate import override as publish_all_the_same

    with opened(config) as hub:
        done = publish_all_the_same(hub, load, by=by or getpass.getuser(), reason=reason)
    if as_json:
        print_json({"load_id": done.load_id, "tables": {name: asdict(delta) for name, delta in done.deltas.items()}})
        return
    customer = done.deltas["customer"]
    typer.echo(
        f"published load {done.load_id} on your word: {customer.rows:,} customers"
        f" ({customer.inserted:,} new, {customer.changed:,} changed, {customer.removed:,} gone)"
    )
