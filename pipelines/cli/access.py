"""`hub access`: who may read what."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import ConfigOption, app, opened

commands = typer.Typer(name="access", help="Who may read what: rights of analysts, stewards and ops.", no_args_is_help=True)
app.add_typer(commands)


@commands.callback()
def group() -> None:
    """Keep `grants` a command of its own while it is the only one."""


@commands.command()
def grants(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="a target of hub.yaml, PostgreSQL or MySQL")],
    prefix: Annotated[str, typer.Option("--role-prefix", help="what the names of the roles begin with")] = "hub_",
    config: ConfigOption = None,
) -> None:
    """Print the script that gives the roles analyst, steward and ops their rights to a target's tables; nothing is run.

    Read it, then pipe it into psql or mysql. Running it again changes nothing.
    """
    from pipelines.access import grants as script

    with opened(config) as hub:
        typer.echo(script(hub, target, prefix=prefix), nl=False)
