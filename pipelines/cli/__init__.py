"""The `hub` command. Commands only ask, call steps and print; what they do is done elsewhere."""

from __future__ import annotations

from pipelines.cli.app import main

__all__ = ["main"]
