"""Commands about alerts: what is open and owed, and a test of the channels."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table

alerts = typer.Typer(help="What is wrong now and who is told of it; with test, whether messages arrive.")
app.add_typer(alerts, name="alerts")


@alerts.callback(invoke_without_command=True)
def show(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what is wrong now, since when, what to do about it, and which channels are still owed a message. Sends nothing.

    Channels are named under alerts: in hub.yaml. hub alerts test tries them.
    """
    if context.invoked_subcommand is not None:
        return
    with opened(config) as hub:
        from pipelines.alerts.evaluate import alert_list
        from pipelines.alerts.state import alert_status

        found, status = alert_list(hub), alert_status(hub)
    if as_json:
        print_json({"alerts": found, "failing": status["failing"]})
        return
    if not found:
        typer.echo("nothing is wrong, and nobody is owed a message")
    else:
        print_table(
            "Alerts",
            ("alert", "severity", "since", "times", "state", "owed to"),
            [(a["alert_key"], a["severity"], a["since"], a["times"], _state(a), sorted(a["owed"])) for a in found],
            right=("times",),
        )
    for each in found:
        typer.echo(f"  {each['alert_key']}: {each['what']}")
        if each["resolved_at"] is None:
            typer.echo(f'    next: {each["next_step"]}; see docs/ops.md, "{each["runbook"]}"')
    for error in status["failing"].values():
        typer.echo(f"still owed: {error}")


def _state(alert: dict[str, Any]) -> str:
    if alert["resolved_at"] is not None:
        return f"over since {cell(alert['resolved_at'])}"
    return "news" if alert["is_event"] else "open"


@alerts.command("test")
def try_out(
    channel: Annotated[str | None, typer.Argument(help="a channel of hub.yaml; without, all of them")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message and say what answered. Exit code 1 if a channel did not take it."""
    with opened(config) as hub:
        from pipelines.alerts.trying import channels_named, send_test

        done = send_test(hub, channels_named(hub, channel))
    if as_json:
        print_json(done)
    else:
        print_channels(done)
    raise typer.Exit(0 if all(row["ok"] for row in done) else 1)


def print_channels(rows: list[dict[str, Any]]) -> None:
    """A table of channels and what they said."""
    print_table("Channels", ("channel", "type", "ok", "says"), [(r["channel"], r["type"], r["ok"], r["says"]) for r in rows])
