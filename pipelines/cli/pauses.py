"""Commands that take a source out of the syncs for a while: pause, resume."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json

SourceArgument = Annotated[str, typer.Argument(help="a source of hub.yaml")]
ByOption = Annotated[str | None, typer.Option("--by", help="who; else the user of this machine", show_default=False)]


@app.command()
def pause(
    source: SourceArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="why; shown wherever the pause is")] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="ISO time at which it ends by itself"),
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave a source out of all syncs, whoever starts them, until it is resumed. A sync of it that is under way ends as usual.

    What it brought so far stays in the golden tables. Pausing it again replaces the pause.
    """
    with opened(config) as hub:
        from pipelines.pauses import pause as begin
        from pipelines.pauses import pause_line

        made = begin(hub, source, by=by or getpass.getuser(), reason=reason, until=until)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{source} is {pause_line(made)}; hub resume {source} ends it")


@app.command()
def resume(source: SourceArgument, by: ByOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Take a paused source into the syncs again; the next one goes on where the last one before the pause stopped."""
    with opened(config) as hub:
        from pipelines.pauses import pause_line
        from pipelines.pauses import resume as end

        ended = end(hub, source, by=by or getpass.getuser())
    if as_json:
        print_json(ended)
    else:
        typer.echo(f"{source} was {pause_line(ended)}; the next hub sync reads it again")
