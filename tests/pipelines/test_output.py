"""What commands print of the sources' values is text: no markup, no escape sequences."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from pipelines.cli import app as under_test
from pipelines.cli.render import Shown, print_json, print_table

HOSTILE = "\x1b]0;owned\x07[/red] [link=http://evil.example]click[/link] \x9b2J \u202e [bold]x \ud800"


def test_a_table_shows_values_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", ("name", "n"), [(HOSTILE, 1)], right=("n",))
    assert (
        "\\u001b]0;owned\\u0007[/red] [link=http://evil.example]click[/link] \\u009b2J \\u202e [bold]x" in capsys.readouterr().out
    )


def test_whatever_a_command_prints_is_shown_and_not_obeyed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @under_test.app.command("say-it")
    def say_it() -> None:
        typer.echo(HOSTILE)
        print_json({"said": HOSTILE})

    try:
        monkeypatch.setattr(sys, "argv", ["hub", "say-it"])
        with pytest.raises(SystemExit) as ended:
            under_test.main()
    finally:
        under_test.app.registered_commands.pop()
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.count("owned") == 2
    assert not [c for c in out if not c.isprintable() and c != "\n"]


def test_colours_of_our_own_still_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", Shown(terminal))
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_table("Title", ("name",), [("\x1b[31mred",)])
    assert "\x1b[1mTitle" in terminal.getvalue()
    assert "\x1b[31mred" not in terminal.getvalue()
