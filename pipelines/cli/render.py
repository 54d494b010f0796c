"""How commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO

import typer

from hub.contract.printable import printable


def print_json(value: Any) -> None:
    """Print JSON: times as ISO 8601 UTC, decimals as text so that no digit is lost."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + ("Z" if value.tzinfo is None else "")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, tuple)):
        return list(value)
    return str(value)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """Print a table; columns named in `right` are aligned to the right, as numbers are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # into a file or a pipe nothing is wrapped, so that lines stay lines
    console = Console(file=_own(sys.stdout), width=None if sys.stdout.isatty() else 1000)
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell(value))) for value in row))  # rich would take [words] of a plain str for its markup
    console.print(table)


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{cell(amount)} {key}" for key, amount in value.items())
    return str(value)


class Shown:
    """A stream that shows values and obeys none: what `printable` writes out stands in them as text.

    All that commands print goes through one, whoever prints it, so that no command can forget it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """See `TextIO`."""
        return self.stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _own(stream: Any) -> Any:
    """The stream below, for rich, whose colours and links are ours."""
    return stream.stream if isinstance(stream, Shown) else stream


@contextmanager
def progress(enabled: bool) -> Iterator[Any]:
    """Says on standard error what is under way: a spinner on a terminal, plain lines elsewhere. Yields the function to tell."""
    from rich.console import Console

    console = Console(stderr=True)
    if not enabled:
        yield lambda text: None
    elif console.is_terminal:
        with console.status("starting") as status:
            yield lambda text: status.update(text)
    else:
        yield lambda text: console.print(f"{text} ...", highlight=False)
