"""Commands about published loads: loads, rollback, publish; and how further targets and pins are printed."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from hub.contract.errors import ConfigError
from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table, progress

_MEGABYTE = 1024 * 1024


def pin_line(pin: dict[str, Any]) -> str:
    """One line on the pin in force."""
    why = f" ({pin['reason']})" if pin["reason"] else ""
    since = f"load {pin['load_id']} by {pin['pinned_by']} since {cell(pin['pinned_at'])}{why}"
    return f"pinned: {since}; syncs publish nothing until hub rollback --release"


def print_targets(targets: list[dict[str, Any]]) -> None:
    """One line per further target: what it shows, and why it lags behind if it does."""
    for target in targets:
        shows = f"shows load {target['load_id']}" if target["load_id"] else "has no load yet"
        if target["error"]:
            typer.echo(f"target {target['target']} lags behind, it {shows}: {target['error']}")
        elif not target["current"]:
            typer.echo(f"target {target['target']} lags behind, it {shows}; hub publish brings it up")
        else:
            written, seconds = target["rows_written"], target["seconds"]
            typer.echo(f"target {target['target']}: {shows}, {target['rows']:,} rows; last wrote {written:,} in {seconds:.1f} s")


@app.command()
def loads(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The loads that were built, newest first: published, held or withheld, which one analysts see, and which files are kept."""
    with opened(config) as hub:
        from pipelines.report import load_history

        found = load_history(hub)
    if as_json:
        print_json(found)
        return
    right = ("records", "customers", "inserted", "changed", "removed")
    print_table(
        "Loads",
        ("load", "status", "ended", *right, "MB", "gate"),
        [
            (
                load["load_id"] + (" <- live" if load["live"] else "") + (", pinned" if load["pinned"] else ""),
                load["status"],
                load["ended_at"],
                *(load[name] for name in right),
                f"{load['size_bytes'] / _MEGABYTE:,.1f}" if load["kept"] else "not kept",
                (", ".join(load["blocking_checks"]) or "pass") + (" (overridden)" if load["override_reason"] else ""),
            )
            for load in found
        ],
        right=(*right, "MB"),
    )
    if found:
        typer.echo("why one was held: hub gate show LOAD; to let analysts see an earlier one that is kept: hub rollback LOAD")


@app.command()
def rollback(
    load: Annotated[str | None, typer.Argument(help="a kept load, see hub loads; without, the one before the live one")] = None,
    release: Annotated[bool, typer.Option("--release", help="let go of the load that is pinned; the next sync publishes")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="why; kept in the audit log")] = None,
    by: Annotated[str | None, typer.Option("--by", help="who; else the user of this machine", show_default=False)] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let analysts see an earlier load again, at once, and pin it: syncs go on building and judging, but publish nothing over it.

    Customer IDs issued since stay known. Further targets follow. Exit codes: 0 done, 4 done but a target failed, 1 error.
    """
    if release and load is not None:
        raise ConfigError("a release names no load", field="--release", remedy="leave out the load")
    with progress(not as_json) as notice, opened(config) as hub:
        from pipelines import rollback as going_back
        from pipelines.target_runs import follow

        who = by or getpass.getuser()
        if release:
            done: dict[str, Any] = {"released": going_back.release(hub, by=who, reason=reason), "targets": []}
        else:
            back = going_back.rollback(hub, load, by=who, reason=reason)
            done = {"load_id": back.load_id, "left": back.left, "carried_ids": back.carried_ids, "targets": follow(hub, notice)}
    if as_json:
        print_json(done)
    elif release:
        typer.echo(f"released: load {done['released']} is still live; the next hub sync publishes again")
    else:
        typer.echo(f"live: load {done['load_id']}, pinned; load {done['left']} is kept")
        if done["carried_ids"]:
            typer.echo(f"  {done['carried_ids']:,} customer IDs issued since stay known")
        typer.echo("  hub rollback --release lets syncs publish again")
        print_targets(done["targets"])
    raise typer.Exit(4 if any(target["error"] for target in done["targets"]) else 0)


@app.command()
def publish(
    targets: Annotated[
        list[str] | None, typer.Argument(help="targets of hub.yaml; without, all of them", metavar="[TARGET]...")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring further targets up to the published load now, instead of with the next sync; only what differs travels.

    Exit codes: 0 done, 4 a target failed, 1 error.
    """
    with progress(not as_json) as notice, opened(config) as hub:
        from pipelines.target_runs import publish_now

        done = publish_now(hub, targets or (), notice)
    if as_json:
        print_json(done)
    else:
        print_targets(done)
    raise typer.Exit(4 if any(target["error"] for target in done) else 0)
