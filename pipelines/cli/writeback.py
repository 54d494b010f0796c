"""Commands of the write-back: run, status, list, replay."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import Annotated, Any

import typer

from hub.contract.errors import ConfigError
from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table, progress

_SHOWN = 50

writeback = typer.Typer(
    name="writeback",
    help="What is written back to the sources: common IDs and figures, as write_back: in hub.yaml says.",
    no_args_is_help=True,
)
app.add_typer(writeback)

SourcesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[SOURCE]...", help="sources of hub.yaml; without, all that are written to")
]
SourceOption = Annotated[str | None, typer.Option("--source", help="of this source only", show_default=False)]


class Status(StrEnum):
    """Why a field is not as it should be."""

    dead = "dead"
    kept = "kept"
    gone = "gone"
    owed = "owed"


StatusOption = Annotated[
    list[Status] | None,
    typer.Option(
        "--status",
        help="dead: refused; kept: another's value stands there; gone: so is the record; owed: to be tried again; may be repeated",
        show_default=False,
    ),
]


def _statuses(given: list[Status] | None, without: tuple[Status, ...] = tuple(Status)) -> tuple[str, ...]:
    return tuple(status.value for status in given or without)


@writeback.command()
def run(
    sources: SourcesArgument = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="read and compare only, and print what would be written")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="compare every record with its system, not only what differs from the outbox"),
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="take whatever stands in the fields for the hub's own, if the outbox was lost"),
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="at most so many records of each stream, to try it out", show_default=False)
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver what differs between the published load and its sources now, instead of with the next sync.

    Exit codes: 0 delivered, 4 a source did not take all of it yet, 1 error.
    """
    with progress(not as_json) as notice, opened(config) as hub:
        from pipelines.pauses import active_pauses, pause_line
        from pipelines.writeback.run import Options, chosen, write_back

        names = chosen(hub, sources or ())
        for name, paused in active_pauses(hub).items():
            if name in (sources or ()):
                remedy = f"hub resume {name} lets it be written to again"
                raise ConfigError(f"the source is {pause_line(paused)}", source=name, remedy=remedy)
        if dry:
            results = [write_back(hub, name, Options(dry=True, verify=verify, adopt=adopt, limit=limit)) for name in names]
            _print_dry(results, as_json)
            return
        from pipelines.writeback_runs import deliver_now

        given = {"verify": verify, "adopt": adopt, "limit": limit}
        done = deliver_now(hub, names, {name: value for name, value in given.items() if value}, notice)
    if as_json:
        print_json(done)
    else:
        print_write_back(done)
    raise typer.Exit(4 if any(row["error"] for row in done) else 0)


def _print_dry(results: list[Any], as_json: bool) -> None:
    lines = [{"source": result.source, **line} for result in results for line in result.diff]
    errors = {result.source: str(result.error) for result in results if result.error is not None}
    if as_json:
        print_json({"diff": lines, "errors": errors, "unchanged": {r.source: r.fates["unchanged"] for r in results}})
    else:
        columns = ("source", "record", "field", "fate", "holds", "wanted", "reason")
        title = "What would be written" if len(lines) <= _SHOWN else f"The first {_SHOWN} of {len(lines):,}; --json has all"
        if lines:
            print_table(title, columns, [tuple(line[name] for name in columns) for line in lines[:_SHOWN]])
        for result in results:
            fates = result.fates
            typer.echo(
                f"{result.source}: {fates['sent']:,} fields would be written, {fates['found']:,} are there already,"
                f" {fates['kept']:,} hold another's value, {fates['unchanged']:,} are as they should be; nothing was written"
            )
        for error in errors.values():
            typer.echo(f"failed: {error}", err=True)
    raise typer.Exit(4 if errors else 0)


def print_write_back(rows: list[dict[str, Any]]) -> None:
    """One line per source that is written to, and what lies in its outbox."""
    for row in rows:
        if row["load_id"] is None and row["error"] is None:
            typer.echo(f"write-back to {row['source']}: nothing was delivered yet; hub writeback run does it")
            continue
        what = f"{row['sent']:,} fields written, {row['unchanged'] + row['found']:,} as they were, {row['api_calls']:,} calls"
        late = "" if row["current"] else ", of an earlier load"
        typer.echo(f"write-back to {row['source']}{late}: {what}")
        if row["error"]:
            typer.echo(f"  not all of it: {row['error']}")
        lying = [
            f"{row[f'{status}_letters']:,} {status}" for status in ("dead", "kept", "gone", "owed") if row[f"{status}_letters"]
        ]
        if lying:
            typer.echo(f"  {', '.join(lying)}: hub writeback list --source {row['source']}")


@writeback.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Per source that is written to: the last run, and what lies in the outbox. Works while a sync runs."""
    with opened(config) as hub:
        from pipelines.writeback.status import write_back_status

        found = write_back_status(hub)
    if as_json:
        print_json(found)
    elif found:
        print_write_back(found)
    else:
        typer.echo("nothing is written to any source; write_back: under a source in hub.yaml says what should be")


@writeback.command("list")
def list_letters(
    source: SourceOption = None,
    statuses: StatusOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many to show")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fields that are not as they should be, and why: dead letters first of all. Works while a sync runs."""
    with opened(config) as hub:
        from pipelines.writeback.outbox import letters

        found = letters(hub, source, _statuses(statuses), limit)
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("every field is as it should be")
        return
    columns = ("source_system", "stream", "source_record_id", "field", "status", "reason", "attempts", "tried_at")
    print_table(f"The newest {len(found)}", columns, [tuple(row[name] for name in columns) for row in found])
    typer.echo("next: mend what the reason says, then hub writeback replay, and hub writeback run")


@writeback.command()
def replay(
    records: Annotated[list[str] | None, typer.Argument(metavar="[RECORD]...", help="source record IDs; without, all")] = None,
    source: SourceOption = None,
    statuses: StatusOption = None,
    by: Annotated[str | None, typer.Option("--by", help="who; else the user of this machine", show_default=False)] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have dead letters (or those of --status) tried again with the next run."""
    with opened(config) as hub:
        from pipelines.writeback.outbox import replay as again

        done = again(hub, source, records or (), _statuses(statuses, (Status.dead,)), by=by or getpass.getuser())
    if as_json:
        print_json({"replayed": done})
    else:
        typer.echo(f"{done:,} field{'s' if done != 1 else ''} will be tried again with the next hub sync or hub writeback run")
