"""Commands to begin with: init, check, sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from connectors import versions
from hub.contract.errors import ConfigError, HubError
from hub.golden import check_rates
from pipelines.cli.alerts import print_channels
from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json, print_table
from pipelines.rates import read_rates


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="where to write hub.yaml and .env.example")]) -> None:
    """Write a commented hub.yaml, its JSON Schema for editors, and .env.example to start from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, template in (("hub.yaml", "init.hub.yaml"), (".env.example", "init.env.txt"), ("hub.schema.json", "hub.schema.json")):
        target = folder / name
        if target.exists():
            raise ConfigError(f"{target} is already there", remedy="name another folder, or remove it first")
        target.write_text(files("pipelines").joinpath(template).read_text())
        typer.echo(f"wrote {target}")
    typer.echo(f"next: edit {folder / 'hub.yaml'}, copy .env.example to .env and fill it in, then run hub check")


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate hub.yaml and its file of rates, and try each source's and target's credentials with one cheap call; channels
    of alerts as far as that sends nothing.

    Exit code 1 if one fails.
    """
    with opened(config) as hub:
        rates = read_rates(hub.config.reporting)
        if rates is not None:
            check_rates(rates)
        if hub.config.gate.expectations or hub.config.gate.python:
            from pipelines.own_expectations import verified

            verified(hub.config.gate)
        rows = []
        for name in hub.config.enabled():
            connector = hub.config.connector(name)
            try:
                said = [connector.check(), versions.warning(connector.type_name, datetime.now(UTC).date())]
                says = "; ".join(text for text in said if text)
                rows.append({"source": name, "type": connector.type_name, "ok": True, "says": says})
            except HubError as error:
                rows.append({"source": name, "type": connector.type_name, "ok": False, "says": str(error)})
            finally:
                connector.close()
        targets = []
        if hub.config.publish:
            from pipelines.targets import check_targets

            targets = check_targets(hub)
        channels = []
        if hub.config.alerts.channels:
            from pipelines.alerts.trying import check_channels

            channels = check_channels(hub)
    if as_json:
        print_json([*rows, *targets, *channels])
    else:
        print_table("Sources", ("source", "type", "ok", "says"), [(r["source"], r["type"], r["ok"], r["says"]) for r in rows])
        if targets:
            print_table("Targets", ("target", "ok", "says"), [(r["target"], r["ok"], r["says"]) for r in targets])
        if channels:
            print_channels(channels)
    raise typer.Exit(0 if all(row["ok"] for row in [*rows, *targets, *channels]) else 1)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="port")] = 8377,
    people: Annotated[int, typer.Option(min=10, help="people in the population")] = 5000,
    seed: Annotated[int, typer.Option(help="the same seed gives the same world")] = 1,
    state: Annotated[Path, typer.Option(help="folder that keeps the world between starts")] = Path("var/sandbox"),
) -> None:
    """Serve the vendor sandbox on loopback, until stopped: eight vendors' protocols over one population."""
    from connectors.sandbox import serve
    from connectors.sandbox.systems import systems

    def ready(base_url: str) -> None:
        vendors = ("stripe", "zendesk", "shopify", "google_ads", *(system.name for system in systems()))
        typer.echo(
            f"the sandbox is at {base_url} (base_url of a source: {base_url}/VENDOR, for {', '.join(vendors)}); Ctrl-C ends it"
        )

    serve("127.0.0.1", port, seed=seed, people=people, state_dir=state, on_ready=ready)
