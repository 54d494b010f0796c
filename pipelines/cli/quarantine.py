"""Commands of the quarantine: list, show, release, discard."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table

if TYPE_CHECKING:
    from pipelines.quarantine import Chosen

quarantine = typer.Typer(
    name="quarantine",
    help="Rows that were turned down: look at them, have them judged again, or discard them.",
    no_args_is_help=True,
)
app.add_typer(quarantine)

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="entries, by ID or how it begins", show_default=False)
]
SourceOption = Annotated[str | None, typer.Option("--source", help="rows of this source", show_default=False)]
StreamOption = Annotated[str | None, typer.Option("--stream", help="rows of this stream", show_default=False)]
CheckOption = Annotated[str | None, typer.Option("--check", help="rows that this check turned down", show_default=False)]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="who decides; else the user of this process", show_default=False)
]


class Status(StrEnum):
    """What became of an entry."""

    open = "open"
    released = "released"
    discarded = "discarded"


def _chosen(ids: list[str] | None, source: str | None, stream: str | None, check: str | None) -> Chosen:
    from pipelines.quarantine import Chosen

    return Chosen(tuple(ids or ()), source, stream, check)


def _who(by: str | None) -> str:
    import getpass

    return by or getpass.getuser()


@quarantine.command("list")
def list_entries(
    source: SourceOption = None,
    stream: StreamOption = None,
    check: CheckOption = None,
    status: Annotated[Status, typer.Option("--status", help="open ones, or those that were closed")] = Status.open,
    limit: Annotated[int, typer.Option("--limit", min=1, help="how many to show")] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rows in quarantine, the newest first, and how many there are for which reason. Works while a sync runs."""
    from pipelines.quarantine import counts, entries

    with opened(config) as hub:
        chosen = _chosen(None, source, stream, check)
        found = entries(hub, chosen, status=status.value, limit=limit)
        totals = counts(hub, chosen)
    if as_json:
        print_json({"counts": totals, "entries": found})
        return
    if status is Status.open and totals:
        print_table(
            "Open",
            ("source", "stream", "check", "rows", "since"),
            [(n["source_system"], n["stream"], n["check_id"], n["rows"], n["oldest"]) for n in totals],
            right=("rows",),
        )
    if not found:
        typer.echo(f"no {status.value} rows in quarantine")
        return
    columns = ("id", "source", "stream", "record", "reason", "since") + (("by", "note") if status is not Status.open else ())
    print_table(
        f"The newest {len(found)}",
        columns,
        [
            (
                row["quarantine_id"][:12],
                row["source_system"],
                row["stream"],
                row["source_record_id"],
                row["reason"],
                row["quarantined_at"],
                *((row["released_by"], row["note"]) if status is not Status.open else ()),
            )
            for row in found
        ],
    )
    if status is Status.open:
        typer.echo("next: hub quarantine show ID, hub quarantine release ID to have it judged again, or hub quarantine discard ID")


@quarantine.command()
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="an entry, by ID or how it begins")],
    payload: Annotated[bool, typer.Option("--payload", help="print nothing but the payload, to correct it in a file")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One row in quarantine: why it was turned down, and what the source sent."""
    from pipelines.quarantine import entry

    with opened(config) as hub:
        found = entry(hub, entry_id)
    if payload:
        typer.echo(_readable(found["payload"]))
    elif as_json:
        print_json(found)
    else:
        for name, value in found.items():
            if value is not None and name != "payload":
                typer.echo(f"{name}: {value}")
        typer.echo(f"payload:\n{_readable(found['payload'])}")


def _readable(payload: str | None) -> str:
    if payload is None:
        return "gone by age, as retention: in hub.yaml asks for; ask the source what it holds"
    try:
        return json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
    except ValueError:
        return payload  # a line that is no JSON is shown as it came


@quarantine.command()
def release(
    ids: IdsArgument = None,
    source: SourceOption = None,
    stream: StreamOption = None,
    check: CheckOption = None,
    payload: Annotated[
        Path | None, typer.Option("--payload", metavar="FILE", help="the corrected payload of one row, JSON", show_default=False)
    ] = None,
    record_id: Annotated[
        str | None, typer.Option("--record-id", help="with --payload: the ID of a row that came without one", show_default=False)
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="what was mended; kept with the row", show_default=False)] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have rows judged again with the next hub sync, once mapping, format or payload is mended. What fails again comes back."""
    from pipelines import quarantine as rows

    with opened(config) as hub:
        chosen = _chosen(ids, source, stream, check)
        done = rows.release(hub, chosen, by=_who(by), note=note, payload=payload, record_id=record_id)
    _told("released", done, "they are judged again with the next hub sync", as_json)


@quarantine.command()
def discard(
    reason: Annotated[str, typer.Option("--reason", help="why they are not wanted; kept with the rows")],
    ids: IdsArgument = None,
    source: SourceOption = None,
    stream: StreamOption = None,
    check: CheckOption = None,
    by: ByOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close rows for good. They keep the reason, and until retention takes it the payload; the same payload stays out."""
    from pipelines import quarantine as rows

    with opened(config) as hub:
        done = rows.discard(hub, _chosen(ids, source, stream, check), by=_who(by), reason=reason)
    _told("discarded", done, "they stay on record", as_json)


def _told(what: str, done: list[dict[str, Any]], then: str, as_json: bool) -> None:
    if as_json:
        print_json({what: [row["quarantine_id"] for row in done]})
        return
    typer.echo(f"{what} {len(done):,} row{'s' if len(done) != 1 else ''}; {then}")
