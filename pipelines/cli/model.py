"""Commands that judge the linkage of the published load: model, evaluate. They work while a sync runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import ChartOption, ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table

if TYPE_CHECKING:
    from hub.identity import BlockingAnalysis, ModelCard
    from pipelines.context import Hub


@app.command()
def model(
    version: Annotated[str | None, typer.Argument(help="a version to show; else the newest", show_default=False)] = None,
    chart: ChartOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The models of the linkage, and how much each level of each comparison weighs in one of them."""
    from hub.identity import model_card, model_cards
    from warehouse.connection import published

    with opened(config) as hub, published(hub.config.warehouse) as con:
        shown, cards = model_card(con, "identity", version), model_cards(con, "identity")
    if chart is not None:
        from pipelines.charts import model_chart

        model_chart(shown, chart)
    if as_json:
        print_json({"versions": [_summary(card) for card in cards], "shown": dataclasses.asdict(shown)})
    else:
        _print_models(cards, shown)


def _summary(card: ModelCard) -> dict[str, object]:
    return {f.name: getattr(card, f.name) for f in dataclasses.fields(card) if f.name != "levels"}


def _print_models(cards: tuple[ModelCard, ...], shown: ModelCard) -> None:
    newest = cards[0].version
    print_table(
        "Models",
        ("version", "origin", "made", "records", "in use", "notes"),
        [(c.version, c.origin, c.trained_at, c.trained_records, c.version == newest and c.readable, _said(c)) for c in cards],
        right=("records",),
    )
    print_table(
        f"Match weights of {shown.version}: bits for one customer and against",
        ("comparison", "level", "m", "u", "strangers", "household", "workplace"),
        [(w.comparison, w.level, w.m, w.u, f"{w.weight:+.1f}", f"{w.household:+.1f}", f"{w.workplace:+.1f}") for w in shown.levels],
        right=("m", "u", "strangers", "household", "workplace"),
    )


def _said(card: ModelCard) -> str:
    said = [f"{name.replace('_', ' ')} {value}" for name, value in card.notes.items()]
    return ", ".join([*said, *([] if card.readable else ["made for other comparisons"])])


@app.command()
def evaluate(
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", help="CSV or Parquet with source_system, source_record_id, entity_id (and stream)", show_default=False
        ),
    ] = None,
    blocking: Annotated[
        bool, typer.Option("--blocking", help="what each blocking rule costs and, given a truth, finds; with hub.yaml's settings")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the published crosswalk with a known truth: pairwise and B-cubed precision, recall, F1. Or analyse its blocking."""
    from hub.contract.errors import ConfigError

    with opened(config) as hub:
        if blocking:
            _blocking(hub, truth, as_json)
        elif truth is None:
            raise ConfigError("nothing to evaluate", field="--truth", remedy="give a truth file, or --blocking")
        else:
            _accuracy(hub, truth, as_json)


def _accuracy(hub: Hub, truth: Path, as_json: bool) -> None:
    from pipelines.accuracy import evaluate_truth

    found = evaluate_truth(hub, truth)
    if as_json:
        print_json(found)
        return
    print_table(
        f"Accuracy on {found['records']:,} records of {found['entities']:,} entities",
        ("measure", "precision", "recall", "F1"),
        [
            (name, *(f"{found[prefix + part]:.4f}" for part in ("precision", "recall", "f1")))
            for name, prefix in (("pairwise", ""), ("B-cubed", "bcubed_"))
        ],
        right=("precision", "recall", "F1"),
    )
    typer.echo(
        f"largest customer {found['largest_cluster']} records, largest entity {found['largest_entity']};"
        f" {found['missing']:,} records of the truth are not in the crosswalk,"
        f" {found['elsewhere']:,} are of sources this hub does not have"
    )


def _blocking(hub: Hub, truth: Path | None, as_json: bool) -> None:
    from pipelines.accuracy import analyse

    found = analyse(hub, truth)
    if as_json:
        rates = [{**dataclasses.asdict(rule), "cost": rule.cost} for rule in found.rules]
        print_json({**dataclasses.asdict(found), "rules": rates, "recall": found.recall})
        return
    _print_rules(found)
    if found.capped:
        print_table(
            "Values that bring nothing together, masked",
            ("rule", "value", "shared by", "why"),
            [(c.rule, c.value, c.nodes, c.reason) for c in found.capped],
            right=("shared by",),
        )
    if found.recall is not None:
        print_table(
            "True pairs that no rule finds",
            ("agree on", "why", "pairs"),
            [(", ".join(m.agree_on) or "nothing", m.reason, m.pairs) for m in found.missed[:15]],
            right=("pairs",),
        )
        typer.echo(
            f"of {found.true_pairs:,} true pairs {found.equal_keys:,} have equal keys and {found.found:,} are compared:"
            f" recall of blocking {found.recall:.4f}"
        )


def _print_rules(found: BlockingAnalysis) -> None:
    costs = ("keys", "largest", "capped", "pairs", "only its", "so far")
    finds = ("true", "true only its", "true so far", "pairs per true") if found.recall is not None else ()
    rows = []
    for rule in found.rules:
        row = [rule.name, rule.loose, rule.keys, rule.largest, rule.capped, rule.pairs, rule.only, rule.so_far]
        rows.append([*row, *([rule.true_pairs, rule.true_only, rule.true_so_far, rule.cost] if finds else [])])
    print_table(
        f"Blocking: {found.nodes:,} distinct records of {found.records:,}, {found.pairs:,} pairs to compare",
        ("rule", "loose", *costs, *finds),
        rows,
        right=(*costs, *finds),
    )
