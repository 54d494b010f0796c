"""Commands that look into the published load: customer, explain, export. They work while a sync runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.app import ChartOption, ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table

if TYPE_CHECKING:
    from hub.identity import Explanation


@app.command()
def customer(
    key: Annotated[str, typer.Argument(help="any customer ID ever issued, a source record ID, an e-mail or a phone number")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One customer: golden row, where each value comes from, source records, timeline."""
    from hub.contract.errors import NotFoundError
    from hub.golden.lookup import customer_card, find_customers
    from warehouse.connection import published

    with opened(config) as hub, published(hub.config.warehouse) as con:
        regions = {s.country for s in hub.config.sources.values() if s.country}
        found = find_customers(con, key, region=regions.pop() if len(regions) == 1 else None)
        if not found:
            raise NotFoundError(
                f"no customer is known by {key!r}", remedy="try an e-mail, a phone with country code or a source ID"
            )
        cards = [customer_card(con, customer_id) for customer_id in found]
    if as_json:
        print_json(cards)
    elif len(cards) == 1:
        _print_card(cards[0])
    else:
        typer.echo(f"{len(cards)} customers share that; name one by its ID:")
        columns = ("customer_id", "full_name", "email", "phone_e164", "city")
        print_table("", columns, [tuple(card["customer"][name] for name in columns) for card in cards if card["customer"]])


def _print_card(card: dict[str, Any]) -> None:
    origin = {value["attribute"]: value for value in card["values"]}
    golden = card["customer"] or {}
    print_table(
        f"Customer {golden.get('customer_id', '')}",
        ("attribute", "value", "from", "won by"),
        [
            (name, value, origin.get(name, {}).get("record_key", ""), origin.get(name, {}).get("survivorship_rule", ""))
            for name, value in golden.items()
            if value is not None and name != "customer_id"
        ],
    )
    if card["overrides"]:
        print_table(
            "Overrides",
            ("override", "state", "action", "attribute", "about", "by", "reason"),
            [
                (o["override_id"], o["state"], o["action"], o["attribute"], o["anchor_record_key"], o["created_by"], o["reason"])
                for o in card["overrides"]
            ],
        )
    if card["conflicts"]:
        print_table(
            "Sources disagree",
            ("attribute", "value", "golden", "said by"),
            [
                (c["attribute"], said["value"], said["is_winner"], said["record_keys"])
                for c in card["conflicts"]
                for said in c["candidates"]
            ],
        )
    if card["former_ids"]:
        typer.echo(f"former IDs: {', '.join(card['former_ids'])}")
    print_table(
        "Source records",
        ("record", "linked by", "probability", "since"),
        [(r["record_key"], r["link_reason"], r["match_probability"], r["valid_from"]) for r in card["records"]],
    )
    if card["timeline"]:
        print_table(
            "Timeline",
            ("at", "what", "key", "status", "amount", "currency"),
            [(e["occurred_at"], e["kind"], e["fact_key"], e["status"], e["amount"], e["currency"] or "") for e in card["timeline"]],
            right=("amount",),
        )


@app.command()
def explain(
    left: Annotated[str, typer.Argument(help="a record key, source:stream:id")],
    right: Annotated[str, typer.Argument(help="another one")],
    chart: ChartOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why two source records are, or are not, one customer: the match weight of each comparison."""
    from hub.identity import explain as explain_pair
    from warehouse.connection import published

    with opened(config) as hub, published(hub.config.warehouse) as con:
        found = explain_pair(con, "identity", left, right, unique=hub.config.identity.unique)
    if chart is not None:
        from pipelines.charts import pair_chart

        pair_chart(found, chart)
    if as_json:
        import dataclasses

        print_json(dataclasses.asdict(found))
    else:
        _print_explanation(found)


def _print_explanation(found: Explanation) -> None:
    print_table(
        f"{found.record_key_l}  and  {found.record_key_r}",
        ("comparison", "level", "m", "u", "weight (log2)"),
        [
            ("prior", "", None, None, found.prior_weight),
            *((c.comparison, c.level, c.m, c.u, c.weight) for c in found.comparisons),
            ("other explanations", "", None, None, found.other_explanations),
            ("total", "", None, None, found.match_weight),
        ],
        right=("m", "u", "weight (log2)"),
    )
    typer.echo(
        f"posterior probability of a match {found.match_probability:.4f}; the likeliest other explanation is {found.alternative}"
    )
    typer.echo(f"blocked together by: {', '.join(found.blocking_rules) or 'no rule, so they were never compared'}")
    for doubt in found.doubts:
        typer.echo(f"{'never one customer' if doubt.forbids else 'not one customer by this pair alone'}: {doubt.because}")
    if found.learnt is not None:
        typer.echo(f"{found.decision} was learnt from a steward's answers: {found.learnt}")
    elif found.decision:
        typer.echo(f"a steward decided {found.decision}")
    if found.same_customer:
        typer.echo(f"one customer, {found.customer_id_l}")
        for step in found.path:
            weight = "" if step.match_weight is None else f", weight {step.match_weight:.1f}"
            typer.echo(f"  {step.record_key_l} to {step.record_key_r} ({step.how}{weight})")
    else:
        typer.echo(f"two customers, {found.customer_id_l} and {found.customer_id_r}")
        for identifier in found.kept_apart_by:
            typer.echo(f"kept apart: {identifier} contradicts")
        for pair in found.kept_apart_through:
            typer.echo(f"kept apart through {pair.record_key_l} and {pair.record_key_r}: {pair.because}")


class ExportFormat(StrEnum):
    """What files an export is made of."""

    parquet = "parquet"
    csv = "csv"


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="a folder that is new or empty")],
    form: Annotated[ExportFormat, typer.Option("--format", help="what to write")] = ExportFormat.parquet,
    tables: Annotated[
        list[str] | None, typer.Option("--tables", help="tables or views, separated by commas; all without", show_default=False)
    ] = None,
    schema: Annotated[str, typer.Option("--schema", help="golden, identity, quality or ops")] = "golden",
    safe_csv: Annotated[
        bool, typer.Option("--safe-csv", help="put ' before text that a spreadsheet would run as a formula, such as +44 20 ...")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="who exports; without, the user of this machine", show_default=False)
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write tables of the published load to a folder, with a manifest of load, rows and SHA-256. Noted in the audit log."""
    import getpass

    from pipelines.export import ExportOptions, export
    from warehouse.control import utcnow

    names = tuple(name.strip() for given in tables or () for name in given.split(",") if name.strip())
    with opened(config) as hub:
        options = ExportOptions(folder, form.value, names, schema, safe_csv)
        manifest = export(hub, options, actor=by or getpass.getuser(), now=utcnow())
    if as_json:
        print_json(manifest)
        return
    print_table(
        f"Load {manifest['load_id']} is in {folder}",
        ("table", "file", "rows", "bytes"),
        [(file["table"], file["file"], file["rows"], file["bytes"]) for file in manifest["tables"]],
        right=("rows", "bytes"),
    )
