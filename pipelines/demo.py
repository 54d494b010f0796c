"""`make demo`: starts the vendor sandbox, syncs it, says how well customers were found, stops it. Run again, it is the next day."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import typer

from connectors.sandbox import SandboxHandle, running
from hub.contract.errors import HubError
from pipelines.accuracy import evaluate_truth
from pipelines.cli.operate import failed_checks, print_sync
from pipelines.cli.render import progress
from pipelines.config import load_config
from pipelines.context import Hub
from pipelines.report import live_checks
from pipelines.runner import SyncOutcome, run_sync
from pipelines.source_runs import SyncOptions
from warehouse.publish import live_load

PEOPLE, SEED = 5000, 1
_QUERY = "SELECT full_name, email, source_systems, orders, open_tickets FROM golden.customer_360 ORDER BY orders DESC LIMIT 5"


def main() -> None:
    """Run the demo from the folder that holds hub.yaml."""
    try:
        sys.exit(demo())
    except HubError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


def demo() -> int:
    """One day of the demo; returns the exit code of its sync."""
    root = Path.cwd()
    with running(seed=SEED, people=PEOPLE, state_dir=root / "var" / "sandbox") as sandbox:
        os.environ["HUB_SANDBOX_URL"] = sandbox.base_url
        hub = Hub(load_config(root / "hub.yaml"))
        try:
            return _day(hub, sandbox)
        finally:
            hub.close()


def _day(hub: Hub, sandbox: SandboxHandle) -> int:
    if live_load(hub.config.warehouse) is not None and not sandbox.advance(1)["advanced"]:
        typer.echo("the sandbox has caught up with today; its next day comes tomorrow, so nothing new is to be expected")
    day = sandbox.state()["day"]
    typer.echo(f"Day {day}: syncing Stripe, Shopify, Zendesk and Google Ads from the sandbox at {sandbox.base_url}")
    started = time.monotonic()
    with progress(True) as notice:
        outcome = run_sync(hub, SyncOptions(), notice)
    print_sync(outcome, failed_checks(hub, outcome.load))
    typer.echo(f"synced in {time.monotonic() - started:.0f} s")
    if live_load(hub.config.warehouse) is not None:
        _report(hub, sandbox, outcome)
    return outcome.exit_code


def _report(hub: Hub, sandbox: SandboxHandle, outcome: SyncOutcome) -> None:
    truth = hub.config.root / "var" / "truth.csv"
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(sandbox.truth())
    found = evaluate_truth(hub, truth)
    typer.echo(
        f"against the truth: {found['records']:,} records of {found['entities']:,} people and companies, pairwise precision"
        f" {found['precision']:.3f}, recall {found['recall']:.3f}; largest customer {found['largest_cluster']} records"
    )
    passed, failed = live_checks(hub)
    if outcome.action in ("published", "unchanged"):
        warned = f", warnings: {', '.join(failed)}" if failed else ""
        typer.echo(f"gate: pass ({passed} checks passed{warned})")
    typer.echo("\nThe golden customer table is in data/golden.duckdb. Ask it something:\n")
    typer.echo(
        f"""  .venv/bin/python -c "import duckdb; duckdb.connect('data/golden.duckdb', read_only=True).sql('{_QUERY}').show()"\n"""
    )
    typer.echo("Next: make demo again for the next day, make dev for the Dagster UI, .venv/bin/hub --help for the rest.")


if __name__ == "__main__":
    main()
