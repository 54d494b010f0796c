"""Commands about backups: backup, restore."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from hub.contract.errors import ConfigError
from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table

_MEGABYTE = 1024 * 1024
WhereArgument = Annotated[str | None, typer.Argument(help="a folder or URL; else backup.to of hub.yaml", show_default=False)]


@app.command()
def backup(
    where: WhereArgument = None,
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="backups kept there; else backup.keep of hub.yaml")] = None,
    show: Annotated[bool, typer.Option("--list", help="only list the backups that are there")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="only read the newest backup, piece by piece")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a backup of everything that the sources cannot give again, while syncs go on; only what changed is written.

    Holds personal data, the hub's own secret and refresh tokens: protect the place as you protect the warehouse.
    """
    if show and verify:
        raise ConfigError("--list and --verify ask for different things", remedy="leave out one")
    with opened(config) as hub:
        from pipelines import backups

        if show:
            found = backups.storage(hub, where).backups()
            listed = [
                {"backup_id": b.backup_id, "taken_at": b.taken_at, "load_id": b.live, "bytes": b.size, "new_bytes": b.written_bytes}
                for b in found
            ]
            if as_json:
                print_json(listed)
                return
            print_table(
                "Backups",
                ("backup", "load", "MB", "new MB"),
                [(b.backup_id, b.live, _mb(b.size), _mb(b.written_bytes)) for b in found],
                right=("MB", "new MB"),
            )
            return
        if verify:
            read, files = backups.verified(hub, where)
            if as_json:
                print_json({"backup_id": read.backup_id, "files": files, "bytes": read.size})
            else:
                typer.echo(f"backup {read.backup_id} is whole: {files:,} files, {_mb(read.size)} MB read and compared")
            return
        taken, gone = backups.take(hub, where, keep=keep, by=getpass.getuser())
    if as_json:
        print_json(
            {
                "backup_id": taken.backup_id,
                "load_id": taken.live,
                "bytes": taken.size,
                "new_bytes": taken.written_bytes,
                "removed": gone,
            }
        )
        return
    typer.echo(
        f"backup {taken.backup_id}: {_mb(taken.size)} MB, {_mb(taken.written_bytes)} MB of them new; load {taken.live or 'none'}"
    )
    if gone:
        typer.echo(f"  {len(gone)} older ones removed")


@app.command()
def restore(
    where: WhereArgument = None,
    backup_id: Annotated[str | None, typer.Option("--backup", help="see hub backup --list; else the newest")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="put the hub that is here aside")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring this hub back to a backup: fetched, verified, then put in place. The next hub sync goes on from its cursors."""
    with opened(config) as hub:
        from pipelines import backups

        done = backups.bring_back(hub, where, backup_id, replace=replace, by=getpass.getuser())
    if as_json:
        print_json(
            {
                "backup_id": done.backup.backup_id,
                "load_id": done.backup.live,
                "verified": done.verified,
                "aside": str(done.aside) if done.aside else None,
            }
        )
        return
    typer.echo(f"restored backup {done.backup.backup_id}: load {done.backup.live or 'none'}, {done.verified} figures as they were")
    if done.aside:
        typer.echo(f"  what was here before lies in {done.aside}")
    typer.echo("  hub sync goes on from here; hub check tries the sources' credentials first")


def _mb(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f}"
