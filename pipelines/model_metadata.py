"""What the asset identity/customer_xref tells of the model: a table of match weights, and their chart when a model was made.

Only names of levels, never a value of anybody, since the event log keeps it.
"""

from __future__ import annotations

import base64
from io import BytesIO

import dagster as dg

from hub.identity import ModelCard, model_card
from pipelines.charts import draw_model
from pipelines.context import Hub
from warehouse.connection import writer


def model_metadata(hub: Hub, *, made: bool) -> dict[str, dg.MetadataValue]:
    """Metadata for the candidate's model.

    Args:
        made: in this load; a chart weighs 70 kB, too much to keep with every load that only uses a model, or the defaults.
    """
    with writer(hub.config.warehouse) as con:
        card = model_card(con, "identity")
    found: dict[str, dg.MetadataValue] = {"match_weights": dg.MetadataValue.md(weights_table(card))}
    if made and card.origin == "trained":
        found["match_weights_chart"] = dg.MetadataValue.md(f"![match weights]({_data_uri(card)})")
    return found


def weights_table(card: ModelCard) -> str:
    """The match weights as a Markdown table."""
    rows = [f"| {w.comparison} | {w.level} | {w.weight:+.1f} | {w.household:+.1f} | {w.workplace:+.1f} |" for w in card.levels]
    head = f"Model {card.version} ({card.origin}), weights in bits: for one customer against strangers, a household, a workplace"
    return "\n".join([head, "", "| comparison | level | strangers | household | workplace |", "|---|---|--:|--:|--:|", *rows])


def _data_uri(card: ModelCard) -> str:
    drawn = BytesIO()
    draw_model(card, drawn, "svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"
