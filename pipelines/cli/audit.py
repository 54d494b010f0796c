"""`hub audit`: who did what when, and whether the log of it is what it was."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table

commands = typer.Typer(
    name="audit",
    help="Who did what when: decisions, overrides, releases, rollbacks, exports, privacy requests.",
    no_args_is_help=True,
)
app.add_typer(commands)


@commands.command("list")
def list_(
    action: Annotated[str | None, typer.Option("--action", help="such as merge or export", show_default=False)] = None,
    actor: Annotated[str | None, typer.Option("--by", help="who did it", show_default=False)] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="a customer, decision, load, source; exactly", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="the newest so many")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the log's entries, newest first."""
    from pipelines.audit import entries

    with opened(config) as hub:
        found = entries(hub, action=action, actor=actor, subject=subject)[:limit]
    if as_json:
        print_json(found)
        return
    columns = ("seq", "at", "actor", "action", "subject", "detail")
    print_table("Audit log", columns, [[cell(row[name]) for name in columns] for row in found], right=("seq",))


@commands.command()
def verify(
    anchors: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="HEAD", help="a head that this command once printed; may be repeated", show_default=False),
    ] = None,
    backups: Annotated[bool, typer.Option("--backups", help="compare with the backups of hub.yaml too")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether any entry was changed, added in between or taken out.

    It prints the log's head: keep that elsewhere, and give it again as --anchor. Compared are also the heads that kept loads hold.
    Exit codes: 0 nothing was, 3 something was, 1 error.
    """
    from pipelines.audit import verified

    with opened(config) as hub:
        found, known = verified(hub, anchors or (), backups=backups)
    head = None if found.head is None else str(found.head)
    if as_json:
        told = {
            "entries": found.entries,
            "earlier": found.earlier,
            "erased": found.erased,
            "head": head,
            "compared": [one.where for one in known],
        }
        print_json({**told, "broken": list(found.broken)})
    elif found.broken:
        typer.echo(f"broken: {found.broken[0]}" + (f" (and {len(found.broken) - 1} more)" if found.broken[1:] else ""), err=True)
    elif head is None:
        typer.echo("nothing has been logged yet")
    else:
        before = f", and {found.earlier:,} of before the chain" if found.earlier else ""
        blanked = f" ({found.erased:,} without what told of somebody erased)" if found.erased else ""
        typer.echo(
            f"{found.entries:,} entries{before}, none changed or missing{blanked}; compared with {len(known)} heads kept elsewhere"
        )
        typer.echo(f"head: {head}")
    raise typer.Exit(3 if found.broken else 0)
