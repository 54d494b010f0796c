"""`hub privacy`: what people ask of a hub that knows them, and how long it knows them.

`access`, `erase`, `retention` and `scan` wait for their turn at the warehouse; the others touch the control store only, and work
while a sync runs.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table
from pipelines.cli.steward import ByOption, NowOption, ReasonOption, acting, finish

if TYPE_CHECKING:
    from pipelines.privacy.erasing import Erased
    from pipelines.privacy.retention import Retained

commands = typer.Typer(
    name="privacy",
    help="What people ask of the hub: to be left alone, to see what is held about them, and by when; and what goes by age.",
    no_args_is_help=True,
)
app.add_typer(commands)


@commands.command()
def suppress(
    key: Annotated[str, typer.Argument(metavar="KEY", help="whatever hub customer finds a customer by")],
    reason: Annotated[str, typer.Option("--reason", help="why, such as the number of the person's letter; name nobody in it")],
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="when the person asked, if not now", show_default=False)
    ] = None,
    by: ByOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nobody contact a person: can_email, can_sms and can_call are false from the next load on, whatever is granted."""
    from pipelines.moments import moment_behind
    from pipelines.privacy import suppress as begin

    with opened(config) as hub:
        asked = None if received is None else moment_behind(received, "--received")
        made = begin(hub, key, acting(by, reason), received=asked)
        said = f"request {made['request_id']}: nobody is to contact {made['subject_ref']}"
        code = finish(hub, {"request": made}, said, now=now, as_json=as_json)
    raise typer.Exit(code)


@commands.command()
def lift(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="as hub privacy list shows it")],
    reason: Annotated[str, typer.Option("--reason", help="why; the person asked for it")],
    by: ByOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a suppression back: consent alone counts again from the next load on."""
    from pipelines.privacy import lift as end

    with opened(config) as hub:
        done = end(hub, request, acting(by, reason))
        code = finish(hub, done, f"request {request} is lifted, consent alone counts", now=now, as_json=as_json)
    raise typer.Exit(code)


@commands.command()
def access(
    key: Annotated[str, typer.Argument(metavar="KEY", help="whatever hub customer finds a customer by")],
    reason: Annotated[str, typer.Option("--reason", help="why, such as the number of the person's letter; name nobody in it")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="where the two files go")],
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="when the person asked, if not now", show_default=False)
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that is held about a person into a folder: every value with its source and what it is for, as JSON and as a page.

    Make sure first that whoever asks is that person. Only the files' owner may read them; hand them over, then remove them.
    """
    from pipelines.moments import moment_behind
    from pipelines.privacy.access import access as gather

    with opened(config) as hub:
        asked = None if received is None else moment_behind(received, "--received")
        made = gather(hub, key, acting(by, reason), to, received=asked)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"request {made['request']['request_id']}: {' and '.join(made['files'])}")


@commands.command()
def erase(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="whatever hub customer finds a customer by")],
    reason: Annotated[str, typer.Option("--reason", help="why, such as the number of the person's letter; name nobody in it")],
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="when the person asked, if not now", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go")] = False,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase people from every store of the hub: later syncs and restores do not bring them back. Exit 3 if a scan still finds them.

    Make sure first that whoever asks is that person. Amounts and times of their orders stay, without anything that tells whose they
    are. Name all who asked at once: each erasure writes every store anew. Should it break off, the same command finishes it.
    """
    from pipelines.moments import moment_behind
    from pipelines.privacy.erasing import erase as take_out

    with opened(config) as hub:
        asked = None if received is None else moment_behind(received, "--received")
        done = take_out(hub, keys, acting(by, reason), received=asked, dry=dry_run)
    if as_json:
        print_json({**asdict(done), "dry_run": dry_run})
    else:
        _tell_erased(done, dry_run)
    raise typer.Exit(3 if done.hits else 0)


def _tell_erased(done: Erased, dry_run: bool) -> None:
    rows = sorted(done.counts.items())
    print_table("Would go" if dry_run else "Gone or emptied", ("where", "rows"), rows, right=("rows",))
    for load in done.removed:
        typer.echo(f"load {load} could not be written anew and is removed")
    if done.hits:
        found = [(hit.place, hit.where, hit.rows) for hit in done.hits]
        print_table("Still found in", ("place", "where", "rows"), found, right=("rows",))
    elif not dry_run:
        typer.echo(f"{done.texts} names, addresses and numbers that were theirs alone: none is found anywhere")
    if done.shared:
        typer.echo(f"{done.shared} more are also those of others, with whom they stay")
    for line in done.elsewhere:
        typer.echo(f"  {line}")


@commands.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go; nothing is written")] = False,
    reason: ReasonOption = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take out of every store of the hub what is past the cut-offs of retention: in hub.yaml; later syncs do not bring it back.

    Tickets and leads go; orders, invoices, payments and refunds keep amounts and times; customers of whom nothing was heard for so
    long become nobody's; closed rows of the quarantine keep what was wrong with them. Should it break off, the same command
    finishes it.
    """
    from pipelines.privacy.retention import retain

    with opened(config) as hub:
        done = retain(hub, acting(by, reason), dry=dry_run)
    if as_json:
        print_json({**asdict(done), "dry_run": dry_run})
    else:
        _tell_retained(done, dry_run)


def _tell_retained(done: Retained, dry_run: bool) -> None:
    if done.finished:
        typer.echo(f"run {done.finished}, which had broken off, is finished")
    columns = ("table", "before", "rows", "customers", "oldest", "newest", "staying")
    rows = [
        (cut.table, f"{cut.cut_off:%Y-%m-%d}", cut.rows, cut.customers, _day(cut.oldest), _day(cut.newest), cut.staying)
        for cut in done.cuts
    ]
    print_table("Would go" if dry_run else "Past their cut-offs", columns, rows, right=("rows", "customers", "staying"))
    if done.counts:
        print_table("Gone or emptied", ("where", "rows"), sorted(done.counts.items()), right=("rows",))
    for load in done.removed:
        typer.echo(f"load {load} could not be written anew and is removed")
    if done.run_id is not None:
        said = "figures of customers follow with the next hub sync" if done.counts else "nothing was past its cut-off"
        typer.echo(f"run {done.run_id}: {said}")


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


@commands.command()
def scan(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="e-mail addresses, phone numbers, names")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for texts in everything that the hub keeps: tables, kept loads, control store, targets, files. Exit 3 if one is found.

    It shows where, and how many rows; never a value. Exports and backups, which lie where somebody put them, are not looked at.
    """
    from pipelines.privacy.scanning import scan as look

    with opened(config) as hub:
        found = look(hub, texts)
    if as_json:
        print_json([asdict(hit) for hit in found])
    elif found:
        print_table("Found in", ("place", "where", "rows"), [(hit.place, hit.where, hit.rows) for hit in found], right=("rows",))
    else:
        typer.echo("none of it is found anywhere")
    raise typer.Exit(3 if found else 0)


@commands.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="also those that are done or lifted")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show requests, those due first at the top. The law gives a month from the day on which one was received."""
    from pipelines.privacy import requests
    from pipelines.privacy.cut_offs import overdue_line, retention_status

    with opened(config) as hub:
        found = requests(hub, everything=everything)
        retention = retention_status(hub)
    if as_json:
        print_json(found)
        return
    columns = ("request_id", "kind", "subject_ref", "received_at", "due_at", "days_left", "status", "done_load_id")
    print_table(
        "Privacy requests", [name.replace("_", " ") for name in columns], [[cell(row[name]) for name in columns] for row in found]
    )
    if retention is not None:
        due = retention["due_at"]
        typer.echo(overdue_line(retention) or f"retention ran, and is to run again by {due:%Y-%m-%d}")
