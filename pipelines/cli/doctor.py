"""The command that looks whether all is well: doctor."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipelines.cli.app import ConfigOption, JsonOption, app, opened
from pipelines.cli.render import print_json


@app.command()
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at everything the hub keeps; say what is wrong, where, and the command that mends it. Changes nothing.

    Exit codes: 0 nothing is wrong (warnings do not count), 1 there is an error. Works while a sync runs.
    """
    from pipelines.doctor import examine

    with opened(config) as hub:
        found = examine(hub)
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            typer.echo(f"{finding.severity:<8} {finding.check:<15} {finding.where}: {finding.what}")
            if finding.remedy:
                typer.echo(f"{'':<8} {'do:':>15} {finding.remedy}")
        counted = {severity: sum(finding.severity == severity for finding in found) for severity in ("error", "warning")}
        typer.echo(f"{counted['error']} errors, {counted['warning']} warnings, {len(found)} things looked at")
    raise typer.Exit(1 if any(finding.severity == "error" for finding in found) else 0)
