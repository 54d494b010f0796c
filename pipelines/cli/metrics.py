"""The command that tells figures to a monitoring system: metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.app import ConfigOption, app, opened


@app.command()
def metrics(
    file: Annotated[
        Path | None, typer.Option("--file", help="write it there, whole or not at all, for node_exporter's textfile collector")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Figures of the syncs, the gate and the published load as OpenMetrics text, for Prometheus. Works while a sync runs."""
    from pipelines.metrics import metrics_text, write_metrics

    with opened(config) as hub:
        if file is None:
            typer.echo(metrics_text(hub), nl=False)
        else:
            write_metrics(hub, file)
