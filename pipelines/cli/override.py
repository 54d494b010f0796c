"""`hub override`: a steward's word on a golden value. Writes to the control store only, so it works while a sync runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import cell, print_json, print_table
from pipelines.cli.steward import ByOption, NowOption, acting, finish

if TYPE_CHECKING:
    from pathlib import Path

commands = typer.Typer(
    name="override",
    help="Overrules which value of a customer is golden. It is about a source record, so it survives rebuild, merge and split.",
    no_args_is_help=True,
)
app.add_typer(commands)

KeyArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECORD | CUSTOMER", help="a record's key, or what hub customer finds a customer by: its record that wins now"
    ),
]
AttributeArgument = Annotated[
    str,
    typer.Argument(metavar="ATTRIBUTE", help="email, phone_e164, company_name, birth_date, tax_id, locale, name or address"),
]
WhyOption = Annotated[str, typer.Option("--reason", help="why; kept with the override")]
ExpiresOption = Annotated[
    str | None,
    typer.Option("--expires", metavar="TIME", help="date or time (UTC) from which on it no longer counts", show_default=False),
]


def _act(
    config: Path | None,
    key: str,
    attribute: str,
    action: str,
    *,
    reason: str,
    by: str | None,
    expires: str | None,
    now: bool,
    as_json: bool,
    words: list[str] | None = None,
) -> None:
    from pipelines.overrides import override

    with opened(config) as hub:
        rows = override(hub, key, attribute, action, acting(by, reason), words=words, expires=expires)
        said = "\n".join(
            f"override {row['override_id']}: {action} {row['attribute']} of {row['anchor_record_key']}" for row in rows
        )
        code = finish(hub, {"overrides": rows}, said, now=now, as_json=as_json)
    raise typer.Exit(code)


@commands.command("set")
def set_value(
    key: KeyArgument,
    attribute: AttributeArgument,
    value: Annotated[
        list[str], typer.Argument(metavar="VALUE", help="the value; for name and address column=value, what is left out is empty")
    ],
    reason: WhyOption,
    by: ByOption = None,
    expires: ExpiresOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a value that no source has: it wins. It is read as a source's would be, and refused if it cannot be."""
    _act(config, key, attribute, "set", reason=reason, by=by, expires=expires, now=now, as_json=as_json, words=value)


@commands.command()
def pin(
    key: KeyArgument,
    attribute: AttributeArgument,
    reason: WhyOption,
    by: ByOption = None,
    expires: ExpiresOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the value of this record win, whatever the rules say, and whatever it becomes at its source."""
    _act(config, key, attribute, "pin", reason=reason, by=by, expires=expires, now=now, as_json=as_json)


@commands.command()
def ignore(
    key: KeyArgument,
    attribute: AttributeArgument,
    reason: WhyOption,
    by: ByOption = None,
    expires: ExpiresOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the value of this record never win. For a customer: the value that wins now, in every record that says the same."""
    _act(config, key, attribute, "ignore", reason=reason, by=by, expires=expires, now=now, as_json=as_json)


@commands.command("list")
def list_overrides(
    key: Annotated[
        str | None,
        typer.Argument(metavar="[RECORD | CUSTOMER]", help="only those about a record or a customer", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="revoked and expired ones too")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The overrides, newest first, and what became of each in the published load: applied, overruled, without_value or waiting."""
    from pipelines.overrides import override_history

    with opened(config) as hub:
        found = override_history(hub, key, everything=everything)
    if as_json:
        print_json(found)
        return
    columns = (
        "override_id",
        "state",
        "action",
        "attribute",
        "value",
        "anchor_record_key",
        "customer_id",
        "created_by",
        "created_at",
    )
    more = ("expires_at", "reason", "overruled_by", *(("revoked_at", "revoked_by", "revoke_reason") if everything else ()))
    print_table("Overrides", [name.replace("_", " ") for name in (*columns, *more)], _cells(found, (*columns, *more)))


def _cells(found: list[dict[str, Any]], columns: tuple[str, ...]) -> list[list[str]]:
    return [[cell(row[name]) for name in columns] for row in found]


@commands.command()
def revoke(
    override: Annotated[str, typer.Argument(help="an override's ID")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept with the override")],
    by: ByOption = None,
    now: NowOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an override back: the rules decide again. It stays on record, with who revoked it and why."""
    from pipelines.overrides import revoke_override

    with opened(config) as hub:
        done = revoke_override(hub, override, acting(by, reason))
        code = finish(hub, done, f"revoked {override}", now=now, as_json=as_json)
    raise typer.Exit(code)
